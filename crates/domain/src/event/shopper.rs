//! What shoppers do: join, enter, hold, release, book, cancel, leave.

use std::sync::Arc;

use super::{Event, refused};
use crate::{
    command::Action,
    ids::{Address, Millis, SlotId, TicketId},
    mutants::{Mutant, on},
    outcome::{Booking, EventState, Hold, Outcome, Refusal, Told},
    ticket::Phase,
};

type Answer = Result<Outcome, Refusal>;

impl Event {
    /// A new place at the end of the line; a repeated join is told what it has.
    pub(super) fn join(
        &mut self,
        address: Address,
        ticket: TicketId,
        previous: Option<TicketId>,
        told: &mut Vec<Told>,
    ) {
        let known = self.order.find(ticket).filter(|_| !on(Mutant::JoinNotIdempotent));
        let (fresh, outcome) = match known {
            Some(position) => (false, self.present(position)),
            None => match self.take_place(ticket, previous, told) {
                Ok(position) => (true, Outcome::Waiting { position }),
                Err(refusal) => (false, refused(refusal)),
            },
        };
        let answer =
            Told { address: Some(address), ticket: Some(ticket), seq: None, fresh, outcome };
        told.push(answer);
    }

    fn take_place(
        &mut self,
        ticket: TicketId,
        previous: Option<TicketId>,
        told: &mut Vec<Told>,
    ) -> Result<u32, Refusal> {
        if self.state == EventState::Archived {
            return Err(Refusal::EventArchived);
        }
        if !self.state.joinable() {
            return Err(Refusal::EventNotOpen);
        }
        let ended = previous.map(|id| self.ended(id)).transpose()?;
        let position = self.order.push(ticket).ok_or(Refusal::LineFull)?;
        if let Some(before) = ended {
            self.follow(before, position, ticket, told);
        }
        Ok(position)
    }

    fn ended(&self, id: TicketId) -> Result<u32, Refusal> {
        let position = self.order.find(id).ok_or(Refusal::NoTicket)?;
        let phase = self.order.ticket(position).phase;
        let followed = self.detail(position).is_some_and(|detail| detail.next.is_some());
        if (phase.ended() && !followed) || on(Mutant::RejoinWhileActive) {
            return Ok(position);
        }
        Err(Refusal::TicketNotEnded)
    }

    /// Links an ended ticket to the one of the next attempt; numbering goes on.
    fn follow(&mut self, before: u32, position: u32, ticket: TicketId, told: &mut Vec<Told>) {
        let old = self.detail_mut(before);
        old.next = Some(ticket);
        let (attempt, last) = (old.attempt + 1, old.last.clone());
        let new = self.detail_mut(position);
        (new.attempt, new.last) = (attempt, last);
        told.push(self.tell(before, Outcome::Followed { next: ticket }));
    }

    /// A command of a ticket; it counts for the latest attempt.
    pub(super) fn act(
        &mut self,
        address: Address,
        ticket: TicketId,
        seq: Option<u32>,
        action: &Action,
        told: &mut Vec<Told>,
    ) {
        let Some(position) = self.latest(ticket) else {
            let outcome = refused(Refusal::NoTicket);
            let answer =
                Told { address: Some(address), ticket: Some(ticket), seq, fresh: false, outcome };
            told.push(answer);
            return;
        };
        let (fresh, outcome) = self.numbered(address, position, seq, action);
        let ticket = Some(self.order.ticket(position).id);
        told.push(Told { address: Some(address), ticket, seq, fresh, outcome });
    }

    fn latest(&self, ticket: TicketId) -> Option<u32> {
        let mut position = self.order.find(ticket)?;
        while let Some(next) = self.detail(position).and_then(|detail| detail.next) {
            position = self.order.find(next)?;
        }
        Some(position)
    }

    /// R6: an equal number gets the stored answer, a lower one is refused.
    fn numbered(
        &mut self,
        address: Address,
        position: u32,
        seq: Option<u32>,
        action: &Action,
    ) -> (bool, Outcome) {
        let last = self.detail(position).and_then(|detail| detail.last.as_ref());
        if let (Some(seq), Some(last)) = (seq, last) {
            if seq == last.seq && !on(Mutant::EqualSeqRepeated) {
                return (false, last.outcome.clone());
            }
            if seq < last.seq && !on(Mutant::StaleSeqAccepted) {
                // Told to everyone who looks at this ticket, so that a tab behind catches up.
                return (true, refused(Refusal::StaleSeq { current: last.seq }));
            }
        }
        let before = self.order.ticket(position).phase;
        let outcome = self.perform(address, position, action).unwrap_or_else(refused);
        if let Some(seq) = seq {
            self.remember(position, seq, outcome.clone());
        }
        let unchanged = before == self.order.ticket(position).phase && before != Phase::Holding;
        let refusal = matches!(outcome, Outcome::Refused { .. });
        (seq.is_some() || refusal || !unchanged, outcome)
    }

