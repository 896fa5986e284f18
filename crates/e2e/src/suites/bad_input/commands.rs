//! Commands that are well-formed and still can't be done.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use tokio::time::sleep;

use super::{Scene, refused};
use crate::{crowd::shopper::Ask, event, person::Person, report::Report, stack::Stack};

fn hold(slot: &str, seats: i64) -> Ask {
    Ask::Hold { slot: slot.to_owned(), seats }
}

const BOOK: Ask = Ask::Book { reference: None };

/// Refusals that leave everybody where they are.
pub async fn check_steady(scene: &mut Scene, report: &mut Report) -> Result<()> {
    let waiting = &mut scene.waiting;
    for (what, ask, code) in [
        ("entry before admission", Ask::Enter, "not_admitted"),
        ("a hold while waiting", hold("s1", 1), "not_admitted"),
        ("a booking while waiting", BOOK, "not_admitted"),
    ] {
        let answer = waiting.ask(&ask, None, true).await;
        refused(report, what, &answer, 409, code);
    }
    let inside = &mut scene.inside;
    for (what, ask, status, code) in [
        ("a hold of 0 seats", hold("s1", 0), 422, "bad_seats"),
        ("a hold of -1 seats", hold("s1", -1), 422, "bad_seats"),
        ("a hold of 10^9 seats", hold("s1", 1_000_000_000), 422, "bad_seats"),
        ("a hold of 3 seats of 2 allowed", hold("s1", 3), 422, "bad_seats"),
        ("a hold in an unknown slot", hold("nope", 1), 422, "unknown_slot"),
        ("a hold in a full slot", hold("s0", 1), 409, "not_enough_seats"),
        ("a booking without a hold", BOOK, 409, "no_hold"),
        ("a cancel without a booking", Ask::Cancel, 409, "no_booking"),
    ] {
        let answer = inside.ask(&ask, None, true).await;
        refused(report, what, &answer, status, code);
    }
    let answer = inside.ask(&hold("NOT AN ID", 1), None, true).await;
    report.check(
        format!("a hold in a slot that can't be one: {answer:?}"),
        answer.is_ok_and(|a| matches!(a.code(), "unknown_slot" | "body_malformed")),
    );
    let holding = &mut scene.holding;
    let answer = holding.ask(&hold("s1", 2), Some(6), true).await;
    refused(report, "a late lower seq", &answer, 409, "stale_seq");
    let current = answer.ok().and_then(|answer| answer.body["current"].as_u64());
    report.same("a late lower seq is told the current one", current, Some(7));
    let answer = holding.ask(&hold("s1", 1), Some(7), true).await?;
    report.same("an equal seq gets the stored answer", answer.body["slot"].as_str(), Some("s0"));
    let answer = holding.ask(&hold("s1", 3), None, true).await;
    refused(report, "a swap for too many seats keeps the hold", &answer, 422, "bad_seats");

    let booked = &mut scene.booked;
    for (what, ask) in [("a hold after booking", hold("s1", 1))] {
        let answer = booked.ask(&ask, None, true).await;
        refused(report, what, &answer, 409, "already_booked");
    }
    let first = booked.state().await?["booking"]["booking"].clone();
    let again = booked.ask(&BOOK, None, true).await?;
    report.check(
        format!("a booking made twice is the same: {}", again.brief()),
        (again.status == 200 && again.body["booking"] == first) || again.code() == "already_booked",
    );
    let answer = booked.join(Some(1)).await?;
    report.check(
        format!("another attempt with a booking: {}", answer.brief()),
        answer.status == 202 || answer.code() == "ticket_not_ended",
    );
    Ok(())
}

/// Refusals after time has passed or the ticket has ended; an event of their own.
pub async fn check_moving(stack: &Stack, scene: &mut Scene, report: &mut Report) -> Result<()> {
    let mut definition = event::definition(1, 5);
    definition["hold_secs"] = json!(2);
    definition["admission"]["claim_secs"] = json!(2);
    definition["admission"]["window_secs"] = json!(8);
    event::open(stack, "hasty", &definition).await?;
    let caller = &scene.caller;

    let mut slow = Person::joined(caller, "hasty").await?;
    let mut dawdler = Person::inside(caller, "hasty").await?;
    let held = dawdler.ask(&hold("s0", 1), Some(1), true).await?;
    report.same("a hold is held", held.body["type"].as_str(), Some("held"));
    slow.until_state("expired").await?;
    let answer = slow.ask(&Ask::Enter, None, true).await;
    refused(report, "entry after the turn", &answer, 409, "turn_expired");
    dawdler.until_state("inside").await?;
    let answer = dawdler.ask(&BOOK, Some(2), true).await;
    refused(report, "a booking after the hold ran out", &answer, 409, "hold_expired");
    dawdler.until_state("expired").await?;
    let answer = dawdler.ask(&hold("s0", 1), Some(3), true).await;
    refused(report, "a hold after the window", &answer, 409, "window_over");

    let mut leaver = Person::joined(caller, "hasty").await?;
    leaver.ask(&Ask::Leave, None, true).await?;
    leaver.until_state("left").await?;
    let answer = leaver.ask(&Ask::Enter, None, true).await;
    refused(report, "entry after leaving", &answer, 409, "ticket_ended");
    let stranger = Person::new(caller, "hasty");
    let answer = stranger.look().await?;
    report.check("nobody's state is nobody's", answer.status == 404 || answer.status == 401);
    let mut elsewhere = Person { event: "hasty".into(), ..scene.inside.clone() };
    elsewhere.seen = 0;
    let answer = elsewhere.ask(&Ask::Enter, None, true).await;
    refused(report, "a command in an event never joined", &answer, 404, "no_ticket");
    sleep(Duration::from_millis(super::SETTLE_MS)).await;
    let facts = caller.get("/api/v1/events/hasty").await?;
    report.same("every seat is free again", facts.body["slots"][0]["remaining"].as_i64(), Some(5));
    Ok(())
}
