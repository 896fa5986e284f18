//! Seats: held + sold ≤ capacity in every slot, always (R8).

use crate::{
    definition::Slot,
    ids::SlotId,
    mutants::{Mutant, on},
    outcome::{Hold, Refusal},
};

/// The seats of one slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotSeats {
    pub id: SlotId,
    pub capacity: u32,
    pub held: u32,
    pub sold: u32,
}

impl SlotSeats {
    pub fn taken(&self) -> u32 {
        self.held + self.sold
    }

    pub fn remaining(&self) -> u32 {
        self.capacity.saturating_sub(self.taken())
    }
}

/// The seats of all slots, in the definition's order.
#[derive(Debug, Clone, Default)]
pub struct Seats {
    slots: Vec<SlotSeats>,
}

impl Seats {
    pub fn slots(&self) -> &[SlotSeats] {
        &self.slots
    }

    /// Seats that nobody holds or has bought.
    pub fn remaining(&self) -> u64 {
        self.slots.iter().map(|slot| u64::from(slot.remaining())).sum()
    }

    /// Takes new slots and capacities, all or nothing.
    pub(crate) fn define(&mut self, slots: &[Slot]) -> Result<(), Refusal> {
        let kept = |old: &SlotSeats| {
            let capacity = slots.iter().find(|new| new.id == old.id).map_or(0, |new| new.capacity);
            old.taken() <= capacity
        };
        if !self.slots.iter().all(kept) && !on(Mutant::CapacityCutUnchecked) {
            return Err(Refusal::CapacityBelowSold);
        }
        let taken = |id: &SlotId| self.find(id).map_or((0, 0), |slot| (slot.held, slot.sold));
        let build = |slot: &Slot| {
            let (held, sold) = taken(&slot.id);
            SlotSeats { id: slot.id.clone(), capacity: slot.capacity, held, sold }
        };
        self.slots = slots.iter().map(build).collect();
        Ok(())
    }

    /// Holds seats; `old` is given back in the same step, or kept when it can't be done.
    pub(crate) fn hold(
        &mut self,
        slot: &SlotId,
        seats: u32,
        old: Option<&Hold>,
    ) -> Result<(), Refusal> {
        let own = old.filter(|old| old.slot == *slot).map_or(0, |old| old.seats);
        let wanted = self.find_mut(slot).ok_or(Refusal::UnknownSlot)?;
        if wanted.remaining() + own < seats && !on(Mutant::CapacityUnchecked) {
            return Err(Refusal::NotEnoughSeats);
        }
        wanted.held += seats;
        match old {
            Some(_) if on(Mutant::SwapKeepsOld) => {}
            Some(old) => self.release(old),
            None => {}
        }
        Ok(())
    }

    pub(crate) fn release(&mut self, hold: &Hold) {
        self.expect(&hold.slot).held -= hold.seats;
    }

    pub(crate) fn sell(&mut self, hold: &Hold) {
        let slot = self.expect(&hold.slot);
        slot.held -= hold.seats;
        slot.sold += hold.seats;
    }

    pub(crate) fn give_back(&mut self, slot: &SlotId, seats: u32) {
        if on(Mutant::CancelKeepsSeats) {
            return;
        }
        self.expect(slot).sold -= seats;
    }

    fn find(&self, id: &SlotId) -> Option<&SlotSeats> {
        self.slots.iter().find(|slot| slot.id == *id)
    }

    fn find_mut(&mut self, id: &SlotId) -> Option<&mut SlotSeats> {
        self.slots.iter_mut().find(|slot| slot.id == *id)
    }

    /// A slot with seats held or sold is never taken out of the definition.
    fn expect(&mut self, id: &SlotId) -> &mut SlotSeats {
        self.find_mut(id).expect("a slot that has seats held or sold exists")
    }
}
