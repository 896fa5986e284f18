//! Facts in memory.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, RwLock},
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;

use super::{Call, Faults};
use crate::{Fact, Facts, FactsError, FactsReader, facts::KEY_BYTES_MAX};

const UNBROKEN: &str = "nothing panics under this lock";

/// Facts in memory.
#[derive(Debug, Clone)]
pub struct MemoryFacts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    board: RwLock<Board>,
    /// How many times a fact was put.
    count: watch::Sender<u64>,
    faults: Faults,
}

/// The current facts, in the order in which they were put.
#[derive(Debug, Default)]
struct Board {
    facts: BTreeMap<u64, Fact>,
    place: HashMap<String, u64>,
}

impl Default for MemoryFacts {
    fn default() -> Self {
        Self::with_faults(Faults::default())
    }
}

impl MemoryFacts {
    pub fn with_faults(faults: Faults) -> Self {
        let count = watch::Sender::new(0);
        Self(Arc::new(Inner { board: RwLock::default(), count, faults }))
    }

    /// Sets a key at once. For those who make facts durable elsewhere and keep them here.
    pub fn set(&self, key: &str, value: Bytes) {
        let mut board = self.0.board.write().expect(UNBROKEN);
        let count = *self.0.count.borrow() + 1;
        if let Some(old) = board.place.insert(key.to_owned(), count) {
            board.facts.remove(&old);
        }
        board.facts.insert(count, Fact { key: key.to_owned(), value });
        self.0.count.send_replace(count);
    }

    /// What was put after the first `seen`, and how many times a fact was put by then.
    fn after(&self, seen: u64) -> (Vec<Fact>, u64) {
        let board = self.0.board.read().expect(UNBROKEN);
        let facts = board.facts.range(seen + 1..).map(|(_, fact)| fact.clone()).collect();
        (facts, *self.0.count.borrow())
    }
}

#[async_trait]
impl Facts for MemoryFacts {
    async fn put(&self, key: &str, value: Bytes) -> Result<(), FactsError> {
        if key.len() > KEY_BYTES_MAX {
            return Err(FactsError(format!("a key of {} bytes is too long", key.len())));
        }
        let call = self.0.faults.begin(Call::Put, key)?;
        self.set(key, value);
        Ok(call.end(())?)
    }

    async fn follow(&self) -> Result<Box<dyn FactsReader>, FactsError> {
        let call = self.0.faults.begin(Call::Follow, "")?;
        let reader = Reader { facts: self.clone(), count: self.0.count.subscribe(), seen: None };
        Ok(call.end(Box::new(reader))?)
    }
}

struct Reader {
    facts: MemoryFacts,
    count: watch::Receiver<u64>,
    /// How many puts the answers so far cover; none before the first answer.
    seen: Option<u64>,
}

#[async_trait]
impl FactsReader for Reader {
    async fn next(&mut self) -> Result<Vec<Fact>, FactsError> {
        let call = self.facts.0.faults.begin(Call::NextFacts, "")?;
        if let Some(seen) = self.seen {
            let change = self.count.wait_for(|count| *count > seen).await;
            change.map_err(|_| FactsError("the store is gone".to_owned()))?;
        }
        let (facts, count) = call.end(self.facts.after(self.seen.unwrap_or(0)))?;
        self.seen = Some(count);
        Ok(facts)
    }
}
