//! The people of a crowd: what they were told, and what they do about it.

use std::{collections::BTreeMap, io};

use uuid::Uuid;

use super::ears::Ears;
use crate::{
    agenda::Agenda,
    dice::Dice,
    latency::Latency,
    model::{Faults, places::Place, stream::Sight},
    net::{
        calls,
        http::Answer,
        streams::{End, Heard},
        websocket::NORMAL_CLOSURE,
    },
    report::Outcome,
    service::read_accepted,
    tally::Tally,
};

/// A stream says something each second; after so long without a word it is silent, in microseconds.
const SILENCE_US: u64 = 5_000_000;

/// An upgrade that is not answered after so long is given up, in microseconds.
const OPEN_US_MAX: u64 = 30_000_000;

/// Before a lost socket is opened again, in microseconds: from and up to.
const AGAIN_US: (u64, u64) = (100_000, 500_000);

/// What somebody does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Page,
    Join,
    Listen,
    /// Listening; nothing to do.
    Open,
    Gone,
}

pub struct Person {
    pub step: Step,
    pub due_us: u64,
    pub heard_us: u64,
    /// Number of the socket.
    pub socket: Option<usize>,
    /// `name=value`.
    pub cookie: Option<Box<str>>,
    /// The same join again is the same join.
    pub key: Uuid,
    pub place: Option<Place>,
    pub sight: Sight,
    is_open: bool,
    is_placed: bool,
    /// Had a socket before.
    returns: bool,
}

pub struct Hall {
    pub people: Vec<Person>,
    pub agenda: Agenda,
    dice: Dice,
    pub ears: Ears,
    pub tally: Tally,
    /// From the moment someone came.
    pub accepted: Latency,
    pub placed: Latency,
    pub open: u64,
    pub lost: BTreeMap<String, u64>,
    pub reconnected: u64,
    /// Our goodbye was answered.
    closed: u64,
    /// The connection ended without an answer to our goodbye.
    closed_mutely: u64,
    pub unclosed: u64,
    pub faults: Faults,
    /// Connections that were dropped like a phone that lost its network.
    pub torn: u64,
}

impl Hall {
    /// `count`: how many will come.
    pub fn new(count: usize, seed: u64) -> Self {
        Self {
            people: Vec::with_capacity(count),
            agenda: Agenda::default(),
            dice: Dice::of(seed, 0),
            ears: Ears::default(),
            tally: Tally::default(),
            accepted: Latency::default(),
            placed: Latency::default(),
            open: 0,
            lost: BTreeMap::new(),
            reconnected: 0,
            closed: 0,
            closed_mutely: 0,
            unclosed: 0,
            faults: Faults::default(),
            torn: 0,
        }
    }

    /// Somebody new.
    pub fn comes(&mut self, who: usize, due_us: u64, step: Step) {
        self.people.push(Person {
            step,
            due_us,
            heard_us: due_us,
            socket: None,
            cookie: None,
            key: Uuid::new_v4(),
            place: None,
            sight: Sight::default(),
            is_open: false,
            is_placed: false,
            returns: false,
        });
        self.agenda.at(due_us, who);
    }

    /// The page came, and with it the cookie.
    pub fn paged(&mut self, who: usize, result: calls::Result<'_>, now_us: u64) {
        let cookie = result.as_ref().ok().and_then(|answer| text_of(answer.cookie));
        match (result, cookie) {
            (Ok(answer), Some(cookie)) if answer.status == 200 => {
                self.people[who].cookie = Some(cookie);
                self.next(who, Step::Join, now_us);
            }
            (Ok(answer), _) if answer.status != 200 => self.refused(who, "a page", answer, now_us),
            (Ok(_), _) => self.faults.push("the page sets no cookie".to_owned()),
            (Err(_), _) => {
                self.tally.lost += 1;
                self.again(who, now_us);
            }
        }
    }

    /// A join was answered, or not.
    pub fn joined(&mut self, who: usize, result: calls::Result<'_>, now_us: u64) {
        let answer = match result {
            Ok(answer) if answer.status == 202 => answer,
            Ok(answer) => return self.refused(who, "a join", answer, now_us),
            Err(_) => {
                self.tally.lost += 1;
                return self.again(who, now_us);
            }
        };
        let person = &mut self.people[who];
        if let Some(cookie) = text_of(answer.cookie) {
            person.cookie = Some(cookie);
        }
        match read_accepted(answer.body) {
            Err(text) => self.faults.push(text),
            Ok(_) if person.cookie.is_none() => self.faults.push("a 202 sets no cookie".to_owned()),
            Ok(place) => {
                person.place = Some(place);
                self.accepted.record_us(now_us.saturating_sub(person.due_us));
                self.next(who, Step::Listen, now_us);
            }
        }
    }

    fn next(&mut self, who: usize, step: Step, now_us: u64) {
        self.people[who].step = step;
        self.agenda.at(now_us, who);
    }

    fn refused(&mut self, who: usize, what: &str, answer: &Answer<'_>, now_us: u64) {
        let took_us = now_us.saturating_sub(self.people[who].due_us);
        self.tally.refused(what, answer, took_us);
        let patience_us = self.dice.patience_us(answer.retry_after_secs);
        self.agenda.at(now_us + patience_us, who);
    }

