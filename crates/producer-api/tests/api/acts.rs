//! Commands of a ticket: what is appended, what is refused at once, and waiting for the outcome.

use std::time::Duration;

use axum::body::Body;
use domain::{
    Action, Address, Booking, Command, Epoch, EventState, Hold, Outcome, Refusal, TicketId, Told,
};
use http::{Request, StatusCode};
use ports::{Generation, Head, ViewWriter, Write};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use wire::{
    Code,
    ticket::{self, ticket_id},
    view::{LiveMessage, Progress},
};

use crate::world::{SALT, WAIT, World, event, request};

fn call(line: &str, headers: &[&str], body: &str) -> Request<Body> {
    let (method, rest) = line.split_once(' ').unwrap();
    request(&format!("{method} /api/v1/events/popup/{rest}"), headers, body.to_owned())
}

#[tokio::test]
async fn each_call_is_its_command_of_the_first_ticket() {
    let world = World::new().await;
    let (browser, cookie) = world.browser();
    let ticket = ticket_id(&SALT, &browser, 0);
    let hold = |seats| Action::Hold { slot: "1100".parse().unwrap(), seats };
    let book = |reference: Option<&str>| Action::Book { reference: reference.map(Into::into) };
    for (offset, (line, body, action)) in [
        ("POST entry", "", Action::Enter),
        ("PUT hold", r#"{"slot":"1100","seats":1}"#, hold(1)),
        ("PUT hold", r#"{"slot":"1100","seats":100}"#, hold(100)),
        ("DELETE hold", "", Action::Release),
        ("PUT booking", "", book(None)),
        ("PUT booking", r#"{"reference":"order \"7\" ü"}"#, book(Some("order \"7\" ü"))),
        ("DELETE booking", "", Action::Cancel),
        ("DELETE ticket", "", Action::Leave),
    ]
    .into_iter()
    .enumerate()
    {
        let cookie = format!("cookie: {cookie}");
        let seq = format!("twinkle-seq: {offset}");
        let answer = world.send(call(line, &[&cookie, &seq], body)).await;
        assert_eq!(answer.ticket(), ticket);
        assert_eq!(answer.accepted().stream, None);
        let seq = u32::try_from(offset).ok();
        assert_eq!(world.command(answer.address()).await, Command::Act { ticket, seq, action });
    }
    let answer = world.send(call("POST entry", &[&format!("cookie: {cookie}")], "")).await;
    let command = Command::Act { ticket, seq: None, action: Action::Enter };
    assert_eq!(world.command(answer.address()).await, command);
}

#[tokio::test]
async fn what_can_never_be_is_refused_before_the_log() {
    let world = World::new().await;
    let cookie = format!("cookie: {}", world.browser().1);
    let hold = |seats: &str| format!(r#"{{"slot":"1100","seats":{seats}}}"#);
    let long = format!(r#"{{"reference":"{}"}}"#, "ü".repeat(65));
    for (line, header, body, code) in [
        ("PUT hold", "accept: */*", hold("0"), Code::BadSeats),
        ("PUT hold", "accept: */*", hold("-1"), Code::BadSeats),
        ("PUT hold", "accept: */*", hold("1000000000"), Code::BadSeats),
        ("PUT hold", "accept: */*", hold("101"), Code::BadSeats),
        ("PUT hold", "accept: */*", hold("1.5"), Code::BodyMalformed),
        ("PUT hold", "accept: */*", hold("\"2\""), Code::BodyMalformed),
        ("PUT hold", "accept: */*", r#"{"slot":"No Slot","seats":1}"#.into(), Code::UnknownSlot),
        ("PUT hold", "accept: */*", r#"{"slot":"1100"}"#.into(), Code::BodyMalformed),
        ("PUT hold", "accept: */*", String::new(), Code::BodyMalformed),
        ("PUT booking", "accept: */*", long, Code::BodyMalformed),
        ("POST entry", "twinkle-seq: -1", String::new(), Code::HeaderMalformed),
        ("POST entry", "twinkle-seq: +1", String::new(), Code::HeaderMalformed),
        ("POST entry", "twinkle-seq: 4294967296", String::new(), Code::HeaderMalformed),
        ("POST entry", "twinkle-seq: ", String::new(), Code::HeaderMalformed),
        ("POST entry", "idempotency-key: a b", String::new(), Code::HeaderMalformed),
        ("POST entry", "origin: https://evil.example", String::new(), Code::OriginForbidden),
        ("POST entry?wait=soon", "accept: */*", String::new(), Code::HeaderMalformed),
        ("POST entry?wait=-1s", "accept: */*", String::new(), Code::HeaderMalformed),
        ("POST entry?wait=2", "accept: */*", String::new(), Code::HeaderMalformed),
        ("POST hold", "accept: */*", hold("1"), Code::MethodNotAllowed),
    ] {
        world.send(call(line, &[&cookie, header], &body)).await.problem(code);
    }
    assert!(world.nothing_appended().await);
}

#[tokio::test]
async fn a_command_needs_the_cookie_and_gets_one_for_the_next_time() {
    let world = World::new().await;
    let (_, cookie) = world.browser();
    let forged = cookie.replace("1.a.", "1.b.");
    let calls = ["POST entry", "DELETE hold", "DELETE booking", "DELETE ticket", "PUT booking"];
    for line in calls {
        let missing = world.send(call(line, &[], "")).await;
        missing.problem(Code::CookieMissing);
        assert!(missing.cookie().is_some());
        let invalid = world.send(call(line, &[&format!("cookie: {forged}")], "")).await;
        invalid.problem(Code::CookieInvalid);
        assert!(invalid.cookie().is_some());
    }
    world.clock.put(1_000_000 + 90 * 86_400);
    let expired = world.send(call("POST entry", &[&format!("cookie: {cookie}")], "")).await;
    expired.problem(Code::CookieExpired);
    assert!(expired.cookie().is_some());
    assert!(world.nothing_appended().await);
}

#[tokio::test]
async fn the_fold_decides_unless_the_event_is_over_for_good() {
    let world = World::new().await;
    let cookie = format!("cookie: {}", world.browser().1);
    world.state(EventState::Closed, 2).await;
    world.send(call("POST entry", &[&cookie], "")).await.accepted();
    world.state(EventState::Archived, 3).await;
    world.send(call("POST entry", &[&cookie], "")).await.problem(Code::EventArchived);
    let unknown = request("POST /api/v1/events/other/entry", &[&cookie], "");
    world.send(unknown).await.problem(Code::UnknownEvent);
}

fn message(from: u64, to: u64, told: Vec<Told>) -> LiveMessage {
    let progress = Progress {
        from,
        to,
        at: 0,
        state: EventState::Open,
        serving: 0,
        total: 0,
        rate: 60,
        waiting: 0,
        admitted: 0,
        inside: 0,
        holding: 0,
        booked: 0,
        sold_out: false,
        slots: Vec::new(),
    };
    LiveMessage { progress, definition: None, told, traces: Vec::new() }
}

/// Waits for a command and says what became of it, as the event's owner does.
async fn say(world: &World, outcome: Outcome) {
    let decided = async {
        while world.nothing_appended().await {
            sleep(Duration::from_millis(1)).await;
        }
        let Command::Act { ticket, seq, .. } = world.command(Address::default()).await else {
            panic!("the first command is an act");
        };
        told(ticket, seq, outcome)
    };
    let told = timeout(WAIT, decided).await.expect("a command");
    let (epoch, counter) = (Epoch(1), 0);
    let head = Head { epoch, generation: Generation { epoch, counter }, next: 1 };
    let live = message(0, 1, vec![told]).encode().into();
    let write = Write { head, from: 0, shared: "".into(), entries: Vec::new(), live };
    world.view.rebuild(&event(), write).await.unwrap();
}

fn told(ticket: TicketId, seq: Option<u32>, outcome: Outcome) -> Told {
    let address = Some(Address::default());
    Told { address, ticket: Some(ticket), seq, outcome, fresh: true }
}

async fn waited(outcome: Outcome, line: &str, body: &str) -> crate::world::Answer {
    let world = World::new().await;
    let cookie = format!("cookie: {}", world.browser().1);
    let asked = world.spawn(call(line, &[&cookie, "twinkle-seq: 3"], body));
    say(&world, outcome).await;
    timeout(WAIT, asked).await.expect("an answer").unwrap()
}

#[tokio::test]
async fn who_waits_gets_the_outcome() {
    let slot: domain::SlotId = "1100".parse().unwrap();
    let hold = Hold { slot: slot.clone(), seats: 2, until: 1_000 };
    let until = "1970-01-01T00:00:01.000Z";
    let held = json!({"type": "held", "slot": "1100", "seats": 2, "until": until, "seq": 3});
    let booking = Booking { id: Address::new(7, 2), slot, seats: 2, reference: None };
    let booked = json!({"type": "booked", "booking": "7-2", "slot": "1100", "seats": 2, "seq": 3});
    let left = json!({"type": "left", "seq": 3});
    for (outcome, line, body, frame) in [
        (Outcome::Held { hold }, "PUT hold?wait=5s", r#"{"slot":"1100","seats":2}"#, held),
        (Outcome::Booked { booking }, "PUT booking?wait=5000ms", "", booked),
        (Outcome::Left, "DELETE ticket?wait=1000s", "", left),
    ] {
        let answer = waited(outcome, line, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(serde_json::from_str::<Value>(&answer.text).unwrap(), frame);
    }
}

#[tokio::test]
async fn who_enters_and_waits_gets_the_pass() {
    let answer = waited(Outcome::Inside { until: 90_500 }, "POST entry?wait=5s", "").await;
    let frame: Value = serde_json::from_str(&answer.text).unwrap();
    assert_eq!(frame["type"], "inside");
    let claims = frame["pass"].as_str().unwrap().split('.').nth(1).unwrap().to_owned();
    let claims: Value = serde_json::from_slice(&base64url(&claims)).unwrap();
    assert_eq!(claims["aud"], "popup");
    assert_eq!(claims["iss"], crate::world::ORIGIN);
    assert_eq!(claims["exp"], 90);
    assert!(ticket::parse(claims["sub"].as_str().unwrap()).is_some());
}

fn base64url(text: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits = text.bytes().map(|b| alphabet.iter().position(|a| *a == b).unwrap());
    let (mut bytes, mut buffer, mut count) = (Vec::new(), 0_usize, 0);
    for six in bits {
        (buffer, count) = (buffer << 6 | six, count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(buffer >> count & 0xff).unwrap());
        }
    }
    bytes
}

#[tokio::test]
async fn who_waits_gets_the_problem() {
    let refusal = Refusal::StaleSeq { current: 9 };
    let answer = waited(Outcome::Refused { refusal }, "POST entry?wait=5s", "").await;
    answer.problem(Code::StaleSeq);
    assert_eq!(serde_json::from_str::<Value>(&answer.text).unwrap()["current"], 9);
    let refusal = Refusal::NotAdmitted;
    let answer = waited(Outcome::Refused { refusal }, "POST entry?wait=5s", "").await;
    answer.problem(Code::NotAdmitted);
}

#[tokio::test]
async fn an_outcome_that_does_not_come_in_time_is_left_to_the_stream() {
    let world = World::new().await;
    let cookie = format!("cookie: {}", world.browser().1);
    world.send(call("POST entry?wait=50ms", &[&cookie], "")).await.accepted();
    // Two may wait at once; the third is answered without.
    let waiting: Vec<_> =
        (0..2).map(|_| world.spawn(call("POST entry?wait=5s", &[&cookie], ""))).collect();
    sleep(Duration::from_millis(100)).await;
    let third =
        timeout(Duration::from_secs(4), world.send(call("POST entry?wait=5s", &[&cookie], "")));
    third.await.expect("at once").accepted();
    waiting.iter().for_each(|one| assert!(!one.is_finished()));
}
