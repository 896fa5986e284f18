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
    mut write: Write,
) -> Result<WriteOutcome, ViewError> {
    let building = Building::of(link, event, &mut write);
    if let Answer::Outcome(outcome) = building.begin().await? {
        return Ok(outcome);
    }
    let puts = stream::iter(0..building.chunks).map(|number| building.put(number));
    let mut puts = pin!(puts.buffer_unordered(CHUNKS_UNDER_WAY_MAX));
    while let Some(put) = puts.next().await {
        let outcome = put?;
        if outcome != WriteOutcome::Done {
            return Ok(outcome);
        }
    }
    building.flip().await
}

/// One generation, to be put chunk by chunk.
pub(crate) struct Building<'a> {
    link: &'a Link,
    keys: Keys,
    generation: String,
    plan: String,
    chunks: usize,
    write: &'a Write,
}

impl<'a> Building<'a> {
    pub(crate) fn of(link: &'a Link, event: &EventId, write: &'a mut Write) -> Self {
        check_numbers(&write.head, 0);
        by_bucket(&mut write.entries);
        Self {
            link,
            keys: Keys::of(event),
            generation: write.head.generation.to_string(),
            plan: digest(write),
            chunks: chunk_count(&write.entries),
            write,
        }
    }

    pub(crate) async fn begin(&self) -> Result<Answer, ViewError> {
        let key = self.keys.head();
        let mut cmd = BEGIN.call(3);
        cmd.arg(&key).arg(self.keys.build()).arg(self.keys.generations());
        cmd.arg(self.write.head.epoch.0).arg(&self.generation).arg(self.write.head.next);
        cmd.arg(&self.plan);
        answer(self.link.run(&BEGIN, &key, &cmd).await)
    }

    pub(crate) async fn put(&self, number: usize) -> Result<WriteOutcome, ViewError> {
        let key = self.keys.head();
        let mut call = TicketCall::new(&CHUNK, chunk(&self.write.entries, number));
        call.keys(&[&key, &self.keys.build()], self.keys.buckets(self.write.head.generation));
        call.cmd.arg(self.write.head.epoch.0).arg(&self.generation).arg(&self.plan).arg(number);
        call.send(self.link, &key).await?.outcome()
    }

    pub(crate) async fn flip(&self) -> Result<WriteOutcome, ViewError> {
        let Write { head, shared, live, .. } = self.write;
        let key = self.keys.head();
        let mut cmd = FLIP.call(3);
        cmd.arg(&key).arg(self.keys.build()).arg(self.keys.shared(head.generation));
        cmd.arg(head.epoch.0).arg(&self.generation).arg(head.next);
        cmd.arg(&self.plan).arg(self.chunks);
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
