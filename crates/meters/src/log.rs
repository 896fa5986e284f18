//! The log with a stopwatch around its writes.

use std::{fmt, sync::Arc, time::Instant};

use async_trait::async_trait;
use bytes::Bytes;
use domain::EventId;
use metrics::{Counter, Histogram, counter, histogram};
use ports::{Appended, EventLog, LogError, LogReader, Trace};

/// Counts what is appended to another log.
pub struct MeteredLog {
    log: Arc<dyn EventLog>,
    seconds: Histogram,
    full: Counter,
    unavailable: Counter,
    too_large: Counter,
    unknown_event: Counter,
}

impl MeteredLog {
    pub fn new(log: Arc<dyn EventLog>) -> Self {
        let errors = |reason| counter!("twinkle_log_append_errors_total", "reason" => reason);
        Self {
            log,
            seconds: histogram!("twinkle_log_append_seconds"),
            full: errors("full"),
            unavailable: errors("unavailable"),
            too_large: errors("too_large"),
            unknown_event: errors("unknown_event"),
        }
    }

    fn failed(&self, error: &LogError) {
        let counter = match error {
            LogError::Full => &self.full,
            LogError::Unavailable(_) => &self.unavailable,
            LogError::TooLarge(_) => &self.too_large,
            LogError::UnknownEvent(_) => &self.unknown_event,
        };
        counter.increment(1);
    }
}

impl fmt::Debug for MeteredLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeteredLog").finish_non_exhaustive()
    }
}

#[async_trait]
impl EventLog for MeteredLog {
    async fn create(&self, event: &EventId) -> Result<(), LogError> {
        self.log.create(event).await
    }

    async fn append(&self, event: &EventId, record: Bytes) -> Result<Appended, LogError> {
        self.append_traced(event, record, &[]).await
    }

    async fn append_traced(
        &self,
        event: &EventId,
        record: Bytes,
        traces: &[Trace],
    ) -> Result<Appended, LogError> {
        let begun = Instant::now();
        let appended = self.log.append_traced(event, record, traces).await;
        self.seconds.record(begun.elapsed());
        appended.inspect_err(|error| self.failed(error))
    }

    async fn end(&self, event: &EventId) -> Result<u64, LogError> {
        self.log.end(event).await
    }

    async fn read(&self, event: &EventId, offset: u64) -> Result<Box<dyn LogReader>, LogError> {
        self.log.read(event, offset).await
    }

    async fn commit(&self, event: &EventId, next: u64) -> Result<(), LogError> {
        self.log.commit(event, next).await
    }
}
