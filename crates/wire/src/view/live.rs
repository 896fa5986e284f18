//! Live messages: `{"p":{progress},"d":{definition, when changed},"t":[[…],…],
//! "x":[marks of traced commands, when there are any]}`.
//!
//! What was told is a row: kind, ticket or null, packed log address of the command or null, seq or
//! null, the kind's own fields, and `false` at the end when it is an answer of before, told again:
//! `["waiting","550e8400-e29b-81d4-a716-446655440000",4321,null,17]`. Joins one after the other
//! share a row ([`joined`]).

use std::fmt;

use domain::{Address, Booking, Epoch, Hold, Outcome, Refusal, Told};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, SeqAccess, Visitor},
    ser::{Error as _, SerializeSeq},
};

use super::{Progress, PublicDefinition, ViewDecodeError, joined};
use crate::{
    Code, names,
    problem::refusal,
    row::{Field, Fields},
    ticket::hyphenated,
};

/// What one step of the projection says to all who listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveMessage {
    /// Its `from..to` is the span of the log that this message covers.
    pub progress: Progress,
    /// When it changed.
    pub definition: Option<PublicDefinition>,
    /// What happened in that span, in order.
    pub told: Vec<Told>,
    /// Marks (`traceparent`) of traced commands in that span, for the traces alone.
    pub traces: Vec<String>,
}

impl LiveMessage {
    pub fn encode(&self) -> Vec<u8> {
        let json = Json {
            p: &self.progress,
            d: self.definition.as_ref(),
            t: self.told.chunk_by(joined::follows).map(Row).collect(),
            x: &self.traces,
        };
        // Text and numbers always become JSON.
        serde_json::to_vec(&json).unwrap_or_default()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, ViewDecodeError> {
        let json: JsonOwned = serde_json::from_slice(bytes)?;
        let mut told = Vec::with_capacity(json.t.len());
        for row in json.t {
            match row {
                RowOwned::One(one) => told.push(one),
                RowOwned::Joined(joins) => told.extend(joins),
            }
        }
        Ok(Self { progress: json.p, definition: json.d, told, traces: json.x })
    }
}

#[derive(Serialize)]
struct Json<'a> {
    p: &'a Progress,
    #[serde(skip_serializing_if = "Option::is_none")]
    d: Option<&'a PublicDefinition>,
    t: Vec<Row<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    x: &'a [String],
}

#[derive(Deserialize)]
struct JsonOwned {
    p: Progress,
    #[serde(default)]
    d: Option<PublicDefinition>,
    t: Vec<RowOwned>,
    #[serde(default)]
    x: Vec<String>,
}

/// One thing told, or several joins.
struct Row<'a>(&'a [Told]);

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            [one] => One(one).serialize(out),
            run => {
                let (address, position, ids) =
                    joined::row(run).ok_or_else(|| S::Error::custom("no joins"))?;
                ("joined", address, position, ids).serialize(out)
            }
        }
    }
}

struct One<'a>(&'a Told);

impl Serialize for One<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let told = self.0;
        let mut row = out.serialize_seq(None)?;
        row.serialize_element(kind(&told.outcome))?;
        row.serialize_element(&told.ticket.map(hyphenated))?;
        row.serialize_element(&told.address.map(Address::packed))?;
        row.serialize_element(&told.seq)?;
        serialize_own(&told.outcome, &mut row)?;
        if !told.fresh {
            row.serialize_element(&false)?;
        }
        row.end()
    }
}

fn kind(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Waiting { .. } => "waiting",
        Outcome::Admitted { .. } => "admitted",
        Outcome::Inside { .. } => "inside",
        Outcome::Held { .. } => "held",
        Outcome::Released { ran_out: false, .. } => "released",
        Outcome::Released { ran_out: true, .. } => "ran_out",
        Outcome::Booked { .. } => "booked",
        Outcome::Cancelled => "cancelled",
        Outcome::Left => "left",
        Outcome::Expired => "expired",
        Outcome::Followed { .. } => "followed",
        Outcome::Refused { .. } => "refused",
        Outcome::Operated { .. } => "operated",
        Outcome::Owned { .. } => "owned",
    }
}

