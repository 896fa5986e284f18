//! A million tickets: what they cost Redis, and how fast they come and go.

#![allow(clippy::print_stdout, reason = "tells what was measured")]

mod support;

use std::time::Instant;

use bytes::Bytes;
use ports::{ViewReader, ViewWriter, WriteEntry, WriteOutcome};
use support::{event, generation, step, ticket, until, view};
use testbed::Redis;

const TICKETS: u64 = 1_000_000;

/// What one ticket may cost, in bytes of Redis.
const TICKET_BYTES_MAX: u64 = 64;

fn used_memory(redis: &Redis) -> u64 {
    let info = redis.cli(&["INFO", "memory"]).expect("info");
    let line = info.lines().find_map(|line| line.strip_prefix("used_memory:")).expect("a line");
    line.trim().parse().expect("a number")
}

/// Times and processor times, here and in Redis: the latter hardly depend on what else runs.
struct Watch<'a> {
    redis: &'a Redis,
    start: Instant,
    before: [f64; 2],
}

impl<'a> Watch<'a> {
    fn start(redis: &'a Redis) -> Self {
        Self { redis, start: Instant::now(), before: processor_secs(redis) }
    }

    fn stop(self, what: &str) {
        let took = self.start.elapsed().as_secs_f64();
        let rate = TICKETS as f64 / took;
        let [here, there] = processor_secs(self.redis);
        let micros = |secs: f64| secs * 1e6 / TICKETS as f64;
        let (here, there) = (micros(here - self.before[0]), micros(there - self.before[1]));
        println!(
            "{what}: {took:.2} s, {rate:.0} tickets/s; CPU a ticket: here {here:.2} µs, Redis {there:.2} µs"
        );
    }
}

/// Of this process and of Redis.
fn processor_secs(redis: &Redis) -> [f64; 2] {
    ["self".to_owned(), redis.pid().to_string()].map(|process| {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("its times");
        let (_, fields) = stat.rsplit_once(')').expect("a name before the fields");
        let ticks =
            fields.split_whitespace().skip(11).take(2).map(|t| t.parse::<f64>().expect("ticks"));
        ticks.sum::<f64>() / 100.0
    })
}

/// Waiting tickets as they are: the value is the place in line.
fn waiting(numbers: std::ops::Range<u64>) -> Vec<WriteEntry> {
    let entry = |number: u64| WriteEntry {
        ticket: ticket(number),
        value: Bytes::from((number + 1).to_string()),
    };
    numbers.map(entry).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_tickets_are_compact() {
    let redis = Redis::start().expect("Redis starts");
    let view = view(redis.url());
    let empty = used_memory(&redis);

    // As they come: steps of 1,000.
    let built = step(generation(1, 0), 0, 0, Vec::new());
    assert_eq!(view.rebuild(&event(), built).await, Ok(WriteOutcome::Done));
    let steps: Vec<_> = (0..TICKETS / 1_000)
        .map(|n| step(generation(1, 0), n, n + 1, waiting(n * 1_000..(n + 1) * 1_000)))
        .collect();
    let watch = Watch::start(&redis);
    for step in steps {
        assert_eq!(view.write(&event(), step).await, Ok(WriteOutcome::Done));
    }
    watch.stop("1,000 steps of 1,000 tickets");
    let bytes = (used_memory(&redis) - empty) / TICKETS;
    println!("memory after steps: {bytes} B a ticket");
    assert!(bytes <= TICKET_BYTES_MAX, "{bytes} B a ticket");

    let all = step(generation(1, 1), 0, 2_000, waiting(0..TICKETS));
    let watch = Watch::start(&redis);
    assert_eq!(view.rebuild(&event(), all).await, Ok(WriteOutcome::Done));
    watch.stop("rebuild");
    let start = Instant::now();
    until("the old generation is gone", async || {
        redis.cli(&["SCARD", "twinkle:{popup}:generations"]).expect("a number") == "1"
    })
    .await;
    println!("old generation dropped after {:?}", start.elapsed());
    let bytes = (used_memory(&redis) - empty) / TICKETS;
    println!("memory after the rebuild: {bytes} B a ticket");
    assert!(bytes <= TICKET_BYTES_MAX, "{bytes} B a ticket");
    let sample =
        redis.cli(&["OBJECT", "ENCODING", "twinkle:{popup}:1.1:t:0000"]).expect("encoding");
    assert_eq!(sample, "listpack");

    let ids: Vec<_> = (0..TICKETS).map(ticket).collect();
    let watch = Watch::start(&redis);
    let found = view.tickets(&event(), &ids).await.expect("an answer").expect("a head");
    watch.stop("all tickets in one read");
    for (number, value) in (1..=TICKETS).zip(found.values) {
        assert_eq!(value, Some(Bytes::from(number.to_string())));
    }
}
