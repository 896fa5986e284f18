//! The event log in memory.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, RwLock},
};

use async_trait::async_trait;
use bytes::Bytes;
use domain::EventId;
use tokio::sync::watch;

use super::{Call, Fault, Faults, faults::Begun};
use crate::{
    Appended, Clock, EventLog, KeepError, LogError, LogImport, LogKeeper, LogReader, Record,
    keep::check_dense, log::RECORD_BYTES_MAX,
};

/// Most records in one answer of a reader.
const READ_RECORDS_MAX: usize = 1_000;

const UNBROKEN: &str = "nothing panics under this lock";

/// Event logs in memory. The time of a record is what the clock shows, be it before the last one's.
#[derive(Clone)]
pub struct MemoryLog(Arc<Inner>);

struct Inner {
    logs: RwLock<HashMap<EventId, Arc<OneLog>>>,
    clock: Arc<dyn Clock>,
    faults: Faults,
}

struct OneLog {
    records: RwLock<Vec<Record>>,
    end: watch::Sender<u64>,
    committed: watch::Sender<u64>,
}

impl MemoryLog {
    pub fn new(clock: impl Clock + 'static) -> Self {
        Self::with_faults(clock, Faults::default())
    }

    pub fn with_faults(clock: impl Clock + 'static, faults: Faults) -> Self {
        Self(Arc::new(Inner { logs: RwLock::default(), clock: Arc::new(clock), faults }))
    }

    /// What was last committed for the event; 0 = nothing.
    pub fn committed(&self, event: &EventId) -> u64 {
        self.log(event).map_or(0, |log| *log.committed.borrow())
    }

    fn log(&self, event: &EventId) -> Result<Arc<OneLog>, LogError> {
        let logs = self.0.logs.read().expect(UNBROKEN);
        logs.get(event).cloned().ok_or_else(|| LogError::UnknownEvent(event.clone()))
    }

    fn begin(&self, call: Call, event: &EventId) -> Result<Begun, LogError> {
        Ok(self.0.faults.begin(call, event.as_str())?)
    }
}

impl fmt::Debug for MemoryLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let logs = self.0.logs.read().expect(UNBROKEN);
        f.debug_set().entries(logs.keys()).finish()
    }
}

impl OneLog {
    fn new() -> Self {
        let (end, committed) = (watch::Sender::new(0), watch::Sender::new(0));
        Self { records: RwLock::default(), end, committed }
    }

    fn push(&self, bytes: Bytes, clock: &dyn Clock, gap: bool) -> Appended {
        let mut records = self.records.write().expect(UNBROKEN);
        let offset = *self.end.borrow() + u64::from(gap);
        let at = clock.now();
        records.push(Record { offset, at, bytes });
        self.end.send_replace(offset + 1);
        Appended { offset, at }
    }

    fn from(&self, offset: u64) -> Vec<Record> {
        let records = self.records.read().expect(UNBROKEN);
        let first = records.partition_point(|record| record.offset < offset);
        records[first..].iter().take(READ_RECORDS_MAX).cloned().collect()
    }
}

#[async_trait]
impl EventLog for MemoryLog {
    async fn create(&self, event: &EventId) -> Result<(), LogError> {
        let call = self.begin(Call::Create, event)?;
        let mut logs = self.0.logs.write().expect(UNBROKEN);
        logs.entry(event.clone()).or_insert_with(|| Arc::new(OneLog::new()));
        Ok(call.end(())?)
    }

    async fn append(&self, event: &EventId, record: Bytes) -> Result<Appended, LogError> {
        if record.len() > RECORD_BYTES_MAX {
            return Err(LogError::TooLarge(record.len()));
        }
        let call = self.begin(Call::Append, event)?;
        if call.suffers(Fault::Full) {
            return Err(LogError::Full);
        }
        let (log, clock) = (self.log(event)?, &*self.0.clock);
        let appended = log.push(record.clone(), clock, call.suffers(Fault::Gap));
        if call.suffers(Fault::Duplicated) {
            log.push(record, clock, false);
        }
        Ok(call.end(appended)?)
    }

    async fn end(&self, event: &EventId) -> Result<u64, LogError> {
        let call = self.begin(Call::End, event)?;
        let end = *self.log(event)?.end.borrow();
        Ok(call.end(end)?)
    }

    async fn read(&self, event: &EventId, offset: u64) -> Result<Box<dyn LogReader>, LogError> {
        let call = self.begin(Call::Read, event)?;
        let log = self.log(event)?;
        let end = log.end.subscribe();
        let reader =
            Reader { log, end, next: offset, event: event.clone(), faults: self.0.faults.clone() };
        Ok(call.end(Box::new(reader))?)
    }

    async fn commit(&self, event: &EventId, next: u64) -> Result<(), LogError> {
        let call = self.begin(Call::Commit, event)?;
        self.log(event)?.committed.send_replace(next);
        Ok(call.end(())?)
    }
}

#[async_trait]
impl LogKeeper for MemoryLog {
    async fn import(&self, event: &EventId) -> Result<Box<dyn LogImport>, KeepError> {
        let mut logs = self.0.logs.write().expect(UNBROKEN);
        if logs.contains_key(event) {
            return Err(KeepError::Exists(event.clone()));
        }
        let log = Arc::new(OneLog::new());
        logs.insert(event.clone(), Arc::clone(&log));
        Ok(Box::new(Import(log)))
    }

    async fn delete(&self, event: &EventId) -> Result<(), LogError> {
        self.0.logs.write().expect(UNBROKEN).remove(event);
        Ok(())
    }
}

struct Import(Arc<OneLog>);

#[async_trait]
impl LogImport for Import {
    async fn push(&mut self, new: Vec<Record>) -> Result<(), KeepError> {
        let mut records = self.0.records.write().expect(UNBROKEN);
        let end = check_dense(*self.0.end.borrow(), &new)?;
        records.extend(new);
        self.0.end.send_replace(end);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<(), KeepError> {
        Ok(())
    }
}

struct Reader {
    log: Arc<OneLog>,
    end: watch::Receiver<u64>,
    next: u64,
    event: EventId,
    faults: Faults,
}

#[async_trait]
impl LogReader for Reader {
    async fn next(&mut self) -> Result<Vec<Record>, LogError> {
        let call = self.faults.begin(Call::NextRecords, self.event.as_str())?;
        let next = self.next;
        if self.end.wait_for(|end| *end > next).await.is_err() {
            return Err(LogError::UnknownEvent(self.event.clone()));
        }
        let records = call.end(self.log.from(next))?;
        self.next = records.last().map_or(next, |last| last.offset + 1);
        Ok(records)
    }
}