    fn perform(&mut self, address: Address, position: u32, action: &Action) -> Answer {
        if self.state == EventState::Archived {
            return Err(Refusal::EventArchived);
        }
        match action {
            Action::Enter => self.enter(position),
            Action::Hold { slot, seats } => self.hold(position, slot, *seats),
            Action::Release => self.release(position),
            Action::Book { reference } => self.book(address, position, reference.clone()),
            Action::Cancel => self.cancel(position),
            Action::Leave => self.leave(position),
        }
    }

    fn enter(&mut self, position: u32) -> Answer {
        match self.order.ticket(position).phase {
            Phase::Admitted => {}
            Phase::Inside | Phase::Holding => {
                return Ok(Outcome::Inside { until: self.detail_mut(position).until });
            }
            Phase::Waiting => return Err(Refusal::NotAdmitted),
            phase => return Err(self.over(position, phase)),
        }
        if !self.state.serving() {
            return Err(Refusal::EventNotOpen);
        }
        let window = self.admission_rules().map_or(0, |rules| rules.window_secs);
        let until = self.time.now() + u64::from(window) * 1_000;
        let claim = self.detail_mut(position).until;
        self.deadlines.remove(&(claim, position));
        self.deadlines.insert((until, position));
        let detail = self.detail_mut(position);
        (detail.until, detail.entered) = (until, true);
        self.set_phase(position, Phase::Inside);
        Ok(Outcome::Inside { until })
    }

    fn hold(&mut self, position: u32, slot: &SlotId, seats: u32) -> Answer {
        let until = self.may_hold(position)?;
        let (limit, secs) =
            self.definition.as_ref().map_or((0, 0), |d| (d.seats_per_ticket, d.hold_secs));
        if !self.seats.slots().iter().any(|known| known.id == *slot) {
            return Err(Refusal::UnknownSlot);
        }
        if seats == 0 || (seats > limit && !on(Mutant::SeatsPerTicketIgnored)) {
            return Err(Refusal::BadSeats);
        }
        let old = self.detail_mut(position).hold.clone();
        if let Some(same) = old.as_ref().filter(|old| old.slot == *slot && old.seats == seats) {
            return Ok(Outcome::Held { hold: same.clone() });
        }
        self.seats.hold(slot, seats, old.as_ref())?;
        let ends = self.time.now() + u64::from(secs) * 1_000;
        self.deadlines.remove(&(old.map_or(until, |old| old.until), position));
        self.deadlines.insert((ends, position));
        let hold = Hold { slot: slot.clone(), seats, until: ends };
        let detail = self.detail_mut(position);
        (detail.hold, detail.hold_ran_out) = (Some(hold.clone()), false);
        self.set_phase(position, Phase::Holding);
        Ok(Outcome::Held { hold })
    }

    /// The end of the window of someone who may hold now.
    fn may_hold(&mut self, position: u32) -> Result<Millis, Refusal> {
        match self.order.ticket(position).phase {
            Phase::Inside | Phase::Holding => {}
            Phase::Waiting => return Err(Refusal::NotAdmitted),
            Phase::Admitted => return Err(Refusal::NotInside),
            phase => return Err(self.over(position, phase)),
        }
        if !self.state.serving() {
            return Err(Refusal::EventNotOpen);
        }
        let until = self.detail_mut(position).until;
        if until <= self.time.now() { Err(Refusal::WindowOver) } else { Ok(until) }
    }

    fn release(&mut self, position: u32) -> Answer {
        match self.order.ticket(position).phase {
            Phase::Holding => {}
            Phase::Inside => {
                let until = self.detail_mut(position).until;
                return Ok(Outcome::Released { until, ran_out: false });
            }
            Phase::Waiting => return Err(Refusal::NotAdmitted),
            Phase::Admitted => return Err(Refusal::NotInside),
            phase => return Err(self.over(position, phase)),
        }
        self.drop_hold(position);
        let until = self.detail_mut(position).until;
        if until <= self.time.now() {
            self.set_phase(position, Phase::Expired);
            return Ok(Outcome::Expired);
        }
        self.set_phase(position, Phase::Inside);
        self.deadlines.insert((until, position));
        Ok(Outcome::Released { until, ran_out: false })
    }

