//! Making an event: log, first definition, fact; and what an earlier try has left.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use domain::{Command, EventState, Operation};
use ports::{
    EventLog, Facts,
    memory::{Call, Fault, Faults},
};
use wire::{
    Code,
    facts::{StateFact, state_key},
};

use crate::world::{World, definition, event};

async fn definitions(world: &World) -> Vec<([u8; 16], String)> {
    let commands = world.commands().await;
    let define = |command| match command {
        Command::Operate(Operation::Define { salt, definition }) => {
            Some((salt, definition.title["en"].clone()))
        }
        _ => None,
    };
    commands.into_iter().filter_map(define).collect()
}

#[tokio::test]
async fn the_first_put_makes_the_event_and_the_same_again_changes_nothing() {
    let world = World::new();
    let made = world.call("PUT /popup", definition("A", 20)).await.json(201);
    assert_eq!((&made["id"], &made["state"]), (&"popup".into(), &"draft".into()));
    assert_eq!(made["definition"]["hold_secs"], 300);
    let known = world.directory.get(&event()).expect("the directory shows it at once");
    let first = definitions(&world).await;
    assert_eq!(first, [(known.salt, "A".to_owned())]);
    let owner = world.own();
    let again = world.call("PUT /popup", definition("A", 20)).await.json(200);
    assert_eq!(again, made);
    let fold = world.fold().await;
    assert_eq!((fold.salt(), fold.definition()), (&known.salt, Some(&known.definition)));
    let listed = world.call("GET ", "").await.json(200);
    assert_eq!(listed, serde_json::json!({"events": [made]}));
    assert_eq!(world.call("GET /popup", "").await.json(200), made);
    owner.abort();
}

#[tokio::test]
async fn a_put_that_broke_anywhere_is_healed_by_the_same_put() {
    for (call, fault) in [
        (Call::Create, Fault::Refused),
        (Call::Create, Fault::ReplyLost),
        (Call::Append, Fault::Full),
        (Call::Append, Fault::Refused),
        (Call::Append, Fault::ReplyLost),
        (Call::End, Fault::Refused),
        (Call::Read, Fault::Refused),
        (Call::NextRecords, Fault::Refused),
        (Call::Put, Fault::Refused),
        (Call::Put, Fault::ReplyLost),
    ] {
        let world = World::with_faults(Faults::once(call, fault));
        let broken = world.call("PUT /popup", definition("A", 20)).await;
        assert!(matches!(broken.status.as_u16(), 503), "{call:?} {fault:?}: {}", broken.text);
        assert!(broken.headers.contains_key("retry-after"));
        let owner = world.own();
        let again = world.call("PUT /popup", definition("A", 20)).await;
        assert!(again.status.is_success(), "{call:?} {fault:?}: {}", again.text);
        let (fold, facts) = (world.fold().await, world.known(|_| true).await);
        assert_eq!((fold.salt(), fold.definition()), (&facts.salt, Some(&facts.definition)));
        owner.abort();
    }
}

#[tokio::test]
async fn the_fact_has_the_salt_of_the_log_when_the_first_answer_was_lost() {
    let world = World::with_faults(Faults::once(Call::Append, Fault::ReplyLost));
    world.call("PUT /popup", definition("A", 20)).await.problem(Code::LogUnavailable);
    let lost = definitions(&world).await;
    assert_eq!(lost.len(), 1);
    world.call("PUT /popup", definition("A", 20)).await.json(201);
    assert_eq!(definitions(&world).await, lost, "the log's definition was found");
    assert_eq!(world.known(|_| true).await.salt, lost[0].0);
}

#[tokio::test]
async fn another_definition_than_the_one_that_was_lost_is_an_edit_of_it() {
    let world = World::with_faults(Faults::once(Call::Append, Fault::ReplyLost));
    let owner = world.own();
    world.call("PUT /popup", definition("A", 20)).await.problem(Code::LogUnavailable);
    world.call("PUT /popup", definition("B", 20)).await.json(200);
    let known = world.known(|event| event.definition.title["en"] == "B").await;
    let titles: Vec<String> =
        definitions(&world).await.into_iter().map(|(_, title)| title).collect();
    assert_eq!(titles, ["A", "B"]);
    assert_eq!(known.salt, definitions(&world).await[0].0);
    owner.abort();
}

#[tokio::test(start_paused = true)]
async fn the_fact_tells_the_logs_definition_until_the_fold_agrees_to_another() {
    let world = World::with_faults(Faults::once(Call::Append, Fault::ReplyLost));
    world.call("PUT /popup", definition("A", 20)).await.problem(Code::LogUnavailable);
    world.call("PUT /popup", definition("B", 20)).await.json(202);
    assert_eq!(world.directory.get(&event()).unwrap().definition.title["en"], "A");
}

