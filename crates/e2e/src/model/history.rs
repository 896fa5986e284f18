//! The data that a sale leaves with the driver.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::moment::Millis;

/// Where a command stands in the log: the record's offset, then its index in the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Address {
    pub offset: u64,
    pub index: u64,
}

/// One join that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum JoinSent {
    /// Answered 202 with its address.
    Acknowledged(Address),
    /// No answer, or one that leaves it open whether the log has it.
    Unknown,
}

/// Seats of a slot that were surely taken by a ticket for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatSpan {
    pub slot: String,
    pub seats: i64,
    pub from: Millis,
    /// `None` = to the end.
    pub to: Option<Millis>,
}

/// Time surely spent admitted, inside or holding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    pub from: Millis,
    pub to: Millis,
}

/// What an outcome says, without what may differ between two tellings of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Known {
    /// Kind of frame, or `refused`.
    pub kind: String,
    pub code: Option<String>,
    pub slot: Option<String>,
    pub seats: Option<i64>,
    pub booking: Option<String>,
}

/// `GET …/ticket` at the end.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Final {
    pub ticket: String,
    pub state: String,
    pub position: Option<u64>,
    pub booking: Option<String>,
    pub slot: Option<String>,
    pub seats: Option<i64>,
}

/// One answer to a command, as it came.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Answered {
    pub at: Millis,
    /// As the answer names it, else as the shopper knows it.
    pub ticket: String,
    /// Kind of the command, as in the log.
    pub call: String,
    pub seq: Option<u64>,
    /// 0 = no answer.
    pub status: u16,
    pub code: String,
    pub address: Option<Address>,
}

/// One ticket: one attempt of one shopper.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Ticket {
    pub id: String,
    pub joins: Vec<JoinSent>,
    /// Every different position it was ever given; should be one.
    pub positions: Vec<u64>,
    /// When the log let it in.
    pub admitted: Option<Millis>,
    pub inside: Vec<Use>,
    pub seats: Vec<SeatSpan>,
    /// All answers to each numbered command.
    pub answers: BTreeMap<u64, Vec<Known>>,
    /// The last outcome that the driver knows: a state and, when booked, the booking.
    pub last: Option<Known>,
}

/// One shopper's story.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct History {
    pub shopper: usize,
    pub tickets: Vec<Ticket>,
    /// Every answer to a command, lost and refused ones too.
    pub answers: Vec<Answered>,
    /// What went wrong while it happened.
    pub faults: Vec<String>,
    /// "Not in line" said to someone whose join was acknowledged.
    pub forgotten: Vec<String>,
    /// `GET …/ticket` of the latest attempt at the end.
    pub ending: Option<Final>,
}

/// What the definition allows, and how exact the driver's times are.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    pub rate_per_min: u64,
    pub max_inside: usize,
    pub capacity: BTreeMap<String, i64>,
    /// Admissions above rate and burst that are forgiven over any span.
    pub slack: f64,
    /// How far two admission times may be out of order.
    pub skew_ms: Millis,
    /// After an outage the producer may append a record twice: the first counts, and only the log
    /// itself tells where that stands.
    pub may_repeat: bool,
}

/// A finished sale.
#[derive(Debug, Clone, Default)]
pub struct Sale {
    pub limits: Limits,
    pub shoppers: Vec<History>,
    /// `total` of the public facts at the end.
    pub total: u64,
    /// Remaining seats of each slot at the end.
    pub remaining: BTreeMap<String, i64>,
    /// Seats held at the end, of each slot.
    pub held: BTreeMap<String, i64>,
    /// admitted + inside + holding, each time the operator's numbers were read.
    pub inside_samples: Vec<i64>,
}

impl Sale {
    pub fn tickets(&self) -> impl Iterator<Item = (&History, &Ticket)> {
        self.shoppers.iter().flat_map(|who| who.tickets.iter().map(move |ticket| (who, ticket)))
    }
}

impl Ticket {
    /// The earliest address known, and whether nothing earlier can be.
    pub fn address(&self) -> Option<(Address, bool)> {
        let mut earliest = None;
        for join in &self.joins {
            if let JoinSent::Acknowledged(address) = join {
                earliest = earliest.min(Some(*address)).or(Some(*address));
            }
        }
        let exact = !self.joins.contains(&JoinSent::Unknown);
        earliest.map(|address| (address, exact))
    }

    pub fn position(&self) -> Option<u64> {
        self.positions.first().copied()
    }

    /// Notes a position; the same one again adds nothing.
    pub fn placed(&mut self, position: u64) {
        if !self.positions.contains(&position) {
            self.positions.push(position);
        }
    }

    /// Notes the answer to a numbered command.
    pub fn answered(&mut self, seq: u64, known: Known) {
        self.answers.entry(seq).or_default().push(known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_acknowledged_address_counts() {
        let at = |offset| JoinSent::Acknowledged(Address { offset, index: 0 });
        let mut ticket = Ticket { joins: vec![at(9), at(4), at(6)], ..Ticket::default() };
        assert_eq!(ticket.address(), Some((Address { offset: 4, index: 0 }, true)));
        ticket.joins.push(JoinSent::Unknown);
        assert_eq!(ticket.address(), Some((Address { offset: 4, index: 0 }, false)));
        assert_eq!(Ticket::default().address(), None);
    }
}
