//! Records of the log: reading is total, and whatever was read can be folded.
//!
//! The input is a log: a record a line, each with the milliseconds since the one before in front if
//! it likes (`250 {"v":1,"c":[["tick",1]]}`).

use domain::{Address, Command, Event, Told, digest::digest, invariants};
use serde_json::Value;
use wire::record::{self, DecodeError};

/// Append time of the first record, in milliseconds since the Unix epoch.
const BEGIN: u64 = 1_796_436_000_000;
const GAP_MS: u64 = 250;
/// Longest gap, in milliseconds: a century, so that times stay in range.
const GAP_MS_MAX: u64 = 3_155_760_000_000;
/// Most records that are folded: the invariants cost more for each ticket.
const RECORDS_MAX: usize = 64;

/// The kinds of version 1.
const KINDS: [&str; 17] = [
    "join",
    "enter",
    "hold",
    "release",
    "book",
    "cancel",
    "leave",
    "own",
    "tick",
    "define",
    "open",
    "pause",
    "resume",
    "close",
    "archive",
    "admission",
    "capacity",
];

pub(crate) fn run(data: &[u8]) {
    let mut log = Log::default();
    let mut at = BEGIN;
    for (offset, line) in (0..).zip(data.split(|byte| *byte == b'\n').take(RECORDS_MAX)) {
        let (gap, bytes) = split(line);
        at += gap.min(GAP_MS_MAX);
        let Some(commands) = read(bytes) else { return };
        log.fold(offset, at, &commands);
    }
}

/// The gap, and the record.
fn split(line: &[u8]) -> (u64, &[u8]) {
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (gap, rest) = line.split_at(digits);
    let gap = std::str::from_utf8(gap).ok().and_then(|text| text.parse().ok());
    (gap.unwrap_or(GAP_MS), rest.strip_prefix(b" ").unwrap_or(rest))
}

/// What a worker folds of a record; `None` where it gives the event up.
fn read(bytes: &[u8]) -> Option<Vec<Command>> {
    let json: Option<Value> = serde_json::from_slice(bytes).ok();
    let rows = json.as_ref().and_then(|json| json["c"].as_array());
    match record::decode(bytes) {
        Ok(commands) => {
            assert!(commands.len() <= 1_024, "{} commands", commands.len());
            // A number beyond all numbers is no JSON value, but can be skipped.
            assert!(json.is_none() || rows.is_some_and(|rows| rows.len() == commands.len()));
            let written = record::encode(&commands);
            assert_eq!(record::decode(&written).as_ref(), Ok(&commands), "another after writing");
            assert_eq!(written, record::encode(&commands));
            Some(commands)
        }
        Err(DecodeError::UnknownVersion(version)) => {
            assert!(version != record::VERSION, "our own version");
            None
        }
        Err(DecodeError::UnknownKind(kind)) => {
            assert!(!KINDS.contains(&kind.as_str()), "{kind} is a kind of ours");
            None
        }
        Err(DecodeError::Malformed) => {
            let whole = rows.is_some_and(|rows| rows.iter().all(|row| row[0] == "tick"));
            let plain = rows.is_some_and(|rows| bytes == plain(rows.len()).as_bytes());
            assert!(!whole || !plain, "a record of ticks must be read");
            Some(Vec::new())
        }
    }
}

