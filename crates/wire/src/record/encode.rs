//! Commands → bytes.

use std::io::Write;

use domain::{Action, Command, Operation, TicketId};
use serde::Serialize;
use uuid::{Uuid, fmt::Hyphenated};

use super::Kind;
use crate::{definition::DefinitionBody, facts::salt};

/// Room for a join or a tick, in bytes, so that encoding one allocates once.
const ROW_BYTES: usize = 64;

/// One record of these commands; more than a record takes is the caller's fault (see
/// [`Pack`](super::Pack)).
pub fn encode(commands: &[Command]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + commands.len() * ROW_BYTES);
    out.extend_from_slice(br#"{"v":1,"c":["#);
    for (i, command) in commands.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        encode_into(command, &mut out);
    }
    out.extend_from_slice(b"]}");
    out
}

/// One row, for [`Pack::push`](super::Pack::push).
pub fn encode_one(command: &Command) -> Vec<u8> {
    let mut out = Vec::with_capacity(ROW_BYTES);
    encode_into(command, &mut out);
    out
}

fn encode_into(command: &Command, out: &mut Vec<u8>) {
    match command {
        Command::Malformed => out.extend_from_slice(b"[]"),
        Command::Own { after } => Row::begin(out, Kind::Own).number(after.0).end(),
        Command::Tick { epoch } => Row::begin(out, Kind::Tick).number(epoch.0).end(),
        Command::Join { ticket, previous } => {
            let row = Row::begin(out, Kind::Join).ticket(*ticket);
            match previous {
                Some(previous) => row.ticket(*previous).end(),
                None => row.end(),
            }
        }
        Command::Act { ticket, seq, action } => encode_action(*ticket, *seq, action, out),
        Command::Operate(operation) => encode_operation(operation, out),
    }
}

fn encode_action(ticket: TicketId, seq: Option<u32>, action: &Action, out: &mut Vec<u8>) {
    let row = match action {
        Action::Enter => Row::begin(out, Kind::Enter).ticket(ticket),
        Action::Hold { slot, seats } => {
            Row::begin(out, Kind::Hold).ticket(ticket).json(slot.as_str()).number(*seats)
        }
        Action::Release => Row::begin(out, Kind::Release).ticket(ticket),
        Action::Book { reference } => {
            Row::begin(out, Kind::Book).ticket(ticket).json(&reference.as_deref())
        }
        Action::Cancel => Row::begin(out, Kind::Cancel).ticket(ticket),
        Action::Leave => Row::begin(out, Kind::Leave).ticket(ticket),
    };
    match seq {
        Some(seq) => row.number(seq).end(),
        None => row.end(),
    }
}

fn encode_operation(operation: &Operation, out: &mut Vec<u8>) {
    let row = match operation {
        Operation::Define { salt, definition } => Row::begin(out, Kind::Define)
            .json(&salt::text(salt))
            .json(&DefinitionBody::from(&**definition)),
        Operation::Open => Row::begin(out, Kind::Open),
        Operation::Pause => Row::begin(out, Kind::Pause),
        Operation::Resume => Row::begin(out, Kind::Resume),
        Operation::Close => Row::begin(out, Kind::Close),
        Operation::Archive => Row::begin(out, Kind::Archive),
        Operation::Admission(rules) => Row::begin(out, Kind::Admission).json(rules),
        Operation::Capacity { slot, capacity } => {
            Row::begin(out, Kind::Capacity).json(slot.as_str()).number(*capacity)
        }
    };
    row.end();
}

struct Row<'a>(&'a mut Vec<u8>);

impl<'a> Row<'a> {
    fn begin(out: &'a mut Vec<u8>, kind: Kind) -> Self {
        out.extend_from_slice(b"[\"");
        out.extend_from_slice(kind.as_str().as_bytes());
        out.push(b'"');
        Self(out)
    }

    fn ticket(self, ticket: TicketId) -> Self {
        let mut buffer = [0; Hyphenated::LENGTH];
        let text = Uuid::from_bytes(ticket.0).hyphenated().encode_lower(&mut buffer);
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(b'"');
        self
    }

    fn number(self, number: impl Into<u64>) -> Self {
        // Writing into memory can't fail.
        let _ = write!(self.0, ",{}", number.into());
        self
    }

    fn json<T: Serialize + ?Sized>(self, value: &T) -> Self {
        self.0.push(b',');
        // Text and numbers always become JSON, and writing into memory can't fail.
        let _ = serde_json::to_writer(&mut *self.0, value);
        self
    }

    fn end(self) {
        self.0.push(b']');
    }
}