    fn book(&mut self, address: Address, position: u32, reference: Option<Arc<str>>) -> Answer {
        let phase = self.order.ticket(position).phase;
        if phase == Phase::Booked {
            return self.booked_before(position, reference.as_deref());
        }
        let Some(hold) = self.detail(position).and_then(|detail| detail.hold.clone()) else {
            return Err(self.no_hold(position, phase));
        };
        self.deadlines.remove(&(hold.until, position));
        self.seats.sell(&hold);
        let booking = Booking { id: address, slot: hold.slot, seats: hold.seats, reference };
        let detail = self.detail_mut(position);
        (detail.hold, detail.booking) = (None, Some(booking.clone()));
        self.set_phase(position, Phase::Booked);
        Ok(Outcome::Booked { booking })
    }

    fn booked_before(&self, position: u32, reference: Option<&str>) -> Answer {
        let booking = self.detail(position).and_then(|detail| detail.booking.clone());
        match booking {
            Some(booking) if reference.is_none() || booking.reference.as_deref() == reference => {
                Ok(Outcome::Booked { booking })
            }
            _ => Err(Refusal::AlreadyBooked),
        }
    }

    fn no_hold(&self, position: u32, phase: Phase) -> Refusal {
        if self.detail(position).is_some_and(|detail| detail.hold_ran_out) {
            return Refusal::HoldExpired;
        }
        match phase {
            Phase::Waiting => Refusal::NotAdmitted,
            Phase::Admitted => Refusal::NotInside,
            Phase::Inside | Phase::Holding => Refusal::NoHold,
            phase => self.over(position, phase),
        }
    }

    fn cancel(&mut self, position: u32) -> Answer {
        match self.order.ticket(position).phase {
            Phase::Booked => {}
            Phase::Cancelled => return Ok(Outcome::Cancelled),
            Phase::Left | Phase::Expired => return Err(Refusal::TicketEnded),
            _ => return Err(Refusal::NoBooking),
        }
        if let Some(booking) = self.detail_mut(position).booking.take() {
            self.seats.give_back(&booking.slot, booking.seats);
        }
        self.set_phase(position, Phase::Cancelled);
        Ok(Outcome::Cancelled)
    }

    fn leave(&mut self, position: u32) -> Answer {
        match self.order.ticket(position).phase {
            Phase::Left => return Ok(Outcome::Left),
            Phase::Booked => return Err(Refusal::AlreadyBooked),
            Phase::Expired | Phase::Cancelled => return Err(Refusal::TicketEnded),
            Phase::Holding => self.drop_hold(position),
            Phase::Admitted | Phase::Inside => {
                let until = self.detail_mut(position).until;
                self.deadlines.remove(&(until, position));
            }
            Phase::Waiting => {}
        }
        self.set_phase(position, Phase::Left);
        Ok(Outcome::Left)
    }

    /// Why a ticket that is past its turn can't do this.
    fn over(&self, position: u32, phase: Phase) -> Refusal {
        let entered = self.detail(position).is_some_and(|detail| detail.entered);
        match phase {
            Phase::Booked => Refusal::AlreadyBooked,
            Phase::Expired if entered => Refusal::WindowOver,
            Phase::Expired => Refusal::TurnExpired,
            _ => Refusal::TicketEnded,
        }
    }

    /// What a ticket is now, as it was told when it came to that.
    pub fn present(&self, position: u32) -> Outcome {
        let phase = self.order.ticket(position).phase;
        let detail = self.detail(position);
        let until = detail.map_or(0, |detail| detail.until);
        let held = detail.and_then(|detail| detail.hold.clone());
        let booked = detail.and_then(|detail| detail.booking.clone());
        match (phase, held, booked) {
            (Phase::Holding, Some(hold), _) => Outcome::Held { hold },
            (Phase::Booked, _, Some(booking)) => Outcome::Booked { booking },
            (Phase::Waiting, ..) => Outcome::Waiting { position },
            (Phase::Admitted, ..) => Outcome::Admitted { until },
            (Phase::Inside | Phase::Holding | Phase::Booked, ..) => Outcome::Inside { until },
            (Phase::Left, ..) => Outcome::Left,
            (Phase::Expired, ..) => Outcome::Expired,
            (Phase::Cancelled, ..) => Outcome::Cancelled,
        }
    }
}
