//! Who strikes when, and what it hit: every fault is noted with the commands that were in flight.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use crate::{dice::Dice, meter::Meter};

/// How long a fault waits for a command to be in flight.
const VICTIM_MS_MAX: u64 = 8_000;
const VICTIM_POLL_MS: u64 = 1;

/// The clock and the book of all faults.
#[derive(Debug)]
pub struct Nemesis {
    meter: Arc<Meter>,
    began: Instant,
    until: Instant,
    faults: Mutex<Vec<Fault>>,
    troubles: Mutex<Vec<String>>,
}

/// One fault that has been healed.
#[derive(Debug, Clone)]
pub struct Fault {
    pub kind: &'static str,
    pub target: String,
    /// After the start, in ms.
    pub at_ms: u64,
    pub lasted_ms: u64,
    /// Commands under way at the very moment.
    pub in_flight: u64,
    /// Commands that ended while it lasted.
    pub ended: u64,
}

/// A fault that has just been done.
#[must_use]
#[derive(Debug)]
pub struct Strike {
    nemesis: Arc<Nemesis>,
    kind: &'static str,
    target: String,
    at: Instant,
    in_flight: u64,
    commands: u64,
}

impl Nemesis {
    pub fn new(meter: Arc<Meter>, time: Duration) -> Self {
        let (faults, troubles) = (Mutex::default(), Mutex::default());
        let began = Instant::now();
        Self { meter, began, until: began + time, faults, troubles }
    }

    /// Whether there is time for another fault, after a pause of `low..high` ms.
    pub async fn goes_on(&self, dice: &mut Dice, low: u64, high: u64) -> bool {
        sleep_until((Instant::now() + dice.millis(low, high)).min(self.until)).await;
        Instant::now() < self.until
    }

    /// Waits for a command in flight; the caller does the deed at once, without waiting any more.
    pub async fn strike(self: &Arc<Self>, kind: &'static str, target: impl Into<String>) -> Strike {
        let patience = Instant::now() + Duration::from_millis(VICTIM_MS_MAX);
        while self.meter.in_flight() == 0 && Instant::now() < patience {
            sleep(Duration::from_millis(VICTIM_POLL_MS)).await;
        }
        let reading = self.meter.read();
        let (target, at) = (target.into(), Instant::now());
        let (in_flight, commands) = (reading.in_flight, reading.commands);
        Strike { nemesis: Arc::clone(self), kind, target, at, in_flight, commands }
    }

    /// Notes what could not be done or healed.
    pub fn broke(&self, error: &anyhow::Error) {
        locked(&self.troubles).push(format!("{error:#}"));
    }

    pub fn troubles(&self) -> Vec<String> {
        locked(&self.troubles).clone()
    }

    pub fn faults(&self) -> Vec<Fault> {
        locked(&self.faults).clone()
    }
}

impl Strike {
    /// The fault is over.
    pub fn healed(self) {
        let Self { nemesis, kind, target, at, in_flight, commands } = self;
        let ended = nemesis.meter.read().commands - commands;
        let at_ms = (at - nemesis.began).as_millis() as u64;
        let lasted_ms = at.elapsed().as_millis() as u64;
        println!(
            "    {:6.1}s {kind} ({target}): {lasted_ms} ms, {in_flight} in flight, {ended} ended",
            at_ms as f64 / 1_000.0
        );
        let fault = Fault { kind, target, at_ms, lasted_ms, in_flight, ended };
        locked(&nemesis.faults).push(fault);
    }
}

/// How many of each kind there were.
pub fn by_kind(faults: &[Fault]) -> BTreeMap<&'static str, usize> {
    let mut kinds = BTreeMap::new();
    for fault in faults {
        *kinds.entry(fault.kind).or_default() += 1;
    }
    kinds
}

pub fn to_json(fault: &Fault) -> Value {
    let Fault { kind, target, at_ms, lasted_ms, in_flight, ended } = fault;
    json!({"kind": kind, "target": target, "at_ms": at_ms, "lasted_ms": lasted_ms,
        "in_flight": in_flight, "ended": ended})
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::Role;

    #[tokio::test(start_paused = true)]
    async fn a_fault_waits_for_a_command_in_flight() {
        let meter = Arc::new(Meter::default());
        let nemesis = Arc::new(Nemesis::new(meter.clone(), Duration::from_secs(60)));
        let asked = tokio::spawn(async move {
            sleep(Duration::from_millis(700)).await;
            let call = async {
                sleep(Duration::from_secs(1)).await;
                anyhow::bail!("torn")
            };
            meter.watch(Role::Api, call).await
        });
        let strike = nemesis.strike("kill", "x").await;
        asked.await.unwrap().unwrap_err();
        strike.healed();
        let fault = nemesis.faults()[0].clone();
        assert!((700..800).contains(&fault.at_ms), "{fault:?}");
        assert_eq!((fault.in_flight, fault.ended), (1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn without_commands_a_fault_is_noted_as_such() {
        let nemesis = Arc::new(Nemesis::new(Arc::default(), Duration::from_secs(20)));
        let mut dice = Dice::new(1);
        assert!(nemesis.goes_on(&mut dice, 1, 2).await);
        nemesis.strike("kill", "x").await.healed();
        assert_eq!(nemesis.faults()[0].in_flight, 0);
        assert!(!nemesis.goes_on(&mut dice, 60_000, 60_001).await, "the time is over");
    }
}
