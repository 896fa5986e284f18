//! Compares everything that is seen with what the oracle says of the log.

mod answers;
mod eyes;
mod live;
mod view;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use domain::{EventId, TicketId};
use futures_util::FutureExt;
use oracle::Oracle;
use ports::{
    EventLog, Head, LogReader, ViewWriter, Write, WriteOutcome,
    memory::{MemoryLog, MemoryView},
};

use crate::{life::Life, links::older, trace::Trace};

pub(crate) use eyes::Eyes;

/// The judge; clones share it.
#[derive(Clone)]
pub(crate) struct Court(Arc<Mutex<Inner>>);

pub(crate) struct Inner {
    trace: Trace,
    event: EventId,
    pub(crate) oracle: Oracle,
    log: Box<dyn LogReader>,
    view: MemoryView,
    /// The head after the last step that was seen.
    head: Option<Head>,
    /// The store was changed on purpose, so that a new building is due.
    spoilt: bool,
    /// A half-done write may have left values ahead of the head.
    torn: bool,
    /// Values that were right once, and since which offset they are.
    verified: HashMap<(TicketId, Bytes), u64>,
    /// Epochs that were won in the log.
    epochs: HashSet<u64>,
    /// What was counted, for the report.
    pub(crate) tally: Tally,
}

/// How much was looked at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    pub records: u64,
    pub writes: u64,
    pub rebuilds: u64,
    pub frames: u64,
    pub answers: u64,
    pub tickets: u64,
    pub bookings: u64,
    pub owners: u64,
    /// Faults, and what the operator did.
    pub strikes: u64,
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in [
            (&mut self.records, other.records),
            (&mut self.writes, other.writes),
            (&mut self.rebuilds, other.rebuilds),
            (&mut self.frames, other.frames),
            (&mut self.answers, other.answers),
            (&mut self.tickets, other.tickets),
            (&mut self.bookings, other.bookings),
            (&mut self.owners, other.owners),
            (&mut self.strikes, other.strikes),
        ] {
            *sum += more;
        }
    }
}

impl Court {
    /// The log must exist and be empty.
    pub(crate) fn new(trace: Trace, event: EventId, log: &MemoryLog, view: MemoryView) -> Self {
        let reader = log.read(&event, 0).now_or_never();
        let log = reader.expect("memory is at hand").expect("the log is there");
        Self(Arc::new(Mutex::new(Inner {
            trace,
            event,
            oracle: Oracle::default(),
            log,
            view,
            head: None,
            spoilt: true,
            torn: false,
            verified: HashMap::new(),
            epochs: HashSet::new(),
            tally: Tally::default(),
        })))
    }

    /// The judge, having read all of the log.
    pub(crate) fn in_session(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.catch_up();
        inner
    }

    /// The store of the view was set back or emptied on purpose.
    pub(crate) fn view_was_changed(&self) {
        let mut inner = self.in_session();
        inner.head = inner.present_head();
        inner.spoilt = true;
    }

    pub(crate) fn view_was_torn(&self) {
        self.in_session().torn = true;
    }
}

impl Inner {
    fn catch_up(&mut self) {
        while let Some(Ok(records)) = self.log.next().now_or_never() {
            for record in records {
                self.oracle.read(record.offset, record.at, &older(&record.bytes));
                self.tally.records += 1;
                self.epochs.insert(self.oracle.epoch);
                self.check_oracle();
            }
        }
    }

    /// Times that the event was owned anew.
    pub(crate) fn owners(&self) -> u64 {
        self.epochs.iter().filter(|epoch| **epoch > 0).count() as u64
    }

    /// The invariants, in the plainest words, of the model itself.
    fn check_oracle(&self) {
        for slot in self.oracle.slots() {
            let (held, sold) = self.oracle.taken(&slot.id);
            self.trace.must(held + sold <= slot.capacity, || format!("I3: {slot:?} {held} {sold}"));
        }
        let serving = self.oracle.serving() as usize;
        let before = self.oracle.people.iter().skip(serving);
        let jumped = before.filter(|p| p.entered || p.booking.is_some()).count();
        self.trace.must(jumped == 0, || format!("I5: {jumped} let in before {}", serving + 1));
    }

    /// What a frame of `to` says was also true at some offset from `since` on.
    pub(crate) fn still_true(&self, to: u64, since: u64) -> bool {
        let said = self.oracle.shared_at(to).map(|(_, shared)| shared.said());
        self.oracle.shared_since(since).any(|shared| Some(shared.said()) == said)
    }

    pub(crate) fn present_head(&self) -> Option<Head> {
        let head = self.view.head(&self.event).now_or_never();
        head.and_then(Result::ok).flatten()
    }
}

impl crate::links::Judge for Court {
    fn wrote(&self, who: &Life, write: &Write, rebuilt: bool, outcome: WriteOutcome) {
        if outcome == WriteOutcome::Done {
            self.in_session().wrote(&who.name, write, rebuilt);
        }
    }

    fn torn(&self) {
        self.view_was_torn();
    }
}
