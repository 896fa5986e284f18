//! The log from zero, through the rules themselves.

use domain::{Event, EventId, TicketId, Told, invariants};
use ports::Record;
use wire::{
    Chain,
    record::{self, DecodeError},
};

use crate::{
    heads::{Claim, Claims},
    life::Life,
    report::{Check, Report},
};

/// Most violations that are told; the first ones matter.
const VIOLATIONS_MAX: usize = 20;

/// Tickets that checks of the whole state may look at, whatever the length of the log.
const LOOKS_FREE: u64 = 1_000_000;
/// And for each command.
const LOOKS_PER_COMMAND: u64 = 2;

/// The log can't be folded any further by this release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "record {offset} can't be folded ({error}): audit with the release that wrote it; if no release did, the record was altered"
)]
pub struct ReplayError {
    offset: u64,
    error: DecodeError,
}

/// A fold of the log that checks every step.
#[derive(Debug)]
pub struct Replay {
    id: EventId,
    event: Event,
    chain: Chain,
    records: u64,
    commands: u64,
    malformed: u64,
    /// Tickets looked at by checks of the whole state.
    looks: u64,
    checks_of_all: u64,
    claims: Claims,
    life: Option<Life>,
    violations: Vec<String>,
    told: Vec<Told>,
}

impl Replay {
    pub fn new(id: &EventId) -> Self {
        Self {
            event: Event::default(),
            chain: Chain::start(id),
            records: 0,
            commands: 0,
            malformed: 0,
            looks: 0,
            checks_of_all: 0,
            claims: Claims::new(id.clone()),
            life: None,
            violations: Vec::new(),
            told: Vec::new(),
            id: id.clone(),
        }
    }

    /// Has the life of a ticket told.
    pub fn watch(&mut self, ticket: TicketId) {
        self.life = Some(Life::new(ticket));
    }

    /// Has a head compared when the replay gets there; to be called before the first record.
    pub fn compare(&mut self, claim: Claim) {
        self.claims.add(claim);
    }

    pub fn event(&self) -> &Event {
        &self.event
    }

    pub fn chain(&self) -> Chain {
        self.chain
    }

    pub fn records(&self) -> u64 {
        self.records
    }

    pub fn commands(&self) -> u64 {
        self.commands
    }

    /// Every record below is covered by a head whose signature and chain are right.
    pub fn signed_to(&self) -> u64 {
        self.claims.signed_to()
    }

    /// Folds the next record and checks what it did.
    pub fn take(&mut self, record: &Record) -> Result<(), ReplayError> {
        let (offset, due) = (record.offset, self.event.next());
        if offset < due {
            self.violate(format!("record {offset} comes after record {}", due - 1));
            return Ok(());
        }
        if offset > due {
            self.violate(format!("the records from {due} to {} are missing", offset - 1));
        }
        let commands = match record::decode(&record.bytes) {
            Ok(commands) => commands,
            Err(DecodeError::Malformed) => Vec::new(),
            Err(error) => return Err(ReplayError { offset, error }),
        };
        self.malformed += u64::from(commands.is_empty());
        self.chain.link(offset, record.at, &record.bytes);
        self.told.clear();
        self.event.apply(offset, record.at, &commands, &mut self.told);
        self.records += 1;
        self.commands += commands.len() as u64;
        if let Some(life) = &mut self.life {
            life.take(&self.event, offset, &commands, &self.told);
        }
        let time = self.event.time().record();
        self.claims.reached(offset + 1, self.chain, time, self.event.epoch());
        self.check_step(offset);
        Ok(())
    }

    /// What costs little is checked on every record; the whole state too while the log is short,
    /// then as often as keeps the cost in proportion to the commands.
    fn check_step(&mut self, offset: u64) {
        let step = invariants::check_step(&self.event, &self.told);
        let all = if self.looks <= LOOKS_FREE + self.commands * LOOKS_PER_COMMAND {
            self.looks += u64::from(self.event.order().total());
            self.checks_of_all += 1;
            invariants::check(&self.event)
        } else {
            Ok(())
        };
        for violation in [step, all].into_iter().filter_map(Result::err) {
            self.violate(format!("after record {offset}: {violation}"));
        }
    }

    fn violate(&mut self, violation: String) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(violation);
        }
    }

    /// The log has ended: the last checks, and the report.
    pub fn report(mut self) -> Report {
        self.checks_of_all += 1;
        if let Err(violation) = invariants::check(&self.event) {
            self.violate(format!("at the end: {violation}"));
        }
        self.claims.ended(self.event.next());
        let signed_to = self.claims.signed_to();
        let mut checks = vec![self.invariants()];
        checks.extend(self.claims.into_checks());
        Report::new(&self.id, &self.event, self.chain)
            .counted(self.records, self.commands, self.malformed)
            .found(checks, self.violations, signed_to)
            .with_ticket(self.life.map(|life| life.told(&self.event)))
    }

    fn invariants(&self) -> Check {
        let what = "invariants I1 to I11".to_owned();
        if self.violations.is_empty() {
            let detail = format!(
                "they hold: {} records step by step, the whole state {} times",
                self.records, self.checks_of_all
            );
            return Check::checked(what, detail);
        }
        Check::differs(what, format!("{} violations", self.violations.len()))
    }
}
