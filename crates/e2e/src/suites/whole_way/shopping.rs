//! What shoppers do, in good order.

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::Seen;
use crate::{
    calls::{Answer, Extra, Role},
    crowd::shopper::Ask,
    event,
    frames::Frame,
    moment, pass,
    person::{Person, Stream},
    report::Report,
    stack::Stack,
};

const KEY: &str = "0d7c7b0e-6d0a-4c55-9c57-3f1f8f0a9d11";

/// One shopper, the whole way; every call is repeated.
pub async fn one(stack: &Stack, report: &mut Report, seen: &mut Seen) -> Result<()> {
    let mut me = Person::new(&stack.caller, "show");
    joins(&mut me, report).await?;
    seen.cookie(me.cookie.as_deref());
    let mut stream = me.stream().await?;
    let admitted = stream.personal("admitted").await?;
    first_frames(&stream, report);
    report.check("`admitted` has `until`", admitted.until_ms() > Some(moment::now()));
    enters(&mut me, &mut stream, report).await?;
    holds(&mut me, &mut stream, report).await?;
    books(&mut me, &mut stream, report).await?;
    Ok(())
}

async fn joins(me: &mut Person, report: &mut Report) -> Result<()> {
    let path = me.path("/tickets");
    let extra = Extra { key: Some(KEY), ..Extra::default() };
    let first = me.caller.shopper(Role::Api, Method::POST, &path, &extra).await?;
    report.check(format!("a join is taken: {}", first.brief()), first.status == 202);
    for field in ["offset", "index"] {
        report.check(format!("the answer has `{field}`"), first.body[field].is_u64());
    }
    let stream = first.body["stream"].as_str().unwrap_or_default().to_owned();
    report.check(format!("the answer has `stream`: {stream}"), stream.contains("/stream"));
    let set = first.header("set-cookie").unwrap_or_default().to_lowercase();
    for part in ["httponly", "samesite=lax", "path=/", "max-age="] {
        report.check(format!("the cookie is {part}: {set}"), set.contains(part));
    }
    report.check("no Secure on loopback", !set.contains("secure") && set.starts_with("twinkle="));

    let lost = me.caller.shopper(Role::Api, Method::POST, &path, &extra).await?;
    report.same(
        "a lost answer asked again by its key is the same ticket",
        &lost.body["ticket"],
        &first.body["ticket"],
    );
    me.cookie = first.cookie();
    me.ticket = first.body["ticket"].as_str().context("no ticket")?.to_owned();
    me.seen = first.body["offset"].as_u64().context("no offset")?;
    let again = me.join(None).await?;
    report.same(
        "a join with the cookie is the same ticket",
        &again.body["ticket"],
        &first.body["ticket"],
    );
    let state = me.state().await?;
    report.same("the first is at place 1", state["position"].as_u64(), Some(1));
    report.same("nobody is ahead of the first", state["ahead"].as_u64(), Some(0));
    report.same("the state names the ticket", state["ticket"].as_str(), Some(me.ticket.as_str()));
    Ok(())
}

fn first_frames(stream: &Stream, report: &mut Report) {
    let kind = |frame: &Frame| match frame {
        Frame::Seats { .. } => "seats",
        Frame::Progress(_) => "progress",
        Frame::Notice { .. } => "notice",
        Frame::Personal(_) => "personal",
    };
    let kinds: Vec<_> = stream.heard.iter().map(kind).collect();
    let in_order = kinds.starts_with(&["seats", "progress"]) && kinds.contains(&"personal");
    report
        .check(format!("a stream begins with seats, progress and the state: {kinds:?}"), in_order);
}

/// Two answers say the same.
fn same(report: &mut Report, what: &str, one: &Answer, two: &Answer) {
    let told = |answer: &Answer| {
        let mut body = answer.body.clone();
        // Where the repeat itself stands in the log.
        for field in ["offset", "index", "seq"] {
            body.as_object_mut().map(|body| body.remove(field));
        }
        (answer.status, body)
    };
    report.same(what, told(two), told(one));
}

