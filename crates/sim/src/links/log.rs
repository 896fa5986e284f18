use async_trait::async_trait;
use bytes::Bytes;
use domain::EventId;
use ports::{Appended, EventLog, LogError, LogReader, Record, memory::MemoryLog};
use tokio::time::{Instant, sleep, sleep_until};

use crate::life::{Fate, Life, Store};

/// How a record of this release begins, and one of the next.
const THIS: &[u8] = br#"{"v":1,"#;
const NEXT: &[u8] = br#"{"v":2,"#;

/// The same record as the next release writes it.
fn newer(record: &Bytes) -> Bytes {
    swap(record, THIS, NEXT)
}

/// The same record as this release reads it.
pub(crate) fn older(record: &Bytes) -> Bytes {
    swap(record, NEXT, THIS)
}

fn swap(record: &Bytes, from: &[u8], to: &[u8]) -> Bytes {
    match record.strip_prefix(from) {
        Some(rest) => [to, rest].concat().into(),
        None => record.clone(),
    }
}

/// The log through a process's connection.
#[derive(Clone)]
pub(crate) struct SimLog {
    pub(crate) life: Life,
    pub(crate) log: MemoryLog,
    /// This process writes records of the next version.
    pub(crate) writes_newer: bool,
}

fn unavailable(why: String) -> LogError {
    LogError::Unavailable(why)
}

#[async_trait]
impl EventLog for SimLog {
    async fn create(&self, event: &EventId) -> Result<(), LogError> {
        let fate = self.life.go(Store::Log, "create").await.map_err(unavailable)?;
        self.log.create(event).await?;
        self.life.back("create", fate).await.map_err(unavailable)
    }

    async fn append(&self, event: &EventId, record: Bytes) -> Result<Appended, LogError> {
        let fate = self.life.go(Store::Log, "append").await.map_err(unavailable)?;
        let record = if self.writes_newer { newer(&record) } else { record };
        let appended = self.log.append(event, record.clone()).await?;
        let text = String::from_utf8_lossy(&record);
        self.life.note(format_args!("appends {} {text}", appended.offset));
        if fate == Fate::Twice {
            self.log.append(event, record).await?;
            self.life.note("appends it twice");
        }
        self.life.back("append", fate).await.map_err(unavailable)?;
        Ok(appended)
    }

    async fn end(&self, event: &EventId) -> Result<u64, LogError> {
        let fate = self.life.go(Store::Log, "end").await.map_err(unavailable)?;
        let end = self.log.end(event).await?;
        self.life.back("end", fate).await.map_err(unavailable)?;
        Ok(end)
    }

    async fn read(&self, event: &EventId, offset: u64) -> Result<Box<dyn LogReader>, LogError> {
        let fate = self.life.go(Store::Log, "read").await.map_err(unavailable)?;
        let reader = self.log.read(event, offset).await?;
        self.life.back("read", fate).await.map_err(unavailable)?;
        Ok(Box::new(Reader { life: self.life.clone(), reader, came: None }))
    }

    async fn commit(&self, event: &EventId, next: u64) -> Result<(), LogError> {
        self.life.go(Store::Log, "commit").await.map_err(unavailable)?;
        self.log.commit(event, next).await
    }
}

struct Reader {
    life: Life,
    reader: Box<dyn LogReader>,
    came: Option<(Instant, Vec<Record>)>,
}

impl Reader {
    fn translated(&self, records: Vec<Record>) -> Vec<Record> {
        let read = |record: Record| match self.life.newer {
            true => Record { bytes: older(&record.bytes), ..record },
            false => record,
        };
        records.into_iter().map(read).collect()
    }
}

#[async_trait]
impl LogReader for Reader {
    async fn next(&mut self) -> Result<Vec<Record>, LogError> {
        if self.came.is_none() {
            let records = self.reader.next().await?;
            let fails = self.life.sky.roll(|dice, weather| dice.permille(weather.refused / 4));
            self.came = Some((Instant::now() + self.life.delay(), records));
            if fails {
                return Err(unavailable("reading failed on purpose".to_owned()));
            }
        }
        let at = self.came.as_ref().map_or_else(Instant::now, |came| came.0);
        sleep_until(at).await;
        self.life.awake().await;
        while self.life.is_cut(Store::Log) {
            sleep(std::time::Duration::from_millis(50)).await;
        }
        let records = self.came.take().map(|came| came.1).unwrap_or_default();
        Ok(self.translated(records))
    }
}