    fn again(&mut self, who: usize, now_us: u64) {
        let (least, most) = AGAIN_US;
        let pause_us = self.dice.between(least, most);
        self.agenda.at(now_us + pause_us, who);
    }

    /// A socket could not be opened.
    pub fn failed(&mut self, who: usize, error: &io::Error, now_us: u64) {
        self.ended(who, &End::Torn(error.to_string()), now_us);
    }

    /// A socket tells something.
    pub fn heard(&mut self, who: usize, heard: &Heard<'_>, now_us: u64) {
        match heard {
            Heard::Text(text) => self.told(who, text, now_us),
            Heard::Open => self.opened(who),
            Heard::Refused(answer) => {
                self.people[who].socket = None;
                self.refused(who, "a stream", answer, now_us);
            }
            Heard::Ended(end) => self.ended(who, end, now_us),
        }
    }

    fn opened(&mut self, who: usize) {
        let person = &mut self.people[who];
        self.open += 1;
        self.reconnected += u64::from(person.returns);
        (person.step, person.is_open, person.returns) = (Step::Open, true, true);
        person.sight.connected();
    }

    fn ended(&mut self, who: usize, end: &End, now_us: u64) {
        let person = &mut self.people[who];
        person.socket = None;
        self.open -= u64::from(std::mem::take(&mut person.is_open));
        if person.step == Step::Gone {
            match end {
                End::Closed(NORMAL_CLOSURE) => self.closed += 1,
                _ => self.closed_mutely += 1,
            }
            return;
        }
        *self.lost.entry(end.to_string()).or_default() += 1;
        person.step = Step::Listen;
        self.again(who, now_us);
    }

    /// The network is gone; a little later it is back. Nothing that the socket said is lost on us.
    pub fn tears(&mut self, who: usize, now_us: u64) -> Option<usize> {
        let person = &mut self.people[who];
        let id = person.socket.take_if(|_| person.step == Step::Open)?;
        (person.step, person.is_open) = (Step::Listen, false);
        (self.open, self.torn) = (self.open - 1, self.torn + 1);
        self.again(who, now_us);
        Some(id)
    }

    fn told(&mut self, who: usize, text: &[u8], now_us: u64) {
        let person = &mut self.people[who];
        person.heard_us = now_us;
        let has_ticket = person.place.is_some();
        match self.ears.hear(who, text, &mut person.sight, has_ticket) {
            // Who was first may have been let in before the stream was open.
            Ok(true) if !std::mem::replace(&mut person.is_placed, true) => {
                self.placed.record_us(now_us.saturating_sub(person.due_us));
            }
            Ok(_) => {}
            Err(fault) => self.faults.push(format!("shopper {who}: {fault}")),
        }
    }

    /// Finds sockets that say nothing any more; those that never opened are to be torn.
    pub fn find_silent(&mut self, now_us: u64) -> Vec<usize> {
        let mut stuck = Vec::new();
        for who in 0..self.people.len() {
            let person = &mut self.people[who];
            let silent_us = now_us.saturating_sub(person.heard_us);
            if silent_us > SILENCE_US && person.step == Step::Open {
                person.heard_us = now_us;
                self.faults.push(format!("the socket of shopper {who} was silent for 5 s"));
            }
            if silent_us > OPEN_US_MAX && person.step == Step::Listen && person.socket.is_some() {
                stuck.extend(person.socket);
                self.ended(who, &End::Torn("the upgrade was not answered".to_owned()), now_us);
            }
        }
        stuck
    }

    /// Everyone who joined, with the position that was told.
    pub fn places(&self) -> Vec<Place> {
        let placed = |person: &Person| {
            person.place.map(|place| Place { position: person.sight.position, ..place })
        };
        self.people.iter().filter_map(placed).collect()
    }

    pub fn report(mut self, outcome: &mut Outcome) {
        outcome.places = self.places();
        outcome.count("came", self.people.len() as u64);
        outcome.count("accepted", self.accepted.count());
        outcome.count("placed", self.placed.count());
        outcome.count("frames", self.ears.frames);
        outcome.count("sockets_reconnected", self.reconnected);
        outcome.count("sockets_torn_by_us", self.torn);
        outcome.count("sockets_closed", self.closed);
        outcome.count("sockets_closed_without_answer", self.closed_mutely);
        outcome.count("sockets_not_closed", self.unclosed);
        outcome.count("sockets_lost", self.lost.values().sum());
        for (why, count) in std::mem::take(&mut self.lost) {
            outcome.count(&format!("sockets_lost: {why}"), count);
        }
        let times = [
            ("accepted", self.accepted),
            ("placed", self.placed),
            ("age", self.ears.age),
            ("age_opening", self.ears.age_opening),
            ("age_closing", self.ears.age_closing),
        ];
        let times = times.into_iter().filter(|(_, times)| times.count() > 0);
        outcome.latencies.extend(times.map(|(name, times)| (name.to_owned(), times)));
        outcome.faults.add(self.faults);
        self.tally.report(outcome);
    }
}

fn text_of(bytes: Option<&[u8]>) -> Option<Box<str>> {
    std::str::from_utf8(bytes?).ok().map(Box::from)
}
