//! The stream over real sockets, while all goes well.

mod scene;

use std::time::{Duration, Instant};

use domain::{Address, Booking, EventState, Hold, Outcome, Refusal, Told};
use scene::{
    EVENT_PATH, ORIGIN, Scene, Socket, browser, cookie,
    owner::{Step, attempt, ticket, told},
    socket::{shared, types},
};
use serde_json::{Value, json};
use wire::{TicketState, view::TicketValue};

#[tokio::test]
async fn the_whole_state_comes_first() {
    let mut scene = Scene::new().await;
    let shopper = browser(1);
    scene.owner.join(&browser(2)).await;
    scene.owner.join(&shopper).await;
    let mut socket = scene.socket(Some(&shopper)).await;
    let seats = socket.next().await;
    assert_eq!(
        (&seats["type"], &seats["slots"]),
        (&json!("seats"), &json!({"1100": 20, "1200": 20}))
    );
    let progress = socket.next().await;
    assert_eq!((&progress["type"], &progress["total"]), (&json!("progress"), &json!(2)));
    assert_eq!((&progress["state"], &progress["to"]), (&json!("open"), &json!(12)));
    let own = json!({"type": "waiting", "position": 2, "ahead": 1, "eta_secs": 2});
    assert_eq!(socket.next().await, own);
}

#[tokio::test]
async fn what_is_true_of_the_event_is_told_to_who_comes() {
    let mut scene = Scene::new().await;
    scene.owner.change(|progress| {
        progress.state = EventState::Paused;
        progress.sold_out = true;
    });
    scene.owner.tick().await;
    let mut socket = scene.socket(None).await;
    let frames: Vec<Value> = vec![
        socket.next().await,
        socket.next().await,
        socket.next().await,
        socket.next().await,
        socket.next().await,
    ];
    assert_eq!(types(&frames), ["seats", "progress", "paused", "sold_out", "none"]);
}

#[tokio::test]
async fn the_own_state_moves_on_at_once() {
    let mut scene = Scene::new().await;
    let shopper = browser(1);
    let mut socket = scene.socket(Some(&shopper)).await;
    assert_eq!(socket.next_own().await["type"], "none");

    let position = scene.owner.join(&shopper).await;
    assert_eq!(socket.next_own().await["position"], 1);
    let sent = Instant::now();
    scene.owner.admit(&shopper, position).await;
    assert_eq!(socket.next_own().await["type"], "admitted");
    assert!(sent.elapsed() < scene::WAIT);

    let inside = TicketValue {
        state: TicketState::Inside,
        until: Some(1_900_000_000_000),
        ..TicketValue::waiting(1)
    };
    let id = ticket(&shopper);
    let numbered = |outcome| Told { seq: Some(7), ..told(id, outcome) };
    let entered = numbered(Outcome::Inside { until: 1_900_000_000_000 });
    scene.owner.step(Step { tickets: vec![(id, inside)], told: vec![entered] }).await;
    let frame = socket.next_own().await;
    assert_eq!((&frame["type"], &frame["seq"]), (&json!("inside"), &json!(7)));
    assert_eq!(frame["pass"], scene.own("/ticket", &shopper).await.json()["pass"]);

    let slot = || "1100".parse().unwrap();
    let hold = Hold { slot: slot(), seats: 2, until: 1_900_000_000_000 };
    let id_of_booking = Address { offset: 99, index: 3 };
    let booking = Booking { id: id_of_booking, slot: slot(), seats: 2, reference: None };
    let outcomes = [
        Outcome::Refused { refusal: Refusal::NotEnoughSeats },
        Outcome::Held { hold },
        Outcome::Released { until: 1_900_000_000_000, ran_out: true },
        Outcome::Booked { booking },
        Outcome::Cancelled,
    ];
    scene.owner.step(Step { tickets: vec![], told: outcomes.map(numbered).into() }).await;
    let mut frames = Vec::new();
    for _ in 0..5 {
        frames.push(socket.next_own().await);
    }
    assert_eq!(types(&frames), ["refused", "held", "released", "booked", "cancelled"]);
    assert_eq!(
        (&frames[0]["code"], &frames[3]["booking"]),
        (&json!("not_enough_seats"), &json!("99-3"))
    );
}

