//! One event that somebody here is interested in.
//!
//! The hub keeps the latest shared value, makes the frames that sockets share, and hands personal
//! outcomes to the sockets of their tickets. Its task ([`follow`]) is the only one that listens, and
//! [`pace`] the only one that shows; requests only read what is here, or ask [`lookups`] for tickets.

pub(crate) mod follow;
pub(crate) mod frames;
pub(crate) mod lanes;
pub(crate) mod line;
pub(crate) mod lookups;
pub(crate) mod pace;
pub(crate) mod registry;

use std::{
    future::Future,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use domain::{
    EventId, TicketId,
    mutants::{Mutant, on},
};
use metrics::Gauge;
use ports::{Clock, Head, Shared, Tickets, ViewError, ViewReader};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Instant, timeout},
};
use traces::{Kind, Span, TRACES_MAX};
use wire::{
    body::{EventBody, HeadBody},
    view::{Progress, PublicDefinition, SharedValue},
};

use crate::{
    hub::{
        frames::Shown,
        lanes::{Lanes, Place},
        line::Line,
        lookups::Ask,
        registry::Registry,
    },
    limits::{LINGER_SECS, LOOKUPS_MAX, VIEW_CALL_MS},
    meters::Meters,
};

/// Why the view could not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// Nothing is known of the event for now.
    NoHead,
    /// The view stands behind what was read from it before.
    RolledBack,
    /// An error, no answer in time, or nothing that can be read.
    Unreachable,
    /// Too many ask at once.
    Busy,
}

/// The latest shared value, with the public facts made from it at most once.
pub(crate) struct Latest {
    pub(crate) value: SharedValue,
    facts: OnceLock<Bytes>,
}

impl Latest {
    fn new(value: SharedValue) -> Arc<Self> {
        Arc::new(Self { value, facts: OnceLock::new() })
    }

    /// The body of the public facts.
    pub(crate) fn facts(&self, event: &EventId) -> Bytes {
        let make = || {
            let body = EventBody::new(event, &self.value);
            // Text and numbers always become JSON.
            serde_json::to_vec(&body).unwrap_or_default().into()
        };
        self.facts.get_or_init(make).clone()
    }
}

pub(crate) struct Hub {
    pub(crate) event: EventId,
    pub(crate) meters: Arc<Meters>,
    pub(crate) registry: Registry,
    view: Arc<dyn ViewReader>,
    clock: Arc<dyn Clock>,
    latest: Mutex<Arc<Latest>>,
    /// The body of the last signed head of the log.
    log_head: Mutex<Option<Bytes>>,
    lanes: Lanes,
    /// A lane has something new to say.
    news: Notify,
    /// Everything below is known here.
    reach: watch::Sender<u64>,
    /// Spans of commands that the next frame tells of; they end when it is shown.
    traced: Mutex<Vec<Span>>,
    /// The highest `next` that the view has shown, in a value or in a live message.
    seen: AtomicU64,
    asks: mpsc::Sender<Ask>,
    frame_time: Gauge,
    used_at: Mutex<Instant>,
}

/// A line's place among those who follow; given back on drop.
pub(crate) struct Following {
    hub: Arc<Hub>,
    place: Place,
}

impl Following {
    /// What is shown now.
    pub(crate) fn shown(&self) -> Shown {
        self.hub.lanes.shown(self.place)
    }

    /// Below which offset everything has been shown.
    pub(crate) fn reached(&self) -> watch::Receiver<u64> {
        self.hub.lanes.reached(self.place)
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.hub.lanes.leave(self.place);
    }
}

impl Hub {
    pub(crate) fn new(
        event: EventId,
        view: Arc<dyn ViewReader>,
        clock: Arc<dyn Clock>,
        meters: Arc<Meters>,
        first: (Head, SharedValue),
    ) -> (Arc<Self>, mpsc::Receiver<Ask>) {
        let (head, mut value) = first;
        let (asks, asked) = mpsc::channel(LOOKUPS_MAX);
        let hub = Self {
            lanes: Lanes::new(&value.progress),
            news: Notify::new(),
            reach: watch::Sender::new(value.progress.to),
            traced: Mutex::default(),
            log_head: Mutex::new(value.head.take().as_deref().and_then(head_body)),
            latest: Mutex::new(Latest::new(value)),
            seen: AtomicU64::new(head.next),
            registry: Registry::default(),
            used_at: Mutex::new(Instant::now()),
            frame_time: Meters::frame_time(&event),
            event,
            meters,
            view,
            clock,
            asks,
        };
        (Arc::new(hub), asked)
    }

