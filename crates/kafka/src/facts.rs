//! The facts about events as one compacted topic.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use ports::{Fact, Facts, FactsError, FactsReader, facts::KEY_BYTES_MAX};
use rdkafka::error::KafkaError;
use tokio::sync::OnceCell;

use crate::{
    ConfigError, FACTS_TOPIC, KafkaConfig,
    failure::Failure,
    link::Link,
    tail::{Batch, Entry, Source, Tail},
    topics::Kind,
};

/// The group that followers name; they commit nothing.
const GROUP: &str = "twinkle";

/// Facts on Kafka. Clones share one connection.
#[derive(Debug, Clone)]
pub struct KafkaFacts(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    link: Arc<Link>,
    /// The topic is there and fits.
    ready: OnceCell<()>,
}

impl KafkaFacts {
    /// Starts the client; does not wait for a broker, and needs none to be there yet.
    ///
    /// # Errors
    /// When the settings can't work.
    pub fn connect(config: KafkaConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let link = Link::new(config).map_err(|error: KafkaError| ConfigError(error.to_string()))?;
        Ok(Self(Arc::new(Shared { link, ready: OnceCell::new() })))
    }

    /// Makes the topic on first use.
    async fn ready(&self) -> Result<&Arc<Link>, Failure> {
        let Shared { link, ready } = &*self.0;
        ready.get_or_try_init(|| link.create(FACTS_TOPIC, Kind::Facts)).await?;
        Ok(link)
    }

    async fn try_follow(&self) -> Result<Follower, Failure> {
        let link = self.ready().await?;
        let bounds = link.bounds(FACTS_TOPIC).await?;
        let (topic, group) = (FACTS_TOPIC.to_owned(), GROUP.to_owned());
        let source = Source { topic, group, compacted: true };
        let tail = Tail::open(Arc::clone(link), source, bounds.low).await?;
        Ok(Follower { tail, loading: Some(Vec::new()) })
    }
}

#[async_trait]
impl Facts for KafkaFacts {
    async fn put(&self, key: &str, value: Bytes) -> Result<(), FactsError> {
        if key.len() > KEY_BYTES_MAX {
            let text = format!("a key of {} bytes is longer than {KEY_BYTES_MAX}", key.len());
            return Err(FactsError(text));
        }
        let link = self.ready().await?;
        link.append(FACTS_TOPIC, Some(key), &value, &[]).await?;
        Ok(())
    }

    async fn follow(&self) -> Result<Box<dyn FactsReader>, FactsError> {
        Ok(Box::new(self.try_follow().await?))
    }
}

/// Follows the facts.
struct Follower {
    tail: Tail,
    /// What was read of the first answer so far; `None` once that was given.
    loading: Option<Vec<Fact>>,
}

impl Follower {
    /// Everything up to the end, also where there is nothing yet: from then on the reader stands in
    /// the log, and what is put there comes at once.
    async fn first(&mut self) -> Result<Vec<Fact>, Failure> {
        let mut at_end = false;
        while !at_end {
            let batch = self.tail.batch().await?;
            at_end = batch.at_end;
            self.loading.get_or_insert_default().extend(facts(batch));
        }
        Ok(self.loading.take().unwrap_or_default())
    }

    async fn later(&mut self) -> Result<Vec<Fact>, Failure> {
        loop {
            let facts: Vec<Fact> = facts(self.tail.batch().await?).collect();
            if !facts.is_empty() {
                return Ok(facts);
            }
        }
    }
}

#[async_trait]
impl FactsReader for Follower {
    async fn next(&mut self) -> Result<Vec<Fact>, FactsError> {
        let facts = if self.loading.is_some() { self.first().await } else { self.later().await };
        Ok(facts?)
    }
}

/// Leaves out what has no value (a deleted key) or no proper key.
fn facts(batch: Batch) -> impl Iterator<Item = Fact> {
    batch.entries.into_iter().filter_map(|Entry { key, value, .. }| {
        let key = String::from_utf8(key?.to_vec()).ok()?;
        Some(Fact { key, value: value? })
    })
}
