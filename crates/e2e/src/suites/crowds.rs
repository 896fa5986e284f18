//! A crowd at a sale: started, watched, brought to rest and judged. Faults happen in between.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use reqwest::Method;
use serde_json::Value;
use tokio::{sync::watch, task::JoinHandle, time::sleep};

use super::Seen;
use crate::{
    crowd::{Arrival, Crowd, Pulse, World, ending, limits},
    event,
    model::{self, Limits, Sale},
    moment::Millis,
    report::Report,
    stack::{Shape, Stack},
};

/// How often the operator's numbers are read.
const SAMPLE_MS: u64 = 500;

/// How far the clocks of the driver and the log may differ.
const CLOCK_SKEW_MS: Millis = 250;

/// A sale to be.
#[derive(Debug)]
pub struct Plan {
    pub event: String,
    pub definition: Value,
    pub shoppers: usize,
    pub arrival: Arrival,
    /// By when it must have come to rest, from the moment `finish` is called.
    pub limit: Duration,
    /// How far two admission times may be out of order.
    pub skew_ms: Millis,
    /// Admissions above rate and burst that are forgiven.
    pub slack: f64,
    /// Faults may keep people from hearing of their turn until it is over: counted, not judged.
    pub turns_may_pass: bool,
    /// The order of places is judged by the log itself, not by the addresses that were told.
    pub log_is_read: bool,
}

/// A sale under way.
#[derive(Debug)]
pub struct Running {
    pub crowd: Crowd,
    limits: Limits,
    limit: Duration,
    turns_may_pass: bool,
    samples: Arc<Mutex<Vec<i64>>>,
    sampler: JoinHandle<()>,
    stop_sampling: Arc<AtomicBool>,
}

impl Plan {
    /// Makes and opens the event and lets the crowd loose.
    pub async fn start(self, stack: &Stack, seed: u64) -> Result<Running> {
        event::open(stack, &self.event, &self.definition).await?;
        let claim_secs = self.definition["admission"]["claim_secs"].as_i64().unwrap_or(0);
        let world = World {
            caller: stack.caller.clone(),
            event: self.event,
            slots: event::slots(&self.definition),
            claim_ms: claim_secs * 1_000,
            skew_ms: CLOCK_SKEW_MS,
            pulse: Pulse::default(),
            cookies: Mutex::default(),
            over: watch::channel(false).0,
        };
        let limits = Limits {
            slack: self.slack,
            skew_ms: self.skew_ms,
            may_repeat: self.log_is_read,
            ..limits(&self.definition)
        };
        let crowd = Crowd::start(world, self.shoppers, seed, &self.arrival);
        let samples = Arc::new(Mutex::new(Vec::new()));
        let stop_sampling = Arc::new(AtomicBool::new(false));
        let sampler =
            tokio::spawn(sample(crowd.world.clone(), samples.clone(), stop_sampling.clone()));
        let (limit, turns_may_pass) = (self.limit, self.turns_may_pass);
        Ok(Running { crowd, limits, limit, turns_may_pass, samples, sampler, stop_sampling })
    }
}

impl Running {
    pub fn pulse(&self) -> &Pulse {
        &self.crowd.world.pulse
    }

    /// Waits for rest, ends the sale and judges it.
    pub async fn finish(
        self,
        stack: &mut Stack,
        report: &mut Report,
        seen: &mut Seen,
    ) -> Result<Sale> {
        report.note(self.pulse().summary());
        let rest = ending::quiet(&self.crowd.world, self.limit).await;
        report.note(self.pulse().summary());
        self.stop_sampling.store(true, Ordering::Relaxed);
        let _ = self.sampler.await;
        let (world, stories, faults) = self.crowd.stop().await;
        report.judge("the driver's own shoppers all came home", faults);
        let standing = match rest {
            Ok(standing) => standing,
            Err(error) => {
                report.judge("the sale comes to rest", vec![format!("{error:#}")]);
                ending::standing(&world.caller, &world.event).await?
            }
        };
        report.note(format!("{standing:?}"));
        if !self.turns_may_pass {
            report.judge("nobody's turn passed untold", locked(&world.pulse.missed_by).clone());
        }
        let samples = std::mem::take(&mut *locked(&self.samples));
        let sale = ending::gather(&world, stories, self.limits, standing, samples).await;
        report.judge("no answer was out of shape", world.pulse.wrongs());
        model::check(report, &sale);
        seen.cookies.extend(locked(&world.cookies).drain());
        audit(stack, report, &world.event).await;
        Ok(sale)
    }
}

/// The binary's own check that the view equals the fold of the log.
async fn audit(stack: &mut Stack, report: &mut Report, event: &str) {
    if stack.shape == Shape::Embedded {
        // The log of a single node belongs to one process at a time.
        let server = &mut stack.servers[0];
        let ended = tokio::task::block_in_place(|| server.terminate());
        let ended = ended.map(|status| status.code());
        report.check(
            format!("the process ends in order after SIGTERM ({ended:?})"),
            matches!(ended, Ok(Some(0))),
        );
    }
    let verdict = stack.audit(event).await;
    let faults = verdict.err().map(|error| format!("{error:#}"));
    report.judge("the audit finds the view equal to the fold of the log", Vec::from_iter(faults));
}

async fn sample(world: Arc<World>, samples: Arc<Mutex<Vec<i64>>>, stop: Arc<AtomicBool>) {
    let path = format!("/{}/stats", world.event);
    while !stop.load(Ordering::Relaxed) {
        if let Ok(answer) = world.caller.operator(Method::GET, &path, None).await
            && answer.status == 200
        {
            let count = |name: &str| answer.body[name].as_i64();
            let inside = [count("admitted"), count("inside"), count("holding")];
            match inside.into_iter().sum::<Option<i64>>() {
                Some(inside) => locked(&samples).push(inside),
                None => world.pulse.wrong(format!("no counts in the numbers: {}", answer.brief())),
            }
        }
        sleep(Duration::from_millis(SAMPLE_MS)).await;
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
