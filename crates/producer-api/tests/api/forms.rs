//! Forms: the same commands for pages without JavaScript.

use axum::body::Body;
use domain::{Action, Command};
use http::{Request, StatusCode};
use ports::memory::{Call, Fault, Faults};
use wire::{Code, ticket::ticket_id};

use crate::world::{Answer, ORIGIN, SALT, World, request};

fn form(name: &str, cookie: &str, body: &str) -> Request<Body> {
    let line = format!("POST /e/popup/{name}");
    let (origin, cookie) = (format!("origin: {ORIGIN}"), format!("cookie: {cookie}"));
    let kind = "content-type: application/x-www-form-urlencoded";
    request(&line, &[&origin, &cookie, kind], body.to_owned())
}

#[track_caller]
fn assert_back(answer: &Answer, query: &str) {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    assert_eq!(answer.header("location"), Some(&*format!("/e/popup?{query}")));
}

#[tokio::test]
async fn each_form_is_its_command() {
    let world = World::new().await;
    let (browser, cookie) = world.browser();
    let ticket = ticket_id(&SALT, &browser, 0);
    let act = |seq, action| Command::Act { ticket, seq, action };
    let hold = Action::Hold { slot: "1100".parse().unwrap(), seats: 2 };
    let book = |reference: Option<&str>| Action::Book { reference: reference.map(Into::into) };
    let again = ticket_id(&SALT, &browser, 1);
    for (offset, (name, body, command)) in [
        ("join", "", Command::Join { ticket, previous: None }),
        ("join", "attempt=1", Command::Join { ticket: again, previous: Some(ticket) }),
        ("entry", "seq=1", act(Some(1), Action::Enter)),
        ("hold", "slot=1100&seats=2&seq=2", act(Some(2), hold)),
        ("release", "seq=3", act(Some(3), Action::Release)),
        ("book", "seq=4", act(Some(4), book(None))),
        ("book", "seq=&reference=", act(None, book(None))),
        ("book", "reference=order+7", act(None, book(Some("order 7")))),
        ("cancel", "", act(None, Action::Cancel)),
        ("leave", "", act(None, Action::Leave)),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = world.send(form(name, &cookie, body)).await;
        assert_back(&answer, &format!("seen={offset}"));
        assert!(answer.cookie().is_none());
        assert_eq!(world.records().await[offset], [command], "{name} {body}");
    }
}

#[tokio::test]
async fn a_join_without_a_cookie_sets_one() {
    let world = World::new().await;
    let answer = world.send(form("join", "theme=dark", "")).await;
    assert_back(&answer, "seen=0");
    let cookie = answer.cookie().expect("a cookie");
    world.send(form("join", &cookie, "")).await;
    let records = world.records().await;
    assert_eq!(records[0], records[1]);
}

#[tokio::test]
async fn what_went_wrong_is_told_by_the_page() {
    let world = World::with_faults(Faults::once(Call::Append, Fault::Full)).await;
    let (_, cookie) = world.browser();
    for (name, cookie, body, code) in [
        ("join", &*cookie, "", Code::Overloaded),
        ("entry", "", "", Code::CookieMissing),
        ("join", "__Host-twinkle=1.a.1.x.y", "", Code::CookieInvalid),
        ("join", &cookie, "attempt=99999", Code::BodyMalformed),
        ("hold", &cookie, "slot=&seats=1", Code::UnknownSlot),
        ("hold", &cookie, "slot=1100&seats=-1", Code::BadSeats),
        ("hold", &cookie, "slot=1100", Code::BadSeats),
        ("hold", &cookie, "slot=1100&seats=1&seq=x", Code::BodyMalformed),
        ("book", &cookie, &format!("reference={}", "x".repeat(129)), Code::BodyMalformed),
        ("leave", &cookie, &"x".repeat(20_000), Code::BodyTooLarge),
    ] {
        let answer = world.send(form(name, cookie, body)).await;
        assert_back(&answer, &format!("problem={}", code.as_str()));
        assert_eq!(answer.cookie().is_some(), code.status() == 401, "{code:?}");
    }
    assert!(world.nothing_appended().await);
    let unknown = request("POST /e/other/join", &[&format!("origin: {ORIGIN}")], "");
    let answer = world.send(unknown).await;
    assert_eq!(answer.header("location"), Some("/e/other?problem=unknown_event"));
}

#[tokio::test]
async fn a_form_must_come_from_our_own_page() {
    let world = World::new().await;
    let cookie = format!("cookie: {}", world.browser().1);
    for header in [
        "accept: */*",
        "origin: https://evil.example",
        "origin: null",
        "sec-fetch-site: cross-site",
        "sec-fetch-site: none",
    ] {
        let answer = world.send(request("POST /e/popup/leave", &[&cookie, header], "")).await;
        answer.problem(Code::OriginForbidden);
    }
    world.send(request("POST /e/UPPER/join", &[], "")).await.problem(Code::UnknownEvent);
    world.send(request("GET /e/popup/join", &[], "")).await.problem(Code::MethodNotAllowed);
    assert!(world.nothing_appended().await);
    let same = ["sec-fetch-site: same-origin", &cookie];
    assert_back(&world.send(request("POST /e/popup/leave", &same, "")).await, "seen=0");
}
