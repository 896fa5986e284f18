//! One ticket, and what can be told of it.

use crate::Place;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    #[default]
    Waiting,
    Admitted,
    Inside,
    Holding,
    Booked,
    Left,
    Expired,
    Cancelled,
}

impl Phase {
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Admitted => "admitted",
            Self::Inside => "inside",
            Self::Holding => "holding",
            Self::Booked => "booked",
            Self::Left => "left",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    pub fn ended(self) -> bool {
        matches!(self, Self::Left | Self::Expired | Self::Cancelled)
    }
}

/// Seats kept until `until` (event time).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    pub slot: String,
    pub seats: u32,
    pub until: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booking {
    pub id: Place,
    pub slot: String,
    pub seats: u32,
    pub reference: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Person {
    pub id: String,
    pub phase: Phase,
    pub attempt: u16,
    /// End of the claim, later of the window (event time).
    pub until: u64,
    pub entered: bool,
    pub hold: Option<Hold>,
    pub hold_ran_out: bool,
    pub booking: Option<Booking>,
    /// The last numbered command and its answer.
    pub last: Option<(u32, Outcome)>,
    pub next: Option<String>,
}

impl Person {
    pub fn new(id: String) -> Self {
        Self { id, ..Self::default() }
    }

    /// When time ends what this person is doing.
    pub fn deadline(&self) -> Option<u64> {
        match self.phase {
            Phase::Admitted | Phase::Inside => Some(self.until),
            Phase::Holding => self.hold.as_ref().map(|hold| hold.until),
            _ => None,
        }
    }
}

/// What happened. Times are event time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Waiting(u32),
    Admitted(u64),
    Inside(u64),
    Held(Hold),
    /// The window's end; whether the hold's time was over.
    Released(u64, bool),
    Booked(Booking),
    Cancelled,
    Left,
    Expired,
    Followed(String),
    /// The code, and the current number of `stale_seq`.
    Refused(String, Option<u32>),
    Operated(String),
    Owned(u64),
}

pub(crate) fn refused(code: &str) -> Outcome {
    Outcome::Refused(code.to_owned(), None)
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The command that it answers.
    pub place: Option<Place>,
    pub ticket: Option<String>,
    pub seq: Option<u32>,
    pub outcome: Outcome,
}

impl Told {
    pub(crate) fn of_event(place: Option<Place>, outcome: Outcome) -> Self {
        Self { place, ticket: None, seq: None, outcome }
    }

    pub(crate) fn of_time(ticket: &str, outcome: Outcome) -> Self {
        Self { place: None, ticket: Some(ticket.to_owned()), seq: None, outcome }
    }
}
