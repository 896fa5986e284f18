//! The view on Redis 7.0 or newer, or Valkey; on one server or a cluster.
//!
//! # Keys
//!
//! `{<event>}` is the hash tag: all keys of an event live on one node of a cluster.
//!
//! | key | type | what |
//! |---|---|---|
//! | `twinkle:{<event>}:head` | hash | `epoch`, `generation` (`epoch.counter`), `next`; while a step of several calls is under way also `step` and `chunks` |
//! | `twinkle:{<event>}:<generation>:shared` | string | what all readers share |
//! | `twinkle:{<event>}:<generation>:t:<4 hex digits>` | hash | a bucket of tickets: the digits are the last two bytes of their ids, a field is the other 14 bytes, its value the ticket's |
//! | `twinkle:{<event>}:build` | hash | the half-built generation: `epoch`, `generation`, `plan`, and a field for each chunk that is in |
//! | `twinkle:{<event>}:generations` | set | generations that may have keys: the current one, the half-built one, dead ones still to be dropped |
//! | `twinkle:{<event>}:live` | shard channel | live messages (`SSUBSCRIBE`) |
//!
//! A bucket stays compact (a listpack, about 30 B a ticket at 1,000,000) as long as it has at most
//! 512 tickets and no value above 64 B; a longer value is correct but costs its bucket some 100 B a
//! ticket.
//!
//! # How
//!
//! Every call that writes is one Lua script that checks head, then writes, then publishes: a call
//! happens wholly or not at all. Scripts are named by their hash, so that two releases, or a restored
//! dump, can't mix theirs up; a script that Redis lost is loaded on the way. Keys are declared.
//! No key has a lifetime, and no clock, counter or randomness of Redis decides anything.
//!
//! Live messages go through `SPUBLISH`, which exists on one server as well as in a cluster: a
//! listener is connected to the very node that runs the scripts of its event, so messages come in the
//! order of the writes, none from before it listened, and none is lost without a broken connection
//! that tells. With `PUBLISH` a cluster would pass every message to every node, late and without a
//! word about losses. Where an event's channel is, Redis itself says (`MOVED`).
//!
//! Rights, for those who give them out one by one (`~twinkle:*`, `&twinkle:*`): who reads needs
//! `hello ping exists hmget get hget evalsha_ro script|load ssubscribe sunsubscribe`; who writes needs
//! `hello ping exists hmget hset hdel hlen set del unlink sadd srem sismember smembers spublish evalsha
//! script|load`; in a cluster both also `cluster|slots`.
//!
//! A dead generation is dropped in the background by the names its keys can have, without a search.

mod config;
mod ears;
mod keys;
#[cfg(test)]
mod late;
mod link;
mod live;
mod read;
mod rebuild;
mod script;
mod write;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use domain::{EventId, TicketId};
use ports::{
    Head, LiveReader, Shared, Tickets, ViewError, ViewReader, ViewWriter, Write, WriteOutcome,
};
use tokio::sync::Mutex;

pub use config::RedisConfig;
use keys::Keys;
use link::Link;
use live::Live;
use read::Reader;

/// The view on Redis. Clones share one connection for writes, one for reads and one to listen; in a
/// cluster, one of each for each node.
#[derive(Clone)]
pub struct RedisView(Arc<Inner>);

struct Inner {
    writes: Link,
    reader: Reader,
    live: Live,
    /// Held while dead generations are dropped.
    dropping: Mutex<()>,
}

impl RedisView {
    /// Checks the configuration. Connections are made when needed, and again when they break, so
    /// this works without Redis too.
    ///
    /// # Errors
    /// When the address makes no sense.
    pub fn connect(config: RedisConfig) -> Result<Self, ViewError> {
        let settings = Arc::new(config.check()?);
        Ok(Self(Arc::new(Inner {
            writes: Link::new(settings.clone()),
            reader: Reader::new(Link::new(settings.clone())),
            live: Live::new(settings),
            dropping: Mutex::default(),
        })))
    }

    /// Whether Redis answers, for readiness.
    ///
    /// # Errors
    /// When it does not, within the call timeout.
    pub async fn ping(&self) -> Result<(), ViewError> {
        self.0.reader.ping().await
    }

    /// Best effort: what is left over goes with the next rebuild.
    fn drop_dead_in_background(&self, event: &EventId) {
        let (view, event) = (self.clone(), event.clone());
        tokio::spawn(async move {
            let _alone = view.0.dropping.lock().await;
            if let Err(error) = rebuild::drop_dead(&view.0.writes, &event).await {
                tracing::warn!(%event, %error, "old generations of the view stay until the next rebuild");
            }
        });
    }
}

impl fmt::Debug for RedisView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisView").finish_non_exhaustive()
    }
}

#[async_trait]
impl ViewWriter for RedisView {
    async fn head(&self, event: &EventId) -> Result<Option<Head>, ViewError> {
        write::head(&self.0.writes, event).await
    }

    async fn write(&self, event: &EventId, write: Write) -> Result<WriteOutcome, ViewError> {
        write::write(&self.0.writes, event, write).await
    }

    async fn rebuild(&self, event: &EventId, write: Write) -> Result<WriteOutcome, ViewError> {
        let outcome = rebuild::rebuild(&self.0.writes, event, write).await?;
        if outcome == WriteOutcome::Done {
            self.drop_dead_in_background(event);
        }
        Ok(outcome)
    }
}

#[async_trait]
impl ViewReader for RedisView {
    async fn shared(&self, event: &EventId) -> Result<Option<Shared>, ViewError> {
        self.0.reader.shared(event).await
    }

    async fn tickets(
        &self,
        event: &EventId,
        tickets: &[TicketId],
    ) -> Result<Option<Tickets>, ViewError> {
        self.0.reader.tickets(event, tickets).await
    }

    async fn listen(&self, event: &EventId) -> Result<Box<dyn LiveReader>, ViewError> {
        Ok(Box::new(self.0.live.listen(Keys::of(event).live()).await?))
    }
}
