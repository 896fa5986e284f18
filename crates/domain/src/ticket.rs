//! One person's place and what they did with it.

use crate::{
    ids::{Millis, TicketId},
    outcome::{Booking, Hold, Outcome},
};

/// Where a ticket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Phase {
    Waiting,
    Admitted,
    Inside,
    Holding,
    Booked,
    Left,
    Expired,
    Cancelled,
}

/// Number of phases.
pub(crate) const PHASES: usize = 8;

impl Phase {
    /// Over for good; the shopper may join again.
    pub fn ended(self) -> bool {
        matches!(self, Self::Left | Self::Expired | Self::Cancelled)
    }
}

/// All that the line keeps of someone who only waits: 17 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    pub id: TicketId,
    pub phase: Phase,
}

/// What is kept of a ticket that did more than wait.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Detail {
    /// 0 for the first join of a shopper.
    pub attempt: u16,
    /// End of the claim while admitted, of the window once inside (event time).
    pub until: Millis,
    /// Has said "I am here".
    pub entered: bool,
    pub hold: Option<Hold>,
    /// The last hold ended because its time was over.
    pub hold_ran_out: bool,
    pub booking: Option<Booking>,
    /// The last numbered command and its answer (R6).
    pub last: Option<Last>,
    /// The ticket of the attempt after this one.
    pub next: Option<TicketId>,
}

/// The answer to the last numbered command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Last {
    pub seq: u32,
    pub outcome: Outcome,
}
