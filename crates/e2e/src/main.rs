//! Drives real processes of `twinkle` from outside, over HTTP and WebSocket only.
//!
//! Nothing of the product is linked in: what is right is judged by a model of the driver's own.

// A driver talks to whoever runs it, and casts between small numbers of its own.
#![allow(clippy::print_stdout, clippy::cast_possible_truncation)]
// In a binary `pub` and `pub(crate)` reach equally far.
#![allow(unreachable_pub)]

mod calls;
mod cookie;
mod crowd;
mod dice;
mod event;
mod frames;
mod kube;
mod log;
mod meter;
mod model;
mod moment;
mod pass;
mod person;
mod problem;
mod raw;
mod report;
mod stack;
mod suites;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use report::Report;
use suites::{Course, Suite, chaos};

/// Runs one suite against real processes of the binary.
#[derive(Debug, Parser)]
#[command(name = "twinkle-e2e")]
struct Cli {
    /// Name of the suite; see --list.
    #[arg(required_unless_present_any = ["list", "check"])]
    suite: Option<String>,
    /// The binary under test.
    #[arg(long, default_value = "target/release/twinkle")]
    bin: PathBuf,
    /// Plays the same crowd again.
    #[arg(long)]
    seed: Option<u64>,
    /// How long the faults of `chaos` go on, in seconds.
    #[arg(long, default_value_t = chaos::SHORT_SECS)]
    seconds: u64,
    /// What Helm made of the chart, and what it finds in the cluster: `drain` runs it.
    #[arg(long, default_value = "target/chart/deployed.yaml")]
    manifests: PathBuf,
    /// Checks the evidence that `chaos` left in this folder once more; starts nothing.
    #[arg(long)]
    check: Option<PathBuf>,
    /// Prints the names of all suites.
    #[arg(long)]
    list: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let name = cli.suite.unwrap_or_default();
    if cli.list {
        Suite::LISTED.iter().for_each(|suite| println!("{}", suite.name()));
        return ExitCode::SUCCESS;
    }
    if let Some(folder) = &cli.check {
        let mut report = Report::new("check");
        let checked = chaos::evidence::check(&mut report, folder);
        report.broke_off(checked);
        return if report.finish() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let Some(suite) = Suite::named(&name) else {
        println!("there is no suite {name:?}; --list prints them");
        return ExitCode::FAILURE;
    };
    let seed = cli.seed.or(suite.fixed_seed()).unwrap_or_else(|| moment::now().unsigned_abs());
    let (chaos, manifests) = (Duration::from_secs(cli.seconds), cli.manifests);
    let course = Course { seed, chaos, manifests };
    let passed = tokio::select! {
        passed = suite.run(&cli.bin, course) => passed,
        // Dropping the suite kills what it started.
        _ = tokio::signal::ctrl_c() => false,
    };
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
