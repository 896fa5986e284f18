//! The role's routes over ports in memory, and an owner that folds the log as a worker does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{Router, body::Body};
use directory::Directory;
use domain::{Command, Epoch, Event, EventId, EventState, Told};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use http_kit::{Outcomes, with_fallbacks};
use ports::{
    Clock, EventLog, Facts, Generation, Head, Record, ViewWriter, Write,
    memory::{Faults, MemoryFacts, MemoryLog, MemoryView},
};
use serde_json::Value;
use tokio::{task::JoinHandle, time::sleep};
use tower::ServiceExt;
use twinkle_operator::{Parts, Token, router};
use wire::{
    Code,
    facts::{EventFacts, StateFact, state_key},
    record,
    view::{LiveMessage, Progress, PublicDefinition, SharedValue, SlotProgress},
};

pub(crate) const TOKEN: &str = "a-token-of-some-length";

/// A clock that goes on by a second with every look.
#[derive(Clone, Default)]
struct Steps(Arc<AtomicU64>);

impl Clock for Steps {
    fn now(&self) -> u64 {
        self.0.fetch_add(1_000, Relaxed)
    }
}

pub(crate) struct World {
    pub(crate) log: MemoryLog,
    pub(crate) facts: MemoryFacts,
    pub(crate) view: MemoryView,
    pub(crate) directory: Directory,
    router: Router,
}

pub(crate) fn event() -> EventId {
    "popup".parse().unwrap()
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_faults(Faults::default())
    }

    /// The same faults for log, facts and view.
    pub(crate) fn with_faults(faults: Faults) -> Self {
        let log = MemoryLog::with_faults(Steps::default(), faults.clone());
        let facts = MemoryFacts::with_faults(faults.clone());
        Self::over(log, facts, MemoryView::with_faults(faults))
    }

    /// Another operator over the same ports.
    pub(crate) fn beside(&self) -> Self {
        Self::over(self.log.clone(), self.facts.clone(), self.view.clone())
    }

    fn over(log: MemoryLog, facts: MemoryFacts, view: MemoryView) -> Self {
        let directory = Directory::follow(Arc::new(facts.clone()));
        let parts = Parts {
            log: Arc::new(log.clone()),
            facts: Arc::new(facts.clone()),
            directory: directory.clone(),
            view: Arc::new(view.clone()),
            outcomes: Outcomes::new(Arc::new(view.clone())),
        };
        let router = with_fallbacks(router(parts, Token::new(TOKEN).unwrap()));
        Self { log, facts, view, directory, router }
    }

    /// A call with the right token; `line` is a method and what follows `/operator/v1/events`.
    pub(crate) async fn call(&self, line: &str, body: impl Into<String>) -> Answer {
        self.spawn(line, body).await.unwrap()
    }

    pub(crate) fn spawn(&self, line: &str, body: impl Into<String>) -> JoinHandle<Answer> {
        let authorization = format!("Bearer {TOKEN}");
        let request = request(line, &[("authorization", &authorization)], body.into());
        tokio::spawn(answer(self.router.clone(), request))
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        answer(self.router.clone(), request).await
    }

    /// Folds the log from now on and says what became of it.
    pub(crate) fn own(&self) -> JoinHandle<()> {
        let owner =
            Owner { log: self.log.clone(), facts: self.facts.clone(), view: self.view.clone() };
        tokio::spawn(owner.run())
    }

    pub(crate) async fn append(&self, commands: &[Command]) {
        self.log.append(&event(), record::encode(commands).into()).await.unwrap();
    }

    async fn records(&self) -> Vec<Record> {
        let Ok(end) = self.log.end(&event()).await else { return Vec::new() };
        let mut reader = self.log.read(&event(), 0).await.unwrap();
        let mut records = Vec::new();
        while (records.len() as u64) < end {
            records.extend(reader.next().await.unwrap());
        }
        records
    }

    /// All commands of the log.
    pub(crate) async fn commands(&self) -> Vec<Command> {
        let records = self.records().await;
        records.iter().flat_map(|record| record::decode(&record.bytes).unwrap()).collect()
    }

    /// The event as the fold of its whole log has it.
    pub(crate) async fn fold(&self) -> Event {
        let mut event = Event::default();
        for record in self.records().await {
            let commands = record::decode(&record.bytes).unwrap();
            event.apply(record.offset, record.at, &commands, &mut Vec::new());
        }
        event
    }

    /// What the facts say once they say it.
    pub(crate) async fn known(&self, holds: impl Fn(&EventFacts) -> bool) -> Arc<EventFacts> {
        let mut changes = self.directory.changed();
        loop {
            if let Some(event) = self.directory.get(&event()).filter(|event| holds(event)) {
                return event;
            }
            changes.changed().await.unwrap();
        }
    }
}

