//! The machines: stores that may break, and processes over them that may die.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::Router;
use directory::Directory;
use domain::EventId;
use http_kit::{Cookies, Origins, Outcomes, PublicUrl, with_fallbacks};
use operator::Token;
use ports::{
    Facts, ViewReader,
    memory::{Call, Fault, Faults, MemoryFacts, MemoryLog, MemoryView},
};
use tokio::{sync::watch, time::Instant};
use tower::Layer;
use wire::{CookieKeys, HeadSigner, PassKeys};
use worker::Worker;

use crate::{
    clock::SimClock,
    life::{Life, Sky},
    links::{Judge, SimFacts, SimLog, SimReader, SimWriter, ViewFault},
};

pub(crate) const ORIGIN: &str = "http://127.0.0.1:8080";
pub(crate) const TOKEN: &str = "the-simulated-operator";
const KEYS: &str = "a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const COMMANDS_MAX: usize = 1_000;

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Worker,
    Api,
    Gateway,
    Operator,
}

/// A process; a new one takes its place when it dies.
pub(crate) struct Process {
    pub(crate) role: Role,
    pub(crate) number: u64,
    pub(crate) life: Life,
    pub(crate) router: Option<Router>,
    /// Dropped with the process, which tells its tasks to end.
    _stop: watch::Sender<bool>,
}

/// All of it.
pub(crate) struct Site {
    pub(crate) sky: Arc<Sky>,
    pub(crate) event: EventId,
    pub(crate) log: MemoryLog,
    pub(crate) facts: MemoryFacts,
    pub(crate) view: MemoryView,
    pub(crate) broker_clock: SimClock,
    pub(crate) keys: CookieKeys,
    pub(crate) judge: Arc<dyn Judge>,
    pub(crate) processes: Mutex<Vec<Arc<Process>>>,
    fault: ViewFault,
    began: Instant,
}

/// A broker that leaves an offset out now and then, as real ones may.
pub(crate) fn log(sky: &Arc<Sky>, clock: &SimClock) -> MemoryLog {
    let sky = sky.clone();
    let plan = move |call, _: &str| {
        let gap = call == Call::Append && sky.roll(|dice, w| dice.permille(w.torn / 4));
        gap.then_some(Fault::Gap)
    };
    MemoryLog::with_faults(clock.clone(), Faults::plan(plan))
}

/// A view that suffers the fault drawn by whoever writes.
pub(crate) fn view(fault: &ViewFault) -> MemoryView {
    let fault = fault.clone();
    MemoryView::with_faults(Faults::plan(move |call, _| {
        let writes = matches!(call, Call::Write | Call::Rebuild);
        let mut fault = fault.lock().unwrap_or_else(PoisonError::into_inner);
        if writes { fault.take() } else { None }
    }))
}

pub(crate) fn cookie_keys() -> CookieKeys {
    CookieKeys::parse(KEYS).expect("a key of 32 bytes")
}

impl Site {
    pub(crate) fn new(
        sky: Arc<Sky>,
        event: EventId,
        (log, view, fault): (MemoryLog, MemoryView, ViewFault),
        broker_clock: SimClock,
        judge: Arc<dyn Judge>,
    ) -> Self {
        let (facts, processes) = (MemoryFacts::default(), Mutex::default());
        let (keys, began) = (cookie_keys(), Instant::now());
        Self { sky, event, log, facts, view, broker_clock, keys, judge, processes, fault, began }
    }

