//! Watches an event from outside and knows what must never be seen.

use std::collections::{BTreeMap, HashMap};

use super::story::{START, definition, slot, ticket};
use crate::{
    Action, AdmissionRules, Command, Definition, Epoch, Event, EventState, Operation, Outcome,
    Phase, Refusal, TicketId, Told, digest::digest, ids::Millis, invariants,
};

/// One record: how long after the last, and its commands.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) gap: i64,
    pub(super) commands: Vec<Command>,
}

type Found = Result<(), String>;

fn must(holds: bool, what: impl FnOnce() -> String) -> Found {
    if holds { Ok(()) } else { Err(what()) }
}

/// What was seen so far.
struct Monitor {
    event: Event,
    at: Millis,
    now: Millis,
    positions: HashMap<TicketId, u32>,
    ahead: HashMap<TicketId, u32>,
    claims: BTreeMap<TicketId, Millis>,
    admissions: Vec<Millis>,
    last_admitted: u32,
    answers: HashMap<(TicketId, u32), Outcome>,
    fastest: u32,
}

/// Folds the steps into a fresh event; tells the first thing that must never be.
pub(super) fn watch(steps: &[Step]) -> Found {
    let mut monitor = Monitor {
        event: Event::default(),
        at: START,
        now: 0,
        positions: HashMap::new(),
        ahead: HashMap::new(),
        claims: BTreeMap::new(),
        admissions: Vec::new(),
        last_admitted: 0,
        answers: HashMap::new(),
        fastest: definition().admission.rate_per_min,
    };
    let define = Operation::Define { salt: [7; 16], definition: Box::new(definition()) };
    let opening = [Command::Operate(define), Command::Operate(Operation::Open)];
    monitor.step(0, &Step { gap: 0, commands: opening.into() })?;
    let mut log = Vec::new();
    for (i, step) in steps.iter().enumerate() {
        monitor.step(i as u64 + 1, step)?;
        log.push(monitor.at);
    }
    monitor.replay(steps, &log)
}

impl Monitor {
    fn step(&mut self, offset: u64, step: &Step) -> Found {
        self.at = self.at.saturating_add_signed(step.gap);
        let before = self.event.clone();
        let mut told = Vec::new();
        self.event.apply(offset, self.at, &step.commands, &mut told);
        invariants::check(&self.event).map_err(|violation| violation.to_string())?;
        self.check_time(step.gap)?;
        self.check_epoch(&before, step)?;
        self.check_numbers(&before, step, &told)?;
        self.check_rejoins(&before, step, &told)?;
        self.check_told(&told)?;
        self.check_admissions(&before, &told)?;
        self.check_places()
    }

    fn check_time(&mut self, gap: i64) -> Found {
        let now = self.event.time().now();
        let moved = now - self.now;
        let first = self.now == 0;
        self.now = now;
        must(first || (moved <= 2_000 && moved <= gap.max(0).unsigned_abs()), || {
            format!("event time moved by {moved} ms in a gap of {gap} ms")
        })
    }

    fn check_epoch(&self, before: &Event, step: &Step) -> Found {
        let knew = |command: &Command| matches!(command, Command::Own { after } if *after == before.epoch());
        let changed = self.event.epoch() != before.epoch();
        must(!changed || step.commands.iter().any(knew), || "a stale claim won".to_owned())
    }

    /// R6, when the record holds a single command.
    fn check_numbers(&mut self, before: &Event, step: &Step, told: &[Told]) -> Found {
        let [Command::Act { seq: Some(seq), .. }] = step.commands[..] else { return Ok(()) };
        let Some(answer) = told.iter().find(|t| t.address.is_some()) else {
            return Err("a command without an answer".into());
        };
        let Some(ticket) = answer.ticket else { return Err("an answer to nobody".into()) };
        let Some((.., detail)) = before.ticket(ticket) else { return Ok(()) };
        let last = detail.and_then(|detail| detail.last.clone());
        let newest = last.as_ref().map_or(0, |last| last.seq);
        if last.is_some() && seq < newest {
            let stale = Outcome::Refused { refusal: Refusal::StaleSeq { current: newest } };
            return must(answer.outcome == stale, || format!("number {seq} after {newest}"));
        }
        if last.is_some() && seq == newest {
            let first = self.answers.get(&(ticket, seq));
            return must(first.is_none_or(|first| *first == answer.outcome), || {
                format!("number {seq} was answered {first:?}, then {:?}", answer.outcome)
            });
        }
        self.answers.insert((ticket, seq), answer.outcome.clone());
        Ok(())
    }

