//! Gathers the commands of an event and appends many of them as one record (R1).
//!
//! A command that comes while nothing is under way goes at once: nobody waits for company when the
//! event is quiet. Under load a record leaves every [`GATHER_MS`], or as soon as it is full. When
//! the log is slow, only full records are added to those under way.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use domain::{
    EventId,
    ids::COMMANDS_PER_RECORD_MAX,
    mutants::{Mutant, on},
};
use futures_util::FutureExt;
use ports::{EventLog, LogError, Trace};
use tokio::time::{Instant, sleep};
use traces::{Kind, TRACES_MAX};
use wire::{
    Code,
    record::{Full, Pack},
};

use crate::{
    flight::{Flight, code_of},
    gate::{Gate, Pass},
    meters::Meters,
};

/// How long commands are gathered under load, in milliseconds.
pub const GATHER_MS: u64 = 2;

/// A record that carried so many commands tells that more will come.
const BUSY_COMMANDS: usize = 16;

/// With so many records of an event under way, the next one waits until it is full.
const FLIGHTS_MAX: usize = 8;

/// Largest command, in bytes: far above what a shopper can send, far below a record.
const ROW_BYTES_MAX: usize = 16 * 1024;

const UNBROKEN: &str = "nothing panics under this lock";

/// The packers of all events.
#[derive(Debug)]
pub(crate) struct Packers {
    route: Arc<Route>,
    packers: RwLock<HashMap<EventId, Arc<Packer>>>,
}

/// Where records go.
struct Route {
    log: Arc<dyn EventLog>,
    gate: Gate,
    meters: Meters,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Route").field("gate", &self.gate).finish_non_exhaustive()
    }
}

impl Packers {
    pub(crate) fn new(log: Arc<dyn EventLog>, gate: Gate) -> Self {
        let route = Arc::new(Route { log, gate, meters: Meters::default() });
        Self { route, packers: RwLock::default() }
    }

    /// The packer of an event; to be asked only for events that exist, since it stays.
    pub(crate) fn of(&self, event: &EventId) -> Arc<Packer> {
        if let Some(packer) = self.packers.read().expect(UNBROKEN).get(event) {
            return packer.clone();
        }
        let mut packers = self.packers.write().expect(UNBROKEN);
        let packer = packers.entry(event.clone());
        packer.or_insert_with(|| Arc::new(Packer::new(event.clone(), self.route.clone()))).clone()
    }
}

/// Gathers the commands of one event.
#[derive(Debug)]
pub(crate) struct Packer {
    event: EventId,
    route: Arc<Route>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    gathering: Departure,
    since: Instant,
    /// Counts the records begun.
    number: u64,
    /// Records under way.
    flights: usize,
    /// Commands in the record that left last.
    last: usize,
}

/// A record in the making.
#[derive(Debug)]
struct Departure {
    pack: Pack,
    flight: Arc<Flight>,
    places: Pass,
    /// Marks of those of its commands that are traced.
    traces: Vec<Trace>,
}

/// Where a command will stand: in the record that lands, at this index.
#[derive(Debug)]
pub(crate) struct Place {
    flight: Arc<Flight>,
    pub(crate) index: u16,
}

impl Place {
    /// The record's offset, once it is durable.
    pub(crate) async fn offset(&self) -> Result<u64, Code> {
        self.flight.landed().await
    }
}

/// What has to be done for a record, by a task of its own.
enum Task {
    Fly(Departure),
    /// Wait until this record has gathered long enough.
    Gather(u64),
}

impl Packer {
    fn new(event: EventId, route: Arc<Route>) -> Self {
        let gathering = Departure::new(&route.gate);
        let state = State { gathering, since: Instant::now(), number: 0, flights: 0, last: 0 };
        Self { event, route, state: Mutex::new(state) }
    }

