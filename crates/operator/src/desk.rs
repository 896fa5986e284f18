//! Where operator calls become records of an event's log, and the first one of an event a fact.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use directory::Directory;
use domain::{Address, Command, Definition, EventId, EventState, Operation, Outcome};
use http_kit::{
    Outcomes, ProblemResponse,
    outcomes::{Known, WAIT_SECS_MAX},
};
use metrics::counter;
use ports::{EventLog, Facts, LogError, ViewReader};
use tokio::{
    sync::{OwnedMutexGuard, oneshot},
    time::timeout,
};
use wire::{
    Code, Problem,
    facts::{DefinitionFact, EventFacts, definition_key},
    record,
};

use crate::first::first_definition;

/// How long a caller waits for the fold to decide, in seconds.
const ANSWER_SECS: u64 = WAIT_SECS_MAX;

/// How long an edit is followed after its caller went away, in seconds: the next one must see it.
const FOLLOW_SECS: u64 = 120;

/// How long to wait until the own directory shows what was just decided, in milliseconds.
const SHOWN_MS: u64 = 2_000;

const UNBROKEN: &str = "nothing panics under this lock";

/// What the role needs.
#[derive(Clone)]
pub struct Parts {
    pub log: Arc<dyn EventLog>,
    pub facts: Arc<dyn Facts>,
    pub directory: Directory,
    pub view: Arc<dyn ViewReader>,
    pub outcomes: Outcomes,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

/// What became of an operator's call.
#[derive(Debug)]
pub(crate) enum Decision {
    /// The event was made.
    Made(Arc<EventFacts>),
    /// The fold did it, or found it done.
    Done(EventState),
    /// The log has it; the fold has not said anything in time.
    Open(Address),
}

/// Serves operator calls. Edits of one event go one after the other.
pub(crate) struct Desk {
    pub(crate) parts: Parts,
    turns: Mutex<HashMap<EventId, Arc<tokio::sync::Mutex<()>>>>,
}

type Turn = OwnedMutexGuard<()>;
type Decided = Result<Decision, ProblemResponse>;

impl Desk {
    pub(crate) fn new(parts: Parts) -> Self {
        Self { parts, turns: Mutex::default() }
    }

    /// An event, archived or not. One that another operator has just made has a log, and its fact is
    /// on its way to us.
    pub(crate) async fn event(&self, id: &EventId) -> Result<Arc<EventFacts>, ProblemResponse> {
        if self.parts.directory.get(id).is_none() && self.parts.log.end(id).await.is_ok() {
            self.shown(id, |_| true).await;
        }
        self.parts.directory.get(id).ok_or_else(|| Code::UnknownEvent.into())
    }

    /// Makes an event or edits it.
    pub(crate) async fn put(self: &Arc<Self>, id: &EventId, definition: Definition) -> Decided {
        let turn = self.turn(id).await?;
        match self.parts.directory.get(id) {
            Some(event) if event.state == EventState::Archived => Err(Code::EventArchived.into()),
            Some(event) => self.redefine(turn, event, definition).await,
            None => self.make(turn, id, definition).await,
        }
    }

    /// The log is asked even if the facts show this definition already: they may be behind.
    async fn redefine(
        self: &Arc<Self>,
        turn: Turn,
        event: Arc<EventFacts>,
        definition: Definition,
    ) -> Decided {
        let boxed = Box::new(definition.clone());
        let operation = Operation::Define { salt: event.salt, definition: boxed };
        self.edit(turn, event, operation, definition).await
    }

    /// Log, first definition, fact: each step finds what an earlier try has left.
    async fn make(self: &Arc<Self>, turn: Turn, id: &EventId, definition: Definition) -> Decided {
        let log = &*self.parts.log;
        log.create(id).await.map_err(log_problem)?;
        let mut first = first_definition(log, id).await?;
        if first.is_none() {
            let operation =
                Operation::Define { salt: salt()?, definition: Box::new(definition.clone()) };
            self.append(id, operation).await?;
            first = first_definition(log, id).await?;
        }
        // Of two operators at once the one whose record came first has made the event.
        let (salt, first) = first.ok_or(Code::LogUnavailable)?;
        self.put_fact(id, salt, &first).await?;
        let (id, state) = (id.clone(), EventState::Draft);
        let event = Arc::new(EventFacts { id, salt, definition: first, state });
        if event.definition == definition {
            return Ok(Decision::Made(event));
        }
        self.redefine(turn, event, definition).await
    }

