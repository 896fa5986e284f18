//! `cargo xtask bench`: the numbers to reach, measured on the real parts.
//!
//! Each figure is one JSON line; `target/bench.json` keeps the last of each name. Kafka, Redis and
//! every role are processes of their own on this machine, and so is what loads them: the cost of an
//! operation is read from the CPU time of each of them.

mod compare;
mod figure;
pub(crate) mod flame;
mod growth;
mod joins;
mod overload;
mod parts;
mod postgres;
mod recovery;
pub(crate) mod stack;
mod usage;

use std::path::Path;

use anyhow::{Result, ensure};
use clap::ValueEnum;

use crate::{bench::figure::Figures, tools};

/// A benchmark; each can be run by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Bench {
    /// Durable joins at a fixed rate, with sockets live meanwhile.
    Joins,
    /// CPU of a durable join in the API, against an empty handler.
    ApiVsHello,
    /// The state machine alone.
    Domain,
    /// Memory of an idle socket, and the cost to open it.
    GatewayMemory,
    /// Shared frames, against bare writes of the same bytes.
    GatewayFrames,
    /// Very many sockets over several processes, and the age of their frames.
    Sockets,
    /// Holds and bookings on one hot slot.
    Booking,
    /// The same slot sold by rows of a real PostgreSQL.
    BookingVsSql,
    /// Three times what the machine can take.
    Overload,
    /// What a join and a frame cost at 1, 2 and 4 times the rate, and with 10^4 to 10^6 in line.
    Growth,
    /// How soon all is well after an owner's death, with Redis emptied, and after a start on a long
    /// log; then the audit of it.
    Recovery,
}

/// How large and how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// The long runs that the documents speak of.
    pub(crate) full: bool,
}

impl Bench {
    fn run(self, scale: Scale, figures: &mut Figures) -> Result<()> {
        match self {
            Self::Joins => joins::joins(scale, figures),
            Self::ApiVsHello => joins::api_vs_hello(figures),
            Self::Domain => parts::domain(figures),
            Self::GatewayMemory => parts::gateway(figures, "memory"),
            Self::GatewayFrames => parts::gateway(figures, "frames"),
            Self::Sockets => joins::sockets(scale, figures),
            Self::Booking => compare::booking(figures),
            Self::BookingVsSql => compare::booking_vs_sql(figures),
            Self::Overload => overload::overload(figures),
            Self::Growth => growth::growth(figures),
            Self::Recovery => recovery::recovery(scale, figures),
        }
    }
}

/// Runs the named benchmarks, all without a name.
///
/// # Errors
/// When one can't be run, or sees something wrong; the figures so far are kept.
pub(crate) fn run(names: &[Bench], full: bool, bin: Option<&Path>) -> Result<bool> {
    tools::system()?;
    match bin {
        Some(bin) => stack::build_load().and_then(|()| stack::measure(bin))?,
        None => stack::build()?,
    }
    let names = if names.is_empty() { Bench::value_variants() } else { names };
    let mut figures = Figures::open()?;
    let mut broken = Vec::new();
    for bench in names {
        let name = bench.to_possible_value().map_or_else(String::new, |v| v.get_name().to_owned());
        println!("=== {name}");
        if let Err(error) = bench.run(Scale { full }, &mut figures) {
            broken.push(format!("{name}: {error:#}"));
        }
        figures.write()?;
    }
    ensure!(broken.is_empty(), "{}", broken.join("\n"));
    Ok(true)
}
