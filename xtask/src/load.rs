//! Small runs of the load generator's scenarios over a real Kafka and a real Redis. It is what they
//! check that counts here, not how fast it goes.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use crate::bench::stack::{self, Stack};
use crate::e2e;
use crate::outcome::{Outcome, Suite};

const LIMIT_SECS: u64 = 180;

/// A scenario, its event, and what it is asked for.
struct Run {
    scenario: &'static str,
    rate_per_min: u32,
    seats: u32,
    args: &'static [&'static str],
}

const RUNS: [Run; 5] = [
    Run {
        scenario: "joins",
        rate_per_min: 600,
        seats: 20,
        args: &["--profile", "ramp:500..2000", "--secs", "6", "--sample", "20"],
    },
    Run {
        scenario: "storm",
        rate_per_min: 600,
        seats: 20,
        args: &["--count", "1000", "--within-ms", "1000"],
    },
    Run {
        scenario: "sockets",
        rate_per_min: 1_200,
        seats: 20,
        args: &["--count", "500", "--join", "--secs", "8", "--open-per-sec", "250"],
    },
    Run {
        scenario: "sale",
        rate_per_min: 3_000,
        seats: 100,
        args: &["--shoppers", "200", "--rate", "40", "--secs", "25", "--seed", "7"],
    },
    Run { scenario: "rush", rate_per_min: 600_000, seats: 1_000, args: &["--shoppers", "1000"] },
];

/// Plays every scenario.
///
/// # Errors
/// When a part is missing or does not start.
pub(crate) fn run() -> Result<Outcome> {
    let built = e2e::build()?;
    if built.total_failed() > 0 {
        return Ok(built);
    }
    stack::build_load()?;
    let product = e2e::binary("twinkle")?;
    let stack = Stack::start_with(&product, &["api", "worker", "gateway", "operator"])?;
    let mut outcome = Outcome::default();
    for run in RUNS {
        println!("\n--- load {}", run.scenario);
        let seen = one(&stack, &run);
        let seen = seen.unwrap_or_else(|e| Outcome::problem(format!("{}: {e:#}", run.scenario)));
        outcome = outcome.and(seen);
    }
    Ok(outcome)
}

fn one(stack: &Stack, run: &Run) -> Result<Outcome> {
    let Run { scenario, rate_per_min, seats, args } = *run;
    stack.open_event(scenario, rate_per_min, seats)?;
    let (api, gateway) = (stack.url("api")?, stack.url("gateway")?);
    let where_ = ["--api", &api, "--gateway", &gateway, "--origin", stack.origin()];
    let args = [&[scenario, "--event", scenario], &where_[..], args].concat();
    let report = stack.load(&args, Duration::from_secs(LIMIT_SECS))?;
    stack::clean(&report)?;
    stack.audit(scenario)?;
    let passed = report["achieved"]["count"].as_u64().unwrap_or_default();
    Ok(Outcome {
        suites: vec![Suite { name: format!("load-{scenario}"), passed, failed: 0 }],
        problems: interrupted(&report),
    })
}

fn interrupted(report: &Value) -> Vec<String> {
    let whole = report["interrupted"] == false;
    if whole { Vec::new() } else { vec!["a scenario was interrupted".to_owned()] }
}
