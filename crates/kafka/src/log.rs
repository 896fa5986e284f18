//! The log of each event as a topic of its own.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use async_trait::async_trait;
use bytes::Bytes;
use domain::EventId;
use ports::{
    Appended, EventLog, KeepError, LogError, LogImport, LogKeeper, LogReader, Record, Trace,
    keep::check_dense, log::RECORD_BYTES_MAX,
};
use rdkafka::{
    Offset, TopicPartitionList,
    config::FromClientConfigAndContext,
    consumer::{BaseConsumer, CommitMode, Consumer},
    error::KafkaError,
};

use crate::{
    ConfigError, KafkaConfig, bearer, event_group, event_topic,
    failure::Failure,
    link::{Link, PARTITION, blocking},
    tail::{Source, Tail, TailConsumer},
    topics::Kind,
};

/// Event logs on Kafka. Clones share one connection.
#[derive(Clone)]
pub struct KafkaLog(Arc<Shared>);

struct Shared {
    link: Arc<Link>,
    /// Events whose topic has been seen. Ids are never used again; librdkafka itself finds out when
    /// a topic is deleted.
    known: Mutex<HashSet<EventId>>,
    /// A reader's consumer of each event, to commit with.
    readers: Mutex<HashMap<EventId, Weak<TailConsumer>>>,
}

impl std::fmt::Debug for KafkaLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("KafkaLog").field(&self.0.link.config).finish()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl KafkaLog {
    /// Starts the client; does not wait for a broker, and needs none to be there yet.
    ///
    /// # Errors
    /// When the settings can't work.
    pub fn connect(config: KafkaConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let link = Link::new(config).map_err(|error| ConfigError(error.to_string()))?;
        Ok(Self(Arc::new(Shared { link, known: Mutex::default(), readers: Mutex::default() })))
    }

    /// Finds out whether the event has a topic; asks the brokers only the first time.
    ///
    /// librdkafka remembers every name it was ever asked for: callers ask for events that the facts
    /// name, not for any id that a browser sends.
    async fn known(&self, event: &EventId) -> Result<(), Failure> {
        if lock(&self.0.known).contains(event) {
            return Ok(());
        }
        if !self.0.link.exists(&event_topic(event)).await? {
            return Err(Failure::UnknownTopic);
        }
        lock(&self.0.known).insert(event.clone());
        Ok(())
    }

    async fn try_append(
        &self,
        event: &EventId,
        record: &[u8],
        traces: &[Trace],
    ) -> Result<Appended, Failure> {
        self.known(event).await?;
        self.0.link.append(&event_topic(event), None, record, traces).await
    }

    async fn try_end(&self, event: &EventId) -> Result<u64, Failure> {
        self.known(event).await?;
        Ok(self.0.link.bounds(&event_topic(event)).await?.high)
    }

    async fn try_read(&self, event: &EventId, offset: u64) -> Result<Tail, Failure> {
        self.known(event).await?;
        let (topic, group) = (event_topic(event), event_group(event));
        let source = Source { topic, group, compacted: false };
        let tail = Tail::open(Arc::clone(&self.0.link), source, offset).await?;
        let mut readers = lock(&self.0.readers);
        readers.retain(|_, consumer| consumer.strong_count() > 0);
        readers.insert(event.clone(), Arc::downgrade(tail.consumer()));
        Ok(tail)
    }

    /// Commits through a reader of the event if there is one, without waiting for the answer; else
    /// through a consumer made for that.
    async fn try_commit(&self, event: &EventId, next: u64) -> Result<(), Failure> {
        self.known(event).await?;
        let offset = Offset::Offset(i64::try_from(next).unwrap_or(i64::MAX));
        let mut offsets = TopicPartitionList::new();
        offsets
            .add_partition_offset(&event_topic(event), PARTITION, offset)
            .map_err(|error| Failure::of(&error))?;
        let reader = lock(&self.0.readers).get(event).and_then(Weak::upgrade);
        let committed = match reader {
            Some(consumer) => consumer.commit(&offsets, CommitMode::Async),
            None => self.commit_apart(event, offsets).await?,
        };
        committed.map_err(|error| Failure::of(&error))
    }

