//! The hubs of all events that somebody here is interested in.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::EventId;
use ports::{Clock, ViewReader};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use wire::Code;

use crate::{
    hub::{Hub, Unknown, decode_shared, follow::Follow, lookups, pace, view_call},
    limits::{ABSENT_MAX, ABSENT_MS, BEAT_MS, HUBS_MAX, SETTLE_MS},
    meters::Meters,
};

/// How many events can be opened at the same time; one event is opened once.
const STRIPES: usize = 16;

pub(crate) struct Hubs {
    view: Arc<dyn ViewReader>,
    clock: Arc<dyn Clock>,
    stopped: watch::Receiver<bool>,
    meters: Arc<Meters>,
    open: Mutex<HashMap<EventId, Arc<Hub>>>,
    opening: [tokio::sync::Mutex<()>; STRIPES],
    memory: Mutex<Memory>,
    started: Instant,
}

/// What was seen before of events that have no hub now.
#[derive(Default)]
struct Memory {
    /// Events that exist: they never stop to.
    known: HashSet<EventId>,
    /// Events that were not in the view, and when.
    absent: HashMap<EventId, Instant>,
}

impl Hubs {
    pub(crate) fn new(
        view: Arc<dyn ViewReader>,
        clock: Arc<dyn Clock>,
        stopped: watch::Receiver<bool>,
        meters: Arc<Meters>,
    ) -> Arc<Self> {
        Arc::new(Self {
            view,
            clock,
            stopped,
            meters,
            open: Mutex::default(),
            opening: Default::default(),
            memory: Mutex::default(),
            started: Instant::now(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<EventId, Arc<Hub>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, event: &EventId) -> Option<Arc<Hub>> {
        let open = self.lock();
        let hub = open.get(event)?;
        hub.touch();
        Some(hub.clone())
    }

    /// The hub of an event; else `unknown_event`, `view_unknown` or `overloaded`.
    pub(crate) async fn get(self: &Arc<Self>, event: &EventId) -> Result<Arc<Hub>, Code> {
        if let Some(hub) = self.find(event) {
            return Ok(hub);
        }
        if self.memory().is_absent(event) {
            return Err(Code::UnknownEvent);
        }
        let _opening = self.opening[stripe(event)].lock().await;
        match self.find(event) {
            Some(hub) => Ok(hub),
            None => self.start(event).await,
        }
    }

    async fn start(self: &Arc<Self>, event: &EventId) -> Result<Arc<Hub>, Code> {
        let read = view_call(&self.meters, self.view.shared(event)).await;
        let first = match read.and_then(decode_shared) {
            Ok(first) => first,
            Err(Unknown::NoHead) => return Err(self.not_found(event).await),
            Err(_) => return Err(Code::ViewUnknown),
        };
        let (view, clock, meters) = (self.view.clone(), self.clock.clone(), self.meters.clone());
        let (hub, asked) = Hub::new(event.clone(), view, clock, meters, first);
        {
            let mut open = self.lock();
            if open.len() >= HUBS_MAX {
                return Err(Code::Overloaded);
            }
            open.insert(event.clone(), hub.clone());
        }
        self.meters.hubs.increment(1);
        self.memory().learn(event);
        tokio::spawn(self.clone().keep(hub.clone(), asked));
        Ok(hub)
    }

    /// Runs a hub until nobody is interested any more.
    async fn keep(
        self: Arc<Self>,
        hub: Arc<Hub>,
        asked: tokio::sync::mpsc::Receiver<lookups::Ask>,
    ) {
        let tasks = [
            tokio::spawn(Follow::new(hub.clone()).run()),
            tokio::spawn(pace::pace(hub.clone())),
            tokio::spawn(lookups::serve(hub.clone(), asked)),
            tokio::spawn(drain(hub.clone(), self.stopped.clone())),
        ];
        while !self.retire(&hub) {
            sleep(Duration::from_millis(BEAT_MS)).await;
        }
        for task in tasks {
            task.abort();
        }
        hub.retired();
        self.meters.hubs.decrement(1);
    }

    fn retire(&self, hub: &Hub) -> bool {
        let mut open = self.lock();
        let idle = hub.idle();
        if idle {
            open.remove(&hub.event);
        }
        idle
    }

    /// Nothing is in the view: is there no such event, or did the view lose it?
    ///
    /// An event that was there once still exists. Of others nobody here has heard: then another
    /// event that exists tells whether the view is whole, and without one, time does.
    async fn not_found(&self, event: &EventId) -> Code {
        let (known, other) = {
            let memory = self.memory();
            (memory.known.contains(event), memory.known.iter().next().cloned())
        };
        let whole = match other {
            _ if known => false,
            Some(other) => {
                let read = view_call(&self.meters, self.view.shared(&other)).await;
                matches!(read, Ok(Some(_)))
            }
            None => self.started.elapsed() > Duration::from_millis(SETTLE_MS),
        };
        if !whole {
            return Code::ViewUnknown;
        }
        self.memory().miss(event);
        Code::UnknownEvent
    }
}

impl Memory {
    fn learn(&mut self, event: &EventId) {
        self.absent.remove(event);
        if self.known.len() < ABSENT_MAX {
            self.known.insert(event.clone());
        }
    }

    fn miss(&mut self, event: &EventId) {
        if self.absent.len() >= ABSENT_MAX {
            self.absent.clear();
        }
        self.absent.insert(event.clone(), Instant::now());
    }

    fn is_absent(&self, event: &EventId) -> bool {
        let fresh = |at: &Instant| at.elapsed() < Duration::from_millis(ABSENT_MS);
        self.absent.get(event).is_some_and(fresh)
    }
}

/// Tells the sockets when the process is to end.
async fn drain(hub: Arc<Hub>, mut stopped: watch::Receiver<bool>) {
    // A sender that is gone means the same.
    drop(stopped.wait_for(|stopped| *stopped).await);
    hub.drain();
}

fn stripe(event: &EventId) -> usize {
    let mut hasher = DefaultHasher::new();
    event.hash(&mut hasher);
    (hasher.finish() % STRIPES as u64) as usize
}
