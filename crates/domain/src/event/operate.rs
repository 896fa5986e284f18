//! What operators do: define, edit, open, pause, resume, close, archive.

use super::Event;
use crate::{
    command::Operation,
    definition::{AdmissionRules, Definition},
    ids::{Address, SlotId},
    outcome::{EventState, Outcome, Refusal},
    ticket::Phase,
};

type Answer = Result<Outcome, Refusal>;

impl Event {
    pub(super) fn operate(&mut self, address: Address, operation: &Operation) -> Answer {
        if self.state == EventState::Archived && *operation != Operation::Archive {
            return Err(Refusal::EventArchived);
        }
        if self.definition.is_none() && !matches!(operation, Operation::Define { .. }) {
            return Err(Refusal::WrongState);
        }
        let before = (self.state, self.definition.clone());
        match operation {
            Operation::Define { salt, definition } => self.define(*salt, definition)?,
            Operation::Admission(rules) => self.edit(|new| new.admission = *rules)?,
            Operation::Capacity { slot, capacity } => self.set_capacity(slot, *capacity)?,
            Operation::Open => self.turn(EventState::Open)?,
            Operation::Pause => self.turn(EventState::Paused)?,
            Operation::Resume => self.resume()?,
            Operation::Close => self.turn(EventState::Closed)?,
            Operation::Archive => self.turn(EventState::Archived)?,
        }
        if before != (self.state, self.definition.clone()) {
            self.defined_at = address;
        }
        Ok(Outcome::Operated { state: self.state })
    }

    fn define(&mut self, salt: [u8; 16], definition: &Definition) -> Result<(), Refusal> {
        if self.definition.is_none() {
            definition.check().map_err(|_| Refusal::DefinitionInvalid)?;
            self.salt = salt;
            self.definition = Some(definition.clone());
            return self.seats.define(&definition.slots);
        }
        self.edit(|new| *new = definition.clone())
    }

    /// All or nothing.
    fn edit(&mut self, change: impl FnOnce(&mut Definition)) -> Result<(), Refusal> {
        let mut new = self.definition.clone().ok_or(Refusal::WrongState)?;
        change(&mut new);
        new.check().map_err(|_| Refusal::DefinitionInvalid)?;
        self.seats.define(&new.slots)?;
        self.bucket.clamp(new.admission.rate_per_min);
        self.definition = Some(new);
        Ok(())
    }

    fn set_capacity(&mut self, slot: &SlotId, capacity: u32) -> Result<(), Refusal> {
        let known = self.seats.slots().iter().any(|seats| seats.id == *slot);
        if !known {
            return Err(Refusal::UnknownSlot);
        }
        self.edit(|new| {
            new.slots.iter_mut().filter(|s| s.id == *slot).for_each(|s| s.capacity = capacity);
        })
    }

    fn resume(&mut self) -> Result<(), Refusal> {
        match self.state {
            EventState::Open => Ok(()),
            EventState::Paused => {
                self.state = EventState::Open;
                Ok(())
            }
            _ => Err(Refusal::WrongState),
        }
    }

    fn turn(&mut self, to: EventState) -> Result<(), Refusal> {
        use EventState::{Archived, Closed, Draft, Open, Paused, Prequeue};
        let allowed = match to {
            Open => matches!(self.state, Draft | Prequeue | Open),
            Paused => matches!(self.state, Open | Paused),
            Closed => self.state <= Closed,
            Archived => {
                matches!(self.state, Closed | Archived) && self.order.count(Phase::Holding) == 0
            }
            Draft | Prequeue => false,
        };
        if !allowed {
            return Err(Refusal::WrongState);
        }
        self.state = to;
        Ok(())
    }

    /// How people are let in, once defined.
    pub fn admission(&self) -> Option<AdmissionRules> {
        self.admission_rules()
    }
}
