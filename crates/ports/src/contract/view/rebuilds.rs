//! Checks of `rebuild`.

use super::{
    ViewReader, ViewWriter, WriteOutcome, all, begun, empty, head, hears, step, ticket, tickets,
    with_counter,
};
use crate::Write;

pub async fn a_rebuild_makes_everything<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let bench = empty(&open).await;
    let write = step(head(1, 40), 0, &[(ticket(1), "a"), (ticket(3), "b")]);
    assert_eq!(bench.rebuild(write.clone()).await, WriteOutcome::Done);
    bench.stands_at(&write).await;
    assert_eq!(bench.values(&tickets(4)).await, ["-", "a", "-", "b"]);
}

pub async fn a_rebuild_does_not_look_at_from<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let bench = begun(&open).await;
    let write = step(with_counter(head(1, 40), 1), 17, &[(ticket(1), "a")]);
    assert_eq!(bench.rebuild(write.clone()).await, WriteOutcome::Done);
    bench.stands_at(&write).await;
}

pub async fn a_rebuild_leaves_no_old_value<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let bench = begun(&open).await;
    let entries = all(&tickets(50), "old");
    let old = Write { entries, ..step(head(1, 50), 0, &[]) };
    assert_eq!(bench.write(old).await, WriteOutcome::Done);
    // A rebuild may go back: the view may have been ahead of what the new owner knows.
    for (counter, next) in [(1, 60), (2, 30)] {
        let new = step(with_counter(head(1, next), counter), 0, &[(ticket(2), "new")]);
        assert_eq!(bench.rebuild(new.clone()).await, WriteOutcome::Done);
        bench.stands_at(&new).await;
        let values = bench.values(&tickets(50)).await;
        assert_eq!(values.iter().filter(|value| *value == "-").count(), 49, "{values:?}");
        assert_eq!(values[2], "new");
    }
}

pub async fn a_rebuilt_view_is_written_on<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let bench = begun(&open).await;
    let mut listener = bench.listen().await;
    let rebuilt = step(with_counter(head(1, 40), 1), 0, &[(ticket(1), "a")]);
    assert_eq!(bench.rebuild(rebuilt.clone()).await, WriteOutcome::Done);
    let old = step(head(1, 41), 40, &[(ticket(1), "lost")]);
    assert_eq!(bench.write(old).await, WriteOutcome::Unexpected, "the generation is gone");
    let new = step(with_counter(head(1, 41), 1), 40, &[(ticket(2), "b")]);
    assert_eq!(bench.write(new.clone()).await, WriteOutcome::Done);
    assert_eq!(bench.values(&tickets(3)).await, ["-", "a", "b"]);
    hears(&mut *listener, &rebuilt).await;
    hears(&mut *listener, &new).await;
}

pub async fn a_large_rebuild_flips_once<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let bench = begun(&open).await;
    let mut listener = bench.listen().await;
    for (counter, count) in [(1, 1_000), (2, 1_001), (3, 5_500)] {
        let (tickets, value) = (tickets(count), format!("of {count}"));
        let new = step(with_counter(head(1, count), counter), 0, &[]);
        let new = Write { entries: all(&tickets, &value), ..new };
        assert_eq!(bench.rebuild(new.clone()).await, WriteOutcome::Done);
        bench.stands_at(&new).await;
        assert!(bench.values(&tickets).await.iter().all(|found| *found == value), "{count}");
        hears(&mut *listener, &new).await;
    }
}

pub async fn a_repeated_rebuild_is_done<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let bench = begun(&open).await;
    let mut listener = bench.listen().await;
    let rebuilt = step(with_counter(head(1, 40), 1), 0, &[(ticket(1), "a")]);
    for _ in 0..2 {
        assert_eq!(bench.rebuild(rebuilt.clone()).await, WriteOutcome::Done);
        bench.stands_at(&rebuilt).await;
    }
    let written = step(with_counter(head(1, 41), 1), 40, &[(ticket(1), "b")]);
    assert_eq!(bench.write(written.clone()).await, WriteOutcome::Done);
    assert_eq!(bench.rebuild(rebuilt.clone()).await, WriteOutcome::Done, "already there");
    bench.stands_at(&written).await;
    assert_eq!(bench.values(&[ticket(1)]).await, ["b"]);
    hears(&mut *listener, &rebuilt).await;
    hears(&mut *listener, &written).await;
}

pub async fn a_rebuild_needs_a_newer_generation<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let bench = begun(&open).await;
    let stands = step(with_counter(head(1, 40), 10), 0, &[(ticket(1), "kept")]);
    assert_eq!(bench.rebuild(stands.clone()).await, WriteOutcome::Done);
    // As text "9" is above "10".
    for (counter, next) in [(9, 50), (9, 30), (0, 40), (10, 50)] {
        let older = step(with_counter(head(1, next), counter), 0, &[(ticket(1), "lost")]);
        assert_eq!(bench.rebuild(older).await, WriteOutcome::Unexpected, "1.{counter} at {next}");
        bench.stands_at(&stands).await;
        assert_eq!(bench.values(&[ticket(1)]).await, ["kept"]);
    }
}

pub async fn a_rebuild_by_an_older_epoch_is_fenced<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let bench = begun(&open).await;
    let mut stands = step(head(1, 40), 0, &[(ticket(1), "kept")]);
    stands.head.epoch = domain::Epoch(10);
    assert_eq!(bench.write(stands.clone()).await, WriteOutcome::Done, "taken over");
    for (epoch, next) in [(9, 50), (9, 40), (2, 30)] {
        let stale = step(head(epoch, next), 0, &[(ticket(1), "lost")]);
        assert_eq!(bench.rebuild(stale).await, WriteOutcome::Fenced, "{epoch} at {next}");
        bench.stands_at(&stands).await;
        assert_eq!(bench.values(&[ticket(1)]).await, ["kept"]);
    }
    let new = step(head(10, 50), 0, &[(ticket(1), "new")]);
    assert_eq!(bench.rebuild(new.clone()).await, WriteOutcome::Done, "the owner");
    bench.stands_at(&new).await;
}
