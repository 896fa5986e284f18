//! What can be read, over the router.

mod scene;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use domain::{Hold, Outcome};
use ports::memory::{Call, Fault, Faults};
use scene::{
    EVENT_PATH, Scene, browser, cookie,
    owner::{attempt, ticket},
};
use serde_json::json;
use tokio::time::sleep;
use twinkle_gateway::Limits;
use wire::{Chain, HeadSigner, LogHead, PassKeys, TicketState, view::TicketValue};

#[tokio::test]
async fn anyone_may_know_the_facts() {
    let scene = Scene::new().await;
    let answer = scene.get(EVENT_PATH, &[]).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let facts = answer.json();
    assert_eq!((&facts["id"], &facts["state"]), (&json!("popup"), &json!("open")));
    assert_eq!(facts["slots"][0]["remaining"], 20);
    assert_eq!(facts["slots"][0]["starts_at"], "2026-12-05T04:00:00.000Z");
    assert!(!answer.text.contains("5a5a"), "the salt is nobody's business");

    scene.owner.change(|progress| progress.slots[0].sold = 3);
    scene.owner.tick().await;
    let soon = async {
        while scene.get(EVENT_PATH, &[]).await.json()["slots"][0]["remaining"] != 17 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_millis(500), soon).await.expect("it is told live");
}

#[tokio::test]
async fn the_signed_head_is_public() {
    let path = format!("{EVENT_PATH}/head");
    let scene = Scene::new().await;
    let answer = scene.get(&path, &[]).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "view_unknown"), "none signed yet");
    assert_eq!(scene.get("/api/v1/events/nope/head", &[]).await.code(), "unknown_event");

    let head = LogHead {
        event: "popup".parse().unwrap(),
        next: 10,
        chain: Chain::start(&"popup".parse().unwrap()),
        at: 1_796_443_200_000,
        epoch: domain::Epoch(1),
    };
    let keys = PassKeys::parse(&wire::format_key("k1", &[7; 32])).unwrap();
    let text = HeadSigner { keys, issuer: "https://queue.example".to_owned() }.sign(&head);
    scene.owner.sign(&text);
    scene.owner.tick().await;
    let soon = async {
        while scene.get(&path, &[]).await.status != 200 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), soon).await.expect("it is read within seconds");
    let shown = scene.get(&path, &[]).await.json();
    assert_eq!((&shown["event"], &shown["next"]), (&json!("popup"), &json!(10)));
    assert_eq!(shown["at"], "2026-12-05T04:00:00.000Z");
    assert_eq!(shown["chain"], json!(head.chain.to_string()));
    assert_eq!(shown["head"], json!(text), "the same, signed");
}

#[tokio::test]
async fn an_event_that_nobody_made_is_unknown() {
    let scene = Scene::new().await;
    assert_eq!(scene.get(EVENT_PATH, &[]).await.status, 200);
    for path in ["/api/v1/events/nope", "/api/v1/events/nope/ticket", "/api/v1/events/NO%20ID"] {
        let answer = scene.get(path, &[]).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "unknown_event"), "{path}");
    }
}

