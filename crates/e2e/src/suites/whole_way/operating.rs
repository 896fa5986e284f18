//! What the operator does: make, open, watch, slow down, pause, close.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::block_in_place;

use super::Seen;
use crate::{event, person::Person, problem, report::Report, stack::Stack};

/// An event is made, made again, listed and opened.
pub async fn before(stack: &Stack, report: &mut Report) -> Result<()> {
    let caller = &stack.caller;
    let definition = event::definition(3, 4);
    let made = caller.operator(Method::PUT, "/show", Some(&definition)).await?;
    report.check(format!("an event is made: {}", made.brief()), matches!(made.status, 200 | 201));
    // Until the event has its first owner nobody decides: 202, and the same again is asked for.
    let again = event::until("the same PUT is decided", async || {
        let again = caller.operator(Method::PUT, "/show", Some(&definition)).await?;
        anyhow::ensure!(matches!(again.status, 200 | 202), "the same PUT: {}", again.brief());
        Ok(again.status == 200)
    });
    again.await?;
    report.check("the same PUT is fine", true);
    event::shows(caller, "show", "draft").await?;
    let facts = caller.get("/api/v1/events/show").await?.body;
    for (field, want) in [
        ("id", json!("show")),
        ("title", definition["title"].clone()),
        ("mode", json!("fifo")),
        ("time_zone", json!("Asia/Seoul")),
        ("queue_only", json!(false)),
        ("seats_per_ticket", json!(2)),
        ("total", json!(0)),
    ] {
        report.same(format!("the facts tell `{field}`"), &facts[field], &want);
    }
    let remaining: Vec<_> = slots(&facts).map(|slot| slot["remaining"].as_u64()).collect();
    report.same("every seat is free", remaining, vec![Some(4); 3]);

    let mut early = Person::new(caller, "show");
    let answer = early.join(None).await?;
    report.judge("a join before the opening", problem::faults(&answer, 409, "event_not_open"));
    for round in ["opens", "opens again"] {
        let answer = caller.operator(Method::POST, "/show/open", None).await?;
        report.check(
            format!("the event {round}: {}", answer.brief()),
            (200..300).contains(&answer.status),
        );
    }
    event::shows(caller, "show", "open").await?;
    let list = caller.operate(Method::GET, "", None).await?;
    let listed = list.to_string().contains("\"show\"");
    report.check("the list of events has it", listed);
    Ok(())
}

fn slots(facts: &Value) -> impl Iterator<Item = &Value> {
    facts["slots"].as_array().into_iter().flatten()
}

/// Pause, resume, rates, capacity and the end.
pub async fn steering(stack: &Stack, report: &mut Report, seen: &mut Seen) -> Result<()> {
    let caller = &stack.caller;
    event::open(stack, "steer", &event::definition(2, 2)).await?;
    let inside = Person::inside(caller, "steer").await?;
    caller.operate(Method::POST, "/steer/pause", None).await?;
    event::shows(caller, "steer", "paused").await?;
    let waiting = Person::joined(caller, "steer").await?;
    let mut stream = waiting.stream().await?;
    stream.notice("paused").await?;
    report.check("a stream tells that the event is paused", true);
    stream.personal("waiting").await?;
    report.check("people can join while it is paused", true);
    stream.mark();
    caller.operate(Method::POST, "/steer/resume", None).await?;
    stream.notice("resumed").await?;
    stream.personal("admitted").await?;
    report.check("after the resume people are let in", true);

    let rates = json!({"rate_per_min": 60, "max_inside": 2, "claim_secs": 30, "window_secs": 60});
    caller.operate(Method::PATCH, "/steer/admission", Some(&rates)).await?;
    let third = Person::joined(caller, "steer").await?;
    third.until_state("waiting").await?;
    let stats = caller.operate(Method::GET, "/steer/stats", None).await?;
    report.check(
        format!("no more are let in than allowed now: {stats}"),
        third.state().await?["state"] == "waiting",
    );
    caller.operate(Method::PATCH, "/steer/slots/s0", Some(&json!({"capacity": 9}))).await?;
    event::until("the new capacity is shown", async || {
        let facts = caller.get("/api/v1/events/steer").await?.body;
        let of = |id: &str| slots(&facts).find(|slot| slot["id"] == id).cloned();
        Ok(of("s0").is_some_and(|slot| slot["capacity"] == 9 && slot["remaining"] == 9))
    })
    .await?;
    report.check("a capacity can be raised", true);

    let mut stream = third.stream().await?;
    for round in ["closes", "closes again"] {
        let answer = caller.operator(Method::POST, "/steer/close", None).await?;
        report.check(
            format!("the event {round}: {}", answer.brief()),
            (200..300).contains(&answer.status),
        );
    }
    stream.notice("closed").await?;
    report.check("a stream tells that the event is closed", true);
    event::shows(caller, "steer", "closed").await?;
    let answer = Person::new(caller, "steer").join(None).await?;
    report.judge("a join after the end", problem::faults(&answer, 409, "event_not_open"));
    for person in [&inside, &waiting, &third] {
        seen.cookie(person.cookie.as_deref());
    }
    Ok(())
}

/// `/livez`, `/readyz`, `/metrics` of every process; the description of the API.
pub async fn second_port(stack: &Stack, report: &mut Report) -> Result<()> {
    for server in &stack.servers {
        for path in ["/livez", "/readyz"] {
            let status = block_in_place(|| server.admin(path)).map(|(status, _)| status);
            let what = format!("{}{path}: {status:?}", server.name);
            report.check(what, matches!(status, Ok(200)));
        }
        let text = block_in_place(|| server.admin("/metrics")).map(|(_, text)| text);
        let named = text.is_ok_and(|text| text.contains("twinkle_"));
        report.check(format!("{} has metrics of its own", server.name), named);
    }
    let answer = stack.caller.get("/api/openapi.json").await?;
    let described = answer.body["paths"].as_object().map_or(0, serde_json::Map::len);
    report.check(format!("the API is described: {described} paths"), described >= 10);
    Ok(())
}
