//! Calls of an operator: token, definitions, capacity, archived ids.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};

use super::{EVENT, Scene, refused};
use crate::{
    calls::{Role, send},
    event,
    report::Report,
    stack::Stack,
};

pub async fn check(stack: &Stack, scene: &Scene, report: &mut Report) -> Result<()> {
    tokens(scene, report).await;
    definitions(scene, report).await;
    let caller = &stack.caller;
    // Three of s0's three seats are held or sold.
    let slot = format!("/{EVENT}/slots/s0");
    let answer = caller.operator(Method::PATCH, &slot, Some(&json!({"capacity": 2}))).await;
    refused(report, "capacity below sold", &answer, 409, "capacity_below_sold");
    let answer = caller.operator(Method::PATCH, &slot, Some(&json!({"capacity": -1}))).await;
    report.check(
        format!("a negative capacity is refused: {answer:?}"),
        answer.is_ok_and(|answer| matches!(answer.status, 400 | 422)),
    );
    let none = format!("/{EVENT}/slots/nope");
    let answer = caller.operator(Method::PATCH, &none, Some(&json!({"capacity": 5}))).await;
    refused(report, "capacity of an unknown slot", &answer, 422, "unknown_slot");
    let rates = json!({"rate_per_min": 60, "max_inside": 0, "claim_secs": 1, "window_secs": 1});
    let admission = format!("/{EVENT}/admission");
    let answer = caller.operator(Method::PATCH, &admission, Some(&rates)).await;
    refused(report, "nobody allowed inside", &answer, 422, "definition_invalid");
    for (method, path) in [
        (Method::POST, "/nope/open"),
        (Method::POST, "/nope/close"),
        (Method::GET, "/nope/stats"),
        (Method::PATCH, "/nope/slots/s0"),
    ] {
        let body = (method == Method::PATCH).then(|| json!({"capacity": 5}));
        let answer = caller.operator(method.clone(), path, body.as_ref()).await;
        refused(report, &format!("{method} {path}"), &answer, 404, "unknown_event");
    }
    for step in ["resume", "archive"] {
        let answer = caller.operator(Method::POST, &format!("/{EVENT}/{step}"), None).await;
        let what = format!("{step} of an open event");
        // Asking for the state that there is already changes nothing and may be fine.
        let fine = step == "resume" && answer.as_ref().is_ok_and(|answer| answer.status == 200);
        if !fine {
            refused(report, &what, &answer, 409, "wrong_state");
        }
    }
    Ok(())
}

async fn tokens(scene: &Scene, report: &mut Report) {
    let stats = format!("/operator/v1/events/{EVENT}/stats");
    let close = format!("/operator/v1/events/{EVENT}/close");
    let token = &scene.caller.token;
    for (method, path) in [(Method::GET, &stats), (Method::POST, &close)] {
        let call = async |header: Option<String>| {
            let mut request = scene.caller.raw(Role::Operator, method.clone(), path);
            if let Some(header) = header {
                request = request.header("authorization", header);
            }
            send(request).await
        };
        let what = |how: &str| format!("{method} with {how}");
        refused(report, &what("no token"), &call(None).await, 401, "token_missing");
        for (how, header) in [
            ("a wrong token", "Bearer wrong".to_owned()),
            ("half the token", format!("Bearer {}", &token[..token.len() / 2])),
            ("more than the token", format!("Bearer {token}x")),
        ] {
            refused(report, &what(how), &call(Some(header)).await, 401, "token_wrong");
        }
        for (how, header) in
            [("another scheme", format!("Basic {token}")), ("an empty token", "Bearer ".into())]
        {
            let answer = call(Some(header)).await;
            let told = answer.as_ref().map_or("", |answer| answer.code()).to_owned();
            let code = if told == "token_wrong" { "token_wrong" } else { "token_missing" };
            refused(report, &what(how), &answer, 401, code);
        }
    }
}