#[tokio::test]
async fn all_tabs_of_a_shopper_hear_it_and_nobody_else() {
    let mut scene = Scene::new().await;
    let shopper = browser(1);
    let mut tabs = [scene.socket(Some(&shopper)).await, scene.socket(Some(&shopper)).await];
    let mut other = scene.socket(Some(&browser(2))).await;
    for tab in &mut tabs {
        assert_eq!(tab.next_own().await["type"], "none");
    }
    scene.owner.join(&shopper).await;
    for tab in &mut tabs {
        assert_eq!(tab.next_own().await["type"], "waiting");
    }
    let heard = other.during(Duration::from_millis(600)).await;
    let own: Vec<&Value> = heard.iter().filter(|frame| !shared(frame)).collect();
    assert_eq!(own, [&json!({"type": "none"})]);
}

#[tokio::test]
async fn an_answer_told_again_is_not_news() {
    let mut scene = Scene::new().await;
    let shopper = browser(1);
    scene.owner.join(&shopper).await;
    let mut socket = scene.socket(Some(&shopper)).await;
    assert_eq!(socket.next_own().await["type"], "waiting");
    let refused = Outcome::Refused { refusal: Refusal::NotAdmitted };
    let again = Told { fresh: false, ..told(ticket(&shopper), refused) };
    scene.owner.step(Step { tickets: vec![], told: vec![again] }).await;
    let frames = socket.during(Duration::from_millis(700)).await;
    assert!(frames.iter().all(shared), "{frames:?}");
}

#[tokio::test]
async fn who_joins_again_is_followed() {
    let mut scene = Scene::new().await;
    let shopper = browser(1);
    scene.owner.join(&shopper).await;
    let mut socket = scene.socket(Some(&shopper)).await;
    assert_eq!(socket.next_own().await["type"], "waiting");
    for number in 0..3 {
        let (old, new) = (attempt(&shopper, number), attempt(&shopper, number + 1));
        let left = TicketValue {
            state: TicketState::Left,
            next: Some(new),
            attempt: number,
            ..TicketValue::waiting(1)
        };
        let position = u32::from(number) + 2;
        let value = TicketValue { attempt: number + 1, ..TicketValue::waiting(position) };
        let outcomes = vec![
            told(old, Outcome::Left),
            told(old, Outcome::Followed { next: new }),
            told(new, Outcome::Waiting { position }),
        ];
        scene.owner.step(Step { tickets: vec![(old, left), (new, value)], told: outcomes }).await;
        assert_eq!(socket.next_own().await["type"], "left");
        assert_eq!(socket.next_own().await["position"], position);
    }
    let until = 1_900_000_000_000;
    let (last, value) = (attempt(&shopper, 3), TicketValue::waiting(4));
    scene.owner.tell(last, value, Outcome::Inside { until }).await;
    let pass = socket.next_own().await["pass"].as_str().unwrap().to_owned();
    let claims = pass.split('.').nth(1).unwrap();
    let mut again = scene.socket(Some(&shopper)).await;
    assert_eq!(again.next_own().await["position"], 4, "a new socket finds the latest");
    assert!(!claims.is_empty());
}

