//! One event: fold its log; when it is ours, tick and project.

mod facts;
mod fold;
mod project;
mod traced;

use std::{future::pending, time::Duration};

use domain::{
    Address, Command, Event, EventId, EventState,
    mutants::{Mutant, on},
};
use futures_util::future::BoxFuture;
use ports::{Appended, LogError, LogReader, Record, Trace};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};
use tracing::{info, warn};
use wire::record;

use self::{project::Lag, traced::Traced};
use crate::{
    Worker,
    catch_up::Changes,
    heads::Heads,
    meters::Meters,
    ownership::Ownership,
    projection::{Done, Projection},
};

/// Pause after the log or the view could not be reached.
const RETRY_MS: u64 = 200;
/// An owner that does not read its own ticks for this long is deaf and stops ticking.
const DEAF_MS: u64 = 3_000;
const DEAF_IDLE_MS: u64 = 25_000;

type Appending = BoxFuture<'static, (Own, Result<Appended, LogError>)>;
type Putting = BoxFuture<'static, Option<Address>>;
type PuttingHead = BoxFuture<'static, Option<u64>>;

/// What the owner appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Own {
    Claim,
    Tick,
}

/// Why the loop woke up.
enum Wake {
    Shutdown,
    Records(Result<Vec<Record>, LogError>, Vec<Trace>),
    Appended(Own, Result<Appended, LogError>),
    Projected(Done),
    FactPut(Option<Address>),
    HeadPut(Option<u64>),
    Timer,
}

struct EventTask {
    worker: Worker,
    id: EventId,
    event: Event,
    ownership: Ownership,
    changes: Changes,
    projection: Option<Projection>,
    /// The end of the log when following began: nobody claims before it has been folded.
    end: u64,
    /// A record that this release can't read: the event is left to others.
    halted: bool,
    appending: Option<Appending>,
    projecting: Option<BoxFuture<'static, Done>>,
    putting: Option<Putting>,
    putting_head: Option<PuttingHead>,
    heads: Heads,
    fact_at: Option<Address>,
    /// The last tick of this ownership.
    ticked: Option<Instant>,
    project_from: Instant,
    committed: Instant,
    /// How far the view is, as this owner knows.
    projected_next: u64,
    lag: Lag,
    meters: Meters,
    traced: Traced,
}

/// Follows and drives one event until it is archived or the worker stops.
pub(crate) async fn run(worker: Worker, id: EventId, mut shutdown: watch::Receiver<bool>) {
    let Some((mut reader, end)) = begin(&worker, &id, &mut shutdown).await else { return };
    let mut task = EventTask::new(worker, id, end);
    while !task.over() {
        match task.wake(&mut *reader, &mut shutdown).await {
            Wake::Shutdown => break,
            wake => task.handle(wake).await,
        }
        task.drive();
    }
    task.finish().await;
}

async fn begin(
    worker: &Worker,
    id: &EventId,
    shutdown: &mut watch::Receiver<bool>,
) -> Option<(Box<dyn LogReader>, u64)> {
    loop {
        let end = worker.log.end(id).await;
        let reader = worker.log.read(id, 0).await;
        match (reader, end) {
            (Ok(reader), Ok(end)) => return Some((reader, end)),
            (Err(error), _) | (_, Err(error)) => {
                warn!(event = %id, %error, "the log of an event can't be read yet");
            }
        }
        tokio::select! {
            _ = shutdown.wait_for(|stop| *stop) => return None,
            () = sleep(Duration::from_millis(RETRY_MS)) => {}
        }
    }
}

impl EventTask {
    fn new(worker: Worker, id: EventId, end: u64) -> Self {
        let now = Instant::now();
        Self {
            ownership: Ownership::new(&id, worker.id, now),
            heads: Heads::new(&id),
            meters: Meters::new(&id),
            lag: Lag::default(),
            traced: Traced::default(),
            projected_next: 0,
            worker,
            id,
            event: Event::default(),
            changes: Changes::default(),
            projection: None,
            end,
            halted: false,
            appending: None,
            projecting: None,
            putting: None,
            putting_head: None,
            fact_at: None,
            ticked: None,
            project_from: now,
            committed: now,
        }
    }

