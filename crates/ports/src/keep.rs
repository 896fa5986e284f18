//! What is done to whole logs, by hand: one is made anew from an archive, one is deleted.

use async_trait::async_trait;
use domain::EventId;

use crate::{LogError, Record};

/// Why a log was not made anew.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeepError {
    /// Nothing was changed.
    #[error(
        "there is a log of event {0} already: a log is never written over; delete it first if it is the rest of a restore that was broken off"
    )]
    Exists(EventId),
    /// What was pushed before stays where it is.
    #[error("record {found} comes where record {due} is due: a log can't be made with gaps")]
    Gap { due: u64, found: u64 },
    #[error(transparent)]
    Log(#[from] LogError),
}

/// The keeper's side of the logs. No worker may follow the event meanwhile.
#[async_trait]
pub trait LogKeeper: Send + Sync + 'static {
    /// Begins a log with records of before; there must be none of this event.
    async fn import(&self, event: &EventId) -> Result<Box<dyn LogImport>, KeepError>;

    /// Deletes the event's log for good; returns once it is gone. Without a log nothing happens.
    async fn delete(&self, event: &EventId) -> Result<(), LogError>;
}

/// A log in the making. Left without `finish` it stays half made.
#[async_trait]
pub trait LogImport: Send {
    /// Appends records with the offsets and times that they had; returns once they are durable.
    /// The first of all is record 0, and each follows the one before.
    async fn push(&mut self, records: Vec<Record>) -> Result<(), KeepError>;

    /// The log is whole: appends go on behind it, with the log's own time again.
    async fn finish(self: Box<Self>) -> Result<(), KeepError>;
}

/// Each record follows the one before; returns what is due after them.
pub fn check_dense(mut due: u64, records: &[Record]) -> Result<u64, KeepError> {
    for record in records {
        if record.offset != due {
            return Err(KeepError::Gap { due, found: record.offset });
        }
        due += 1;
    }
    Ok(due)
}