async fn enters(me: &mut Person, stream: &mut Stream, report: &mut Report) -> Result<()> {
    let entered = me.ask(&Ask::Enter, Some(1), true).await?;
    report.same("an entry is answered", entered.status, 200);
    let told = stream.personal("inside").await?;
    report.same("the stream tells the number of the command", told.seq, Some(1));
    report.same("stream and answer give one pass", told.pass.as_deref(), text(&entered, "pass"));
    for (what, seq) in [("with the same number", Some(1)), ("without a number", None)] {
        let again = me.ask(&Ask::Enter, seq, true).await?;
        same(report, &format!("entry again {what}"), &entered, &again);
    }
    let accepted = me.ask(&Ask::Enter, Some(2), false).await?;
    report.same("without `wait` a command is accepted", accepted.status, 202);
    report.check("and has its address", accepted.body["offset"].is_u64());

    let jwks = me.caller.get("/.well-known/jwks.json").await?;
    let claims = pass::verify(text(&entered, "pass").context("no pass")?, &jwks.body)?;
    report.same("the pass is for the event", &claims["aud"], &json!("show"));
    report.same("the pass is the ticket's", &claims["sub"], &json!(me.ticket));
    report.same("the pass names its issuer", &claims["iss"], &json!(me.caller.origin));
    report.check("the pass has an id", claims["jti"].as_str().is_some_and(|id| !id.is_empty()));
    let until = text(&entered, "until").and_then(moment::parse).context("no until")?;
    let ends = claims["exp"].as_i64().context("no exp")? * 1_000;
    report.check(
        format!("the pass ends with the window: {ends}, {until}"),
        (ends - until).abs() <= 1_000,
    );
    Ok(())
}

fn text<'a>(answer: &'a Answer, field: &str) -> Option<&'a str> {
    answer.body[field].as_str()
}

/// Waits until the facts show so many seats left.
async fn remain(me: &Person, report: &mut Report, what: &str, want: [i64; 3]) -> Result<()> {
    let mut last = Value::Null;
    let shown = event::until(what, async || {
        let facts = me.caller.get(&me.path("")).await?.body;
        let slots = facts["slots"].as_array().into_iter().flatten();
        let remaining: Vec<_> =
            slots.map(|slot| slot["remaining"].as_i64().unwrap_or(-1)).collect();
        last = json!(remaining);
        Ok(remaining == want)
    });
    let shown = shown.await.is_ok();
    report.check(format!("{what}: {last} remain, want {want:?}"), shown);
    Ok(())
}

async fn holds(me: &mut Person, stream: &mut Stream, report: &mut Report) -> Result<()> {
    let hold = |slot: &str, seats| Ask::Hold { slot: slot.to_owned(), seats };
    let held = me.ask(&hold("s0", 2), Some(3), true).await?;
    report.same("a hold is answered", text(&held, "type"), Some("held"));
    let told = stream.personal("held").await?;
    report.same("the stream tells the hold", (told.slot, told.seats), (Some("s0".into()), Some(2)));
    let fits =
        |frame: &Frame| matches!(frame, Frame::Seats { slots, .. } if slots.get("s0") == Some(&2));
    stream.until("seats", fits).await?;
    report.check("the stream tells the seats left", true);
    remain(me, report, "after a hold of 2", [2, 4, 4]).await?;
    let again = me.ask(&hold("s0", 2), Some(3), true).await?;
    same(report, "the same hold again", &held, &again);
    let again = me.ask(&hold("s0", 2), None, true).await?;
    same(report, "the same hold without a number", &held, &again);
    let stale = me.ask(&hold("s1", 1), Some(2), true).await?;
    report.same("an older number is stale", stale.code(), "stale_seq");

    let swapped = me.ask(&hold("s1", 1), Some(4), true).await?;
    report.same("another slot swaps", text(&swapped, "slot"), Some("s1"));
    remain(me, report, "after the swap", [4, 3, 4]).await?;
    let state = me.state().await?;
    report.same("the state tells the hold", &state["hold"]["slot"], &json!("s1"));
    report.same("the state is holding", &state["state"], &json!("holding"));
    report.same("the state tells the last number", &state["last"]["seq"], &json!(4));

    let released = me.ask(&Ask::Release, Some(5), true).await?;
    report.same("a release is answered", text(&released, "type"), Some("released"));
    let again = me.ask(&Ask::Release, Some(5), true).await?;
    same(report, "the same release again", &released, &again);
    remain(me, report, "after the release", [4, 4, 4]).await
}

