//! Redis stands still: everything answers all the same.

mod support;

use std::time::{Duration, Instant};

use ports::{ViewError, ViewReader, ViewWriter, WriteOutcome};
use support::{entries, event, generation, step, ticket, until};
use testbed::Redis;
use twinkle_redis_view::{RedisConfig, RedisView};

const CALL_MS: u64 = 800;

/// The call timeout and some room for a busy machine.
const BOUND: Duration = Duration::from_millis(CALL_MS + 1_500);

fn view(redis: &Redis) -> RedisView {
    let config = RedisConfig::new(redis.url());
    let times = RedisConfig { call_timeout: Duration::from_millis(CALL_MS), ..config };
    RedisView::connect(times).expect("a good address")
}

async fn fails_in_time<T>(what: &str, call: impl Future<Output = Result<T, ViewError>>) {
    let start = Instant::now();
    let Err(error) = call.await else { panic!("{what} answered") };
    let took = start.elapsed();
    assert!(took < BOUND, "{what} took {took:?}");
    assert!(error.to_string().contains("safe in the log"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_answers_while_redis_stands_still() {
    let mut redis = Redis::start().expect("Redis starts");
    let (view, other, event) = (view(&redis), view(&redis), event());
    let built = step(generation(1, 0), 0, 10, entries(0..100, "a"));
    assert_eq!(view.rebuild(&event, built.clone()).await, Ok(WriteOutcome::Done));
    assert!(view.shared(&event).await.expect("an answer").is_some());

    redis.pause().expect("stopped");
    // With connections from before, then with new ones; `other` never had one.
    for view in [&view, &view, &other] {
        let more = step(generation(1, 0), 10, 11, entries(0..5_000, "b"));
        let ids: Vec<_> = (0..5_000).map(ticket).collect();
        tokio::join!(
            fails_in_time("head", view.head(&event)),
            fails_in_time("write", view.write(&event, more)),
            fails_in_time("rebuild", view.rebuild(&event, built.clone())),
            fails_in_time("shared", view.shared(&event)),
            fails_in_time("tickets", view.tickets(&event, &ids)),
            fails_in_time("listen", view.listen(&event)),
            fails_in_time("ping", view.ping()),
        );
    }
    redis.resume().expect("goes on");
    until("it answers again", async || view.ping().await.is_ok()).await;
    // What was sent before may have been done: asked again it is as if once.
    let more = step(generation(1, 0), 10, 11, entries(0..5_000, "b"));
    assert_eq!(view.write(&event, more).await, Ok(WriteOutcome::Done));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_gone_is_an_error_at_once_and_back_when_it_is_back() {
    let mut redis = Redis::start().expect("Redis starts");
    let (view, event) = (view(&redis), event());
    redis.kill().expect("killed");
    let many = (0..500).map(|_| fails_in_time("shared", view.shared(&event)));
    futures_util::future::join_all(many).await;
    redis.start_again().expect("starts");
    until("it answers again", async || view.shared(&event).await == Ok(None)).await;
}

#[test]
fn an_address_that_makes_no_sense_is_told_without_the_password() {
    for url in ["", "localhost:6379", "http://x/", "redis://:secret@/x y", "redis://h:99999"] {
        let error = RedisView::connect(RedisConfig::new(url)).expect_err(url).to_string();
        assert!(error.contains("redis://host:port"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
    assert!(!format!("{:?}", RedisConfig::new("redis://:secret@h/")).contains("secret"));
}