#[tokio::test]
async fn shared_frames_are_few_and_join_up() {
    let mut scene = Scene::new().await;
    let mut socket = scene.socket(None).await;
    assert_eq!(socket.next_own().await["type"], "none");
    let begun = Instant::now();
    for number in 0..200 {
        scene.owner.join(&browser(number)).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let wanted = scene.owner.next();
    let mut covered = 10;
    let mut count = 0;
    while covered < wanted {
        let frame = socket.next_of("progress").await;
        let (from, to) = (frame["from"].as_u64().unwrap(), frame["to"].as_u64().unwrap());
        assert!(from <= covered && to >= covered, "{frame} after {covered}");
        (covered, count) = (to, count + 1);
    }
    // Four a second, the heartbeats, and one at either end.
    let most = begun.elapsed().as_millis() as u64 / 200 + 2;
    assert!(count <= most, "{count} frames in {:?}", begun.elapsed());
}

#[tokio::test]
async fn the_heart_beats_when_nothing_happens() {
    let mut scene = Scene::new().await;
    let mut socket = scene.socket(None).await;
    assert_eq!(socket.next_own().await["type"], "none");
    let frames = socket.during(Duration::from_millis(3_500)).await;
    assert!((3..=4).contains(&frames.len()), "{frames:?}");
    assert!(types(&frames).iter().all(|kind| *kind == "progress"));
}

#[tokio::test]
async fn turns_of_the_event_are_told_once() {
    let mut scene = Scene::new().await;
    let mut socket = scene.socket(None).await;
    assert_eq!(socket.next_own().await["type"], "none");
    let change = async |change: fn(&mut wire::view::Progress)| {
        scene.owner.change(change);
        scene.owner.tick().await;
        tokio::time::sleep(Duration::from_millis(400)).await;
    };
    change(|progress| progress.state = EventState::Paused).await;
    change(|progress| progress.state = EventState::Open).await;
    change(|progress| {
        progress.sold_out = true;
        progress.slots[1].sold = 20;
    })
    .await;
    change(|progress| progress.state = EventState::Closed).await;
    let frames = socket.during(Duration::from_millis(500)).await;
    let told = types(&frames);
    let turns: Vec<_> = told.iter().filter(|kind| **kind != "progress").collect();
    assert_eq!(turns, [&"paused", &"resumed", &"seats", &"sold_out", &"closed"]);
}

#[tokio::test]
async fn nobody_sees_more_ahead_than_before() {
    let mut scene = Scene::new().await;
    let shopper = browser(1);
    for number in 2..=50 {
        scene.owner.join(&browser(number)).await;
    }
    let position = u64::from(scene.owner.join(&shopper).await);
    let mut least = u64::MAX;
    for serving in 0..40 {
        scene.owner.change(|progress| progress.serving = serving);
        scene.owner.tick().await;
        let mut socket = scene.socket(Some(&shopper)).await;
        loop {
            let frame = socket.next().await;
            let ahead = match frame["type"].as_str() {
                Some("progress") => position - 1 - frame["serving"].as_u64().unwrap(),
                Some("waiting") => frame["ahead"].as_u64().unwrap(),
                _ => continue,
            };
            assert!(ahead <= least, "{ahead} after {least}: {frame}");
            least = ahead;
            if frame["type"] == "waiting" {
                break;
            }
        }
        let own = scene.own("/ticket", &shopper).await.json()["ahead"].as_u64().unwrap();
        assert!(own <= least, "{own} after {least}");
        least = own;
    }
}

#[tokio::test]
async fn a_stream_waits_for_what_the_browser_has_seen() {
    let mut scene = Scene::new().await;
    let shopper = browser(1);
    let offset = scene.owner.next();
    let mut socket = scene.socket_at(&format!("/stream?seen={offset}"), Some(&shopper)).await;
    assert_eq!(socket.during(Duration::from_millis(1_500)).await, Vec::<Value>::new());
    scene.owner.join(&shopper).await;
    let frames = [socket.next().await, socket.next().await, socket.next().await];
    assert_eq!(types(&frames), ["seats", "progress", "waiting"]);
}

#[tokio::test]
async fn many_sockets_get_the_same_message() {
    const SOCKETS: u16 = 400;
    let mut scene = Scene::new().await;
    for number in 0..SOCKETS {
        scene.owner.join(&browser(number)).await;
    }
    let address = scene.serve();
    let path = format!("{EVENT_PATH}/stream");
    let dial = async |number| {
        let cookie = cookie(&browser(number));
        Socket::dial(address, &path, Some(&cookie), Some(ORIGIN)).await.unwrap()
    };
    let mut sockets = Vec::new();
    for number in 0..SOCKETS {
        sockets.push(dial(number).await);
    }
    for (number, socket) in sockets.iter_mut().enumerate() {
        assert_eq!(socket.next_own().await["position"], number + 1);
    }
    scene.owner.change(|progress| progress.serving = 77);
    scene.owner.tick().await;
    let mut frames = std::collections::BTreeSet::new();
    for socket in &mut sockets {
        let served = async {
            loop {
                let frame = socket.next_of("progress").await;
                if frame["serving"] == 77 {
                    return frame.to_string();
                }
            }
        };
        frames.insert(served.await);
    }
    assert!(frames.len() <= 2, "the news, or a heartbeat after it: {frames:?}");
}
