//! Writes the archive of an event with a long line, to be restored where takeover and rebuild are
//! measured: `cargo run --release -p twinkle-audit --example line -- 10000000 line.gz`.

use std::{
    env,
    fs::File,
    io::{BufWriter, Error, Result, Write},
};

use domain::{
    AdmissionRules, Command, Definition, EventId, Mode, Operation, TicketId, definition::RULES,
};
use ports::Record;
use twinkle_audit::{Footer, Header, Replay, archive};
use wire::record;

const PER_RECORD: u64 = 1_000;
const START_MS: u64 = 1_796_436_000_000;
/// Between two records: 50,000 joins a second.
const EVERY_MS: u64 = 20;

fn main() -> Result<()> {
    let mut args = env::args().skip(1);
    let usage = || Error::other("usage: line JOINS FILE");
    let count: u64 = args.next().and_then(|count| count.parse().ok()).ok_or_else(usage)?;
    let file = BufWriter::new(File::create(args.next().ok_or_else(usage)?)?);
    let id: EventId = "line".parse().map_err(Error::other)?;
    let mut writer = archive::Writer::begin(file, &header(&id))?;
    let mut replay = Replay::new(&id);
    for offset in 0..=count.div_ceil(PER_RECORD) {
        let commands = commands(offset, count);
        let bytes = record::encode(&commands).into();
        let record = Record { offset, at: START_MS + offset * EVERY_MS, bytes };
        replay.take(&record).map_err(Error::other)?;
        writer.record(&record)?;
    }
    writer.finish(&Footer::new(&replay))?.flush()
}

/// The beginning, then a thousand joins a record.
fn commands(offset: u64, count: u64) -> Vec<Command> {
    let Some(before) = offset.checked_sub(1) else {
        let define = Operation::Define { salt: [7; 16], definition: Box::new(definition()) };
        return vec![Command::Operate(define), Command::Operate(Operation::Open)];
    };
    let numbers = before * PER_RECORD..(offset * PER_RECORD).min(count);
    numbers.map(|n| Command::Join { ticket: ticket(n), previous: None }).collect()
}

fn ticket(number: u64) -> TicketId {
    let id = u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_0c5a_1d2e_3b47);
    TicketId(id.to_be_bytes())
}

/// Nobody is let in: the line stays as long as it is.
fn definition() -> Definition {
    Definition {
        rules: RULES,
        title: [("en".to_owned(), "A long line".to_owned())].into(),
        mode: Mode::Fifo,
        time_zone: "UTC".to_owned(),
        prequeue_at: None,
        opens_at: None,
        closes_at: None,
        return_url: None,
        admission: AdmissionRules {
            rate_per_min: 0,
            max_inside: 1,
            claim_secs: 60,
            window_secs: 600,
        },
        hold_secs: 300,
        seats_per_ticket: 2,
        slots: vec![],
    }
}

fn header(id: &EventId) -> Header {
    Header {
        twinkle: "archive".to_owned(),
        v: archive::VERSION,
        event: id.clone(),
        title: definition().title,
        rules: RULES,
        made_by: "an example".to_owned(),
        made_at: "2026-12-05T04:00:00.000Z".to_owned(),
        head: None,
        jwks: None,
    }
}
