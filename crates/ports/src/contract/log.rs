//! What every event log keeps.

use bytes::Bytes;

use super::{fresh_event, within};
use crate::{EventLog, LogReader, Record};

/// Reads exactly `count` records.
async fn take(reader: &mut dyn LogReader, count: usize) -> Vec<Record> {
    let mut records = Vec::new();
    while records.len() < count {
        let what = format!("record {} of {count}", records.len() + 1);
        let batch = within(&what, reader.next()).await.expect("the log reads");
        assert!(!batch.is_empty(), "a reader answers with at least one record");
        records.extend(batch);
    }
    assert_eq!(records.len(), count, "nothing but what was appended: {records:?}");
    records
}

pub async fn records_come_back_in_order<L: EventLog>(open: impl AsyncFn() -> L) {
    let (log, event) = (open().await, fresh_event());
    log.create(&event).await.expect("create");
    let mut appended = Vec::new();
    for n in 0..20_u8 {
        let record = Bytes::from(vec![n]);
        let at = log.append(&event, record.clone()).await.expect("append");
        appended.push(Record { offset: at.offset, at: at.at, bytes: record });
    }
    let mut reader = log.read(&event, 0).await.expect("read");
    assert_eq!(take(&mut *reader, 20).await, appended, "as it was appended and answered");
}
