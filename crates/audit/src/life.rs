//! The life of one ticket in plain words.

mod words;

use std::fmt;

use domain::{Command, Event, Millis, Outcome, TicketId, Told};
use serde::Serialize;
use wire::{ticket, time};

/// Most steps that are kept: a client that repeats itself for hours is told by its first ones.
const STEPS_MAX: usize = 10_000;

/// Gathers what the log says of a ticket and of the attempts after it.
#[derive(Debug)]
pub struct Life {
    /// The ticket asked for, then each one that followed.
    tickets: Vec<TicketId>,
    joined_at: Option<Millis>,
    steps: Vec<Step>,
    left_out: u64,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Time of the record, RFC 3339.
    pub at: String,
    /// Offset of the record.
    pub record: u64,
    /// Index of the command in it; null: time did it.
    pub command: Option<u16>,
    pub text: String,
}

/// The whole life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LifeReport {
    pub ticket: String,
    /// Tickets of later attempts.
    pub followed_by: Vec<String>,
    pub steps: Vec<Step>,
    /// Steps beyond the largest number that is kept.
    pub left_out: u64,
    /// How it stands at the end of the log.
    pub now: String,
}

impl Life {
    pub(crate) fn new(ticket: TicketId) -> Self {
        Self { tickets: vec![ticket], joined_at: None, steps: Vec::new(), left_out: 0 }
    }

    /// Takes in what a record brought about; `event` is the state after it.
    pub(crate) fn take(&mut self, event: &Event, offset: u64, commands: &[Command], told: &[Told]) {
        for told in told {
            if !told.ticket.is_some_and(|ticket| self.tickets.contains(&ticket)) {
                continue;
            }
            let at = event.time().record();
            if let (Outcome::Waiting { .. }, None) = (&told.outcome, self.joined_at) {
                self.joined_at = Some(at);
            }
            let asked = told.address.and_then(|address| commands.get(usize::from(address.index)));
            let waited = self.joined_at.map(|joined| at.saturating_sub(joined));
            let text = words::step(event, asked, told, waited);
            if let Outcome::Followed { next } = told.outcome {
                self.tickets.push(next);
                self.joined_at = None;
            }
            let command = told.address.map(|address| address.index);
            self.push(Step { at: time::format(at), record: offset, command, text });
        }
    }

    fn push(&mut self, step: Step) {
        if self.steps.len() < STEPS_MAX {
            self.steps.push(step);
        } else {
            self.left_out += 1;
        }
    }

    pub(crate) fn told(self, event: &Event) -> LifeReport {
        let latest = *self.tickets.last().unwrap_or(&self.tickets[0]);
        LifeReport {
            ticket: ticket::text(self.tickets[0]),
            followed_by: self.tickets[1..].iter().map(|next| ticket::text(*next)).collect(),
            now: words::now(event, latest, self.steps.is_empty()),
            steps: self.steps,
            left_out: self.left_out,
        }
    }
}

impl fmt::Display for LifeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Ticket {}\n", self.ticket)?;
        for Step { at, record, command, text } in &self.steps {
            let place = match command {
                Some(command) => format!("{record}-{command}"),
                None => format!("{record}"),
            };
            writeln!(f, "  {at}  {place:>12}  {text}")?;
        }
        if self.left_out > 0 {
            writeln!(f, "  … and {} more steps", self.left_out)?;
        }
        writeln!(f, "\n  {}", self.now)
    }
}
