//! What every keeper of logs keeps.

use bytes::Bytes;
use domain::EventId;

use super::{fresh_event, within};
use crate::{Clock, EventLog, KeepError, LogError, LogKeeper, Record, SystemClock};

/// Records of a year ago, as an archive has them: some close together, one back in time.
fn records(count: u64) -> Vec<Record> {
    let year_ago = SystemClock.now() - 365 * 86_400_000;
    let record = |offset: u64| Record {
        offset,
        at: year_ago + offset * 250 - if offset == 7 { 2_000 } else { 0 },
        bytes: Bytes::from(format!("{{\"v\":1,\"n\":{offset}}}\u{0}\r\n").into_bytes()),
    };
    let mut records: Vec<Record> = (0..count).map(record).collect();
    records[1].bytes = Bytes::from_static(&[0xff, 0xfe, 0]);
    records
}

async fn import<L: LogKeeper>(log: &L, event: &EventId, records: &[Record]) {
    let mut import = within("an import", log.import(event)).await.expect("import");
    for part in records.chunks(300) {
        within("a push", import.push(part.to_vec())).await.expect("push");
    }
    within("the end of an import", import.finish()).await.expect("finish");
}

async fn read<L: EventLog>(log: &L, event: &EventId, count: usize) -> Vec<Record> {
    let mut reader = within("a reader", log.read(event, 0)).await.expect("read");
    let mut found = Vec::new();
    while found.len() < count {
        found.extend(within("records", reader.next()).await.expect("records"));
    }
    found
}

pub async fn an_imported_log_is_the_same<L: EventLog + LogKeeper>(open: impl AsyncFn() -> L) {
    let (log, event, records) = (open().await, fresh_event(), records(1_000));
    import(&log, &event, &records).await;
    assert_eq!(read(&log, &event, 1_000).await, records, "offsets, times and bytes");
    assert_eq!(within("the end", log.end(&event)).await, Ok(1_000));
    drop(log);
    assert_eq!(read(&open().await, &event, 1_000).await, records, "opened again");
}

pub async fn an_imported_log_goes_on<L: EventLog + LogKeeper>(open: impl AsyncFn() -> L) {
    let (log, event, mut records) = (open().await, fresh_event(), records(20));
    import(&log, &event, &records).await;
    let before = SystemClock.now();
    let bytes = Bytes::from_static(b"new");
    let new = within("an append", log.append(&event, bytes.clone())).await.expect("append");
    assert_eq!(new.offset, 20, "it follows what was imported");
    // Brokers have clocks of their own.
    assert!(new.at + 60_000 > before, "the log tells the time again: {} at {before}", new.at);
    records.push(Record { offset: new.offset, at: new.at, bytes });
    assert_eq!(read(&log, &event, 21).await, records);
}

pub async fn no_log_is_written_over<L: EventLog + LogKeeper>(open: impl AsyncFn() -> L) {
    let (log, event) = (open().await, fresh_event());
    within("create", log.create(&event)).await.expect("create");
    let refused = within("an import", log.import(&event)).await.err();
    assert_eq!(refused, Some(KeepError::Exists(event.clone())), "not even an empty one");
    let (other, kept) = (fresh_event(), records(3));
    import(&log, &other, &kept).await;
    let refused = within("an import", log.import(&other)).await.err();
    assert_eq!(refused, Some(KeepError::Exists(other.clone())));
    assert_eq!(read(&log, &other, 3).await, kept);
    assert_eq!(within("the end", log.end(&other)).await, Ok(3));
}

pub async fn a_gap_is_refused<L: EventLog + LogKeeper>(open: impl AsyncFn() -> L) {
    let (log, event, records) = (open().await, fresh_event(), records(9));
    let mut import = within("an import", log.import(&event)).await.expect("import");
    let late = within("a push", import.push(records[1..3].to_vec())).await;
    assert_eq!(late, Err(KeepError::Gap { due: 0, found: 1 }), "record 0 is missing");
    within("a push", import.push(records[..3].to_vec())).await.expect("push");
    let gap = within("a push", import.push(records[4..].to_vec())).await;
    assert_eq!(gap, Err(KeepError::Gap { due: 3, found: 4 }));
    let again = within("a push", import.push(records[2..].to_vec())).await;
    assert_eq!(again, Err(KeepError::Gap { due: 3, found: 2 }));
    within("a push", import.push(records[3..].to_vec())).await.expect("push what is due");
    within("the end of an import", import.finish()).await.expect("finish");
    assert_eq!(read(&log, &event, 9).await, records);
}

pub async fn a_deleted_log_is_unknown<L: EventLog + LogKeeper>(open: impl AsyncFn() -> L) {
    let (log, event, other) = (open().await, fresh_event(), fresh_event());
    for event in [&event, &other] {
        import(&log, event, &records(5)).await;
    }
    within("a deletion", log.delete(&event)).await.expect("delete");
    let unknown = LogError::UnknownEvent(event.clone());
    let appended = within("an append", log.append(&event, Bytes::from_static(b"x"))).await;
    assert_eq!(appended, Err(unknown.clone()));
    assert_eq!(within("the end", log.end(&event)).await, Err(unknown));
    within("a deletion", log.delete(&event)).await.expect("delete what is not there");
    assert_eq!(read(&log, &other, 5).await.len(), 5, "another event keeps its log");
    drop(log);
    let log = open().await;
    let unknown = LogError::UnknownEvent(event.clone());
    assert_eq!(within("the end", log.end(&event)).await, Err(unknown), "opened again");
}

pub async fn what_was_deleted_can_come_back<L: EventLog + LogKeeper>(open: impl AsyncFn() -> L) {
    let (log, event, last) = (open().await, fresh_event(), fresh_event());
    import(&log, &event, &records(50)).await;
    import(&log, &last, &records(4)).await;
    within("a deletion", log.delete(&event)).await.expect("delete");
    // Made while there was room: it must not get anything of the others.
    let new = fresh_event();
    within("create", log.create(&new)).await.expect("create");
    import(&log, &event, &records(50)).await;
    assert_eq!(read(&log, &event, 50).await.len(), 50);
    assert_eq!(within("the end", log.end(&new)).await, Ok(0), "the new one is empty");
    assert_eq!(read(&log, &last, 4).await.len(), 4);
}
