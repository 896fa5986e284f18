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
    let start = Instant::now();
    for step in steps {
        assert_eq!(view.write(&event(), step).await, Ok(WriteOutcome::Done));
    }
    let took = start.elapsed();
    let rate = TICKETS as f64 / took.as_secs_f64();
    println!("steps of 1,000 tickets: {:.0} steps/s, {rate:.0} tickets/s", rate / 1_000.0);
    let bytes = (used_memory(&redis) - empty) / TICKETS;
    println!("memory after steps: {bytes} B a ticket");
    assert!(bytes <= TICKET_BYTES_MAX, "{bytes} B a ticket");

    let all = step(generation(1, 1), 0, 2_000, waiting(0..TICKETS));
    let start = Instant::now();
    assert_eq!(view.rebuild(&event(), all).await, Ok(WriteOutcome::Done));
    println!("rebuild of {TICKETS}: {:?}", start.elapsed());
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
    let start = Instant::now();
    let found = view.tickets(&event(), &ids).await.expect("an answer").expect("a head");
    println!("{TICKETS} tickets read: {:?}", start.elapsed());
    for (number, value) in (1..=TICKETS).zip(found.values) {
        assert_eq!(value, Some(Bytes::from(number.to_string())));
    }
}
