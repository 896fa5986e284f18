//! The loop's clock: short turns at a steady beat, so that many events cost one wake-up.

use std::{
    sync::{Arc, atomic::AtomicBool, atomic::Ordering},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use rustix::time::{ClockId, clock_gettime};

const US_PER_SEC: u64 = 1_000_000;

/// CPU time of this process so far, in seconds.
pub fn cpu_secs() -> f64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}

/// Milliseconds since the Unix epoch.
pub fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Set by Ctrl-C.
#[derive(Debug, Clone)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    pub fn on_signals() -> Result<Self> {
        let stop = Self::never();
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register(signal, stop.0.clone()).context("can't watch signals")?;
        }
        Ok(stop)
    }

    /// Nobody will ask to stop.
    pub fn never() -> Self {
        Self(Arc::new(AtomicBool::new(false)))
    }

    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Time since the start of the load.
#[derive(Debug)]
pub struct Pace {
    start: Instant,
    cpu_before_secs: f64,
    turn: Duration,
    next_second: u64,
}

impl Pace {
    /// Starts the clock; a turn of the loop takes at least so long.
    pub fn start(turn_us: u64) -> Self {
        Self {
            start: Instant::now(),
            cpu_before_secs: cpu_secs(),
            turn: Duration::from_micros(turn_us),
            next_second: 1,
        }
    }

    /// Microseconds since the start.
    pub fn now_us(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    pub fn wall_secs(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// CPU time of this process since the start, in seconds.
    pub fn cpu_secs(&self) -> f64 {
        cpu_secs() - self.cpu_before_secs
    }

    /// Sleeps for what is left of a turn that began at `turn_us`.
    pub fn rest(&self, turn_us: u64) {
        let spent = Duration::from_micros(self.now_us().saturating_sub(turn_us));
        if let Some(left) = self.turn.checked_sub(spent) {
            thread::sleep(left);
        }
    }

    /// The number of a second that has just ended, once for each.
    pub fn second(&mut self, now_us: u64) -> Option<u64> {
        let ended = now_us / US_PER_SEC;
        let news = ended >= self.next_second;
        self.next_second = self.next_second.max(ended + 1);
        news.then_some(ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_ends_once() {
        let mut pace = Pace::start(1);
        let ended: Vec<_> = [0, 999_999, 1_000_000, 1_000_001, 3_200_000, 3_300_000, 4_000_000]
            .map(|now| pace.second(now))
            .into();
        assert_eq!(ended, [None, None, Some(1), None, Some(3), None, Some(4)]);
    }

    #[test]
    fn cpu_time_is_counted() {
        let before = cpu_secs();
        let mut sum = 0_u64;
        while cpu_secs() - before < 0.01 {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(sum > 0 && cpu_secs() > before);
    }
}
