//! The state of one event, and how a record of its log changes it.

mod admit;
mod operate;
mod shopper;

use std::collections::BTreeSet;

use crate::{
    admission::{Bucket, Meter},
    command::Command,
    definition::Definition,
    details::Details,
    ids::{Address, Epoch, Millis, TicketId},
    invariants,
    mutants::{Mutant, on},
    order::{self, Order},
    outcome::{EventState, Outcome, Refusal, Told},
    seats::Seats,
    ticket::{Detail, Last, Phase, Ticket},
    time::EventTime,
};

/// Everything that the log says of an event so far.
#[derive(Debug, Clone, Default)]
pub struct Event {
    pub(crate) next: u64,
    pub(crate) epoch: Epoch,
    pub(crate) time: EventTime,
    pub(crate) state: EventState,
    pub(crate) salt: [u8; 16],
    pub(crate) definition: Option<Definition>,
    /// Address of the command that last changed the state or the definition.
    pub(crate) defined_at: Address,
    pub(crate) order: Order,
    pub(crate) details: Details,
    /// When each ticket that has a time limit runs out: (event time, position).
    pub(crate) deadlines: BTreeSet<(Millis, u32)>,
    pub(crate) seats: Seats,
    pub(crate) bucket: Bucket,
    pub(crate) meter: Meter,
}

impl Event {
    /// Folds one record: time moves on, then each command in order, then people are let in.
    ///
    /// Records come in the order of their offsets; one that was folded before changes nothing.
    pub fn apply(&mut self, offset: u64, at: Millis, commands: &[Command], told: &mut Vec<Told>) {
        if offset < self.next {
            return;
        }
        self.next = offset + 1;
        let elapsed = self.time.advance(at);
        self.pass_time(elapsed, told);
        for (index, command) in commands.iter().enumerate() {
            let address = Address { offset, index: index as u16 };
            self.command(address, command, told);
        }
        self.admit(told);
        if cfg!(debug_assertions) && !invariants::lenient() {
            invariants::check_cheap(self);
        }
    }

    fn command(&mut self, address: Address, command: &Command, told: &mut Vec<Told>) {
        match command {
            Command::Malformed | Command::Tick { .. } => {}
            Command::Own { after } => self.own(address, *after, told),
            Command::Join { ticket, previous } => self.join(address, *ticket, *previous, told),
            Command::Act { ticket, seq, action } => {
                self.act(address, *ticket, *seq, action, told);
            }
            Command::Operate(operation) => {
                let outcome = self.operate(address, operation).unwrap_or_else(refused);
                told.push(to_event(Some(address), outcome));
            }
        }
    }

    fn own(&mut self, address: Address, after: Epoch, told: &mut Vec<Told>) {
        if after == self.epoch || on(Mutant::OwnAlwaysWins) {
            self.epoch = Epoch::won_at(address);
            told.push(to_event(Some(address), Outcome::Owned { epoch: self.epoch }));
        }
    }

    /// The offset that the next record has at least.
    pub fn next(&self) -> u64 {
        self.next
    }

    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    pub fn state(&self) -> EventState {
        self.state
    }

    pub fn time(&self) -> &EventTime {
        &self.time
    }

    pub fn salt(&self) -> &[u8; 16] {
        &self.salt
    }

    pub fn definition(&self) -> Option<&Definition> {
        self.definition.as_ref()
    }

    /// Address of the command that last changed the state or the definition.
    pub fn defined_at(&self) -> Address {
        self.defined_at
    }

    pub fn order(&self) -> &Order {
        &self.order
    }

    pub fn seats(&self) -> &Seats {
        &self.seats
    }

    /// What is known of the ticket at a position beyond its place.
    pub fn detail(&self, position: u32) -> Option<&Detail> {
        self.details.get(position)
    }

    /// A ticket's position, place and detail.
    pub fn ticket(&self, id: TicketId) -> Option<(u32, Ticket, Option<&Detail>)> {
        let position = self.order.find(id)?;
        Some((position, self.order.ticket(position), self.detail(position)))
    }

    pub fn ahead(&self, position: u32) -> u32 {
        order::ahead(position, self.order.serving())
    }

    /// People let in a minute: as observed, else as configured; 0 while nobody is let in.
    pub fn rate_per_min(&self) -> u32 {
        let Some(definition) = self.definition.as_ref().filter(|_| self.state == EventState::Open)
        else {
            return 0;
        };
        let configured = definition.admission.rate_per_min;
        self.meter.per_min(self.time.now()).map_or(configured, |seen| seen.min(configured))
    }

    /// Every seat is held or sold.
    pub fn sold_out(&self) -> bool {
        self.definition.as_ref().is_some_and(|d| !d.queue_only()) && self.seats.remaining() == 0
    }

    /// Admitted, inside and holding.
    pub fn occupied(&self) -> u32 {
        self.order.count(Phase::Admitted)
            + self.order.count(Phase::Inside)
            + self.order.count(Phase::Holding)
    }

    /// Someone waits or has a time limit: the log must not fall silent.
    pub fn busy(&self) -> bool {
        let waiting = self.order.count(Phase::Waiting) > 0 && self.state.joinable();
        waiting || self.occupied() > 0
    }

    /// The next moment of the log's own time at which the event opens or closes by itself.
    pub fn next_turn(&self) -> Option<Millis> {
        let definition = self.definition.as_ref()?;
        match self.state {
            EventState::Draft => {
                definition.prequeue_at.or(definition.opens_at).or(definition.closes_at)
            }
            EventState::Prequeue => definition.opens_at.or(definition.closes_at),
            EventState::Open | EventState::Paused => definition.closes_at,
            EventState::Closed | EventState::Archived => None,
        }
    }

    pub(crate) fn set_phase(&mut self, position: u32, phase: Phase) {
        self.order.set_phase(position, phase);
    }

    pub(crate) fn detail_mut(&mut self, position: u32) -> &mut Detail {
        self.details.of(position)
    }

    pub(crate) fn tell(&self, position: u32, outcome: Outcome) -> Told {
        let ticket = Some(self.order.ticket(position).id);
        Told { address: None, ticket, seq: None, fresh: true, outcome }
    }

    pub(crate) fn remember(&mut self, position: u32, seq: u32, outcome: Outcome) {
        self.detail_mut(position).last = Some(Last { seq, outcome });
    }
}

pub(crate) fn refused(refusal: Refusal) -> Outcome {
    Outcome::Refused { refusal }
}

fn to_event(address: Option<Address>, outcome: Outcome) -> Told {
    Told { address, ticket: None, seq: None, fresh: true, outcome }
}
