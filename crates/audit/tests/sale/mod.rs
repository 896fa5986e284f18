//! The log of a small sale, made by hand, and what can be done to it.

#![allow(dead_code, unreachable_pub, reason = "each test uses its part")]

use bytes::Bytes;
use domain::{
    Action, AdmissionRules, Command, Definition, Epoch, EventId, Mode, Operation, Slot, TicketId,
    definition::RULES,
};
use ports::Record;
use twinkle_audit::{Footer, Header, Replay, archive};
use wire::{Chain, HeadSigner, LogHead, PassKeys, format_key, record};

pub const NOON: u64 = 1_796_436_000_000;

pub fn id() -> EventId {
    "popup".parse().unwrap()
}

pub fn ticket(n: u8) -> TicketId {
    TicketId([n, 0, 0, 0, 0, 0, 0x80, 0, 0x80, 0, 0, 0, 0, 0, 0, n])
}

pub fn join(n: u8) -> Command {
    Command::Join { ticket: ticket(n), previous: None }
}

pub fn act(n: u8, seq: u32, action: Action) -> Command {
    Command::Act { ticket: ticket(n), seq: Some(seq), action }
}

pub fn hold(seats: u32) -> Action {
    Action::Hold { slot: "1100".parse().unwrap(), seats }
}

fn definition() -> Definition {
    let slot = |id: &str, capacity| Slot { id: id.parse().unwrap(), starts_at: NOON, capacity };
    let admission =
        AdmissionRules { rate_per_min: 600, max_inside: 3, claim_secs: 10, window_secs: 60 };
    Definition {
        rules: RULES,
        title: [("en".to_owned(), "Pop-up".to_owned())].into(),
        mode: Mode::Fifo,
        time_zone: "Asia/Seoul".to_owned(),
        prequeue_at: None,
        opens_at: None,
        closes_at: None,
        return_url: None,
        admission,
        hold_secs: 5,
        seats_per_ticket: 2,
        slots: vec![slot("1100", 3), slot("1200", 9)],
    }
}

/// The commands of each record, a quarter of a second apart.
pub fn commands() -> Vec<Vec<Command>> {
    let define = Operation::Define { salt: [7; 16], definition: Box::new(definition()) };
    let tick = vec![Command::Tick { epoch: Epoch(1_025) }];
    let mut records = vec![
        vec![Command::Operate(define), Command::Operate(Operation::Open)],
        vec![Command::Own { after: Epoch::NONE }],
        vec![join(1), join(2), join(3), join(4), join(5)],
    ];
    records.extend(vec![tick.clone(); 4]);
    let enter = |n| act(n, 1, Action::Enter);
    records.push(vec![enter(1), enter(2), act(4, 1, hold(1)), act(5, 1, Action::Leave)]);
    records.push(vec![act(1, 2, hold(2)), act(2, 2, hold(2)), act(1, 2, hold(2))]);
    records.push(vec![act(1, 3, Action::Book { reference: Some("order 7".into()) })]);
    records.push(vec![act(2, 3, Action::Leave)]);
    records.push(vec![Command::Join { ticket: ticket(12), previous: Some(ticket(2)) }]);
    // Number 3 never says "I am here".
    records.extend(vec![tick; 60]);
    records.push(vec![act(1, 2, Action::Cancel), act(1, 4, Action::Cancel)]);
    records
}

pub fn log_of(commands: &[Vec<Command>]) -> Vec<Record> {
    let record = |(offset, commands): (u64, &Vec<Command>)| Record {
        offset,
        at: NOON + offset * 250,
        bytes: record::encode(commands).into(),
    };
    (0..).zip(commands).map(record).collect()
}

/// The sale, with a record in it that is no pack of commands and no text.
pub fn log() -> Vec<Record> {
    let mut records = log_of(&commands());
    records[4].bytes = Bytes::from_static(&[0xff, 0, 0xfe]);
    records
}

pub fn signer(seed: u8) -> HeadSigner {
    let keys = PassKeys::parse(&format_key("k1", &[seed; 32])).unwrap();
    HeadSigner { keys, issuer: "https://queue.example".to_owned() }
}

/// The head that the owner signs once `count` records are folded.
pub fn head(records: &[Record], count: usize) -> String {
    let mut chain = Chain::start(&id());
    let mut event = domain::Event::default();
    for Record { offset, at, bytes } in &records[..count] {
        chain.link(*offset, *at, bytes);
        let commands = record::decode(bytes).unwrap_or_default();
        event.apply(*offset, *at, &commands, &mut Vec::new());
    }
    let (next, at, epoch) = (event.next(), event.time().record(), event.epoch());
    signer(7).sign(&LogHead { event: id(), next, chain, at, epoch })
}

pub fn replay(records: &[Record]) -> Replay {
    let mut replay = Replay::new(&id());
    records.iter().for_each(|record| replay.take(record).unwrap());
    replay
}

/// An archive of these records, whoever made it.
pub fn file(records: &[Record], head: Option<String>) -> Vec<u8> {
    let header = Header {
        twinkle: "archive".to_owned(),
        v: archive::VERSION,
        event: id(),
        title: definition().title,
        rules: RULES,
        made_by: "a test".to_owned(),
        made_at: "2026-12-05T04:00:00.000Z".to_owned(),
        head,
        jwks: Some(signer(7).keys.jwks()),
    };
    let mut writer = archive::Writer::begin(Vec::new(), &header).unwrap();
    records.iter().for_each(|record| writer.record(record).unwrap());
    writer.finish(&Footer::new(&replay(records))).unwrap()
}

/// One thing done to the records at a place, as well hidden as can be: offsets stay dense.
pub fn tampered(records: &[Record], place: usize, how: u8) -> Vec<Record> {
    let mut records = records.to_vec();
    match how % 5 {
        0 => drop(records.remove(place)),
        1 => records.insert(place, Record { at: records[place].at, ..records[place].clone() }),
        2 => records[place].at += 1,
        3 => {
            let mut bytes = records[place].bytes.to_vec();
            bytes.push(b' ');
            records[place].bytes = bytes.into();
        }
        _ => {
            let bytes = records[place].bytes.clone();
            records[place].bytes = records[place + 1].bytes.clone();
            records[place + 1].bytes = bytes;
        }
    }
    for (offset, record) in (0..).zip(&mut records) {
        record.offset = offset;
    }
    records
}