    /// Archived, and nothing is left to say.
    fn over(&self) -> bool {
        let fact = self.fact_at == Some(self.event.defined_at());
        let told = (fact && self.heads.all_put(&self.event)) || !self.owns();
        let putting = self.putting.is_some() || self.putting_head.is_some();
        let settled = self.projecting.is_none() && !putting;
        self.event.state() == EventState::Archived && settled && told
    }

    fn owns(&self) -> bool {
        !self.halted && self.ownership.owns(&self.event)
    }

    async fn wake(
        &mut self,
        reader: &mut dyn LogReader,
        shutdown: &mut watch::Receiver<bool>,
    ) -> Wake {
        let timer = self.timer();
        let halted = self.halted;
        tokio::select! {
            biased;
            _ = shutdown.wait_for(|stop| *stop) => Wake::Shutdown,
            (own, result) = running(&mut self.appending) => Wake::Appended(own, result),
            done = running(&mut self.projecting) => Wake::Projected(done),
            at = running(&mut self.putting) => Wake::FactPut(at),
            next = running(&mut self.putting_head) => Wake::HeadPut(next),
            records = reader.next(), if !halted => Wake::Records(records, reader.traces()),
            () = sleep_until(timer) => Wake::Timer,
        }
    }

    fn timer(&self) -> Instant {
        let far = Instant::now() + Duration::from_secs(3_600);
        if self.only_reads() {
            return far;
        }
        let append = match self.appending {
            Some(_) => far,
            None if self.event.state() == EventState::Archived => far,
            None if self.hears() => self.tick_at(Instant::now()),
            None => self.ownership.claim_at(&self.event).unwrap_or(far),
        };
        let behind = self.projection.as_ref().is_some_and(|p| p.due(&self.event));
        if behind && self.projecting.is_none() { append.min(self.project_from) } else { append }
    }

    /// A new owner ticks at once.
    fn tick_at(&self, now: Instant) -> Instant {
        let after = self.ownership.tick_after(&self.event, self.worker.clock.now());
        self.ticked.map_or(now, |ticked| ticked + after)
    }

    /// Owns the event and reads what it appends.
    fn hears(&self) -> bool {
        let deaf = if self.ownership.busy() { DEAF_MS } else { DEAF_IDLE_MS };
        self.owns() && self.ownership.silent(Instant::now()) < Duration::from_millis(deaf)
    }

    async fn handle(&mut self, wake: Wake) {
        match wake {
            Wake::Records(Ok(records), traces) => {
                let live = self.owns() && self.event.next() >= self.end;
                let spans = self.traced.folds(&self.id, if live { &traces } else { &[] });
                records.into_iter().for_each(|record| self.fold(&record));
                drop(spans);
            }
            Wake::Records(Err(error), _) => {
                warn!(event = %self.id, %error, "the log can't be read for now");
                sleep(Duration::from_millis(RETRY_MS)).await;
            }
            Wake::Appended(own, result) => {
                self.appending = None;
                self.appended(own, result);
            }
            Wake::Projected(done) => {
                self.projecting = None;
                self.projected(done);
            }
            Wake::FactPut(at) => {
                self.putting = None;
                self.fact_at = at.or(self.fact_at);
            }
            Wake::HeadPut(next) => {
                self.putting_head = None;
                next.into_iter().for_each(|next| self.heads.was_put(next));
            }
            Wake::Shutdown | Wake::Timer => {}
        }
    }

