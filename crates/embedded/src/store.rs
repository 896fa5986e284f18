//! The open file, and what is kept of it in memory.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use domain::EventId;
use ports::{Record, memory::MemoryFacts};
use redb::{Builder, Database, ReadableDatabase};
use tokio::sync::watch;

use crate::{
    disk::Disk,
    tables::{self, Batch},
};

/// Memory for pages of the file, in bytes.
const CACHE_BYTES: usize = 64 << 20;

/// The open file, and what is kept of it in memory. One thread writes, anyone reads.
#[derive(Debug)]
pub(crate) struct Store {
    /// None while the disk fails.
    database: RwLock<Option<Database>>,
    events: RwLock<HashMap<EventId, Arc<Event>>>,
    facts: MemoryFacts,
    /// How many puts `facts` covers.
    puts: AtomicU64,
}

/// One event's log.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) number: u32,
    /// Everything below is durable.
    pub(crate) end: watch::Sender<u64>,
}

impl Store {
    pub(crate) fn open(disk: &Disk) -> Result<Self, redb::Error> {
        let store = Self {
            database: RwLock::default(),
            events: RwLock::default(),
            facts: MemoryFacts::default(),
            puts: AtomicU64::new(0),
        };
        store.load(disk)?;
        Ok(store)
    }

    /// Opens the file again after an error.
    pub(crate) fn recover(&self, disk: &Disk) -> Result<(), redb::Error> {
        self.close();
        disk.heal()?;
        self.load(disk)
    }

    /// Stops using the file: from now on readers get errors.
    pub(crate) fn close(&self) {
        *self.database.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn load(&self, disk: &Disk) -> Result<(), redb::Error> {
        let mut builder = Builder::new();
        builder.set_cache_size(CACHE_BYTES);
        let database = builder.create_with_backend(disk.clone())?;
        *self.database.write().unwrap_or_else(PoisonError::into_inner) = Some(database);
        let (events, facts) = self.transact(|batch| Ok((batch.events()?, batch.facts()?)))?;
        for (id, number, end) in events {
            self.publish_event(&id, number).publish_end(end);
        }
        for (puts, key, value) in facts {
            self.publish_fact(puts, &key, value);
        }
        Ok(())
    }

    /// Runs one transaction; all of it is durable when this returns, or, on an error, perhaps.
    pub(crate) fn transact<T>(
        &self,
        work: impl FnOnce(&mut Batch<'_>) -> Result<T, redb::Error>,
    ) -> Result<T, redb::Error> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let transaction = database.as_ref().ok_or(redb::Error::DatabaseClosed)?.begin_write()?;
        let done = work(&mut Batch::of(&transaction)?)?;
        transaction.commit()?;
        Ok(done)
    }

    /// The durable records of an event from `offset` on, bounded in number and bytes.
    pub(crate) fn records(&self, number: u32, offset: u64) -> Result<Vec<Record>, redb::Error> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let transaction = database.as_ref().ok_or(redb::Error::DatabaseClosed)?.begin_read()?;
        drop(database);
        tables::records(&transaction, number, offset)
    }

    pub(crate) fn facts(&self) -> &MemoryFacts {
        &self.facts
    }

    /// How many puts are durable.
    pub(crate) fn puts(&self) -> u64 {
        self.puts.load(Ordering::Acquire)
    }

    pub(crate) fn event(&self, id: &EventId) -> Option<Arc<Event>> {
        self.events.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Tells everybody that an event's log is durable.
    pub(crate) fn publish_event(&self, id: &EventId, number: u32) -> Arc<Event> {
        let mut events = self.events.write().unwrap_or_else(PoisonError::into_inner);
        let event = || Arc::new(Event { number, end: watch::Sender::new(0) });
        Arc::clone(events.entry(id.clone()).or_insert_with(event))
    }

    /// Tells everybody that an event's log is gone.
    pub(crate) fn publish_deletion(&self, id: &EventId) {
        self.events.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// Tells everybody that a fact is durable.
    pub(crate) fn publish_fact(&self, puts: u64, key: &str, value: Bytes) {
        if self.puts.fetch_max(puts, Ordering::AcqRel) < puts {
            self.facts.set(key, value);
        }
    }
}

impl Event {
    /// Tells everybody that the records below `end` are durable.
    pub(crate) fn publish_end(&self, end: u64) {
        self.end.send_if_modified(|known| std::mem::replace(known, end.max(*known)) < end);
    }
}
