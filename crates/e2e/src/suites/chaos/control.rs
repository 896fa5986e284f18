//! The control: a build in which the capacity of slots is not looked at must be caught.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use super::{Seen, evidence};
use crate::{crowd::Arrival, report::Report, stack::Stack, suites::crowds::Plan};

/// The rule that is off; a build with the feature `mutants` reads it.
pub const BROKEN_RULE: (&str, &str) = ("TWINKLE_MUTANT", "CapacityUnchecked");
const SHOPPERS: usize = 150;
const SPREAD_SECS: u64 = 8;
/// What must be found, by the words of the checks.
const MUST_BE_FOUND: [&str; 2] = ["held + sold", "no slot is ever oversold"];

/// 40 seats for far more people who want them.
fn sale() -> Plan {
    let mut definition = crate::event::definition(2, 20);
    definition["admission"] =
        json!({"rate_per_min": 1_200, "max_inside": 60, "claim_secs": 5, "window_secs": 20});
    definition["hold_secs"] = json!(4);
    Plan {
        event: "sale".to_owned(),
        definition,
        shoppers: SHOPPERS,
        arrival: Arrival {
            spread: Duration::from_secs(SPREAD_SECS),
            at_once_percent: 50,
            lingers: Some(Duration::from_secs(2)),
        },
        limit: Duration::from_secs(60),
        skew_ms: 1_000,
        slack: 20.0,
        turns_may_pass: true,
        log_is_read: true,
    }
}

pub async fn run(stack: &mut Stack, report: &mut Report, seed: u64, seen: &mut Seen) -> Result<()> {
    let mut broken = Report::new("a rule is off");
    let definition = sale().definition;
    let running = sale().start(stack, seed).await?;
    let sale = running.finish(stack, &mut broken, seen).await?;
    evidence::take(stack, &mut broken, sale, &definition, "chaos-control")?;
    ensure!(broken.has_failed(), "every check passes although {BROKEN_RULE:?}: nothing is checked");
    for check in MUST_BE_FOUND {
        report.check(
            format!("a sale without a look at the capacity is caught by: {check}"),
            broken.failures().iter().any(|failure| failure.starts_with(check)),
        );
    }
    Ok(())
}
