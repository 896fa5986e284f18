//! How fast people are let in (R9).

use crate::{
    ids::Millis,
    mutants::{Mutant, on},
};

const MINUTE_MS: u64 = 60_000;

/// A token bucket whose burst is one second's worth, at least one token; missed time earns nothing.
///
/// Credit counts in 1/60,000 of a token, so that `rate_per_min × milliseconds` is exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bucket {
    credit: u64,
}

impl Bucket {
    pub(crate) fn earn(&mut self, rate_per_min: u32, elapsed: Millis) {
        self.credit = self.credit.saturating_add(u64::from(rate_per_min) * elapsed);
        self.clamp(rate_per_min);
    }

    /// Never more than the burst of the current rate.
    pub(crate) fn clamp(&mut self, rate_per_min: u32) {
        if !on(Mutant::BurstUnbounded) {
            self.credit = self.credit.min(burst(rate_per_min));
        }
    }

    pub(crate) fn take(&mut self) -> bool {
        if on(Mutant::RateIgnored) {
            return true;
        }
        let enough = self.credit >= MINUTE_MS;
        if enough {
            self.credit -= MINUTE_MS;
        }
        enough
    }

    pub fn credit(&self) -> u64 {
        self.credit
    }
}

/// The most credit that can be saved up.
pub fn burst(rate_per_min: u32) -> u64 {
    if rate_per_min == 0 { 0 } else { (u64::from(rate_per_min) * 1_000).max(MINUTE_MS) }
}

const METER_CELLS: usize = 12;
const METER_CELL_MS: Millis = 5_000;

/// People let in over the last minute of event time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meter {
    cells: [u32; METER_CELLS],
    /// The cell that counts now.
    current: u64,
    /// When the first person was let in.
    since: Option<Millis>,
}

impl Meter {
    pub(crate) fn advance(&mut self, now: Millis) {
        let current = now / METER_CELL_MS;
        let passed = (current - self.current.min(current)).min(METER_CELLS as u64);
        for i in 0..passed {
            self.cells[((current - i) % METER_CELLS as u64) as usize] = 0;
        }
        self.current = self.current.max(current);
    }

    pub(crate) fn count(&mut self, now: Millis) {
        self.since.get_or_insert(now);
        self.cells[(self.current % METER_CELLS as u64) as usize] += 1;
    }

    /// People a minute as observed; `None` while there is too little to tell.
    pub fn per_min(&self, now: Millis) -> Option<u32> {
        let open_for = now.saturating_sub(self.since?);
        if open_for < 2 * METER_CELL_MS {
            return None;
        }
        // The current cell has only just begun, so the span measured ends inside it.
        let span = open_for.min((METER_CELLS as u64 - 1) * METER_CELL_MS + now % METER_CELL_MS);
        let count: u64 = self.cells.iter().map(|cell| u64::from(*cell)).sum();
        u32::try_from(count * MINUTE_MS / span.max(1)).ok()
    }
}
