//! Faults in mid-sale: whatever breaks, nothing acknowledged is lost and the line stays true.

pub mod kafka;
pub mod owner;
pub mod redis;
pub mod sigterm;

use std::{sync::atomic::Ordering, time::Duration};

use anyhow::{Result, ensure};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{
    Seen,
    crowds::{Plan, Running},
};
use crate::{
    crowd::{Arrival, ending},
    report::Report,
    stack::Stack,
};

const SHOPPERS: usize = 600;
/// People come all the time, so that every fault meets joins.
const SPREAD_SECS: u64 = 45;
/// Admissions forgiven for each second that the log stands still.
const SLACK_PER_SEC: f64 = 2.0;
/// How long a fault may keep the line from moving.
const MOVING_SECS_MAX: u64 = 20;
const POLL_MS: u64 = 100;

/// The sale that faults happen to: 180 seats, 4 people a second.
///
/// `stands_ms`: how long the log may stand still. A deadline is told as the moment at which it will
/// come if the log goes on, so who hears of it only afterwards hears of a later moment.
pub fn sale(stands_ms: i64) -> Plan {
    let mut definition = crate::event::definition(6, 30);
    definition["admission"] =
        json!({"rate_per_min": 240, "max_inside": 100, "claim_secs": 8, "window_secs": 40});
    definition["hold_secs"] = json!(8);
    Plan {
        event: "sale".to_owned(),
        definition,
        shoppers: SHOPPERS,
        arrival: Arrival::rush(Duration::from_secs(SPREAD_SECS)),
        limit: Duration::from_secs(120),
        skew_ms: stands_ms,
        slack: SLACK_PER_SEC * stands_ms as f64 / 1_000.0,
        turns_may_pass: false,
        log_is_read: false,
    }
}

/// Waits until the line has moved from where it is now, or there is nothing left to move it for.
pub async fn moves_on(running: &Running, report: &mut Report, after: &str) -> Result<()> {
    let world = &running.crowd.world;
    let began = Instant::now();
    let deadline = began + Duration::from_secs(MOVING_SECS_MAX);
    let mut first = None;
    loop {
        if let Ok(now) = ending::standing(&world.caller, &world.event).await {
            let first = first.get_or_insert(now.serving);
            if now.serving > *first || now.free() == 0 || now.waiting == 0 {
                let took = began.elapsed().as_millis();
                report.note(format!("after {after} the line moves again in {took} ms"));
                report.check(format!("the line moves on after {after}"), true);
                return Ok(());
            }
        }
        ensure!(Instant::now() < deadline, "the line stands still after {after}");
        sleep(Duration::from_millis(POLL_MS)).await;
    }
}

/// Lets the crowd go on for a while, with commands in flight.
pub async fn sale_goes_on(running: &Running, report: &mut Report, time: Duration) {
    let before = running.pulse().commands.load(Ordering::Relaxed);
    sleep(time).await;
    let after = running.pulse().commands.load(Ordering::Relaxed);
    report.note(format!("{} commands in {time:?}", after - before));
}

/// Index of the worker that owns the sale; waits for one, out of those that answer.
async fn owner(stack: &Stack, except: Option<usize>) -> Result<usize> {
    let deadline = Instant::now() + Duration::from_secs(MOVING_SECS_MAX);
    loop {
        let owning = tokio::task::block_in_place(|| owners(stack, except));
        if let Some(owner) = owning.first() {
            return Ok(*owner);
        }
        ensure!(Instant::now() < deadline, "no worker owns the event (except {except:?})");
        sleep(Duration::from_millis(POLL_MS)).await;
    }
}

/// Gauge of the worker: 1 for each event that it drives.
const OWNER_METRIC: &str = "twinkle_worker_owner";
const OWNER_LABEL: &str = "event=\"sale\"";

fn owners(stack: &Stack, except: Option<usize>) -> Vec<usize> {
    let gauge = |i: &usize| stack.servers[*i].metric(OWNER_METRIC, OWNER_LABEL);
    let owns = |i: &usize| gauge(i).is_some_and(|owns| owns > 0.0);
    let workers = stack.of_role("worker").into_iter().filter(|i| Some(*i) != except);
    workers.filter(owns).collect()
}
