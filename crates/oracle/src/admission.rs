//! What time does to people: running out, and letting in.

use crate::{Oracle, Outcome, Phase, State, Told};

const MINUTE_MS: u64 = 60_000;

impl Oracle {
    /// One second's worth of the rate, at least one person; nothing at rate 0.
    fn burst(rate_per_min: u64) -> u64 {
        if rate_per_min == 0 { 0 } else { MINUTE_MS.max(rate_per_min * 1_000) }
    }

    pub(crate) fn earn(&mut self, elapsed: u64) {
        let Some(definition) = &self.definition else { return };
        let rate = definition.admission.rate_per_min;
        self.credit = (self.credit + rate * elapsed).min(Self::burst(rate));
    }

    pub(crate) fn forget_credit_above(&mut self, rate_per_min: u64) {
        self.credit = self.credit.min(Self::burst(rate_per_min));
    }

    /// Ends what is over, the earliest deadline first, the earlier position first.
    pub(crate) fn run_out(&mut self, told: &mut Vec<Told>) {
        loop {
            let deadlines = self.people.iter().enumerate();
            let deadlines = deadlines.filter_map(|(at, person)| Some((person.deadline()?, at)));
            let Some((deadline, at)) = deadlines.min() else { return };
            if deadline > self.clock.now {
                return;
            }
            let now = self.clock.now;
            let person = &mut self.people[at];
            let held = person.hold.take().is_some();
            person.hold_ran_out |= held;
            let outcome = if held && person.until > now {
                person.phase = Phase::Inside;
                Outcome::Released(person.until, true)
            } else {
                person.phase = Phase::Expired;
                Outcome::Expired
            };
            told.push(Told::of_time(&person.id, outcome));
        }
    }

    /// In order, as many as rate, places and seats allow.
    pub(crate) fn let_in(&mut self, told: &mut Vec<Told>) {
        let Some(definition) = &self.definition else { return };
        let rules = definition.admission;
        let queue_only = definition.slots.is_empty();
        while self.state == State::Open {
            let first = self.people.iter().position(|person| person.phase == Phase::Waiting);
            let Some(first) = first else { return };
            let seeking = self.count(Phase::Admitted) + self.count(Phase::Inside);
            let room = seeking + self.count(Phase::Holding) < rules.max_inside;
            let worth = queue_only || self.free() > seeking;
            if !room || !worth || self.credit < MINUTE_MS {
                return;
            }
            self.credit -= MINUTE_MS;
            let until = self.clock.now + rules.claim_secs * 1_000;
            let person = &mut self.people[first];
            (person.phase, person.until) = (Phase::Admitted, until);
            told.push(Told::of_time(&person.id, Outcome::Admitted(until)));
        }
    }
}
