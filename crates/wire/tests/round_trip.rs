//! What is written can be read, and is the same.

mod strategies;

use domain::{Address, Definition};
use proptest::{collection::vec, prelude::*};
use twinkle_wire::{
    Browser, CookieKeys,
    definition::DefinitionBody,
    facts::{DefinitionFact, StateFact},
    format_key, names, record, ticket, time,
    view::{LiveMessage, SharedValue, TicketValue},
};

proptest! {
    #[test]
    fn records(commands in vec(strategies::command(), 0..20)) {
        let bytes = record::encode(&commands);
        prop_assert_eq!(record::decode(&bytes), Ok(commands));
    }

    #[test]
    fn packs_are_records(commands in vec(strategies::command(), 0..20)) {
        let mut pack = record::Pack::new();
        for (i, command) in commands.iter().enumerate() {
            prop_assert_eq!(pack.push(&record::encode_one(command)).map(usize::from), Ok(i));
        }
        let told = pack.bytes();
        let bytes = pack.finish();
        prop_assert_eq!(told, bytes.len());
        prop_assert_eq!(bytes, record::encode(&commands));
    }

    #[test]
    fn definitions(definition in strategies::definition()) {
        let text = serde_json::to_string(&DefinitionBody::from(&definition)).unwrap();
        let body: DefinitionBody = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(Definition::from(body), definition);
    }

    #[test]
    fn facts(definition in strategies::definition(), salt: [u8; 16]) {
        let fact = DefinitionFact { salt, definition: (&definition).into() };
        prop_assert_eq!(DefinitionFact::decode(&fact.encode()), Ok(fact));
    }

    #[test]
    fn state_facts(
        state in strategies::state(),
        at in strategies::address(),
        definition in proptest::option::of(strategies::definition()),
    ) {
        let fact = StateFact::new(state, at, definition.as_ref());
        prop_assert_eq!(StateFact::decode(&fact.encode()), Ok(fact));
    }

    #[test]
    fn ticket_values(value in strategies::ticket_value()) {
        prop_assert_eq!(TicketValue::decode(&value.encode()), Ok(value));
    }

    #[test]
    fn shared_values(value in strategies::shared()) {
        prop_assert_eq!(SharedValue::decode(&value.encode()), Ok(value));
    }

    #[test]
    fn live_messages(message in strategies::live()) {
        prop_assert_eq!(LiveMessage::decode(&message.encode()), Ok(message));
    }

    #[test]
    fn ticket_ids(id in strategies::ticket()) {
        prop_assert_eq!(ticket::parse(&ticket::text(id)), Some(id));
    }

    #[test]
    fn booking_numbers(id in strategies::address()) {
        prop_assert_eq!(names::parse_booking(&names::booking(id)), Some(id));
    }

    #[test]
    fn event_states(state in strategies::state()) {
        prop_assert_eq!(names::parse_event_state(names::event_state(state)), Some(state));
    }

    #[test]
    fn times(at in 0_u64..253_402_207_200_000) {
        prop_assert_eq!(time::parse(&time::format(at)), Some(at));
    }

    #[test]
    fn cookies(browser: [u8; 16], secret: [u8; 32], expires in 1_u64.., id in "[A-Za-z0-9_-]{1,32}") {
        let keys = CookieKeys::parse(&format_key(&id, &secret)).unwrap();
        let browser = Browser(browser);
        let cookie = keys.sign(&browser, expires);
        prop_assert_eq!(keys.verify_expiring(&cookie, expires - 1), Ok((browser, expires)));
    }
}

#[test]
fn a_pack_takes_1024_commands_and_256_kib() {
    let tick = record::encode_one(&domain::Command::Tick { epoch: domain::Epoch(1) });
    let mut pack = record::Pack::new();
    for i in 0..1_024 {
        assert_eq!(pack.push(&tick), Ok(i));
    }
    assert_eq!(pack.push(&tick), Err(record::Full));
    assert_eq!(record::decode(&pack.finish()).map(|commands| commands.len()), Ok(1_024));

    let mut pack = record::Pack::new();
    let large = vec![b'0'; 100 * 1_024];
    assert_eq!(pack.push(&large), Ok(0));
    assert_eq!(pack.push(&large), Ok(1));
    assert_eq!(pack.push(&large), Err(record::Full));
    assert_eq!(pack.push(&tick), Ok(2), "a small one still fits");
    assert!(pack.finish().len() <= record::PACK_BYTES_MAX);
}

#[test]
fn the_first_and_the_last_address_have_numbers() {
    for id in [Address { offset: 0, index: 0 }, Address { offset: u64::MAX, index: u16::MAX }] {
        assert_eq!(names::parse_booking(&names::booking(id)), Some(id));
    }
}
