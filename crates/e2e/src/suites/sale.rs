//! A whole sale: 2,000 shoppers, 300 seats, 6 slots, a rate that binds for at least 20 s.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::{Seen, crowds::Plan};
use crate::{crowd::Arrival, model::admission::rate_bound_for, report::Report, stack::Stack};

const SHOPPERS: usize = 2_000;
const SPREAD_SECS: u64 = 20;
/// The rate must be the limit for so long.
const BOUND_MS_MIN: i64 = 20_000;
/// What share of the rate counts as bound by it.
const BOUND_SHARE: f64 = 0.9;

pub async fn run(stack: &mut Stack, report: &mut Report, seed: u64, seen: &mut Seen) -> Result<()> {
    let mut definition = crate::event::definition(6, 50);
    definition["admission"] =
        json!({"rate_per_min": 480, "max_inside": 150, "claim_secs": 5, "window_secs": 30});
    definition["hold_secs"] = json!(6);
    let plan = Plan {
        event: "sale".to_owned(),
        definition,
        shoppers: SHOPPERS,
        arrival: Arrival::rush(Duration::from_secs(SPREAD_SECS)),
        limit: Duration::from_secs(150),
        skew_ms: 250,
        slack: 1.0,
        turns_may_pass: false,
        log_is_read: false,
    };
    let running = plan.start(stack, seed).await?;
    let sale = running.finish(stack, report, seen).await?;
    let bound = rate_bound_for(&sale, BOUND_SHARE);
    report.note(format!("the rate was the limit for {bound} ms"));
    report.check(format!("the rate binds for {BOUND_MS_MIN} ms"), bound >= BOUND_MS_MIN);
    Ok(())
}
