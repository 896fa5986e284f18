//! Redis stands still: everything answers all the same.

mod support;

use std::time::{Duration, Instant};

use ports::{LiveEvent, ViewError, ViewReader, ViewWriter, WriteOutcome};
use support::{entries, event, generation, step, ticket, until, within};
use testbed::Redis;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};
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

/// Passes bytes on until it is told to keep silent: the connections it has then stay open and
/// swallow everything, as behind a firewall that forgot them; new ones work.
async fn forgetful_proxy(to: u16) -> (u16, watch::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (silence, _) = watch::channel(());
    let silent = silence.clone();
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            let mut forget = silent.subscribe();
            tokio::spawn(async move {
                let mut to = TcpStream::connect(("127.0.0.1", to)).await.expect("Redis listens");
                tokio::select! {
                    _ = copy_bidirectional(&mut from, &mut to) => {}
                    _ = forget.changed() => std::future::pending().await,
                }
            });
        }
    });
    (port, silence)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_went_silent_is_replaced() {
    let redis = Redis::start().expect("Redis starts");
    let (port, silence) = forgetful_proxy(redis.port()).await;
    let config = RedisConfig::new(format!("redis://127.0.0.1:{port}"));
    let times = RedisConfig { call_timeout: Duration::from_millis(CALL_MS), ..config };
    let view = RedisView::connect(times).expect("a good address");
    let event = event();
    let built = step(generation(1, 0), 0, 10, entries(0..100, "a"));
    assert_eq!(view.rebuild(&event, built).await, Ok(WriteOutcome::Done));
    let mut live = view.listen(&event).await.expect("listens");
    assert!(view.shared(&event).await.expect("an answer").is_some());
    silence.send_replace(());
    fails_in_time("shared", view.shared(&event)).await;
    fails_in_time("head", view.head(&event)).await;
    assert!(view.shared(&event).await.expect("on a new connection").is_some());
    assert!(view.head(&event).await.expect("on a new connection").is_some());
    assert_eq!(within("live event", live.next()).await, LiveEvent::Lost);
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
