//! What an operator may write, and what is said of mistakes.

use domain::Definition;
use twinkle_wire::definition::{DefinitionBody, parse_json};

const WHOLE: &str = r#"{
    "title": {"en": "Twinkle pop-up", "ko": "반짝 팝업"}, "mode": "fifo", "time_zone": "Asia/Seoul",
    "prequeue_at": null, "opens_at": "2026-12-05T10:00:00+09:00", "closes_at": null,
    "return_url": "https://shop.example/a?b=c",
    "admission": {"rate_per_min": 60, "max_inside": 5, "claim_secs": 6, "window_secs": 7},
    "hold_secs": 30, "seats_per_ticket": 4,
    "slots": [{"id": "1100", "starts_at": "2026-12-05T11:00:00+09:00", "capacity": 20}]
}"#;

fn parse(text: &str) -> Result<Definition, String> {
    parse_json(text.as_bytes()).map_err(|error| error.to_string())
}

#[test]
fn a_whole_one() {
    let definition = parse(WHOLE).unwrap();
    assert_eq!(definition.opens_at, Some(1_796_432_400_000));
    assert_eq!(definition.slots[0].starts_at, 1_796_436_000_000);
    assert_eq!(definition.admission.max_inside, 5);
    assert_eq!(definition.seats_per_ticket, 4);
    let written = serde_json::to_string(&DefinitionBody::from(&definition)).unwrap();
    assert_eq!(parse(&written), Ok(definition));
}

#[test]
fn only_the_title_must_be_given() {
    let definition = parse(r#"{"title": {"en": "x"}}"#).unwrap();
    assert_eq!(definition.admission.rate_per_min, 1_200);
    assert_eq!(definition.admission.window_secs, 600);
    assert_eq!((definition.hold_secs, definition.seats_per_ticket), (300, 2));
    assert_eq!(definition.time_zone, "UTC");
    assert!(definition.queue_only());
}

/// Each mistake, made in a definition that is right otherwise, and the field that must be named.
#[test]
fn a_mistake_names_its_field() {
    let mistakes = [
        ("\"time_zone\": \"Asia/Seoul\"", "\"time_zone\": \"Asia/Sole\"", "time_zone:"),
        ("\"time_zone\": \"Asia/Seoul\"", "\"time_zone\": \"../../etc/passwd\"", "time_zone:"),
        ("https://shop.example/a?b=c", "javascript:alert(1)", "return_url:"),
        ("https://shop.example/a?b=c", "https:///path", "return_url:"),
        ("https://shop.example/a?b=c", "https://a b/", "return_url:"),
        ("\"hold_secs\": 30", "\"hold_secs\": \"30\"", "hold_secs:"),
        ("\"hold_secs\": 30", "\"hold_secs\": 0", "hold_secs:"),
        ("\"hold_secs\": 30", "\"hold_sec\": 30", "hold_sec:"),
        ("\"hold_secs\": 30", "\"\": 30", "definition:"),
        ("\"capacity\": 20", "\"capacity\": -1", "slots[0].capacity:"),
        ("\"capacity\": 20", "\"capacity\": 1000000000", "slots.capacity:"),
        ("\"id\": \"1100\"", "\"id\": \"11:00\"", "slots[0].id:"),
        ("2026-12-05T11:00:00+09:00", "2026-12-05 11:00", "slots[0].starts_at:"),
        ("2026-12-05T10:00:00+09:00", "tomorrow", "opens_at:"),
        ("2026-12-05T10:00:00+09:00", "1969-12-05T10:00:00Z", "opens_at:"),
        ("\"max_inside\": 5", "\"max_inside\": 0", "admission.max_inside:"),
        ("\"max_inside\": 5", "\"max_inside\": 5.5", "admission.max_inside:"),
        ("\"mode\": \"fifo\"", "\"mode\": \"lifo\"", "mode:"),
        ("\"mode\": \"fifo\"", "\"mode\": \"fifo\", \"rules\": 99", "rules:"),
        ("{\"en\": \"Twinkle pop-up\", \"ko\": \"반짝 팝업\"}", "{}", "title:"),
        ("{\"en\": \"Twinkle pop-up\", \"ko\": \"반짝 팝업\"}", "\"x\"", "title:"),
        ("\"closes_at\": null", "\"closes_at\": \"2026-12-05T00:00:00Z\"", "closes_at:"),
    ];
    for (right, wrong, field) in mistakes {
        assert!(WHOLE.contains(right), "{right}");
        let error = parse(&WHOLE.replacen(right, wrong, 1)).unwrap_err();
        assert!(error.starts_with(field), "{wrong} gave: {error}");
    }
}

#[test]
fn what_is_no_definition_says_so() {
    for text in ["", "null", "[]", "{", "{} {}", "\u{feff}{}", "{\"title\":{\"en\":\"x\"}} 1"] {
        let error = parse(text).unwrap_err();
        assert!(error.starts_with("definition:"), "{text} gave: {error}");
    }
    assert_eq!(parse("{}").unwrap_err(), "definition: missing field `title` at line 1 column 2");
}

/// The log must be read the same on a machine that knows other time zones.
#[test]
fn the_log_does_not_ask_for_time_zones() {
    let text = WHOLE.replace("Asia/Seoul", "Mars/Olympus");
    let row = format!(r#"{{"v":1,"c":[["define","{}",{text}]]}}"#, "5a".repeat(16));
    let read = twinkle_wire::record::decode(row.as_bytes()).unwrap();
    let domain::Command::Operate(domain::Operation::Define { definition, .. }) = &read[0] else {
        panic!("{read:?}")
    };
    assert_eq!(definition.time_zone, "Mars/Olympus");
}