async fn definitions(scene: &Scene, report: &mut Report) {
    let change = |path: &str, value: Value| {
        let mut definition = event::definition(2, 3);
        match definition.pointer_mut(path) {
            Some(field) => *field = value,
            None => definition[path.trim_start_matches('/')] = value,
        }
        definition
    };
    let slot = |id: &str| json!({"id": id, "starts_at": "2031-12-05T11:00:00Z", "capacity": 1});
    let invalid = [
        ("no title", change("/title", json!({}))),
        ("an empty title", change("/title", json!({"en": ""}))),
        ("nobody inside", change("/admission/max_inside", json!(0))),
        ("a claim of 0 s", change("/admission/claim_secs", json!(0))),
        ("a window above a day", change("/admission/window_secs", json!(90_000))),
        ("a rate beyond all bounds", change("/admission/rate_per_min", json!(4_000_000_000_u64))),
        ("a hold of 0 s", change("/hold_secs", json!(0))),
        ("0 seats a ticket", change("/seats_per_ticket", json!(0))),
        ("a slot twice", change("/slots", json!([slot("a"), slot("a")]))),
        ("times in the wrong order", {
            let mut definition = change("/opens_at", json!("2031-01-02T00:00:00Z"));
            definition["closes_at"] = json!("2031-01-01T00:00:00Z");
            definition
        }),
    ];
    for (what, definition) in invalid {
        let answer = scene.caller.operator(Method::PUT, "/invalid", Some(&definition)).await;
        refused(report, what, &answer, 422, "definition_invalid");
    }
    let malformed = [
        ("no JSON object", json!([])),
        ("a negative rate", change("/admission/rate_per_min", json!(-1))),
        ("an unknown mode", change("/mode", json!("lottery"))),
        ("a time that is none", change("/opens_at", json!("tomorrow"))),
        ("a slot id in capitals", change("/slots", json!([slot("NOT AN ID")]))),
        ("an unknown field", change("/no_such_field", json!(1))),
        ("a slot without id", change("/slots", json!([{"capacity": 1}]))),
    ];
    for (what, definition) in malformed {
        let answer = scene.caller.operator(Method::PUT, "/invalid", Some(&definition)).await;
        let told = answer.as_ref().map_or("", |answer| answer.code()).to_owned();
        let (status, code) = match told.as_str() {
            "body_malformed" => (400, "body_malformed"),
            _ => (422, "definition_invalid"),
        };
        refused(report, what, &answer, status, code);
    }
    let fine = event::definition(1, 1);
    let answer = scene.caller.operator(Method::PUT, "/NOT%20AN%20ID", Some(&fine)).await;
    report.check(
        format!("an event id in capitals is refused: {answer:?}"),
        answer.is_ok_and(|answer| (400..500).contains(&answer.status)),
    );
    let answer = scene.caller.get("/api/v1/events/invalid").await;
    refused(report, "no invalid event came to be", &answer, 404, "unknown_event");
}

/// An archived event's id is never used again.
pub async fn check_archived(stack: &Stack, report: &mut Report) -> Result<()> {
    let caller = &stack.caller;
    let definition = event::definition(1, 1);
    event::open(stack, "gone", &definition).await?;
    for step in ["close", "archive"] {
        caller.operate(Method::POST, &format!("/gone/{step}"), None).await?;
    }
    event::until("the event is archived", async || {
        let answer = caller.operator(Method::POST, "/gone/open", None).await?;
        Ok(answer.code() == "event_archived")
    })
    .await?;
    let mut changed = definition.clone();
    changed["hold_secs"] = json!(77);
    let answer = caller.operator(Method::PUT, "/gone", Some(&changed)).await;
    refused(report, "a PUT of an archived event's id", &answer, 409, "event_archived");
    for step in ["open", "pause", "close"] {
        let answer = caller.operator(Method::POST, &format!("/gone/{step}"), None).await;
        refused(report, &format!("{step} of an archived event"), &answer, 409, "event_archived");
    }
    let mut person = crate::person::Person::new(caller, "gone");
    let answer = person.join(None).await;
    let told = answer.as_ref().map_or("", |answer| answer.code()).to_owned();
    let code = if told == "event_archived" { "event_archived" } else { "event_not_open" };
    refused(report, "a join of an archived event", &answer, 409, code);
    Ok(())
}
