//! The plans of `loadtest/` for k6, JMeter and Locust, each run against the built product. It is the
//! plans that are checked here, not how fast the product is: the load is small.

mod csv;
mod jmeter;
mod k6;
mod locust;
pub(crate) mod product;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use self::product::Product;
use crate::outcome::{Outcome, Suite};
use crate::{e2e, run};

const PLAN_LIMIT_SECS: u64 = 120;
/// Joins a second of the plans that only join, and for how many seconds.
const RATE: u32 = 200;
const SECS: u32 = 5;

/// A tool's command, and how to read the report that it leaves behind.
#[derive(Debug)]
struct Plan {
    name: &'static str,
    command: Command,
    report: PathBuf,
    read: fn(&str) -> Result<Tally>,
}

/// What a report says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    /// Joins of which every check passed.
    joins: u64,
    /// Failed checks, or calls with one.
    failed: u64,
}

/// Runs each plan.
///
/// # Errors
/// When a part is missing or the product does not start.
pub(crate) fn run() -> Result<Outcome> {
    let built = e2e::build()?;
    if built.total_failed() > 0 {
        return Ok(built);
    }
    let product = Product::start(&e2e::binary("twinkle")?)?;
    let mut outcome = Outcome::default();
    for plan in [k6::plan(&product)?, jmeter::plan(&product)?, locust::plan(&product)?] {
        let name = plan.name;
        println!("\n--- {name}");
        // A plan that hangs must not take the others' results with it.
        let seen = one(plan).unwrap_or_else(|error| Outcome::problem(format!("{name}: {error:#}")));
        outcome = outcome.and(seen);
    }
    if let Err(error) = product.stop() {
        outcome.problems.push(format!("{error:#}"));
    }
    Ok(outcome)
}

fn one(plan: Plan) -> Result<Outcome> {
    let name = plan.name;
    let out = run::shown(plan.command, Duration::from_secs(PLAN_LIMIT_SECS))?;
    let report = std::fs::read_to_string(&plan.report).context("the tool left no report")?;
    let Tally { joins, failed } = (plan.read)(&report).context("the tool's report is malformed")?;
    println!("{name}: {joins} checks passed");
    let ended = Outcome {
        suites: vec![Suite { name: name.to_owned(), passed: joins, failed }],
        problems: Vec::new(),
    };
    let complaint = (!out.ok).then(|| Outcome::problem(format!("{name} failed: see above")));
    Ok(ended.and(complaint.unwrap_or_default()))
}
