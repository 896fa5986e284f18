//! `twinkle-load`: honest open-loop load on a waiting room, and a judgement of what it says.
//!
//! One thread and no async runtime: the generator runs on the machine that it measures, so its own
//! share must be small. Nothing of the product is linked in.

// In a binary `pub` and `pub(crate)` reach equally far.
#![allow(unreachable_pub, missing_debug_implementations)]
#![allow(dead_code, reason = "sockets and what is built on them come with the next scenarios")]

mod cli;
mod latency;
mod model;
mod net;
mod pace;
mod report;
mod scenario;
mod schedule;
mod service;
mod tally;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::{
    cli::{Cli, Command, Common},
    report::Outcome,
    scenario::joins,
};

fn main() -> ExitCode {
    match play(Cli::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => fail(&error),
    }
}

/// True: no violation was found.
fn play(command: Command) -> Result<bool> {
    match command {
        Command::Joins(play) => {
            let stage = play.common.stage()?;
            finish(&play.common, &joins::run(&stage, &play.settings)?)
        }
    }
}

#[allow(clippy::print_stdout, reason = "the summary is what the program is run for")]
fn finish(common: &Common, outcome: &Outcome) -> Result<bool> {
    if let Some(path) = &common.json {
        outcome.write_json(path)?;
    }
    println!("{}", outcome.text());
    Ok(outcome.faults.count() == 0)
}

#[allow(clippy::print_stderr, reason = "the last word of a program goes to its user")]
fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("twinkle-load: {error:#}");
    ExitCode::from(2)
}
