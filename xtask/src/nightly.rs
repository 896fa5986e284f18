//! `cargo xtask nightly`: what takes too long for every change.

use anyhow::Result;

use crate::outcome::Outcome;
use crate::{api, fuzz};

/// How long each target is fuzzed, in seconds.
const FUZZ_SECS: u64 = 600;
/// Calls made up for each operation of the API.
const API_EXAMPLES: u32 = 2_000;

type Part = (&'static str, fn() -> Result<Outcome>);

const PARTS: [Part; 2] =
    [("fuzz", || fuzz::all(FUZZ_SECS)), ("api", || api::calls(API_EXAMPLES, None))];

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
