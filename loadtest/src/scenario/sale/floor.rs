//! The shop floor: everyone's commands on their way, and what their answers mean.

use std::collections::BTreeMap;

use super::shopper::{Ask, Next, Offer, Shopper};
use crate::{
    agenda::Agenda,
    latency::Latency,
    model::{
        Faults,
        admission::Admitted,
        answers::{Answers, Known},
        frames::{Frame, Kind},
        places::{Address, Place},
        seats::Seats,
    },
    net::{calls, http::Answer},
    service::{Facts, Problem},
    tally::Tally,
};

/// Before a command without an outcome is asked again, in microseconds.
const AGAIN_US: u64 = 200_000;

/// When somebody leaves the line, or loses the network, after the place was told, in milliseconds.
const WHILE_WAITING_MS: (u64, u64) = (100, 3_000);

/// A command on its way.
#[derive(Debug)]
struct Pending {
    ask: Ask,
    seq: u64,
    first_us: u64,
    /// It has an answer and is asked once more.
    repeats: bool,
    /// Under way now.
    sent: bool,
}

pub struct Guest {
    shopper: Shopper,
    seq: u64,
    next: Option<Ask>,
    pending: Option<Pending>,
    answers: Answers,
    address: Option<Address>,
    is_placed: bool,
    admitted: bool,
    held: Option<(String, u64)>,
    booked: Option<(String, u64)>,
    /// How it ended.
    pub end: Option<&'static str>,
}

pub struct Floor {
    pub guests: Vec<Guest>,
    offer: Offer,
    seed: u64,
    think_ms: u64,
    slots: Vec<String>,
    pub agenda: Agenda,
    /// Who loses the network, and when.
    pub tears: Agenda,
    /// Who is to hang up.
    pub goes: Vec<usize>,
    pub seats: Seats,
    pub admitted: Vec<Admitted>,
    /// From the first sending to the outcome, by command.
    pub took: BTreeMap<&'static str, Latency>,
    /// By command and outcome.
    pub outcomes: BTreeMap<String, u64>,
    pub decided: u64,
    pub repeated: u64,
    pub tally: Tally,
    pub faults: Faults,
}

impl Floor {
    pub fn new(facts: &Facts, seed: u64, think_ms: u64) -> Self {
        let slot = |slot: &'_ crate::service::Slot| slot.id.clone();
        let slots: Vec<String> = facts.slots.iter().map(slot).collect();
        let known =
            facts.slots.iter().map(|slot| (slot.id.as_str(), slot.capacity, slot.remaining));
        let offer = Offer { slots: slots.len(), seats_per_ticket: facts.seats_per_ticket };
        Self {
            guests: Vec::new(),
            offer,
            seed,
            think_ms,
            slots,
            agenda: Agenda::default(),
            tears: Agenda::default(),
            goes: Vec::new(),
            seats: Seats::new(known),
            admitted: Vec::new(),
            took: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            decided: 0,
            repeated: 0,
            tally: Tally::default(),
            faults: Faults::default(),
        }
    }

    /// As many guests as have come to the event.
    pub fn let_come(&mut self, count: usize) {
        while self.guests.len() < count {
            let shopper = Shopper::new(self.seed, self.guests.len() as u64, self.offer);
            self.guests.push(Guest {
                shopper,
                seq: 0,
                next: None,
                pending: None,
                answers: Answers::default(),
                address: None,
                is_placed: false,
                admitted: false,
                held: None,
                booked: None,
                end: None,
            });
        }
    }

    /// A frame came on somebody's stream.
    pub fn told(&mut self, who: usize, place: Option<Place>, frame: &Frame, now_us: u64) {
        self.guests[who].address = place.map(|place| place.address);
        if let Some(slots) = &frame.slots {
            let told = slots.iter().map(|(id, left)| self.seats.told(id, *left));
            for fault in told.filter_map(Result::err) {
                self.faults.push(fault);
            }
        }
        match frame.kind {
            Kind::Waiting if !self.guests[who].is_placed => self.placed(who, now_us),
            Kind::Admitted => self.let_in(who, frame, now_us),
            Kind::Expired => self.home(who, "expired"),
            _ => {}
        }
        if let Some(seq) = frame.seq.filter(|_| frame.kind != Kind::Waiting) {
            self.outcome(who, seq, &Known::from(frame), now_us);
        }
    }

