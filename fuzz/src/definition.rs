//! Definitions, as operators send them: JSON, or YAML for the command line.

use domain::{Command, Definition, Event, EventState, Operation, invariants};
use serde_json::Value;
use wire::{
    definition::{DefinitionBody, parse_json},
    record,
};

/// The command line reads JSON, else YAML, and sends JSON.
fn parse_file(text: &str) -> Option<Definition> {
    let json = serde_json::from_str(text);
    let value: Value = json.ok().or_else(|| yaml_serde::from_str(text).ok())?;
    parse_json(value.to_string().as_bytes()).ok()
}

pub(crate) fn run(data: &[u8]) {
    let sent = match parse_json(data) {
        Ok(definition) => Some(definition),
        Err(error) => {
            assert!(!error.field.is_empty() && !error.reason.is_empty(), "{error:?}");
            None
        }
    };
    let Ok(text) = std::str::from_utf8(data) else {
        assert!(sent.is_none(), "JSON is UTF-8");
        return;
    };
    let file = parse_file(text);
    if let Some(sent) = &sent {
        sound(sent);
        assert_eq!(file.as_ref(), Some(sent), "another from a file than when sent");
    }
    if let Some(file) = &file {
        sound(file);
    }
}

/// Within its bounds, the same after each way that it takes, and good for an event.
fn sound(definition: &Definition) {
    bounds(definition);
    let body = DefinitionBody::from(definition);
    let json = serde_json::to_string(&body).expect("JSON");
    assert_eq!(parse_json(json.as_bytes()).as_ref(), Ok(definition), "another as JSON");
    let yaml = yaml_serde::to_string(&body).expect("YAML");
    assert_eq!(parse_file(&yaml).as_ref(), Some(definition), "another as YAML:\n{yaml}");

    let define = Operation::Define { salt: [7; 16], definition: Box::new(definition.clone()) };
    let commands = [Command::Operate(define), Command::Operate(Operation::Open)];
    let record = record::encode(&commands);
    assert_eq!(record::decode(&record).as_deref(), Ok(&commands[..]), "another in the log");
    let mut event = Event::default();
    event.apply(0, 1, &commands, &mut Vec::new());
    assert_eq!((event.definition(), event.state()), (Some(definition), EventState::Open));
    invariants::check(&event).unwrap_or_else(|broken| panic!("{broken}"));
}

/// The bounds of the documentation, once more.
fn bounds(definition: &Definition) {
    let admission = &definition.admission;
    assert!(definition.rules == 1 && definition.slots.len() <= 500);
    assert!(admission.rate_per_min <= 6_000_000 && (1..=1_000_000).contains(&admission.max_inside));
    for secs in [admission.claim_secs, admission.window_secs, definition.hold_secs] {
        assert!((1..=86_400).contains(&secs), "{secs} s");
    }
    assert!((1..=100).contains(&definition.seats_per_ticket));
    assert!(definition.slots.iter().all(|slot| slot.capacity <= 1_000_000));
    assert!((1..=40).contains(&definition.title.len()));
    assert!(definition.title.values().all(|text| (1..=400).contains(&text.len())));
    let url = definition.return_url.as_deref().unwrap_or("https://a");
    assert!(url.len() <= 2_048 && (url.starts_with("https://") || url.starts_with("http://")));
    assert!(!url.contains(['"', '<', '>', ' ', '\n']), "{url:?} needs escaping");
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let full = r#"{"title":{"en":"Twinkle pop-up","ko":"반짝 팝업"},"mode":"fifo","time_zone":"Asia/Seoul","prequeue_at":null,"opens_at":"2026-12-05T10:00:00+09:00","closes_at":"2026-12-06T10:00:00.5Z","return_url":"https://shop.example/in?a=b#c","admission":{"rate_per_min":1200,"max_inside":500,"claim_secs":60,"window_secs":600},"hold_secs":300,"seats_per_ticket":2,"slots":[{"id":"1100","starts_at":"2026-12-05T11:00:00+09:00","capacity":20}]}"#;
    let small = r#"{"title":{"en":"A"}}"#;
    let json: Value = serde_json::from_str(full).expect("JSON");
    let yaml = yaml_serde::to_string(&json).expect("YAML");
    let hand = "# by hand\ntitle: {en: \"A: b\", ko: 반짝}\ntime_zone: Asia/Seoul\nslots:\n  - id: \"1100\"\n    starts_at: 2026-12-05T11:00:00+09:00\n    capacity: 0x10\n";
    let mut seeds =
        vec![full, small, &yaml, hand, "title: {no: yes}", "{}", "[]", "title: &a {en: *a}"]
            .into_iter()
            .map(|text| text.as_bytes().to_vec())
            .collect::<Vec<_>>();
    let changed = [
        ("\"hold_secs\":300", "\"hold_secs\":0"),
        ("\"hold_secs\":300", "\"hold_secs\":86401"),
        ("\"rate_per_min\":1200", "\"rate_per_min\":6000001"),
        ("\"max_inside\":500", "\"max_inside\":1000001"),
        ("\"capacity\":20", "\"capacity\":1000001"),
        ("\"seats_per_ticket\":2", "\"seats_per_ticket\":101"),
        ("\"mode\":\"fifo\"", "\"mode\":\"draw\""),
        ("Asia/Seoul", "Mars/Base"),
        ("https://shop", "javascript:"),
        ("\"capacity\":20", "\"capacity\":1e1"),
        ("Twinkle pop-up", "\\u0041\\ud83d\\ude00\\n\\\"\\/"),
        ("\"1100\"", "\"A B\""),
        ("2026-12-06", "1969-01-01"),
        (",\"slots\"", ",\"rules\":2,\"slots\""),
        (",\"hold_secs\"", ",\"more\":[1,2],\"hold_secs\""),
    ];
    seeds.extend(changed.map(|(old, new)| full.replacen(old, new, 1).into_bytes()));
    seeds
}
