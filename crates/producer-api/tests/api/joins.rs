//! Joining: the same browser always gets the same ticket, and bad calls change nothing.

use domain::{Command, EventState};
use ports::memory::{Call, Fault, Faults};
use twinkle_producer_api::ATTEMPTS_MAX;
use wire::{Browser, Code, ticket::ticket_id};

use crate::world::{ORIGIN, SALT, World, join, request};

const LONG_KEY: &str = "idempotency-key: 8c3d1c2e-51c0-4a57-9f0c-3b7f4a1d2e90";

#[tokio::test]
async fn a_first_join_sets_the_cookie_and_a_second_gets_the_same_ticket() {
    let world = World::new().await;
    let first = world.send(join(&[])).await;
    let cookie = first.cookie().expect("a cookie");
    let line = first.header("set-cookie").unwrap();
    for part in ["__Host-twinkle=1.", "; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"] {
        assert!(line.contains(part), "{part} in {line}");
    }
    let second = world.send(join(&[&format!("cookie: theme=dark; {cookie}")])).await;
    assert_eq!(second.ticket(), first.ticket());
    assert!(second.cookie().is_none());
    let body = first.accepted();
    let stream = format!("/api/v1/events/popup/stream?seen={}", body.offset);
    assert_eq!(body.stream, Some(stream));
    for answer in [&first, &second] {
        let command = Command::Join { ticket: first.ticket(), previous: None };
        assert_eq!(world.command(answer.address()).await, command);
    }
}

