//! The owner's steps.

use std::hash::{DefaultHasher, Hasher};

use domain::EventId;
use ports::{
    Generation, Head, ViewError, Write, WriteEntry, WriteOutcome, view::ENTRIES_PER_CALL_MAX,
};
use redis::{Cmd, Value, from_redis_value};

use crate::{
    keys::{BucketName, Keys, bucket, field},
    link::{Failure, Link, failed},
    script::{Script, WRITE},
};

/// Lua's numbers are exact up to here: 2^53.
const NUMBER_MAX: u64 = 1 << 53;

/// What a script says it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A generation is begun: put the chunks.
    Build,
    Outcome(WriteOutcome),
}

impl Answer {
    pub(crate) fn outcome(self) -> Result<WriteOutcome, ViewError> {
        match self {
            Self::Outcome(outcome) => Ok(outcome),
            Self::Build => Err(failed("Redis answered a script in a way that it doesn't have")),
        }
    }
}

pub(crate) async fn head(link: &Link, event: &EventId) -> Result<Option<Head>, ViewError> {
    let mut cmd = redis::cmd("HMGET");
    cmd.arg(Keys::of(event).head()).arg(&["epoch", "generation", "next"]);
    match link.call(&cmd).await {
        Ok(Value::Array(fields)) => Ok(parse_head(&fields)),
        Ok(_) => Err(failed("Redis answered something else than a head")),
        // Not ours: the next rebuild replaces it.
        Err(Failure::WrongType) => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

/// The head in the first three fields of an answer; `None` when it isn't there or makes no sense.
pub(crate) fn parse_head(fields: &[Value]) -> Option<Head> {
    let mut texts = fields.iter().take(3).map(|field| match field {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    });
    Some(Head {
        epoch: domain::Epoch(texts.next()??.parse().ok()?),
        generation: texts.next()??.parse().ok()?,
        next: texts.next()??.parse().ok()?,
    })
}

/// Applies one step, in as many calls as its entries need.
pub(crate) async fn write(
    link: &Link,
    event: &EventId,
    mut write: Write,
) -> Result<WriteOutcome, ViewError> {
    let step = Step::of(event, &mut write);
    for number in 0..step.calls {
        let outcome = step.send(link, number).await?;
        if outcome != WriteOutcome::Done {
            return Ok(outcome);
        }
    }
    Ok(WriteOutcome::Done)
}

/// One step, to be sent call by call.
pub(crate) struct Step<'a> {
    keys: Keys,
    /// Empty for a step of one call, which leaves no trace.
    plan: String,
    calls: usize,
    write: &'a Write,
}

impl<'a> Step<'a> {
    pub(crate) fn of(event: &EventId, write: &'a mut Write) -> Self {
        check_numbers(&write.head, write.from);
        by_bucket(&mut write.entries);
        let calls = chunk_count(&write.entries);
        let plan = if calls == 1 { String::new() } else { digest(write) };
        Self { keys: Keys::of(event), plan, calls, write }
    }

    pub(crate) async fn send(&self, link: &Link, number: usize) -> Result<WriteOutcome, ViewError> {
        let Write { head, from, shared, live, entries } = self.write;
        let last = number + 1 == self.calls;
        // Only the last call carries what all share.
        let (shared, live) = if last { (&shared[..], &live[..]) } else { Default::default() };
        let key = self.keys.head();
        let mut call = TicketCall::new(&WRITE, chunk(entries, number));
        call.keys(&[&key, &self.keys.shared(head.generation)], self.keys.buckets(head.generation));
        call.cmd.arg(head.epoch.0).arg(head.generation.to_string()).arg(from).arg(head.next);
        call.cmd.arg(&self.plan).arg(number).arg(self.calls);
        call.cmd.arg(shared).arg(self.keys.live()).arg(live);
        call.send(link, &key).await?.outcome()
    }
}

/// A script's call that carries tickets: keys, arguments, then the tickets as `put_tickets` reads them.
pub(crate) struct TicketCall<'a> {
    pub(crate) cmd: Cmd,
    script: &'static Script,
    entries: &'a [WriteEntry],
}

