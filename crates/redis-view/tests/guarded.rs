//! TLS and passwords against a real Redis; what goes wrong says why.
#![cfg(feature = "tls")]

mod support;

use std::time::{Duration, Instant};

use ports::{LiveEvent, ViewReader, ViewWriter, WriteOutcome};
use support::{entries, event, generation, step, within};
use testbed::{GuardedRedis, Validity};
use twinkle_redis_view::{RedisConfig, RedisView};

/// A call that fails ends within this.
const BOUND: Duration = Duration::from_secs(8);

fn config(
    redis: &GuardedRedis,
    user: Option<&str>,
    password: &str,
    authority: &str,
) -> RedisConfig {
    let mut config = RedisConfig::new(redis.url(user));
    config.password = Some(password.to_owned());
    config.authority = Some(std::fs::read(redis.file(authority)).expect("a PEM file"));
    config
}

/// Each time with a number of its own: a generation is built once.
async fn works(config: RedisConfig, counter: u32) {
    let view = RedisView::connect(config).expect("good settings");
    let mut live = view.listen(&event()).await.expect("listens");
    let built = step(generation(1, counter), 0, 10, entries(0..2_000, "a"));
    assert_eq!(view.rebuild(&event(), built).await, Ok(WriteOutcome::Done));
    assert_eq!(within("message", live.next()).await, LiveEvent::Message("live 10".into()));
}

async fn refused(config: RedisConfig, words: &[&str]) {
    let started = Instant::now();
    let shown = format!("{config:?}");
    let view = RedisView::connect(config).expect("settings that can be tried");
    let error = view.ping().await.expect_err("no way in").to_string();
    assert!(view.listen(&event()).await.is_err(), "nor to listen");
    assert!(started.elapsed() < BOUND, "{:?}", started.elapsed());
    assert!(words.iter().all(|word| error.contains(word)), "{error:?} lacks some of {words:?}");
    for text in [error, shown] {
        assert!(!text.contains("password-of") && !text.contains("guess"), "{text}");
    }
}

#[tokio::test]
async fn who_knows_the_password_is_let_in() {
    let redis = GuardedRedis::start().expect("Redis starts");
    works(config(&redis, None, GuardedRedis::PASSWORD, "authority.pem"), 0).await;
    let (user, password) = GuardedRedis::USER;
    works(config(&redis, Some(user), password, "authority.pem"), 1).await;
}

#[tokio::test]
async fn what_is_wrong_is_told() {
    let redis = GuardedRedis::start().expect("Redis starts");
    let guess = config(&redis, None, "a wild guess", "authority.pem");
    refused(guess, &["refuses this user", "check its name and its password"]).await;
    let stranger = config(&redis, None, GuardedRedis::PASSWORD, "stranger.pem");
    refused(stranger, &["is not trusted", "another authority"]).await;
    let mut nameless = config(&redis, None, "", "authority.pem");
    nameless.password = None;
    refused(nameless, &["wants a password"]).await;
}

#[tokio::test]
async fn a_certificate_that_has_run_out_is_told() {
    let redis = GuardedRedis::start_with(Validity::Expired).expect("Redis starts");
    let good = config(&redis, None, GuardedRedis::PASSWORD, "authority.pem");
    refused(good, &["is not trusted", "has run out"]).await;
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let mut twice = RedisConfig::new("rediss://:one@127.0.0.1/");
    twice.password = Some("another".to_owned());
    let error = RedisView::connect(twice).expect_err("two passwords").to_string();
    assert!(error.contains("keep one of them") && !error.contains("another)"), "{error}");
    let mut open = RedisConfig::new("redis://127.0.0.1/");
    open.authority = Some(b"-----BEGIN CERTIFICATE-----".to_vec());
    let error = RedisView::connect(open).expect_err("no TLS").to_string();
    assert!(error.contains("TLS is off"), "{error}");
}
