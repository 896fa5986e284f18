//! Frames of the stream: JSON text with `type` first. Times are RFC 3339 UTC with milliseconds.
//!
//! Shared frames are the same for all and carry the span of the log they cover (`from`, `to`);
//! personal ones are one shopper's own.

use domain::{EventState, Millis, Outcome, Refusal, SlotId};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};
use utoipa::ToSchema;

use crate::{
    Code, TicketState, names, time,
    view::{Progress, Standing, TicketValue},
};

/// How far the line has come: `{"type":"progress","from","to","at","state","serving","rate","total"}`.
pub fn progress(progress: &Progress) -> String {
    text(&ProgressFrame {
        kind: "progress",
        from: progress.from,
        to: progress.to,
        at: progress.at,
        state: progress.state,
        serving: progress.serving,
        rate: progress.rate,
        total: progress.total,
    })
}

/// Remaining seats: `{"type":"seats","from","to","at","slots":{id: remaining}}`.
pub fn seats(progress: &Progress) -> String {
    text(&SeatsFrame {
        kind: "seats",
        from: progress.from,
        to: progress.to,
        at: progress.at,
        slots: Remaining(progress),
    })
}

/// What an event's state can become while people look on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    Paused,
    Resumed,
    SoldOut,
    Closed,
}

impl Turn {
    /// What has become true since `before`.
    pub fn between(before: &Progress, after: &Progress) -> Vec<Turn> {
        let mut turns = Vec::new();
        if before.state != after.state {
            match after.state {
                EventState::Paused => turns.push(Self::Paused),
                EventState::Open if before.state == EventState::Paused => turns.push(Self::Resumed),
                EventState::Closed | EventState::Archived => turns.push(Self::Closed),
                _ => {}
            }
        }
        if after.sold_out && !before.sold_out {
            turns.push(Self::SoldOut);
        }
        turns
    }

    /// What is true now, for those who only come.
    pub fn present(progress: &Progress) -> Vec<Turn> {
        let mut turns = Vec::new();
        match progress.state {
            EventState::Paused => turns.push(Self::Paused),
            EventState::Closed | EventState::Archived => turns.push(Self::Closed),
            _ => {}
        }
        if progress.sold_out {
            turns.push(Self::SoldOut);
        }
        turns
    }

    fn name(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::SoldOut => "sold_out",
            Self::Closed => "closed",
        }
    }
}

/// `{"type":"paused","from","to","at"}` and its like.
pub fn turn(turn: Turn, progress: &Progress) -> String {
    text(&TurnFrame { kind: turn.name(), from: progress.from, to: progress.to, at: progress.at })
}

#[derive(Serialize)]
struct ProgressFrame {
    #[serde(rename = "type")]
    kind: &'static str,
    from: u64,
    to: u64,
    #[serde(with = "time::rfc3339")]
    at: Millis,
    #[serde(with = "names::state")]
    state: EventState,
    serving: u32,
    rate: u32,
    total: u32,
}

#[derive(Serialize)]
struct SeatsFrame<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    from: u64,
    to: u64,
    #[serde(with = "time::rfc3339")]
    at: Millis,
    slots: Remaining<'a>,
}

#[derive(Serialize)]
struct TurnFrame {
    #[serde(rename = "type")]
    kind: &'static str,
    from: u64,
    to: u64,
    #[serde(with = "time::rfc3339")]
    at: Millis,
}

struct Remaining<'a>(&'a Progress);

impl Serialize for Remaining<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(Some(self.0.slots.len()))?;
        for slot in &self.0.slots {
            map.serialize_entry(slot.id.as_str(), &slot.remaining())?;
        }
        map.end()
    }
}

/// One shopper's frame; also the answer of a command that waited for its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Personal {
    #[serde(flatten)]
    pub what: What,
    /// The number of the command that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u32>,
}