/// The facts can't be read the `nth` time; the directory asks again after a while.
fn facts_break_at(nth: u32) -> Faults {
    let mut asked = 0;
    Faults::plan(move |call, _| {
        asked += u32::from(call == Call::NextFacts);
        (call == Call::NextFacts && asked == nth).then_some(Fault::Refused)
    })
}

#[tokio::test(start_paused = true)]
async fn a_call_is_answered_when_the_own_facts_show_it() {
    let world = World::with_faults(facts_break_at(2));
    world.call("PUT /popup", definition("A", 20)).await.json(201);
    assert!(world.directory.get(&event()).is_some());
    let world = World::with_faults(facts_break_at(3));
    let owner = world.own();
    world.call("PUT /popup", definition("A", 20)).await.json(201);
    world.call("POST /popup/open", "").await.json(200);
    assert_eq!(world.directory.get(&event()).unwrap().state, EventState::Open);
    owner.abort();
}

#[tokio::test(start_paused = true)]
async fn an_event_that_another_operator_has_just_made_is_found() {
    let late = Arc::new(AtomicBool::new(false));
    let armed = late.clone();
    let one = World::with_faults(Faults::plan(move |call, _| {
        (call == Call::NextFacts && armed.swap(false, Relaxed)).then_some(Fault::Refused)
    }));
    let owner = one.own();
    one.call("PUT /popup", definition("A", 20)).await.json(201);
    // The other one's facts can't be read at its first try.
    late.store(true, Relaxed);
    let other = one.beside();
    other.call("POST /popup/open", "").await.json(200);
    other.call("POST /nothing/open", "").await.problem(Code::UnknownEvent);
    owner.abort();
}

#[tokio::test]
async fn two_operators_at_once_end_with_what_the_fold_says() {
    for _ in 0..20 {
        let one = World::new();
        let other = one.beside();
        let owner = one.own();
        let (a, b) = (
            one.spawn("PUT /popup", definition("A", 20)),
            other.spawn("PUT /popup", definition("B", 20)),
        );
        let statuses = [a.await.unwrap().status.as_u16(), b.await.unwrap().status.as_u16()];
        assert!(statuses.contains(&201), "{statuses:?}");
        assert!(statuses.iter().all(|status| (200..=202).contains(status)), "{statuses:?}");
        let (fold, facts) = (one.fold().await, one.known(|_| true).await);
        assert_eq!(fold.salt(), &facts.salt);
        owner.abort();
    }
}

#[tokio::test]
async fn the_id_of_an_archived_event_is_never_used_again() {
    let world = World::new();
    world.call("PUT /popup", definition("A", 20)).await.json(201);
    let archived = StateFact { state: EventState::Archived, at: 9, definition: None }.encode();
    world.facts.put(&state_key(&event()), archived.into()).await.unwrap();
    world.known(|event| event.state == EventState::Archived).await;
    let end = world.log.end(&event()).await;
    world.call("PUT /popup", definition("B", 20)).await.problem(Code::EventArchived);
    world.call("PUT /popup", definition("A", 20)).await.problem(Code::EventArchived);
    world.call("PATCH /popup/admission", "{}").await.problem(Code::EventArchived);
    world.call("PATCH /popup/slots/1100", r#"{"capacity":1}"#).await.problem(Code::EventArchived);
    assert_eq!(world.log.end(&event()).await, end);
}

#[tokio::test]
async fn a_definition_outside_its_bounds_names_the_field_and_makes_nothing() {
    let world = World::new();
    for (body, field) in [
        ("{", "definition"),
        ("{}", "title"),
        (r#"{"title":{}}"#, "title"),
        (r#"{"title":{"en":"A"},"colour":"red"}"#, "colour"),
        (r#"{"title":{"en":"A"},"hold_secs":0}"#, "hold_secs"),
        (r#"{"title":{"en":"A"},"time_zone":"Mars/Olympus"}"#, "time_zone"),
        (r#"{"title":{"en":"A"},"return_url":"javascript:alert(1)"}"#, "return_url"),
        (
            r#"{"title":{"en":"A"},"slots":[{"id":"a","starts_at":"soon","capacity":1}]}"#,
            "slots[0].starts_at",
        ),
    ] {
        let detail = world.call("PUT /popup", body).await.problem(Code::DefinitionInvalid);
        assert!(detail.contains(field), "{field}: {detail}");
    }
    let large = " ".repeat(200_000);
    world.call("PUT /popup", large).await.problem(Code::BodyTooLarge);
    world.call("PUT /UPPER", definition("A", 1)).await.problem(Code::UnknownEvent);
    assert!(world.log.end(&event()).await.is_err());
}
