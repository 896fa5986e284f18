//! Bodies of HTTP requests and answers.

use std::collections::BTreeMap;

use domain::{EventId, EventState, Millis, Mode, SlotId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Chain, Code, LogHead, TicketState,
    head::Unverified,
    names, ticket, time,
    view::{Progress, PublicDefinition, PublicSlot, SharedValue, Standing, TicketValue},
};

/// `POST …/tickets`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinBody {
    /// 0 for the first time; one more than the ticket's `attempt` to join again after it ended.
    #[serde(default)]
    #[schema(maximum = 1_000)]
    pub attempt: u16,
}

/// `PUT …/hold`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldBody {
    #[schema(pattern = "^[a-z0-9-]{1,48}$", example = "1100")]
    pub slot: String,
    #[schema(minimum = 1, maximum = 100)]
    pub seats: i64,
}

/// `PUT …/booking`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BookingBody {
    /// The shop's own; nothing personal.
    #[serde(default)]
    #[schema(max_length = 128)]
    pub reference: Option<String>,
}

/// The log has the command: it stands at (`offset`, `index`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AcceptedBody {
    pub ticket: String,
    pub offset: u64,
    pub index: u16,
    /// Where to follow it, after a join.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
}

/// `GET …/ticket`: a shopper's own state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TicketBody {
    pub ticket: String,
    pub state: TicketState,
    /// null while registered for a draw.
    pub position: Option<u32>,
    /// How many may still be before this one; never grows.
    pub ahead: u32,
    /// Seconds until the turn; null while nobody can tell.
    pub eta_secs: Option<u64>,
    /// End of the claim (admitted) or of the window (inside, holding).
    #[serde(default, with = "time::optional", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Millis>,
    /// For the shop's own pages, while inside or holding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<HoldState>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booking: Option<BookingState>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<LastState>,
    pub attempt: u16,
}

/// `GET …/head`: what the owner of the log says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeadBody {
    #[schema(value_type = String)]
    pub event: EventId,
    /// The records below this offset are meant.
    pub next: u64,
    /// The digest chain over them, 64 hex digits.
    #[schema(value_type = String)]
    pub chain: Chain,
    /// Time of the last of them.
    #[serde(with = "time::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub at: Millis,
    /// The same, signed: a compact JWS with the keys of `/.well-known/jwks.json`.
    pub head: String,
}

impl HeadBody {
    /// What a signed head says; `None` when it can't be read.
    pub fn new(head: &str) -> Option<Self> {
        let LogHead { event, next, chain, at, .. } = Unverified::read(head).ok()?.head;
        Some(Self { event, next, chain, at, head: head.to_owned() })
    }
}

/// Seats set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HoldState {
    #[schema(value_type = String)]
    pub slot: SlotId,
    pub seats: u32,
    #[serde(with = "time::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub until: Millis,
}

/// A completed reservation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BookingState {
    /// The number the shopper shows at the door.
    pub booking: String,
    #[schema(value_type = String)]
    pub slot: SlotId,
    pub seats: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// The last numbered command; `code` null: it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastState {
    pub seq: u32,
    pub code: Option<Code>,
}

impl TicketBody {
    /// `pass` is asked while inside or holding, with the end of the window.
    pub fn new(
        id: domain::TicketId,
        value: &TicketValue,
        standing: Standing,
        pass: impl FnOnce(Millis) -> Option<String>,
    ) -> Self {
        let inside = matches!(value.state, TicketState::Inside | TicketState::Holding);
        let waiting = value.state == TicketState::Waiting;
        let hold = value.hold.as_ref().map(|hold| HoldState {
            slot: hold.slot.clone(),
            seats: hold.seats,
            until: hold.until,
        });
        let booking = value.booking.as_ref().map(|booking| BookingState {
            booking: names::booking(booking.id),
            slot: booking.slot.clone(),
            seats: booking.seats,
            reference: booking.reference.as_deref().map(str::to_owned),
        });
        Self {
            ticket: ticket::text(id),
            state: value.state,
            position: (value.position > 0).then_some(value.position),
            ahead: if waiting { standing.ahead(value.position) } else { 0 },
            eta_secs: if waiting { standing.eta_secs(value.position) } else { None },
            until: value.until,
            pass: value.until.filter(|_| inside).and_then(pass),
            hold,
            booking,
            last: value.last.map(|last| LastState { seq: last.seq, code: last.code }),
            attempt: value.attempt,
        }
    }
}

/// `GET /api/v1/events/{event}`: what anyone may know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventBody {
    #[schema(value_type = String)]
    pub id: EventId,
    /// Language tag → title.
    pub title: BTreeMap<String, String>,
    #[serde(with = "names::state")]
    #[schema(value_type = String, example = "open")]
    pub state: EventState,
    #[schema(value_type = String, example = "fifo")]
    pub mode: Mode,
    /// IANA name.
    pub time_zone: String,
    #[serde(default, with = "time::optional")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub prequeue_at: Option<Millis>,
    #[serde(default, with = "time::optional")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub opens_at: Option<Millis>,
    #[serde(default, with = "time::optional")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub closes_at: Option<Millis>,
    pub return_url: Option<String>,
    pub queue_only: bool,
    pub slots: Vec<SlotState>,
    /// Nobody at or below this position still waits.
    pub serving: u32,
    /// Positions given so far.
    pub total: u32,
    /// People let in a minute.
    pub rate: u32,
    pub sold_out: bool,
    /// Event time of all this.
    #[serde(with = "time::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub at: Millis,
    pub seats_per_ticket: u32,
}

/// A time slot and what is left of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SlotState {
    #[schema(value_type = String)]
    pub id: SlotId,
    #[serde(with = "time::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub starts_at: Millis,
    pub capacity: u32,
    pub remaining: u32,
}

impl EventBody {
    pub fn new(id: &EventId, shared: &SharedValue) -> Self {
        let SharedValue { definition, progress, .. } = shared;
        let PublicDefinition { title, mode, time_zone, return_url, .. } = definition.clone();
        Self {
            id: id.clone(),
            title,
            state: progress.state,
            mode,
            time_zone,
            prequeue_at: definition.prequeue_at,
            opens_at: definition.opens_at,
            closes_at: definition.closes_at,
            return_url,
            queue_only: definition.queue_only(),
            slots: definition.slots.iter().map(|slot| slot_state(slot, progress)).collect(),
            serving: progress.serving,
            total: progress.total,
            rate: progress.rate,
            sold_out: progress.sold_out,
            at: progress.at,
            seats_per_ticket: definition.seats_per_ticket,
        }
    }
}

fn slot_state(slot: &PublicSlot, progress: &Progress) -> SlotState {
    let seats = progress.slots.iter().find(|seats| seats.id == slot.id);
    SlotState {
        id: slot.id.clone(),
        starts_at: slot.starts_at,
        capacity: seats.map_or(0, |seats| seats.capacity),
        remaining: seats.map_or(0, super::view::SlotProgress::remaining),
    }
}