    fn appended(&mut self, own: Own, result: Result<Appended, LogError>) {
        match (own, result) {
            (Own::Claim, Ok(appended)) => self.ownership.claimed_at(appended.offset),
            (Own::Tick, Ok(_)) => {}
            (own, Err(error)) => {
                warn!(event = %self.id, ?own, %error, "the owner's record was not appended");
                if own == Own::Claim {
                    self.ownership.heard(Instant::now());
                }
            }
        }
    }

    /// Starts what is due and not under way.
    fn drive(&mut self) {
        let now = Instant::now();
        self.ownership.watch(&self.event, self.worker.clock.now(), now);
        self.follow_ownership();
        self.tell();
        if self.only_reads() {
            return;
        }
        if self.appending.is_none() && self.event.state() != EventState::Archived {
            self.append_if_due(now);
        }
        if self.owns() {
            self.heads.sign_if_due(&self.id, &self.event, &self.worker.signer, now);
            self.project_if_due(now);
            self.put_fact_if_due();
            self.put_head_if_due();
        }
    }

    /// Another release's event, or one that is not folded to its end yet: nothing to do by itself.
    fn only_reads(&self) -> bool {
        let behind = self.event.next() < self.end && !on(Mutant::ClaimBeforeCaughtUp);
        self.halted || behind
    }

    fn follow_ownership(&mut self) {
        let owns = self.owns();
        let known = self.projection.as_ref().map(Projection::epoch);
        if owns && known != Some(self.event.epoch()) {
            info!(event = %self.id, epoch = self.event.epoch().0, "owns the event");
            self.projection = Some(Projection::new(self.event.epoch()));
            self.projecting = None;
            self.ticked = None;
            self.projected_next = self.event.next();
            self.lag = Lag::default();
            self.lag.folded(self.event.time().record());
        }
        if !owns && self.projection.take().is_some() {
            info!(event = %self.id, "owns the event no longer");
            self.projecting = None;
            self.meters.hides();
            self.traced = Traced::default();
        }
    }

    /// Tells those who watch how the event stands and how far behind this worker is.
    fn tell(&self) {
        let owns = self.owns();
        self.meters.stands(&self.event, owns);
        let next = self.event.next();
        if owns {
            let since = self.lag.since().unwrap_or(u64::MAX);
            let age = self.worker.clock.now().saturating_sub(since);
            self.meters.lags(next.saturating_sub(self.projected_next), age);
        } else {
            self.meters.lags(self.end.saturating_sub(next), 0);
        }
    }

    fn append_if_due(&mut self, now: Instant) {
        let (own, command) = if self.hears() {
            if now < self.tick_at(now) {
                return;
            }
            self.ticked = Some(now);
            (Own::Tick, Command::Tick { epoch: self.event.epoch() })
        } else {
            if self.ownership.claim_at(&self.event).is_none_or(|at| now < at) {
                return;
            }
            (Own::Claim, Command::Own { after: self.event.epoch() })
        };
        let (log, id) = (self.worker.log.clone(), self.id.clone());
        let record = record::encode(&[command]);
        self.appending = Some(Box::pin(async move { (own, log.append(&id, record.into()).await) }));
    }

    /// Lets the projection under way end, and says a last word about the log.
    async fn finish(mut self) {
        if let Some(projecting) = self.projecting.take() {
            let done = projecting.await;
            self.projected(done);
        }
        if self.owns() {
            running_out(&mut self.putting_head).await;
            self.heads.last_word();
            let now = Instant::now();
            self.heads.sign_if_due(&self.id, &self.event, &self.worker.signer, now);
            self.put_head_if_due();
            running_out(&mut self.putting_head).await;
        }
        self.meters.leaves();
    }
}

/// Lets the future in the slot end, if there is one.
async fn running_out<T>(slot: &mut Option<BoxFuture<'static, T>>) {
    if let Some(future) = slot.take() {
        future.await;
    }
}

/// The future in the slot; without one it waits for ever.
async fn running<T>(slot: &mut Option<BoxFuture<'static, T>>) -> T {
    match slot {
        Some(future) => future.await,
        None => pending().await,
    }
}
