//! One event, a log in memory, and the role's routes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{Router, body::Body};
use bytes::Bytes;
use directory::Directory;
use domain::{Address, Command, EventId, EventState, TicketId};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use http_kit::{Cookies, Origins, Outcomes, PublicUrl, with_fallbacks};
use ports::{
    Appended, Clock, EventLog, Facts, LogError, LogReader,
    memory::{Faults, MemoryFacts, MemoryLog, MemoryView},
};
use tokio::sync::Semaphore;
use tower::{Layer, ServiceExt};
use twinkle_producer_api::{Parts, router};
use wire::{
    Browser, Code, CookieKeys, PassKeys,
    body::AcceptedBody,
    facts::{DefinitionFact, StateFact, definition_key, state_key},
    record, ticket,
};

pub(crate) const SALT: [u8; 16] = [7; 16];
pub(crate) const ORIGIN: &str = "https://tickets.example";
const KEYS: &str = "a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Longest wait for something that must happen.
pub(crate) const WAIT: Duration = Duration::from_secs(20);

/// A clock that stands where it is put.
#[derive(Clone, Default)]
pub(crate) struct Hand(Arc<AtomicU64>);

impl Hand {
    pub(crate) fn put(&self, secs: u64) {
        self.0.store(secs * 1_000, Relaxed);
    }
}

impl Clock for Hand {
    fn now(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A log whose appends wait until the test lets them through; it counts those that wait.
pub(crate) struct Gated {
    pub(crate) log: MemoryLog,
    pub(crate) let_through: Semaphore,
    pub(crate) begun: AtomicU64,
}

#[async_trait]
impl EventLog for Gated {
    async fn create(&self, event: &EventId) -> Result<(), LogError> {
        self.log.create(event).await
    }

    async fn append(&self, event: &EventId, record: Bytes) -> Result<Appended, LogError> {
        self.begun.fetch_add(1, Relaxed);
        self.let_through.acquire().await.unwrap().forget();
        self.log.append(event, record).await
    }

    async fn end(&self, event: &EventId) -> Result<u64, LogError> {
        self.log.end(event).await
    }

    async fn read(&self, event: &EventId, offset: u64) -> Result<Box<dyn LogReader>, LogError> {
        self.log.read(event, offset).await
    }

    async fn commit(&self, event: &EventId, next: u64) -> Result<(), LogError> {
        self.log.commit(event, next).await
    }
}

pub(crate) struct World {
    pub(crate) log: MemoryLog,
    pub(crate) view: MemoryView,
    pub(crate) cookies: Cookies,
    pub(crate) clock: Hand,
    router: Router,
    facts: MemoryFacts,
    directory: Directory,
}

pub(crate) fn event() -> EventId {
    "popup".parse().unwrap()
}

impl World {
    /// An open event over a log that works.
    pub(crate) async fn new() -> Self {
        Self::with_faults(Faults::default()).await
    }

    pub(crate) async fn with_faults(faults: Faults) -> Self {
        let log = MemoryLog::with_faults(Hand::default(), faults);
        Self::over(Arc::new(log.clone()), log, 1_000).await
    }

    /// Over a log that the test holds back.
    pub(crate) async fn gated(commands_max: usize) -> (Self, Arc<Gated>) {
        let log = MemoryLog::new(Hand::default());
        let (let_through, begun) = (Semaphore::new(0), AtomicU64::new(0));
        let gated = Arc::new(Gated { log: log.clone(), let_through, begun });
        (Self::over(gated.clone(), log, commands_max).await, gated)
    }

    pub(crate) async fn over(
        appends: Arc<dyn EventLog>,
        log: MemoryLog,
        commands_max: usize,
    ) -> Self {
        let (facts, view, clock) = (MemoryFacts::default(), MemoryView::default(), Hand::default());
        clock.put(1_000_000);
        let public: PublicUrl = ORIGIN.parse().unwrap();
        let cookies =
            Cookies::new(CookieKeys::parse(KEYS).unwrap(), &public, Arc::new(clock.clone()));
        let directory = Directory::follow(Arc::new(facts.clone()));
        let (routes, express) = router(Parts {
            log: appends,
            directory: directory.clone(),
            cookies: cookies.clone(),
            origins: Origins::new(&public, &[]),
            passes: PassKeys::parse(KEYS).unwrap(),
            issuer: ORIGIN.to_owned(),
            outcomes: Some(Outcomes::bounded(Arc::new(view.clone()), 2)),
            commands_max,
        });
        log.create(&event()).await.unwrap();
        let router = Router::new().fallback_service(express.layer(with_fallbacks(routes)));
        let world = Self { log, view, cookies, clock, router, facts, directory };
        world.define().await;
        world.state(EventState::Open, 1).await;
        world
    }

    async fn define(&self) {
        let definition = wire::definition::parse_json(
            br#"{"title":{"en":"Popup"},"slots":[{"id":"1100","starts_at":"2026-12-05T11:00:00Z","capacity":20}]}"#,
        );
        let definition = (&definition.unwrap()).into();
        let fact = DefinitionFact { salt: SALT, definition };
        self.facts.put(&definition_key(&event()), fact.encode().into()).await.unwrap();
    }

    /// Puts the event into a state; `at` must grow.
    pub(crate) async fn state(&self, state: EventState, at: u64) {
        let fact = StateFact { state, at, definition: None };
        self.facts.put(&state_key(&event()), fact.encode().into()).await.unwrap();
        let known = || self.directory.get(&event()).is_some_and(|event| event.state == state);
        let mut changed = self.directory.changed();
        while !known() {
            changed.changed().await.unwrap();
        }
    }

    /// One request over the routes.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        answer(self.router.clone(), request).await
    }

    /// One request as a task of its own.
    pub(crate) fn spawn(&self, request: Request<Body>) -> tokio::task::JoinHandle<Answer> {
        tokio::spawn(answer(self.router.clone(), request))
    }

    /// A browser with its cookie.
    pub(crate) fn browser(&self) -> (Browser, String) {
        let (browser, cookie) = self.cookies.fresh();
        (browser, pair(cookie.to_str().unwrap()))
    }

    /// All commands of the log, record by record.
    pub(crate) async fn records(&self) -> Vec<Vec<Command>> {
        let end = self.log.end(&event()).await.unwrap();
        let mut reader = self.log.read(&event(), 0).await.unwrap();
        let mut records = Vec::new();
        while (records.len() as u64) < end {
            records.extend(reader.next().await.unwrap());
        }
        records.iter().map(|record| record::decode(&record.bytes).unwrap()).collect()
    }

    pub(crate) async fn command(&self, address: Address) -> Command {
        let records = self.records().await;
        records[usize::try_from(address.offset).unwrap()][usize::from(address.index)].clone()
    }

    pub(crate) async fn nothing_appended(&self) -> bool {
        self.log.end(&event()).await.unwrap() == 0
    }
}

async fn answer(router: Router, request: Request<Body>) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, text }
}

