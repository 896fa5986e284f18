//! The tables in the file.

use bytes::Bytes;
use domain::{EventId, Millis};
use ports::{Appended, Record};
use redb::{ReadTransaction, ReadableTable, Table, TableDefinition, WriteTransaction};

/// Event's id → its number in this file.
const EVENTS: TableDefinition<'_, &str, u32> = TableDefinition::new("events");
/// Event's number and offset → append time and bytes.
const RECORDS: TableDefinition<'_, (u32, u64), (Millis, &[u8])> = TableDefinition::new("records");
/// Key → how many puts there were with this one, and its value.
const FACTS: TableDefinition<'_, &str, (u64, &[u8])> = TableDefinition::new("facts");

/// Most records in one answer of a reader.
const READ_RECORDS_MAX: usize = 1_000;

/// An answer of a reader ends with the record that reaches this many bytes.
const READ_BYTES_MAX: usize = 1 << 20;

/// Where the next record of an event goes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tail {
    pub(crate) next: u64,
    /// The time of the last record.
    pub(crate) at: Millis,
}

/// The tables in a transaction that writes.
pub(crate) struct Batch<'txn> {
    events: Table<'txn, &'static str, u32>,
    records: Table<'txn, (u32, u64), (Millis, &'static [u8])>,
    facts: Table<'txn, &'static str, (u64, &'static [u8])>,
}

impl<'txn> Batch<'txn> {
    pub(crate) fn of(transaction: &'txn WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Self {
            events: transaction.open_table(EVENTS)?,
            records: transaction.open_table(RECORDS)?,
            facts: transaction.open_table(FACTS)?,
        })
    }

    /// All events with their numbers and ends.
    pub(crate) fn events(&self) -> Result<Vec<(EventId, u32, u64)>, redb::Error> {
        let mut events = Vec::new();
        for entry in self.events.iter()? {
            let (id, number) = entry?;
            let (id, number) = (id.value(), number.value());
            let id = id.parse().map_err(|_| redb::Error::Corrupted(format!("event id {id:?}")))?;
            events.push((id, number, self.tail(number)?.next));
        }
        Ok(events)
    }

    /// All facts in the order in which they were put.
    pub(crate) fn facts(&self) -> Result<Vec<(u64, String, Bytes)>, redb::Error> {
        let mut facts = Vec::new();
        for entry in self.facts.iter()? {
            let (key, value) = entry?;
            let (puts, value) = value.value();
            facts.push((puts, key.value().to_owned(), Bytes::copy_from_slice(value)));
        }
        facts.sort_unstable_by_key(|(puts, ..)| *puts);
        Ok(facts)
    }

    pub(crate) fn tail(&self, number: u32) -> Result<Tail, redb::Error> {
        let mut records = self.records.range((number, 0)..=(number, u64::MAX))?;
        let Some(last) = records.next_back() else { return Ok(Tail::default()) };
        let (key, record) = last?;
        Ok(Tail { next: key.value().1 + 1, at: record.value().0 })
    }

    /// The number of an event, which gets one of at least `free` if it has none.
    pub(crate) fn create(&mut self, id: &EventId, free: u32) -> Result<u32, redb::Error> {
        if let Some(number) = self.events.get(id.as_str())? {
            return Ok(number.value());
        }
        let mut number = free;
        for entry in self.events.iter()? {
            number = number.max(entry?.1.value() + 1);
        }
        self.events.insert(id.as_str(), number)?;
        Ok(number)
    }

    /// Takes an event away with all its records.
    pub(crate) fn delete(&mut self, id: &EventId, number: u32) -> Result<(), redb::Error> {
        self.records.retain_in((number, 0)..=(number, u64::MAX), |_, _| false)?;
        self.events.remove(id.as_str())?;
        Ok(())
    }

    pub(crate) fn append(
        &mut self,
        number: u32,
        place: Appended,
        bytes: &[u8],
    ) -> Result<(), redb::Error> {
        self.records.insert((number, place.offset), (place.at, bytes))?;
        Ok(())
    }

    pub(crate) fn put(&mut self, puts: u64, key: &str, value: &[u8]) -> Result<(), redb::Error> {
        self.facts.insert(key, (puts, value))?;
        Ok(())
    }
}

/// The records of an event from `offset` on, bounded in number and bytes.
pub(crate) fn records(
    transaction: &ReadTransaction,
    number: u32,
    offset: u64,
) -> Result<Vec<Record>, redb::Error> {
    let table = transaction.open_table(RECORDS)?;
    let (mut records, mut size) = (Vec::new(), 0);
    for entry in table.range((number, offset)..=(number, u64::MAX))? {
        let (key, record) = entry?;
        let (at, bytes) = record.value();
        records.push(Record { offset: key.value().1, at, bytes: Bytes::copy_from_slice(bytes) });
        size += bytes.len();
        if records.len() == READ_RECORDS_MAX || size >= READ_BYTES_MAX {
            break;
        }
    }
    Ok(records)
}
