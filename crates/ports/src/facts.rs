//! Facts about events: small, keyed, the last one counts.

use async_trait::async_trait;
use bytes::Bytes;

/// Longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 128;

/// The current value of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    pub key: String,
    pub value: Bytes,
}

/// Facts can't be read or written for now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the facts about events can't be reached: {0}")]
pub struct FactsError(pub String);

/// A compacted topic: the last value of each key is kept for ever.
#[async_trait]
pub trait Facts: Send + Sync + 'static {
    /// Sets a key; returns once it is durable.
    async fn put(&self, key: &str, value: Bytes) -> Result<(), FactsError>;

    /// Follows all facts: first every current one, then each change.
    async fn follow(&self) -> Result<Box<dyn FactsReader>, FactsError>;
}

/// Follows the facts.
#[async_trait]
pub trait FactsReader: Send {
    /// The next facts, in the order in which they were put (older values of a key may be left out).
    ///
    /// The first answer holds everything that was there when `follow` was called, and may be empty;
    /// later ones wait for at least one change. Cancel safe; an error may be asked again.
    async fn next(&mut self) -> Result<Vec<Fact>, FactsError>;
}
