//! Event time: it stops when the log stops (R3).

use crate::{
    ids::Millis,
    mutants::{Mutant, on},
};

/// The most that one record moves event time on, in milliseconds.
pub const STEP_MAX_MS: Millis = 2_000;

/// Event time and the append time of the last record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EventTime {
    now: Millis,
    record: Millis,
}

impl EventTime {
    /// Moves on by the gap between records, never backwards, by at most [`STEP_MAX_MS`].
    pub(crate) fn advance(&mut self, at: Millis) -> Millis {
        if self.record == 0 {
            *self = Self { now: at, record: at };
            return 0;
        }
        let gap = at.saturating_sub(self.record);
        let step = if on(Mutant::TimeUncapped) { gap } else { gap.min(STEP_MAX_MS) };
        *self = Self { now: self.now + step, record: at };
        step
    }

    /// Event time.
    pub fn now(&self) -> Millis {
        self.now
    }

    /// The last record's own time.
    pub fn record(&self) -> Millis {
        self.record
    }

    /// When a deadline of event time will come by the log's clock, if nothing stops the log.
    pub fn expected(&self, deadline: Millis) -> Millis {
        deadline.saturating_sub(self.now) + self.record
    }
}