    /// The latest shared value.
    pub(crate) fn latest(&self) -> Arc<Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The body that tells the last signed head of the log; `None` before the first one.
    pub(crate) fn log_head(&self) -> Option<Bytes> {
        self.log_head.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the signed head of a shared value in: live messages carry none.
    fn take_head(&self, head: Option<&str>) {
        if let Some(body) = head.and_then(head_body) {
            *self.log_head.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
    }

    /// Follows the shared frames, in a lane.
    pub(crate) fn follow(self: &Arc<Self>, line: Arc<Line>) -> Following {
        let place = self.lanes.join(line, &self.latest().value.progress);
        Following { hub: self.clone(), place }
    }

    /// Waits until the latest shared value covers everything below `next`.
    pub(crate) async fn reached(&self, next: u64, patience: Duration) -> Result<(), Unknown> {
        let mut reach = self.reach.subscribe();
        let far = reach.wait_for(|reach| *reach >= next);
        match timeout(patience, far).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(Unknown::RolledBack),
        }
    }

    /// Somebody is interested.
    pub(crate) fn touch(&self) {
        *self.used_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Nobody has been interested for a while.
    pub(crate) fn idle(&self) -> bool {
        let used_at = *self.used_at.lock().unwrap_or_else(PoisonError::into_inner);
        self.lanes.sockets() == 0
            && self.registry.is_empty()
            && used_at.elapsed().as_secs() >= LINGER_SECS
    }

    /// Takes a newer shared value in.
    fn take(&self, progress: Progress, definition: Option<PublicDefinition>) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let to = progress.to;
        // What was heard is in the view: one that does not have it has gone back since.
        self.seen.fetch_max(to, Relaxed);
        if to > latest.value.progress.to || on(Mutant::OldFramesShown) {
            let definition = definition.unwrap_or_else(|| latest.value.definition.clone());
            let salt = latest.value.salt;
            *latest = Latest::new(SharedValue { salt, definition, progress, head: None });
        }
        if self.lanes.take(&latest.value.progress) {
            self.news.notify_one();
        }
        self.reach.send_modify(|reach| *reach = to.max(*reach));
    }

    /// The next frame tells of these commands.
    fn trace(&self, marks: &[String]) {
        let mut traced = self.traced.lock().unwrap_or_else(PoisonError::into_inner);
        let room = TRACES_MAX.saturating_sub(traced.len());
        let marks = marks.iter().take(room).filter_map(|mark| mark.parse().ok());
        let event = self.event.as_str();
        traced.extend(marks.filter_map(|mark| traces::after("frame", Kind::Internal, event, mark)));
    }

    /// Makes the frames of the latest value and gives them to a lane.
    async fn show(&self, lane: usize) {
        let latest = self.latest();
        let progress = &latest.value.progress;
        let count = self.lanes.show(lane, progress).await;
        self.meters.shared_frames.increment(count as u64);
        self.traced.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let age_ms = self.clock.now().saturating_sub(progress.at);
        self.meters.frame_age.record(Duration::from_millis(age_ms));
        self.frame_time.set(Duration::from_millis(progress.at).as_secs_f64());
    }

    /// Nobody looks at the event any more.
    pub(crate) fn retired(&self) {
        self.frame_time.set(f64::NAN);
    }

    /// Tells all sockets to end.
    pub(crate) fn drain(&self) {
        self.lanes.drain();
    }

    async fn read_shared(&self) -> Result<(Head, SharedValue), Unknown> {
        let seen = self.seen.load(Relaxed);
        let read = self.call(self.view.shared(&self.event)).await?;
        let (head, value) = decode_shared(read)?;
        self.check(seen, head)?;
        Ok((head, value))
    }

    async fn read_tickets(&self, tickets: &[TicketId]) -> Result<Tickets, Unknown> {
        let seen = self.seen.load(Relaxed);
        let read = self.call(self.view.tickets(&self.event, tickets)).await?;
        let read = read.ok_or(Unknown::NoHead)?;
        self.check(seen, read.head)?;
        self.meters.lookups.record(f64::from(u32::try_from(tickets.len()).unwrap_or(u32::MAX)));
        Ok(read)
    }

    /// A head behind what had been seen when it was asked for tells nothing (R5).
    fn check(&self, seen: u64, head: Head) -> Result<(), Unknown> {
        self.seen.fetch_max(head.next, Relaxed);
        if head.next < seen && !on(Mutant::RollbackBelieved) {
            Err(Unknown::RolledBack)
        } else {
            Ok(())
        }
    }

    async fn call<T>(
        &self,
        call: impl Future<Output = Result<T, ViewError>>,
    ) -> Result<T, Unknown> {
        view_call(&self.meters, call).await
    }
}

fn head_body(head: &str) -> Option<Bytes> {
    let body = HeadBody::new(head)?;
    // Text and numbers always become JSON.
    Some(serde_json::to_vec(&body).unwrap_or_default().into())
}

/// A call to the view that ends in time.
pub(crate) async fn view_call<T>(
    meters: &Meters,
    call: impl Future<Output = Result<T, ViewError>>,
) -> Result<T, Unknown> {
    let error = match timeout(Duration::from_millis(VIEW_CALL_MS), call).await {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(ViewError(error))) => error,
        Err(_) => format!("no answer within {VIEW_CALL_MS} ms"),
    };
    meters.view_errors.increment(1);
    tracing::warn!(error, "the view can't be read");
    Err(Unknown::Unreachable)
}

/// Reads what the view holds for all.
pub(crate) fn decode_shared(read: Option<Shared>) -> Result<(Head, SharedValue), Unknown> {
    let Shared { head, value } = read.ok_or(Unknown::NoHead)?;
    match SharedValue::decode(&value) {
        Ok(value) => Ok((head, value)),
        Err(error) => {
            tracing::error!(%error, "the shared value can't be read");
            Err(Unknown::Unreachable)
        }
    }
}