#[tokio::test]
async fn an_event_that_was_there_is_never_unknown() {
    let scene = Scene::empty(Limits::default(), Faults::default());
    let answer = scene.get(EVENT_PATH, &[]).await;
    assert_eq!(answer.code(), "view_unknown", "the view may only just be built");
    scene.owner.build().await;
    assert_eq!(scene.get(EVENT_PATH, &[]).await.status, 200);

    scene.view.wipe();
    assert_eq!(scene.get(EVENT_PATH, &[]).await.status, 200, "the last known facts stay");
    assert_eq!(scene.get("/api/v1/events/nope", &[]).await.code(), "view_unknown");
    let answer = scene.own("/ticket", &browser(1)).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "view_unknown"));
    assert!(!answer.header("retry-after").is_empty());
    scene.owner.build().await;
    assert_eq!(scene.own("/ticket", &browser(1)).await.code(), "no_ticket");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_nobody_looks_at_is_let_go_but_not_forgotten() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let faults = Faults::plan(move |call, _| {
        if call == Call::Shared {
            counted.fetch_add(1, Relaxed);
        }
        None
    });
    let scene = Scene::with(Limits::default(), faults).await;
    assert_eq!(scene.get(EVENT_PATH, &[]).await.status, 200);
    sleep(Duration::from_secs(70)).await;
    let before = calls.load(Relaxed);
    sleep(Duration::from_secs(70)).await;
    assert_eq!(calls.load(Relaxed), before, "nobody reads it any more");

    scene.view.wipe();
    assert_eq!(scene.get(EVENT_PATH, &[]).await.code(), "view_unknown", "it was there once");
    scene.owner.build().await;
    assert_eq!(scene.get(EVENT_PATH, &[]).await.status, 200);
}

#[tokio::test]
async fn a_view_that_fails_is_not_an_answer() {
    let faults = Faults::plan(|call, _| (call == Call::Shared).then_some(Fault::Refused));
    let scene = Scene::with(Limits::default(), faults).await;
    assert_eq!(scene.get(EVENT_PATH, &[]).await.code(), "view_unknown");
    assert_eq!(scene.get("/api/v1/events/nope", &[]).await.code(), "view_unknown");
}

#[tokio::test]
async fn everyone_reads_their_own_state() {
    let scene = Scene::new().await;
    let (first, second) = (browser(1), browser(2));
    scene.owner.join(&first).await;
    scene.owner.join(&second).await;
    let own = scene.own("/ticket", &second).await.json();
    let id = wire::ticket::text(ticket(&second));
    let waiting = json!({
        "ticket": id, "state": "waiting", "position": 2, "ahead": 1, "eta_secs": 2, "attempt": 0,
    });
    assert_eq!(own, waiting);

    let (until, position) = (1_900_000_000_000, 1);
    let hold = Hold { slot: "1100".parse().unwrap(), seats: 2, until };
    let value = TicketValue {
        state: TicketState::Holding,
        until: Some(until),
        hold: Some(hold.clone()),
        ..TicketValue::waiting(position)
    };
    scene.owner.tell(ticket(&first), value, Outcome::Held { hold }).await;
    let own = scene.own("/ticket", &first).await.json();
    assert_eq!((&own["state"], &own["hold"]["seats"]), (&json!("holding"), &json!(2)));
    assert_eq!(own["hold"]["until"], "2030-03-17T17:46:40.000Z");
    let pass = own["pass"].as_str().expect("inside is a pass");
    assert_eq!(pass.split('.').count(), 3);
    assert_eq!(own["pass"], scene.own("/ticket", &first).await.json()["pass"], "always the same");
    assert_eq!(scene.own("/ticket", &browser(3)).await.code(), "no_ticket");
}

#[tokio::test]
async fn a_cookie_that_does_not_count_gets_a_fresh_one() {
    let scene = Scene::new().await;
    let path = format!("{EVENT_PATH}/ticket");
    let forged = cookie(&browser(1)).replace("twinkle=1.k.", "twinkle=1.x.");
    let old = format!("twinkle={}", scene::cookie_keys().sign(&browser(1), 1_600_000_000));
    let cases = [
        (Vec::new(), "cookie_missing"),
        (vec![("cookie", forged.as_str())], "cookie_invalid"),
        (vec![("cookie", old.as_str())], "cookie_expired"),
    ];
    for (headers, code) in cases {
        let answer = scene.get(&path, &headers).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, code));
        let fresh = answer.header("set-cookie");
        assert!(fresh.starts_with("twinkle=1.k.") && fresh.contains("HttpOnly"), "{fresh}");
    }
}

