//! What every event log keeps.

use std::{collections::HashSet, sync::Arc, time::Duration};

use bytes::Bytes;
use domain::EventId;
use tokio::task::JoinSet;

use super::{QUIET_MS, fresh_event, quiet, within};
use crate::{EventLog, LogError, LogReader, Record, log::RECORD_BYTES_MAX};

/// A log with a fresh event in it.
async fn with_event<L: EventLog>(open: &impl AsyncFn() -> L) -> (Arc<L>, EventId) {
    let (log, event) = (open().await, fresh_event());
    within("create", log.create(&event)).await.expect("create");
    (Arc::new(log), event)
}

fn number(n: usize) -> Bytes {
    Bytes::from(n.to_string())
}

/// Appends one record; gives it as it should be read.
async fn append<L: EventLog>(log: &L, event: &EventId, bytes: Bytes) -> Record {
    let appended = within("an append", log.append(event, bytes.clone())).await.expect("append");
    Record { offset: appended.offset, at: appended.at, bytes }
}

/// Appends the numbers below `count`, one after the other.
async fn append_many<L: EventLog>(log: &L, event: &EventId, count: usize) -> Vec<Record> {
    let mut records = Vec::new();
    for n in 0..count {
        records.push(append(log, event, number(n)).await);
    }
    records
}

/// Appends the numbers below `count`, all at once; gives them in the order of the log.
async fn append_together<L: EventLog>(log: &Arc<L>, event: &EventId, count: usize) -> Vec<Record> {
    let mut appends = JoinSet::new();
    for n in 0..count {
        let (log, event) = (Arc::clone(log), event.clone());
        appends.spawn(async move { append(&*log, &event, number(n)).await });
    }
    let mut records = appends.join_all().await;
    records.sort_by_key(|record| record.offset);
    records
}

async fn read<L: EventLog>(log: &L, event: &EventId, offset: u64) -> Box<dyn LogReader> {
    within("a reader", log.read(event, offset)).await.expect("read")
}

/// The next records, at least one.
async fn next(reader: &mut dyn LogReader) -> Vec<Record> {
    let batch = within("the next record", reader.next()).await.expect("the next record");
    assert!(!batch.is_empty(), "an answer holds at least one record");
    batch
}

/// Exactly `count` records.
async fn take(reader: &mut dyn LogReader, count: usize) -> Vec<Record> {
    let mut records = Vec::new();
    while records.len() < count {
        records.extend(next(reader).await);
    }
    assert_eq!(records.len(), count, "no more than what was appended");
    records
}

/// The first `count` records of the event.
async fn take_from<L: EventLog>(
    log: &L,
    event: &EventId,
    offset: u64,
    count: usize,
) -> Vec<Record> {
    take(&mut *read(log, event, offset).await, count).await
}

pub async fn creating_twice_keeps_the_log<L: EventLog>(open: impl AsyncFn() -> L) {
    let (log, event) = with_event(&open).await;
    let records = append_many(&*log, &event, 3).await;
    within("create", log.create(&event)).await.expect("create again");
    assert_eq!(take_from(&*log, &event, 0, 3).await, records);
}

pub async fn creating_at_once_makes_one_log<L: EventLog>(open: impl AsyncFn() -> L) {
    let (log, event) = (Arc::new(open().await), fresh_event());
    let mut creates = JoinSet::new();
    for _ in 0..4 {
        let (log, event) = (Arc::clone(&log), event.clone());
        creates.spawn(async move { within("create", log.create(&event)).await });
    }
    assert_eq!(creates.join_all().await, vec![Ok(()); 4]);
    let records = append_many(&*log, &event, 3).await;
    assert_eq!(take_from(&*log, &event, 0, 3).await, records);
}

