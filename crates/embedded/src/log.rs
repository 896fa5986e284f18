//! The event log on one disk.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use domain::EventId;
use ports::{
    Appended, EventLog, KeepError, LogError, LogImport, LogKeeper, LogReader, Record,
    keep::check_dense, log::RECORD_BYTES_MAX,
};
use tokio::sync::{oneshot, watch};

use crate::{
    store::{Event, Store},
    writer::{Done, Job, Refused, Writer},
};

/// Event logs on one disk. Offsets are dense; times never go back within an event.
#[derive(Debug, Clone)]
pub struct EmbeddedLog {
    store: Arc<Store>,
    writer: Arc<Writer>,
}

impl EmbeddedLog {
    pub(crate) fn new(store: Arc<Store>, writer: Arc<Writer>) -> Self {
        Self { store, writer }
    }

    fn event(&self, id: &EventId) -> Result<Arc<Event>, LogError> {
        self.store.event(id).ok_or_else(|| LogError::UnknownEvent(id.clone()))
    }

    /// Has a job done; returns once it is durable.
    async fn done<T>(&self, job: impl FnOnce(Done<T>) -> Job) -> Result<T, LogError> {
        let (done, answer) = oneshot::channel();
        self.writer.send(job(done)).map_err(|refused| match refused {
            Refused::Full => LogError::Full,
            Refused::Gone => gone(),
        })?;
        answer.await.map_err(|_| gone())?.map_err(LogError::Unavailable)
    }
}

fn gone() -> LogError {
    LogError::Unavailable("the log's writer has ended; start the process again".to_owned())
}

#[async_trait]
impl EventLog for EmbeddedLog {
    async fn create(&self, event: &EventId) -> Result<(), LogError> {
        if self.store.event(event).is_some() {
            return Ok(());
        }
        self.done(|done| Job::Create { event: event.clone(), done }).await
    }

    async fn append(&self, event: &EventId, record: Bytes) -> Result<Appended, LogError> {
        if record.len() > RECORD_BYTES_MAX {
            return Err(LogError::TooLarge(record.len()));
        }
        let event = self.event(event)?;
        self.done(|done| Job::Append { event, bytes: record, done }).await
    }

    async fn end(&self, event: &EventId) -> Result<u64, LogError> {
        Ok(*self.event(event)?.end.borrow())
    }

    async fn read(&self, event: &EventId, offset: u64) -> Result<Box<dyn LogReader>, LogError> {
        let event = self.event(event)?;
        let (store, end) = (Arc::clone(&self.store), event.end.subscribe());
        Ok(Box::new(Reader { store, number: event.number, end, next: offset }))
    }

    /// Nobody asks a single process for its lag.
    async fn commit(&self, event: &EventId, _next: u64) -> Result<(), LogError> {
        self.event(event).map(drop)
    }
}

#[async_trait]
impl LogKeeper for EmbeddedLog {
    async fn import(&self, event: &EventId) -> Result<Box<dyn LogImport>, KeepError> {
        if self.store.event(event).is_some() {
            return Err(KeepError::Exists(event.clone()));
        }
        self.create(event).await?;
        Ok(Box::new(Import { log: self.clone(), event: self.event(event)? }))
    }

    async fn delete(&self, event: &EventId) -> Result<(), LogError> {
        let Some(known) = self.store.event(event) else { return Ok(()) };
        self.done(|done| Job::Delete { id: event.clone(), event: known, done }).await
    }
}

struct Import {
    log: EmbeddedLog,
    event: Arc<Event>,
}

#[async_trait]
impl LogImport for Import {
    async fn push(&mut self, records: Vec<Record>) -> Result<(), KeepError> {
        check_dense(*self.event.end.borrow(), &records)?;
        let event = Arc::clone(&self.event);
        Ok(self.log.done(|done| Job::Import { event, records, done }).await?)
    }

    async fn finish(self: Box<Self>) -> Result<(), KeepError> {
        Ok(())
    }
}

struct Reader {
    store: Arc<Store>,
    number: u32,
    end: watch::Receiver<u64>,
    next: u64,
}

#[async_trait]
impl LogReader for Reader {
    async fn next(&mut self) -> Result<Vec<Record>, LogError> {
        let next = self.next;
        let unavailable = |error: &dyn ToString| LogError::Unavailable(error.to_string());
        self.end.wait_for(|end| *end > next).await.map_err(|error| unavailable(&error))?;
        let (store, number) = (Arc::clone(&self.store), self.number);
        let reading = tokio::task::spawn_blocking(move || store.records(number, next));
        let records = reading.await.map_err(|error| unavailable(&error))?;
        let records = records.map_err(|error| unavailable(&error))?;
        self.next = records.last().map_or(next, |last| last.offset + 1);
        Ok(records)
    }
}
