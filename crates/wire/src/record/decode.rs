//! Bytes → commands.

use std::{borrow::Cow, fmt};

use domain::{
    Action, AdmissionRules, Command, Definition, Epoch, Operation, ids::COMMANDS_PER_RECORD_MAX,
};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{DecodeError, Kind, VERSION};
use crate::{
    definition::DefinitionBody,
    facts::salt,
    row::{Field, Fields, skip},
};

/// Bytes of the shortest command that is common, to guess how many there are.
const COMMON_ROW_BYTES: usize = 47;

/// The commands of a record, each at its index.
///
/// A row of a known kind that can't be read becomes [`Command::Malformed`] in its place.
pub fn decode(bytes: &[u8]) -> Result<Vec<Command>, DecodeError> {
    let rows = (bytes.len() / COMMON_ROW_BYTES + 1).min(COMMANDS_PER_RECORD_MAX);
    let mut reader = Reader { stop: None, commands: Vec::with_capacity(rows) };
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read = Record(&mut reader).deserialize(&mut json).and_then(|()| json.end());
    match (reader.stop, read) {
        (Some(stop), _) => Err(stop),
        (None, Ok(())) => Ok(reader.commands),
        (None, Err(_)) => Err(DecodeError::Malformed),
    }
}

/// What has been read, and why reading must stop, which serde's own errors can't carry.
struct Reader {
    stop: Option<DecodeError>,
    commands: Vec<Command>,
}

impl Reader {
    fn stop<E: Error>(&mut self, error: DecodeError) -> E {
        self.stop = Some(error);
        E::custom("stop")
    }
}

/// The object around the commands.
struct Record<'r>(&'r mut Reader);

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Key {
    V,
    C,
    #[serde(other)]
    Unknown,
}

impl<'de> DeserializeSeed<'de> for Record<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Record<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (mut version, mut commands) = (false, false);
        while let Some(key) = map.next_key()? {
            match key {
                Key::V if !version => {
                    version = true;
                    match map.next_value()? {
                        VERSION => {}
                        other => return Err(self.0.stop(DecodeError::UnknownVersion(other))),
                    }
                }
                // The version goes first: what follows can't be read without it.
                Key::C if version && !commands => {
                    commands = true;
                    map.next_value_seed(Commands(self.0))?;
                }
                Key::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                }
                Key::V | Key::C => return Err(A::Error::custom("out of place")),
            }
        }
        if commands { Ok(()) } else { Err(A::Error::custom("no commands")) }
    }
}

/// The array of commands.
struct Commands<'r>(&'r mut Reader);

impl<'de> DeserializeSeed<'de> for Commands<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Commands<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("commands")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(command) = seq.next_element_seed(Row(self.0))? {
            if self.0.commands.len() >= COMMANDS_PER_RECORD_MAX {
                return Err(A::Error::custom("too many commands"));
            }
            self.0.commands.push(command);
        }
        Ok(())
    }
}

/// One command.
struct Row<'r>(&'r mut Reader);

impl<'de> DeserializeSeed<'de> for Row<'_> {
    type Value = Command;
    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Command, D::Error> {
        input.deserialize_any(self)
    }
}

/// What is no array at all is a malformed command.
macro_rules! malformed {
    ($($visit:ident($type:ty))+) => {
        $(fn $visit<E: Error>(self, _: $type) -> Result<Command, E> {
            Ok(Command::Malformed)
        })+
    };
}

impl<'de> Visitor<'de> for Row<'_> {
    type Value = Command;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a command")
    }

    malformed! { visit_bool(bool) visit_u64(u64) visit_i64(i64) visit_f64(f64) visit_str(&str) }

    fn visit_unit<E: Error>(self) -> Result<Command, E> {
        Ok(Command::Malformed)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Command, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Command::Malformed)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Command, A::Error> {
        let Some(Field::Text(text)) = seq.next_element()? else {
            skip(&mut seq)?;
            return Ok(Command::Malformed);
        };
        let Some(kind) = Kind::parse(&text) else {
            return Err(self.0.stop(DecodeError::UnknownKind(text.into_owned())));
        };
        let command = match kind {
            Kind::Define => read_define(&mut seq)?,
            Kind::Admission => read_admission(&mut seq)?,
            _ => Fields::read(&mut seq)?.and_then(|fields| read(kind, fields.as_slice())),
        };
        Ok(command.unwrap_or(Command::Malformed))
    }
}

