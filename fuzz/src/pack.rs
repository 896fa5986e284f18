//! Packs: nothing is dropped, nothing changes its place, no record is too large.
//!
//! The input says what is pushed: three bytes are a kind of command, how often, and how long a text.

use std::{rc::Rc, sync::Arc};

use domain::{Action, Command, Definition, Epoch, Operation, Slot, TicketId};
use wire::record::{self, Full, Pack};

/// The two bounds of a record, as ARCHITECTURE.md has them.
const COMMANDS: usize = 1_024;
const BYTES: usize = 256 * 1_024;

/// Most commands and bytes of one run: a little more than one record takes, so that runs are short.
const PUSHES_MAX: usize = COMMANDS + 100;
const PUSHED_BYTES_MAX: usize = BYTES + 48 * 1_024;

pub(crate) fn run(data: &[u8]) {
    let mut packs = Packs::default();
    for group in data.as_chunks::<3>().0 {
        let [kind, times, long] = *group;
        let command = Rc::new(command(kind, long));
        let encoded = record::encode_one(&command);
        for _ in 0..=u16::from(times) * 2 {
            if packs.pushed.len() < PUSHES_MAX && packs.bytes < PUSHED_BYTES_MAX {
                packs.push(&command, &encoded);
            }
        }
    }
    packs.check();
}

/// Packs one after the other, as the producer API makes them.
#[derive(Default)]
struct Packs {
    pack: Pack,
    done: Vec<Vec<u8>>,
    pushed: Vec<Rc<Command>>,
    bytes: usize,
}

impl Packs {
    fn push(&mut self, command: &Rc<Command>, encoded: &[u8]) {
        let (len, bytes) = (self.pack.len(), self.pack.bytes());
        match self.pack.push(encoded) {
            Ok(index) => assert_eq!(usize::from(index), len, "its place in the record"),
            Err(Full) => {
                let room = len < COMMANDS && bytes + 1 + encoded.len() <= BYTES;
                assert!(!room, "full with {len} commands and {bytes} bytes");
                assert_eq!((self.pack.len(), self.pack.bytes()), (len, bytes), "left as it was");
                self.finish();
                assert_eq!(self.pack.push(encoded), Ok(0), "an empty record takes any command");
            }
        }
        self.bytes += encoded.len();
        self.pushed.push(Rc::clone(command));
    }

    fn finish(&mut self) {
        let pack = std::mem::take(&mut self.pack);
        let (len, bytes) = (pack.len(), pack.bytes());
        let record = pack.finish();
        assert!(len <= COMMANDS && record.len() <= BYTES, "{len} commands, {} bytes", record.len());
        assert_eq!(record.len(), bytes, "as many bytes as told");
        self.done.push(record);
    }

    fn check(mut self) {
        self.finish();
        let mut pushed = self.pushed.iter();
        for record in &self.done {
            for command in record::decode(record).expect("our own record") {
                assert_eq!(pushed.next().map(|pushed| **pushed == command), Some(true), "in order");
            }
        }
        assert_eq!(pushed.count(), 0, "commands were lost");
    }
}

/// A command of a kind, with a text of about this length.
fn command(kind: u8, long: u8) -> Command {
    let ticket = TicketId([kind, long, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    let text = |part: &str| Arc::from(part.repeat(usize::from(long)));
    let act = |action| Command::Act { ticket, seq: Some(long.into()), action };
    match kind % 8 {
        0 => Command::Tick { epoch: Epoch(1 << (long % 64)) },
        1 => Command::Join { ticket, previous: (long > 99).then_some(ticket) },
        2 => act(Action::Hold { slot: "1100".parse().expect("an id"), seats: 2 }),
        3 => act(Action::Book { reference: Some(text("x")) }),
        4 => act(Action::Book { reference: Some(text("\"\\\u{1}한],[")) }),
        5 => act(Action::Book { reference: Some(text(&"long".repeat(32))) }),
        6 => Command::Malformed,
        _ => define(u32::from(long) * 2),
    }
}

fn define(slots: u32) -> Command {
    let text = br#"{"title":{"en":"A"}}"#;
    let mut definition: Definition = wire::definition::parse_json(text).expect("a definition");
    definition.slots = (0..slots.min(500))
        .map(|n| Slot { id: format!("s{n}").parse().expect("an id"), starts_at: 0, capacity: n })
        .collect();
    let definition = Box::new(definition);
    Command::Operate(Operation::Define { salt: [7; 16], definition })
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = (0..8).map(|kind| vec![kind, 3, 20]).collect();
    seeds.extend((0..8).map(|kind| vec![kind, 255, 1, kind, 255, 0, kind, 255, 9]));
    seeds.extend([
        vec![1, 255, 0, 3, 200, 128, 4, 99, 64, 7, 2, 250],
        vec![5, 32, 63, 0, 0, 0, 5, 1, 255],
        vec![5, 10, 255, 7, 4, 250, 6, 255, 0, 6, 255, 0, 6, 255, 0],
        vec![7, 8, 250],
    ]);
    seeds
}