pub async fn an_unknown_event_is_told<L: EventLog>(open: impl AsyncFn() -> L) {
    let (log, event) = (open().await, fresh_event());
    let unknown = LogError::UnknownEvent(event.clone());
    for _ in 0..2 {
        let appended = within("an append", log.append(&event, number(0))).await;
        assert_eq!(appended, Err(unknown.clone()), "append");
        assert_eq!(within("the end", log.end(&event)).await, Err(unknown.clone()), "end");
        let reader = within("a reader", log.read(&event, 0)).await;
        assert_eq!(reader.err(), Some(unknown.clone()), "read");
    }
    within("create", log.create(&event)).await.expect("create once it is wanted");
    let record = append(&log, &event, number(1)).await;
    assert_eq!(take_from(&log, &event, 0, 1).await, [record], "nothing but what came after");
}

pub async fn records_come_back_as_answered<L: EventLog>(open: impl AsyncFn() -> L) {
    let (log, event) = with_event(&open).await;
    let records = append_many(&*log, &event, 50).await;
    assert!(records.is_sorted_by(|a, b| a.offset < b.offset), "each above the last: {records:?}");
    assert_eq!(take_from(&*log, &event, 0, 50).await, records);
}

pub async fn times_are_never_missing<L: EventLog>(open: impl AsyncFn() -> L) {
    let (log, event) = with_event(&open).await;
    append_many(&*log, &event, 3).await;
    let records = take_from(&*log, &event, 0, 3).await;
    assert!(records.iter().all(|record| record.at > 0), "{records:?}");
}

pub async fn any_bytes_survive<L: EventLog>(open: impl AsyncFn() -> L) {
    let (log, event) = with_event(&open).await;
    let all: Vec<u8> = (0..=255).collect();
    let mut records = Vec::new();
    for bytes in [all, vec![0], vec![0xff, 0xfe], b"\r\n\0\r\n".to_vec()] {
        records.push(append(&*log, &event, bytes.into()).await);
    }
    assert_eq!(take_from(&*log, &event, 0, 4).await, records);
}

pub async fn the_largest_record_fits<L: EventLog>(open: impl AsyncFn() -> L) {
    let (log, event) = with_event(&open).await;
    let mut records = append_many(&*log, &event, 1).await;
    // Hard to compress, as a limit on compressed size would hide.
    let noise =
        (0..RECORD_BYTES_MAX as u64).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8);
    let noise: Bytes = noise.collect();
    for _ in 0..10 {
        records.push(append(&*log, &event, noise.clone()).await);
    }
    assert!(take_from(&*log, &event, 0, 11).await == records, "some large record changed");
}

pub async fn a_larger_record_is_refused<L: EventLog>(open: impl AsyncFn() -> L) {
    let (log, event) = with_event(&open).await;
    let size = RECORD_BYTES_MAX + 1;
    let appended = within("an append", log.append(&event, Bytes::from(vec![7; size]))).await;
    assert_eq!(appended, Err(LogError::TooLarge(size)));
    let record = append(&*log, &event, number(1)).await;
    assert_eq!(take_from(&*log, &event, 0, 1).await, [record], "nothing was appended");
}

pub async fn appends_at_once_all_land_once<L: EventLog>(open: impl AsyncFn() -> L) {
    const COUNT: usize = 300;
    let (log, event) = with_event(&open).await;
    let records = append_together(&log, &event, COUNT).await;
    let offsets: HashSet<u64> = records.iter().map(|record| record.offset).collect();
    assert_eq!(offsets.len(), COUNT, "one offset each");
    assert_eq!(take_from(&*log, &event, 0, COUNT).await, records);
}

pub async fn an_append_after_an_answer_comes_after<L: EventLog>(open: impl AsyncFn() -> L) {
    let (log, event) = with_event(&open).await;
    for _ in 0..5 {
        let earlier = append_together(&log, &event, 20).await;
        let later = append_together(&log, &event, 20).await;
        let last = earlier.iter().map(|record| record.offset).max();
        let first = later.iter().map(|record| record.offset).min();
        assert!(last < first, "{last:?} was answered before {first:?} began");
    }
}

