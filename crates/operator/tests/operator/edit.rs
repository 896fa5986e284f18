//! Edits: the fold decides, and the fact follows only when it agreed.

use std::time::Duration;

use domain::{Action, Command, TicketId};
use ports::{
    EventLog,
    memory::{Call, Fault, Faults},
};
use serde_json::json;
use tokio::time::sleep;
use wire::Code;

use crate::world::{World, definition, event};

/// An open event with two seats of its slot booked.
async fn with_two_seats_sold() -> (World, tokio::task::JoinHandle<()>) {
    let world = World::new();
    let owner = world.own();
    world.call("PUT /popup", definition("A", 20)).await.json(201);
    world.call("POST /popup/open", "").await.json(200);
    let ticket = TicketId([9; 16]);
    let act = |action| Command::Act { ticket, seq: None, action };
    world.append(&[Command::Join { ticket, previous: None }]).await;
    world.append(&[act(Action::Enter)]).await;
    world.append(&[act(Action::Hold { slot: "1100".parse().unwrap(), seats: 2 })]).await;
    world.append(&[act(Action::Book { reference: None })]).await;
    let fold = world.fold().await;
    assert_eq!(fold.seats().slots()[0].sold, 2, "the seats are sold");
    (world, owner)
}

#[tokio::test]
async fn an_edit_is_known_everywhere_once_it_is_answered() {
    let world = World::new();
    let owner = world.own();
    world.call("PUT /popup", definition("A", 20)).await.json(201);
    let edited = world.call("PUT /popup", definition("B", 30)).await.json(200);
    assert_eq!(edited["definition"]["title"]["en"], "B");
    let patched = world.call("PATCH /popup/admission", r#"{"rate_per_min":30}"#).await.json(200);
    let admission =
        json!({"rate_per_min": 30, "max_inside": 50, "claim_secs": 60, "window_secs": 600});
    assert_eq!(patched["definition"]["admission"], admission);
    let patched = world.call("PATCH /popup/slots/1100", r#"{"capacity":7}"#).await.json(200);
    assert_eq!(patched["definition"]["slots"][0]["capacity"], 7);
    assert_eq!(patched["definition"]["admission"], admission, "and the edit before is kept");
    let (fold, facts) = (world.fold().await, world.directory.get(&event()).unwrap());
    assert_eq!(fold.definition(), Some(&facts.definition));
    owner.abort();
}

#[tokio::test]
async fn what_the_fold_refuses_changes_no_fact() {
    let (world, owner) = with_two_seats_sold().await;
    let before = world.directory.get(&event()).unwrap();
    world
        .call("PATCH /popup/slots/1100", r#"{"capacity":1}"#)
        .await
        .problem(Code::CapacityBelowSold);
    world.call("PUT /popup", definition("B", 1)).await.problem(Code::CapacityBelowSold);
    world.call("PUT /popup", r#"{"title":{"en":"B"}}"#).await.problem(Code::CapacityBelowSold);
    world.call("PATCH /popup/slots/1200", r#"{"capacity":1}"#).await.problem(Code::UnknownSlot);
    assert_eq!(world.directory.get(&event()).unwrap(), before);
    world.call("PATCH /popup/slots/1100", r#"{"capacity":2}"#).await.json(200);
    assert_eq!(world.fold().await.seats().slots()[0].capacity, 2);
    owner.abort();
}

#[tokio::test]
async fn what_can_never_be_is_refused_before_the_log() {
    let world = World::new();
    world.call("PUT /popup", definition("A", 20)).await.json(201);
    for (line, body, code) in [
        ("PATCH /popup/slots/1100", r#"{"capacity":-1}"#, Code::DefinitionInvalid),
        ("PATCH /popup/slots/1100", r#"{"capacity":1000001}"#, Code::DefinitionInvalid),
        ("PATCH /popup/slots/1100", r#"{"capacity":1,"x":1}"#, Code::BodyMalformed),
        ("PATCH /popup/slots/No", r#"{"capacity":1}"#, Code::UnknownSlot),
        ("PATCH /popup/admission", r#"{"max_inside":0}"#, Code::DefinitionInvalid),
        ("PATCH /popup/admission", r#"{"rate":1}"#, Code::BodyMalformed),
        ("PATCH /popup/admission", "", Code::BodyMalformed),
        ("PATCH /other/admission", "{}", Code::UnknownEvent),
        ("PATCH /other/slots/1100", r#"{"capacity":1}"#, Code::UnknownEvent),
        ("DELETE /popup", "", Code::MethodNotAllowed),
    ] {
        world.call(line, body).await.problem(code);
    }
    assert_eq!(world.log.end(&event()).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn an_edit_nobody_decides_is_202_and_its_fact_follows_when_somebody_does() {
    let world = World::new();
    world.call("PUT /popup", definition("A", 20)).await.json(201);
    let open = world.call("PUT /popup", definition("B", 20)).await.json(202);
    assert_eq!((&open["offset"], &open["index"]), (&1.into(), &0.into()));
    assert_eq!(world.directory.get(&event()).unwrap().definition.title["en"], "A");
    // The next edit has to wait for this one.
    world.call("PUT /popup", definition("C", 20)).await.problem(Code::Overloaded);
    let owner = world.own();
    world.known(|event| event.definition.title["en"] == "B").await;
    world.call("PUT /popup", definition("C", 20)).await.json(200);
    owner.abort();
}

#[tokio::test(start_paused = true)]
async fn an_edit_that_nobody_ever_decides_changes_no_fact() {
    let world = World::new();
    world.call("PUT /popup", definition("A", 20)).await.json(201);
    world.call("PUT /popup", definition("B", 20)).await.json(202);
    sleep(Duration::from_secs(600)).await;
    assert_eq!(world.directory.get(&event()).unwrap().definition.title["en"], "A");
    // And the next one has its turn.
    world.call("PUT /popup", definition("C", 20)).await.json(202);
}

#[tokio::test(start_paused = true)]
async fn an_edit_is_settled_even_if_its_caller_hangs_up() {
    let world = World::new();
    world.call("PUT /popup", definition("A", 20)).await.json(201);
    let gone = world.spawn("PATCH /popup/admission", r#"{"rate_per_min":30}"#);
    while world.log.end(&event()).await != Ok(2) {
        sleep(Duration::from_millis(1)).await;
    }
    gone.abort();
    assert!(gone.await.is_err_and(|error| error.is_cancelled()));
    let owner = world.own();
    world.known(|event| event.definition.admission.rate_per_min == 30).await;
    owner.abort();
}

#[tokio::test(start_paused = true)]
async fn an_edit_whose_outcome_nobody_could_hear_is_not_begun() {
    let faults = Faults::plan(|call, _| (call == Call::Listen).then_some(Fault::Refused));
    let world = World::with_faults(faults);
    world.call("PUT /popup", definition("A", 20)).await.json(201);
    world.call("PUT /popup", definition("B", 20)).await.problem(Code::ViewUnknown);
    assert_eq!(world.log.end(&event()).await, Ok(1));
    // A step has no fact of its own to follow: it goes ahead.
    world.call("POST /popup/open", "").await.json(202);
    assert_eq!(world.log.end(&event()).await, Ok(2));
}
