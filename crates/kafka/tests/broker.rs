//! What only a broker can show: topics, times, offsets of groups, and what happens to topics that
//! others made, changed or deleted.

mod shared;
mod support;

use std::time::Duration;

use bytes::Bytes;
use domain::EventId;
use ports::{EventLog, LogError, log::RECORD_BYTES_MAX};
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    producer::{BaseProducer, BaseRecord, Producer},
};
use shared::shared;
use support::{fresh_event, log, take, within};
use twinkle_kafka::{KafkaConfig, KafkaLog, event_group, event_topic};

/// Below the delivery timeout: an answer in this time came from the broker, not from giving up.
const ANSWER: Duration = Duration::from_secs(4);

fn client() -> ClientConfig {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", shared().bootstrap());
    client
}

fn admin() -> AdminClient<DefaultClientContext> {
    client().create().expect("an admin client")
}

async fn create_by_hand(event: &EventId, partitions: i32, settings: &[(&str, &str)]) {
    let name = event_topic(event);
    let mut topic = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
    topic.config.extend_from_slice(settings);
    let options = AdminOptions::new().operation_timeout(Some(ANSWER));
    let made = admin().create_topics([&topic], &options).await.expect("an answer");
    made[0].as_ref().expect("the topic is made");
}

fn numbered(n: usize) -> Bytes {
    Bytes::from(format!("record {n}"))
}