pub async fn an_append_given_up_harms_nothing<L: EventLog>(open: impl AsyncFn() -> L) {
    let (log, event) = with_event(&open).await;
    for n in 0..20 {
        let append = log.append(&event, number(n));
        // Polled once, then dropped: the record may land or not.
        let _ = tokio::time::timeout(Duration::ZERO, append).await;
    }
    let record = append(&*log, &event, Bytes::from_static(b"kept")).await;
    let mut reader = read(&*log, &event, 0).await;
    let mut seen = Vec::new();
    while !seen.contains(&record) {
        seen.extend(next(&mut *reader).await);
    }
    let values: HashSet<&Bytes> = seen.iter().map(|record| &record.bytes).collect();
    assert_eq!(values.len(), seen.len(), "nothing landed twice: {seen:?}");
}

pub async fn a_long_log_comes_back_whole<L: EventLog>(open: impl AsyncFn() -> L) {
    let (log, event) = with_event(&open).await;
    let mut records = Vec::new();
    for _ in 0..20 {
        records.extend(append_together(&log, &event, 200).await);
    }
    assert!(take_from(&*log, &event, 0, 4_000).await == records, "4,000 records in order");
}

pub async fn the_end_covers_what_was_answered<L: EventLog>(open: impl AsyncFn() -> L) {
    let (log, event) = with_event(&open).await;
    let end = async || within("the end", log.end(&event)).await.expect("end");
    let mut last_end = end().await;
    for n in 0..10 {
        let record = append(&*log, &event, number(n)).await;
        assert!(record.offset >= last_end, "{record:?} lies below the end {last_end} before it");
        last_end = end().await;
        assert!(record.offset < last_end, "{record:?} lies above the end {last_end} after it");
    }
    assert_eq!(end().await, last_end, "the end stands while nothing is appended");
}

pub async fn the_end_of_an_empty_log_is_its_start<L: EventLog>(open: impl AsyncFn() -> L) {
    let (log, event) = with_event(&open).await;
    let end = within("the end", log.end(&event)).await.expect("end");
    let mut reader = read(&*log, &event, end).await;
    let record = append(&*log, &event, number(1)).await;
    assert_eq!(take(&mut *reader, 1).await, [record]);
}

pub async fn a_log_is_read_from_any_offset<L: EventLog>(open: impl AsyncFn() -> L) {
    let (log, event) = with_event(&open).await;
    let records = append_many(&*log, &event, 10).await;
    for first in 0..records.len() {
        let rest = &records[first..];
        assert_eq!(take_from(&*log, &event, rest[0].offset, rest.len()).await, rest);
    }
}

pub async fn a_reader_at_the_end_waits_and_wakes<L: EventLog>(open: impl AsyncFn() -> L) {
    let (log, event) = with_event(&open).await;
    append_many(&*log, &event, 5).await;
    let end = within("the end", log.end(&event)).await.expect("end");
    let mut reader = read(&*log, &event, end).await;
    quiet("a record out of nowhere", reader.next()).await;
    let appending = async {
        tokio::time::sleep(Duration::from_millis(QUIET_MS)).await;
        append(&*log, &event, number(6)).await
    };
    let (found, record) = tokio::join!(take(&mut *reader, 1), appending);
    assert_eq!(found, [record]);
    quiet("a record out of nowhere", reader.next()).await;
}

pub async fn a_reader_beyond_the_end_waits_for_its_offset<L: EventLog>(open: impl AsyncFn() -> L) {
    let (log, event) = with_event(&open).await;
    let last = append_many(&*log, &event, 5).await.pop().expect("a record");
    let offset = last.offset + 4;
    let mut reader = read(&*log, &event, offset).await;
    quiet("a record below the offset asked for", reader.next()).await;
    let records = append_many(&*log, &event, 8).await;
    let wanted: Vec<_> = records.into_iter().filter(|record| record.offset >= offset).collect();
    assert!(!wanted.is_empty(), "eight records reach four offsets further");
    assert_eq!(take(&mut *reader, wanted.len()).await, wanted);
}

