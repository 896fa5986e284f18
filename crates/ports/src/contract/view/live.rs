//! Checks of the live channel.

use super::{
    ViewReader, ViewWriter, WriteOutcome, all, begun, empty, head, hears, step, ticket, tickets,
};
use crate::{
    LiveEvent, Write,
    contract::{quiet, within},
};

pub async fn every_listener_hears_every_write_in_order<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let bench = begun(&open).await;
    let mut listeners = Vec::new();
    for _ in 0..3 {
        listeners.push(bench.listen().await);
    }
    let writes: Vec<_> = (1..=50).map(|next| step(head(1, next), next - 1, &[])).collect();
    for write in &writes {
        assert_eq!(bench.write(write.clone()).await, WriteOutcome::Done);
    }
    for listener in &mut listeners {
        for write in &writes {
            hears(&mut **listener, write).await;
        }
    }
}

pub async fn a_listener_may_come_before_the_head<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let bench = empty(&open).await;
    let mut listener = bench.listen().await;
    let write = step(head(1, 5), 0, &[(ticket(1), "a")]);
    assert_eq!(bench.rebuild(write.clone()).await, WriteOutcome::Done);
    hears(&mut *listener, &write).await;
}

pub async fn a_listener_hears_what_comes_after<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let bench = begun(&open).await;
    let (one, two) = (step(head(1, 5), 0, &[]), step(head(1, 6), 5, &[]));
    assert_eq!(bench.write(one).await, WriteOutcome::Done);
    let mut listener = bench.listen().await;
    assert_eq!(bench.write(two.clone()).await, WriteOutcome::Done);
    hears(&mut *listener, &two).await;
}

pub async fn a_slow_listener_is_told_of_its_loss<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    const COUNT: u64 = 1_500;
    let bench = begun(&open).await;
    let mut listener = bench.listen().await;
    let number = |live: &[u8]| String::from_utf8_lossy(live).parse::<u64>().expect("a number");
    for next in 1..=COUNT {
        let live = next.to_string().into();
        let write = Write { live, ..step(head(1, next), next - 1, &[]) };
        assert_eq!(bench.write(write).await, WriteOutcome::Done);
    }
    let (mut last, mut told) = (0, false);
    while last < COUNT {
        match within("what a slow listener hears", listener.next()).await {
            LiveEvent::Lost => told = true,
            LiveEvent::Message(live) => {
                let heard = number(&live);
                assert!(heard > last, "{heard} after {last}");
                assert!(heard == last + 1 || told, "{heard} after {last} without a word");
                (last, told) = (heard, false);
            }
        }
    }
}

/// Whoever hears of a write finds it in the view.
pub async fn what_is_heard_can_be_read<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let bench = begun(&open).await;
    let mut listener = bench.listen().await;
    let asked = tickets(2_500);
    for next in 1..=5 {
        let value = next.to_string();
        let write = Write { entries: all(&asked, &value), ..step(head(1, next), next - 1, &[]) };
        let reading = async {
            hears(&mut *listener, &write).await;
            bench.stands_at(&write).await;
            assert!(bench.values(&asked).await.iter().all(|found| *found == value));
        };
        let (outcome, ()) = tokio::join!(bench.write(write.clone()), reading);
        assert_eq!(outcome, WriteOutcome::Done);
    }
}

pub async fn events_are_heard_apart<W: ViewWriter, R: ViewReader>(open: impl AsyncFn() -> (W, R)) {
    let (one, two) = (begun(&open).await, begun(&open).await);
    let (mut at_one, mut at_two) = (one.listen().await, two.listen().await);
    let write = step(head(1, 5), 0, &[]);
    assert_eq!(one.write(write.clone()).await, WriteOutcome::Done);
    hears(&mut *at_one, &write).await;
    let foreign = async { while at_two.next().await == LiveEvent::Lost {} };
    quiet("a message of another event", foreign).await;
    let write = step(head(1, 7), 0, &[]);
    assert_eq!(two.write(write.clone()).await, WriteOutcome::Done);
    hears(&mut *at_two, &write).await;
}

pub async fn any_live_message_survives<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let bench = begun(&open).await;
    let mut listener = bench.listen().await;
    let every_byte = (0..=255).collect();
    let large = vec![b'x'; 1 << 20].into();
    for (next, live) in (1..).zip([every_byte, large]) {
        let write = Write { live, ..step(head(1, next), next - 1, &[]) };
        assert_eq!(bench.write(write.clone()).await, WriteOutcome::Done);
        hears(&mut *listener, &write).await;
    }
}

pub async fn a_wait_given_up_loses_no_message<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    const COUNT: u64 = 50;
    let bench = begun(&open).await;
    let mut listener = bench.listen().await;
    let writes: Vec<_> = (1..=COUNT).map(|next| step(head(1, next), next - 1, &[])).collect();
    let writing = async {
        for write in &writes {
            assert_eq!(bench.write(write.clone()).await, WriteOutcome::Done);
        }
    };
    let mut heard = Vec::new();
    let hearing = async {
        for round in 0_u64.. {
            let patience = std::time::Duration::from_micros(20 * (round % 50));
            match tokio::time::timeout(patience, listener.next()).await {
                Ok(LiveEvent::Message(message)) => heard.push(message),
                Ok(LiveEvent::Lost) | Err(_) => {}
            }
            if heard.len() == writes.len() {
                break;
            }
        }
    };
    tokio::join!(writing, within("every message", hearing));
    assert!(heard.iter().eq(writes.iter().map(|write| &write.live)), "{heard:?}");
}