    fn check_rejoins(&self, before: &Event, step: &Step, told: &[Told]) -> Found {
        let [Command::Join { ticket, previous: Some(previous) }] = &step.commands[..] else {
            return Ok(());
        };
        let new = before.ticket(*ticket).is_none() && self.event.ticket(*ticket).is_some();
        // Time passes before the command, so the phase just before it is known from what was told.
        let ended_now = told.iter().any(|t| {
            t.ticket == Some(*previous) && matches!(t.outcome, Outcome::Expired | Outcome::Left)
        });
        let ended = before.ticket(*previous).is_some_and(|(_, t, _)| t.phase.ended());
        must(!new || ended || ended_now, || "joined again while the last attempt runs".to_owned())
    }

    fn check_told(&mut self, told: &[Told]) -> Found {
        let limit = self.event.definition().map_or(0, |definition| definition.seats_per_ticket);
        for told in told {
            let Some(ticket) = told.ticket.filter(|_| told.fresh) else { continue };
            match &told.outcome {
                Outcome::Waiting { position } => {
                    let known = *self.positions.entry(ticket).or_insert(*position);
                    must(known == *position, || format!("{ticket:?}: {known}, then {position}"))?;
                }
                Outcome::Held { hold } => {
                    must(hold.seats <= limit, || format!("{} seats for one", hold.seats))?;
                }
                Outcome::Admitted { until } => drop(self.claims.insert(ticket, *until)),
                Outcome::Inside { .. } | Outcome::Left | Outcome::Expired => {
                    self.claims.remove(&ticket);
                }
                _ => {}
            }
        }
        let late = self.claims.iter().find(|(_, until)| **until <= self.now);
        must(late.is_none(), || format!("{late:?} is past its claim and still has its turn"))
    }

    fn check_admissions(&mut self, before: &Event, told: &[Told]) -> Found {
        let rules = self.event.admission().unwrap_or(definition().admission);
        self.fastest = self.fastest.max(rules.rate_per_min);
        let admitted =
            |told: &&Told| told.fresh && matches!(told.outcome, Outcome::Admitted { .. });
        let new: Vec<_> = told.iter().filter(admitted).collect();
        if new.is_empty() {
            return Ok(());
        }
        must(self.event.state() == EventState::Open, || "let in while not open".to_owned())?;
        must(self.event.occupied() <= rules.max_inside, || "more than max_inside".to_owned())?;
        for told in new {
            let position = told.ticket.and_then(|id| self.event.ticket(id)).map_or(0, |t| t.0);
            must(position > self.last_admitted, || format!("{position} was let in late"))?;
            self.last_admitted = position;
            self.admissions.push(self.now);
        }
        let seeking =
            self.event.order().count(Phase::Admitted) + self.event.order().count(Phase::Inside);
        let left = self.event.seats().remaining();
        must(u64::from(seeking) <= left, || format!("{seeking} let in for {left} seats"))?;
        let _ = before;
        self.check_rate()
    }

    /// No span of time has more admissions than the rate allows, plus one second's worth.
    fn check_rate(&self) -> Found {
        let Some(end) = self.admissions.last() else { return Ok(()) };
        let burst = (u64::from(self.fastest) * 1_000).max(60_000);
        for (i, start) in self.admissions.iter().enumerate() {
            let count = (self.admissions.len() - i) as u64;
            let allowed = ((end - start) * u64::from(self.fastest) + burst) / 60_000;
            must(count <= allowed, || format!("{count} let in within {} ms", end - start))?;
        }
        Ok(())
    }

    fn check_places(&mut self) -> Found {
        for (position, ticket) in self.event.order().tickets() {
            let ahead = self.event.ahead(position);
            let before = *self.ahead.entry(ticket.id).or_insert(ahead);
            must(ahead <= before, || format!("{position}: {before} ahead, then {ahead}"))?;
            self.ahead.insert(ticket.id, ahead);
        }
        Ok(())
    }

