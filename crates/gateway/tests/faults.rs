//! The stream over real sockets, while the view and the live channel fail.

mod scene;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use ports::memory::{Call, Fault, Faults};
use scene::{
    Scene, browser,
    socket::{shared, types},
};
use serde_json::json;
use tokio::time::sleep;
use twinkle_gateway::Limits;

/// A switch: while it is on, live messages reach nobody.
fn deaf() -> (Arc<AtomicBool>, Faults) {
    let switch = Arc::new(AtomicBool::new(false));
    let on = switch.clone();
    let faults = Faults::plan(move |call, _| {
        (call == Call::Write && on.load(Relaxed)).then_some(Fault::LiveDropped)
    });
    (switch, faults)
}

#[tokio::test]
async fn after_a_gap_everyone_is_told_what_they_missed() {
    let (deaf, faults) = deaf();
    let mut scene = Scene::with(Limits::default(), faults).await;
    let (first, second) = (browser(1), browser(2));
    scene.owner.join(&first).await;
    scene.owner.join(&second).await;
    let mut sockets = [scene.socket(Some(&first)).await, scene.socket(Some(&second)).await];
    for socket in &mut sockets {
        assert_eq!(socket.next_own().await["type"], "waiting");
    }
    deaf.store(true, Relaxed);
    scene.owner.admit(&first, 1).await;
    deaf.store(false, Relaxed);
    scene.owner.tick().await;
    assert_eq!(sockets[0].next_own().await["type"], "admitted");
    let rest = sockets[1].during(Duration::from_millis(800)).await;
    assert!(rest.iter().all(shared), "nothing changed for the second: {rest:?}");
}

#[tokio::test]
async fn after_a_lost_connection_everyone_is_told_what_they_missed() {
    let (deaf, faults) = deaf();
    let mut scene = Scene::with(Limits::default(), faults).await;
    let shopper = browser(1);
    scene.owner.join(&shopper).await;
    let mut socket = scene.socket(Some(&shopper)).await;
    assert_eq!(socket.next_own().await["type"], "waiting");
    deaf.store(true, Relaxed);
    scene.owner.admit(&shopper, 1).await;
    scene.view.disconnect();
    assert_eq!(socket.next_own().await["type"], "admitted");
    scene.view.disconnect();
    let rest = socket.during(Duration::from_millis(800)).await;
    assert!(rest.iter().all(shared), "told once: {rest:?}");
}

#[tokio::test]
async fn a_live_channel_that_fell_silent_is_noticed() {
    let (deaf, faults) = deaf();
    let mut scene = Scene::with(Limits::default(), faults).await;
    let shopper = browser(1);
    scene.owner.join(&shopper).await;
    let mut socket = scene.socket(Some(&shopper)).await;
    assert_eq!(socket.next_own().await["type"], "waiting");
    deaf.store(true, Relaxed);
    scene.owner.admit(&shopper, 1).await;
    assert_eq!(socket.next_own().await["type"], "admitted", "by looking each second");
}

#[tokio::test]
async fn a_rejoin_that_was_missed_is_followed() {
    use domain::Outcome;
    use scene::owner::{Step, attempt};
    use wire::{TicketState, view::TicketValue};

    let (deaf, faults) = deaf();
    let mut scene = Scene::with(Limits::default(), faults).await;
    let shopper = browser(1);
    scene.owner.join(&shopper).await;
    let mut socket = scene.socket(Some(&shopper)).await;
    assert_eq!(socket.next_own().await["type"], "waiting");
    let next = attempt(&shopper, 1);
    let left =
        TicketValue { state: TicketState::Left, next: Some(next), ..TicketValue::waiting(1) };
    let value = TicketValue { attempt: 1, ..TicketValue::waiting(2) };
    deaf.store(true, Relaxed);
    let tickets = vec![(attempt(&shopper, 0), left), (next, value.clone())];
    scene.owner.step(Step { tickets, told: vec![] }).await;
    deaf.store(false, Relaxed);
    scene.owner.tick().await;
    assert_eq!(socket.next_own().await["position"], 2);
    let until = 1_900_000_000_000;
    scene.owner.tell(next, value, Outcome::Inside { until }).await;
    assert_eq!(socket.next_own().await["type"], "inside", "and its new ticket is heard");
}

#[tokio::test]
async fn while_the_view_is_gone_the_last_frame_stays() {
    let mut scene = Scene::new().await;
    let shopper = browser(1);
    scene.owner.join(&shopper).await;
    let mut socket = scene.socket(Some(&shopper)).await;
    assert_eq!(socket.next_own().await["type"], "waiting");
    scene.view.wipe();
    scene.view.disconnect();
    let frames = socket.during(Duration::from_millis(2_500)).await;
    assert!(frames.len() >= 2, "the heart goes on: {frames:?}");
    assert!(types(&frames).iter().all(|kind| *kind == "progress"), "{frames:?}");
    assert!(frames.iter().all(|frame| frame["total"] == 1), "{frames:?}");

    let mut newcomer = scene.socket(Some(&shopper)).await;
    let frames = newcomer.during(Duration::from_millis(1_500)).await;
    assert_eq!(types(&frames)[..2], ["seats", "progress"]);
    assert!(frames.iter().all(shared), "nobody says `none`: {frames:?}");

    scene.owner.build().await;
    let own = json!({"type": "waiting", "position": 1, "ahead": 0, "eta_secs": 1});
    assert_eq!(newcomer.next_own().await, own);
    scene.owner.admit(&shopper, 1).await;
    assert_eq!(newcomer.next_own().await["type"], "admitted");
    assert_eq!(socket.next_own().await["type"], "admitted");
}

