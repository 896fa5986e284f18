//! Builds a new generation beside the current one, flips to it, and drops what is dead.

use std::pin::pin;

use domain::EventId;
use futures_util::{StreamExt, stream};
use ports::{Generation, ViewError, Write, WriteOutcome, view::ENTRIES_PER_CALL_MAX};
use redis::from_redis_value;

use crate::{
    keys::Keys,
    link::{Link, failed},
    script::{BEGIN, CHUNK, DROP, FLIP},
    write::{
        Answer, TicketCall, answer, by_bucket, check_numbers, chunk, chunk_count, digest, head,
    },
};

/// Chunks under way at the same time.
const CHUNKS_UNDER_WAY_MAX: usize = 8;

/// Builds a generation and flips to it; [`drop_dead`] then drops the old one.
pub(crate) async fn rebuild(
    link: &Link,
    event: &EventId,
    write: Write,
) -> Result<WriteOutcome, ViewError> {
    let building = Building::of(link, event, aside(move || Ordered::of(write)).await?);
    let outcome = building.put_all().await;
    let Building { ordered, .. } = building;
    aside(move || drop(ordered)).await?;
    outcome
}

/// Work of seconds with millions of entries, off the threads on which the owner must tick.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ViewError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| failed("the process is ending"))
}

/// What a generation is built from, its entries by bucket.
pub(crate) struct Ordered {
    write: Write,
    plan: String,
}

impl Ordered {
    pub(crate) fn of(mut write: Write) -> Self {
        check_numbers(&write.head, 0);
        by_bucket(&mut write.entries);
        let plan = digest(&write);
        Self { write, plan }
    }
}

/// One generation, to be put chunk by chunk.
pub(crate) struct Building<'a> {
    link: &'a Link,
    keys: Keys,
    generation: String,
    chunks: usize,
    ordered: Ordered,
}

impl<'a> Building<'a> {
    pub(crate) fn of(link: &'a Link, event: &EventId, ordered: Ordered) -> Self {
        let Write { head, entries, .. } = &ordered.write;
        let (generation, chunks) = (head.generation.to_string(), chunk_count(entries));
        Self { link, keys: Keys::of(event), generation, chunks, ordered }
    }

    async fn put_all(&self) -> Result<WriteOutcome, ViewError> {
        if let Answer::Outcome(outcome) = self.begin().await? {
            return Ok(outcome);
        }
        let puts = stream::iter(0..self.chunks).map(|number| self.put(number));
        let mut puts = pin!(puts.buffer_unordered(CHUNKS_UNDER_WAY_MAX));
        while let Some(put) = puts.next().await {
            let outcome = put?;
            if outcome != WriteOutcome::Done {
                return Ok(outcome);
            }
        }
        self.flip().await
    }

    pub(crate) async fn begin(&self) -> Result<Answer, ViewError> {
        let Ordered { write, plan } = &self.ordered;
        let key = self.keys.head();
        let mut cmd = BEGIN.call(3);
        cmd.arg(&key).arg(self.keys.build()).arg(self.keys.generations());
        cmd.arg(write.head.epoch.0).arg(&self.generation).arg(write.head.next);
        cmd.arg(plan);
        answer(self.link.run(&BEGIN, &key, &cmd).await)
    }

    pub(crate) async fn put(&self, number: usize) -> Result<WriteOutcome, ViewError> {
        let Ordered { write, plan } = &self.ordered;
        let key = self.keys.head();
        let mut call = TicketCall::new(&CHUNK, chunk(&write.entries, number));
        call.keys(&[&key, &self.keys.build()], self.keys.buckets(write.head.generation));
        call.cmd.arg(write.head.epoch.0).arg(&self.generation).arg(plan).arg(number);
        call.send(self.link, &key).await?.outcome()
    }

    pub(crate) async fn flip(&self) -> Result<WriteOutcome, ViewError> {
        let Ordered { write: Write { head, shared, live, .. }, plan } = &self.ordered;
        let key = self.keys.head();
        let mut cmd = FLIP.call(3);
        cmd.arg(&key).arg(self.keys.build()).arg(self.keys.shared(head.generation));
        cmd.arg(head.epoch.0).arg(&self.generation).arg(head.next);
        cmd.arg(plan).arg(self.chunks);
        cmd.arg(&shared[..]).arg(self.keys.live()).arg(&live[..]);
        answer(self.link.run(&FLIP, &key, &cmd).await)?.outcome()
    }
}

/// Drops every generation below the current one, those that were never finished too.
pub(crate) async fn drop_dead(link: &Link, event: &EventId) -> Result<(), ViewError> {
    let keys = Keys::of(event);
    let Some(head) = head(link, event).await? else { return Ok(()) };
    let mut cmd = redis::cmd("SMEMBERS");
    cmd.arg(keys.generations());
    let names: Vec<String> = from_redis_value(link.call(&cmd).await?)
        .map_err(|_| failed("Redis answered something else than the names of generations"))?;
    for name in names {
        let generation: Generation = name.parse()?;
        if generation < head.generation {
            drop_generation(link, &keys, generation).await?;
        }
    }
    Ok(())
}

/// All keys that a generation can have are known by name: nothing is searched for.
pub(crate) async fn drop_generation(
    link: &Link,
    keys: &Keys,
    dead: Generation,
) -> Result<(), ViewError> {
    const KEYS_BESIDES: usize = 3;
    let mut buckets = keys.buckets(dead);
    let all: Vec<u16> = (0..=u16::MAX).collect();
    let mut batches = all.chunks(ENTRIES_PER_CALL_MAX).peekable();
    while let Some(batch) = batches.next() {
        let last = batches.peek().is_none();
        let key = keys.head();
        let mut cmd = DROP.call(KEYS_BESIDES + batch.len() + usize::from(last));
        cmd.arg(&key).arg(keys.build()).arg(keys.generations());
        for bucket in batch {
            cmd.arg(buckets.of(*bucket));
        }
        if last {
            cmd.arg(keys.shared(dead));
        }
        cmd.arg(dead.to_string()).arg(u8::from(last));
        let outcome = answer(link.run(&DROP, &key, &cmd).await)?.outcome()?;
        if outcome != WriteOutcome::Done {
            return Ok(());
        }
    }
    Ok(())
}
