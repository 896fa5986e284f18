//! `twinkle-load`: honest open-loop load on a waiting room, and a judgement of what it says.
//!
//! One thread and no async runtime: the generator runs on the machine that it measures, so its own
//! share must be small. Nothing of the product is linked in.

// In a binary `pub` and `pub(crate)` reach equally far.
#![allow(unreachable_pub, missing_debug_implementations)]

mod agenda;
mod cli;
mod dice;
mod latency;
mod model;
mod net;
mod pace;
mod processes;
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
    scenario::{Stage, joins, judge_places, plain, rush, sale, sockets, storm},
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
        Command::Plain(play) => {
            let stage = play.common.stage()?;
            finish(&play.common, &plain::run(&stage, &play.settings)?)
        }
        Command::Rush(play) => {
            let stage = play.common.stage()?;
            finish(&play.common, &rush::run(&stage, &play.settings)?)
        }
        Command::Sale(play) => {
            let stage = play.common.stage()?;
            finish(&play.common, &sale::run(&stage, &play.settings)?)
        }
        Command::Sockets(play) => {
            share(&play.common, play.settings.join, |stage| sockets::run(stage, &play.settings))
        }
        Command::Storm(play) => {
            share(&play.common, true, |stage| storm::run(stage, &play.settings))
        }
    }
}

/// Plays in one process or in several; a part only tells what it saw.
fn share(common: &Common, joins: bool, run: impl Fn(&Stage) -> Result<Outcome>) -> Result<bool> {
    let stage = common.stage()?;
    if common.part.is_some() {
        return hand_over(&run(&stage)?);
    }
    let service = &stage.service;
    let before = if joins { service.opened()? } else { service.shown()? };
    let mut outcome = match common.processes {
        1 => run(&stage)?,
        count => processes::run(count, &stage.stop)?,
    };
    judge_places(&stage, &before, &mut outcome);
    finish(common, &outcome)
}

#[allow(clippy::print_stdout, reason = "the process that adds up reads it")]
fn hand_over(outcome: &Outcome) -> Result<bool> {
    println!("{}", serde_json::to_string(outcome)?);
    Ok(true)
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