#[tokio::test]
async fn what_was_seen_must_be_in_the_view() {
    let scene = Scene::new().await;
    let shopper = browser(1);
    let offset = scene.owner.next();
    let path = format!("/ticket?seen={offset}");
    let answer = scene.own(&path, &shopper).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "view_unknown"), "not `no_ticket`");

    let late = async {
        sleep(Duration::from_millis(200)).await;
        scene.owner.join(&shopper).await;
    };
    let (answer, ()) = tokio::join!(scene.own(&path, &shopper), late);
    assert_eq!(answer.json()["position"], 1, "a little patience saves a question");
    let answer = scene.own("/ticket?seen=never", &shopper).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "header_malformed"));
    assert_eq!(scene.own(&format!("/ticket?seen={}", u64::MAX), &shopper).await.status, 503);
}

/// Far below the time between two looks at the view.
const LISTENS: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_view_behind_what_was_only_heard_is_not_believed() {
    let scene = Scene::new().await;
    scene.get(EVENT_PATH, &[]).await;
    tokio::time::sleep(LISTENS).await;
    let before = scene.view.snapshot();
    let seen = scene.owner.next();
    scene.owner.join(&browser(1)).await;
    tokio::time::sleep(LISTENS).await;
    // The live message has come, and nothing was read since: a replica that lacks it leads now.
    scene.view.restore(&before);
    let own = scene.own(&format!("/ticket?seen={seen}"), &browser(1)).await;
    assert_eq!((own.status, own.code().as_str()), (503, "view_unknown"), "{own:?}");
}

#[tokio::test]
async fn a_view_that_went_back_in_time_is_not_believed() {
    let scene = Scene::new().await;
    let shopper = browser(1);
    let before = scene.view.snapshot();
    scene.owner.join(&shopper).await;
    assert_eq!(scene.own("/ticket", &shopper).await.status, 200);
    scene.view.restore(&before);
    let answer = scene.own("/ticket", &shopper).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "view_unknown"), "not `no_ticket`");
    scene.owner.build().await;
    assert_eq!(scene.own("/ticket", &shopper).await.json()["position"], 1);
}

#[tokio::test]
async fn the_latest_attempt_counts() {
    let scene = Scene::new().await;
    let shopper = browser(1);
    for number in 0..40 {
        let value = TicketValue {
            attempt: number,
            state: TicketState::Left,
            next: Some(attempt(&shopper, number + 1)),
            ..TicketValue::waiting(u32::from(number) + 1)
        };
        scene.owner.tell(attempt(&shopper, number), value, Outcome::Left).await;
    }
    let last = TicketValue { attempt: 40, ..TicketValue::waiting(41) };
    let outcome = Outcome::Waiting { position: 41 };
    scene.owner.tell(attempt(&shopper, 40), last.clone(), outcome).await;
    let own = scene.own("/ticket", &shopper).await.json();
    assert_eq!(own["ticket"], wire::ticket::text(attempt(&shopper, 40)));
    assert_eq!((&own["attempt"], &own["position"]), (&json!(40), &json!(41)));
}

#[tokio::test]
async fn keys_and_files() {
    let scene = Scene::new().await;
    let answer = scene.get("/.well-known/jwks.json", &[]).await;
    assert_eq!(answer.json()["keys"][0]["kid"], "p");
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    for asset in twinkle_gateway::page::ASSETS.iter() {
        let answer = scene.get(&asset.path, &[]).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, asset.content_type));
        assert!(answer.header("cache-control").contains("immutable"));
        assert_eq!(answer.text, asset.body);
    }
    assert_eq!(scene.get("/", &[]).await.status, 404);
}

#[test]
fn the_description_has_every_call() {
    let text = serde_json::to_string(&twinkle_gateway::openapi()).unwrap();
    for path in [EVENT_PATH, "/ticket", "/stream"] {
        let path = path.replace("popup", "{event}");
        assert!(text.contains(&path), "{path}");
    }
    for name in ["/.well-known/jwks.json", "EventBody", "TicketBody", "Problem", "no_ticket"] {
        assert!(text.contains(name), "{name}");
    }
}