async fn books(me: &mut Person, stream: &mut Stream, report: &mut Report) -> Result<()> {
    me.ask(&Ask::Hold { slot: "s2".into(), seats: 2 }, Some(6), true).await?;
    let book = Ask::Book { reference: Some("order-77".into()) };
    let booked = me.ask(&book, Some(7), true).await?;
    report.same("a booking is answered", text(&booked, "type"), Some("booked"));
    report.same("with the shop's reference", text(&booked, "reference"), Some("order-77"));
    report.check("and a number", text(&booked, "booking").is_some_and(|id| !id.is_empty()));
    let told = stream.personal("booked").await?;
    report.same("the stream tells the booking", told.booking.as_deref(), text(&booked, "booking"));
    for seq in [Some(7), None] {
        let again = me.ask(&book, seq, true).await?;
        same(report, &format!("the same booking again, {seq:?}"), &booked, &again);
    }
    let state = me.state().await?;
    report.same(
        "the state tells the booking",
        &state["booking"]["booking"],
        &booked.body["booking"],
    );
    report.same("the state is booked", &state["state"], &json!("booked"));
    remain(me, report, "after the booking", [4, 4, 2]).await?;

    let cancelled = me.ask(&Ask::Cancel, Some(8), true).await?;
    report.same("a cancel is answered", text(&cancelled, "type"), Some("cancelled"));
    let again = me.ask(&Ask::Cancel, Some(8), true).await?;
    same(report, "the same cancel again", &cancelled, &again);
    stream.personal("cancelled").await?;
    remain(me, report, "after the cancel", [4, 4, 4]).await?;

    let next = me.join(Some(1)).await?;
    report.same("after an end one may join again", next.status, 202);
    let again = me.join(Some(1)).await?;
    report.same(
        "the second attempt again is the same",
        &again.body["ticket"],
        &next.body["ticket"],
    );
    let state = me.until_state("admitted").await?;
    report.same("the second attempt is at the end", state["position"].as_u64(), Some(2));
    report.same("it is attempt 1", state["attempt"].as_u64(), Some(1));
    me.ask(&Ask::Leave, Some(9), true).await?;
    let left = me.until_state("left").await?;
    report.same("one can leave when let in", &left["state"], &json!("left"));
    let again = me.ask(&Ask::Leave, Some(9), true).await?;
    report.same("leaving again is the same", text(&again, "type"), Some("left"));
    Ok(())
}

/// Ten at once: one place each, all of them get their seats.
pub async fn several(stack: &Stack, report: &mut Report, seen: &mut Seen) -> Result<()> {
    event::open(stack, "several", &event::definition(2, 5)).await?;
    let visits = (0..10).map(|i| async move {
        let mut person = Person::inside(&stack.caller, "several").await?;
        let slot = format!("s{}", i % 2);
        person.ask(&Ask::Hold { slot, seats: 1 }, Some(2), true).await?;
        person.ask(&Ask::Book { reference: None }, Some(3), true).await?;
        let state = person.until_state("booked").await?;
        anyhow::Ok((person, state))
    });
    let visits = try_join_all(visits).await?;
    let mut places: Vec<_> = visits.iter().filter_map(|(_, s)| s["position"].as_u64()).collect();
    places.sort_unstable();
    report.same("ten people have ten places", places, (1..=10).collect());
    let mut bookings: Vec<_> =
        visits.iter().map(|(_, s)| s["booking"]["booking"].to_string()).collect();
    bookings.sort_unstable();
    bookings.dedup();
    report.same("ten bookings have ten numbers", bookings.len(), 10);
    let mut late = Person::joined(&stack.caller, "several").await?;
    let mut stream = late.stream().await?;
    stream.notice("sold_out").await?;
    report.same("nobody is let in for nothing", &late.state().await?["state"], &json!("waiting"));
    let (mut first, _) = visits.into_iter().next().context("nobody")?;
    first.ask(&Ask::Cancel, None, true).await?;
    stream.personal("admitted").await?;
    report.check("a seat given back lets the next one in", true);
    late.ask(&Ask::Leave, None, true).await?;
    seen.cookie(late.cookie.as_deref());
    let stats = stack.caller.operate(Method::GET, "/several/stats", None).await?;
    report.same("the numbers count the bookings", stats["booked"].as_i64(), Some(9));
    Ok(())
}

/// Without slots the admitted are sent on with the pass.
pub async fn queue_only(stack: &Stack, report: &mut Report, seen: &mut Seen) -> Result<()> {
    let mut definition = event::definition(0, 0);
    definition["return_url"] = json!("https://shop.example/checkout");
    event::open(stack, "queue", &definition).await?;
    let facts = stack.caller.get("/api/v1/events/queue").await?.body;
    report.same("a queue is told as such", &facts["queue_only"], &json!(true));
    report.same("with its return address", &facts["return_url"], &definition["return_url"]);
    let mut person = Person::inside(&stack.caller, "queue").await?;
    let state = person.state().await?;
    report.check("a queue gives a pass", state["pass"].as_str().is_some());
    let answer = person.ask(&Ask::Hold { slot: "s0".into(), seats: 1 }, None, true).await?;
    report.same("a queue has no slots", answer.code(), "unknown_slot");
    seen.cookie(person.cookie.as_deref());
    Ok(())
}