    /// Changes a definition; the next edit waits until the fold has decided, even if this caller is
    /// gone. The owner puts the fact.
    pub(crate) async fn edit(
        self: &Arc<Self>,
        turn: Turn,
        event: Arc<EventFacts>,
        operation: Operation,
        new: Definition,
    ) -> Decided {
        // Nobody folds its log any more: the edit would never be decided.
        if event.state == EventState::Archived {
            return Err(Code::EventArchived.into());
        }
        let (sent, appended) = oneshot::channel();
        let desk = self.clone();
        let mut task = tokio::spawn(async move {
            let waiting = desk.parts.outcomes.register(&event.id).await;
            // Without the outcome the next edit could undo this one unseen.
            let waiting = waiting.ok_or(Code::ViewUnknown)?;
            let address = desk.append(&event.id, operation).await?;
            let _ = sent.send(address);
            let known = waiting.outcome(address, Duration::from_secs(FOLLOW_SECS)).await;
            let decision = decide(known, address)?;
            if matches!(decision, Decision::Done(_)) {
                desk.shown(&event.id, |event| event.definition == new).await;
            }
            drop(turn);
            Ok(decision)
        });
        let Ok(address) = appended.await else {
            return task.await.unwrap_or_else(|_| Err(Code::Internal.into()));
        };
        match timeout(Duration::from_secs(ANSWER_SECS), &mut task).await {
            Ok(decided) => decided.unwrap_or_else(|_| Err(Code::Internal.into())),
            Err(_) => Ok(Decision::Open(address)),
        }
    }

    /// Takes a step of an event's life; the owner puts the fact.
    pub(crate) async fn step(&self, id: &EventId, step: Operation) -> Decided {
        let event = self.event(id).await?;
        if event.state == EventState::Archived && step != Operation::Archive {
            return Err(Code::EventArchived.into());
        }
        let waiting = self.parts.outcomes.register(id).await;
        let address = self.append(id, step).await?;
        let known = match waiting {
            Some(waiting) => waiting.outcome(address, Duration::from_secs(ANSWER_SECS)).await,
            None => None,
        };
        let decision = decide(known, address)?;
        if let Decision::Done(state) = decision {
            self.shown(id, |event| event.state == state).await;
        }
        Ok(decision)
    }

    /// Waits for earlier edits of the event.
    pub(crate) async fn turn(&self, id: &EventId) -> Result<Turn, ProblemResponse> {
        let turns = self.turns.lock().expect(UNBROKEN).entry(id.clone()).or_default().clone();
        let turn = timeout(Duration::from_secs(ANSWER_SECS), turns.lock_owned()).await;
        turn.map_err(|_| {
            let detail = "An earlier change of this event is still being decided. This one was not \
                          made. Try again after the time in Retry-After.";
            ProblemResponse::from(Code::Overloaded).with_detail(detail)
        })
    }

    async fn append(&self, id: &EventId, operation: Operation) -> Result<Address, ProblemResponse> {
        let record = record::encode(&[Command::Operate(operation)]);
        let appended = self.parts.log.append(id, record.into()).await.map_err(log_problem)?;
        Ok(Address { offset: appended.offset, index: 0 })
    }

    async fn put_fact(
        &self,
        id: &EventId,
        salt: [u8; 16],
        definition: &Definition,
    ) -> Result<(), ProblemResponse> {
        let fact = DefinitionFact { salt, definition: definition.into() };
        let put = self.parts.facts.put(&definition_key(id), fact.encode().into()).await;
        put.map_err(|error| {
            tracing::warn!(event = %id, %error, "a definition was accepted but its fact not put");
            ProblemResponse::from(Code::LogUnavailable)
        })?;
        self.shown(id, |event| event.definition == *definition).await;
        Ok(())
    }

    /// Waits a moment until the directory shows it, so that the caller's next call finds it.
    async fn shown(&self, id: &EventId, holds: impl Fn(&EventFacts) -> bool) {
        let directory = &self.parts.directory;
        let mut changes = directory.changed();
        let wait = async {
            while !directory.get(id).is_some_and(|event| holds(&event)) {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        let _ = timeout(Duration::from_millis(SHOWN_MS), wait).await;
    }
}

fn decide(known: Option<Known>, address: Address) -> Decided {
    let (result, decided) = match known.map(|known| known.told.outcome) {
        Some(Outcome::Operated { state }) => ("done", Ok(Decision::Done(state))),
        Some(Outcome::Refused { refusal }) => ("refused", Err(Problem::from(refusal).into())),
        Some(_) | None => ("open", Ok(Decision::Open(address))),
    };
    counter!(crate::CHANGES, "result" => result).increment(1);
    decided
}

/// A salt nobody had before.
fn salt() -> Result<[u8; 16], Code> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|error| {
        tracing::error!(%error, "the system gives no random bytes");
        Code::Internal
    })?;
    Ok(salt)
}

#[allow(clippy::needless_pass_by_value, reason = "handed to map_err")]
pub(crate) fn log_problem(error: LogError) -> ProblemResponse {
    tracing::warn!(%error, "an operator call did not reach the log");
    match error {
        LogError::Full => Code::Overloaded.into(),
        LogError::Unavailable(_) | LogError::UnknownEvent(_) => Code::LogUnavailable.into(),
        LogError::TooLarge(bytes) => {
            let detail = format!("The definition has {bytes} bytes in the log. Nothing changed.");
            ProblemResponse::from(Code::BodyTooLarge).with_detail(detail)
        }
    }
}
