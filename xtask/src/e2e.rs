//! Suites that drive the built product from outside: end to end, and in a browser.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::commands::{cargo, command, root, target};
use crate::outcome::{Outcome, Suite};
use crate::{chart, run, tools};

const BUILD_LIMIT_SECS: u64 = 1_500;
const SUITE_LIMIT_SECS: u64 = 900;
/// A sale in which a rule is off, in a build of its own: must be caught.
const CONTROL: &str = "chaos-control";
/// Beyond the time of the faults: start, rest and checks.
const CHAOS_AROUND_SECS: u64 = 900;

/// Builds the product as it is shipped (TLS towards Kafka) and the end-to-end driver.
///
/// # Errors
/// When one of them does not build.
pub(crate) fn build() -> Result<Outcome> {
    tools::system()?;
    // One after the other: built together they would share features, and the product would be
    // another one than a user's.
    let product = release(&["-p", "twinkle", "--features", "msk-iam,traces"])?;
    let driver = drivers()?;
    Ok(Outcome::check("product", product, "the product does not build: see above")
        .and(Outcome::check("driver", driver, "the end-to-end driver does not build: see above")))
}

/// What drives and what loads the product, always together: alone, each would have other features of
/// what they share, and build that again.
pub(crate) fn drivers() -> Result<bool> {
    release(&["-p", "twinkle-e2e", "-p", "twinkle-loadtest"])
}

fn release(what: &[&str]) -> Result<bool> {
    let mut command = cargo(&["build", "--locked", "--release"]);
    command.args(what);
    Ok(run::shown(command, Duration::from_secs(BUILD_LIMIT_SECS))?.ok)
}

/// Runs every suite of the end-to-end driver.
///
/// # Errors
/// When a part is missing or cannot be run.
pub(crate) fn run() -> Result<Outcome> {
    let built = build()?;
    if built.total_failed() > 0 {
        return Ok(built);
    }
    testbed::kafka_jars()?;
    let driver = binary("twinkle-e2e")?;
    let manifests = chart::deployed()?;
    let list = run::quiet(command(&driver, &["--list"]))?;
    let mut outcome = Outcome::default();
    for suite in list.lines().map(str::trim).filter(|name| !name.is_empty()) {
        outcome = outcome.and(run_suite(&driver, suite, &manifests)?);
    }
    if outcome.suites.is_empty() && outcome.problems.is_empty() {
        outcome.problems.push("twinkle-e2e --list names no suite".to_owned());
    }
    Ok(outcome.and(control(&driver)?))
}

/// Faults on real parts for so long, then the control.
///
/// # Errors
/// When a part is missing or cannot be run.
pub(crate) fn chaos(minutes: u64, seed: Option<u64>) -> Result<bool> {
    let mut outcome = build()?;
    if outcome.total_failed() == 0 {
        testbed::kafka_jars()?;
        let (driver, seconds) = (binary("twinkle-e2e")?, (minutes * 60).to_string());
        let mut args = vec!["--seconds", &seconds];
        let seed = seed.map(|seed| seed.to_string());
        args.extend(seed.iter().flat_map(|seed| ["--seed", seed]));
        let limit = Duration::from_secs(minutes * 60 + CHAOS_AROUND_SECS);
        outcome = outcome.and(play(&driver, "chaos", &binary("twinkle")?, &args, limit)?);
        outcome = outcome.and(control(&driver)?);
    }
    outcome.problems.iter().for_each(|problem| println!("{problem}"));
    Ok(outcome.total_failed() == 0)
}

/// With every feature, not optimised: built as a part of a test, it is what the unit tests have
/// built already.
fn control(driver: &Path) -> Result<Outcome> {
    let mut build = cargo(&["test", "--locked", "--workspace", "--all-features"]);
    build.args(["--no-run", "--test", "configuration"]);
    if !run::shown(build, Duration::from_secs(BUILD_LIMIT_SECS))?.ok {
        return Ok(Outcome::problem("the product with a rule off does not build".to_owned()));
    }
    let limit = Duration::from_secs(SUITE_LIMIT_SECS);
    play(driver, CONTROL, &target().join("debug/twinkle"), &[], limit)
}

fn run_suite(driver: &Path, suite: &str, manifests: &Path) -> Result<Outcome> {
    let args = ["--manifests", manifests.to_str().context("a path that is text")?];
    play(driver, suite, &binary("twinkle")?, &args, Duration::from_secs(SUITE_LIMIT_SECS))
}

fn play(
    driver: &Path,
    suite: &str,
    product: &Path,
    args: &[&str],
    limit: Duration,
) -> Result<Outcome> {
    println!("\n--- e2e {suite}");
    let mut command = command(driver, &[suite, "--bin"]);
    command.arg(product).args(args);
    // A suite that hangs must not take the others' results with it.
    match run::shown(command, limit) {
        Ok(out) => Ok(read(suite, &out)),
        Err(error) => Ok(Outcome::problem(format!("e2e suite {suite}: {error:#}"))),
    }
}

/// Runs the browser's tests in `web/`.
///
/// # Errors
/// When a part is missing or cannot be run.
pub(crate) fn browser() -> Result<Outcome> {
    let built = build()?;
    if built.total_failed() > 0 {
        return Ok(built);
    }
    tools::npm()?;
    let mut command = command("npm", &["test", "--silent"]);
    command.current_dir(root().join("web")).env("TWINKLE_BIN", binary("twinkle")?);
    let out = run::shown(command, Duration::from_secs(SUITE_LIMIT_SECS))?;
    Ok(read("browser", &out))
}

/// The path of a built program.
///
/// # Errors
/// When it is missing.
pub(crate) fn binary(name: &str) -> Result<PathBuf> {
    let path = target().join("release").join(name);
    ensure!(path.exists(), "{} is missing", path.display());
    path.canonicalize().context("cannot resolve the path of the product")
}

/// Takes the count out of `<suite>: N checks passed`.
fn read(suite: &str, out: &run::Output) -> Outcome {
    let count = out.text.lines().rev().find_map(|line| {
        let rest = line.trim().strip_prefix(suite)?.strip_prefix(": ")?;
        rest.strip_suffix(" checks passed")?.parse().ok()
    });
    match (out.ok, count) {
        (true, Some(passed)) => {
            let suite = Suite { name: suite.to_owned(), passed, failed: 0 };
            Outcome { suites: vec![suite], problems: Vec::new() }
        }
        (true, None) => {
            Outcome::problem(format!("suite {suite} did not say `{suite}: N checks passed`"))
        }
        (false, _) => Outcome::problem(format!("suite {suite} failed: see above")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(ok: bool, text: &str) -> run::Output {
        run::Output { ok, text: text.to_owned() }
    }

    #[test]
    fn a_suite_counts_only_when_it_ends_well_and_says_so() {
        let text = "starting\nsale: 41 checks passed\n";
        assert_eq!(read("sale", &output(true, text)).total_passed(), 41);
        assert_eq!(read("sale", &output(false, text)).total_failed(), 1);
        assert_eq!(read("faults", &output(true, text)).total_failed(), 1);
        assert_eq!(read("sale", &output(true, "")).total_failed(), 1);
    }
}
