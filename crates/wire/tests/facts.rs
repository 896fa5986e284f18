//! The fold over facts.

use domain::{Address, EventState};
use twinkle_wire::{
    definition::parse_json,
    facts::{DefinitionFact, EventTable, StateFact, definition_key, head_key, is_head, state_key},
};

fn definition(title: &str) -> Vec<u8> {
    let text = format!(r#"{{"title": {{"en": "{title}"}}}}"#);
    let definition = (&parse_json(text.as_bytes()).unwrap()).into();
    DefinitionFact { salt: [1; 16], definition }.encode()
}

fn state(state: EventState, offset: u64) -> Vec<u8> {
    StateFact::new(state, Address { offset, index: 0 }, None).encode()
}

#[test]
fn what_the_owner_said_last_in_the_log_holds() {
    let event = "popup".parse().unwrap();
    let (definition_key, state_key) = (definition_key(&event), state_key(&event));
    let mut table = EventTable::default();
    assert_eq!(table.apply(&state_key, &state(EventState::Open, 7)), Ok(event.clone()));
    assert_eq!(table.get(&event), None, "nothing is known without a definition");

    table.apply(&definition_key, &definition("one")).unwrap();
    assert_eq!(table.get(&event).map(|facts| facts.state), Some(EventState::Open));
    let two = parse_json(br#"{"title": {"en": "two"}}"#).unwrap();
    let edited = StateFact::new(EventState::Open, Address { offset: 7, index: 1 }, Some(&two));
    table.apply(&state_key, &edited.encode()).unwrap();
    table.apply(&state_key, &state(EventState::Prequeue, 6)).unwrap();
    table.apply(&definition_key, &definition("one")).unwrap();
    let facts = table.get(&event).unwrap();
    assert_eq!(facts.definition.title["en"], "two", "how it began says no more");
    assert_eq!(facts.state, EventState::Open, "an old owner says less");
    table.apply(&state_key, &state(EventState::Closed, 8)).unwrap();
    assert_eq!(table.get(&event).map(|facts| facts.state), Some(EventState::Closed));
    assert_eq!(table.iter().count(), 1);
}

#[test]
fn a_new_event_is_a_draft() {
    let mut table = EventTable::default();
    let event = table.apply("popup", &definition("one")).unwrap();
    assert_eq!(table.get(&event).map(|facts| facts.state), Some(EventState::Draft));
}

#[test]
fn what_can_not_be_read_changes_nothing() {
    let mut table = EventTable::default();
    let event = table.apply("popup", &definition("one")).unwrap();
    let before = table.get(&event);
    for (key, value) in [
        ("popup", &b""[..]),
        ("popup", b"{}"),
        ("popup/state", b"{\"state\":\"ajar\",\"at\":1}"),
        ("popup/colour", b"{\"state\":\"open\",\"at\":1}"),
        ("POPUP", &definition("two")),
        ("", b"{}"),
        ("/state", &state(EventState::Open, 1)),
    ] {
        assert!(table.apply(key, value).is_err(), "{key}");
    }
    assert_eq!(table.get(&event), before);
    assert_eq!(table.iter().count(), 1);
}

#[test]
fn heads_are_known_by_their_keys() {
    let event = "popup".parse().unwrap();
    assert_eq!(head_key(&event), "popup/head");
    assert!(is_head("popup/head"));
    for other in ["popup", "popup/state", "/head", "POPUP/head", "popup/head/head", "head"] {
        assert!(!is_head(other), "{other}");
    }
}
