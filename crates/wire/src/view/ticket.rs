//! One ticket's value in the view.

use std::sync::Arc;

use domain::{Booking, Hold, Millis, SlotId, TicketId};
use serde::{Deserialize, Serialize};

use super::ViewDecodeError;
use crate::{Code, TicketState, names, ticket};

/// All that the view says of a ticket. One that only waits is its position in decimal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TicketValue {
    /// 0 while registered.
    pub position: u32,
    pub state: TicketState,
    /// 0 for the first join of a shopper.
    pub attempt: u16,
    /// End of the claim while admitted, of the window while inside or holding.
    pub until: Option<Millis>,
    pub hold: Option<Hold>,
    pub booking: Option<Booking>,
    /// The last numbered command.
    pub last: Option<Last>,
    /// The ticket of the attempt after this one: it counts from now on.
    pub next: Option<TicketId>,
}

/// The last numbered command of a ticket and why it was refused; `None`: it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Last {
    pub seq: u32,
    pub code: Option<Code>,
}

impl TicketValue {
    /// A ticket that waits and has nothing more to say.
    pub fn waiting(position: u32) -> Self {
        Self { position, ..Self::default() }
    }

    pub fn encode(&self) -> Vec<u8> {
        if *self == Self::waiting(self.position) {
            return self.position.to_string().into_bytes();
        }
        // Text and numbers always become JSON.
        serde_json::to_vec(&Json::from(self)).unwrap_or_default()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, ViewDecodeError> {
        if bytes.first().is_some_and(u8::is_ascii_digit) {
            return decimal(bytes).map(Self::waiting);
        }
        let json: Json = serde_json::from_slice(bytes)?;
        json.try_into()
    }
}

fn decimal(bytes: &[u8]) -> Result<u32, ViewDecodeError> {
    let number = std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok());
    number.ok_or_else(|| ViewDecodeError("a position beyond all bounds".to_owned()))
}

#[derive(Serialize, Deserialize)]
struct Json {
    p: u32,
    s: TicketState,
    #[serde(default, skip_serializing_if = "is_zero")]
    a: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    u: Option<Millis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    h: Option<HoldJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    b: Option<BookingJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    l: Option<(u32, Option<Code>)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    n: Option<Next>,
}

#[derive(Serialize, Deserialize)]
struct Next(#[serde(with = "ticket::id")] TicketId);

#[derive(Serialize, Deserialize)]
struct HoldJson {
    slot: SlotId,
    seats: u32,
    until: Millis,
}

#[derive(Serialize, Deserialize)]
struct BookingJson {
    id: String,
    slot: SlotId,
    seats: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(attempt: &u16) -> bool {
    *attempt == 0
}

impl From<&TicketValue> for Json {
    fn from(value: &TicketValue) -> Self {
        let hold = |hold: &Hold| HoldJson {
            slot: hold.slot.clone(),
            seats: hold.seats,
            until: hold.until,
        };
        let booking = |booking: &Booking| BookingJson {
            id: names::booking(booking.id),
            slot: booking.slot.clone(),
            seats: booking.seats,
            reference: booking.reference.as_deref().map(str::to_owned),
        };
        Self {
            p: value.position,
            s: value.state,
            a: value.attempt,
            u: value.until,
            h: value.hold.as_ref().map(hold),
            b: value.booking.as_ref().map(booking),
            l: value.last.map(|last| (last.seq, last.code)),
            n: value.next.map(Next),
        }
    }
}

impl TryFrom<Json> for TicketValue {
    type Error = ViewDecodeError;
    fn try_from(json: Json) -> Result<Self, ViewDecodeError> {
        let hold = |hold: HoldJson| Hold { slot: hold.slot, seats: hold.seats, until: hold.until };
        Ok(Self {
            position: json.p,
            state: json.s,
            attempt: json.a,
            until: json.u,
            hold: json.h.map(hold),
            booking: json.b.map(Booking::try_from).transpose()?,
            last: json.l.map(|(seq, code)| Last { seq, code }),
            next: json.n.map(|Next(next)| next),
        })
    }
}

impl TryFrom<BookingJson> for Booking {
    type Error = ViewDecodeError;
    fn try_from(json: BookingJson) -> Result<Self, ViewDecodeError> {
        let id = names::parse_booking(&json.id)
            .ok_or_else(|| ViewDecodeError(format!("{:?} is no booking", json.id)))?;
        let reference = json.reference.map(Arc::from);
        Ok(Self { id, slot: json.slot, seats: json.seats, reference })
    }
}
