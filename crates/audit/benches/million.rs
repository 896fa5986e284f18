//! How long an audit of 1,000,000 commands takes: `cargo bench -p twinkle-audit [-- FILE]`.
//!
//! A sale of 250,000 shoppers who join, enter, hold and book, a hundred commands a record; written as
//! an archive (kept when FILE is named), read back and audited. Prints the process's largest memory.
//! Rules can be broken in this build, which costs time: measure `twinkle audit --file FILE` for the rest.

use std::{
    env, fs,
    io::{BufReader, Error, Result, Write, stdout},
    time::Instant,
};

use domain::{
    Action, AdmissionRules, Command, Definition, Epoch, EventId, Mode, Operation, Slot, TicketId,
    definition::RULES,
};
use ports::Record;
use twinkle_audit::{Claim, Footer, Header, Replay, archive};
use wire::{Chain, HeadSigner, KeySet, LogHead, PassKeys, format_key, record};

const SHOPPERS: u32 = 250_000;
/// Shoppers who are inside together.
const GROUP: u32 = 10_000;
const PER_RECORD: usize = 100;
const START: u64 = 1_796_436_000_000;

fn main() -> Result<()> {
    let id: EventId = "million".parse().map_err(Error::other)?;
    let begun = Instant::now();
    let records = sale();
    say(&format!("made {} records in {:.2} s", records.len(), begun.elapsed().as_secs_f64()))?;
    let begun = Instant::now();
    let mut replay = Replay::new(&id);
    records.iter().try_for_each(|record| replay.take(record)).map_err(Error::other)?;
    let spent = begun.elapsed().as_secs_f64();
    say(&format!("audit of {} commands in memory: {spent:.2} s", replay.commands()))?;

    let keys = PassKeys::parse(&format_key("k1", &[7; 32])).map_err(Error::other)?;
    let header = header(&id, &records, &keys);
    let begun = Instant::now();
    let mut writer = archive::Writer::begin(Vec::new(), &header)?;
    records.iter().try_for_each(|record| writer.record(record))?;
    let file = writer.finish(&Footer::new(&replay))?;
    let (size, spent) = (file.len() as f64 / 1e6, begun.elapsed().as_secs_f64());
    say(&format!("archive of {size:.1} MB written in {spent:.2} s"))?;
    if let Some(path) = env::args().skip(1).find(|arg| !arg.starts_with('-')) {
        fs::write(path, &file)?;
    }
    drop((records, replay));

    let begun = Instant::now();
    let mut reader = archive::Reader::open(BufReader::new(&file[..])).map_err(Error::other)?;
    let mut replay = Replay::new(&id);
    let head = reader.header().head.clone().unwrap_or_default();
    let claim = Claim::read("the head in the file", &head, Some(&KeySet::from(&keys)));
    replay.compare(claim.map_err(Error::other)?);
    while let Some(record) = reader.next_record().map_err(Error::other)? {
        replay.take(&record).map_err(Error::other)?;
    }
    let report = replay.report();
    let spent = begun.elapsed().as_secs_f64();
    say(&format!("audit of the archive, signature and all: {spent:.2} s"))?;
    say(&report.to_string())?;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let most = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM unknown");
    say(most)?;
    if report.matches { Ok(()) } else { Err(Error::other("the audit failed")) }
}

fn say(line: &str) -> Result<()> {
    writeln!(stdout(), "{line}")
}

fn ticket(number: u32) -> TicketId {
    let id = u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_0c5a_1d2e_3b47);
    TicketId(id.to_be_bytes())
}

fn definition() -> Definition {
    let slot = |number: u32| Slot {
        id: format!("slot-{number}").parse().expect("an id"),
        starts_at: START,
        capacity: SHOPPERS / 100,
    };
    let admission = AdmissionRules {
        rate_per_min: 6_000_000,
        max_inside: 1_000_000,
        claim_secs: 600,
        window_secs: 600,
    };
    Definition {
        rules: RULES,
        title: [("en".to_owned(), "A million".to_owned())].into(),
        mode: Mode::Fifo,
        time_zone: "UTC".to_owned(),
        prequeue_at: None,
        opens_at: None,
        closes_at: None,
        return_url: None,
        admission,
        hold_secs: 300,
        seats_per_ticket: 2,
        slots: (0..100).map(slot).collect(),
    }
}

/// The commands in order; `None`: a second passes.
fn commands() -> impl Iterator<Item = Option<Command>> {
    (0..SHOPPERS).step_by(GROUP as usize).flat_map(|first| {
        let group = move || first..first + GROUP;
        let act = |number: u32, seq, action| {
            Some(Command::Act { ticket: ticket(number), seq: Some(seq), action })
        };
        let joins = group().map(|n| Some(Command::Join { ticket: ticket(n), previous: None }));
        let hold = |n: u32| {
            let slot = format!("slot-{}", n % 100).parse().expect("an id");
            Action::Hold { slot, seats: 1 }
        };
        joins
            .chain([None])
            .chain(group().map(move |n| act(n, 1, Action::Enter)))
            .chain(group().map(move |n| act(n, 2, hold(n))))
            .chain(group().map(move |n| act(n, 3, Action::Book { reference: None })))
    })
}

fn sale() -> Vec<Record> {
    let define = Operation::Define { salt: [7; 16], definition: Box::new(definition()) };
    let mut pack = vec![
        Command::Operate(define),
        Command::Operate(Operation::Open),
        Command::Own { after: Epoch::NONE },
    ];
    let (mut records, mut at) = (Vec::new(), START);
    let mut push = |pack: &mut Vec<Command>, passed: u64| {
        at += passed;
        let offset = records.len() as u64;
        records.push(Record { offset, at, bytes: record::encode(pack).into() });
        pack.clear();
    };
    for command in commands() {
        match command {
            Some(command) => pack.push(command),
            None => {
                push(&mut pack, 2);
                pack.push(Command::Tick { epoch: Epoch(3) });
                push(&mut pack, 1_000);
            }
        }
        if pack.len() >= PER_RECORD {
            push(&mut pack, 2);
        }
    }
    push(&mut pack, 2);
    records
}

fn header(id: &EventId, records: &[Record], keys: &PassKeys) -> Header {
    let mut chain = Chain::start(id);
    let mut event = domain::Event::default();
    for Record { offset, at, bytes } in records {
        chain.link(*offset, *at, bytes);
        let commands = record::decode(bytes).unwrap_or_default();
        event.apply(*offset, *at, &commands, &mut Vec::new());
    }
    let (next, at, epoch) = (event.next(), event.time().record(), event.epoch());
    let head = LogHead { event: id.clone(), next, chain, at, epoch };
    let signer = HeadSigner { keys: keys.clone(), issuer: "https://queue.example".to_owned() };
    Header {
        twinkle: "archive".to_owned(),
        v: archive::VERSION,
        event: id.clone(),
        title: definition().title,
        rules: RULES,
        made_by: "a benchmark".to_owned(),
        made_at: "2026-12-05T04:00:00.000Z".to_owned(),
        head: Some(signer.sign(&head)),
        jwks: Some(keys.jwks()),
    }
}