fn plain(ticks: usize) -> String {
    format!(r#"{{"v":1,"c":[{}]}}"#, vec![r#"["tick",1]"#; ticks].join(","))
}

/// The state, and the same folded from what was written again.
#[derive(Default)]
struct Log {
    event: Event,
    again: Event,
    told: Vec<Told>,
}

impl Log {
    fn fold(&mut self, offset: u64, at: u64, commands: &[Command]) {
        let (total, serving) = (self.event.order().total(), self.event.order().serving());
        self.told.clear();
        self.event.apply(offset, at, commands, &mut self.told);
        invariants::check(&self.event).unwrap_or_else(|broken| panic!("{broken}"));
        let order = self.event.order();
        assert!(order.total() >= total && order.serving() >= serving, "R7: the line went back");
        self.check_told(offset, commands);
        self.check_again(offset, at, commands);
    }

    /// Every answer is one of a command of this record, each ticket's command has one.
    fn check_told(&self, offset: u64, commands: &[Command]) {
        let answers = |index: usize| {
            let address = Address { offset, index: index as u16 };
            self.told.iter().filter(|told| told.address == Some(address)).count()
        };
        let known: usize = (0..commands.len()).map(answers).sum();
        assert_eq!(known, self.told.iter().filter(|told| told.address.is_some()).count());
        for (index, command) in commands.iter().enumerate() {
            let asks = matches!(command, Command::Join { .. } | Command::Act { .. });
            assert!(!asks || answers(index) > 0, "nobody told what became of {command:?}");
        }
    }

    fn check_again(&mut self, offset: u64, at: u64, commands: &[Command]) {
        let written = record::decode(&record::encode(commands)).expect("our own record");
        self.again.apply(offset, at, &written, &mut Vec::new());
        let before = digest(&self.event);
        assert_eq!(digest(&self.again), before, "I12: another digest");
        let told = self.told.len();
        self.event.apply(offset, at, commands, &mut self.told);
        assert_eq!((self.told.len(), digest(&self.event)), (told, before), "folded twice");
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let define = r#"{"v":1,"c":[["own",0],["define","5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a",{"title":{"en":"A"},"admission":{"rate_per_min":600000,"max_inside":2,"claim_secs":1,"window_secs":9},"hold_secs":2,"slots":[{"id":"1100","starts_at":"2026-12-05T02:00:00Z","capacity":3},{"id":"1200","starts_at":"2026-12-05T03:00:00Z","capacity":1}]}],["open"]]}"#;
    let id = |n: u8| format!("{n:08x}-0000-8000-8000-{n:012x}");
    let record = |rows: &str| format!(r#"{{"v":1,"c":[{rows}]}}"#);
    let joins: Vec<String> = (1..6).map(|n| format!(r#"["join","{}"]"#, id(n))).collect();
    let joins = record(&joins.join(","));
    let act = |n: u8, kind: &str, rest: &str| record(&format!(r#"["{kind}","{}"{rest}]"#, id(n)));
    let tick = record(r#"["tick",1]"#);
    let enter = act(1, "enter", ",1");
    let inside = [define, &joins, &tick, &enter];
    let ways: [Vec<String>; 7] = [
        vec![act(1, "hold", r#","1100",2,2"#), act(1, "book", r#","order 7",3"#)],
        vec![act(1, "hold", r#","1100",2,2"#), act(1, "hold", r#","1200",1,3"#)],
        vec![act(1, "hold", r#","1100",2"#), format!("2000 {tick}"), format!("2000 {tick}")],
        vec![act(1, "hold", r#","1200",1"#), act(1, "book", ",null"), act(1, "cancel", "")],
        vec![act(1, "leave", ""), act(1, "release", ",2"), act(2, "enter", "")],
        vec![record(r#"["pause"]"#), record(r#"["resume"],["close"],["archive"]"#)],
        vec![
            record(r#"["capacity","1100",0],["capacity","9",1]"#),
            record(
                r#"["admission",{"rate_per_min":0,"max_inside":1,"claim_secs":1,"window_secs":1}]"#,
            ),
            act(2, "leave", ""),
            record(&format!(r#"["join","{}","{}"]"#, id(9), id(2))),
        ],
    ];
    let golden = include_str!("../../crates/wire/tests/golden/records.txt");
    let lines = golden.lines().filter(|line| line.starts_with(['{', '[']));
    let lines = lines.map(|line| match line.strip_prefix('[') {
        Some(_) => record(line).into_bytes(),
        None => line.as_bytes().to_vec(),
    });
    let strange = [
        r#"{"v":2,"c":[]}"#,
        r#"{"v":1,"c":[["fly"]]}"#,
        r#"{"c":[],"v":1}"#,
        r#"{"v":1,"c":[1,{},[],null,"x"]}"#,
        r#"{"v":1,"x":1e999,"c":[["tick",1.5],["own",-1],["tick",99999999999999999999]]}"#,
        "",
        "[",
        "5 ",
    ];
    let ways = ways.iter().map(|way| {
        let all: Vec<&str> = inside.into_iter().chain(way.iter().map(String::as_str)).collect();
        all.join("\n").into_bytes()
    });
    lines.chain(ways).chain(strange.map(|text| text.as_bytes().to_vec())).collect()
}
