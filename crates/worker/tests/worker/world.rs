//! A world in memory for workers to live in.

use std::{sync::Arc, time::Duration};

use directory::Directory;
use domain::{
    AdmissionRules, Command, Definition, EventId, Mode, Operation, Slot, TicketId,
    definition::RULES,
};
use ports::{
    EventLog, Facts, SystemClock, ViewReader,
    memory::{Faults, MemoryFacts, MemoryLog, MemoryView},
};
use tokio::{sync::watch, task::JoinHandle, time::Instant};
use twinkle_worker::Worker;
use wire::{
    HeadSigner, PassKeys,
    facts::{DefinitionFact, definition_key},
    format_key, record,
    view::{Progress, SharedValue, TicketValue},
};

/// Long enough for any takeover on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct World {
    pub(crate) id: EventId,
    pub(crate) log: MemoryLog,
    pub(crate) facts: MemoryFacts,
    pub(crate) view: MemoryView,
}

pub(crate) struct Running {
    task: JoinHandle<()>,
    stop: watch::Sender<bool>,
}

impl Running {
    /// As kill -9 would.
    pub(crate) fn kill(self) {
        self.task.abort();
    }

    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        self.task.await.expect("the worker ends");
    }
}

pub(crate) fn ticket(n: u64) -> TicketId {
    TicketId(uuid::Uuid::from_u64_pair(n, n.wrapping_mul(0x9E37_79B9_7F4A_7C15)).into_bytes())
}

pub(crate) fn join(n: u64) -> Command {
    Command::Join { ticket: ticket(n), previous: None }
}

pub(crate) fn signer() -> HeadSigner {
    let keys = PassKeys::parse(&format_key("k1", &[7; 32])).expect("a key");
    HeadSigner { keys, issuer: "http://test".to_owned() }
}

fn definition() -> Definition {
    let slot = Slot { id: "a".parse().expect("an id"), starts_at: 1_800_000_000_000, capacity: 50 };
    Definition {
        rules: RULES,
        title: [("en".to_owned(), "Test".to_owned())].into(),
        mode: Mode::Fifo,
        time_zone: "UTC".into(),
        prequeue_at: None,
        opens_at: None,
        closes_at: None,
        return_url: None,
        admission: AdmissionRules {
            rate_per_min: 600,
            max_inside: 1_000,
            claim_secs: 600,
            window_secs: 600,
        },
        hold_secs: 300,
        seats_per_ticket: 2,
        slots: vec![slot],
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        let (log, view) = (MemoryLog::new(SystemClock), MemoryView::default());
        Self::with(log, view, MemoryFacts::default()).await
    }

    pub(crate) async fn with_faults(log: Faults, view: Faults) -> Self {
        let log = MemoryLog::with_faults(SystemClock, log);
        Self::with(log, MemoryView::with_faults(view), MemoryFacts::default()).await
    }

    pub(crate) async fn with(log: MemoryLog, view: MemoryView, facts: MemoryFacts) -> Self {
        let id: EventId = "event".parse().expect("an id");
        let world = Self { id, log, facts, view };
        world.again(|| world.log.create(&world.id)).await;
        let definition = definition();
        let body = (&definition).into();
        let define = Operation::Define { salt: [1; 16], definition: Box::new(definition) };
        world.append(&[Command::Operate(define), Command::Operate(Operation::Open)]).await;
        let fact = DefinitionFact { salt: [1; 16], definition: body };
        let key = definition_key(&world.id);
        world.facts.put(&key, fact.encode().into()).await.expect("facts are there");
        world
    }

    async fn again<F, T, E>(&self, mut call: impl FnMut() -> F) -> T
    where
        F: Future<Output = Result<T, E>>,
    {
        loop {
            if let Ok(done) = call().await {
                return done;
            }
        }
    }

    /// Appends one record, again and again until it is acknowledged.
    pub(crate) async fn append(&self, commands: &[Command]) -> u64 {
        let record = record::encode(commands);
        self.again(|| self.log.append(&self.id, record.clone().into())).await.offset
    }

    pub(crate) async fn append_raw(&self, bytes: &'static [u8]) {
        self.again(|| self.log.append(&self.id, bytes.into())).await;
    }

    pub(crate) fn worker(&self, id: u64) -> Running {
        let (stop, stopped) = watch::channel(false);
        let facts: Arc<dyn Facts> = Arc::new(self.facts.clone());
        let worker = Worker {
            log: Arc::new(self.log.clone()),
            directory: Directory::follow(facts.clone()),
            facts,
            view: Arc::new(self.view.clone()),
            clock: Arc::new(SystemClock),
            signer: signer(),
            id,
        };
        Running { task: tokio::spawn(worker.run(stopped)), stop }
    }

    pub(crate) async fn progress(&self) -> Option<Progress> {
        let shared = self.view.shared(&self.id).await.ok()??;
        Some(SharedValue::decode(&shared.value).expect("a shared value").progress)
    }

    pub(crate) async fn value(&self, n: u64) -> Option<TicketValue> {
        let seen = self.view.tickets(&self.id, &[ticket(n)]).await.ok()??;
        let value = seen.values.into_iter().next().flatten()?;
        Some(TicketValue::decode(&value).expect("a ticket value"))
    }

    /// Waits until the view shows it.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Progress) -> bool) -> Progress {
        let end = Instant::now() + PATIENCE;
        loop {
            let progress = self.progress().await;
            if let Some(progress) = progress.as_ref().filter(|progress| holds(progress)) {
                return progress.clone();
            }
            assert!(Instant::now() < end, "never: {what}; last seen: {progress:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