fn serialize_own<R: SerializeSeq>(outcome: &Outcome, row: &mut R) -> Result<(), R::Error> {
    match outcome {
        Outcome::Waiting { position } => row.serialize_element(position),
        Outcome::Admitted { until }
        | Outcome::Inside { until }
        | Outcome::Released { until, .. } => row.serialize_element(until),
        Outcome::Held { hold } => {
            row.serialize_element(hold.slot.as_str())?;
            row.serialize_element(&hold.seats)?;
            row.serialize_element(&hold.until)
        }
        Outcome::Booked { booking } => {
            row.serialize_element(&booking.id.packed())?;
            row.serialize_element(booking.slot.as_str())?;
            row.serialize_element(&booking.seats)?;
            row.serialize_element(&booking.reference.as_deref())
        }
        Outcome::Cancelled | Outcome::Left | Outcome::Expired => Ok(()),
        Outcome::Followed { next } => row.serialize_element(&hyphenated(*next)),
        Outcome::Refused { refusal } => {
            row.serialize_element(Code::from(*refusal).as_str())?;
            match refusal {
                Refusal::StaleSeq { current } => row.serialize_element(current),
                _ => Ok(()),
            }
        }
        Outcome::Operated { state } => row.serialize_element(names::event_state(*state)),
        Outcome::Owned { epoch } => row.serialize_element(&epoch.0),
    }
}

enum RowOwned {
    One(Told),
    Joined(Vec<Told>),
}

impl<'de> Deserialize<'de> for RowOwned {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_seq(RowVisitor)
    }
}

struct RowVisitor;

impl<'de> Visitor<'de> for RowVisitor {
    type Value = RowOwned;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("something told")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RowOwned, A::Error> {
        let kind: Option<Field<'de>> = seq.next_element()?;
        let fields = Fields::read(&mut seq)?;
        let told = kind.as_ref().and_then(Field::text).zip(fields.as_ref());
        told.and_then(|(kind, fields)| read_row(kind, fields.as_slice()))
            .ok_or_else(|| A::Error::custom("something told that can't be read"))
    }
}

fn read_row(kind: &str, fields: &[Field<'_>]) -> Option<RowOwned> {
    match (kind, fields) {
        ("joined", [address, position, ids]) => {
            joined::read(address.number()?, position.u32()?, ids.text()?).map(RowOwned::Joined)
        }
        _ => read(kind, fields).map(RowOwned::One),
    }
}

fn read(kind: &str, fields: &[Field<'_>]) -> Option<Told> {
    let (fields, fresh) = match fields {
        [rest @ .., Field::Bool(fresh)] => (rest, *fresh),
        all => (all, true),
    };
    let [ticket, address, seq, own @ ..] = fields else { return None };
    Some(Told {
        address: address.nullable(Field::number)?.map(Address::from_packed),
        ticket: ticket.nullable(Field::ticket)?,
        seq: seq.nullable(Field::u32)?,
        fresh,
        outcome: read_outcome(kind, own)?,
    })
}

fn read_outcome(kind: &str, own: &[Field<'_>]) -> Option<Outcome> {
    Some(match (kind, own) {
        ("waiting", [position]) => Outcome::Waiting { position: position.u32()? },
        ("admitted", [until]) => Outcome::Admitted { until: until.number()? },
        ("inside", [until]) => Outcome::Inside { until: until.number()? },
        ("released", [until]) => Outcome::Released { until: until.number()?, ran_out: false },
        ("ran_out", [until]) => Outcome::Released { until: until.number()?, ran_out: true },
        ("held", [slot, seats, until]) => Outcome::Held {
            hold: Hold { slot: slot.slot()?, seats: seats.u32()?, until: until.number()? },
        },
        ("booked", [id, slot, seats, reference]) => Outcome::Booked {
            booking: Booking {
                id: Address::from_packed(id.number()?),
                slot: slot.slot()?,
                seats: seats.u32()?,
                reference: reference.nullable(Field::arc)?,
            },
        },
        ("cancelled", []) => Outcome::Cancelled,
        ("left", []) => Outcome::Left,
        ("expired", []) => Outcome::Expired,
        ("followed", [next]) => Outcome::Followed { next: next.ticket()? },
        ("refused", [code, current @ ..]) => {
            let current = current.first().map_or(Some(0), Field::u32)?;
            Outcome::Refused { refusal: refusal(Code::parse(code.text()?)?, current)? }
        }
        ("operated", [state]) => {
            Outcome::Operated { state: names::parse_event_state(state.text()?)? }
        }
        ("owned", [epoch]) => Outcome::Owned { epoch: Epoch(epoch.number()?) },
        _ => return None,
    })
}
