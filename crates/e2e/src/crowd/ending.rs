//! How a sale ends: waits for quiet, then asks after everyone.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use anyhow::{Result, ensure};
use futures_util::{StreamExt, stream};
use reqwest::Method;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{Stories, World};
use crate::{
    calls::{Caller, Extra, Role},
    model::{Final, History, Limits, Sale},
};

/// Questions under way at once at the end.
const ASKING_AT_ONCE: usize = 64;
/// How often an unsure answer is asked again, and how long in between.
const TRIES_MAX: usize = 40;
const TRY_MS: u64 = 250;
/// Nothing may move for this long.
const QUIET_MS: u64 = 2_500;
const POLL_MS: u64 = 250;

/// People and seats of the event at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    pub remaining: BTreeMap<String, i64>,
    pub held: BTreeMap<String, i64>,
    pub waiting: i64,
    /// admitted + inside + holding.
    pub inside: i64,
    pub total: u64,
    pub serving: u64,
}

impl Standing {
    pub fn free(&self) -> i64 {
        self.remaining.values().sum()
    }
}

/// Reads the public facts and the operator's numbers; an error when either is not to be had.
pub async fn standing(caller: &Caller, event: &str) -> Result<Standing> {
    let facts = caller.get(&format!("/api/v1/events/{event}")).await?;
    ensure!(facts.status == 200, "the event's facts: {}", facts.brief());
    let stats = caller.operate(Method::GET, &format!("/{event}/stats"), None).await?;
    let count = |name: &str| stats[name].as_i64().unwrap_or(0);
    let mut standing = Standing {
        waiting: count("waiting"),
        inside: count("admitted") + count("inside") + count("holding"),
        total: facts.body["total"].as_u64().unwrap_or(0),
        serving: facts.body["serving"].as_u64().unwrap_or(0),
        ..Standing::default()
    };
    for slot in facts.body["slots"].as_array().into_iter().flatten() {
        let id = slot["id"].as_str().unwrap_or_default().to_owned();
        standing.remaining.insert(id, slot["remaining"].as_i64().unwrap_or(-1));
    }
    for slot in stats["slots"].as_array().into_iter().flatten() {
        let id = slot["id"].as_str().unwrap_or_default().to_owned();
        standing.held.insert(id, slot["held"].as_i64().unwrap_or(0));
    }
    Ok(standing)
}

/// Waits until nobody acts any more and either no seat is free or nobody waits.
pub async fn quiet(world: &World, limit: Duration) -> Result<Standing> {
    let deadline = Instant::now() + limit;
    let mut last = Standing::default();
    let mut since = Instant::now();
    loop {
        let now = standing(&world.caller, &world.event).await.unwrap_or_default();
        let acting = world.pulse.acting.load(Ordering::Relaxed);
        let done = acting == 0 && now.inside == 0 && (now.free() == 0 || now.waiting == 0);
        let known = !now.remaining.is_empty();
        if now != last || !done || !known {
            since = Instant::now();
        }
        if since.elapsed() > Duration::from_millis(QUIET_MS) {
            return Ok(now);
        }
        ensure!(
            Instant::now() < deadline,
            "the sale did not come to rest within {limit:?}: {now:?}, {}",
            world.pulse.summary()
        );
        last = now;
        sleep(Duration::from_millis(POLL_MS)).await;
    }
}

/// Asks after every shopper and puts the sale together.
pub async fn gather(
    world: &Arc<World>,
    stories: Stories,
    limits: Limits,
    standing: Standing,
    inside_samples: Vec<i64>,
) -> Sale {
    let shoppers = stream::iter(stories)
        .map(|(history, cookie)| ask_after(world.clone(), history, cookie))
        .buffer_unordered(ASKING_AT_ONCE)
        .collect()
        .await;
    let Standing { remaining, held, total, .. } = standing;
    Sale { limits, shoppers, total, remaining, held, inside_samples }
}

async fn ask_after(world: Arc<World>, mut who: History, cookie: Option<String>) -> History {
    let Some(seen) = who.tickets.last().and_then(|ticket| ticket.address()) else { return who };
    let path = world.path(&format!("/ticket?seen={}", seen.0.offset));
    let extra = Extra { cookie: cookie.as_deref(), ..Extra::default() };
    for _ in 0..TRIES_MAX {
        let answer = world.caller.shopper(Role::Gateway, Method::GET, &path, &extra).await;
        match answer {
            Ok(answer) if answer.status == 200 => {
                let end = ending(&answer.body);
                if let (Some(ticket), Some(position)) = (who.tickets.last_mut(), end.position) {
                    ticket.placed(position);
                }
                who.ending = Some(end);
                return who;
            }
            Ok(answer) if answer.status == 404 => {
                who.forgotten.push(format!("at the end: {}", answer.brief()));
                return who;
            }
            _ => sleep(Duration::from_millis(TRY_MS)).await,
        }
    }
    who
}

fn ending(body: &Value) -> Final {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let booking = &body["booking"];
    Final {
        ticket: text(&body["ticket"]).unwrap_or_default(),
        state: text(&body["state"]).unwrap_or_default(),
        position: body["position"].as_u64(),
        booking: text(&booking["booking"]),
        slot: text(&booking["slot"]),
        seats: booking["seats"].as_i64(),
    }
}
