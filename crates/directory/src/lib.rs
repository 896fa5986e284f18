//! Which events there are: follows the facts and keeps the latest of each event at hand.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use domain::EventId;
use ports::{Fact, Facts, FactsReader};
use tokio::sync::watch;
use tracing::warn;
use wire::facts::{EventFacts, EventTable, is_head};

/// Pause before facts that can't be reached are asked again.
const RETRY_MS: u64 = 500;

/// The events as the facts tell them; cheap to clone. It stops following with its last clone.
#[derive(Clone)]
pub struct Directory {
    events: Arc<RwLock<BTreeMap<EventId, Arc<EventFacts>>>>,
    /// Counts the changes; 0 until everything that was there has been read.
    changes: watch::Receiver<u64>,
    trouble: Trouble,
}

/// Why the facts can't be read; `None` while they can.
type Trouble = Arc<Mutex<Option<String>>>;

impl Directory {
    /// Starts following in the background.
    pub fn follow(facts: Arc<dyn Facts>) -> Self {
        let (counter, changes) = watch::channel(0);
        let directory = Self { events: Arc::default(), changes, trouble: Arc::default() };
        let (events, trouble) = (directory.events.clone(), directory.trouble.clone());
        tokio::spawn(async move {
            let follow = follow(facts, events, &counter, &trouble);
            tokio::select! {
                biased;
                () = follow => {}
                () = counter.closed() => {}
            }
        });
        directory
    }

    pub fn get(&self, event: &EventId) -> Option<Arc<EventFacts>> {
        self.events.read().unwrap_or_else(PoisonError::into_inner).get(event).cloned()
    }

    /// All events in the order of their ids.
    pub fn list(&self) -> Vec<Arc<EventFacts>> {
        let events = self.events.read().unwrap_or_else(PoisonError::into_inner);
        events.values().cloned().collect()
    }

    /// Counts the changes.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// Why the facts can't be read; `None` while they can, or nobody knows yet.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until everything that was there at the start is known.
    pub async fn ready(&self) {
        // The sender lives as long as any clone of the directory.
        let _ = self.changes.clone().wait_for(|changes| *changes > 0).await;
    }
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory").finish_non_exhaustive()
    }
}

type Events = Arc<RwLock<BTreeMap<EventId, Arc<EventFacts>>>>;

async fn follow(
    facts: Arc<dyn Facts>,
    events: Events,
    counter: &watch::Sender<u64>,
    trouble: &Trouble,
) {
    let say = |why| *trouble.lock().unwrap_or_else(PoisonError::into_inner) = why;
    let mut table = EventTable::default();
    loop {
        match facts.follow().await {
            Ok(reader) => {
                say(None);
                read(reader, &mut table, &events, counter).await;
            }
            Err(error) => {
                warn!(%error, "facts about events can't be followed yet");
                say(Some(error.to_string()));
            }
        }
        tokio::time::sleep(Duration::from_millis(RETRY_MS)).await;
    }
}

async fn read(
    mut reader: Box<dyn FactsReader>,
    table: &mut EventTable,
    events: &Events,
    counter: &watch::Sender<u64>,
) {
    loop {
        match reader.next().await {
            Ok(mut facts) => {
                let before = facts.len();
                facts.retain(|fact| !is_head(&fact.key));
                facts.iter().for_each(|fact| take_in(fact, table, events));
                // Heads come every few seconds and change nothing here. The first answer counts
                // whatever it holds: all is known.
                let only_heads = facts.is_empty() && before > 0;
                counter.send_if_modified(|changes| {
                    let news = *changes == 0 || !only_heads;
                    *changes += u64::from(news);
                    news
                });
            }
            Err(error) => {
                warn!(%error, "facts about events can't be read for now");
                tokio::time::sleep(Duration::from_millis(RETRY_MS)).await;
            }
        }
    }
}

fn take_in(fact: &Fact, table: &mut EventTable, events: &Events) {
    match table.apply(&fact.key, &fact.value) {
        Ok(event) => {
            if let Some(facts) = table.get(&event) {
                let mut events = events.write().unwrap_or_else(PoisonError::into_inner);
                events.insert(event, Arc::new(facts));
            }
        }
        Err(error) => warn!(key = fact.key, %error, "a fact was left out"),
    }
}