/// Keys of such a call before its buckets.
const KEYS_BESIDES: usize = 2;

impl<'a> TicketCall<'a> {
    pub(crate) fn new(script: &'static Script, entries: &'a [WriteEntry]) -> Self {
        Self { cmd: script.call(KEYS_BESIDES + groups(entries).count()), script, entries }
    }

    pub(crate) fn keys(&mut self, first: &[&str; KEYS_BESIDES], mut buckets: BucketName) {
        self.cmd.arg(first);
        for group in ones(self.entries).chain(many(self.entries)) {
            self.cmd.arg(buckets.of(bucket(&group[0].ticket)));
        }
    }

    /// Sends it with the tickets as the last arguments.
    pub(crate) async fn send(mut self, link: &Link, key: &str) -> Result<Answer, ViewError> {
        self.cmd.arg(ones(self.entries).count());
        for group in ones(self.entries) {
            self.tickets(group);
        }
        for group in many(self.entries) {
            self.cmd.arg(group.len());
            self.tickets(group);
        }
        answer(link.run(self.script, key, &self.cmd).await)
    }

    fn tickets(&mut self, group: &[WriteEntry]) {
        for entry in group {
            self.cmd.arg(field(&entry.ticket)).arg(&entry.value[..]);
        }
    }
}

pub(crate) fn answer(answered: Result<Value, Failure>) -> Result<Answer, ViewError> {
    let value = match answered {
        Ok(value) => value,
        // Heals by a rebuild, whose keys have new names.
        Err(Failure::WrongType) => return Ok(Answer::Outcome(WriteOutcome::Unexpected)),
        Err(failure) => return Err(failure.into()),
    };
    match from_redis_value::<String>(value).as_deref() {
        Ok("build") => Ok(Answer::Build),
        Ok("done") => Ok(Answer::Outcome(WriteOutcome::Done)),
        Ok("fenced") => Ok(Answer::Outcome(WriteOutcome::Fenced)),
        Ok("unexpected") => Ok(Answer::Outcome(WriteOutcome::Unexpected)),
        _ => Err(failed("Redis answered a script in a way that it doesn't have")),
    }
}

pub(crate) fn check_numbers(head: &Head, from: u64) {
    let Generation { epoch, counter: _ } = head.generation;
    let numbers = [head.epoch.0, epoch.0, head.next, from];
    assert!(numbers.iter().all(|n| *n <= NUMBER_MAX), "above 2^53, which Lua can't compare");
}

/// Brings the entries of a bucket together. Stable: the last value of a ticket wins.
pub(crate) fn by_bucket(entries: &mut [WriteEntry]) {
    entries.sort_by_key(|entry| bucket(&entry.ticket));
}

fn groups(entries: &[WriteEntry]) -> impl Iterator<Item = &[WriteEntry]> {
    entries.chunk_by(|a, b| bucket(&a.ticket) == bucket(&b.ticket))
}

/// The groups of one ticket.
fn ones(entries: &[WriteEntry]) -> impl Iterator<Item = &[WriteEntry]> {
    groups(entries).filter(|group| group.len() == 1)
}

/// The groups of several.
fn many(entries: &[WriteEntry]) -> impl Iterator<Item = &[WriteEntry]> {
    groups(entries).filter(|group| group.len() > 1)
}

/// How many calls the entries take: at least one.
pub(crate) fn chunk_count(entries: &[WriteEntry]) -> usize {
    entries.len().div_ceil(ENTRIES_PER_CALL_MAX).max(1)
}

pub(crate) fn chunk(entries: &[WriteEntry], number: usize) -> &[WriteEntry] {
    entries.chunks(ENTRIES_PER_CALL_MAX).nth(number).unwrap_or_default()
}

/// Tells apart what is written in several calls: `next:hash`, the same for the same calls only.
pub(crate) fn digest(write: &Write) -> String {
    let mut hasher = DefaultHasher::new();
    for entry in &write.entries {
        hasher.write(&entry.ticket.0);
        hasher.write_usize(entry.value.len());
        hasher.write(&entry.value);
    }
    format!("{}:{:016x}", write.head.next, hasher.finish())
}
