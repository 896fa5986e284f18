//! The project's own commands: `cargo xtask test`, `cargo xtask services up|down`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line talks to a terminal"
)]

mod api;
mod bench;
mod chart;
mod cluster;
mod commands;
mod dashboards;
mod deploy;
#[cfg(test)]
mod direction;
mod e2e;
mod eyes;
mod fuzz;
mod load;
mod minimums;
mod nightly;
mod outcome;
mod pipelines;
mod plans;
mod plots;
mod run;
mod services;
mod sim;
mod steps;
mod tools;
mod unit;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::bench::Bench;
use crate::steps::Step;

/// Development commands of Twinkle.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Everything CI runs; installs or fetches what is missing.
    Test {
        /// Run this step only (may be repeated).
        #[arg(long)]
        only: Vec<Step>,
        /// Write the counts seen into xtask/minimums.json as the new minimums.
        #[arg(long)]
        record: bool,
    },
    /// A real Kafka and Redis for development, without Docker; they outlive the command.
    Services {
        #[command(subcommand)]
        action: Action,
    },
    /// Plays whole sales under faults in one process, each from one seed.
    ///
    /// `--seeds N`, `--seed S` (that one, twice), `--trace` (every step of it), `--mutants` (every rule
    /// broken in turn), `--mutant RULE`.
    Sim {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Measures the numbers to reach on the real parts; prints a JSON line for each figure.
    Bench {
        /// Which; all without a name.
        names: Vec<Bench>,
        /// The long runs that the documents speak of.
        #[arg(long)]
        full: bool,
        /// Measure this binary of the product instead of building one.
        #[arg(long)]
        bin: Option<PathBuf>,
    },
    /// Draws the charts of docs/performance.md from docs/bench.json.
    Plots,
    /// Draws where the time of each role goes while people join, into `docs/flame`.
    Flame,
    /// Breaks everything around a sale, on the real parts, and checks that nothing is lost.
    Chaos {
        /// How long faults go on.
        #[arg(long, default_value_t = 10)]
        minutes: u64,
        /// Plays the same faults again.
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Writes the dashboards of the chart from their descriptions.
    Dashboards,
    /// Fuzzes the targets of `fuzz/`, guided by coverage.
    Fuzz {
        /// Which; all without a name.
        target: Option<String>,
        /// How long each, in seconds.
        #[arg(long, default_value_t = 60)]
        secs: u64,
        /// Take what covers more into the committed corpus.
        #[arg(long)]
        keep: bool,
    },
    /// Everything that takes too long for every change: hours.
    Nightly,
    /// Installs, upgrades, rolls back and removes the chart in a real Kubernetes control plane.
    Cluster,
    /// Writes the table of values into the README of the chart.
    ChartDocs,
    /// Checks the dependencies against the RustSec advisory database (needs GitHub).
    Advisories,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Start both, or show how to use them when they run already.
    Up,
    /// Stop both; their data stay.
    Down,
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Test { only, record } => steps::run(&only, record),
        Command::Services { action: Action::Up } => services::up().map(|()| true),
        Command::Services { action: Action::Down } => services::down().map(|()| true),
        Command::Sim { args } => sim::play(&args),
        Command::Chaos { minutes, seed } => e2e::chaos(minutes, seed),
        Command::Bench { names, full, bin } => bench::run(&names, full, bin.as_deref()),
        Command::Flame => bench::flame::write().map(|()| true),
        Command::Plots => plots::write().map(|()| true),
        Command::Fuzz { target, secs, keep } => fuzz::run(target.as_deref(), secs, keep),
        Command::Dashboards => dashboards::write().map(|()| true),
        Command::Nightly => Ok(nightly::run()),
        Command::Cluster => cluster::run(),
        Command::ChartDocs => chart::write_docs().map(|()| true),
        Command::Advisories => deploy::advisories(),
    };
    exit_code(done)
}

fn exit_code(done: Result<bool>) -> ExitCode {
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
