//! Calls that come late, twice, in parts or from another time: what the scripts make of them.

use std::sync::Arc;

use bytes::Bytes;
use domain::{Epoch, EventId, TicketId};
use ports::{
    Generation, Head, ViewWriter, Write, WriteEntry,
    WriteOutcome::{Done, Fenced, Unexpected},
};
use testbed::Redis;

use crate::{
    RedisConfig, RedisView,
    keys::Keys,
    link::Link,
    rebuild::{Building, Ordered, drop_generation},
    write::{Answer, Step},
};

/// Tickets of a step of three calls.
const TICKETS: u16 = 2_500;

struct Bench {
    redis: Redis,
    link: Link,
    view: RedisView,
    event: EventId,
}

impl Bench {
    /// A view at epoch 1, generation 1.0, record 5; all tickets say "first".
    async fn start() -> Self {
        let redis = Redis::start().expect("Redis starts");
        let config = RedisConfig::new(redis.url());
        let link = Link::new(Arc::new(config.clone().check().expect("a good address")));
        let view = RedisView::connect(config).expect("a good address");
        let bench = Self { redis, link, view, event: "popup".parse().expect("an id") };
        let first = write((1, 0), 0, 5, "first");
        assert_eq!(bench.view.rebuild(&bench.event, first).await, Ok(Done));
        bench
    }

    async fn next(&self) -> u64 {
        self.view.head(&self.event).await.expect("an answer").expect("a head").next
    }

    /// What the tickets say, each value once.
    async fn values(&self) -> Vec<String> {
        use ports::ViewReader;
        let ids: Vec<_> = (0..TICKETS).map(ticket).collect();
        let found = self.view.tickets(&self.event, &ids).await.expect("an answer").expect("a head");
        let text = |value: Option<Bytes>| {
            String::from_utf8(value.expect("a value").to_vec()).expect("a text")
        };
        let mut values: Vec<_> = found.values.into_iter().map(text).collect();
        values.sort();
        values.dedup();
        values
    }
}

fn ticket(number: u16) -> TicketId {
    let mut id = [7; 16];
    id[13..15].copy_from_slice(&number.to_be_bytes());
    TicketId(id)
}

fn write((epoch, counter): (u64, u32), from: u64, next: u64, value: &str) -> Write {
    let epoch = Epoch(epoch);
    let value = Bytes::copy_from_slice(value.as_bytes());
    let entry = |number| WriteEntry { ticket: ticket(number), value: value.clone() };
    Write {
        head: Head { epoch, generation: Generation { epoch, counter }, next },
        from,
        shared: value.clone(),
        entries: (0..TICKETS).map(entry).collect(),
        live: value.clone(),
    }
}

#[tokio::test]
async fn a_call_of_an_overtaken_step_changes_nothing() {
    let bench = Bench::start().await;
    let (link, event) = (&bench.link, &bench.event);
    let (mut old, mut new) = (write((1, 0), 5, 10, "old"), write((1, 0), 5, 12, "new"));
    let (old, new) = (Step::of(event, &mut old), Step::of(event, &mut new));
    assert_eq!(old.send(link, 0).await, Ok(Done));
    assert_eq!(new.send(link, 0).await, Ok(Done));
    for late in 0..3 {
        assert_eq!(old.send(link, late).await, Ok(Unexpected), "call {late}");
    }
    assert_eq!(new.send(link, 1).await, Ok(Done));
    assert_eq!(bench.next().await, 5, "only the last call raises it");
    assert_eq!(new.send(link, 2).await, Ok(Done));
    assert_eq!(bench.next().await, 12);
    for late in 0..3 {
        assert_eq!(old.send(link, late).await, Ok(Done), "already past");
    }
    assert_eq!(bench.values().await, ["new"]);
    assert_eq!(bench.redis.cli(&["HLEN", "twinkle:{popup}:head"]).expect("a number"), "3");
}

#[tokio::test]
async fn a_step_of_one_call_overtakes_one_of_several() {
    let bench = Bench::start().await;
    let (link, event) = (&bench.link, &bench.event);
    let (mut old, mut new) = (write((1, 0), 5, 10, "old"), write((1, 0), 5, 12, "new"));
    new.entries.truncate(1);
    let mut older = write((1, 0), 5, 9, "older");
    older.entries.truncate(1);
    let old = Step::of(event, &mut old);
    assert_eq!(old.send(link, 0).await, Ok(Done));
    assert_eq!(bench.view.write(event, older).await, Ok(Unexpected));
    assert_eq!(bench.view.write(event, new).await, Ok(Done));
    assert_eq!(old.send(link, 1).await, Ok(Done), "already past");
    assert_eq!(bench.values().await, ["first", "new", "old"], "of 12, and 10's first call");
    assert_eq!(bench.redis.cli(&["HLEN", "twinkle:{popup}:head"]).expect("a number"), "3");
}

