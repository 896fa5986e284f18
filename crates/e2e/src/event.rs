//! Definitions of the events that the suites make.

use anyhow::{Result, bail, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep};

use crate::{
    calls::{Caller, Role},
    stack::Stack,
};

/// How long an event may take to show up at every process.
const SHOWN_SECS_MAX: u64 = 15;
const POLL_MS: u64 = 50;

/// A definition with `slots` slots of `capacity` seats; the rest is meant to be changed.
pub fn definition(slots: usize, capacity: u64) -> Value {
    let slot = |i: usize| {
        let starts_at = format!("2031-12-05T{:02}:00:00+09:00", 10 + i % 12);
        json!({"id": format!("s{i}"), "starts_at": starts_at, "capacity": capacity})
    };
    json!({
        "title": {"en": "Twinkle pop-up", "ko": "반짝 팝업"},
        "mode": "fifo", "time_zone": "Asia/Seoul",
        "prequeue_at": null, "opens_at": null, "closes_at": null, "return_url": null,
        "admission": {"rate_per_min": 6000, "max_inside": 100, "claim_secs": 30, "window_secs": 120},
        "hold_secs": 60, "seats_per_ticket": 2,
        "slots": (0..slots).map(slot).collect::<Vec<_>>(),
    })
}

/// Ids of the slots of a definition.
pub fn slots(definition: &Value) -> Vec<String> {
    let slots = definition["slots"].as_array().into_iter().flatten();
    slots.filter_map(|slot| slot["id"].as_str().map(str::to_owned)).collect()
}

/// Makes the event, opens it, and waits until every process shows it open.
pub async fn open(stack: &Stack, id: &str, definition: &Value) -> Result<()> {
    let caller = &stack.caller;
    until(&format!("{id} is made"), async || {
        let answer = caller.operator(Method::PUT, &format!("/{id}"), Some(definition)).await?;
        // Busy brokers may have to be asked again; the same call twice makes one event.
        ensure!(answer.status < 300 || answer.status == 503, "{}", answer.brief());
        Ok(answer.status < 300)
    })
    .await?;
    until(&format!("{id} is opened"), async || {
        let answer = caller.operator(Method::POST, &format!("/{id}/open"), None).await?;
        // Another operator made it: this one hears of it a moment later.
        ensure!(answer.status < 300 || answer.code() == "unknown_event", "{}", answer.brief());
        Ok(answer.status < 300)
    })
    .await?;
    shows(caller, id, "open").await
}

/// Waits until every gateway shows the event in this state and every api process knows it.
pub async fn shows(caller: &Caller, id: &str, state: &str) -> Result<()> {
    let path = format!("/api/v1/events/{id}");
    for base in caller.bases.up(Role::Gateway) {
        let url = format!("{}{path}", base.url);
        until(&format!("{url} shows `{state}`"), async || {
            let answer = caller.at(Method::GET, &url).await?;
            Ok(answer.status == 200 && answer.body["state"] == state)
        })
        .await?;
    }
    // A command without a cookie ends at the cookie once the process knows the event.
    for base in caller.bases.up(Role::Api) {
        let url = format!("{}{path}/entry", base.url);
        until(&format!("{url} knows the event"), async || {
            Ok(caller.at(Method::POST, &url).await?.code() != "unknown_event")
        })
        .await?;
    }
    // Facts reach the api processes by another way than the view; they are told at the same time.
    sleep(Duration::from_millis(500)).await;
    Ok(())
}

/// Asks again and again until it is so.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(SHOWN_SECS_MAX);
    loop {
        let last = is_so().await;
        if matches!(last, Ok(true)) {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("not within {SHOWN_SECS_MAX} s: {what} ({last:?})");
        }
        sleep(Duration::from_millis(POLL_MS)).await;
    }
}
