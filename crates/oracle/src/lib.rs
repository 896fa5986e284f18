//! What a log means, told a second time: a slow and simple model that shares no code with the
//! product. It reads the records by itself and remembers everything, so that it can say what was
//! true at any offset.
//!
//! Where the product keeps counters, sets and indices, this one looks through everybody each time.

mod admission;
mod commands;
mod definition;
mod history;
mod person;
mod record;
mod seats;

pub use definition::{Admission, Definition, Slot};
pub use history::{Clock, Shared};
pub use person::{Booking, Hold, Outcome, Person, Phase, Told};

/// Longest step of event time by one record, in milliseconds.
const STEP_MAX_MS: u64 = 2_000;

/// The states of an event, in the order in which it goes through them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum State {
    #[default]
    Draft,
    Prequeue,
    Open,
    Paused,
    Closed,
    Archived,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Prequeue => "prequeue",
            Self::Open => "open",
            Self::Paused => "paused",
            Self::Closed => "closed",
            Self::Archived => "archived",
        }
    }
}

/// Where a command stands: the record's offset, its index there.
pub type Place = (u64, u16);

/// The model, as far as it has read.
#[derive(Debug, Clone, Default)]
pub struct Oracle {
    /// The offset that the next record has at least.
    pub next: u64,
    pub epoch: u64,
    pub clock: Clock,
    pub state: State,
    pub definition: Option<Definition>,
    /// Everyone who ever joined; position = index + 1.
    pub people: Vec<Person>,
    /// Of a person let in, in 1/60,000.
    credit: u64,
    history: history::History,
}

impl Oracle {
    /// Reads one record. Records come in the order of their offsets.
    pub fn read(&mut self, offset: u64, at: u64, bytes: &[u8]) {
        if offset < self.next {
            return;
        }
        self.next = offset + 1;
        let elapsed = self.clock.advance(at);
        let mut told = Vec::new();
        self.open_and_close(&mut told);
        self.earn(elapsed);
        self.run_out(&mut told);
        for (index, row) in record::rows(bytes).iter().enumerate() {
            self.command((offset, index as u16), row, &mut told);
        }
        self.let_in(&mut told);
        self.remember(offset, told);
    }

    /// The largest position such that nobody at or below it waits.
    pub fn serving(&self) -> u32 {
        let first = self.people.iter().position(|person| person.phase == Phase::Waiting);
        first.unwrap_or(self.people.len()) as u32
    }

    pub fn count(&self, phase: Phase) -> u32 {
        self.people.iter().filter(|person| person.phase == phase).count() as u32
    }

    pub fn find(&self, id: &str) -> Option<usize> {
        self.people.iter().position(|person| person.id == id)
    }

    /// The latest attempt of whoever holds this ticket.
    pub fn latest(&self, id: &str) -> Option<usize> {
        let mut at = self.find(id)?;
        while let Some(next) = &self.people[at].next {
            at = self.find(next)?;
        }
        Some(at)
    }

    /// Times of the definition compare with the record's own time.
    fn open_and_close(&mut self, told: &mut Vec<Told>) {
        let Some(definition) = &self.definition else { return };
        let due = |time: Option<u64>| time.is_some_and(|time| time <= self.clock.record);
        let before = self.state;
        if self.state == State::Draft && due(definition.prequeue_at) {
            self.state = State::Prequeue;
        }
        if self.state <= State::Prequeue && due(definition.opens_at) {
            self.state = State::Open;
        }
        if self.state < State::Closed && due(definition.closes_at) {
            self.state = State::Closed;
        }
        if self.state != before {
            told.push(Told::of_event(None, Outcome::Operated(self.state.name().to_owned())));
        }
    }
}