    /// I12: the same log gives the same digest.
    fn replay(&self, steps: &[Step], times: &[Millis]) -> Found {
        let define = Operation::Define { salt: [7; 16], definition: Box::new(definition()) };
        let opening = [Command::Operate(define), Command::Operate(Operation::Open)];
        let mut event = Event::default();
        event.apply(0, START, &opening, &mut Vec::new());
        for (i, (step, at)) in steps.iter().zip(times).enumerate() {
            event.apply(i as u64 + 1, *at, &step.commands, &mut Vec::new());
        }
        must(digest(&event) == digest(&self.event), || "the replay differs".to_owned())
    }
}

/// Random steps of a small crowd.
pub(super) mod any {
    use proptest::prelude::*;

    use super::{
        Action, AdmissionRules, Command, Definition, Epoch, Operation, Step, definition, slot,
        ticket,
    };
    use crate::ids::Address;

    const CROWD: u64 = 8;
    /// Ids of second attempts stand this far above those of first ones.
    const AGAIN: u64 = 100;

    pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
        prop::collection::vec(step(), 1..120)
    }

    fn step() -> impl Strategy<Value = Step> {
        let gap = prop_oneof![6 => 0_i64..1_500, 1 => 1_500_i64..60_000, 1 => -5_000_i64..0];
        let commands = prop_oneof![
            4 => command().prop_map(|command| vec![command]),
            1 => prop::collection::vec(command(), 0..5),
        ];
        (gap, commands).prop_map(|(gap, commands)| Step { gap, commands })
    }

    fn command() -> impl Strategy<Value = Command> {
        prop_oneof![
            6 => (0..CROWD).prop_map(|n| Command::Join { ticket: ticket(n), previous: None }),
            2 => (0..CROWD).prop_map(rejoin),
            24 => acting(),
            6 => Just(Command::Tick { epoch: Epoch::NONE }),
            1 => (0_u64..40).prop_map(own),
            1 => Just(Command::Malformed),
            2 => operation().prop_map(Command::Operate),
        ]
    }

    fn rejoin(n: u64) -> Command {
        Command::Join { ticket: ticket(n + AGAIN), previous: Some(ticket(n)) }
    }

    fn own(n: u64) -> Command {
        let after = if n < 20 { Epoch::NONE } else { Epoch::won_at(Address::new(n, 0)) };
        Command::Own { after }
    }

    fn acting() -> impl Strategy<Value = Command> {
        let seq = prop_oneof![2 => Just(None), 1 => (0_u32..8).prop_map(Some)];
        (0..CROWD, seq, action()).prop_map(|(n, seq, action)| Command::Act {
            ticket: ticket(n),
            seq,
            action,
        })
    }

    fn action() -> impl Strategy<Value = Action> {
        prop_oneof![
            6 => Just(Action::Enter),
            6 => ("[abx]", 0_u32..4).prop_map(|(id, seats)| Action::Hold { slot: slot(&id), seats }),
            2 => Just(Action::Release),
            3 => Just(Action::Book { reference: None }),
            1 => Just(Action::Cancel),
            1 => Just(Action::Leave),
        ]
    }

    fn operation() -> impl Strategy<Value = Operation> {
        prop_oneof![
            2 => Just(Operation::Pause),
            4 => Just(Operation::Resume),
            2 => ("[ab]", 0_u32..5)
                .prop_map(|(id, capacity)| Operation::Capacity { slot: slot(&id), capacity }),
            1 => (1_u32..200).prop_map(|rate| Operation::Admission(rules(rate))),
            1 => (0_u32..5).prop_map(define),
        ]
    }

    fn rules(rate_per_min: u32) -> AdmissionRules {
        AdmissionRules { rate_per_min, ..definition().admission }
    }

    fn define(capacity: u32) -> Operation {
        let mut new: Definition = definition();
        new.slots[0].capacity = capacity;
        Operation::Define { salt: [1; 16], definition: Box::new(new) }
    }
}
