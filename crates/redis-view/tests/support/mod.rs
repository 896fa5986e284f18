//! What the tests of this crate share.
#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod cluster;

use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::{Epoch, EventId, TicketId};
use ports::{Generation, Head, Write, WriteEntry};
use twinkle_redis_view::{RedisConfig, RedisView};

/// Longest wait for what must happen.
const WAIT_SECS: u64 = 30;

pub(crate) fn event() -> EventId {
    "popup".parse().expect("an id")
}

pub(crate) fn view(url: &str) -> RedisView {
    RedisView::connect(RedisConfig::new(url)).expect("a good address")
}

pub(crate) fn generation(epoch: u64, counter: u32) -> Generation {
    Generation { epoch: Epoch(epoch), counter }
}

/// A ticket as random as real ones, the same for the same number.
pub(crate) fn ticket(number: u64) -> TicketId {
    // SplitMix64: every bit of the number moves every bit of the id.
    let half = |mut n: u64| {
        n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (n ^ (n >> 31)).to_be_bytes()
    };
    let mut id = [0; 16];
    id[..8].copy_from_slice(&half(number.wrapping_mul(2).wrapping_add(1)));
    id[8..].copy_from_slice(&half(number.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(7)));
    TicketId(id)
}

/// Tickets of these numbers, each with the same value.
pub(crate) fn entries(numbers: std::ops::Range<u64>, value: &str) -> Vec<WriteEntry> {
    let value = Bytes::copy_from_slice(value.as_bytes());
    numbers.map(|number| WriteEntry { ticket: ticket(number), value: value.clone() }).collect()
}

/// A step; what all share and the live message tell where it leads.
pub(crate) fn step(
    generation: Generation,
    from: u64,
    next: u64,
    entries: Vec<WriteEntry>,
) -> Write {
    Write {
        head: Head { epoch: generation.epoch, generation, next },
        from,
        shared: Bytes::from(format!("shared {next}")),
        entries,
        live: Bytes::from(format!("live {next}")),
    }
}

/// Waits for what must happen.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(WAIT_SECS);
    tokio::time::timeout(limit, future).await.unwrap_or_else(|_| panic!("no {what} in {limit:?}"))
}

/// Asks again and again until it is so.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !is_so().await {
        assert!(start.elapsed() < Duration::from_secs(WAIT_SECS), "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
