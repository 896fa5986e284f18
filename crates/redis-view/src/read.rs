//! What readers ask: head and values of one moment.

use std::{
    collections::HashMap,
    ops::ControlFlow,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use domain::{Epoch, EventId, TicketId};
use futures_util::{StreamExt, TryStreamExt, stream};
use ports::{Generation, Head, Shared, Tickets, ViewError, view::ENTRIES_PER_CALL_MAX};
use redis::{Cmd, Value};

use crate::{
    keys::{Keys, bucket, field},
    link::{Link, failed},
    script::{SHARED, Script, TICKETS},
    write::parse_head,
};

/// Batches of one call under way at the same time.
const BATCHES_UNDER_WAY_MAX: usize = 8;

/// How often a call starts again because the generation changed meanwhile.
const GENERATION_CHANGES_MAX: usize = 8;

const RESTLESS: &str = "the view was rebuilt again and again while it was read";

/// Fields of the head in an answer, before the values.
const HEAD_FIELDS: usize = 3;

/// Reads over one connection, and remembers the current generation of the events it read.
pub(crate) struct Reader {
    link: Link,
    generations: Mutex<HashMap<EventId, Generation>>,
}

/// What a read finds.
enum Found<T> {
    /// No head: nothing is known.
    Nothing,
    /// Another generation is current: ask for that one.
    Elsewhere(Generation),
    Here(T),
}

/// Values of one moment, with its head.
type Batch = (Head, Vec<Option<Bytes>>);

/// All batches with the lowest of their heads: every record below it is in all values.
fn joined(batches: Vec<Found<Batch>>) -> Found<Tickets> {
    let mut all: Option<Tickets> = None;
    for batch in batches {
        let (head, values) = match batch {
            Found::Here(here) => here,
            Found::Nothing => return Found::Nothing,
            Found::Elsewhere(current) => return Found::Elsewhere(current),
        };
        match &mut all {
            None => all = Some(Tickets { head, values }),
            Some(all) => {
                all.head = if head.next < all.head.next { head } else { all.head };
                all.values.extend(values);
            }
        }
    }
    all.map_or(Found::Nothing, Found::Here)
}

impl Reader {
    pub(crate) fn new(link: Link) -> Self {
        Self { link, generations: Mutex::default() }
    }

    pub(crate) async fn ping(&self) -> Result<(), ViewError> {
        // Any key will do, and in a cluster it leads to a node that serves.
        let mut cmd = redis::cmd("EXISTS");
        cmd.arg("twinkle:ping");
        self.link.call(&cmd).await.map(drop).map_err(ViewError::from)
    }

    pub(crate) async fn shared(&self, event: &EventId) -> Result<Option<Shared>, ViewError> {
        let keys = Keys::of(event);
        let mut generation = self.known(event);
        for _ in 0..GENERATION_CHANGES_MAX {
            let found = self.shared_of(&keys, generation).await?;
            match self.learn(event, found) {
                ControlFlow::Break(known) => return Ok(known),
                ControlFlow::Continue(current) => generation = current,
            }
        }
        Err(failed(RESTLESS))
    }

    pub(crate) async fn tickets(
        &self,
        event: &EventId,
        tickets: &[TicketId],
    ) -> Result<Option<Tickets>, ViewError> {
        let keys = Keys::of(event);
        let mut generation = self.known(event);
        for _ in 0..GENERATION_CHANGES_MAX {
            let found = self.tickets_of(&keys, generation, tickets).await?;
            match self.learn(event, found) {
                ControlFlow::Break(known) => return Ok(known),
                ControlFlow::Continue(current) => generation = current,
            }
        }
        Err(failed(RESTLESS))
    }

    /// The generation that was current last time.
    fn known(&self, event: &EventId) -> Generation {
        let none = Generation { epoch: Epoch::NONE, counter: 0 };
        self.generations().get(event).copied().unwrap_or(none)
    }

    /// The answer, or the generation to ask for instead.
    fn learn<T>(&self, event: &EventId, found: Found<T>) -> ControlFlow<Option<T>, Generation> {
        match found {
            Found::Here(value) => ControlFlow::Break(Some(value)),
            Found::Nothing => {
                self.generations().remove(event);
                ControlFlow::Break(None)
            }
            Found::Elsewhere(current) => {
                self.generations().insert(event.clone(), current);
                ControlFlow::Continue(current)
            }
        }
    }

    fn generations(&self) -> MutexGuard<'_, HashMap<EventId, Generation>> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn shared_of(
        &self,
        keys: &Keys,
        generation: Generation,
    ) -> Result<Found<Shared>, ViewError> {
        let mut cmd = SHARED.call(2);
        cmd.arg(keys.head()).arg(keys.shared(generation)).arg(generation.to_string());
        Ok(match self.ask(&SHARED, keys, &cmd, generation).await? {
            Found::Here((head, values)) => match values.into_iter().next().flatten() {
                Some(value) => Found::Here(Shared { head, value }),
                None => Found::Nothing,
            },
            Found::Nothing => Found::Nothing,
            Found::Elsewhere(current) => Found::Elsewhere(current),
        })
    }

    async fn tickets_of(
        &self,
        keys: &Keys,
        generation: Generation,
        tickets: &[TicketId],
    ) -> Result<Found<Tickets>, ViewError> {
        let batches = tickets.len().div_ceil(ENTRIES_PER_CALL_MAX).max(1);
        let answers = stream::iter(0..batches).map(|number| {
            let batch = tickets.chunks(ENTRIES_PER_CALL_MAX).nth(number).unwrap_or_default();
            self.batch(keys, generation, batch)
        });
        Ok(joined(answers.buffered(BATCHES_UNDER_WAY_MAX).try_collect().await?))
    }

    async fn batch(
        &self,
        keys: &Keys,
        generation: Generation,
        tickets: &[TicketId],
    ) -> Result<Found<Batch>, ViewError> {
        let mut cmd = TICKETS.call(1 + tickets.len());
        cmd.arg(keys.head());
        let mut buckets = keys.buckets(generation);
        for ticket in tickets {
            cmd.arg(buckets.of(bucket(ticket)));
        }
        cmd.arg(generation.to_string());
        for ticket in tickets {
            cmd.arg(field(ticket));
        }
        let found = self.ask(&TICKETS, keys, &cmd, generation).await?;
        match &found {
            Found::Here((_, values)) if values.len() != tickets.len() => {
                Err(failed("Redis answered for another number of tickets than asked"))
            }
            _ => Ok(found),
        }
    }

    async fn ask(
        &self,
        script: &Script,
        keys: &Keys,
        cmd: &Cmd,
        generation: Generation,
    ) -> Result<Found<Batch>, ViewError> {
        let Value::Array(fields) = self.link.run(script, &keys.head(), cmd).await? else {
            return Err(failed("Redis answered something else than a head"));
        };
        let Some(head) = parse_head(&fields) else { return Ok(Found::Nothing) };
        if head.generation != generation {
            return Ok(Found::Elsewhere(head.generation));
        }
        let values = fields.into_iter().skip(HEAD_FIELDS).map(|value| match value {
            Value::BulkString(bytes) => Some(Bytes::from(bytes)),
            _ => None,
        });
        Ok(Found::Here((head, values.collect())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_several_moments_come_with_the_lowest_head() {
        let generation = Generation { epoch: Epoch(1), counter: 0 };
        for nexts in [[5, 7, 9], [9, 5, 7], [7, 9, 5]] {
            let batch = |next| {
                let head = Head { epoch: Epoch(1), generation, next };
                Found::Here((head, vec![Some(Bytes::from(next.to_string()))]))
            };
            let Found::Here(all) = joined(nexts.map(batch).into()) else { panic!("no values") };
            assert_eq!(all.head.next, 5);
            assert_eq!(all.values, nexts.map(|next| Some(Bytes::from(next.to_string()))));
        }
    }

    #[test]
    fn a_batch_of_another_generation_spoils_all() {
        let generation = Generation { epoch: Epoch(2), counter: 1 };
        let head = Head { epoch: Epoch(1), generation, next: 5 };
        let found = joined(vec![Found::Here((head, vec![])), Found::Elsewhere(generation)]);
        assert!(matches!(found, Found::Elsewhere(current) if current == generation));
        let found = joined(vec![Found::Here((head, vec![])), Found::Nothing]);
        assert!(matches!(found, Found::Nothing));
    }
}
