//! What the role works with, and how a command gets into the log.

use std::{sync::Arc, time::Duration};

use directory::Directory;
use domain::{Action, Address, Command, EventId, EventState, TicketId};
use http::{HeaderMap, HeaderValue, header};
use http_kit::{Cookies, Origins, Outcomes, ProblemResponse, extract, outcomes::Known};
use ports::EventLog;
use traces::Span;
use tracing::info;
use wire::{
    Browser, Code, PassKeys,
    facts::EventFacts,
    record,
    ticket::{hashed, ticket_id},
};

use crate::{
    gate::{Gate, Kind, Pass},
    packer::{Packers, Place},
};

/// Most times that a browser can join one event again.
pub const ATTEMPTS_MAX: u16 = 1_000;

/// What the role needs.
#[derive(Clone)]
pub struct Parts {
    pub log: Arc<dyn EventLog>,
    pub directory: Directory,
    pub cookies: Cookies,
    pub origins: Origins,
    /// Makes the pass of those who enter and wait for the answer.
    pub passes: PassKeys,
    /// Public address of the service, for the pass.
    pub issuer: String,
    /// For `?wait=`; without it nobody waits.
    pub outcomes: Option<Outcomes>,
    /// Most commands under way; see [`COMMANDS_MAX`](crate::gate::COMMANDS_MAX).
    pub commands_max: usize,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

/// The role.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) directory: Directory,
    pub(crate) cookies: Cookies,
    pub(crate) origins: Origins,
    pub(crate) passes: PassKeys,
    pub(crate) issuer: String,
    outcomes: Option<Outcomes>,
    gate: Gate,
    packers: Packers,
}

/// A command of a ticket, as asked for.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) action: Action,
    pub(crate) seq: Option<u32>,
    /// How long to wait for the outcome.
    pub(crate) wait: Option<Duration>,
}

/// A command that the log has.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) ticket: TicketId,
    pub(crate) address: Address,
    /// The cookie of somebody who had none.
    pub(crate) cookie: Option<HeaderValue>,
    /// The outcome, when it was waited for and came in time.
    pub(crate) known: Option<Known>,
}

/// A command on its way into the log.
#[derive(Debug)]
struct Underway {
    place: Place,
    name: &'static str,
    ticket: TicketId,
    span: Option<Span>,
}

impl Underway {
    /// Waits until it is durable. One that is sampled leaves a line in our own log too.
    async fn landed(self, event: &EventFacts) -> Result<(Address, Option<Span>), ProblemResponse> {
        let Self { place, name, ticket, span } = self;
        let address = Address { offset: place.offset().await?, index: place.index };
        if let Some(mark) = span.as_ref().map(Span::trace) {
            info!(
                event = %event.id,
                ticket = hashed(ticket),
                offset = address.offset,
                index = address.index,
                trace_id = format!("{:032x}", mark.trace),
                "{name} appended"
            );
        }
        Ok((address, span))
    }
}

/// A join on its way into the log. Nothing of the request is needed any more.
#[derive(Debug)]
pub(crate) struct Joining {
    underway: Underway,
    /// Somebody who had no cookie.
    fresh: Option<Browser>,
}

impl Api {
    pub(crate) fn new(parts: Parts) -> Self {
        let gate = Gate::new(parts.commands_max);
        Self {
            directory: parts.directory,
            cookies: parts.cookies,
            origins: parts.origins,
            passes: parts.passes,
            issuer: parts.issuer,
            outcomes: parts.outcomes,
            packers: Packers::new(parts.log, gate.clone()),
            gate,
        }
    }

    /// An event that is not over for good.
    pub(crate) fn event(&self, id: &EventId) -> Result<Arc<EventFacts>, ProblemResponse> {
        let event = self.directory.get(id).ok_or(Code::UnknownEvent)?;
        match event.state {
            EventState::Archived => Err(Code::EventArchived.into()),
            _ => Ok(event),
        }
    }