struct Owner {
    log: MemoryLog,
    facts: MemoryFacts,
    view: MemoryView,
}

impl Owner {
    async fn run(self) {
        let mut reader = loop {
            match self.log.read(&event(), 0).await {
                Ok(reader) => break reader,
                Err(_) => sleep(Duration::from_millis(1)).await,
            }
        };
        let (mut state, mut counter) = (Event::default(), 0);
        loop {
            let Ok(records) = reader.next().await else { continue };
            for record in records {
                let (from, before) = (state.next(), state.defined_at());
                let mut told = Vec::new();
                let commands = record::decode(&record.bytes).unwrap();
                state.apply(record.offset, record.at, &commands, &mut told);
                counter += 1;
                self.project(&state, from, told, counter).await;
                if before != state.defined_at() {
                    self.tell(state.state(), &state).await;
                }
            }
        }
    }

    async fn tell(&self, state: EventState, event: &Event) {
        let fact = StateFact::new(state, event.defined_at(), event.definition());
        let key = state_key(&crate::world::event());
        while self.facts.put(&key, fact.encode().into()).await.is_err() {}
    }

    async fn project(&self, state: &Event, from: u64, told: Vec<Told>, counter: u32) {
        let Some(definition) = state.definition() else { return };
        let progress = progress(state, from);
        let definition = PublicDefinition::from(definition);
        let shared =
            SharedValue { salt: *state.salt(), definition, progress: progress.clone(), head: None };
        let live =
            LiveMessage { progress, definition: None, told, traces: Vec::new() }.encode().into();
        let epoch = Epoch(1);
        let head = Head { epoch, generation: Generation { epoch, counter }, next: state.next() };
        let shared = shared.encode().into();
        let write = Write { head, from, shared, entries: Vec::new(), live };
        self.view.rebuild(&event(), write).await.unwrap();
    }
}

fn progress(state: &Event, from: u64) -> Progress {
    let slots = state.seats().slots().iter().map(|slot| SlotProgress {
        id: slot.id.clone(),
        capacity: slot.capacity,
        held: slot.held,
        sold: slot.sold,
    });
    Progress {
        from,
        to: state.next(),
        at: 1_000,
        state: state.state(),
        serving: state.order().serving(),
        total: 7,
        rate: state.rate_per_min(),
        waiting: 1,
        admitted: 2,
        inside: 3,
        holding: 4,
        booked: 5,
        sold_out: state.sold_out(),
        slots: slots.collect(),
    }
}

async fn answer(router: Router, request: Request<Body>) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, text }
}

pub(crate) fn request(line: &str, headers: &[(&str, &str)], body: String) -> Request<Body> {
    let (method, path) = line.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(format!("/operator/v1/events{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body)).unwrap()
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        serde_json::from_str(&self.text).unwrap()
    }

    #[track_caller]
    pub(crate) fn problem(&self, code: Code) -> String {
        assert_eq!(self.status.as_u16(), code.status(), "{}", self.text);
        assert_eq!(self.headers.get("content-type").unwrap(), "application/problem+json");
        let problem: wire::Problem = serde_json::from_str(&self.text).unwrap();
        assert_eq!(problem.code, code, "{}", self.text);
        problem.detail
    }
}

/// A definition with a title and the seats of its one slot.
pub(crate) fn definition(title: &str, capacity: u32) -> String {
    format!(
        r#"{{"title":{{"en":"{title}"}},"admission":{{"rate_per_min":600,"max_inside":50}},
        "slots":[{{"id":"1100","starts_at":"2026-12-05T11:00:00Z","capacity":{capacity}}}]}}"#
    )
}