/// What a personal frame says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum What {
    /// In the pre-queue of a draw.
    Registered,
    /// In line. `eta_secs`: null while nobody can tell.
    Waiting {
        position: u32,
        ahead: u32,
        eta_secs: Option<u64>,
    },
    /// Let in; to be taken until then.
    Admitted {
        #[serde(with = "time::rfc3339")]
        #[schema(value_type = String, format = DateTime)]
        until: Millis,
    },
    /// Inside until then.
    Inside {
        #[serde(with = "time::rfc3339")]
        #[schema(value_type = String, format = DateTime)]
        until: Millis,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pass: Option<String>,
    },
    /// Seats are set aside until then.
    Held {
        #[schema(value_type = String)]
        slot: SlotId,
        seats: u32,
        #[serde(with = "time::rfc3339")]
        #[schema(value_type = String, format = DateTime)]
        until: Millis,
    },
    /// The seats were given back; inside until then.
    Released {
        #[serde(with = "time::rfc3339")]
        #[schema(value_type = String, format = DateTime)]
        until: Millis,
    },
    /// The reservation is complete.
    Booked {
        booking: String,
        #[schema(value_type = String)]
        slot: SlotId,
        seats: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
    },
    /// A command changed nothing.
    Refused {
        code: Code,
        detail: String,
        /// With `stale_seq`: the number of the last command that counted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        current: Option<u32>,
    },
    Expired,
    Cancelled,
    Left,
    /// This browser has no ticket.
    None,
}

impl Personal {
    pub fn new(what: What) -> Self {
        Self { what, seq: None }
    }

    /// The frame of an outcome; `None` if it says nothing to a shopper.
    ///
    /// `pass` is asked when the outcome is `inside`, with the end of the window.
    pub fn of(
        outcome: &Outcome,
        seq: Option<u32>,
        standing: Standing,
        pass: impl FnOnce(Millis) -> Option<String>,
    ) -> Option<Self> {
        let what = match outcome {
            Outcome::Waiting { position } => What::waiting(*position, standing),
            Outcome::Admitted { until } => What::Admitted { until: *until },
            Outcome::Inside { until } => What::Inside { until: *until, pass: pass(*until) },
            Outcome::Held { hold } => {
                What::Held { slot: hold.slot.clone(), seats: hold.seats, until: hold.until }
            }
            Outcome::Released { until, .. } => What::Released { until: *until },
            Outcome::Booked { booking } => What::booked(booking),
            Outcome::Cancelled => What::Cancelled,
            Outcome::Left => What::Left,
            Outcome::Expired => What::Expired,
            Outcome::Refused { refusal } => What::refused(*refusal),
            Outcome::Followed { .. } | Outcome::Operated { .. } | Outcome::Owned { .. } => {
                return None;
            }
        };
        Some(Self { what, seq })
    }

    /// The frame of a ticket's present state.
    pub fn present(
        value: &TicketValue,
        standing: Standing,
        pass: impl FnOnce(Millis) -> Option<String>,
    ) -> Self {
        let until = value.until.unwrap_or_default();
        Self::new(match (value.state, &value.hold, &value.booking) {
            (TicketState::Registered, ..) => What::Registered,
            (TicketState::Admitted, ..) => What::Admitted { until },
            (TicketState::Holding, Some(hold), _) => {
                What::Held { slot: hold.slot.clone(), seats: hold.seats, until: hold.until }
            }
            (TicketState::Inside | TicketState::Holding, ..) => {
                What::Inside { until, pass: pass(until) }
            }
            (TicketState::Booked, _, Some(booking)) => What::booked(booking),
            (TicketState::Left, ..) => What::Left,
            (TicketState::Expired, ..) => What::Expired,
            (TicketState::Cancelled, ..) => What::Cancelled,
            (TicketState::Waiting | TicketState::Booked, ..) => {
                What::waiting(value.position, standing)
            }
        })
    }

    /// The frame's text.
    pub fn text(&self) -> String {
        text(self)
    }
}

impl What {
    fn waiting(position: u32, standing: Standing) -> Self {
        let (ahead, eta_secs) = (standing.ahead(position), standing.eta_secs(position));
        Self::Waiting { position, ahead, eta_secs }
    }

    fn booked(booking: &domain::Booking) -> Self {
        Self::Booked {
            booking: names::booking(booking.id),
            slot: booking.slot.clone(),
            seats: booking.seats,
            reference: booking.reference.as_deref().map(str::to_owned),
        }
    }

    fn refused(refusal: Refusal) -> Self {
        let code = Code::from(refusal);
        let current = match refusal {
            Refusal::StaleSeq { current } => Some(current),
            _ => None,
        };
        Self::Refused { code, detail: code.detail().to_owned(), current }
    }
}

fn text(frame: &impl Serialize) -> String {
    // Text and numbers always become JSON.
    serde_json::to_string(frame).unwrap_or_default()
}
