//! Virtual clocks: the runtime's time, set wrong by a span of each machine's own.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering::Relaxed},
};

use ports::Clock;
use tokio::time::Instant;

/// The day on which all simulated events take place: 2026-12-05T10:00:00Z.
pub(crate) const DAY_MS: u64 = 1_796_464_800_000;

/// One machine's clock; clones show the same time.
#[derive(Debug, Clone)]
pub(crate) struct SimClock {
    began: Instant,
    skew_ms: Arc<AtomicI64>,
}

impl SimClock {
    pub(crate) fn new(began: Instant) -> Self {
        Self { began, skew_ms: Arc::default() }
    }

    /// Jumps, back or forth.
    pub(crate) fn jump(&self, ms: i64) {
        self.skew_ms.fetch_add(ms, Relaxed);
    }
}

impl Clock for SimClock {
    fn now(&self) -> u64 {
        let passed = self.began.elapsed().as_millis() as u64;
        (DAY_MS + passed).saturating_add_signed(self.skew_ms.load(Relaxed))
    }
}
