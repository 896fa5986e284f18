//! Checks of `write` and its fence.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::{
    Bench, ViewReader, ViewWriter, WriteOutcome, all, begun, empty, head, hear, hears, step,
    ticket, tickets, with_counter,
};
use crate::Write;

pub async fn without_a_head_nothing_is_known<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let Bench { writer, reader, event } = empty(&open).await;
    assert_eq!(writer.head(&event).await, Ok(None));
    assert_eq!(reader.shared(&event).await, Ok(None));
    assert_eq!(reader.tickets(&event, &[ticket(1)]).await, Ok(None));
    assert_eq!(reader.tickets(&event, &[]).await, Ok(None));
}

pub async fn without_a_head_a_write_is_unexpected<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let bench = empty(&open).await;
    for write in [step(head(1, 0), 0, &[]), step(head(1, 5), 0, &[(ticket(1), "a")])] {
        assert_eq!(bench.write(write).await, WriteOutcome::Unexpected);
    }
    without_head(&bench).await;
}

async fn without_head<W: ViewWriter, R: ViewReader>(bench: &Bench<W, R>) {
    assert_eq!(bench.head().await, None);
    assert_eq!(bench.shared().await, None);
    assert_eq!(bench.reader.tickets(&bench.event, &[ticket(1)]).await, Ok(None));
}

pub async fn a_write_moves_everything<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let bench = begun(&open).await;
    let one = step(head(1, 5), 0, &[(ticket(1), "a"), (ticket(2), "b")]);
    assert_eq!(bench.write(one.clone()).await, WriteOutcome::Done);
    bench.stands_at(&one).await;
    assert_eq!(bench.values(&tickets(4)).await, ["-", "a", "b", "-"]);
    let two = step(head(1, 6), 5, &[(ticket(2), "c"), (ticket(3), "d")]);
    assert_eq!(bench.write(two.clone()).await, WriteOutcome::Done);
    bench.stands_at(&two).await;
    assert_eq!(bench.values(&tickets(4)).await, ["-", "a", "c", "d"], "others keep their values");
}

pub async fn a_write_without_entries_moves_the_head<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let bench = begun(&open).await;
    let tick = step(head(1, 1), 0, &[]);
    assert_eq!(bench.write(tick.clone()).await, WriteOutcome::Done);
    bench.stands_at(&tick).await;
}

pub async fn a_repeated_write_is_done<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let bench = begun(&open).await;
    let mut listener = bench.listen().await;
    let write = step(head(1, 5), 0, &[(ticket(1), "a")]);
    for _ in 0..3 {
        assert_eq!(bench.write(write.clone()).await, WriteOutcome::Done);
        bench.stands_at(&write).await;
    }
    let next = step(head(1, 6), 5, &[]);
    assert_eq!(bench.write(next.clone()).await, WriteOutcome::Done);
    hears(&mut *listener, &write).await;
    hears(&mut *listener, &next).await;
}

pub async fn a_late_write_undoes_nothing<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let bench = begun(&open).await;
    let mut listener = bench.listen().await;
    let early = step(head(1, 5), 0, &[(ticket(1), "early")]);
    let late = step(head(1, 9), 5, &[(ticket(1), "late")]);
    for write in [&early, &late, &early] {
        assert_eq!(bench.write(write.clone()).await, WriteOutcome::Done);
    }
    bench.stands_at(&late).await;
    assert_eq!(bench.values(&[ticket(1)]).await, ["late"]);
    let next = step(head(1, 10), 9, &[]);
    assert_eq!(bench.write(next.clone()).await, WriteOutcome::Done);
    for write in [&early, &late, &next] {
        hears(&mut *listener, write).await;
    }
}

