//! Seats, counted anew from the people each time.

use crate::{Definition, Oracle, Slot};

impl Oracle {
    /// Held and sold seats of a slot.
    pub fn taken(&self, slot: &str) -> (u32, u32) {
        let holds = self.people.iter().filter_map(|person| person.hold.as_ref());
        let held = holds.filter(|hold| hold.slot == slot).map(|hold| hold.seats).sum();
        let bookings = self.people.iter().filter_map(|person| person.booking.as_ref());
        let sold = bookings.filter(|booking| booking.slot == slot).map(|b| b.seats).sum();
        (held, sold)
    }

    pub fn slots(&self) -> &[Slot] {
        self.definition.as_ref().map_or(&[], |definition| &definition.slots)
    }

    pub(crate) fn remaining(&self, slot: &Slot) -> u32 {
        let (held, sold) = self.taken(&slot.id);
        slot.capacity.saturating_sub(held + sold)
    }

    /// Seats that nobody holds or has bought.
    pub fn free(&self) -> u32 {
        self.slots().iter().map(|slot| self.remaining(slot)).sum()
    }

    /// Every slot keeps room for what is taken.
    pub(crate) fn fits(&self, new: &Definition) -> bool {
        self.slots().iter().all(|old| {
            let (held, sold) = self.taken(&old.id);
            let capacity =
                new.slots.iter().find(|slot| slot.id == old.id).map_or(0, |s| s.capacity);
            held + sold <= capacity
        })
    }
}