/// `name=value` of a `Set-Cookie`.
pub(crate) fn pair(set_cookie: &str) -> String {
    set_cookie.split(';').next().unwrap().to_owned()
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The cookie it sets.
    pub(crate) fn cookie(&self) -> Option<String> {
        self.header("set-cookie").map(pair)
    }

    #[track_caller]
    pub(crate) fn accepted(&self) -> AcceptedBody {
        assert_eq!(self.status, StatusCode::ACCEPTED, "{}", self.text);
        serde_json::from_str(&self.text).unwrap()
    }

    #[track_caller]
    pub(crate) fn ticket(&self) -> TicketId {
        ticket::parse(&self.accepted().ticket).unwrap()
    }

    #[track_caller]
    pub(crate) fn address(&self) -> Address {
        let body = self.accepted();
        Address { offset: body.offset, index: body.index }
    }

    #[track_caller]
    pub(crate) fn problem(&self, code: Code) {
        assert_eq!(self.status.as_u16(), code.status(), "{}", self.text);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let problem: wire::Problem = serde_json::from_str(&self.text).unwrap();
        assert_eq!(problem.code, code, "{}", self.text);
        let retry = matches!(code.status(), 503 | 429);
        assert_eq!(self.header("retry-after").is_some(), retry);
    }
}

/// A request; headers are `name: value`.
pub(crate) fn request(line: &str, headers: &[&str], body: impl Into<Body>) -> Request<Body> {
    let (method, path) = line.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(path);
    for header in headers {
        let (name, value) = header.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    request.body(body.into()).unwrap()
}

pub(crate) fn join(headers: &[&str]) -> Request<Body> {
    request("POST /api/v1/events/popup/tickets", headers, "")
}
