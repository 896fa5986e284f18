//! A small language for tests: an event, its log, and what was told.

use crate::{
    Action, AdmissionRules, Command, Definition, Epoch, Event, Mode, Operation, Outcome, Refusal,
    Slot, TicketId, Told,
    definition::RULES,
    digest::digest,
    ids::{Millis, SlotId},
    invariants,
};

pub(super) const START: Millis = 1_700_000_000_000;

pub(super) fn slot(id: &str) -> SlotId {
    id.parse().expect("a slot id")
}

pub(super) fn ticket(n: u64) -> TicketId {
    // Spread like the SHA-256 that real ids are made of.
    let spread = (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut id = [0; 16];
    id[..8].copy_from_slice(&n.to_be_bytes());
    id[8..].copy_from_slice(&spread.to_be_bytes());
    TicketId(id)
}

/// 60 a minute, 3 inside, 10 s to claim, 60 s inside, 20 s a hold, 2 seats each; slots a: 2, b: 3.
pub(super) fn definition() -> Definition {
    let seats = |id: &str, capacity| Slot { id: slot(id), starts_at: START, capacity };
    Definition {
        rules: RULES,
        title: [("en".to_owned(), "Pop-up".to_owned())].into(),
        mode: Mode::Fifo,
        time_zone: "Asia/Seoul".into(),
        prequeue_at: None,
        opens_at: None,
        closes_at: None,
        return_url: None,
        admission: AdmissionRules {
            rate_per_min: 60,
            max_inside: 3,
            claim_secs: 10,
            window_secs: 60,
        },
        hold_secs: 20,
        seats_per_ticket: 2,
        slots: vec![seats("a", 2), seats("b", 3)],
    }
}

/// An event and the end of its log.
pub(super) struct Story {
    pub(super) event: Event,
    pub(super) log: Vec<(Millis, Vec<Command>)>,
    pub(super) at: Millis,
}

impl Story {
    pub(super) fn new(definition: Definition) -> Self {
        let mut story = Self { event: Event::default(), log: Vec::new(), at: START };
        let definition = Box::new(definition);
        story.run([Command::Operate(Operation::Define { salt: [7; 16], definition })]);
        story
    }

    pub(super) fn open() -> Self {
        Self::opened(definition())
    }

    pub(super) fn opened(definition: Definition) -> Self {
        let mut story = Self::new(definition);
        story.run([Command::Operate(Operation::Open)]);
        story
    }

    /// Appends one record and returns what it told.
    pub(super) fn run(&mut self, commands: impl Into<Vec<Command>>) -> Vec<Told> {
        let commands = commands.into();
        let mut told = Vec::new();
        self.event.apply(self.log.len() as u64, self.at, &commands, &mut told);
        self.log.push((self.at, commands));
        invariants::check(&self.event).expect("the invariants hold");
        told
    }

    /// One command; the outcome that answers it.
    pub(super) fn ask(&mut self, command: Command) -> Outcome {
        let told = self.run([command]);
        told.into_iter().find(|told| told.address.is_some()).expect("an answer").outcome
    }

    pub(super) fn act(&mut self, n: u64, action: Action) -> Outcome {
        self.ask(Command::Act { ticket: ticket(n), seq: None, action })
    }

    pub(super) fn act_as(&mut self, n: u64, seq: u32, action: Action) -> Outcome {
        self.ask(Command::Act { ticket: ticket(n), seq: Some(seq), action })
    }

    pub(super) fn operate(&mut self, operation: Operation) -> Outcome {
        self.ask(Command::Operate(operation))
    }

    pub(super) fn join(&mut self, n: u64) -> Outcome {
        self.ask(Command::Join { ticket: ticket(n), previous: None })
    }

    pub(super) fn rejoin(&mut self, n: u64, before: u64) -> Outcome {
        self.ask(Command::Join { ticket: ticket(n), previous: Some(ticket(before)) })
    }

    pub(super) fn hold(&mut self, n: u64, id: &str, seats: u32) -> Outcome {
        self.act(n, Action::Hold { slot: slot(id), seats })
    }

    pub(super) fn book(&mut self, n: u64) -> Outcome {
        self.act(n, Action::Book { reference: None })
    }

    /// Lets time pass in ticks of at most a second; returns all that was told.
    pub(super) fn wait(&mut self, mut ms: Millis) -> Vec<Told> {
        let mut told = Vec::new();
        while ms > 0 {
            let step = ms.min(1_000);
            ms -= step;
            self.at += step;
            told.extend(self.run([Command::Tick { epoch: Epoch::NONE }]));
        }
        told
    }

    /// Joins, waits for the turn and enters.
    pub(super) fn inside(&mut self, n: u64) {
        self.join(n);
        self.wait(1_000);
        let entered = self.act(n, Action::Enter);
        assert!(matches!(entered, Outcome::Inside { .. }), "{entered:?}");
    }

    pub(super) fn folded_again(&self) -> [u8; 32] {
        let mut event = Event::default();
        for (offset, (at, commands)) in self.log.iter().enumerate() {
            event.apply(offset as u64, *at, commands, &mut Vec::new());
        }
        digest(&event)
    }
}

pub(super) fn refusal(refusal: Refusal) -> Outcome {
    Outcome::Refused { refusal }
}

pub(super) fn admitted(told: &[Told]) -> Vec<TicketId> {
    let admitted = told.iter().filter(|told| matches!(told.outcome, Outcome::Admitted { .. }));
    admitted.filter_map(|told| told.ticket).collect()
}
