//! The shop floor: everyone's commands on their way, and what their answers mean.

use std::collections::BTreeMap;

use super::{
    books::{Books, Holding},
    shopper::{Ask, Next, Offer, Shopper},
};
use crate::{
    agenda::Agenda,
    model::{
        Faults,
        admission::Admitted,
        answers::{Answers, Known},
        frames::{Frame, Kind},
        places::{Address, Place},
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
    holding: Holding,
    /// How it ended.
    pub end: Option<&'static str>,
}

pub struct Floor {
    pub guests: Vec<Guest>,
    offer: Offer,
    seed: u64,
    think_ms: u64,
    pub books: Books,
    pub agenda: Agenda,
    /// Who loses the network, and when.
    pub tears: Agenda,
    /// Who is to hang up.
    pub goes: Vec<usize>,
    pub admitted: Vec<Admitted>,
    pub repeated: u64,
    pub tally: Tally,
    pub faults: Faults,
}

impl Floor {
    pub fn new(facts: &Facts, seed: u64, think_ms: u64) -> Self {
        let (slots, seats_per_ticket) = (facts.slots.len(), facts.seats_per_ticket);
        Self {
            guests: Vec::new(),
            offer: Offer { slots, seats_per_ticket },
            seed,
            think_ms,
            books: Books::new(facts),
            agenda: Agenda::default(),
            tears: Agenda::default(),
            goes: Vec::new(),
            admitted: Vec::new(),
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
                holding: Holding::default(),
                end: None,
            });
        }
    }

    /// A frame came on somebody's stream.
    pub fn told(&mut self, who: usize, place: Option<Place>, frame: &Frame, now_us: u64) {
        self.guests[who].address = place.map(|place| place.address);
        if let Some(slots) = &frame.slots {
            let told = slots.iter().map(|(id, left)| self.books.seats.told(id, *left));
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

    /// What a guest sends now: its number, and the command.
    pub fn sends(&mut self, who: usize, now_us: u64) -> Option<(u64, Ask)> {
        let guest = self.guests.get_mut(who).filter(|guest| guest.end.is_none())?;
        if guest.pending.is_none() {
            let ask = guest.next.take()?;
            guest.seq += 1;
            self.books.asks(&ask, &guest.holding);
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
            let took_us = now_us.saturating_sub(pending.first_us);
            let Self { books, faults, .. } = self;
            books.settle(&pending.ask, known, took_us, &mut guest.holding, faults);
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

    /// Seats of each slot that may be held, or just be given back.
    pub fn maybe_taken(&self) -> BTreeMap<String, u64> {
        let mut maybe = BTreeMap::new();
        for Guest { holding, pending, .. } in &self.guests {
            let ask = pending.as_ref().map(|pending| &pending.ask);
            self.books.add_maybe(holding, ask, &mut maybe);
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

#[cfg(test)]
mod tests {
    use super::{super::plan::Plan, *};

    /// Somebody alone, let in at 0, who does what the shop hopes for; `repeats`: asks twice.
    fn floor(repeats: bool) -> Floor {
        let slot = crate::service::Slot { id: "a".to_owned(), capacity: 4, remaining: 4 };
        let facts = Facts { total: 0, slots: vec![slot], seats_per_ticket: 2 };
        let mut floor = Floor::new(&facts, 1, 1);
        floor.let_come(1);
        floor.guests[0].shopper.plan = Plan { repeats, ..Plan::default() };
        tell(&mut floor, r#"{"type":"waiting","position":1,"ahead":0}"#, 0);
        tell(&mut floor, r#"{"type":"admitted","until":"2026-01-01T00:00:00.000Z"}"#, 0);
        floor
    }

    fn tell(floor: &mut Floor, frame: &str, now_us: u64) {
        let address = Address::new(1, 0).unwrap();
        let place = Place { ticket: uuid::Uuid::nil(), address, position: None };
        floor.told(0, Some(place), &Frame::read(frame.as_bytes()).unwrap(), now_us);
    }

    fn answer(floor: &mut Floor, seq: u64, status: u16, body: &str, now_us: u64) {
        let answer = Answer { status, body: body.as_bytes(), ..Answer::default() };
        floor.answered(0, seq, Ok(&answer), now_us);
    }

    const INSIDE: &str = r#"{"type":"inside","until":"2026-01-01T00:00:00.000Z","seq":1}"#;

    #[test]
    fn a_command_without_an_outcome_is_asked_again_under_its_number() {
        let mut floor = floor(false);
        assert_eq!(floor.admitted.len(), 1);
        assert_eq!(floor.sends(0, 10), Some((1, Ask::Enter)));
        assert_eq!(floor.sends(0, 11), None, "it is under way");
        answer(&mut floor, 1, 202, "{}", 20);
        assert_eq!(floor.sends(0, 30), Some((1, Ask::Enter)));
        floor.answered(0, 1, Err(&crate::net::connection::Broken::Closed), 40);
        assert_eq!(floor.sends(0, 50), Some((1, Ask::Enter)));
        answer(&mut floor, 1, 200, INSIDE, 60);
        assert!(matches!(floor.sends(0, 70), Some((2, Ask::Hold { .. }))));
        assert_eq!((floor.faults.count(), floor.tally.lost), (0, 1));
    }

    #[test]
    fn the_stream_tells_the_outcome_as_well() {
        let mut floor = floor(false);
        floor.sends(0, 10);
        tell(&mut floor, INSIDE, 20);
        assert!(matches!(floor.sends(0, 30), Some((2, Ask::Hold { .. }))));
        answer(&mut floor, 1, 200, INSIDE, 40);
        assert_eq!(floor.faults.count(), 0);
        tell(&mut floor, r#"{"type":"expired"}"#, 50);
        assert_eq!((floor.at_home(), floor.sends(0, 60)), (1, None));
    }

    #[test]
    fn another_answer_to_a_repeat_is_found() {
        let mut floor = floor(true);
        floor.sends(0, 10);
        answer(&mut floor, 1, 200, INSIDE, 20);
        assert_eq!(floor.sends(0, 30), Some((1, Ask::Enter)), "asked once more");
        answer(&mut floor, 1, 409, r#"{"code":"not_admitted"}"#, 40);
        assert_eq!(floor.faults.count(), 1);
    }
}
