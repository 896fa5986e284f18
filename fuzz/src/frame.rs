//! What the view holds and what its live channel carries, and the frames that are made of it.

use std::collections::BTreeSet;

use domain::Definition;
use serde_json::Value;
use wire::{
    facts::{DefinitionFact, EventTable, StateFact},
    frame::{self, Personal, Turn},
    time,
    view::{LiveMessage, Progress, SharedValue, TicketValue},
};

/// The last moment that a frame can tell, in milliseconds since the Unix epoch.
const TIME_MAX: u64 = 253_402_207_200_999;

/// `l` a live message, `t` a ticket's value, `s` the shared value, `f` facts, `key value` a line.
pub(crate) fn run(data: &[u8]) {
    match data.split_first() {
        Some((b'l', rest)) => live(rest),
        Some((b't', rest)) => ticket(rest),
        Some((b's', rest)) => shared(rest),
        Some((_, rest)) => facts(rest),
        None => {}
    }
}

fn live(bytes: &[u8]) {
    let Ok(message) = LiveMessage::decode(bytes) else { return };
    let written = message.encode();
    assert_eq!(LiveMessage::decode(&written).as_ref(), Ok(&message), "another after writing");
    assert_eq!(written, message.encode());
    shared_frames(&message.progress);
    let standing = message.progress.standing();
    for told in &message.told {
        let pass = |_| Some("pass".to_owned());
        if let Some(frame) = Personal::of(&told.outcome, told.seq, standing, pass) {
            assert_eq!(personal(&frame)["seq"].as_u64(), told.seq.map(u64::from));
        }
    }
}

fn ticket(bytes: &[u8]) {
    let Ok(value) = TicketValue::decode(bytes) else { return };
    assert_eq!(TicketValue::decode(&value.encode()).as_ref(), Ok(&value), "another after writing");
    for standing in [wire::view::Standing::default(), standing(7, 60), standing(u32::MAX, 1)] {
        let ahead = standing.ahead(value.position);
        assert!(u64::from(ahead) + u64::from(standing.serving) < u64::from(u32::MAX) + 1);
        personal(&Personal::present(&value, standing, |_| None));
    }
}

fn standing(serving: u32, rate: u32) -> wire::view::Standing {
    wire::view::Standing { serving, rate: Some(rate) }
}

/// A frame is one JSON object with its type first, and can be read again.
fn personal(frame: &Personal) -> Value {
    let text = frame.text();
    assert!(text.starts_with(r#"{"type":""#), "{text}");
    let json: Value = serde_json::from_str(&text).expect("JSON");
    let read: Personal = serde_json::from_str(&text).expect("a frame");
    assert_eq!(read.text(), text, "another after reading");
    if let Some(until) = json["until"].as_str() {
        assert!(time::parse(until).is_some_and(|until| until <= TIME_MAX), "{until}");
    }
    json
}

fn shared(bytes: &[u8]) {
    let Ok(value) = SharedValue::decode(bytes) else { return };
    assert_eq!(SharedValue::decode(&value.encode()).as_ref(), Ok(&value), "another after writing");
    shared_frames(&value.progress);
}

fn shared_frames(progress: &Progress) {
    let parsed = |text: String| -> Value {
        assert!(text.starts_with(r#"{"type":""#), "{text}");
        serde_json::from_str(&text).expect("JSON")
    };
    let mut all = vec![parsed(frame::progress(progress)), parsed(frame::seats(progress))];
    for turn in Turn::present(progress) {
        all.push(parsed(frame::turn(turn, progress)));
    }
    for json in &all {
        assert_eq!(json["from"].as_u64(), Some(progress.from));
        assert_eq!(json["to"].as_u64(), Some(progress.to));
        let at = json["at"].as_str().and_then(time::parse);
        assert_eq!(at, Some(progress.at.min(TIME_MAX)), "{json}");
    }
    assert_eq!(all[0]["serving"].as_u64(), Some(progress.serving.into()));
    let ids: BTreeSet<_> = progress.slots.iter().map(|slot| &slot.id).collect();
    if ids.len() == progress.slots.len() {
        for slot in &progress.slots {
            let left =
                u64::from(slot.capacity).saturating_sub((slot.held as u64) + slot.sold as u64);
            assert_eq!(all[1]["slots"][slot.id.as_str()].as_u64(), Some(left), "{slot:?}");
        }
    }
}

/// A fact that can't be read changes nothing; of states the newest holds, in whatever order.
fn facts(bytes: &[u8]) {
    let mut table = EventTable::default();
    let mut newest = None;
    for line in bytes.split(|byte| *byte == b'\n') {
        let split = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
        let (key, value) = line.split_at(split);
        let (key, value) = (String::from_utf8_lossy(key), value.get(1..).unwrap_or_default());
        let before: Vec<_> = table.iter().collect();
        if table.apply(&key, value).is_err() {
            assert_eq!(table.iter().collect::<Vec<_>>(), before, "an unreadable fact counted");
        } else if &*key == "popup/state" {
            let fact = StateFact::decode(value).expect("it was taken");
            assert_eq!(StateFact::decode(&fact.encode()).as_ref(), Ok(&fact));
            newest = newest.filter(|old: &StateFact| old.at > fact.at).or(Some(fact));
        } else if let Ok(fact) = DefinitionFact::decode(value) {
            assert_eq!(DefinitionFact::decode(&fact.encode()).as_ref(), Ok(&fact));
            let _ = Definition::from(fact.definition).check();
        }
    }
    if let (Some(facts), Some(newest)) = (table.get(&"popup".parse().expect("an id")), newest) {
        assert_eq!(facts.state, newest.state, "an older state holds");
    }
}

fn lines(golden: &str) -> impl Iterator<Item = &str> {
    golden.lines().filter(|line| !line.starts_with('#') && !line.is_empty())
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let values = include_str!("../../crates/wire/tests/golden/tickets.txt");
    let mut seeds: Vec<Vec<u8>> =
        lines(values).map(|line| format!("t{line}").into_bytes()).collect();
    let view: Vec<&str> = lines(include_str!("../../crates/wire/tests/golden/view.txt")).collect();
    let live = view.iter().find(|line| line.starts_with(r#"{"p":{"#)).expect("a live message");
    let progress = live.split_once(r#","d""#).or(live.split_once(r#","t""#)).expect("parts").0;
    for line in &view {
        seeds.push(
            match line {
                line if line.starts_with('[') => format!(r#"l{progress},"t":[{line}]}}"#),
                line if line.starts_with(r#"{"salt""#) => format!("s{line}"),
                line => format!("l{line}"),
            }
            .into_bytes(),
        );
    }
    // More held or sold than there is: what no sound state has, the view may still hold.
    for (old, new) in [(r#""held":2"#, r#""held":99"#), (r#""capacity":20"#, r#""capacity":0"#)] {
        seeds.push(format!("l{}", live.replace(old, new)).into_bytes());
    }
    let first =
        r#"popup {"salt":"5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a","definition":{"title":{"en":"A"}}}"#;
    let state = |state: &str, at: u8| format!(r#"popup/state {{"state":"{state}","at":{at}}}"#);
    for states in [vec![], vec![state("open", 5)], vec![state("closed", 9), state("open", 5)]] {
        let lines = [vec![first.to_owned()], states].concat();
        seeds.push(format!("f{}", lines.join("\n")).into_bytes());
    }
    seeds.push(format!("f{}\nx y\npopup/state 1\n{first}", state("open", 1)).into_bytes());
    seeds
}
