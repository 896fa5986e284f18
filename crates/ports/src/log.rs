//! The log of an event: the one truth, in one order.

use async_trait::async_trait;
use bytes::Bytes;
use domain::{EventId, Millis};

use crate::Trace;

/// Largest record, in bytes.
pub const RECORD_BYTES_MAX: usize = 256 * 1024;

/// Where and when a record became durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    pub offset: u64,
    pub at: Millis,
}

/// One durable record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub offset: u64,
    /// The log's own append time.
    pub at: Millis,
    pub bytes: Bytes,
}

/// Why a call to the log failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// Too much is under way already. Nothing was appended.
    #[error("the log takes no more for now")]
    Full,
    /// The log did not answer in time. A record may have been appended all the same.
    #[error("the log can't be reached: {0}")]
    Unavailable(String),
    /// The record is above [`RECORD_BYTES_MAX`]. Nothing was appended.
    #[error("the record has {0} bytes, more than {RECORD_BYTES_MAX}")]
    TooLarge(usize),
    /// There is no log for this event. Nothing was appended.
    #[error("there is no log for event {0}")]
    UnknownEvent(EventId),
}

/// Append-only logs, one per event, kept without limit of time or size.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Makes the event's log; one that exists already is left as it is.
    async fn create(&self, event: &EventId) -> Result<(), LogError>;

    /// Appends one record; returns once it is durable. Calls may run concurrently.
    async fn append(&self, event: &EventId, record: Bytes) -> Result<Appended, LogError>;

    /// The same for commands that are traced: their marks go beside the record, never into it. A log
    /// without room for marks leaves them out.
    async fn append_traced(
        &self,
        event: &EventId,
        record: Bytes,
        traces: &[Trace],
    ) -> Result<Appended, LogError> {
        let _ = traces;
        self.append(event, record).await
    }

    /// The offset that the next record will have at least; everything durable before the call is below it.
    async fn end(&self, event: &EventId) -> Result<u64, LogError>;

    /// Follows the log from `offset` on, for ever.
    async fn read(&self, event: &EventId, offset: u64) -> Result<Box<dyn LogReader>, LogError>;

    /// Tells lag tools that everything below `next` has been handled. Best effort.
    async fn commit(&self, event: &EventId, next: u64) -> Result<(), LogError>;
}

/// Follows one event's log.
#[async_trait]
pub trait LogReader: Send {
    /// Waits for at least one record and returns what is there, in order, bounded in number.
    ///
    /// Cancel safe. `Unavailable` may be asked again: nothing is skipped.
    async fn next(&mut self) -> Result<Vec<Record>, LogError>;

    /// The marks beside the records that `next` gave last; told once.
    fn traces(&mut self) -> Vec<Trace> {
        Vec::new()
    }
}