    fn placed(&mut self, who: usize, now_us: u64) {
        let guest = &mut self.guests[who];
        guest.is_placed = true;
        let (least, most) = WHILE_WAITING_MS;
        let later_us = now_us + guest.shopper.dice.between(least, most) * 1_000;
        if guest.shopper.plan.leaves_line {
            guest.next = Some(Ask::Leave);
            self.agenda.at(later_us, who);
        } else if guest.shopper.plan.reconnects {
            self.tears.at(later_us, who);
        }
    }

    fn let_in(&mut self, who: usize, frame: &Frame, now_us: u64) {
        let guest = &mut self.guests[who];
        if std::mem::replace(&mut guest.admitted, true) || guest.end.is_some() {
            return;
        }
        if let (Some(address), Some(until)) = (guest.address, frame.until) {
            self.admitted.push(Admitted { address, until_ms: until.as_millisecond() });
        }
        let next = guest.shopper.admitted();
        self.then(who, next, now_us);
    }

    fn then(&mut self, who: usize, next: Next, now_us: u64) {
        let guest = &mut self.guests[who];
        match next {
            Next::Ask(ask) => {
                let think_us = guest.shopper.dice.between(0, 2 * self.think_ms) * 1_000;
                guest.next = Some(ask);
                self.agenda.at(now_us + think_us, who);
            }
            Next::Wait => {}
            Next::Home(how) => self.home(who, how),
        }
    }

    fn home(&mut self, who: usize, how: &'static str) {
        let guest = &mut self.guests[who];
        if guest.end.is_none() {
            guest.end = Some(how);
            self.goes.push(who);
        }
    }

    /// What a guest sends now: (number, command, slot, seats).
    pub fn sends(&mut self, who: usize, now_us: u64) -> Option<(u64, Ask)> {
        let guest = self.guests.get_mut(who).filter(|guest| guest.end.is_none())?;
        if guest.pending.is_none() {
            let ask = guest.next.take()?;
            guest.seq += 1;
            if let (Ask::Cancel, Some((slot, seats))) = (&ask, &guest.booked) {
                self.seats.gives_back(slot, *seats);
            }
            let (seq, first_us) = (guest.seq, now_us);
            guest.pending = Some(Pending { ask, seq, first_us, repeats: false, sent: false });
        }
        let pending = guest.pending.as_mut().filter(|pending| !pending.sent)?;
        pending.sent = true;
        Some((pending.seq, pending.ask.clone()))
    }

    /// It could not be sent: all connections are taken.
    pub fn unsent(&mut self, who: usize, now_us: u64) {
        if let Some(pending) = &mut self.guests[who].pending {
            pending.sent = false;
        }
        self.agenda.at(now_us + 1, who);
    }

    /// The body of a command.
    pub fn body(&self, ask: &Ask) -> Option<String> {
        match ask {
            Ask::Hold { slot, seats } => {
                let slot = &self.slots[*slot];
                Some(serde_json::json!({ "slot": slot, "seats": seats }).to_string())
            }
            Ask::Book => Some("{}".to_owned()),
            _ => None,
        }
    }

    /// A command was answered, or not.
    pub fn answered(&mut self, who: usize, seq: u64, result: calls::Result<'_>, now_us: u64) {
        let again_us = match result {
            Ok(answer) => self.read(who, seq, answer, now_us),
            Err(_) => {
                self.tally.lost += 1;
                Some(AGAIN_US)
            }
        };
        let pending = self.guests[who].pending.as_mut().filter(|pending| pending.seq == seq);
        if let (Some(after_us), Some(pending)) = (again_us, pending) {
            pending.sent = false;
            self.agenda.at(now_us + after_us, who);
        }
    }

    /// After how long the command is to be asked again, if it is.
    fn read(&mut self, who: usize, seq: u64, answer: &Answer<'_>, now_us: u64) -> Option<u64> {
        match answer.status {
            200 => match Frame::read(answer.body) {
                Ok(frame) => self.outcome(who, seq, &Known::from(&frame), now_us),
                Err(fault) => self.faults.push(fault),
            },
            // In the log; asked again it tells the outcome.
            202 => return Some(AGAIN_US),
            409 | 422 => {
                self.outcome(who, seq, &Known::refused(Problem::code(answer.body)), now_us);
            }
            _ => {
                self.tally.refused("a command", answer, 0);
                let dice = &mut self.guests[who].shopper.dice;
                return Some(dice.patience_us(answer.retry_after_secs));
            }
        }
        None
    }

