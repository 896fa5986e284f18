//! What tests of the log share.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, SystemTime},
};

use domain::EventId;
use ports::{LogReader, Record};
use testbed::Kafka;
use twinkle_kafka::{KafkaConfig, KafkaLog};

/// Longest wait for what must happen, in seconds.
pub(crate) const WAIT_SECS: u64 = 60;

pub(crate) fn log(kafka: &Kafka) -> KafkaLog {
    KafkaLog::connect(KafkaConfig::new(kafka.bootstrap())).expect("the settings work")
}

/// An event nobody used before.
pub(crate) fn fresh_event() -> EventId {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::UNIX_EPOCH.elapsed().expect("a clock after 1970").as_millis();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("test-{now:x}-{:x}-{count:x}", std::process::id()).parse().expect("an event id")
}

/// Waits for what must happen.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(WAIT_SECS), future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {WAIT_SECS} s for {what}"),
    }
}

/// Reads exactly `count` records; a reader that finds the broker away is asked again.
pub(crate) async fn take(reader: &mut dyn LogReader, count: usize) -> Vec<Record> {
    let mut records = Vec::new();
    while records.len() < count {
        match within("a record", reader.next()).await {
            Ok(batch) => records.extend(batch),
            Err(ports::LogError::Unavailable(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(records.len(), count, "nothing but what was appended");
    records
}