    /// Takes a place in line; needs neither a cookie nor the view.
    pub(crate) fn join(
        &self,
        event: &EventFacts,
        headers: &HeaderMap,
        attempt: u16,
    ) -> Result<Joining, ProblemResponse> {
        if !event.state.joinable() {
            return Err(Code::EventNotOpen.into());
        }
        if attempt > ATTEMPTS_MAX {
            let detail = format!("attempt takes 0 to {ATTEMPTS_MAX}. Nothing changed.");
            return Err(ProblemResponse::from(Code::BodyMalformed).with_detail(detail));
        }
        let pass = self.gate.enter(Kind::Join).map_err(|_| Code::Overloaded)?;
        let key = extract::idempotency_key(headers)?;
        let (browser, fresh) = match self.cookies.read(headers) {
            Ok(browser) => (browser, false),
            Err(Code::CookieMissing) => (self.cookies.first(key), true),
            Err(code) => return Err(self.without_cookie(code)),
        };
        let ticket = ticket_id(&event.salt, &browser, attempt);
        let previous = attempt.checked_sub(1).map(|n| ticket_id(&event.salt, &browser, n));
        let command = Command::Join { ticket, previous };
        let underway = self.append(event, "join", ticket, &command, pass)?;
        Ok(Joining { underway, fresh: fresh.then_some(browser) })
    }

    /// Waits until the join is durable.
    pub(crate) async fn joined(
        &self,
        event: &EventFacts,
        joining: Joining,
    ) -> Result<Done, ProblemResponse> {
        let Joining { underway, fresh } = joining;
        let ticket = underway.ticket;
        let (address, _span) = underway.landed(event).await?;
        let cookie = fresh.map(|browser| self.cookies.issue(&browser));
        Ok(Done { ticket, address, cookie, known: None })
    }

    /// Sends a command of the browser's ticket. The fold applies it to the latest attempt.
    pub(crate) async fn act(
        &self,
        event: &EventFacts,
        headers: &HeaderMap,
        asked: Asked,
    ) -> Result<Done, ProblemResponse> {
        let browser = self.browser(headers)?;
        let pass = self.gate.enter(Kind::Act).map_err(|_| Code::Overloaded)?;
        let ticket = ticket_id(&event.salt, &browser, 0);
        let Asked { action, seq, wait } = asked;
        let waiting = match (wait, &self.outcomes) {
            (Some(span), Some(outcomes)) => outcomes.register(&event.id).await.map(|w| (w, span)),
            _ => None,
        };
        let command = Command::Act { ticket, seq, action };
        let underway = self.append(event, "command", ticket, &command, pass)?;
        let (address, _span) = underway.landed(event).await?;
        let known = match waiting {
            Some((waiting, span)) => waiting.outcome(address, span).await,
            None => None,
        };
        Ok(Done { ticket, address, cookie: None, known })
    }

    fn append(
        &self,
        event: &EventFacts,
        name: &'static str,
        ticket: TicketId,
        command: &Command,
        pass: Pass,
    ) -> Result<Underway, ProblemResponse> {
        let span = traces::head(name, event.id.as_str());
        let row = record::encode_one(command);
        let mark = span.as_ref().map(Span::trace);
        let place = self.packers.of(&event.id).submit(&row, pass, mark)?;
        Ok(Underway { place, name, ticket, span })
    }

    fn browser(&self, headers: &HeaderMap) -> Result<Browser, ProblemResponse> {
        extract::idempotency_key(headers)?;
        self.cookies.read(headers).map_err(|code| self.without_cookie(code))
    }

    /// 401, with a cookie that will do next time.
    fn without_cookie(&self, code: Code) -> ProblemResponse {
        let (_, cookie) = self.cookies.fresh();
        ProblemResponse::from(code).with_header(header::SET_COOKIE, cookie)
    }
}
