//! What the page is made of. Times are milliseconds since the Unix epoch.

use super::lang::Texts;

/// Everything a page tells.
#[derive(Debug, Clone)]
pub struct PageModel {
    /// From [`super::choose`] and the `Accept-Language` header.
    pub lang: &'static Texts,
    pub event: Event,
    pub place: Place,
    /// What to say of the last command (`?problem=CODE`).
    pub problem: Option<Problem>,
    /// Offset that the view must have passed for this shopper (`?seen=`).
    pub seen: Option<u64>,
    /// Event time, or ours while no event time is known.
    pub now: i64,
}

/// The public facts of an event.
#[derive(Debug, Clone)]
pub struct Event {
    pub id: String,
    /// Language tag and text; at least one.
    pub titles: Vec<(String, String)>,
    pub state: EventState,
    /// IANA name; an unknown one is shown as UTC.
    pub time_zone: String,
    pub opens_at: Option<i64>,
    pub return_url: Option<String>,
    pub queue_only: bool,
    pub slots: Vec<Slot>,
    pub seats_per_ticket: u32,
    /// Nobody at or below this position still waits (R7).
    pub serving: u32,
    /// Positions given so far.
    pub total: u32,
    /// People let in a minute.
    pub rate: u32,
    pub sold_out: bool,
}

/// The life of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventState {
    Draft,
    Prequeue,
    Open,
    Paused,
    Closed,
    Archived,
}

impl EventState {
    /// Its name on the wire.
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

    pub(super) fn joinable(self) -> bool {
        matches!(self, Self::Prequeue | Self::Open | Self::Paused)
    }

    pub(super) fn over(self) -> bool {
        matches!(self, Self::Closed | Self::Archived)
    }
}

/// One time slot.
#[derive(Debug, Clone)]
pub struct Slot {
    pub id: String,
    pub starts_at: i64,
    pub capacity: u32,
    /// Seats neither held nor sold; `None` while the view is unknown.
    pub remaining: Option<u32>,
}

/// What is known of the shopper's place.
#[derive(Debug, Clone)]
pub enum Place {
    /// The view can't tell: never shown as "not in line" (R5).
    Unknown,
    /// No ticket.
    None,
    Held(Ticket),
}

/// The shopper's ticket.
#[derive(Debug, Clone)]
pub struct Ticket {
    pub id: String,
    pub attempt: u32,
    pub state: TicketState,
    /// Highest `seq` the event has seen of this ticket; 0 = none.
    pub last_seq: u32,
}

/// Where a ticket stands. `until` is when the turn or the window ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TicketState {
    /// Before a draw: no position yet.
    Registered,
    Waiting {
        position: u32,
        ahead: u32,
        /// Seconds; `None` while nobody can tell.
        eta_secs: Option<u64>,
    },
    Admitted {
        until: i64,
    },
    Inside {
        until: i64,
        /// For the shop's own pages.
        pass: Option<String>,
    },
    Holding {
        hold: Hold,
        until: Option<i64>,
        pass: Option<String>,
    },
    Booked(Booking),
    Left,
    Expired,
    Cancelled,
}

impl TicketState {
    /// Its name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Waiting { .. } => "waiting",
            Self::Admitted { .. } => "admitted",
            Self::Inside { .. } => "inside",
            Self::Holding { .. } => "holding",
            Self::Booked(_) => "booked",
            Self::Left => "left",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    pub(super) fn ended(&self) -> bool {
        matches!(self, Self::Left | Self::Expired | Self::Cancelled)
    }
}

/// Seats set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    pub slot: String,
    pub seats: u32,
    pub until: i64,
}

/// A completed reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booking {
    /// The number the shopper shows at the door.
    pub number: String,
    pub slot: String,
    pub seats: u32,
    /// The shop's own.
    pub reference: Option<String>,
}

/// Why a command changed nothing: what happened, what it means, what to do.
#[derive(Debug, Clone)]
pub struct Problem {
    pub code: String,
    /// An English sentence; a language's own sentence for the code goes first.
    pub detail: String,
}