    /// Puts a command into the next record. It goes even if the caller stops waiting.
    pub(crate) fn submit(
        self: &Arc<Self>,
        encoded: &[u8],
        pass: Pass,
        trace: Option<Trace>,
    ) -> Result<Place, Code> {
        let (place, tasks) = self.lock().put(encoded, pass, trace, &self.route.gate)?;
        for task in tasks.into_iter().flatten() {
            tokio::spawn(self.clone().run(task));
        }
        Ok(place)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(self: Arc<Self>, task: Task) {
        let mut next = match task {
            Task::Fly(departure) => Some(departure),
            Task::Gather(number) => {
                sleep(Duration::from_millis(GATHER_MS)).await;
                self.lock().gathered(number, &self.route.gate)
            }
        };
        while let Some(departure) = next {
            self.fly(departure).await;
            next = self.lock().landed(&self.route.gate);
        }
    }

    async fn fly(&self, departure: Departure) {
        let Departure { pack, flight, places, traces } = departure;
        let commands = pack.len();
        let span = traces::batch("log append", Kind::Producer, self.event.as_str(), &traces);
        let traces = traces::onwards(span.as_ref(), &traces);
        let append = self.route.log.append_traced(&self.event, pack.finish().into(), &traces);
        // A log that panics must not leave people waiting, nor the record counted as under way.
        let result = AssertUnwindSafe(append).catch_unwind().await;
        let result = result.unwrap_or_else(|_| Err(LogError::Unavailable("panic".to_owned())));
        drop(span);
        self.route.meters.appended(commands, result.is_ok());
        drop(places);
        let result = match result {
            Err(_) if on(Mutant::AckUndurable) => Ok(0),
            result => result.map(|appended| appended.offset),
        };
        flight.land(result.map_err(|error| {
            tracing::warn!(event = %self.event, %error, commands, "a record was not appended");
            code_of(&error)
        }));
    }
}

impl Departure {
    fn new(gate: &Gate) -> Self {
        let (pack, flight) = (Pack::new(), Arc::default());
        Self { pack, flight, places: gate.nobody(), traces: Vec::new() }
    }
}

impl State {
    /// Adds a command; tells what must be started for its record, or for the one before.
    fn put(
        &mut self,
        encoded: &[u8],
        pass: Pass,
        trace: Option<Trace>,
        gate: &Gate,
    ) -> Result<(Place, [Option<Task>; 2]), Code> {
        if encoded.len() > ROW_BYTES_MAX {
            return Err(Code::Internal);
        }
        let mut tasks = [None, None];
        let index = match self.gathering.pack.push(encoded) {
            Ok(index) => index,
            Err(Full) => {
                tasks[0] = Some(Task::Fly(self.leave(gate)));
                self.gathering.pack.push(encoded).map_err(|Full| Code::Internal)?
            }
        };
        self.gathering.places.absorb(pass);
        if self.gathering.traces.len() < TRACES_MAX {
            self.gathering.traces.extend(trace);
        }
        let place = Place { flight: self.gathering.flight.clone(), index };
        if self.full() || (index == 0 && self.quiet()) {
            tasks[1] = Some(Task::Fly(self.leave(gate)));
        } else if index == 0 {
            self.since = Instant::now();
            tasks[1] = Some(Task::Gather(self.number));
        }
        Ok((place, tasks))
    }

    /// The record `number` has gathered long enough.
    fn gathered(&mut self, number: u64, gate: &Gate) -> Option<Departure> {
        let waits = number == self.number && self.flights < FLIGHTS_MAX;
        (waits && !self.gathering.pack.is_empty()).then(|| self.leave(gate))
    }

    /// A record has landed: the next one may be due.
    fn landed(&mut self, gate: &Gate) -> Option<Departure> {
        self.flights -= 1;
        let gathered = self.since.elapsed() >= Duration::from_millis(GATHER_MS);
        let due = !self.gathering.pack.is_empty() && (gathered || self.quiet());
        due.then(|| self.leave(gate))
    }

    fn full(&self) -> bool {
        self.gathering.pack.len() == COMMANDS_PER_RECORD_MAX
    }

    /// Nothing is under way, and little was.
    fn quiet(&self) -> bool {
        self.flights == 0 && self.last < BUSY_COMMANDS
    }

    fn leave(&mut self, gate: &Gate) -> Departure {
        self.number += 1;
        self.flights += 1;
        self.last = self.gathering.pack.len();
        std::mem::replace(&mut self.gathering, Departure::new(gate))
    }
}
