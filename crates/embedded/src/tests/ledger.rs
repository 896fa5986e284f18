//! What clients asked for and what they were promised, against what a store holds.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use domain::EventId;
use ports::{EventLog, Facts, LogError, Record, SystemClock};
use tokio::task::JoinSet;

use super::{Chance, platter::Platter};
use crate::{Embedded, disk::Disk};

/// Clients at work at the same time.
const CLIENTS: u64 = 4;

/// Longest wait for a record that is there.
const READ_SECS: u64 = 20;

/// Requests and promises, over all openings of one disk.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger(Arc<Mutex<Book>>);

#[derive(Debug, Default)]
struct Book {
    /// Bytes that some client tried to append.
    asked: HashSet<(EventId, Bytes)>,
    created: HashSet<EventId>,
    appended: Vec<(EventId, Record)>,
    /// The highest number that a key was asked and promised to have.
    puts: BTreeMap<String, (u64, u64)>,
}

pub(super) fn open(platter: &Platter) -> Result<Embedded, redb::Error> {
    Embedded::on(Disk::new(platter.clone()), Arc::new(SystemClock))
}

fn event(number: u64) -> EventId {
    format!("event-{number}").parse().expect("an event id")
}

impl Ledger {
    /// Lets clients ask until each has met an error, or got as many answers as `requests`.
    pub(super) async fn work(&self, store: &Embedded, chance: &mut Chance, requests: u64) {
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let (ledger, store, mut chance) = (self.clone(), store.clone(), chance.split());
            clients.spawn(async move {
                for _ in 0..requests {
                    let asked = ledger.ask(&store, client, &mut chance).await;
                    if asked.is_err() {
                        break;
                    }
                }
            });
        }
        clients.join_all().await;
    }

    async fn ask(&self, store: &Embedded, client: u64, chance: &mut Chance) -> Result<(), String> {
        let event = event(chance.below(3));
        if chance.one_in(5) {
            return self.put(store, &format!("client-{client}")).await;
        }
        let size = if chance.one_in(10) { chance.below(50_000) } else { chance.below(400) };
        match self.append(store, &event, chance.next(), size).await {
            Err(LogError::UnknownEvent(_)) => self.create(store, &event).await,
            answer => answer.map_err(|error| error.to_string()),
        }
    }

    async fn create(&self, store: &Embedded, event: &EventId) -> Result<(), String> {
        store.log.create(event).await.map_err(|error| error.to_string())?;
        self.0.lock().unwrap().created.insert(event.clone());
        Ok(())
    }

    async fn append(
        &self,
        log: &Embedded,
        event: &EventId,
        name: u64,
        size: u64,
    ) -> Result<(), LogError> {
        let mut bytes = name.to_be_bytes().to_vec();
        bytes.extend((0..size).map(|n| n.to_le_bytes()[0]));
        let bytes = Bytes::from(bytes);
        self.0.lock().unwrap().asked.insert((event.clone(), bytes.clone()));
        let appended = log.log.append(event, bytes.clone()).await?;
        let record = Record { offset: appended.offset, at: appended.at, bytes };
        self.0.lock().unwrap().appended.push((event.clone(), record));
        Ok(())
    }

    async fn put(&self, store: &Embedded, key: &str) -> Result<(), String> {
        let number = {
            let mut book = self.0.lock().unwrap();
            let (asked, _) = book.puts.entry(key.to_owned()).or_default();
            *asked += 1;
            *asked
        };
        let put = store.facts.put(key, number.to_string().into()).await;
        put.map_err(|error| error.to_string())?;
        self.0.lock().unwrap().puts.entry(key.to_owned()).or_default().1 = number;
        Ok(())
    }

    /// How many answers were given.
    pub(super) fn promises(&self) -> usize {
        let book = self.0.lock().unwrap();
        book.appended.len() + book.created.len()
    }

    /// Sees to it that a store holds all that was promised, and nothing that was not asked for.
    pub(super) async fn check(&self, store: &Embedded) {
        self.check_facts(store).await;
        for number in 0..3 {
            let event = event(number);
            let found = records(store, &event).await;
            let book = self.0.lock().unwrap();
            assert!(found.is_some() || !book.created.contains(&event), "{event:?} is lost");
            let found = found.unwrap_or_default();
            let promised = book.appended.iter().filter(|(of, _)| *of == event);
            for (_, record) in promised {
                let (offset, at) = (record.offset, record.at);
                let held = found.get(usize::try_from(offset).expect("a small log"));
                assert!(held == Some(record), "{event:?}: {offset} at {at} is lost or changed");
            }
            let asked =
                |record: &Record| book.asked.contains(&(event.clone(), record.bytes.clone()));
            assert!(found.iter().all(asked), "{event:?} holds what nobody asked for");
            let names: HashSet<_> = found.iter().map(|record| &record.bytes).collect();
            assert_eq!(names.len(), found.len(), "{event:?} holds something twice");
            assert!(found.is_sorted_by_key(|record| record.at), "{event:?} goes back in time");
        }
    }

    async fn check_facts(&self, store: &Embedded) {
        let facts = store.facts.follow().await.expect("follow").next().await.expect("facts");
        let book = self.0.lock().unwrap();
        for (key, (asked, promised)) in &book.puts {
            let found = facts.iter().find(|fact| fact.key == *key);
            let number = found.map_or(0, |fact| {
                String::from_utf8_lossy(&fact.value).parse::<u64>().expect("a number")
            });
            assert!((*promised..=*asked).contains(&number), "{key}: {promised} {number} {asked}");
        }
    }
}

/// All records of an event, whose offsets have no gaps; none when the event is unknown.
async fn records(store: &Embedded, event: &EventId) -> Option<Vec<Record>> {
    let end = store.log.end(event).await.ok()?;
    let mut reader = store.log.read(event, 0).await.expect("read");
    let mut records: Vec<Record> = Vec::new();
    while (records.len() as u64) < end {
        let next = tokio::time::timeout(Duration::from_secs(READ_SECS), reader.next()).await;
        records.extend(next.expect("a record below the end").expect("next"));
    }
    assert!(records.iter().map(|record| record.offset).eq(0..end), "{event:?} has gaps");
    Some(records)
}
