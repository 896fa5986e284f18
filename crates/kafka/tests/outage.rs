//! A broker that stops, dies or stands still in the middle of appends and reads.

mod support;

use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use domain::EventId;
use ports::{Appended, EventLog, Fact, Facts, LogError, Record};
use support::{fresh_event, log, take, within};
use testbed::Kafka;
use tokio::{sync::mpsc, task::JoinSet, time::Instant};
use twinkle_kafka::{KafkaConfig, KafkaFacts, KafkaLog};

const WRITERS: usize = 8;
/// The delivery timeout, and a second for the report.
const PATIENCE: Duration = Duration::from_millis(6_500);
/// How long the broker stays away: long enough for appends to be given up.
const AWAY: Duration = Duration::from_secs(7);

/// What the writers were told.
#[derive(Default)]
struct Told {
    acknowledged: BTreeMap<u64, (u64, Bytes)>,
    unavailable: usize,
    longest: Duration,
}

/// Appends numbered records until told to stop; a number is never sent twice.
async fn write(
    log: KafkaLog,
    event: EventId,
    numbers: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
) -> Told {
    let mut told = Told::default();
    while !stop.load(Ordering::Relaxed) {
        let record = Bytes::from(format!("record {}", numbers.fetch_add(1, Ordering::Relaxed)));
        let asked = Instant::now();
        match log.append(&event, record.clone()).await {
            Ok(Appended { offset, at }) => {
                told.acknowledged.insert(offset, (at, record));
            }
            Err(LogError::Unavailable(_)) => told.unavailable += 1,
            Err(error) => panic!("{error}"),
        }
        told.longest = told.longest.max(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    told
}

/// Follows the event from its start and passes on all it reads.
fn follow(log: KafkaLog, event: EventId) -> mpsc::UnboundedReceiver<Record> {
    let (records, followed) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut reader = log.read(&event, 0).await.expect("read");
        loop {
            for record in reader.next().await.unwrap_or_default() {
                if records.send(record).is_err() {
                    return;
                }
            }
        }
    });
    followed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_survives_a_broker_that_stops_and_one_that_dies() {
    let mut kafka = Kafka::start().expect("a broker");
    let (log, event) = (log(&kafka), fresh_event());
    log.create(&event).await.expect("create");
    let mut followed = follow(log.clone(), event.clone());

    let (numbers, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        writers.spawn(write(log.clone(), event.clone(), Arc::clone(&numbers), Arc::clone(&stop)));
    }
    let mut recovered = Vec::new();
    for end in [Kafka::stop, Kafka::kill] {
        tokio::time::sleep(Duration::from_secs(1)).await;
        tokio::task::block_in_place(|| end(&mut kafka)).expect("it ends");
        tokio::time::sleep(AWAY).await;
        tokio::task::block_in_place(|| kafka.start_again()).expect("it starts again");
        // By itself, through the same client.
        let recovery =
            async { while log.append(&event, Bytes::from_static(b"between")).await.is_err() {} };
        within("the next append", recovery).await;
        recovered.push(log.end(&event).await.expect("end"));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    stop.store(true, Ordering::Relaxed);
    let told = writers.join_all().await;

    let end = log.end(&event).await.expect("end");
    assert!(recovered[0] < recovered[1] && recovered[1] < end, "{recovered:?} {end}");
    let mut reader = log.read(&event, 0).await.expect("read");
    let records = take(&mut *reader, usize::try_from(end).expect("a small log")).await;
    check(&told, &records);

    // Who followed all the time has seen the same.
    for record in &records {
        assert_eq!(within("the follower", followed.recv()).await.as_ref(), Some(record));
    }
}

fn check(told: &[Told], records: &[Record]) {
    let mut seen = HashSet::new();
    for (offset, record) in (0..).zip(records) {
        assert_eq!(record.offset, offset, "no gap, nothing twice");
        let once = seen.insert(&record.bytes) || record.bytes == "between";
        assert!(once, "{:?} is there twice", record.bytes);
    }
    for Told { acknowledged, unavailable, longest } in told {
        assert!(*unavailable > 0 && !acknowledged.is_empty(), "each writer met the outage");
        assert!(*longest <= PATIENCE, "an append took {longest:?}");
        for (offset, (at, bytes)) in acknowledged {
            let record = &records[usize::try_from(*offset).expect("a small log")];
            assert_eq!((record.at, &record.bytes), (*at, bytes), "as it was acknowledged");
        }
    }
}

/// Pauses the broker and waits until each of its threads stands still.
fn pause(kafka: &mut Kafka) {
    kafka.pause().expect("it pauses");
    let threads = format!("/proc/{}/task", kafka.pid());
    let stopped = |thread: std::io::Result<std::fs::DirEntry>| {
        let status = std::fs::read_to_string(thread.expect("a thread").path().join("status"));
        status.expect("its status").contains("State:\tT")
    };
    while !std::fs::read_dir(&threads).expect("its threads").all(stopped) {
        std::thread::yield_now();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_much_under_way_is_full_at_once_even_when_nobody_waits_any_more() {
    const BOUND: usize = 4;
    let mut kafka = Kafka::start().expect("a broker");
    let mut config = KafkaConfig::new(kafka.bootstrap());
    config.in_flight_max = BOUND;
    let log = KafkaLog::connect(config).expect("the settings work");
    let event = fresh_event();
    log.create(&event).await.expect("create");
    log.append(&event, Bytes::from_static(b"first")).await.expect("append");

    pause(&mut kafka);
    for n in 0..BOUND {
        // Each is dropped in the middle; the record stays under way.
        let append = log.append(&event, Bytes::from(vec![b'0' + n as u8]));
        let dropped = tokio::time::timeout(Duration::from_millis(50), append).await;
        assert!(dropped.is_err(), "{dropped:?}");
    }
    for _ in 0..3 {
        let asked = Instant::now();
        assert_eq!(log.append(&event, Bytes::from_static(b"late")).await, Err(LogError::Full));
        assert!(asked.elapsed() < Duration::from_secs(1), "at once, not after a timeout");
    }
    kafka.resume().expect("it goes on");
    let recovery = async {
        loop {
            match log.append(&event, Bytes::from_static(b"last")).await {
                Ok(appended) => break appended.offset,
                Err(LogError::Full) => tokio::time::sleep(Duration::from_millis(10)).await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    assert_eq!(within("the next append", recovery).await, 1 + BOUND as u64);
    let mut reader = log.read(&event, 0).await.expect("read");
    let records = take(&mut *reader, 2 + BOUND).await;
    let bytes: Vec<_> = records.iter().map(|record| &record.bytes[..]).collect();
    assert_eq!(bytes, [&b"first"[..], b"0", b"1", b"2", b"3", b"last"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_stands_still_is_given_up_and_its_places_come_free() {
    const BOUND: usize = 4;
    let mut kafka = Kafka::start().expect("a broker");
    let mut config = KafkaConfig::new(kafka.bootstrap());
    config.in_flight_max = BOUND;
    config.delivery_timeout_ms = 1_000;
    let log = KafkaLog::connect(config).expect("the settings work");
    let event = fresh_event();
    log.create(&event).await.expect("create");
    log.append(&event, Bytes::from_static(b"first")).await.expect("append");

    pause(&mut kafka);
    for _ in 0..2 {
        let mut appends = JoinSet::new();
        for _ in 0..BOUND {
            let (log, event) = (log.clone(), event.clone());
            appends.spawn(async move { log.append(&event, Bytes::from_static(b"lost?")).await });
        }
        for answer in within("the answers", appends.join_all()).await {
            assert!(matches!(answer, Err(LogError::Unavailable(_))), "{answer:?}");
        }
    }
    kafka.resume().expect("it goes on");
    let recovery =
        async { while log.append(&event, Bytes::from_static(b"last")).await.is_err() {} };
    within("the next append", recovery).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facts_are_kept_and_followed_across_a_broker_that_dies() {
    let mut kafka = Kafka::start().expect("a broker");
    let connect = || KafkaFacts::connect(KafkaConfig::new(kafka.bootstrap())).expect("it works");
    let (facts, others) = (connect(), connect());
    facts.put("a", Bytes::from_static(b"1")).await.expect("put");
    let mut follower = facts.follow().await.expect("follow");
    let fact = |key: &str, value: &'static str| Fact { key: key.to_owned(), value: value.into() };
    assert_eq!(within("the load", follower.next()).await, Ok(vec![fact("a", "1")]));

    tokio::task::block_in_place(|| kafka.kill()).expect("it dies");
    facts.put("b", Bytes::from_static(b"2")).await.expect_err("nobody is there");
    tokio::task::block_in_place(|| kafka.start_again()).expect("it starts again");
    let recovery = async { while facts.put("c", Bytes::from_static(b"3")).await.is_err() {} };
    within("the next put", recovery).await;
    let heard = async {
        loop {
            let heard = follower.next().await.unwrap_or_default();
            if heard.contains(&fact("c", "3")) {
                break;
            }
        }
    };
    within("the follower to hear it", heard).await;
    let mut follower = others.follow().await.expect("follow");
    let all = within("the load", follower.next()).await.expect("the load");
    assert!(all.contains(&fact("a", "1")) && all.contains(&fact("c", "3")), "{all:?}");
}