#[tokio::test]
async fn a_view_that_went_back_in_time_takes_nothing_back() {
    let mut scene = Scene::new().await;
    let shopper = browser(1);
    let before = scene.view.snapshot();
    scene.owner.join(&shopper).await;
    let mut socket = scene.socket(Some(&shopper)).await;
    assert_eq!(socket.next_own().await["type"], "waiting");
    scene.view.restore(&before);
    scene.view.disconnect();
    let mut newcomer = scene.socket(Some(&shopper)).await;
    let frames = socket.during(Duration::from_millis(2_500)).await;
    assert!(frames.iter().all(|frame| shared(frame) && frame["total"] == 1), "{frames:?}");
    let frames = newcomer.during(Duration::from_millis(500)).await;
    assert!(frames.iter().all(shared), "nobody says `none`: {frames:?}");
    scene.owner.build().await;
    assert_eq!(newcomer.next_own().await["type"], "waiting");
}

#[tokio::test]
async fn a_view_that_fails_now_and_then_only_delays() {
    let count = AtomicUsize::new(0);
    let faults = Faults::plan(move |call, _| {
        let reads = matches!(call, Call::Shared | Call::Tickets | Call::Listen);
        let fails = reads && count.fetch_add(1, Relaxed) % 3 == 2;
        fails.then_some(Fault::ReplyLost)
    });
    let mut scene = Scene::with(Limits::default(), faults).await;
    let shopper = browser(1);
    scene.owner.join(&shopper).await;
    let mut socket = scene.socket(Some(&shopper)).await;
    assert_eq!(socket.next_own().await["type"], "waiting");
    scene.owner.admit(&shopper, 1).await;
    scene.view.disconnect();
    assert_eq!(socket.next_own().await["type"], "admitted");
}

#[tokio::test]
async fn a_look_that_failed_is_taken_again() {
    let armed = Arc::new(AtomicBool::new(false));
    let fails = armed.clone();
    let faults = Faults::plan(move |call, _| {
        (call == Call::Tickets && fails.swap(false, Relaxed)).then_some(Fault::Refused)
    });
    let mut scene = Scene::with(Limits::default(), faults).await;
    let shopper = browser(1);
    scene.owner.join(&shopper).await;
    scene.get(scene::EVENT_PATH, &[]).await;
    sleep(Duration::from_millis(100)).await;
    armed.store(true, Relaxed);
    let mut socket = scene.socket(Some(&shopper)).await;
    assert_eq!(socket.next_own().await["type"], "waiting");
}

#[tokio::test]
async fn an_answer_is_not_older_than_the_view() {
    let (deaf, faults) = deaf();
    let scene = Scene::with(Limits::default(), faults).await;
    for number in 1..=3 {
        scene.owner.join(&browser(number)).await;
    }
    assert_eq!(scene.own("/ticket", &browser(3)).await.json()["ahead"], 2);
    deaf.store(true, Relaxed);
    scene.owner.admit(&browser(1), 1).await;
    let own = scene.own("/ticket", &browser(3)).await;
    assert_eq!(own.json()["ahead"], 1, "another gateway may have told it already");
}

#[tokio::test]
async fn look_ups_go_together() {
    const SOCKETS: u16 = 300;
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let faults = Faults::plan(move |call, _| {
        if call == Call::Tickets {
            counted.fetch_add(1, Relaxed);
        }
        None
    });
    let mut scene = Scene::with(Limits::default(), faults).await;
    let mut sockets = Vec::new();
    for number in 0..SOCKETS {
        sockets.push(scene.socket(Some(&browser(number))).await);
    }
    for socket in &mut sockets {
        assert_eq!(socket.next_own().await["type"], "none");
    }
    let before = calls.load(Relaxed);
    assert!(before <= usize::from(SOCKETS) + 5, "once a connection: {before}");
    sleep(Duration::from_millis(2_200)).await;
    assert_eq!(calls.load(Relaxed), before, "and never again while all goes well");
    scene.view.disconnect();
    sleep(Duration::from_millis(500)).await;
    assert_eq!(calls.load(Relaxed), before + 1, "one call reads them all again");
}

#[tokio::test]
async fn what_was_put_by_before_the_ticket_was_found_is_not_told() {
    let calls = AtomicUsize::new(0);
    let faults = Faults::plan(move |call, _| {
        let second = call == Call::Tickets && calls.fetch_add(1, Relaxed) == 1;
        second.then_some(Fault::Refused)
    });
    let mut scene = Scene::with(Limits::default(), faults).await;
    let shopper = browser(1);
    let place = scene.owner.next();
    let path = format!("/stream?seen={place}");
    let mut socket = scene.socket_at(&path, Some(&shopper)).await;
    // The hub reads the view, which does not know the ticket yet; the socket waits for it.
    sleep(Duration::from_millis(300)).await;
    scene.owner.join(&shopper).await;
    assert_eq!(socket.next_own().await["type"], "waiting", "never \"none\"");
}
