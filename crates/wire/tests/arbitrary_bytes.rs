//! Whatever the bytes: an answer, never a panic; and what was read can be written and read again.

mod strategies;

use proptest::{collection::vec, prelude::*};
use twinkle_wire::{
    CookieKeys, PassKeys, definition,
    facts::EventTable,
    format_key, names, record, ticket, time,
    view::{LiveMessage, SharedValue, TicketValue},
};

/// Reads the bytes as everything there is.
fn read_all(bytes: &[u8]) {
    if let Ok(commands) = record::decode(bytes) {
        assert_eq!(record::decode(&record::encode(&commands)), Ok(commands));
    }
    if let Ok(value) = TicketValue::decode(bytes) {
        assert_eq!(TicketValue::decode(&value.encode()), Ok(value));
    }
    if let Ok(message) = LiveMessage::decode(bytes) {
        assert_eq!(LiveMessage::decode(&message.encode()), Ok(message));
    }
    if let Ok(value) = SharedValue::decode(bytes) {
        assert_eq!(SharedValue::decode(&value.encode()), Ok(value));
    }
    let _ = definition::parse_json(bytes);
    let _ = EventTable::default().apply("popup", bytes);
    let _ = EventTable::default().apply("popup/state", bytes);
    read_text(&String::from_utf8_lossy(bytes));
}

fn read_text(text: &str) {
    let keys = CookieKeys::parse(&format_key("k", &[7; 32])).unwrap();
    assert!(keys.verify(text, 0).is_err());
    let _ = CookieKeys::parse(text);
    let _ = PassKeys::parse(text);
    let _ = ticket::parse(text);
    let _ = time::parse(text);
    let _ = names::parse_booking(text);
    let _ = EventTable::default().apply(text, b"{}");
}

/// Bytes that were right once: some are changed, or the end is missing.
fn damaged(whole: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let changes = vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    (whole, changes, any::<prop::sample::Index>()).prop_map(|(mut bytes, changes, end)| {
        for (at, byte) in changes {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        bytes.truncate(end.index(bytes.len() + 1).max(bytes.len() / 2));
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn noise(bytes in vec(any::<u8>(), 0..200)) {
        read_all(&bytes);
    }

    #[test]
    fn json_like_noise(text in r#"[\[\]{}",:.0-9eE truefalsnjoihd\\u-]{0,80}"#) {
        read_all(text.as_bytes());
        read_all(format!(r#"{{"v":1,"c":[{text}]}}"#).as_bytes());
        read_all(format!(r#"{{"v":1,"c":[["join",{text}]]}}"#).as_bytes());
    }

    #[test]
    fn damaged_records(bytes in damaged(
        vec(strategies::command(), 0..5).prop_map(|commands| record::encode(&commands))
    )) {
        read_all(&bytes);
    }

    #[test]
    fn damaged_values(bytes in damaged(strategies::ticket_value().prop_map(|value| value.encode()))) {
        read_all(&bytes);
    }

    #[test]
    fn damaged_messages(bytes in damaged(strategies::live().prop_map(|message| message.encode()))) {
        read_all(&bytes);
    }

    #[test]
    fn damaged_shared(bytes in damaged(strategies::shared().prop_map(|value| value.encode()))) {
        read_all(&bytes);
    }
}

#[test]
fn deep_nesting_ends_reading() {
    for open in ["[", r#"{"a":"#] {
        let deep = open.repeat(200_000);
        read_all(deep.as_bytes());
        read_all(format!(r#"{{"v":1,"c":[["join",{deep}"#).as_bytes());
        read_all(format!(r#"{{"v":1,"x":{deep}"#).as_bytes());
    }
}