pub async fn a_reader_follows_while_others_append<L: EventLog>(open: impl AsyncFn() -> L) {
    const COUNT: usize = 500;
    let (log, event) = with_event(&open).await;
    let mut reader = read(&*log, &event, 0).await;
    let following = tokio::spawn(async move { take(&mut *reader, COUNT).await });
    let records = append_together(&log, &event, COUNT).await;
    assert_eq!(within("the reader", following).await.expect("the reader"), records);
}

pub async fn two_readers_see_the_same<L: EventLog>(open: impl AsyncFn() -> L) {
    let (log, event) = with_event(&open).await;
    let mut early = read(&*log, &event, 0).await;
    let first = append_many(&*log, &event, 10).await;
    let mut late = read(&*log, &event, 0).await;
    assert_eq!(take(&mut *early, 10).await, first);
    assert_eq!(take(&mut *late, 10).await, first);
    let second = append_many(&*log, &event, 10).await;
    assert_eq!(take(&mut *late, 10).await, second);
    assert_eq!(take(&mut *early, 10).await, second);
}

pub async fn a_wait_given_up_skips_nothing<L: EventLog>(open: impl AsyncFn() -> L) {
    const COUNT: usize = 100;
    let (log, event) = with_event(&open).await;
    let mut reader = read(&*log, &event, 0).await;
    let (writing_log, writing_event) = (Arc::clone(&log), event.clone());
    let writing =
        tokio::spawn(async move { append_many(&*writing_log, &writing_event, COUNT).await });
    let mut records = Vec::new();
    let reading = async {
        for round in 0_u64.. {
            let patience = Duration::from_micros(50 * (round % 40));
            match tokio::time::timeout(patience, reader.next()).await {
                Ok(batch) => records.extend(batch.expect("the next record")),
                Err(_) if records.len() >= COUNT => break,
                Err(_) => {}
            }
        }
    };
    within("all records between waits given up", reading).await;
    assert_eq!(records, writing.await.expect("the writer"));
}

pub async fn events_are_apart<L: EventLog>(open: impl AsyncFn() -> L) {
    let (log, one) = with_event(&open).await;
    let two = fresh_event();
    within("create", log.create(&two)).await.expect("create");
    let mut reader = read(&*log, &two, 0).await;
    let of_one = append_many(&*log, &one, 10).await;
    quiet("a record of another event", reader.next()).await;
    let of_two = append_many(&*log, &two, 5).await;
    assert_eq!(take(&mut *reader, 5).await, of_two);
    assert_eq!(take_from(&*log, &one, 0, 10).await, of_one);
}

pub async fn a_log_opened_again_is_the_same<L: EventLog>(open: impl AsyncFn() -> L) {
    let (log, event) = with_event(&open).await;
    let mut records = append_many(&*log, &event, 20).await;
    drop(log);
    let log = open().await;
    assert_eq!(take_from(&log, &event, 0, 20).await, records);
    within("create", log.create(&event)).await.expect("create again");
    records.extend(append_many(&log, &event, 3).await);
    assert!(records.is_sorted_by(|a, b| a.offset < b.offset), "each above the last: {records:?}");
    assert_eq!(take_from(&log, &event, 0, 23).await, records);
}

pub async fn a_commit_is_taken<L: EventLog>(open: impl AsyncFn() -> L) {
    let (log, event) = with_event(&open).await;
    let last = append_many(&*log, &event, 5).await.pop().expect("a record");
    for next in [last.offset, last.offset + 1, last.offset + 1] {
        within("a commit", log.commit(&event, next)).await.expect("commit");
    }
    assert_eq!(take_from(&*log, &event, 0, 5).await.last(), Some(&last), "readers don't mind");
}