#[tokio::test]
async fn repeated_calls_count_once_and_skipped_ones_are_noticed() {
    let bench = Bench::start().await;
    let mut more = write((1, 0), 5, 10, "more");
    let step = Step::of(&bench.event, &mut more);
    for skipping in [1, 2] {
        assert_eq!(step.send(&bench.link, skipping).await, Ok(Unexpected));
    }
    for number in [0, 0, 1, 0, 2, 2, 0] {
        assert_eq!(step.send(&bench.link, number).await, Ok(Done), "call {number}");
    }
    assert_eq!(bench.values().await, ["more"]);
}

#[tokio::test]
async fn a_step_whose_first_calls_were_rolled_back_does_not_end() {
    let mut bench = Bench::start().await;
    let dump = bench.redis.save().expect("saved");
    let mut more = write((1, 0), 5, 10, "more");
    let step = Step::of(&bench.event, &mut more);
    for number in 0..2 {
        assert_eq!(step.send(&bench.link, number).await, Ok(Done));
    }
    bench.redis.start_again_from(&dump).expect("restored");
    assert_eq!(step.send(&bench.link, 2).await, Ok(Unexpected));
    assert_eq!(bench.next().await, 5);
    assert_eq!(bench.values().await, ["first"]);
}

#[tokio::test]
async fn the_first_call_of_a_newer_epoch_fences_the_older_one() {
    let bench = Bench::start().await;
    let (mut old, mut new) = (write((1, 0), 5, 10, "old"), write((1, 0), 5, 12, "new"));
    new.head.epoch = Epoch(2);
    let (old, new) = (Step::of(&bench.event, &mut old), Step::of(&bench.event, &mut new));
    assert_eq!(old.send(&bench.link, 0).await, Ok(Done));
    assert_eq!(new.send(&bench.link, 0).await, Ok(Done));
    for number in 0..3 {
        assert_eq!(old.send(&bench.link, number).await, Ok(Fenced));
    }
    for number in 1..3 {
        assert_eq!(new.send(&bench.link, number).await, Ok(Done));
    }
    assert_eq!(old.send(&bench.link, 2).await, Ok(Fenced));
    assert_eq!(bench.values().await, ["new"]);
}

#[tokio::test]
async fn a_chunk_of_a_building_given_up_changes_nothing() {
    let bench = Bench::start().await;
    let (link, event) = (&bench.link, &bench.event);
    let (old, new) = (write((1, 1), 0, 10, "old"), write((1, 2), 0, 12, "new"));
    let (old, new) =
        (Building::of(link, event, Ordered::of(old)), Building::of(link, event, Ordered::of(new)));
    assert_eq!(old.begin().await, Ok(Answer::Build));
    assert_eq!(old.put(0).await, Ok(Done));
    assert_eq!(new.begin().await, Ok(Answer::Build));
    assert_eq!(old.put(1).await, Ok(Unexpected));
    assert_eq!(old.flip().await, Ok(Unexpected));
    for number in [2, 0] {
        assert_eq!(new.put(number).await, Ok(Done));
    }
    assert_eq!(new.flip().await, Ok(Unexpected), "one chunk is missing");
    assert_eq!(bench.values().await, ["first"]);
    assert_eq!(new.put(1).await, Ok(Done));
    assert_eq!(new.flip().await, Ok(Done));
    for late in [&old, &new] {
        assert_eq!(late.put(1).await, Ok(Unexpected), "nothing is being built any more");
    }
    assert_eq!(new.begin().await, Ok(Answer::Outcome(Done)), "already flipped");
    assert_eq!(new.flip().await, Ok(Done), "already flipped");
    assert_eq!(old.begin().await, Ok(Answer::Outcome(Unexpected)), "below the current one");
    assert_eq!(bench.values().await, ["new"]);
}

