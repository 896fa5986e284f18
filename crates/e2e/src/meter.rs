//! Counts what the crowd asks and gets: how much is under way, how much succeeds, how long nothing does.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use tokio::time::Instant;

use crate::calls::{Answer, Role};

/// Operations: commands (role api) and reads of shoppers.
#[derive(Debug)]
pub struct Meter {
    /// Commands sent and not yet answered.
    in_flight: AtomicU64,
    commands: AtomicU64,
    reads: AtomicU64,
    failed: AtomicU64,
    succeeded: Mutex<Succeeded>,
}

/// Successful commands.
#[derive(Debug)]
struct Succeeded {
    last: Instant,
    longest_gap: Duration,
}

/// The meter at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    pub in_flight: u64,
    pub commands: u64,
    pub reads: u64,
    /// No answer, 429, or any 5xx.
    pub failed: u64,
    /// The longest time without any command that succeeded.
    pub longest_outage: Duration,
}

impl Default for Meter {
    fn default() -> Self {
        let succeeded = Succeeded { last: Instant::now(), longest_gap: Duration::ZERO };
        Self {
            in_flight: AtomicU64::new(0),
            commands: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            succeeded: Mutex::new(succeeded),
        }
    }
}

impl Meter {
    /// Counts an operation of a shopper from its start to its answer.
    pub async fn watch(
        &self,
        role: Role,
        call: impl Future<Output = Result<Answer>>,
    ) -> Result<Answer> {
        let _under_way = (role == Role::Api).then(|| UnderWay::begin(self));
        let answer = call.await;
        let counter = if role == Role::Api { &self.commands } else { &self.reads };
        counter.fetch_add(1, Ordering::Relaxed);
        if !answer.as_ref().is_ok_and(|answer| answer.status < 500 && answer.status != 429) {
            self.failed.fetch_add(1, Ordering::Relaxed);
        } else if role == Role::Api {
            self.succeeded.lock().unwrap_or_else(PoisonError::into_inner).now();
        }
        answer
    }

    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub fn read(&self) -> Reading {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let succeeded = self.succeeded.lock().unwrap_or_else(PoisonError::into_inner);
        Reading {
            in_flight: self.in_flight(),
            commands: of(&self.commands),
            reads: of(&self.reads),
            failed: of(&self.failed),
            longest_outage: succeeded.longest_gap.max(succeeded.last.elapsed()),
        }
    }

    /// Starts to look for outages from this moment.
    pub fn begin(&self) {
        let mut succeeded = self.succeeded.lock().unwrap_or_else(PoisonError::into_inner);
        *succeeded = Succeeded { last: Instant::now(), longest_gap: Duration::ZERO };
    }
}

impl Succeeded {
    fn now(&mut self) {
        self.longest_gap = self.longest_gap.max(self.last.elapsed());
        self.last = Instant::now();
    }
}

impl Reading {
    pub fn operations(&self) -> u64 {
        self.commands + self.reads
    }

    /// Share of operations that succeeded, 0 to 1.
    pub fn success(&self) -> f64 {
        1.0 - self.failed as f64 / self.operations().max(1) as f64
    }
}

/// Counts a command as under way for as long as it lives, however it ends.
struct UnderWay<'a>(&'a Meter);

impl<'a> UnderWay<'a> {
    fn begin(meter: &'a Meter) -> Self {
        meter.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(meter)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;
    use serde_json::Value;

    use super::*;

    fn answer(status: u16) -> Result<Answer> {
        Ok(Answer { status, headers: HeaderMap::new(), text: String::new(), body: Value::Null })
    }

    #[tokio::test]
    async fn busy_and_lost_answers_fail() {
        let meter = Meter::default();
        for status in [202, 200, 409, 404, 429, 503, 500] {
            meter.watch(Role::Api, async { answer(status) }).await.unwrap();
        }
        meter.watch(Role::Gateway, async { anyhow::bail!("torn") }).await.unwrap_err();
        let reading = meter.read();
        assert_eq!((reading.commands, reading.reads, reading.failed), (7, 1, 4));
        assert!((reading.success() - 0.5).abs() < 1e-9);
    }

    #[tokio::test]
    async fn a_command_is_in_flight_until_it_ends_or_is_dropped() {
        let meter = Meter::default();
        meter
            .watch(Role::Api, async {
                assert_eq!(meter.in_flight(), 1);
                answer(200)
            })
            .await
            .unwrap();
        let never = meter.watch(Role::Api, std::future::pending());
        let _ = tokio::time::timeout(Duration::from_millis(1), never).await;
        assert_eq!(meter.in_flight(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_outage_is_between_commands_that_succeed() {
        let meter = Meter::default();
        for (secs, status) in [(1, 200), (3, 503), (4, 200), (2, 200)] {
            tokio::time::sleep(Duration::from_secs(secs)).await;
            meter.watch(Role::Api, async move { answer(status) }).await.unwrap();
        }
        assert_eq!(meter.read().longest_outage, Duration::from_secs(7));
        tokio::time::sleep(Duration::from_secs(9)).await;
        assert_eq!(meter.read().longest_outage, Duration::from_secs(9), "nothing since counts");
    }
}
