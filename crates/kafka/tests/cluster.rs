//! Several brokers: not all of them hear of a new topic at the same moment.

use bytes::Bytes;
use ports::{EventLog, LogError};
use testbed::KafkaCluster;
use twinkle_kafka::{KafkaConfig, KafkaLog};

const BROKERS: usize = 3;
/// With one topic it went well two times out of three.
const EVENTS: usize = 12;
const TRIES: usize = 6;

/// Three brokers on a loaded machine may be slow, but no answer may be a wrong one.
async fn patiently<T, F>(n: usize, mut call: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, LogError>>,
{
    for _ in 0..TRIES {
        match call().await {
            Ok(answer) => return answer,
            Err(LogError::Unavailable(why)) if why.contains("in time") => {}
            Err(error) => panic!("event {n}: {error}"),
        }
    }
    panic!("event {n}: no answer in {TRIES} tries")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_new_event_can_be_read_and_written_at_once() {
    let cluster = KafkaCluster::start(&vec![vec![]; BROKERS]).expect("brokers");
    let mut config = KafkaConfig::new(cluster.bootstrap());
    (config.replication, config.min_insync) = (3, 2);
    let log = KafkaLog::connect(config).expect("the settings work");
    for n in 0..EVENTS {
        let event = format!("event-{n}").parse().expect("an event id");
        patiently(n, || log.create(&event)).await;
        assert_eq!(patiently(n, || log.end(&event)).await, 0);
        patiently(n, || log.append(&event, Bytes::from_static(b"first"))).await;
    }
}
