//! Live messages while connections break.

mod support;

use std::time::Duration;

use ports::{LiveEvent, LiveReader, ViewReader, ViewWriter, WriteOutcome};
use support::{entries, event, generation, step, until, view, within};
use testbed::Redis;
use twinkle_redis_view::RedisView;

async fn started() -> (Redis, RedisView) {
    let redis = Redis::start().expect("Redis starts");
    let view = view(redis.url());
    let built = step(generation(1, 0), 0, 10, entries(0..10, "a"));
    assert_eq!(view.rebuild(&event(), built).await, Ok(WriteOutcome::Done));
    (redis, view)
}

async fn write(view: &RedisView, from: u64) {
    let more = step(generation(1, 0), from, from + 1, entries(0..1, "b"));
    assert_eq!(view.write(&event(), more).await, Ok(WriteOutcome::Done));
}

fn message(next: u64) -> LiveEvent {
    LiveEvent::Message(format!("live {next}").into())
}

async fn hear(reader: &mut Box<dyn LiveReader>) -> LiveEvent {
    within("live event", reader.next()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_listeners_hear_lost_and_then_messages() {
    let (mut redis, view) = started().await;
    let mut readers = Vec::new();
    for _ in 0..3 {
        readers.push(view.listen(&event()).await.expect("listens"));
    }
    write(&view, 10).await;
    for reader in &mut readers {
        assert_eq!(hear(reader).await, message(11));
    }
    redis.stop().expect("stopped");
    redis.start_again().expect("started");
    for reader in &mut readers {
        assert_eq!(hear(reader).await, LiveEvent::Lost);
    }
    until("it answers again", async || view.ping().await.is_ok()).await;
    // The connection for writes broke too: the first call may tell so.
    until("writes again", async || view.head(&event()).await.is_ok()).await;
    write(&view, 11).await;
    for reader in &mut readers {
        assert_eq!(hear(reader).await, message(12));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_stands_still_is_given_up_in_two_seconds() {
    let (mut redis, view) = started().await;
    let mut reader = view.listen(&event()).await.expect("listens");
    redis.pause().expect("stopped");
    tokio::time::sleep(Duration::from_secs(3)).await;
    redis.resume().expect("goes on");
    assert_eq!(hear(&mut reader).await, LiveEvent::Lost);
    until("writes again", async || view.head(&event()).await.is_ok()).await;
    write(&view, 10).await;
    assert_eq!(hear(&mut reader).await, message(11));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_by_redis_is_made_again() {
    let (redis, view) = started().await;
    let mut reader = view.listen(&event()).await.expect("listens");
    redis.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]).expect("cut");
    assert_eq!(hear(&mut reader).await, LiveEvent::Lost);
    write(&view, 10).await;
    assert_eq!(hear(&mut reader).await, message(11));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_listener_hears_that_it_lost_something() {
    let (_redis, view) = started().await;
    let mut slow = view.listen(&event()).await.expect("listens");
    let mut quick = view.listen(&event()).await.expect("listens");
    for from in 10..310 {
        write(&view, from).await;
        assert_eq!(hear(&mut quick).await, message(from + 1));
    }
    assert_eq!(hear(&mut slow).await, LiveEvent::Lost);
    let LiveEvent::Message(oldest) = hear(&mut slow).await else { panic!("lost again") };
    assert_eq!(oldest, "live 55");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_listeners_share_one_connection_and_leave_nothing_behind() {
    let (redis, view) = started().await;
    let mut readers = Vec::new();
    for number in 0..50 {
        let event = format!("event-{}", number % 5).parse().expect("an id");
        readers.push(view.listen(&event).await.expect("listens"));
    }
    let channels = || redis.cli(&["PUBSUB", "SHARDCHANNELS", "twinkle:*"]).expect("channels");
    assert_eq!(channels().lines().count(), 5);
    let clients = redis.cli(&["CLIENT", "LIST", "TYPE", "pubsub"]).expect("clients");
    assert_eq!(clients.lines().count(), 1, "{clients}");
    readers.truncate(1);
    until("the silent channels are left", async || channels() == "twinkle:{event-0}:live").await;
    drop((readers, view));
    until("the connection is closed", async || {
        redis.cli(&["CLIENT", "LIST", "TYPE", "pubsub"]).expect("clients").is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_left_and_listened_to_again_is_heard() {
    let (redis, view) = started().await;
    for from in 10..13 {
        let mut reader = view.listen(&event()).await.expect("listens");
        write(&view, from).await;
        assert_eq!(hear(&mut reader).await, message(from + 1));
        drop(reader);
        until("left", async || {
            redis.cli(&["PUBSUB", "SHARDCHANNELS", "twinkle:*"]).expect("channels").is_empty()
        })
        .await;
    }
}
