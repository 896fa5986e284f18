//! The steps of `cargo xtask test`.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::ValueEnum;

use crate::commands::cargo;
use crate::minimums::{API, BROWSER, CHART, E2E, EYES, FUZZ, LOAD, Minimums, PLANS, SIM, UNIT};
use crate::outcome::Outcome;
use crate::{api, chart, deploy, e2e, eyes, fuzz, load, plans, run, sim, tools, unit};

const CARGO_LIMIT_SECS: u64 = 1_500;

/// A step; each can be run by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// Install or fetch what is missing.
    Tools,
    /// Formatting.
    Fmt,
    /// Lints, every target and feature, warnings are errors.
    Clippy,
    /// Unit, property and contract tests.
    Unit,
    /// A thousand simulated sales, and every rule broken in turn.
    Sim,
    /// The product and the end-to-end driver, release build.
    Build,
    /// The end-to-end suites.
    E2e,
    /// The page in a real Chromium.
    Browser,
    /// The plans for k6, JMeter and Locust.
    Plans,
    /// Small runs of the load generator's scenarios.
    Load,
    /// Dashboards, alerts and runbooks, before a real Prometheus.
    Eyes,
    /// Each target of the fuzzer for a few seconds.
    Fuzz,
    /// Calls made up from the description of the API.
    Api,
    /// Dockerfile, Compose file and pipelines.
    Deploy,
    /// The Helm chart and the manifests of `k8s/`.
    Chart,
    /// Licences, sources and bans of the dependencies.
    Deny,
}

impl Step {
    fn run(self) -> Result<Outcome> {
        match self {
            Self::Tools => tools::all(),
            Self::Fmt => cargo_step("fmt", &["fmt", "--all", "--check", "--", "--color", "never"]),
            Self::Clippy => clippy(),
            Self::Unit => tools::system().and_then(|()| unit::run()),
            Self::Sim => sim::test(),
            Self::Build => e2e::build(),
            Self::E2e => e2e::run(),
            Self::Browser => e2e::browser(),
            Self::Plans => plans::run(),
            Self::Load => load::run(),
            Self::Eyes => eyes::run(),
            Self::Fuzz => fuzz::step(),
            Self::Api => api::step(),
            Self::Deploy => deploy::check(),
            Self::Chart => chart::step(),
            Self::Deny => deploy::deny(),
        }
    }

    /// The kind of its suites in the file of minimums.
    fn kind(self) -> Option<&'static str> {
        match self {
            Self::Unit => Some(UNIT),
            Self::Sim => Some(SIM),
            Self::E2e => Some(E2E),
            Self::Browser => Some(BROWSER),
            Self::Plans => Some(PLANS),
            Self::Load => Some(LOAD),
            Self::Eyes => Some(EYES),
            Self::Fuzz => Some(FUZZ),
            Self::Api => Some(API),
            Self::Chart => Some(CHART),
            _ => None,
        }
    }

    fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

struct Done {
    step: Step,
    outcome: Outcome,
    took: Duration,
}

/// Runs the steps, all when `only` is empty; true when nothing failed.
///
/// # Errors
/// When the file of minimums cannot be read or written.
pub(crate) fn run(only: &[Step], record: bool) -> Result<bool> {
    let mut minimums = Minimums::read()?;
    let mut done = Vec::new();
    for step in Step::value_variants().iter().copied() {
        if only.is_empty() || only.contains(&step) {
            done.push(run_step(step, &mut minimums, record));
            if step == Step::Tools && done.iter().any(|done| done.outcome.total_failed() > 0) {
                break;
            }
        }
    }
    if record {
        minimums.write()?;
    }
    Ok(summary(&done))
}

fn run_step(step: Step, minimums: &mut Minimums, record: bool) -> Done {
    println!("\n=== {}", step.name());
    let start = Instant::now();
    let mut outcome = step.run().unwrap_or_else(|error| Outcome::problem(format!("{error:#}")));
    if let Some(kind) = step.kind() {
        // How much a load or a fuzzer does differs from run to run: their minimum is set by hand.
        if record && !matches!(step, Step::Plans | Step::Fuzz | Step::Api) {
            minimums.record(kind, &outcome.suites);
        }
        outcome.problems.extend(minimums.judge(kind, &outcome.suites));
    }
    Done { step, outcome, took: start.elapsed() }
}

fn clippy() -> Result<Outcome> {
    tools::system()?;
    let what = ["clippy", "--workspace", "--all-targets", "--all-features", "--locked", "--"];
    cargo_step("clippy", &[what.as_slice(), &["-D", "warnings"]].concat())
}

fn cargo_step(name: &str, args: &[&str]) -> Result<Outcome> {
    let ok = run::shown(cargo(args), Duration::from_secs(CARGO_LIMIT_SECS))?.ok;
    Ok(Outcome::check(name, ok, &format!("cargo {name} failed: see above")))
}

fn summary(done: &[Done]) -> bool {
    println!("\n=== summary");
    for Done { step, outcome, took } in done {
        let (passed, failed) = (outcome.total_passed(), outcome.total_failed());
        let word = if failed == 0 { "ok" } else { "FAILED" };
        let (name, took) = (step.name(), took.as_secs());
        println!("{name:<8} {word:<6} {passed:>6} passed {failed:>4} failed {took:>5} s");
        if step.kind().is_some() {
            for suite in &outcome.suites {
                println!(
                    "    {:<36} {:>6} passed {:>4} failed",
                    suite.name, suite.passed, suite.failed
                );
            }
        }
    }
    for Done { step, outcome, .. } in done {
        for problem in &outcome.problems {
            println!("{}: {problem}", step.name());
        }
    }
    let passed: u64 = done.iter().map(|done| done.outcome.total_passed()).sum();
    let failed: u64 = done.iter().map(|done| done.outcome.total_failed()).sum();
    println!("\n{passed} passed, {failed} failed");
    failed == 0
}
