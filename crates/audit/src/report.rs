//! What an audit found: for machines as JSON, for people as a page.

use std::fmt::{self, Write as _};

use domain::{Event, EventId, digest};
use serde::Serialize;
use wire::{Chain, names, time};

use crate::life::LifeReport;

/// What became of one comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was made and holds.
    Checked,
    /// It was made and does not hold.
    Differs,
    /// It could not be made; the detail says why.
    NotChecked,
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    pub what: String,
    pub verdict: Verdict,
    pub detail: String,
}

impl Check {
    pub fn checked(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { what: what.into(), verdict: Verdict::Checked, detail: detail.into() }
    }

    pub fn differs(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { what: what.into(), verdict: Verdict::Differs, detail: detail.into() }
    }

    pub fn not_checked(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), verdict: Verdict::NotChecked, detail: why.into() }
    }
}

/// The seats of a slot.
#[derive(Debug, Clone, Serialize)]
pub struct SlotReport {
    pub id: String,
    pub capacity: u32,
    pub held: u32,
    pub sold: u32,
}

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub event: String,
    /// No invariant is violated and no comparison differs.
    pub matches: bool,
    pub state: &'static str,
    pub records: u64,
    /// The offset after the last record.
    pub records_to: u64,
    pub commands: u64,
    /// Records without a command that could be read.
    pub malformed: u64,
    pub tickets: u32,
    pub serving: u32,
    pub booked: u32,
    /// How many tickets were compared with the view; null: none.
    pub compared_with_view: Option<u32>,
    pub slots: Vec<SlotReport>,
    /// Of the state.
    pub digest: String,
    /// Of the log.
    pub chain: Chain,
    /// The records below are covered by a signed head that is right.
    pub signed_to: u64,
    pub last_record_at: String,
    pub checks: Vec<Check>,
    pub violations: Vec<String>,
    pub differences: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<LifeReport>,
}

impl Report {
    pub(crate) fn new(id: &EventId, event: &Event, chain: Chain) -> Self {
        let slot = |slot: &domain::seats::SlotSeats| SlotReport {
            id: slot.id.to_string(),
            capacity: slot.capacity,
            held: slot.held,
            sold: slot.sold,
        };
        Self {
            event: id.to_string(),
            matches: true,
            state: names::event_state(event.state()),
            records: 0,
            records_to: event.next(),
            commands: 0,
            malformed: 0,
            tickets: event.order().total(),
            serving: event.order().serving(),
            booked: event.order().count(domain::Phase::Booked),
            compared_with_view: None,
            slots: event.seats().slots().iter().map(slot).collect(),
            digest: state_digest(event),
            chain,
            signed_to: 0,
            last_record_at: time::format(event.time().record()),
            checks: Vec::new(),
            violations: Vec::new(),
            differences: Vec::new(),
            ticket: None,
        }
    }

    pub(crate) fn counted(mut self, records: u64, commands: u64, malformed: u64) -> Self {
        (self.records, self.commands, self.malformed) = (records, commands, malformed);
        self
    }

    pub(crate) fn found(mut self, checks: Vec<Check>, broken: Vec<String>, signed: u64) -> Self {
        (self.violations, self.signed_to) = (broken, signed);
        checks.into_iter().for_each(|check| self.add(check));
        self
    }

    pub(crate) fn with_ticket(mut self, ticket: Option<LifeReport>) -> Self {
        self.ticket = ticket;
        self
    }

    /// Takes one more comparison in.
    pub fn add(&mut self, check: Check) {
        self.matches &= check.verdict != Verdict::Differs;
        self.checks.push(check);
    }

    /// Takes in what a comparison with the view found.
    pub fn compared(&mut self, tickets: u32, differences: Vec<String>) {
        self.compared_with_view = Some(tickets);
        self.add(match differences.len() {
            0 => Check::checked("view", format!("{tickets} tickets and the counts are the same")),
            count => Check::differs("view", format!("{count} differences, listed below")),
        });
        self.differences = differences;
    }
}

/// The digest of a state as 64 hex digits.
pub fn state_digest(event: &Event) -> String {
    digest::digest(event).iter().fold(String::new(), |mut hex, byte| {
        // Writing into memory can't fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.matches { "everything checked holds" } else { "NOT as it must be" };
        writeln!(f, "Audit of {}: {verdict}\n", self.event)?;
        writeln!(f, "  state     {}, last record at {}", self.state, self.last_record_at)?;
        writeln!(f, "  log       {} records, {} commands", self.records, self.commands)?;
        writeln!(
            f,
            "  line      {} places given, all up to {} served; {} booked",
            self.tickets, self.serving, self.booked
        )?;
        for slot in &self.slots {
            let SlotReport { id, capacity, held, sold } = slot;
            writeln!(f, "  slot      {id}: {sold} sold, {held} held of {capacity}")?;
        }
        writeln!(f, "  chain     {}", self.chain)?;
        writeln!(f, "  digest    {}", self.digest)?;
        writeln!(f, "  signed    {}\n", self.coverage())?;
        for Check { what, verdict, detail } in &self.checks {
            let word = match verdict {
                Verdict::Checked => "checked",
                Verdict::Differs => "DIFFERS",
                Verdict::NotChecked => "not checked",
            };
            writeln!(f, "  {word:<12}{what}: {detail}")?;
        }
        for line in self.violations.iter().chain(&self.differences) {
            writeln!(f, "\n  {line}")?;
        }
        match &self.ticket {
            Some(ticket) => write!(f, "\n{ticket}"),
            None => Ok(()),
        }
    }
}

impl Report {
    fn coverage(&self) -> String {
        match self.records_to - self.signed_to.min(self.records_to) {
            0 => "every record".to_owned(),
            _ if self.signed_to == 0 => {
                "no record is covered by a head that was verified".to_owned()
            }
            left => format!("the records below {}; the last {left} by no head yet", self.signed_to),
        }
    }
}