fn read(kind: Kind, fields: &[Field<'_>]) -> Option<Command> {
    let operate = |operation| fields.is_empty().then_some(Command::Operate(operation));
    match kind {
        Kind::Join => read_join(fields),
        Kind::Enter => act(fields, 0, |_| Some(Action::Enter)),
        Kind::Release => act(fields, 0, |_| Some(Action::Release)),
        Kind::Cancel => act(fields, 0, |_| Some(Action::Cancel)),
        Kind::Leave => act(fields, 0, |_| Some(Action::Leave)),
        Kind::Hold => {
            act(fields, 2, |own| Some(Action::Hold { slot: own[0].slot()?, seats: own[1].u32()? }))
        }
        Kind::Book => {
            act(fields, 1, |own| Some(Action::Book { reference: own[0].nullable(Field::arc)? }))
        }
        Kind::Own => one(fields).map(|epoch| Command::Own { after: Epoch(epoch) }),
        Kind::Tick => one(fields).map(|epoch| Command::Tick { epoch: Epoch(epoch) }),
        Kind::Open => operate(Operation::Open),
        Kind::Pause => operate(Operation::Pause),
        Kind::Resume => operate(Operation::Resume),
        Kind::Close => operate(Operation::Close),
        Kind::Archive => operate(Operation::Archive),
        Kind::Capacity => match fields {
            [slot, capacity] => Some(Command::Operate(Operation::Capacity {
                slot: slot.slot()?,
                capacity: capacity.u32()?,
            })),
            _ => None,
        },
        Kind::Define | Kind::Admission => None,
    }
}

fn read_join(fields: &[Field<'_>]) -> Option<Command> {
    match fields {
        [ticket] => Some(Command::Join { ticket: ticket.ticket()?, previous: None }),
        [ticket, previous] => {
            Some(Command::Join { ticket: ticket.ticket()?, previous: Some(previous.ticket()?) })
        }
        _ => None,
    }
}

/// A ticket, `count` fields of the action's own, and a number at the end or not.
fn act(
    fields: &[Field<'_>],
    count: usize,
    action: impl FnOnce(&[Field<'_>]) -> Option<Action>,
) -> Option<Command> {
    let (ticket, rest) = fields.split_first()?;
    let (own, seq) = rest.split_at_checked(count)?;
    let seq = match seq {
        [] => None,
        [seq] => Some(seq.u32()?),
        _ => return None,
    };
    Some(Command::Act { ticket: ticket.ticket()?, seq, action: action(own)? })
}

fn one(fields: &[Field<'_>]) -> Option<u64> {
    match fields {
        [number] => number.number(),
        _ => None,
    }
}

fn read_define<'de, A: SeqAccess<'de>>(seq: &mut A) -> Result<Option<Command>, A::Error> {
    let salt: Option<Field<'_>> = seq.next_element()?;
    let body = last_raw(seq)?;
    let command = || {
        let salt = salt::parse(salt?.text()?)?;
        let body: DefinitionBody = serde_json::from_str(&body?).ok()?;
        let definition = Box::new(Definition::from(body));
        Some(Command::Operate(Operation::Define { salt, definition }))
    };
    Ok(command())
}

fn read_admission<'de, A: SeqAccess<'de>>(seq: &mut A) -> Result<Option<Command>, A::Error> {
    let body = last_raw(seq)?;
    let rules = body.and_then(|body| serde_json::from_str::<AdmissionRules>(&body).ok());
    Ok(rules.map(|rules| Command::Operate(Operation::Admission(rules))))
}

/// The last field of a row as it stands; `None` if there is none or more follow.
fn last_raw<'de, A: SeqAccess<'de>>(seq: &mut A) -> Result<Option<Cow<'de, str>>, A::Error> {
    let raw: Option<&'de RawValue> = seq.next_element()?;
    let more = skip(seq)?;
    Ok(raw.filter(|_| !more).map(|raw| Cow::Borrowed(raw.get())))
}
