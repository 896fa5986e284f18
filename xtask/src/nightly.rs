//! `cargo xtask nightly`: what takes too long for every change.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;

use crate::outcome::Outcome;
use crate::{api, e2e, fuzz, sim};

/// Simulated sales, other ones each night.
const SEEDS: u64 = 50_000;
/// How long faults go on among the real parts, in minutes.
const CHAOS_MINUTES: u64 = 30;
/// How long each target is fuzzed, in seconds.
const FUZZ_SECS: u64 = 600;
/// Calls made up for each operation of the API.
const API_EXAMPLES: u32 = 2_000;

type Part = (&'static str, fn() -> Result<Outcome>);

const PARTS: [Part; 4] = [
    ("sim", || sim::seeds(tonight() * SEEDS, SEEDS)),
    ("chaos", || {
        let passed = e2e::chaos(CHAOS_MINUTES, Some(tonight()))?;
        Ok(Outcome::check("chaos", passed, "chaos failed: see above"))
    }),
    ("fuzz", || fuzz::all(FUZZ_SECS, None)),
    ("api", || api::calls(API_EXAMPLES, None)),
];

/// Days since 1970: a number that no other night has.
fn tonight() -> u64 {
    const DAY_SECS: u64 = 86_400;
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / DAY_SECS
}

/// Runs every part, whatever became of those before; true when nothing failed.
pub(crate) fn run() -> bool {
    let mut failed = 0;
    for (name, part) in PARTS {
        println!("\n=== {name}");
        let outcome = part().unwrap_or_else(|error| Outcome::problem(format!("{error:#}")));
        for suite in &outcome.suites {
            println!("{:<24} {:>9} passed {:>4} failed", suite.name, suite.passed, suite.failed);
        }
        outcome.problems.iter().for_each(|problem| println!("{name}: {problem}"));
        failed += outcome.total_failed();
    }
    println!("\n{failed} failed");
    failed == 0
}