    /// Starts a process, in the place of the dead one of this number.
    pub(crate) fn start(&self, role: Role, number: u64, newer: bool, writes_newer: bool) {
        let name = format!("{role:?}{number}").to_lowercase();
        let clock = SimClock::new(self.began);
        let life = Life::new(name, self.sky.clone(), clock, newer);
        let (stop, stopped) = watch::channel(false);
        let links = Links::new(self, &life, writes_newer);
        let router = match role {
            Role::Worker => {
                let worker = links.worker(self, &life);
                tokio::spawn(worker.run(stopped));
                None
            }
            Role::Api => Some(links.api()),
            Role::Gateway => Some(with_fallbacks(links.gateway(self, stopped))),
            Role::Operator => Some(with_fallbacks(links.operator())),
        };
        let process = Arc::new(Process { role, number, life, router, _stop: stop });
        let mut processes = self.all();
        processes.retain(|old| (old.role, old.number) != (role, number));
        processes.push(process);
    }

    pub(crate) fn all(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Process>>> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The processes of a role that are not dead.
    pub(crate) fn of(&self, role: Role) -> Vec<Arc<Process>> {
        let alive = |process: &&Arc<Process>| process.role == role && !process.life.is_dead();
        self.all().iter().filter(alive).cloned().collect()
    }
}

/// What one process works with.
struct Links {
    log: SimLog,
    facts: Arc<dyn Facts>,
    reader: Arc<dyn ViewReader>,
    writer: SimWriter,
    directory: Directory,
    cookies: Cookies,
    public: PublicUrl,
}

impl Links {
    fn new(site: &Site, life: &Life, writes_newer: bool) -> Self {
        let log = SimLog { life: life.clone(), log: site.log.clone(), writes_newer };
        let facts: Arc<dyn Facts> =
            Arc::new(SimFacts { life: life.clone(), facts: site.facts.clone() });
        let (life, view) = (life.clone(), site.view.clone());
        let writer = SimWriter {
            life: life.clone(),
            view: view.clone(),
            fault: site.fault.clone(),
            judge: site.judge.clone(),
        };
        let public: PublicUrl = ORIGIN.parse().expect("an address");
        let cookies = Cookies::new(site.keys.clone(), &public, Arc::new(life.clock.clone()));
        Self {
            directory: Directory::follow(facts.clone()),
            reader: Arc::new(SimReader { life, view }),
            log,
            facts,
            writer,
            cookies,
            public,
        }
    }

    fn passes() -> PassKeys {
        PassKeys::parse(KEYS).expect("a key of 32 bytes")
    }

    fn worker(self, site: &Site, life: &Life) -> Worker {
        Worker {
            log: Arc::new(self.log),
            facts: self.facts,
            view: Arc::new(self.writer),
            clock: Arc::new(life.clock.clone()),
            directory: self.directory,
            signer: HeadSigner { keys: Self::passes(), issuer: ORIGIN.into() },
            id: site.sky.roll(|dice, _| dice.next()),
        }
    }

    fn api(self) -> Router {
        let (routes, express) = producer_api::router(producer_api::Parts {
            log: Arc::new(self.log),
            directory: self.directory,
            origins: Origins::new(&self.public, &[]),
            cookies: self.cookies,
            passes: Self::passes(),
            issuer: ORIGIN.to_owned(),
            outcomes: Some(Outcomes::new(self.reader)),
            commands_max: COMMANDS_MAX,
        });
        Router::new().fallback_service(express.layer(with_fallbacks(routes)))
    }

    fn gateway(self, site: &Site, stopped: watch::Receiver<bool>) -> Router {
        let limits = gateway::Limits { drain: Duration::from_secs(2), ..Default::default() };
        gateway::router(gateway::Parts {
            view: self.reader,
            cookies: self.cookies,
            origins: Origins::new(&self.public, &[]),
            passes: Self::passes(),
            issuer: ORIGIN.to_owned(),
            clock: Arc::new(site.broker_clock.clone()),
            limits,
            stopped,
        })
    }

    fn operator(self) -> Router {
        let parts = operator::Parts {
            log: Arc::new(self.log),
            facts: self.facts,
            view: self.reader.clone(),
            directory: self.directory,
            outcomes: Outcomes::new(self.reader),
        };
        operator::router(parts, Token::new(TOKEN).expect("a token of some length"))
    }
}
