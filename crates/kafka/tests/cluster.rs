//! Several brokers: not all of them hear of a new topic at the same moment.

use bytes::Bytes;
use ports::EventLog;
use testbed::KafkaCluster;
use twinkle_kafka::{KafkaConfig, KafkaLog};

const BROKERS: usize = 3;
/// With one topic it went well two times out of three.
const EVENTS: usize = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_new_event_can_be_read_and_written_at_once() {
    let cluster = KafkaCluster::start(&vec![vec![]; BROKERS]).expect("brokers");
    let mut config = KafkaConfig::new(cluster.bootstrap());
    (config.replication, config.min_insync) = (3, 2);
    let log = KafkaLog::connect(config).expect("the settings work");
    for n in 0..EVENTS {
        let event = format!("event-{n}").parse().expect("an event id");
        log.create(&event).await.unwrap_or_else(|error| panic!("event {n}: {error}"));
        let end = log.end(&event).await;
        assert_eq!(end.unwrap_or_else(|error| panic!("event {n}: {error}")), 0);
        let appended = log.append(&event, Bytes::from_static(b"first")).await;
        assert_eq!(appended.unwrap_or_else(|error| panic!("event {n}: {error}")).offset, 0);
    }
}
