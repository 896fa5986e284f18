//! What time does: opening, closing, running out, letting in (R3, R9).

use super::Event;
use crate::{
    definition::AdmissionRules,
    ids::Millis,
    mutants::{Mutant, on},
    outcome::{EventState, Outcome, Told},
    ticket::{Detail, Phase},
};

impl Event {
    pub(super) fn pass_time(&mut self, elapsed: Millis, told: &mut Vec<Told>) {
        self.open_and_close(told);
        if let Some(rules) = self.admission_rules() {
            self.bucket.earn(rules.rate_per_min, elapsed);
        }
        self.meter.advance(self.time.now());
        self.run_out(told);
    }

    pub(super) fn admission_rules(&self) -> Option<AdmissionRules> {
        self.definition.as_ref().map(|definition| definition.admission)
    }

    /// The times of the definition compare with the record's own time.
    fn open_and_close(&mut self, told: &mut Vec<Told>) {
        let Some(definition) = &self.definition else { return };
        let at = self.time.record();
        let due = |time: Option<Millis>| time.is_some_and(|time| time <= at);
        let before = self.state;
        if self.state == EventState::Draft && due(definition.prequeue_at) {
            self.state = EventState::Prequeue;
        }
        if matches!(self.state, EventState::Draft | EventState::Prequeue)
            && due(definition.opens_at)
        {
            self.state = EventState::Open;
        }
        if self.state < EventState::Closed && due(definition.closes_at) {
            self.state = EventState::Closed;
        }
        if self.state != before {
            self.defined_at = crate::Address { offset: self.next - 1, index: 0 };
            told.push(super::to_event(None, Outcome::Operated { state: self.state }));
        }
    }

    /// Ends every claim, window and hold whose time is over.
    fn run_out(&mut self, told: &mut Vec<Told>) {
        if on(Mutant::HoldNeverExpires) {
            return;
        }
        while let Some(&(deadline, position)) = self.deadlines.first() {
            if deadline > self.time.now() {
                return;
            }
            self.deadlines.pop_first();
            let outcome = match self.order.ticket(position).phase {
                Phase::Holding => self.hold_runs_out(position),
                _ => self.expire(position),
            };
            told.push(self.tell(position, outcome));
        }
    }

    fn hold_runs_out(&mut self, position: u32) -> Outcome {
        self.drop_hold(position);
        self.detail_mut(position).hold_ran_out = true;
        let until = self.detail_mut(position).until;
        if until <= self.time.now() {
            return self.expire(position);
        }
        self.set_phase(position, Phase::Inside);
        self.deadlines.insert((until, position));
        Outcome::Released { until, ran_out: true }
    }

    fn expire(&mut self, position: u32) -> Outcome {
        if on(Mutant::NoShowKeepsPlace) && !self.detail_mut(position).entered {
            let later = self.time.now() + 3_600_000;
            self.deadlines.insert((later, position));
            self.detail_mut(position).until = later;
            return Outcome::Admitted { until: later };
        }
        self.set_phase(position, Phase::Expired);
        Outcome::Expired
    }

    /// Gives a ticket's held seats back.
    pub(super) fn drop_hold(&mut self, position: u32) {
        if let Some(hold) = self.detail_mut(position).hold.take() {
            self.deadlines.remove(&(hold.until, position));
            self.seats.release(&hold);
        }
    }

    /// Lets in, in order, as many as rate, places and seats allow.
    pub(super) fn admit(&mut self, told: &mut Vec<Told>) {
        let open = self.state == EventState::Open
            || (on(Mutant::PauseIgnored) && self.state == EventState::Paused);
        let Some(rules) = self.admission_rules().filter(|_| open) else { return };
        while let Some(position) = self.order.first_waiting() {
            let room = self.occupied() < rules.max_inside || on(Mutant::MaxInsideIgnored);
            if !room || !self.worth_letting_in() || !self.bucket.take() {
                return;
            }
            let until = self.time.now() + u64::from(rules.claim_secs) * 1_000;
            let detail = self.details.of(position);
            *detail = Detail { until, ..std::mem::take(detail) };
            self.deadlines.insert((until, position));
            self.set_phase(position, Phase::Admitted);
            self.meter.count(self.time.now());
            told.push(self.tell(position, Outcome::Admitted { until }));
        }
    }

    /// Nobody is let in for nothing: whoever is inside without seats has one left to take first.
    pub(super) fn worth_letting_in(&self) -> bool {
        let queue_only = self.definition.as_ref().is_some_and(|d| d.queue_only());
        let seeking = self.order.count(Phase::Admitted) + self.order.count(Phase::Inside);
        queue_only || self.seats.remaining() > u64::from(seeking) || on(Mutant::LetInForNothing)
    }
}
