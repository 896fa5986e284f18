//! The view: a projection of the log that readers can afford, and that may vanish at any moment.
//!
//! Rules (R5): one head `{epoch, generation, next}` for each event. A write names the head it builds
//! on, is checked and applied in one atomic step, and carries absolute values only; so a repeated
//! or late write changes nothing. Without a head nothing is known: that is never "not in line".

use std::{fmt, str::FromStr};

use async_trait::async_trait;
use bytes::Bytes;
use domain::{Epoch, EventId, TicketId};

/// Most entries in one call that writes or reads tickets; more are split by the implementation.
pub const ENTRIES_PER_CALL_MAX: usize = 1_000;

/// Names one building of the view: the epoch of the owner who built it and a counter of theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Generation {
    pub epoch: Epoch,
    pub counter: u32,
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch.0, self.counter)
    }
}

impl FromStr for Generation {
    type Err = ViewError;
    fn from_str(text: &str) -> Result<Self, ViewError> {
        let parsed = text.split_once('.').and_then(|(epoch, counter)| {
            Some(Self { epoch: Epoch(epoch.parse().ok()?), counter: counter.parse().ok()? })
        });
        parsed.ok_or_else(|| ViewError(format!("the view holds no generation but {text:?}")))
    }
}

/// What the view says of itself. Its numbers stay below 2^53, so that a double holds them exactly:
/// an epoch gets there after 2^43 records of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Highest epoch that has written.
    pub epoch: Epoch,
    /// Which building of the view is current.
    pub generation: Generation,
    /// Every record below this offset is in the view.
    pub next: u64,
}

/// One ticket's new value, absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteEntry {
    pub ticket: TicketId,
    pub value: Bytes,
}

/// One step of the projection: records `from..head.next` as absolute values.
#[derive(Debug, Clone)]
pub struct Write {
    /// The head as it will be. `generation` must be the current one; `epoch` may be newer.
    pub head: Head,
    /// The `next` of the head that this step builds on.
    pub from: u64,
    /// What all readers share; replaces the old value.
    pub shared: Bytes,
    pub entries: Vec<WriteEntry>,
    /// Sent to all live readers in the same atomic step in which `next` is raised.
    pub live: Bytes,
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOutcome {
    /// The view stands at `head.next` (now, or already before).
    Done,
    /// A newer epoch has written: the caller owns the event no longer.
    Fenced,
    /// No head, another generation or another `next`: the caller must rebuild.
    Unexpected,
}

/// The view can't be read or written for now. A write may have happened all the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the view can't be reached: {0}")]
pub struct ViewError(pub String);

/// The owner's side of the view.
#[async_trait]
pub trait ViewWriter: Send + Sync + 'static {
    async fn head(&self, event: &EventId) -> Result<Option<Head>, ViewError>;

    /// Applies one step. More than [`ENTRIES_PER_CALL_MAX`] entries go in several calls: all check
    /// the fence, only the last raises `next`, replaces `shared` and publishes `live`.
    async fn write(&self, event: &EventId, write: Write) -> Result<WriteOutcome, ViewError>;

    /// Builds everything anew under `write.head.generation` (above the current one), then flips to
    /// it atomically, publishes `live` and drops the old generation. `write.from` is ignored.
    /// Readers see the old generation until the flip. `Unexpected` = the half-built generation was
    /// lost on the way: try again under another counter.
    async fn rebuild(&self, event: &EventId, write: Write) -> Result<WriteOutcome, ViewError>;
}

/// What all readers share, with the head it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    pub head: Head,
    pub value: Bytes,
}

/// The values of the tickets asked for, in the order asked, with the head they belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tickets {
    pub head: Head,
    pub values: Vec<Option<Bytes>>,
}

/// The readers' side of the view. `None` = no head: nothing is known of this event for now.
#[async_trait]
pub trait ViewReader: Send + Sync + 'static {
    async fn shared(&self, event: &EventId) -> Result<Option<Shared>, ViewError>;

    async fn tickets(
        &self,
        event: &EventId,
        tickets: &[TicketId],
    ) -> Result<Option<Tickets>, ViewError>;

    /// Listens to an event; returns once listening. Never fails for good: it reconnects by itself.
    async fn listen(&self, event: &EventId) -> Result<Box<dyn LiveReader>, ViewError>;
}

/// What a live reader hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiveEvent {
    /// The `live` bytes of one write.
    Message(Bytes),
    /// Messages may have been missed (a new connection, a slow reader): read the view again.
    Lost,
}

/// Hears the live messages of one event.
#[async_trait]
pub trait LiveReader: Send {
    /// Waits for the next message. Cancel safe.
    async fn next(&mut self) -> LiveEvent;
}
