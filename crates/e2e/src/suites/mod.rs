//! The suites: each starts its own stack, drives it, and judges what it saw.

mod bad_input;
pub mod chaos;
mod crowds;
mod disk_full;
mod drain;
mod faults;
mod sale;
mod slow;
mod whole_way;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Result;

use crate::{
    report::Report,
    stack::{Shape, Stack, logs},
};

/// The faults that the tests play.
const CHAOS_SEED: u64 = 5;

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
    DiskFull,
    Drain,
    Chaos,
    /// Needs a build of its own: not among those that are listed.
    ChaosControl,
}

/// Plays a suite in a certain way.
#[derive(Debug, Clone)]
pub struct Course {
    pub seed: u64,
    /// How long faults go on.
    pub chaos: Duration,
    /// What Helm rendered.
    pub manifests: PathBuf,
}

impl Suite {
    pub const LISTED: [Self; 13] = [
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
        Self::DiskFull,
        Self::Drain,
        Self::Chaos,
    ];

    pub fn named(name: &str) -> Option<Self> {
        let all = Self::LISTED.into_iter().chain([Self::ChaosControl]);
        all.into_iter().find(|suite| suite.name() == name)
    }

    /// The seed of a suite that always plays the same faults, unless it is told otherwise.
    pub fn fixed_seed(self) -> Option<u64> {
        matches!(self, Self::Chaos | Self::ChaosControl).then_some(CHAOS_SEED)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::WholeWay(Shape::Embedded) => "whole-way-embedded",
            Self::WholeWay(_) => "whole-way-distributed",
            Self::BadInput(Shape::Embedded) => "bad-input-embedded",
            Self::BadInput(_) => "bad-input-distributed",
            Self::Sale(Shape::Embedded) => "sale-embedded",
            Self::Sale(_) => "sale-distributed",
            Self::FaultsOwner => "faults-owner",
            Self::FaultsRedis => "faults-redis",
            Self::FaultsKafka => "faults-kafka",
            Self::FaultsSigterm => "faults-sigterm",
            Self::DiskFull => "disk-full",
            Self::Drain => "drain",
            Self::Chaos => "chaos",
            Self::ChaosControl => "chaos-control",
        }
    }

    fn shape(self) -> Shape {
        match self {
            Self::WholeWay(shape) | Self::BadInput(shape) | Self::Sale(shape) => shape,
            Self::DiskFull => Shape::Embedded,
            Self::Chaos => Shape::Replicated,
            _ => Shape::Distributed,
        }
    }

    /// Runs the suite; true = everything held.
    pub async fn run(self, bin: &Path, course: Course) -> bool {
        let seed = course.seed;
        let mut report = Report::new(self.name());
        report.note(format!("{} with --seed {seed}", self.name()));
        let started = tokio::task::block_in_place(|| self.stack(bin, &course));
        match started {
            Err(error) => report.broke_off(Err(error.context("the stack did not start"))),
            Ok(mut stack) => {
                report.note(format!("the stack is up, logs in {}", stack.folder().display()));
                let mut seen = Seen::default();
                let outcome = self.drive(&mut stack, &mut report, course, &mut seen).await;
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

    fn stack(self, bin: &Path, course: &Course) -> Result<Stack> {
        let (name, seed) = (self.name(), course.seed);
        match self {
            Self::DiskFull => Stack::start(self.shape(), &disk_full::wrapped(bin)?, name, seed),
            Self::Drain => Stack::deploy(&course.manifests, bin, name, seed),
            Self::ChaosControl => {
                let (rule, broken) = chaos::control::BROKEN_RULE;
                Stack::start_with(self.shape(), bin, name, seed, &[(rule.into(), broken.into())])
            }
            _ => Stack::start(self.shape(), bin, name, seed),
        }
    }

    async fn drive(
        self,
        stack: &mut Stack,
        report: &mut Report,
        Course { seed, chaos, .. }: Course,
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
            Self::DiskFull => disk_full::run(stack, report, seed, seen).await,
            Self::Drain => drain::run(stack, report, seed, seen).await,
            Self::Chaos => chaos::run(stack, report, seed, seen, chaos).await,
            Self::ChaosControl => chaos::control::run(stack, report, seed, seen).await,
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