#[tokio::test]
async fn the_ticket_is_that_of_the_browser_and_the_attempt() {
    let world = World::new().await;
    let (browser, cookie) = world.browser();
    for (body, attempt) in [("", 0), ("{}", 0), (r#"{"attempt":0}"#, 0), (r#"{"attempt":7}"#, 7)] {
        let line = "POST /api/v1/events/popup/tickets";
        let answer = world.send(request(line, &[&format!("cookie: {cookie}")], body)).await;
        let ticket = ticket_id(&SALT, &browser, attempt);
        let previous = attempt.checked_sub(1).map(|n| ticket_id(&SALT, &browser, n));
        assert_eq!(answer.ticket(), ticket);
        assert_eq!(world.command(answer.address()).await, Command::Join { ticket, previous });
    }
}

/// An id in another spelling takes the routes.
#[tokio::test]
async fn the_short_cut_and_the_routes_answer_alike() {
    let world = World::new().await;
    let (_, cookie) = world.browser();
    let cookie = format!("cookie: {cookie}");
    for body in ["", "{}", r#"{"attempt":7}"#, r#"{"attempt":5000}"#, "[]", r#"{"attempt":"#] {
        let ask = |event: &str| {
            let line = format!("POST /api/v1/events/{event}/tickets");
            world.send(request(&line, &[&cookie], body))
        };
        let (short, routed) = (ask("popup").await, ask("%70opup").await);
        assert_eq!(short.status, routed.status, "{body}");
        if short.status == 202 {
            assert_eq!(short.ticket(), routed.ticket(), "{body}");
        } else {
            assert_eq!(short.text, routed.text, "{body}");
        }
    }
}

#[tokio::test]
async fn a_lost_answer_asked_again_gives_the_same_ticket() {
    let world = World::with_faults(Faults::once(Call::Append, Fault::ReplyLost)).await;
    world.send(join(&[LONG_KEY])).await.problem(Code::LogUnavailable);
    let again = world.send(join(&[LONG_KEY])).await;
    let records = world.records().await;
    assert_eq!(records[0], records[1], "the lost record has the same join");
    assert_eq!(records[0], [Command::Join { ticket: again.ticket(), previous: None }]);
    let other = world.send(join(&["idempotency-key: 8c3d1c2e-51c0-4a57-9f0c-3b7f4a1d2e91"])).await;
    assert_ne!(other.ticket(), again.ticket());
}

#[tokio::test]
async fn a_key_that_can_be_guessed_makes_nobody_that_browser() {
    let world = World::new().await;
    let one = world.send(join(&["idempotency-key: 1"])).await;
    let two = world.send(join(&["idempotency-key: 1"])).await;
    assert_ne!(one.ticket(), two.ticket());
}

#[tokio::test]
async fn a_key_does_not_outweigh_a_cookie() {
    let world = World::new().await;
    let (browser, cookie) = world.browser();
    let answer = world.send(join(&[LONG_KEY, &format!("cookie: {cookie}")])).await;
    assert_eq!(answer.ticket(), ticket_id(&SALT, &browser, 0));
}

#[tokio::test]
async fn a_cookie_that_is_not_ours_is_refused_and_replaced() {
    let world = World::new().await;
    let (_, cookie) = world.browser();
    let other = if cookie.ends_with('A') { 'E' } else { 'A' };
    let forged = format!("{}{other}", &cookie[..cookie.len() - 1]);
    let swapped = cookie.replace("a.", "b.");
    for cookie in [forged.as_str(), &swapped, "__Host-twinkle=", "__Host-twinkle=x.y"] {
        let answer = world.send(join(&[&format!("cookie: {cookie}")])).await;
        answer.problem(Code::CookieInvalid);
        assert!(answer.cookie().is_some_and(|fresh| fresh != cookie), "{cookie}");
    }
    world.clock.put(1_000_000 + 90 * 86_400);
    let answer = world.send(join(&[&format!("cookie: {cookie}")])).await;
    answer.problem(Code::CookieExpired);
    assert!(world.nothing_appended().await);
    let fresh = answer.cookie().unwrap();
    world.send(join(&[&format!("cookie: {fresh}")])).await.accepted();
}

#[tokio::test]
async fn only_an_event_that_takes_people_in_can_be_joined() {
    let world = World::new().await;
    for (at, state, code) in [
        (2, EventState::Draft, Some(Code::EventNotOpen)),
        (3, EventState::Prequeue, None),
        (4, EventState::Open, None),
        (5, EventState::Paused, None),
        (6, EventState::Closed, Some(Code::EventNotOpen)),
        (7, EventState::Archived, Some(Code::EventArchived)),
    ] {
        world.state(state, at).await;
        let answer = world.send(join(&[])).await;
        match code {
            Some(code) => answer.problem(code),
            None => drop(answer.accepted()),
        }
    }
    assert_eq!(world.records().await.len(), 3);
    for id in ["other", "UPPER", "a%2Fb", "%ff"] {
        let line = format!("POST /api/v1/events/{id}/tickets");
        world.send(request(&line, &[], "")).await.problem(Code::UnknownEvent);
    }
}

#[tokio::test]
async fn a_page_of_another_site_cannot_join_anybody() {
    let world = World::new().await;
    for header in ["origin: https://evil.example", "origin: null", "sec-fetch-site: cross-site"] {
        world.send(join(&[header])).await.problem(Code::OriginForbidden);
    }
    assert!(world.nothing_appended().await);
    world.send(join(&[&format!("origin: {ORIGIN}")])).await.accepted();
}

#[tokio::test]
async fn what_cannot_be_read_changes_nothing() {
    let world = World::new().await;
    let line = "POST /api/v1/events/popup/tickets";
    let too_often = format!(r#"{{"attempt":{}}}"#, ATTEMPTS_MAX + 1);
    for body in ["{", "[]", r#"{"attempt":-1}"#, r#"{"attempt":1e9}"#, r#"{"x":1}"#, &too_often] {
        world.send(request(line, &[], body.to_owned())).await.problem(Code::BodyMalformed);
    }
    let large = request(line, &[], " ".repeat(20_000));
    world.send(large).await.problem(Code::BodyTooLarge);
    let long = format!("idempotency-key: {}", "x".repeat(129));
    for header in ["idempotency-key: a b", "idempotency-key: ", &long] {
        world.send(join(&[header])).await.problem(Code::HeaderMalformed);
    }
    assert!(world.nothing_appended().await);
    world
        .send(request("GET /api/v1/events/popup/tickets", &[], ""))
        .await
        .problem(Code::MethodNotAllowed);
    world.send(request("POST /api/v1/events/popup/nothing", &[], "")).await.problem(Code::NotFound);
}

#[tokio::test]
async fn a_log_that_is_full_or_away_says_when_to_come_back() {
    let plan = [Fault::Full, Fault::Refused];
    let mut faults = plan.into_iter();
    let faults = Faults::plan(move |call, _| (call == Call::Append).then(|| faults.next())?);
    let world = World::with_faults(faults).await;
    world.send(join(&[])).await.problem(Code::Overloaded);
    world.send(join(&[])).await.problem(Code::LogUnavailable);
    assert!(world.nothing_appended().await);
    world.send(join(&[])).await.accepted();
}

#[tokio::test]
async fn browsers_are_random_uuids() {
    let world = World::new().await;
    let Browser(bytes) = world.browser().0;
    assert_eq!((bytes[6] >> 4, bytes[8] >> 6), (4, 2));
    assert_ne!(world.browser().0, world.browser().0);
}
