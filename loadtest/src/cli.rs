//! The command line.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Args, Parser, Subcommand};

use crate::{
    net::target::{PORTS, SOURCES_MAX, Sources, Target},
    pace::Stop,
    processes::PROCESSES_MAX,
    scenario::{Part, Stage, joins, plain, rush, sale, sockets, storm},
    service::Service,
};

/// Puts load on a waiting room and checks what it says.
#[derive(Debug, Parser)]
#[command(name = "twinkle-load", version)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Joins at a fixed schedule, each by a new shopper
    Joins(Play<joins::Settings>),
    /// Requests to any server at a fixed schedule, to compare joins with
    Plain(Play<plain::Settings>),
    /// Everyone inside holds and books the same slot at once
    Rush(Play<rush::Settings>),
    /// Holds many sockets and checks every frame
    Sockets(Play<sockets::Settings>),
    /// Everyone joins in the same second, each on connections of their own
    Storm(Play<storm::Settings>),
    /// A whole sale: join, wait, come in, hold, book
    Sale(Play<sale::Settings>),
}

/// A scenario's own settings with those that all have.
#[derive(Debug, Args)]
pub struct Play<S: Args> {
    #[command(flatten)]
    pub common: Common,
    #[command(flatten)]
    pub settings: S,
}

#[derive(Debug, Args)]
pub struct Common {
    /// The producer API, http://HOST:PORT; several are used in turn
    #[arg(long, value_delimiter = ',', default_value = "http://127.0.0.1:8080")]
    pub api: Vec<Target>,
    /// The gateway, http://HOST:PORT; several are used in turn
    #[arg(long, value_delimiter = ',', default_value = "http://127.0.0.1:8080")]
    pub gateway: Vec<Target>,
    /// The event
    #[arg(long)]
    pub event: String,
    /// The service's own origin; unless given, the first API's address
    #[arg(long)]
    pub origin: Option<String>,
    /// Connect from so many addresses, 127.0.0.2 and on: each has ports for 28,000 connections
    #[arg(long, default_value_t = 1)]
    pub sources: u8,
    /// Processes that share the load of sockets and storm: each holds some 19,000 sockets at most
    #[arg(long, default_value_t = 1)]
    pub processes: usize,
    /// Write what was seen as one JSON object
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Allow targets that are not on this machine
    #[arg(long)]
    pub i_own_the_target: bool,
    /// Which part of several processes this one is, K/N
    #[arg(long, hide = true, value_parser = part)]
    pub part: Option<Part>,
}

impl Common {
    /// What the scenario plays on, once the targets are checked.
    pub fn stage(&self) -> Result<Stage> {
        let mut targets = self.api.iter().chain(&self.gateway);
        targets.try_for_each(|target| target.check(self.i_own_the_target))?;
        ensure!((1..=SOURCES_MAX).contains(&self.sources), "1 to {SOURCES_MAX} sources");
        ensure!((1..=PROCESSES_MAX).contains(&self.processes), "1 to {PROCESSES_MAX} processes");
        ensure!(
            self.event.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'),
            "an event's id has letters, digits and dashes"
        );
        let origin = self.origin.clone().unwrap_or_else(|| self.api[0].origin());
        let (apis, gateways) = (self.api.clone(), self.gateway.clone());
        let service = Service { apis, gateways, event: self.event.clone(), origin };
        let part = self.part.unwrap_or(Part::ALL);
        // Begins elsewhere each time: the ports of the last run may still be taken.
        let ports = usize::from(PORTS);
        let first = std::process::id() as usize * 1_009 % ports + part.number * ports / part.of;
        let sources = Sources::new(self.sources, first * usize::from(self.sources));
        Ok(Stage { service, stop: Stop::on_signals()?, part, sources })
    }
}

/// `K/N`, K from 0.
fn part(text: &str) -> Result<Part> {
    let part = text.split_once('/').and_then(|(number, of)| {
        let (number, of) = (number.parse().ok()?, of.parse().ok()?);
        (number < of).then_some(Part { number, of })
    });
    part.ok_or_else(|| anyhow::anyhow!("a part is K/N"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn a_part_is_one_of_several() {
        assert_eq!(part("1/4").unwrap(), Part { number: 1, of: 4 });
        assert!(part("4/4").is_err() && part("x").is_err());
    }
}
