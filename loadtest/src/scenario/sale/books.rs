//! The books of a sale: who holds and has booked what, by the answers alone.

use std::collections::BTreeMap;

use super::shopper::Ask;
use crate::{
    latency::Latency,
    model::{Faults, answers::Known, frames::Kind, seats::Seats},
    service::{Facts, Slot},
};

/// What somebody has for all that was answered: (slot, seats).
#[derive(Debug, Default)]
pub struct Holding {
    pub held: Option<(String, u64)>,
    pub booked: Option<(String, u64)>,
}

pub struct Books {
    slots: Vec<String>,
    pub seats: Seats,
    /// From the first sending to the outcome, by command.
    pub took: BTreeMap<&'static str, Latency>,
    /// By command and outcome.
    pub outcomes: BTreeMap<String, u64>,
    pub decided: u64,
}

impl Books {
    pub fn new(facts: &Facts) -> Self {
        let slots = facts.slots.iter();
        let seats =
            slots.map(|Slot { id, capacity, remaining }| (id.as_str(), *capacity, *remaining));
        Self {
            slots: facts.slots.iter().map(|slot| slot.id.clone()).collect(),
            seats: Seats::new(seats),
            took: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            decided: 0,
        }
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

    /// A command is about to be sent for the first time.
    pub fn asks(&mut self, ask: &Ask, holding: &Holding) {
        if let (Ask::Cancel, Some((slot, seats))) = (ask, &holding.booked) {
            self.seats.gives_back(slot, *seats);
        }
    }

    /// The first answer to a command.
    pub fn settle(
        &mut self,
        ask: &Ask,
        known: &Known,
        took_us: u64,
        holding: &mut Holding,
        faults: &mut Faults,
    ) {
        self.count(ask, known, took_us);
        let seats = known.slot.clone().zip(known.seats.map(u64::from));
        match known.kind {
            Kind::Held => {
                let asked = self.asked(ask);
                faults.check(seats == asked, || format!("asked {asked:?}, held {seats:?}"));
                holding.held = seats;
            }
            Kind::Booked => {
                let held = holding.held.take();
                faults.check(seats == held, || format!("held {held:?}, booked {seats:?}"));
                let booking = known.booking.as_deref().unwrap_or_default();
                if let Some((slot, count)) = &seats {
                    self.seats.booked(slot, *count, booking, faults);
                }
                holding.booked = seats;
            }
            Kind::Released | Kind::Left => holding.held = None,
            Kind::Cancelled => holding.booked = None,
            Kind::Refused if *ask == Ask::Cancel => {
                faults.push(format!("a cancel got {:?}", known.code));
            }
            _ => {}
        }
    }

    fn count(&mut self, ask: &Ask, known: &Known, took_us: u64) {
        let name = ask.name();
        self.decided += 1;
        self.took.entry(name).or_default().record_us(took_us);
        let how = known.code.clone().unwrap_or_else(|| format!("{:?}", known.kind).to_lowercase());
        *self.outcomes.entry(format!("{name}: {how}")).or_default() += 1;
    }

    fn asked(&self, ask: &Ask) -> Option<(String, u64)> {
        match ask {
            Ask::Hold { slot, seats } => Some((self.slots[*slot].clone(), u64::from(*seats))),
            _ => None,
        }
    }

    /// Adds what somebody may still hold, or is just giving back.
    pub fn add_maybe(
        &self,
        holding: &Holding,
        pending: Option<&Ask>,
        maybe: &mut BTreeMap<String, u64>,
    ) {
        let cancelled = holding.booked.clone().filter(|_| pending == Some(&Ask::Cancel));
        let asked = pending.and_then(|ask| self.asked(ask));
        for (slot, seats) in [holding.held.clone(), cancelled, asked].into_iter().flatten() {
            *maybe.entry(slot).or_default() += seats;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::frames::Frame;

    const HOLD: Ask = Ask::Hold { slot: 0, seats: 2 };

    fn books() -> Books {
        let slot = Slot { id: "a".to_owned(), capacity: 3, remaining: 3 };
        Books::new(&Facts { total: 0, slots: vec![slot], seats_per_ticket: 2 })
    }

    fn known(text: &str) -> Known {
        Known::from(&Frame::read(text.as_bytes()).unwrap())
    }

    fn held() -> Known {
        known(r#"{"type":"held","slot":"a","seats":2}"#)
    }

    fn booked(number: &str) -> Known {
        known(&format!(r#"{{"type":"booked","booking":"{number}","slot":"a","seats":2}}"#))
    }

    #[test]
    fn a_hold_becomes_a_booking_and_is_given_back() {
        let (mut books, mut holding, mut faults) = (books(), Holding::default(), Faults::default());
        books.settle(&HOLD, &held(), 5, &mut holding, &mut faults);
        assert_eq!(holding.held, Some(("a".to_owned(), 2)));
        books.settle(&Ask::Book, &booked("1"), 5, &mut holding, &mut faults);
        assert_eq!((books.seats.sold(), &holding.held), (2, &None));
        books.asks(&Ask::Cancel, &holding);
        let mut maybe = BTreeMap::new();
        books.add_maybe(&holding, Some(&Ask::Cancel), &mut maybe);
        assert_eq!((books.seats.sold(), maybe["a"]), (0, 2), "it may be done already, or not yet");
        books.settle(&Ask::Cancel, &known(r#"{"type":"cancelled"}"#), 5, &mut holding, &mut faults);
        assert_eq!((faults.count(), holding.booked), (0, None));
        assert_eq!((books.decided, books.outcomes["hold: held"]), (3, 1));
    }

    #[test]
    fn two_who_book_the_same_seats_are_found() {
        let (mut books, mut faults) = (books(), Faults::default());
        for number in ["1", "2"] {
            let mut holding = Holding::default();
            books.settle(&HOLD, &held(), 5, &mut holding, &mut faults);
            books.settle(&Ask::Book, &booked(number), 5, &mut holding, &mut faults);
        }
        assert!(faults.texts()[0].contains("4 of 3 seats"));
    }

    #[test]
    fn an_answer_about_something_else_is_found() {
        let (mut books, mut holding, mut faults) = (books(), Holding::default(), Faults::default());
        let other = Ask::Hold { slot: 0, seats: 1 };
        books.settle(&other, &held(), 5, &mut holding, &mut faults);
        assert_eq!(faults.count(), 1);
        holding.held = None;
        books.settle(&Ask::Book, &booked("1"), 5, &mut holding, &mut faults);
        assert_eq!(faults.count(), 2, "nothing was held");
        let refused = Known::refused("no_booking");
        books.settle(&Ask::Cancel, &refused, 5, &mut holding, &mut faults);
        assert_eq!(faults.count(), 3);
    }
}
