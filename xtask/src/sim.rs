//! The simulation: many seeds, and every rule broken in turn.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::commands::{cargo, command, target};
use crate::outcome::{Outcome, Suite};
use crate::run;

const BUILD_LIMIT_SECS: u64 = 1_500;
const RUN_LIMIT_SECS: u64 = 24 * 3_600;
/// Seeds of the tests.
const SEEDS: u64 = 1_000;

/// Builds the simulation on a runtime whose own choices are seeded.
///
/// # Errors
/// When it does not build.
fn build() -> Result<PathBuf> {
    let home = target().join("sim");
    let mut command = cargo(&["build", "--locked", "--profile", "sim", "-p", "twinkle-sim"]);
    command.args(["--features", "mutants"]);
    command.env("RUSTFLAGS", "--cfg tokio_unstable").env("CARGO_TARGET_DIR", &home);
    let built = run::shown(command, Duration::from_secs(BUILD_LIMIT_SECS))?;
    ensure!(built.ok, "the simulation does not build: see above");
    Ok(home.join("sim/twinkle-sim"))
}

/// Plays what was asked for; true when nothing was found.
///
/// # Errors
/// When it does not build or start.
pub(crate) fn play(args: &[String]) -> Result<bool> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let out = run::shown(command(build()?, &args), Duration::from_secs(RUN_LIMIT_SECS))?;
    Ok(out.ok)
}

/// The seeds and the broken rules of the tests.
///
/// # Errors
/// When it does not build or start.
pub(crate) fn test() -> Result<Outcome> {
    let all = seeds(1, SEEDS)?;
    Ok(all.and(suite(&build()?, "mutants", &["--mutants"])?))
}

/// So many seeds from this one on.
///
/// # Errors
/// When it does not build or start.
pub(crate) fn seeds(first: u64, count: u64) -> Result<Outcome> {
    suite(&build()?, "sim", &["--seed", &first.to_string(), "--seeds", &count.to_string()])
}

fn suite(sim: &PathBuf, name: &str, args: &[&str]) -> Result<Outcome> {
    let out = run::shown(command(sim, args), Duration::from_secs(RUN_LIMIT_SECS))?;
    let counted = out.text.lines().rev().find_map(|line| {
        let rest = line.strip_prefix(name)?.strip_prefix(": ")?;
        rest.split(' ').next()?.parse().ok()
    });
    Ok(match (out.ok, counted) {
        (true, Some(passed)) => {
            let suite = Suite { name: name.to_owned(), passed, failed: 0 };
            Outcome { suites: vec![suite], problems: Vec::new() }
        }
        _ => Outcome::problem(format!("{name} failed: see above")),
    })
}
