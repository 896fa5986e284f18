//! Figures of the Kafka adapter on a broker of its own: `cargo bench -p twinkle-kafka`.
//!
//! Broker and client share the machine; compare figures of one run, not of two machines.
#![allow(clippy::print_stdout)]

use std::{
    fs,
    time::{Duration, Instant},
};

use bytes::Bytes;
use domain::EventId;
use ports::{EventLog, LogReader};
use testbed::Kafka;
use tokio::{task::JoinSet, time::sleep};
use twinkle_kafka::{KafkaConfig, KafkaLog};

/// A pack of 1,024 joins, roughly.
const RECORD_BYTES: usize = 40_000;
const ROUND: Duration = Duration::from_secs(5);
const IDLE: Duration = Duration::from_secs(10);
const TICKS_A_SECOND: f64 = 100.0;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let kafka = Kafka::start().expect("a broker");
    let log = KafkaLog::connect(KafkaConfig::new(kafka.bootstrap())).expect("the settings work");
    for callers in [1, 64] {
        appends(&log, &kafka, callers).await;
    }
    replay(&log, &event("appends-64")).await;
    tail_latency(&log).await;
    for readers in [10, 50] {
        idle(&log, &kafka, readers).await;
    }
}

fn event(name: &str) -> EventId {
    name.parse().expect("an event id")
}

/// CPU time of a process so far.
fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("its stat");
    let fields = stat.rsplit(") ").next().expect("fields").split(' ');
    let ticks: f64 = fields.skip(11).take(2).map(|ticks| ticks.parse().unwrap_or(0.0)).sum();
    Duration::from_secs_f64(ticks / TICKS_A_SECOND)
}

/// Threads and resident KiB of this process.
fn size() -> (i64, i64) {
    let status = fs::read_to_string("/proc/self/status").expect("our status");
    let field = |name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a field");
        line.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0)
    };
    (field("Threads:"), field("VmRSS:"))
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

async fn appends(log: &KafkaLog, kafka: &Kafka, callers: usize) {
    let event = event(&format!("appends-{callers}"));
    log.create(&event).await.expect("create");
    let record = Bytes::from(vec![b'x'; RECORD_BYTES]);
    log.append(&event, record.clone()).await.expect("append");
    let (ours, brokers) = (cpu(std::process::id()), cpu(kafka.pid()));
    let start = Instant::now();
    let mut running = JoinSet::new();
    for _ in 0..callers {
        let (log, event, record) = (log.clone(), event.clone(), record.clone());
        running.spawn(async move {
            let mut times = Vec::new();
            while start.elapsed() < ROUND {
                let asked = Instant::now();
                log.append(&event, record.clone()).await.expect("append");
                times.push(asked.elapsed());
            }
            times
        });
    }
    let mut times = running.join_all().await.concat();
    let seconds = start.elapsed().as_secs_f64();
    times.sort();
    let each = |from: Duration, pid| (cpu(pid) - from).as_secs_f64() * 1e6 / times.len() as f64;
    println!(
        "{callers} callers, {RECORD_BYTES} B: {:.0} appends/s, p50 {:?}, p99 {:?}, \
         CPU an append: client {:.0} µs, broker {:.0} µs",
        times.len() as f64 / seconds,
        percentile(&times, 50),
        percentile(&times, 99),
        each(ours, std::process::id()),
        each(brokers, kafka.pid()),
    );
}

async fn replay(log: &KafkaLog, event: &EventId) {
    let end = log.end(event).await.expect("end");
    let before = cpu(std::process::id());
    let start = Instant::now();
    let mut reader = log.read(event, 0).await.expect("read");
    let mut read = 0;
    while read < end {
        read += reader.next().await.expect("records").len() as u64;
    }
    let (wall, cpu) = (start.elapsed(), cpu(std::process::id()) - before);
    println!("replay: {:.0} records/s, {cpu:?} CPU for {wall:?}", read as f64 / wall.as_secs_f64());
}

async fn tail_latency(log: &KafkaLog) {
    let event = event("latency");
    log.create(&event).await.expect("create");
    let mut reader = log.read(&event, 0).await.expect("read");
    let (mut acknowledged, mut seen) = (Vec::new(), Vec::new());
    for _ in 0..500 {
        let sent = Instant::now();
        let (_, _) = tokio::join!(
            async {
                log.append(&event, Bytes::from_static(b"x")).await.expect("append");
                acknowledged.push(sent.elapsed());
            },
            async {
                reader.next().await.expect("the record");
                seen.push(sent.elapsed());
            }
        );
        sleep(Duration::from_millis(5)).await;
    }
    acknowledged.sort();
    seen.sort();
    println!(
        "one small record at a time: acknowledged p50 {:?}, p99 {:?}; at the reader p50 {:?}, p99 {:?}",
        percentile(&acknowledged, 50),
        percentile(&acknowledged, 99),
        percentile(&seen, 50),
        percentile(&seen, 99),
    );
}

async fn idle(log: &KafkaLog, kafka: &Kafka, count: usize) {
    let (threads, kib) = size();
    let mut readers: Vec<Box<dyn LogReader>> = Vec::new();
    let opening = Instant::now();
    for n in 0..count {
        let event = event(&format!("idle-{count}-{n}"));
        log.create(&event).await.expect("create");
        readers.push(log.read(&event, 0).await.expect("read"));
    }
    let opened = opening.elapsed();
    let waiting = readers.into_iter().map(|mut reader| async move { reader.next().await.is_ok() });
    let mut waiting: JoinSet<bool> = waiting.collect();
    sleep(Duration::from_secs(3)).await;
    let (ours, brokers) = (cpu(std::process::id()), cpu(kafka.pid()));
    let (more_threads, more_kib) = size();
    sleep(IDLE).await;
    let share = |from: Duration, pid| (cpu(pid) - from).as_secs_f64() / IDLE.as_secs_f64() * 100.0;
    println!(
        "{count} idle readers: {:.1} % of a core here, {:.1} % in the broker, {} threads, {} KiB; \
         made and opened in {opened:?}",
        share(ours, std::process::id()),
        share(brokers, kafka.pid()),
        more_threads - threads,
        more_kib - kib,
    );
    let closing = Instant::now();
    waiting.shutdown().await;
    println!("  closed in {:?} for the runtime", closing.elapsed());
    sleep(Duration::from_secs(3)).await;
    println!("  {} threads are left of them", size().0 - threads);
}
