//! Writes the view as an event's owner does, by hand.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard},
};

use domain::{
    AdmissionRules, Definition, Epoch, EventState, Millis, Mode, Outcome, Slot, TicketId, Told,
};
use ports::{
    Clock, Generation, Head, SystemClock, ViewWriter, Write, WriteEntry, WriteOutcome,
    memory::MemoryView,
};
use wire::{
    Browser,
    ticket::ticket_id,
    view::{LiveMessage, Progress, PublicDefinition, SharedValue, SlotProgress, TicketValue},
};

pub const EVENT: &str = "popup";

const SALT: [u8; 16] = [0x5a; 16];

/// The owner's memory: the next offset, the counts, every ticket.
pub struct Owner {
    view: MemoryView,
    state: Mutex<State>,
}

struct State {
    counter: u32,
    progress: Progress,
    definition: Definition,
    tickets: HashMap<TicketId, TicketValue>,
    head: Option<String>,
}

/// What one step changes.
#[derive(Default)]
pub struct Step {
    pub tickets: Vec<(TicketId, TicketValue)>,
    pub told: Vec<Told>,
}

pub fn ticket(browser: &Browser) -> TicketId {
    attempt(browser, 0)
}

pub fn attempt(browser: &Browser, attempt: u16) -> TicketId {
    ticket_id(&SALT, browser, attempt)
}

pub fn told(ticket: TicketId, outcome: Outcome) -> Told {
    Told { address: None, ticket: Some(ticket), seq: None, fresh: true, outcome }
}

fn slot(id: &str) -> Slot {
    Slot { id: id.parse().unwrap(), starts_at: 1_796_443_200_000, capacity: 20 }
}

fn definition() -> Definition {
    Definition {
        rules: 1,
        title: BTreeMap::from([("en".to_owned(), "Pop-up".to_owned())]),
        mode: Mode::Fifo,
        time_zone: "Asia/Seoul".to_owned(),
        prequeue_at: None,
        opens_at: None,
        closes_at: None,
        return_url: None,
        admission: AdmissionRules {
            rate_per_min: 60,
            max_inside: 5,
            claim_secs: 60,
            window_secs: 600,
        },
        hold_secs: 300,
        seats_per_ticket: 2,
        slots: vec![slot("1100"), slot("1200")],
    }
}

impl Owner {
    pub fn new(view: MemoryView) -> Self {
        let definition = definition();
        let seats = |slot: &Slot| SlotProgress {
            id: slot.id.clone(),
            capacity: slot.capacity,
            held: 0,
            sold: 0,
        };
        let progress = Progress {
            from: 0,
            to: 10,
            at: SystemClock.now(),
            state: EventState::Open,
            serving: 0,
            total: 0,
            rate: 60,
            waiting: 0,
            admitted: 0,
            inside: 0,
            holding: 0,
            booked: 0,
            sold_out: false,
            slots: definition.slots.iter().map(seats).collect(),
        };
        let state = State { counter: 0, progress, definition, tickets: HashMap::new(), head: None };
        Self { view, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The next offset of the log.
    pub fn next(&self) -> u64 {
        self.state().progress.to
    }

    /// Changes what all share; told with the next step.
    pub fn change(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.state().progress);
    }

    /// Has a head of the log told with the next step.
    pub fn sign(&self, head: &str) {
        self.state().head = Some(head.to_owned());
    }

    /// Gives the event many slots.
    pub fn slots(&self, count: usize) {
        let mut state = self.state();
        state.definition.slots = (0..count).map(|i| slot(&format!("slot-{i:040}"))).collect();
        let seats = |slot: &Slot| SlotProgress {
            id: slot.id.clone(),
            capacity: slot.capacity,
            held: 0,
            sold: 0,
        };
        let slots = state.definition.slots.iter().map(seats).collect();
        state.progress.slots = slots;
    }

    /// Builds the view anew out of memory.
    pub async fn build(&self) {
        let write = {
            let mut state = self.state();
            state.counter += 1;
            let entries = state.tickets.iter().map(|(id, value)| entry(*id, value)).collect();
            state.write(0, entries, Vec::new())
        };
        let outcome = self.view.rebuild(&EVENT.parse().unwrap(), write).await.unwrap();
        assert_eq!(outcome, WriteOutcome::Done);
    }

    /// One record further.
    pub async fn step(&self, step: Step) -> WriteOutcome {
        let write = {
            let mut state = self.state();
            let from = state.progress.to;
            state.progress.to += 1;
            state.progress.at = SystemClock.now();
            let entries = step.tickets.iter().map(|(id, value)| entry(*id, value)).collect();
            state.tickets.extend(step.tickets);
            state.write(from, entries, step.told)
        };
        self.view.write(&EVENT.parse().unwrap(), write).await.unwrap()
    }

    /// One record further in which one ticket changed.
    pub async fn tell(&self, id: TicketId, value: TicketValue, outcome: Outcome) {
        let step = Step { tickets: vec![(id, value)], told: vec![told(id, outcome)] };
        assert_eq!(self.step(step).await, WriteOutcome::Done);
    }

    /// A tick.
    pub async fn tick(&self) {
        assert_eq!(self.step(Step::default()).await, WriteOutcome::Done);
    }

    /// Somebody joins and waits; their position.
    pub async fn join(&self, browser: &Browser) -> u32 {
        let position = {
            let mut state = self.state();
            state.progress.total += 1;
            state.progress.total
        };
        let value = TicketValue::waiting(position);
        self.tell(ticket(browser), value, Outcome::Waiting { position }).await;
        position
    }

    /// The first of those who wait is let in.
    pub async fn admit(&self, browser: &Browser, position: u32) -> Millis {
        let until = SystemClock.now() + 60_000;
        self.change(|progress| progress.serving = position);
        let value = TicketValue {
            state: wire::TicketState::Admitted,
            until: Some(until),
            ..TicketValue::waiting(position)
        };
        self.tell(ticket(browser), value, Outcome::Admitted { until }).await;
        until
    }
}

impl State {
    fn write(&self, from: u64, entries: Vec<WriteEntry>, told: Vec<Told>) -> Write {
        let progress = Progress { from, ..self.progress.clone() };
        let definition = PublicDefinition::from(&self.definition);
        let shared = SharedValue {
            salt: SALT,
            definition: definition.clone(),
            progress: progress.clone(),
            head: self.head.clone(),
        };
        let generation = Generation { epoch: Epoch(1), counter: self.counter };
        let head = Head { epoch: Epoch(1), generation, next: progress.to };
        let definition = (from == 0).then_some(definition);
        let live = LiveMessage { progress, definition, told, traces: Vec::new() };
        Write { head, from, shared: shared.encode().into(), entries, live: live.encode().into() }
    }
}

fn entry(ticket: TicketId, value: &TicketValue) -> WriteEntry {
    WriteEntry { ticket, value: value.encode().into() }
}
