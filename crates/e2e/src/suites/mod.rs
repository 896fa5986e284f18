//! The suites: each starts its own stack, drives it, and judges what it saw.

mod bad_input;
mod crowds;
mod faults;
mod sale;
mod whole_way;

use std::path::Path;

use anyhow::Result;

use crate::{
    report::Report,
    stack::{Shape, Stack, logs},
};

/// Everything that can be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suite {
    WholeWay(Shape),
    BadInput(Shape),
    Sale(Shape),
    FaultsOwner,
    FaultsRedis,
    FaultsKafka,
    FaultsSigterm,
}

impl Suite {
    pub const ALL: [Self; 10] = [
        Self::WholeWay(Shape::Embedded),
        Self::WholeWay(Shape::Distributed),
        Self::BadInput(Shape::Embedded),
        Self::BadInput(Shape::Distributed),
        Self::Sale(Shape::Embedded),
        Self::Sale(Shape::Distributed),
        Self::FaultsOwner,
        Self::FaultsRedis,
        Self::FaultsKafka,
        Self::FaultsSigterm,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::WholeWay(Shape::Embedded) => "whole-way-embedded",
            Self::WholeWay(Shape::Distributed) => "whole-way-distributed",
            Self::BadInput(Shape::Embedded) => "bad-input-embedded",
            Self::BadInput(Shape::Distributed) => "bad-input-distributed",
            Self::Sale(Shape::Embedded) => "sale-embedded",
            Self::Sale(Shape::Distributed) => "sale-distributed",
            Self::FaultsOwner => "faults-owner",
            Self::FaultsRedis => "faults-redis",
            Self::FaultsKafka => "faults-kafka",
            Self::FaultsSigterm => "faults-sigterm",
        }
    }

    fn shape(self) -> Shape {
        match self {
            Self::WholeWay(shape) | Self::BadInput(shape) | Self::Sale(shape) => shape,
            _ => Shape::Distributed,
        }
    }

    /// Runs the suite; true = everything held.
    pub async fn run(self, bin: &Path, seed: u64) -> bool {
        let mut report = Report::new(self.name());
        report.note(format!("{} with --seed {seed}", self.name()));
        let started =
            tokio::task::block_in_place(|| Stack::start(self.shape(), bin, self.name(), seed));
        match started {
            Err(error) => report.broke_off(Err(error.context("the stack did not start"))),
            Ok(mut stack) => {
                report.note(format!("the stack is up, logs in {}", stack.folder().display()));
                let mut seen = Seen::default();
                let outcome = self.drive(&mut stack, &mut report, seed, &mut seen).await;
                report.broke_off(outcome);
                let secrets = stack.secrets.texts();
                let faults = logs::faults(stack.folder(), &secrets, &seen.cookies);
                report.judge("no log has a secret or a panic", faults);
                if report.has_failed() {
                    stack.keep();
                    report.note(format!("logs are kept in {}", stack.folder().display()));
                }
            }
        }
        report.finish()
    }

    async fn drive(
        self,
        stack: &mut Stack,
        report: &mut Report,
        seed: u64,
        seen: &mut Seen,
    ) -> Result<()> {
        match self {
            Self::WholeWay(_) => whole_way::run(stack, report, seen).await,
            Self::BadInput(_) => bad_input::run(stack, report, seen).await,
            Self::Sale(_) => sale::run(stack, report, seed, seen).await,
            Self::FaultsOwner => faults::owner::run(stack, report, seed, seen).await,
            Self::FaultsRedis => faults::redis::run(stack, report, seed, seen).await,
            Self::FaultsKafka => faults::kafka::run(stack, report, seed, seen).await,
            Self::FaultsSigterm => faults::sigterm::run(stack, report, seed, seen).await,
        }
    }
}

/// What the driver came to know and must not find in a log.
#[derive(Debug, Default)]
pub struct Seen {
    pub cookies: std::collections::HashSet<String>,
}

impl Seen {
    /// Remembers `name=value` of a cookie.
    pub fn cookie(&mut self, cookie: Option<&str>) {
        let value = cookie.and_then(|cookie| cookie.split_once('=')).map(|(_, value)| value);
        self.cookies.extend(value.map(str::to_owned));
    }
}
