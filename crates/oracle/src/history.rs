//! What was true at each offset.

use std::collections::BTreeMap;

use crate::{Oracle, Person, Phase, STEP_MAX_MS, Told};

/// Event time and the time of the last record, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Clock {
    pub now: u64,
    pub record: u64,
}

impl Clock {
    pub(crate) fn advance(&mut self, at: u64) -> u64 {
        if *self == Self::default() {
            *self = Self { now: at, record: at };
            return 0;
        }
        let step = at.saturating_sub(self.record).min(STEP_MAX_MS);
        *self = Self { now: self.now + step, record: at };
        step
    }

    /// A deadline of event time by the log's clock.
    pub fn expected(&self, deadline: u64) -> u64 {
        deadline.saturating_sub(self.now) + self.record
    }
}

/// What everybody may know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    pub state: &'static str,
    pub serving: u32,
    pub total: u32,
    /// Waiting, admitted, inside, holding, booked.
    pub counts: [u32; 5],
    pub sold_out: bool,
    /// Id, capacity, held, sold.
    pub slots: Vec<(String, u32, u32, u32)>,
    /// Most people let in a minute.
    pub rate: u64,
}

impl Shared {
    /// What frames say of it: state, serving, total, sold out, and the seats left of each slot.
    pub fn said(&self) -> (&'static str, u32, u32, bool, Vec<(&str, u32)>) {
        let left = |slot: &(String, u32, u32, u32)| slot.1.saturating_sub(slot.2 + slot.3);
        let slots = self.slots.iter().map(|slot| (slot.0.as_str(), left(slot))).collect();
        (self.state, self.serving, self.total, self.sold_out, slots)
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    /// By position: the person after the records below an offset.
    people: Vec<BTreeMap<u64, Person>>,
    shared: BTreeMap<u64, (Clock, Shared)>,
    told: BTreeMap<u64, Vec<Told>>,
}

impl Oracle {
    pub(crate) fn remember(&mut self, offset: u64, told: Vec<Told>) {
        let shared = self.shared();
        let history = &mut self.history;
        history.people.resize_with(self.people.len(), BTreeMap::new);
        for (person, versions) in self.people.iter().zip(&mut history.people) {
            if versions.last_key_value().is_none_or(|(_, last)| last != person) {
                versions.insert(self.next, person.clone());
            }
        }
        history.shared.insert(self.next, (self.clock, shared));
        history.told.insert(offset, told);
    }

    /// Drops the past: what was true at earlier offsets can't be asked any more.
    pub fn forget(&mut self) {
        self.history = History::default();
    }

    /// What everybody may know now.
    pub fn shared(&self) -> Shared {
        use Phase::{Admitted, Booked, Holding, Inside, Waiting};
        let slot = |slot: &crate::Slot| {
            let (held, sold) = self.taken(&slot.id);
            (slot.id.clone(), slot.capacity, held, sold)
        };
        let queue_only = self.slots().is_empty();
        Shared {
            state: self.state.name(),
            serving: self.serving(),
            total: self.people.len() as u32,
            counts: [Waiting, Admitted, Inside, Holding, Booked].map(|phase| self.count(phase)),
            sold_out: self.definition.is_some() && !queue_only && self.free() == 0,
            slots: self.slots().iter().map(slot).collect(),
            rate: self.definition.as_ref().map_or(0, |d| d.admission.rate_per_min),
        }
    }

    /// The person at a position after the records below `next`; `None`: not there yet.
    pub fn person_at(&self, position: u32, next: u64) -> Option<&Person> {
        let versions = self.history.people.get(position.checked_sub(1)? as usize)?;
        versions.range(..=next).next_back().map(|(_, person)| person)
    }

    /// Since which offset the person at a position has been as after the records below `next`.
    pub fn since(&self, position: u32, next: u64) -> Option<u64> {
        let versions = self.history.people.get(position.checked_sub(1)? as usize)?;
        versions.range(..=next).next_back().map(|(since, _)| *since)
    }

    /// Clock and shared state after the records below `next`.
    pub fn shared_at(&self, next: u64) -> Option<&(Clock, Shared)> {
        self.history.shared.range(..=next).next_back().map(|(_, shared)| shared)
    }

    /// All that was shared after the records below `next`, and since.
    pub fn shared_since(&self, next: u64) -> impl Iterator<Item = &Shared> {
        let before = self.history.shared.range(..=next).next_back();
        let later = self.history.shared.range(next.saturating_add(1)..);
        before.into_iter().chain(later).map(|(_, (_, shared))| shared)
    }

    /// What the records `from..to` brought about, in order.
    pub fn told(&self, from: u64, to: u64) -> impl Iterator<Item = &Told> {
        self.history.told.range(from..to.max(from)).flat_map(|(_, told)| told)
    }

    /// The answer to the command at a place; `None`: the log has no command there.
    pub fn answer(&self, place: crate::Place) -> Option<&Told> {
        let told = self.history.told.get(&place.0)?;
        told.iter().find(|told| told.place == Some(place))
    }
}

impl Oracle {
    /// The first offset from `from` on below which this was true of the person at a position.
    pub fn first(
        &self,
        position: u32,
        from: u64,
        mut holds: impl FnMut(&Person) -> bool,
    ) -> Option<u64> {
        if self.person_at(position, from).is_some_and(&mut holds) {
            return Some(from);
        }
        let versions = self.history.people.get(position.checked_sub(1)? as usize)?;
        let later = versions.range(from.saturating_add(1)..);
        later.into_iter().find(|(_, person)| holds(person)).map(|(since, _)| *since)
    }

    /// The first offset from `from` on below which this was told.
    pub fn first_told(&self, from: u64, mut holds: impl FnMut(&Told) -> bool) -> Option<u64> {
        let later = self.history.told.range(from.saturating_sub(1)..);
        let mut later = later.filter(|(_, told)| told.iter().any(&mut holds));
        later.next().map(|(offset, _)| offset + 1)
    }
}
