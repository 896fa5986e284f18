//! The life of an event, and its numbers.

use serde_json::json;
use wire::Code;

use crate::world::{World, definition};

#[tokio::test]
async fn an_event_goes_through_its_life() {
    let world = World::new();
    let owner = world.own();
    world.call("PUT /popup", definition("A", 20)).await.json(201);
    world.call("POST /popup/pause", "").await.problem(Code::WrongState);
    for (step, state) in [
        ("open", "open"),
        ("open", "open"),
        ("pause", "paused"),
        ("pause", "paused"),
        ("resume", "open"),
        ("close", "closed"),
        ("archive", "archived"),
        ("archive", "archived"),
    ] {
        let answer = world.call(&format!("POST /popup/{step}"), "").await.json(200);
        assert_eq!(answer["state"], state, "{step}");
        let shown = world.call("GET /popup", "").await.json(200);
        assert_eq!(shown["state"], state, "the facts show {step}");
    }
    for step in ["open", "pause", "resume", "close"] {
        world.call(&format!("POST /popup/{step}"), "").await.problem(Code::EventArchived);
    }
    let admission = world.call("PATCH /popup/admission", "{}").await;
    admission.problem(Code::EventArchived);
    world.call("POST /other/open", "").await.problem(Code::UnknownEvent);
    owner.abort();
}

#[tokio::test(start_paused = true)]
async fn a_step_nobody_decides_is_202_with_its_place_in_the_log() {
    let world = World::new();
    world.call("PUT /popup", definition("A", 20)).await.json(201);
    let open = world.call("POST /popup/open", "").await.json(202);
    assert_eq!(
        (&open["id"], &open["offset"], &open["index"]),
        (&"popup".into(), &1.into(), &0.into())
    );
}

#[tokio::test]
async fn stats_are_the_views_or_unknown() {
    let world = World::new();
    world.call("GET /popup/stats", "").await.problem(Code::UnknownEvent);
    world.call("PUT /popup", definition("A", 20)).await.json(201);
    world.call("GET /popup/stats", "").await.problem(Code::ViewUnknown);
    let owner = world.own();
    world.call("POST /popup/open", "").await.json(200);
    let stats = world.call("GET /popup/stats", "").await.json(200);
    let slots = json!([{"id": "1100", "capacity": 20, "held": 0, "sold": 0, "remaining": 20}]);
    let expected = json!({
        "id": "popup", "state": "open", "at": "1970-01-01T00:00:01.000Z", "epoch": 1,
        "generation": "1.2", "next": 2, "serving": 0, "total": 7, "rate": 600, "waiting": 1,
        "admitted": 2, "inside": 3, "holding": 4, "booked": 5, "sold_out": false, "slots": slots,
    });
    assert_eq!(stats, expected);
    world.view.wipe();
    world.call("GET /popup/stats", "").await.problem(Code::ViewUnknown);
    owner.abort();
}
