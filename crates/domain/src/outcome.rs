//! What became of commands and of passing time.

use std::sync::Arc;

use crate::ids::{Address, Epoch, Millis, SlotId, TicketId};

/// The life of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum EventState {
    #[default]
    Draft,
    Prequeue,
    Open,
    Paused,
    Closed,
    Archived,
}

impl EventState {
    /// Takes joins.
    pub fn joinable(self) -> bool {
        matches!(self, Self::Prequeue | Self::Open | Self::Paused)
    }

    /// Those inside can enter and hold.
    pub fn serving(self) -> bool {
        matches!(self, Self::Open | Self::Paused)
    }
}

/// Why a command changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    EventNotOpen,
    EventArchived,
    LineFull,
    NoTicket,
    TicketNotEnded,
    TicketEnded,
    NotAdmitted,
    NotInside,
    TurnExpired,
    WindowOver,
    UnknownSlot,
    BadSeats,
    NotEnoughSeats,
    NoHold,
    HoldExpired,
    AlreadyBooked,
    NoBooking,
    StaleSeq { current: u32 },
    CapacityBelowSold,
    WrongState,
    DefinitionInvalid,
}

/// Seats set aside for a ticket until `until`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    pub slot: SlotId,
    pub seats: u32,
    pub until: Millis,
}

/// A completed reservation; its number is the address of the command that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booking {
    pub id: Address,
    pub slot: SlotId,
    pub seats: u32,
    pub reference: Option<Arc<str>>,
}

/// What happened to one ticket, or to the event. Times are event time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// In line (again: the same answer).
    Waiting {
        position: u32,
    },
    Admitted {
        until: Millis,
    },
    Inside {
        until: Millis,
    },
    Held {
        hold: Hold,
    },
    /// Back inside without seats; `ran_out`: the hold's time was over.
    Released {
        until: Millis,
        ran_out: bool,
    },
    Booked {
        booking: Booking,
    },
    Cancelled,
    Left,
    /// The turn or the window passed.
    Expired,
    /// The shopper joined again: `next` is the ticket that counts from now on.
    Followed {
        next: TicketId,
    },
    Refused {
        refusal: Refusal,
    },
    /// The event's state or definition changed, or was asked for again.
    Operated {
        state: EventState,
    },
    /// The event has a new owner.
    Owned {
        epoch: Epoch,
    },
}

/// An outcome, whom it concerns and which command it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The command that it answers; `None` when time did it.
    pub address: Option<Address>,
    pub ticket: Option<TicketId>,
    pub seq: Option<u32>,
    /// `false`: the answer of before, told again; nothing changed, only who asked needs it.
    pub fresh: bool,
    pub outcome: Outcome,
}