    fn outcome(&mut self, who: usize, seq: u64, known: &Known, now_us: u64) {
        let guest = &mut self.guests[who];
        let first = match guest.answers.take(seq, known) {
            Ok(first) => first,
            Err(fault) => return self.faults.push(format!("shopper {who}: {fault}")),
        };
        let Some(pending) = guest.pending.take_if(|it| it.seq == seq && (it.sent || first)) else {
            return;
        };
        if first {
            self.settle(who, &pending, known, now_us);
        }
        let guest = &mut self.guests[who];
        if first && guest.shopper.plan.repeats {
            guest.pending = Some(Pending { repeats: true, sent: false, ..pending });
            return self.agenda.at(now_us + self.think_ms * 1_000, who);
        }
        self.repeated += u64::from(pending.repeats);
        let next = guest.shopper.answered(&pending.ask, known);
        self.then(who, next, now_us);
    }

    /// Takes the first answer to a command into the books.
    fn settle(&mut self, who: usize, pending: &Pending, known: &Known, now_us: u64) {
        let guest = &mut self.guests[who];
        let name = pending.ask.name();
        self.decided += 1;
        self.took.entry(name).or_default().record_us(now_us.saturating_sub(pending.first_us));
        let how = known.code.clone().unwrap_or_else(|| format!("{:?}", known.kind).to_lowercase());
        *self.outcomes.entry(format!("{name}: {how}")).or_default() += 1;
        let seats = known.slot.clone().zip(known.seats.map(u64::from));
        match known.kind {
            Kind::Held => {
                let asked = match &pending.ask {
                    Ask::Hold { slot, seats } => {
                        Some((self.slots[*slot].clone(), u64::from(*seats)))
                    }
                    _ => None,
                };
                self.faults.check(seats == asked, || format!("asked {asked:?}, held {seats:?}"));
                guest.held = seats;
            }
            Kind::Booked => {
                let held = guest.held.take();
                self.faults.check(seats == held, || format!("held {held:?}, booked {seats:?}"));
                let booking = known.booking.as_deref().unwrap_or_default();
                if let Some((slot, count)) = &seats {
                    self.seats.booked(slot, *count, booking, &mut self.faults);
                }
                guest.booked = seats;
            }
            Kind::Released | Kind::Left => guest.held = None,
            Kind::Cancelled => guest.booked = None,
            Kind::Refused if pending.ask == Ask::Cancel => {
                self.faults.push(format!("the cancel of shopper {who} got {how}"));
            }
            _ => {}
        }
    }

    /// Seats of each slot that may be held, or just be given back.
    pub fn maybe_taken(&self) -> BTreeMap<String, u64> {
        let mut maybe = BTreeMap::new();
        let mut add = |slot: &str, seats: u64| *maybe.entry(slot.to_owned()).or_default() += seats;
        for guest in &self.guests {
            if let Some((slot, seats)) = &guest.held {
                add(slot, *seats);
            }
            match guest.pending.as_ref().map(|pending| &pending.ask) {
                Some(Ask::Hold { slot, seats }) => add(&self.slots[*slot], u64::from(*seats)),
                Some(Ask::Cancel) => {
                    guest.booked.iter().for_each(|(slot, seats)| add(slot, *seats));
                }
                _ => {}
            }
        }
        maybe
    }

    /// Those who wait for all they know and have not asked to leave.
    pub fn waiting(&self) -> impl Iterator<Item = (Address, usize)> {
        let waits = |guest: &Guest| {
            guest.is_placed && !guest.admitted && guest.end.is_none() && guest.seq == 0
        };
        let guests = self.guests.iter().enumerate().filter(move |(_, guest)| waits(guest));
        guests.filter_map(|(who, guest)| Some((guest.address?, who)))
    }

    pub fn at_home(&self) -> usize {
        self.guests.iter().filter(|guest| guest.end.is_some()).count()
    }
}