/// Sees to it that a write is answered with `outcome` and changes and says nothing.
async fn is_refused<W: ViewWriter, R: ViewReader>(
    bench: &Bench<W, R>,
    stands: &Write,
    write: Write,
    outcome: WriteOutcome,
) {
    let mut listener = bench.listen().await;
    let name = format!("{write:?} on {:?}", stands.head);
    assert_eq!(bench.write(write).await, outcome, "{name}");
    bench.stands_at(stands).await;
    assert_eq!(bench.values(&[ticket(1)]).await, ["kept"], "{name}");
    let next = step(crate::Head { next: 1_000, ..stands.head }, stands.head.next, &[]);
    assert_eq!(bench.write(next.clone()).await, WriteOutcome::Done, "the next one fits");
    hears(&mut *listener, &next).await;
}

/// A view that stands at epoch 5, generation 5.3, record 100.
async fn midway<W: ViewWriter, R: ViewReader>(
    open: &impl AsyncFn() -> (W, R),
) -> (Bench<W, R>, Write) {
    let bench = empty(open).await;
    let write = step(with_counter(head(5, 100), 3), 0, &[(ticket(1), "kept")]);
    assert_eq!(bench.rebuild(write.clone()).await, WriteOutcome::Done);
    (bench, write)
}

pub async fn a_gap_is_unexpected<W: ViewWriter, R: ViewReader>(open: impl AsyncFn() -> (W, R)) {
    let (bench, stands) = midway(&open).await;
    let gap = step(with_counter(head(5, 110), 3), 101, &[(ticket(1), "lost")]);
    is_refused(&bench, &stands, gap, WriteOutcome::Unexpected).await;
}

pub async fn an_overlap_is_unexpected<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let (bench, stands) = midway(&open).await;
    let overlap = step(with_counter(head(5, 110), 3), 99, &[(ticket(1), "lost")]);
    is_refused(&bench, &stands, overlap, WriteOutcome::Unexpected).await;
}

pub async fn another_generation_is_unexpected<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    for counter in [0, 2, 4, 30] {
        let (bench, stands) = midway(&open).await;
        let other = step(with_counter(head(5, 110), counter), 100, &[(ticket(1), "lost")]);
        is_refused(&bench, &stands, other, WriteOutcome::Unexpected).await;
    }
    let (bench, stands) = midway(&open).await;
    let newer = step(head(6, 110), 100, &[(ticket(1), "lost")]);
    is_refused(&bench, &stands, newer, WriteOutcome::Unexpected).await;
}

pub async fn an_older_epoch_is_fenced<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    for (next, from) in [(110, 100), (100, 90), (120, 110)] {
        let (bench, stands) = midway(&open).await;
        let mut stale = step(with_counter(head(5, next), 3), from, &[(ticket(1), "lost")]);
        stale.head.epoch = domain::Epoch(4);
        is_refused(&bench, &stands, stale, WriteOutcome::Fenced).await;
    }
}

pub async fn epochs_compare_as_numbers<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    // As text "9" is above "10"; a float of 32 bits can't tell the others apart.
    for (older, newer) in [(9, 10), (1 << 52, (1 << 52) + 1)] {
        let bench = empty(&open).await;
        assert_eq!(bench.rebuild(step(head(older, 7), 0, &[])).await, WriteOutcome::Done);
        let mut takeover = step(head(older, 8), 7, &[]);
        takeover.head.epoch = domain::Epoch(newer);
        assert_eq!(bench.write(takeover.clone()).await, WriteOutcome::Done, "{newer}");
        bench.stands_at(&takeover).await;
        let stale = step(head(older, 9), 8, &[]);
        assert_eq!(bench.write(stale).await, WriteOutcome::Fenced, "{older} after {newer}");
    }
}

pub async fn offsets_compare_as_numbers<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let big = 1 << 52;
    let bench = empty(&open).await;
    assert_eq!(bench.rebuild(step(head(1, 9), 0, &[])).await, WriteOutcome::Done);
    for (from, next) in [(9, 10), (10, 100), (100, big), (big, big + 1), (big + 1, big + 2)] {
        let write = step(head(1, next), from, &[]);
        assert_eq!(bench.write(write.clone()).await, WriteOutcome::Done, "{from} to {next}");
        bench.stands_at(&write).await;
    }
}