#[tokio::test]
async fn append_time_is_the_brokers() {
    let (log, event) = (log(shared()), fresh_event());
    log.create(&event).await.expect("create");
    let appended = log.append(&event, numbered(0)).await.expect("append");
    let mut reader = log.read(&event, 0).await.expect("read");
    assert_eq!(take(&mut *reader, 1).await[0].at, appended.at);

    let topic = event_topic(&event);
    let arguments = ["--topic", &topic, "--partition", "0", "--offset", "0", "--max-messages", "1"];
    let arguments = [&arguments[..], &["--property", "print.timestamp=true"]].concat();
    let seen = shared().tool("org.apache.kafka.tools.consumer.ConsoleConsumer", &arguments);
    let wanted = format!("LogAppendTime:{}\trecord 0", appended.at);
    assert_eq!(seen.expect("Kafka's own consumer").trim(), wanted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_appends_are_answered_with_their_own_place_and_time() {
    let (log, event) = (log(shared()), fresh_event());
    log.create(&event).await.expect("create");
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..64 {
        let (log, event) = (log.clone(), event.clone());
        callers.spawn(async move {
            let mut places = Vec::new();
            for n in 0..20 {
                let record = numbered(caller * 1000 + n);
                let place = log.append(&event, record.clone()).await.expect("append");
                places.push((place.offset, place.at, record));
            }
            places
        });
    }
    let mut places = callers.join_all().await.concat();
    places.sort();
    let mut reader = log.read(&event, 0).await.expect("read");
    let read = take(&mut *reader, places.len()).await;
    let read: Vec<_> = read.into_iter().map(|r| (r.offset, r.at, r.bytes)).collect();
    assert_eq!(read, places);
    assert_eq!(log.end(&event).await, Ok(places.len() as u64));
}

#[tokio::test]
async fn commits_show_as_lag_in_kafkas_own_tool() {
    let (log, event) = (log(shared()), fresh_event());
    log.create(&event).await.expect("create");
    for n in 0..5 {
        log.append(&event, numbered(n)).await.expect("append");
    }
    log.commit(&event, 2).await.expect("a commit without a reader");
    assert_eq!(offset_and_lag(&event), Some((2, 3)));

    let mut reader = log.read(&event, 0).await.expect("read");
    take(&mut *reader, 5).await;
    log.commit(&event, 4).await.expect("a commit next to a reader");
    // That one isn't waited for.
    let shown = async {
        while offset_and_lag(&event) != Some((4, 1)) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    within("the second commit", shown).await;
}

/// The committed offset and the lag that `kafka-consumer-groups --describe` shows.
fn offset_and_lag(event: &EventId) -> Option<(u64, u64)> {
    let class = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
    let shown = shared().tool(class, &["--describe", "--group", &event_group(event)]);
    let (shown, topic) = (shown.expect("the tool runs"), event_topic(event));
    let mut columns = shown.lines().find(|line| line.contains(&topic))?.split_whitespace();
    Some((columns.nth(3)?.parse().ok()?, columns.nth(1)?.parse().ok()?))
}

#[tokio::test]
async fn an_unknown_event_is_told_by_the_broker() {
    let (log, event) = (log(shared()), fresh_event());
    let unknown = LogError::UnknownEvent(event.clone());
    let asked = async {
        assert_eq!(log.append(&event, numbered(0)).await, Err(unknown.clone()));
        assert_eq!(log.end(&event).await, Err(unknown.clone()));
        assert_eq!(log.commit(&event, 1).await, Err(unknown.clone()));
        assert_eq!(log.read(&event, 0).await.err(), Some(unknown.clone()));
        // And none of that made it one.
        assert_eq!(log.append(&event, numbered(0)).await, Err(unknown.clone()));
    };
    tokio::time::timeout(ANSWER, asked).await.expect("an answer, not a timeout");
}

#[tokio::test]
async fn a_deleted_topic_is_an_unknown_event() {
    let (log, event) = (log(shared()), fresh_event());
    log.create(&event).await.expect("create");
    log.append(&event, numbered(0)).await.expect("append");
    let mut reader = log.read(&event, 0).await.expect("read");
    take(&mut *reader, 1).await;
    let deleted = admin().delete_topics(&[&event_topic(&event)], &AdminOptions::new()).await;
    deleted.expect("an answer")[0].as_ref().expect("the topic is deleted");

    let unknown = LogError::UnknownEvent(event.clone());
    // Until the broker has heard of it, appends may go on.
    let refused = async { while log.append(&event, numbered(1)).await != Err(unknown.clone()) {} };
    within("the append to be refused", refused).await;
    let told = async {
        loop {
            match reader.next().await {
                Ok(_) => {}
                Err(error) => break error,
            }
        }
    };
    assert_eq!(within("the reader to tell", told).await, unknown);

    // Unknown is not for ever.
    let (stamped, kept) = (("message.timestamp.type", "LogAppendTime"), ("retention.ms", "-1"));
    create_by_hand(&event, 1, &[stamped, kept]).await;
    let back = async { while log.append(&event, numbered(0)).await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(20), back).await.expect("the topic to be found");
}

#[tokio::test]
async fn create_leaves_what_is_there_and_refuses_what_does_not_fit() {
    let log = log(shared());
    let event = fresh_event();
    log.create(&event).await.expect("create");
    log.append(&event, numbered(0)).await.expect("append");
    log.create(&event).await.expect("again");
    assert_eq!(log.end(&event).await, Ok(1));

    let (stamped, kept) = (("message.timestamp.type", "LogAppendTime"), ("retention.ms", "-1"));
    let sized = ("max.message.bytes", "300000");
    for (partitions, settings, problem) in [
        (2, &[stamped, kept][..], "2 partitions"),
        (1, &[kept], "message.timestamp.type"),
        (1, &[stamped], "retention.ms"),
        (1, &[stamped, kept, ("cleanup.policy", "compact")], "cleanup.policy"),
        (1, &[stamped, kept, ("retention.bytes", "1000")], "retention.bytes"),
        (1, &[stamped, kept, sized], "max.message.bytes"),
    ] {
        let event = fresh_event();
        create_by_hand(&event, partitions, settings).await;
        match log.create(&event).await {
            Err(LogError::Unavailable(text)) => assert!(text.contains(problem), "{text}"),
            other => panic!("{problem}: {other:?}"),
        }
    }
    let event = fresh_event();
    create_by_hand(&event, 1, &[stamped, kept]).await;
    log.create(&event).await.expect("one that fits");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_largest_records_fit_and_larger_ones_are_refused() {
    let (log, event) = (log(shared()), fresh_event());
    log.create(&event).await.expect("create");
    let record = |size| Bytes::from(vec![b'x'; size]);
    let too_large = RECORD_BYTES_MAX + 1;
    let refused = log.append(&event, record(too_large)).await;
    assert_eq!(refused, Err(LogError::TooLarge(too_large)));
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let (log, event) = (log.clone(), event.clone());
        callers.spawn(async move { log.append(&event, record(RECORD_BYTES_MAX)).await });
    }
    for appended in callers.join_all().await {
        appended.expect("append");
    }
    let mut reader = log.read(&event, 0).await.expect("read");
    let read = take(&mut *reader, 40).await;
    assert!(read.iter().all(|record| record.bytes.len() == RECORD_BYTES_MAX));
}

#[tokio::test]
async fn a_reader_past_the_end_waits_for_its_offset() {
    let (log, event) = (log(shared()), fresh_event());
    log.create(&event).await.expect("create");
    log.append(&event, numbered(0)).await.expect("append");
    let mut reader = log.read(&event, 3).await.expect("read");
    let pause = Duration::from_millis(300);
    let early = tokio::time::timeout(pause, reader.next()).await;
    assert!(early.is_err(), "{early:?}");
    for n in 1..4 {
        log.append(&event, numbered(n)).await.expect("append");
    }
    let read = within("record 3", reader.next()).await.expect("read");
    assert_eq!((read[0].offset, &read[0].bytes), (3, &numbered(3)));
}

#[tokio::test]
async fn a_gap_is_told_and_never_skipped() {
    let (log, event) = (log(shared()), fresh_event());
    log.create(&event).await.expect("create");
    // The end of a transaction takes an offset and gives no record.
    let settings = ("transactional.id", event.as_str());
    let producer: BaseProducer = client().set(settings.0, settings.1).create().expect("a producer");
    producer.init_transactions(ANSWER).expect("transactions");
    producer.begin_transaction().expect("a transaction");
    let topic = event_topic(&event);
    producer.send(BaseRecord::<(), str>::to(&topic).payload("record 0")).expect("sent");
    producer.commit_transaction(ANSWER).expect("the end of the transaction");
    let ended = async { while log.end(&event).await != Ok(2) {} };
    within("the end of the transaction in the log", ended).await;
    log.append(&event, numbered(2)).await.expect("append");

    let mut reader = log.read(&event, 0).await.expect("read");
    assert_eq!(take(&mut *reader, 1).await[0].offset, 0);
    for _ in 0..2 {
        match within("the gap", reader.next()).await {
            Err(LogError::Unavailable(text)) => assert!(text.contains("record 2"), "{text}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn without_a_broker_calls_answer_unavailable() {
    let port = testbed::free_port().expect("a port");
    let mut config = KafkaConfig::new(format!("127.0.0.1:{port}"));
    config.delivery_timeout_ms = 1_000;
    let (log, event) = (KafkaLog::connect(config).expect("the settings work"), fresh_event());
    let unavailable = |result: Result<(), LogError>| {
        assert!(matches!(result, Err(LogError::Unavailable(_))), "{result:?}");
    };
    unavailable(log.create(&event).await);
    unavailable(log.append(&event, numbered(0)).await.map(drop));
    unavailable(log.end(&event).await.map(drop));
    unavailable(log.read(&event, 0).await.map(drop));
    unavailable(log.commit(&event, 0).await);
}

#[test]
fn settings_that_cant_work_are_refused() {
    let refused = |change: fn(&mut KafkaConfig), word: &str| {
        let mut config = KafkaConfig::new("127.0.0.1:9092");
        change(&mut config);
        let error = KafkaLog::connect(config).err().map(|error| error.to_string());
        assert!(error.as_ref().is_some_and(|text| text.contains(word)), "{error:?}");
    };
    refused(|config| config.bootstrap.clear(), "bootstrap");
    refused(|config| config.min_insync = 2, "min_insync");
    refused(|config| config.delivery_timeout_ms = 5_001, "delivery_timeout_ms");
    refused(|config| config.in_flight_max = 0, "in_flight_max");
}
