//! Every order of holding, swapping, releasing, running out, booking, cancelling and leaving that two
//! people can go through over two slots: the state machine and the oracle agree on each step.

use std::collections::{HashSet, VecDeque};

use domain::{
    Action, AdmissionRules, Command, Definition, Event, Mode, Operation, Slot, TicketId,
    definition::RULES,
    invariants,
    mutants::{Mutant, activate},
};
use oracle::Oracle;
use wire::record;

const START_MS: u64 = 1_796_464_800_000;
/// What passes when nobody does anything; commands take no time.
const STEP_MS: u64 = 1_000;
const PEOPLE: [TicketId; 2] = [TicketId([0xa1; 16]), TicketId([0xb2; 16])];

fn slot(id: &str, capacity: u32) -> Slot {
    Slot { id: id.parse().unwrap(), starts_at: START_MS, capacity }
}

fn definition() -> Definition {
    Definition {
        rules: RULES,
        title: [("en".to_owned(), "Seats".to_owned())].into(),
        mode: Mode::Fifo,
        time_zone: "UTC".into(),
        prequeue_at: None,
        opens_at: None,
        closes_at: None,
        return_url: None,
        admission: AdmissionRules {
            rate_per_min: 6_000,
            max_inside: 2,
            claim_secs: 2,
            window_secs: 6,
        },
        hold_secs: 3,
        seats_per_ticket: 2,
        slots: vec![slot("a", 2), slot("b", 1)],
    }
}

/// What can happen next: a command of either, or nothing but time.
fn choices() -> Vec<Vec<Command>> {
    let hold = |slot: &str, seats| Action::Hold { slot: slot.parse().unwrap(), seats };
    let actions = [
        Action::Enter,
        hold("a", 1),
        hold("a", 2),
        hold("b", 1),
        Action::Release,
        Action::Book { reference: None },
        Action::Cancel,
        Action::Leave,
    ];
    let act =
        |ticket| actions.clone().map(|action| vec![Command::Act { ticket, seq: None, action }]);
    let mut all: Vec<Vec<Command>> = PEOPLE.into_iter().flat_map(act).collect();
    all.push(Vec::new());
    all
}

#[derive(Clone)]
struct Node {
    at: u64,
    event: Event,
    oracle: Oracle,
}

impl Node {
    fn start() -> Self {
        let mut node = Self { at: START_MS, event: Event::default(), oracle: Oracle::default() };
        let define = Operation::Define { salt: [1; 16], definition: Box::new(definition()) };
        let mut commands = vec![Command::Operate(define), Command::Operate(Operation::Open)];
        commands.extend(PEOPLE.map(|ticket| Command::Join { ticket, previous: None }));
        node.step(&commands).expect("the beginning is fine");
        node.step(&[]).expect("both are let in");
        node
    }

    /// One record; says what is wrong afterwards.
    fn step(&mut self, commands: &[Command]) -> Result<(), String> {
        let (next, mut told) = (self.event.next(), Vec::new());
        self.at += if commands.is_empty() { STEP_MS } else { 0 };
        let at = self.at;
        self.event.apply(next, at, commands, &mut told);
        self.oracle.read(next, at, &record::encode(commands));
        invariants::check(&self.event).map_err(|violation| violation.to_string())?;
        self.agree()
    }

    fn agree(&self) -> Result<(), String> {
        for (position, person) in (1..).zip(&self.oracle.people) {
            let phase = format!("{:?}", self.event.order().ticket(position).phase).to_lowercase();
            let held = self.event.detail(position).and_then(|detail| detail.hold.clone());
            let held = held.map(|hold| (hold.slot.as_str().to_owned(), hold.seats, hold.until));
            let truth = person.hold.clone().map(|hold| (hold.slot, hold.seats, hold.until));
            if phase != person.phase.name() || held != truth {
                return Err(format!("{position} is {phase} with {held:?}, not {person:?}"));
            }
        }
        for slot in self.event.seats().slots() {
            let truth = self.oracle.taken(slot.id.as_str());
            if (slot.held, slot.sold) != truth {
                return Err(format!("{slot:?}, but people have {truth:?}"));
            }
        }
        Ok(())
    }

    /// The state without what only counts up; deadlines as spans from now.
    fn key(&self) -> String {
        let now = self.oracle.clock.now;
        let person = |person: &oracle::Person| {
            let hold = person.hold.as_ref().map(|h| (h.slot.clone(), h.seats, h.until - now));
            let booking =
                person.booking.as_ref().map(|booking| (booking.slot.clone(), booking.seats));
            let until = person.until.saturating_sub(now);
            (person.phase, until, person.entered, hold, person.hold_ran_out, booking)
        };
        format!("{:?}", self.oracle.people.iter().map(person).collect::<Vec<_>>())
    }
}

/// Walks all states; the first thing wrong, or how many there are.
fn walk() -> Result<usize, String> {
    let (start, choices) = (Node::start(), choices());
    let mut seen = HashSet::from([start.key()]);
    let mut open = VecDeque::from([start]);
    while let Some(node) = open.pop_front() {
        for commands in &choices {
            let mut next = node.clone();
            next.step(commands).map_err(|wrong| format!("after {}: {wrong}", node.key()))?;
            if seen.insert(next.key()) {
                next.oracle.forget();
                open.push_back(next);
            }
        }
    }
    Ok(seen.len())
}

#[test]
fn every_order_of_holding_and_booking_is_right() {
    let states = walk().expect("nothing is wrong");
    assert!(states > 2_000, "only {states} states were reached");
}

#[test]
fn each_broken_rule_of_seats_is_met_on_the_way() {
    for mutant in [
        Mutant::CapacityUnchecked,
        Mutant::SwapKeepsOld,
        Mutant::CancelKeepsSeats,
        Mutant::HoldNeverExpires,
    ] {
        activate(Some(mutant));
        let found = std::panic::catch_unwind(walk);
        activate(None);
        assert!(!matches!(found, Ok(Ok(_))), "{mutant:?} changes nothing");
    }
}