pub async fn a_newer_epoch_takes_over<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let bench = begun(&open).await;
    let old = step(head(1, 5), 0, &[(ticket(1), "a"), (ticket(2), "b")]);
    assert_eq!(bench.write(old).await, WriteOutcome::Done);
    let mut new = step(head(1, 6), 5, &[(ticket(1), "c")]);
    new.head.epoch = domain::Epoch(9);
    assert_eq!(bench.write(new.clone()).await, WriteOutcome::Done, "the same generation");
    bench.stands_at(&new).await;
    assert_eq!(bench.values(&tickets(3)).await, ["-", "c", "b"]);
    let woken = step(head(1, 7), 6, &[(ticket(1), "lost")]);
    assert_eq!(bench.write(woken).await, WriteOutcome::Fenced, "the old owner");
    assert_eq!(bench.values(&[ticket(1)]).await, ["c"]);
}

pub async fn many_entries_go_in_one_write<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let bench = begun(&open).await;
    let mut listener = bench.listen().await;
    let mut from = 0;
    for count in [999, 1_000, 1_001, 2_000, 3_500] {
        let (tickets, value) = (tickets(count), format!("of {count}"));
        let write = Write { entries: all(&tickets, &value), ..step(head(1, count), from, &[]) };
        assert_eq!(bench.write(write.clone()).await, WriteOutcome::Done, "{count} entries");
        bench.stands_at(&write).await;
        assert!(bench.values(&tickets).await.iter().all(|found| *found == value), "{count}");
        hears(&mut *listener, &write).await;
        from = count;
    }
}

pub async fn a_large_write_is_fenced_whole<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let (bench, stands) = midway(&open).await;
    let entries = all(&tickets(3_500), "lost");
    let mut stale = step(with_counter(head(5, 110), 3), 100, &[]);
    stale.head.epoch = domain::Epoch(4);
    let gap = step(with_counter(head(5, 110), 3), 101, &[]);
    for (write, outcome) in [(stale, WriteOutcome::Fenced), (gap, WriteOutcome::Unexpected)] {
        assert_eq!(bench.write(Write { entries: entries.clone(), ..write }).await, outcome);
        bench.stands_at(&stands).await;
        let values = bench.values(&tickets(3_500)).await;
        assert_eq!(values.iter().filter(|value| *value == "lost").count(), 0);
    }
}

pub async fn the_last_entry_of_a_ticket_counts<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let bench = begun(&open).await;
    let mut write = step(head(1, 5), 0, &[(ticket(1), "first"), (ticket(1), "second")]);
    assert_eq!(bench.write(write.clone()).await, WriteOutcome::Done);
    assert_eq!(bench.values(&[ticket(1)]).await, ["second"]);
    write = step(head(1, 6), 5, &[(ticket(1), "first")]);
    write.entries.extend(all(&tickets(2_000), "last"));
    assert_eq!(bench.write(write).await, WriteOutcome::Done);
    assert_eq!(bench.values(&[ticket(1)]).await, ["last"], "across the calls of one write");
}

pub async fn the_same_write_at_once_counts_once<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let bench = begun(&open).await;
    let mut listener = bench.listen().await;
    let (writer, event) = (Arc::new(bench.writer), bench.event);
    for next in 1..=20 {
        let write = step(head(1, next), next - 1, &[(ticket(next), "here")]);
        let mut writes = JoinSet::new();
        for _ in 0..4 {
            let (writer, event, write) = (Arc::clone(&writer), event.clone(), write.clone());
            writes.spawn(async move { writer.write(&event, write).await });
        }
        assert_eq!(writes.join_all().await, vec![Ok(WriteOutcome::Done); 4]);
        assert_eq!(hear(&mut *listener).await, write.live, "told once");
    }
}
