//! The line: dense positions in the order of the log (R7).

use hashbrown::HashTable;

use crate::{
    ids::TicketId,
    mutants::{Mutant, on},
    ticket::{PHASES, Phase, Ticket},
};

/// Most tickets of one event.
pub const TICKETS_MAX: u32 = 100_000_000;

/// Everyone who ever joined, by position.
#[derive(Clone, Default)]
pub struct Order {
    tickets: Vec<Ticket>,
    /// Positions by ticket id; the ids stand in `tickets` only.
    index: HashTable<u32>,
    serving: u32,
    counts: [u32; PHASES],
}

impl Order {
    /// Gives the next position to a new ticket; `None` when the line is full.
    pub fn push(&mut self, id: TicketId) -> Option<u32> {
        debug_assert!(self.find(id).is_none());
        let position = self.total() + 1;
        if position > TICKETS_MAX {
            return None;
        }
        self.tickets.push(Ticket { id, phase: Phase::Waiting });
        let tickets = &self.tickets;
        let rehash = |position: &u32| hash(tickets[*position as usize - 1].id);
        self.index.insert_unique(hash(id), position, rehash);
        self.counts[Phase::Waiting as usize] += 1;
        Some(position)
    }

    pub fn find(&self, id: TicketId) -> Option<u32> {
        let same = |position: &u32| self.tickets[*position as usize - 1].id == id;
        self.index.find(hash(id), same).copied()
    }

    /// The ticket at a position that was given before.
    pub fn ticket(&self, position: u32) -> Ticket {
        self.tickets[position as usize - 1]
    }

    pub fn tickets(&self) -> impl Iterator<Item = (u32, Ticket)> {
        (1..).zip(self.tickets.iter().copied())
    }

    pub(crate) fn set_phase(&mut self, position: u32, phase: Phase) {
        let ticket = &mut self.tickets[position as usize - 1];
        self.counts[ticket.phase as usize] -= 1;
        self.counts[phase as usize] += 1;
        ticket.phase = phase;
        if on(Mutant::ServingSkipsOne) && self.serving + 1 < self.total() {
            self.serving = self.serving.max(position);
        }
        while self.next_is_served() {
            self.serving += 1;
        }
    }

    fn next_is_served(&self) -> bool {
        self.tickets.get(self.serving as usize).is_some_and(|t| t.phase != Phase::Waiting)
    }

    /// The first of those who wait.
    pub fn first_waiting(&self) -> Option<u32> {
        if on(Mutant::LastComesFirst) {
            let last = self.tickets.iter().rposition(|t| t.phase == Phase::Waiting)?;
            return u32::try_from(last + 1).ok();
        }
        (self.serving < self.total()).then_some(self.serving + 1)
    }

    /// The largest position such that nobody at or below it waits.
    pub fn serving(&self) -> u32 {
        self.serving
    }

    /// Positions given so far.
    pub fn total(&self) -> u32 {
        self.tickets.len() as u32
    }

    pub fn count(&self, phase: Phase) -> u32 {
        self.counts[phase as usize]
    }
}

impl std::fmt::Debug for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Order {{ total: {}, serving: {} }}", self.total(), self.serving)
    }
}

/// How many may still be before `position`: an upper bound that never grows (R7).
pub fn ahead(position: u32, serving: u32) -> u32 {
    position.saturating_sub(1).saturating_sub(serving)
}

/// Ticket ids are made of SHA-256, so their last eight bytes are a hash already.
fn hash(id: TicketId) -> u64 {
    let [.., a, b, c, d, e, f, g, h] = id.0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