    async fn commit_apart(
        &self,
        event: &EventId,
        offsets: TopicPartitionList,
    ) -> Result<Result<(), KafkaError>, Failure> {
        let settings = self.0.link.config.consumer(&event_group(event), false);
        let context = self.0.link.context();
        let committed = blocking(move || {
            let consumer = BaseConsumer::from_config_and_context(&settings, context)?;
            bearer::show(consumer.client())?;
            consumer.commit(&offsets, CommitMode::Sync)
        });
        match tokio::time::timeout(self.0.link.config.timeout(), committed).await {
            Ok(committed) => committed,
            Err(_) => Err(Failure::unavailable("the commit was not answered in time")),
        }
    }
}

#[async_trait]
impl EventLog for KafkaLog {
    async fn create(&self, event: &EventId) -> Result<(), LogError> {
        let created = self.0.link.create(&event_topic(event), Kind::Event).await;
        created.map_err(|failure| failure.in_log(event))?;
        lock(&self.0.known).insert(event.clone());
        Ok(())
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
        if record.len() > RECORD_BYTES_MAX {
            return Err(LogError::TooLarge(record.len()));
        }
        let appended = self.try_append(event, &record, traces).await;
        appended.map_err(|failure| failure.in_log(event))
    }

    async fn end(&self, event: &EventId) -> Result<u64, LogError> {
        self.try_end(event).await.map_err(|failure| failure.in_log(event))
    }

    async fn read(&self, event: &EventId, offset: u64) -> Result<Box<dyn LogReader>, LogError> {
        match self.try_read(event, offset).await {
            Ok(tail) => Ok(Box::new(Reader { event: event.clone(), tail, traces: Vec::new() })),
            Err(failure) => Err(failure.in_log(event)),
        }
    }

    async fn commit(&self, event: &EventId, next: u64) -> Result<(), LogError> {
        self.try_commit(event, next).await.map_err(|failure| failure.in_log(event))
    }
}

#[async_trait]
impl LogKeeper for KafkaLog {
    async fn import(&self, event: &EventId) -> Result<Box<dyn LogImport>, KeepError> {
        let (link, topic) = (Arc::clone(&self.0.link), event_topic(event));
        let failed = |failure: Failure| failure.in_log(event);
        if link.exists(&topic).await.map_err(failed)? {
            return Err(KeepError::Exists(event.clone()));
        }
        link.create(&topic, Kind::Import).await.map_err(failed)?;
        Ok(Box::new(Import { log: self.clone(), event: event.clone(), topic, next: 0 }))
    }

    async fn delete(&self, event: &EventId) -> Result<(), LogError> {
        let deleted = self.0.link.delete(&event_topic(event)).await;
        deleted.map_err(|failure| failure.in_log(event))?;
        lock(&self.0.known).remove(event);
        Ok(())
    }
}

/// A topic in the making.
struct Import {
    log: KafkaLog,
    event: EventId,
    topic: String,
    next: u64,
}

#[async_trait]
impl LogImport for Import {
    async fn push(&mut self, records: Vec<Record>) -> Result<(), KeepError> {
        let next = check_dense(self.next, &records)?;
        let appended = self.log.0.link.append_all(&self.topic, &records).await;
        let appended = appended.map_err(|failure| failure.in_log(&self.event))?;
        for (record, appended) in records.iter().zip(appended) {
            if record.offset != appended.offset {
                return Err(KeepError::Gap { due: record.offset, found: appended.offset });
            }
        }
        self.next = next;
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<(), KeepError> {
        let settled = self.log.0.link.settle(&self.topic).await;
        settled.map_err(|failure| failure.in_log(&self.event))?;
        lock(&self.log.0.known).insert(self.event);
        Ok(())
    }
}

/// Follows one event.
struct Reader {
    event: EventId,
    tail: Tail,
    traces: Vec<Trace>,
}

#[async_trait]
impl LogReader for Reader {
    async fn next(&mut self) -> Result<Vec<Record>, LogError> {
        let batch = self.tail.batch().await;
        let batch = batch.map_err(|failure| failure.in_log(&self.event))?;
        self.traces = batch.traces;
        let records = batch.entries.into_iter().map(|entry| Record {
            offset: entry.offset,
            at: entry.at,
            bytes: entry.value.unwrap_or_default(),
        });
        Ok(records.collect())
    }

    fn traces(&mut self) -> Vec<Trace> {
        std::mem::take(&mut self.traces)
    }
}
