//! Redis loses everything, or goes back in time, in the middle of everything.

mod support;

use std::time::Duration;

use ports::{ViewReader, ViewWriter, WriteOutcome};
use support::{entries, event, generation, step, ticket, until, view};
use testbed::Redis;
use twinkle_redis_view::RedisView;

async fn started() -> (Redis, RedisView) {
    let redis = Redis::start().expect("Redis starts");
    let view = view(redis.url());
    let built = step(generation(1, 0), 0, 10, entries(0..100, "a"));
    assert_eq!(view.rebuild(&event(), built).await, Ok(WriteOutcome::Done));
    (redis, view)
}

async fn next(view: &RedisView) -> u64 {
    view.shared(&event()).await.expect("an answer").expect("a head").head.next
}

#[tokio::test]
async fn a_wipe_between_steps_is_noticed_and_healed() {
    let (redis, view) = started().await;
    redis.cli(&["FLUSHALL"]).expect("wiped");
    assert_eq!(view.shared(&event()).await, Ok(None));
    assert_eq!(view.tickets(&event(), &[ticket(1)]).await, Ok(None));
    let more = step(generation(1, 0), 10, 11, entries(100..101, "b"));
    assert_eq!(view.write(&event(), more).await, Ok(WriteOutcome::Unexpected));
    let built = step(generation(1, 1), 0, 11, entries(0..101, "b"));
    assert_eq!(view.rebuild(&event(), built).await, Ok(WriteOutcome::Done));
    assert_eq!(next(&view).await, 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wipe_in_the_middle_of_large_steps_is_noticed() {
    let (redis, view) = started().await;
    let mut next = 10;
    let writer = tokio::spawn({
        let view = view.clone();
        async move {
            loop {
                let entries = entries(next * 7..next * 7 + 5_000, "b");
                let step = step(generation(1, 0), next, next + 1, entries);
                match view.write(&event(), step).await {
                    Ok(WriteOutcome::Done) => next += 1,
                    other => return other,
                }
            }
        }
    });
    until("steps of several calls are under way", async || {
        redis.cli(&["HEXISTS", "twinkle:{popup}:head", "step"]).expect("an answer") == "1"
    })
    .await;
    redis.cli(&["FLUSHALL"]).expect("wiped");
    assert_eq!(writer.await.expect("no panic"), Ok(WriteOutcome::Unexpected));
    assert_eq!(view.head(&event()).await, Ok(None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wipe_in_the_middle_of_a_rebuild_is_noticed() {
    let (redis, view) = started().await;
    let builder = tokio::spawn({
        let view = view.clone();
        let built = step(generation(1, 1), 0, 20, entries(0..200_000, "b"));
        async move { view.rebuild(&event(), built).await }
    });
    until("chunks are in", async || {
        let chunks = redis.cli(&["HLEN", "twinkle:{popup}:build"]).expect("an answer");
        chunks.parse::<u64>().expect("a number") > 13
    })
    .await;
    redis.cli(&["FLUSHALL"]).expect("wiped");
    assert_eq!(builder.await.expect("no panic"), Ok(WriteOutcome::Unexpected));
    assert_eq!(view.shared(&event()).await, Ok(None));
    let again = step(generation(1, 2), 0, 20, entries(0..2_000, "b"));
    assert_eq!(view.rebuild(&event(), again).await, Ok(WriteOutcome::Done));
    assert_eq!(next(&view).await, 20);
}

#[tokio::test]
async fn an_older_dump_is_noticed_healed_and_no_way_back_for_a_zombie() {
    let (mut redis, view) = started().await;
    let dump = redis.save().expect("saved");
    // Epoch 2 takes over and goes on.
    let more = step(generation(1, 0), 10, 15, entries(100..105, "b"));
    let mut more = more;
    more.head.epoch = domain::Epoch(2);
    assert_eq!(view.write(&event(), more.clone()).await, Ok(WriteOutcome::Done));
    redis.start_again_from(&dump).expect("restored");

    until("Redis is back", async || view.ping().await.is_ok()).await;
    assert_eq!(next(&view).await, 10);
    more.from = 15;
    more.head.next = 16;
    assert_eq!(view.write(&event(), more).await, Ok(WriteOutcome::Unexpected));
    let built = step(generation(2, 0), 0, 16, entries(0..105, "b"));
    assert_eq!(view.rebuild(&event(), built).await, Ok(WriteOutcome::Done));
    assert_eq!(next(&view).await, 16);

    let zombie = step(generation(1, 0), 10, 17, entries(0..5, "old"));
    assert_eq!(view.write(&event(), zombie.clone()).await, Ok(WriteOutcome::Fenced));
    let zombie = step(generation(1, 9), 0, 17, entries(0..5, "old"));
    assert_eq!(view.rebuild(&event(), zombie).await, Ok(WriteOutcome::Fenced));
    let found = view.tickets(&event(), &[ticket(1)]).await.expect("an answer").expect("a head");
    assert_eq!(found.values, [Some("b".into())]);
}

#[tokio::test]
async fn lost_scripts_are_loaded_again() {
    let (redis, view) = started().await;
    for (next, flush) in (10..).zip([["SCRIPT", "FLUSH"], ["FUNCTION", "FLUSH"]]) {
        redis.cli(&flush).expect("flushed");
        assert!(view.shared(&event()).await.expect("an answer").is_some());
        redis.cli(&flush).expect("flushed");
        assert!(view.tickets(&event(), &[ticket(1)]).await.expect("an answer").is_some());
        redis.cli(&flush).expect("flushed");
        let more = step(generation(1, 0), next, next + 1, entries(0..3_000, "b"));
        assert_eq!(view.write(&event(), more).await, Ok(WriteOutcome::Done));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_lost_in_the_middle_of_a_rebuild_are_loaded_again() {
    let (redis, view) = started().await;
    let builder = tokio::spawn({
        let view = view.clone();
        let built = step(generation(1, 1), 0, 20, entries(0..400_000, "b"));
        async move { view.rebuild(&event(), built).await }
    });
    let mut flushes = 0;
    while !builder.is_finished() {
        redis.cli(&["SCRIPT", "FLUSH"]).expect("flushed");
        flushes += 1;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(flushes > 1, "{flushes} flushes");
    assert_eq!(builder.await.expect("no panic"), Ok(WriteOutcome::Done));
    let found = view.tickets(&event(), &[ticket(0), ticket(399_999)]).await.expect("an answer");
    assert_eq!(found.expect("a head").values, [Some("b".into()), Some("b".into())]);
}

#[tokio::test]
async fn foreign_keys_in_our_place_heal_by_a_rebuild() {
    let (redis, view) = started().await;
    for (key, counter) in [("head", 1), ("1.1:t:*", 2), ("build", 3), ("generations", 4)] {
        let keys = redis.cli(&["KEYS", &format!("twinkle:{{popup}}:{key}")]).expect("keys");
        for key in keys.lines().chain([&*format!("twinkle:{{popup}}:{key}")]) {
            redis.cli(&["SET", key, "foreign"]).expect("set");
        }
        let more = step(generation(1, counter - 1), 10, 11, entries(0..100, "b"));
        let written = view.write(&event(), more).await;
        let built = step(generation(1, counter), 0, 10, entries(0..100, "c"));
        assert_eq!(view.rebuild(&event(), built).await, Ok(WriteOutcome::Done), "{key}");
        if counter < 3 {
            assert_eq!(written, Ok(WriteOutcome::Unexpected), "{key}");
        }
        assert_eq!(next(&view).await, 10);
    }
}

#[tokio::test]
async fn dead_generations_leave_nothing_behind() {
    let (redis, view) = started().await;
    let other: domain::EventId = "other".parse().expect("an id");
    let built = step(generation(1, 1), 0, 5, entries(0..10, "z"));
    assert_eq!(view.rebuild(&other, built).await, Ok(WriteOutcome::Done));
    // A building lost on the way: what it put stays behind for now.
    redis.cli(&["SADD", "twinkle:{popup}:generations", "1.1"]).expect("added");
    redis.cli(&["HSET", "twinkle:{popup}:1.1:t:00ff", "f", "v"]).expect("set");
    let built = step(generation(1, 2), 0, 20, entries(0..100, "b"));
    assert_eq!(view.rebuild(&event(), built).await, Ok(WriteOutcome::Done));
    until("the dead ones are forgotten", async || {
        redis.cli(&["SMEMBERS", "twinkle:{popup}:generations"]).expect("names") == "1.2"
    })
    .await;
    let keys = redis.cli(&["KEYS", "twinkle:{popup}:*"]).expect("keys");
    let current = |key: &str| key.contains(":1.2:") || key.ends_with(":head");
    assert!(keys.lines().all(|key| current(key) || key.ends_with(":generations")), "{keys}");
    let found = view.tickets(&other, &[ticket(3)]).await.expect("an answer").expect("a head");
    assert_eq!(found.values, [Some("z".into())]);
}