#[tokio::test]
async fn the_same_tickets_under_another_name_are_another_building() {
    let bench = Bench::start().await;
    let (link, event) = (&bench.link, &bench.event);
    let (old, new) = (write((1, 1), 0, 10, "same"), write((1, 2), 0, 10, "same"));
    let (old, new) =
        (Building::of(link, event, Ordered::of(old)), Building::of(link, event, Ordered::of(new)));
    assert_eq!(old.begin().await, Ok(Answer::Build));
    assert_eq!(new.begin().await, Ok(Answer::Build));
    for number in 0..3 {
        assert_eq!(old.put(number).await, Ok(Unexpected));
    }
    assert_eq!(new.flip().await, Ok(Unexpected), "nothing is in");
    for number in 0..3 {
        assert_eq!(new.put(number).await, Ok(Done));
    }
    assert_eq!(old.flip().await, Ok(Unexpected));
    assert_eq!(new.flip().await, Ok(Done));
    assert_eq!(bench.values().await, ["same"]);
}

#[tokio::test]
async fn a_generation_below_the_current_one_is_not_even_begun() {
    let bench = Bench::start().await;
    let mut below = write((1, 0), 0, 10, "below");
    below.head.generation = Generation { epoch: Epoch(0), counter: 9 };
    let below = Building::of(&bench.link, &bench.event, Ordered::of(below));
    assert_eq!(below.begin().await, Ok(Answer::Outcome(Unexpected)));
}

#[tokio::test]
async fn a_building_goes_on_where_it_stopped_but_only_the_same() {
    let bench = Bench::start().await;
    let (link, event) = (&bench.link, &bench.event);
    let (one, other) = (write((1, 1), 0, 10, "one"), write((1, 1), 0, 10, "other"));
    let again = one.clone();
    let (one, again) = (
        Building::of(link, event, Ordered::of(one)),
        Building::of(link, event, Ordered::of(again)),
    );
    let other = Building::of(link, event, Ordered::of(other));
    assert_eq!(one.begin().await, Ok(Answer::Build));
    assert_eq!(one.put(0).await, Ok(Done));
    assert_eq!(other.begin().await, Ok(Answer::Outcome(Unexpected)), "the name is taken");
    assert_eq!(other.put(1).await, Ok(Unexpected));
    assert_eq!(again.begin().await, Ok(Answer::Build));
    for number in 1..3 {
        assert_eq!(again.put(number).await, Ok(Done));
    }
    assert_eq!(again.flip().await, Ok(Done));
    assert_eq!(bench.values().await, ["one"]);
}

#[tokio::test]
async fn a_building_of_an_older_epoch_is_fenced_even_without_a_head() {
    let bench = Bench::start().await;
    let (link, event) = (&bench.link, &bench.event);
    let (old, new) = (write((2, 7), 0, 10, "old"), write((3, 0), 0, 12, "new"));
    let (old, new) =
        (Building::of(link, event, Ordered::of(old)), Building::of(link, event, Ordered::of(new)));
    bench.redis.cli(&["FLUSHALL"]).expect("wiped");
    assert_eq!(old.begin().await, Ok(Answer::Build));
    assert_eq!(old.put(0).await, Ok(Done));
    assert_eq!(new.begin().await, Ok(Answer::Build));
    assert_eq!(old.begin().await, Ok(Answer::Outcome(Fenced)));
    assert_eq!(old.put(1).await, Ok(Fenced));
    assert_eq!(old.flip().await, Ok(Fenced));
    for number in 0..3 {
        assert_eq!(new.put(number).await, Ok(Done));
    }
    assert_eq!(new.flip().await, Ok(Done));
    assert_eq!(old.put(1).await, Ok(Fenced));
    assert_eq!(bench.values().await, ["new"]);
}

#[tokio::test]
async fn what_is_current_or_being_built_is_never_dropped() {
    let bench = Bench::start().await;
    let (link, event) = (&bench.link, &bench.event);
    let new = write((1, 1), 0, 10, "new");
    let new = Building::of(link, event, Ordered::of(new));
    assert_eq!(new.begin().await, Ok(Answer::Build));
    for number in 0..3 {
        assert_eq!(new.put(number).await, Ok(Done));
    }
    for counter in 0..2 {
        let generation = Generation { epoch: Epoch(1), counter };
        assert_eq!(drop_generation(link, &Keys::of(event), generation).await, Ok(()));
    }
    assert_eq!(bench.values().await, ["first"]);
    assert_eq!(new.flip().await, Ok(Done));
    assert_eq!(bench.values().await, ["new"]);
}
