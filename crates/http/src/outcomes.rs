//! Waits for what became of a command, over the live channel of its event.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::{Address, EventId, Told};
use ports::{LiveEvent, LiveReader, ViewReader};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch},
    time::{Instant, sleep, timeout},
};
use wire::view::{LiveMessage, Standing};

/// Most commands of one process that wait for their outcome; the next ones do not wait.
pub const WAITERS_MAX: usize = 10_000;

/// Longest wait for an outcome, in seconds.
pub const WAIT_SECS_MAX: u64 = 5;

/// Live messages kept for a waiter that is slow to look; it misses older ones.
const MESSAGES_MAX: usize = 64;

/// Longest wait for the live channel before a command goes ahead without it, in milliseconds.
const LISTEN_MS: u64 = 500;

/// Pause before the live channel is tried again, in milliseconds.
const LISTEN_RETRY_MS: u64 = 500;

/// How long to go on listening to an event after the last one waited, in seconds.
const LINGER_SECS: u64 = 30;

const UNBROKEN: &str = "nothing panics under this lock";

/// Tells callers what became of their commands. Cheap to clone.
#[derive(Clone)]
pub struct Outcomes(Arc<Inner>);

struct Inner {
    view: Arc<dyn ViewReader>,
    places: Arc<Semaphore>,
    hubs: Mutex<HashMap<EventId, Hub>>,
}

/// One event that is listened to.
struct Hub {
    messages: broadcast::Sender<Arc<Heard>>,
    listening: watch::Receiver<bool>,
}

impl fmt::Debug for Outcomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outcomes({} places free)", self.0.places.available_permits())
    }
}

impl Outcomes {
    pub fn new(view: Arc<dyn ViewReader>) -> Self {
        Self::bounded(view, WAITERS_MAX)
    }

    /// With room for `waiters_max` commands at once.
    pub fn bounded(view: Arc<dyn ViewReader>, waiters_max: usize) -> Self {
        let places = Arc::new(Semaphore::new(waiters_max));
        Self(Arc::new(Inner { view, places, hubs: Mutex::default() }))
    }

    /// Gets ready to hear of a command of `event`; to be called before it is appended.
    ///
    /// `None`: too many wait already, or the live channel can't be reached. Nobody will know in time.
    pub async fn register(&self, event: &EventId) -> Option<Waiting> {
        let place = self.0.places.clone().try_acquire_owned().ok()?;
        let (messages, mut listening) = self.subscribe(event);
        let ready = listening.wait_for(|listening| *listening);
        timeout(Duration::from_millis(LISTEN_MS), ready).await.ok()?.ok()?;
        Some(Waiting { messages, _place: place })
    }

    fn subscribe(
        &self,
        event: &EventId,
    ) -> (broadcast::Receiver<Arc<Heard>>, watch::Receiver<bool>) {
        let mut hubs = self.0.hubs.lock().expect(UNBROKEN);
        let hub = hubs.entry(event.clone()).or_insert_with(|| {
            let messages = broadcast::Sender::new(MESSAGES_MAX);
            let (sender, listening) = watch::channel(false);
            tokio::spawn(self.clone().follow(event.clone(), messages.clone(), sender));
            Hub { messages, listening }
        });
        (hub.messages.subscribe(), hub.listening.clone())
    }

    /// Hands on what the event's live channel says, until nobody has waited for a while.
    async fn follow(
        self,
        event: EventId,
        messages: broadcast::Sender<Arc<Heard>>,
        listening: watch::Sender<bool>,
    ) {
        let mut reader = None;
        let mut wanted_at = Instant::now();
        loop {
            if messages.receiver_count() > 0 {
                wanted_at = Instant::now();
            } else if wanted_at.elapsed().as_secs() >= LINGER_SECS && self.forget(&event) {
                return;
            }
            match &mut reader {
                Some(reader) => hear(reader, &messages).await,
                None => {
                    reader = self.listen(&event).await;
                    listening.send_replace(reader.is_some());
                }
            }
        }
    }

    async fn listen(&self, event: &EventId) -> Option<Box<dyn LiveReader>> {
        match self.0.view.listen(event).await {
            Ok(reader) => Some(reader),
            Err(error) => {
                tracing::warn!(%event, %error, "outcomes can't be heard");
                sleep(Duration::from_millis(LISTEN_RETRY_MS)).await;
                None
            }
        }
    }

    /// Drops the event's hub unless somebody came in the meantime.
    fn forget(&self, event: &EventId) -> bool {
        let mut hubs = self.0.hubs.lock().expect(UNBROKEN);
        let unused = hubs.get(event).is_none_or(|hub| hub.messages.receiver_count() == 0);
        if unused {
            hubs.remove(event);
        }
        unused
    }
}

/// Hands on one message, or returns after a while without any.
async fn hear(reader: &mut Box<dyn LiveReader>, messages: &broadcast::Sender<Arc<Heard>>) {
    let next = timeout(Duration::from_secs(LINGER_SECS), reader.next());
    let Ok(LiveEvent::Message(bytes)) = next.await else { return };
    if messages.receiver_count() == 0 {
        return;
    }
    match LiveMessage::decode(&bytes) {
        // Fails when the last waiter has just gone.
        Ok(message) => drop(messages.send(Arc::new(Heard::new(message)))),
        Err(error) => tracing::warn!(%error, "a live message can't be read"),
    }
}

/// What became of a command, and how the line stood then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub told: Told,
    pub standing: Standing,
}

/// A live message, ready to be asked by address.
struct Heard {
    /// The log was folded up to here.
    to: u64,
    standing: Standing,
    /// Sorted by address.
    told: Vec<(Address, Told)>,
}

impl Heard {
    fn new(message: LiveMessage) -> Self {
        let (to, standing) = (message.progress.to, message.progress.standing());
        let told = message.told.into_iter();
        let mut told: Vec<_> = told.filter_map(|told| Some((told.address?, told))).collect();
        told.sort_by_key(|(address, _)| *address);
        Self { to, standing, told }
    }

    fn find(&self, address: Address) -> Option<Known> {
        let first = self.told.partition_point(|(at, _)| *at < address);
        let (at, told) = self.told.get(first)?;
        (*at == address).then(|| Known { told: told.clone(), standing: self.standing })
    }
}

/// A place among those who wait, from before the command was appended.
pub struct Waiting {
    messages: broadcast::Receiver<Arc<Heard>>,
    _place: OwnedSemaphorePermit,
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Waiting")
    }
}

impl Waiting {
    /// What became of the command at `address`; `None` when it isn't known within `span`.
    pub async fn outcome(mut self, address: Address, span: Duration) -> Option<Known> {
        timeout(span, self.heard(address)).await.ok().flatten()
    }

    async fn heard(&mut self, address: Address) -> Option<Known> {
        loop {
            match self.messages.recv().await {
                Ok(message) => {
                    let known = message.find(address);
                    // The log was folded past the command: later messages won't speak of it.
                    if known.is_some() || message.to > address.offset {
                        return known;
                    }
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}
