//! What each row of a record does.

use serde_json::Value;

use crate::{
    Admission, Booking, Definition, Hold, Oracle, Outcome, Person, Phase, Place, State, Told,
    person::refused,
};

type Answer = Result<Outcome, &'static str>;

impl Oracle {
    pub(crate) fn command(&mut self, place: Place, row: &Value, told: &mut Vec<Told>) {
        let Some(fields) = row.as_array() else { return };
        let Some(kind) = fields.first().and_then(Value::as_str) else { return };
        let fields = &fields[1..];
        match kind {
            "tick" => {}
            "own" => self.own(place, fields, told),
            "join" => self.join(place, fields, told),
            "enter" | "hold" | "release" | "book" | "cancel" | "leave" => {
                self.act(place, kind, fields, told);
            }
            _ => {
                let Some(answer) = self.operate(kind, fields) else { return };
                let outcome = match answer {
                    Ok(()) => Outcome::Operated(self.state.name().to_owned()),
                    Err(code) => refused(code),
                };
                told.push(Told::of_event(Some(place), outcome));
            }
        }
    }

    fn own(&mut self, place: Place, fields: &[Value], told: &mut Vec<Told>) {
        if let [after] = fields
            && after.as_u64() == Some(self.epoch)
        {
            self.epoch = place.0 * 1_024 + u64::from(place.1) + 1;
            told.push(Told::of_event(Some(place), Outcome::Owned(self.epoch)));
        }
    }

    fn join(&mut self, place: Place, fields: &[Value], told: &mut Vec<Told>) {
        let [id, previous @ ..] = fields else { return };
        let Some(id) = uuid(id) else { return };
        let previous = previous.first().and_then(Value::as_str);
        let outcome = match self.find(id) {
            Some(at) => self.present(at),
            None => match self.take_place(id, previous, told) {
                Ok(position) => Outcome::Waiting(position),
                Err(code) => refused(code),
            },
        };
        let ticket = Some(id.to_owned());
        told.push(Told { place: Some(place), ticket, seq: None, outcome });
    }

    fn take_place(
        &mut self,
        id: &str,
        previous: Option<&str>,
        told: &mut Vec<Told>,
    ) -> Result<u32, &'static str> {
        match self.state {
            State::Archived => return Err("event_archived"),
            State::Draft | State::Closed => return Err("event_not_open"),
            State::Prequeue | State::Open | State::Paused => {}
        }
        let mut person = Person::new(id.to_owned());
        if let Some(previous) = previous {
            let before = self.find(previous).ok_or("no_ticket")?;
            let before = &mut self.people[before];
            if !before.phase.ended() || before.next.is_some() {
                return Err("ticket_not_ended");
            }
            before.next = Some(id.to_owned());
            (person.attempt, person.last) = (before.attempt + 1, before.last.clone());
            told.push(Told::of_time(previous, Outcome::Followed(id.to_owned())));
        }
        self.people.push(person);
        Ok(self.people.len() as u32)
    }

    fn act(&mut self, place: Place, kind: &str, fields: &[Value], told: &mut Vec<Told>) {
        let own = match kind {
            "hold" => 2,
            "book" => 1,
            _ => 0,
        };
        let Some(ticket) = fields.first().and_then(uuid) else { return };
        let (fields, seq) = (&fields[1..], fields.get(1 + own));
        let seq = seq.and_then(Value::as_u64).map(|seq| seq as u32);
        let Some(at) = self.latest(ticket) else {
            let (ticket, outcome) = (Some(ticket.to_owned()), refused("no_ticket"));
            told.push(Told { place: Some(place), ticket, seq, outcome });
            return;
        };
        let outcome = self.numbered(place, at, seq, kind, fields);
        let ticket = Some(self.people[at].id.clone());
        told.push(Told { place: Some(place), ticket, seq, outcome });
    }

    /// The same number: the same answer. A lower one: too late.
    fn numbered(
        &mut self,
        place: Place,
        at: usize,
        seq: Option<u32>,
        kind: &str,
        fields: &[Value],
    ) -> Outcome {
        if let (Some(seq), Some((last, answer))) = (seq, &self.people[at].last) {
            if seq == *last {
                return answer.clone();
            }
            if seq < *last {
                return Outcome::Refused("stale_seq".to_owned(), Some(*last));
            }
        }
        let answer = match self.state {
            State::Archived => Err("event_archived"),
            _ => self.perform(place, at, kind, fields),
        };
        let outcome = answer.unwrap_or_else(refused);
        if let Some(seq) = seq {
            self.people[at].last = Some((seq, outcome.clone()));
        }
        outcome
    }

    fn perform(&mut self, place: Place, at: usize, kind: &str, fields: &[Value]) -> Answer {
        match kind {
            "enter" => self.enter(at),
            "hold" => {
                let slot = fields.first().and_then(Value::as_str).unwrap_or_default();
                let seats = fields.get(1).and_then(Value::as_u64).unwrap_or_default();
                self.hold(at, slot, seats as u32)
            }
            "release" => self.release(at),
            "book" => self.book(place, at, fields.first().and_then(Value::as_str)),
            "cancel" => self.cancel(at),
            _ => self.leave(at),
        }
    }

    fn enter(&mut self, at: usize) -> Answer {
        let serving = matches!(self.state, State::Open | State::Paused);
        let now = self.clock.now;
        let window = self.definition.as_ref().map_or(0, |d| d.admission.window_secs);
        let person = &mut self.people[at];
        match person.phase {
            Phase::Inside | Phase::Holding => return Ok(Outcome::Inside(person.until)),
            Phase::Waiting => return Err("not_admitted"),
            Phase::Admitted if serving => {}
            Phase::Admitted => return Err("event_not_open"),
            _ => return Err(over(person)),
        }
        (person.phase, person.entered) = (Phase::Inside, true);
        person.until = now + window * 1_000;
        Ok(Outcome::Inside(person.until))
    }

    fn hold(&mut self, at: usize, slot: &str, seats: u32) -> Answer {
        let serving = matches!(self.state, State::Open | State::Paused);
        let person = &self.people[at];
        match person.phase {
            Phase::Inside | Phase::Holding if !serving => return Err("event_not_open"),
            Phase::Inside | Phase::Holding if person.until <= self.clock.now => {
                return Err("window_over");
            }
            Phase::Inside | Phase::Holding => {}
            Phase::Waiting => return Err("not_admitted"),
            Phase::Admitted => return Err("not_inside"),
            _ => return Err(over(person)),
        }
        let definition = self.definition.as_ref().ok_or("unknown_slot")?;
        let wanted =
            definition.slots.iter().find(|known| known.id == slot).ok_or("unknown_slot")?;
        if seats == 0 || seats > definition.seats_per_ticket {
            return Err("bad_seats");
        }
        let old = person.hold.clone().filter(|old| old.slot == slot);
        if let Some(same) = old.as_ref().filter(|old| old.seats == seats) {
            return Ok(Outcome::Held(same.clone()));
        }
        let (held, sold) = self.taken(slot);
        if held + sold + seats - old.map_or(0, |old| old.seats) > wanted.capacity {
            return Err("not_enough_seats");
        }
        let until = self.clock.now + definition.hold_secs * 1_000;
        let hold = Hold { slot: slot.to_owned(), seats, until };
        let person = &mut self.people[at];
        (person.phase, person.hold_ran_out) = (Phase::Holding, false);
        person.hold = Some(hold.clone());
        Ok(Outcome::Held(hold))
    }

    fn release(&mut self, at: usize) -> Answer {
        let now = self.clock.now;
        let person = &mut self.people[at];
        match person.phase {
            Phase::Inside => return Ok(Outcome::Released(person.until, false)),
            Phase::Waiting => return Err("not_admitted"),
            Phase::Admitted => return Err("not_inside"),
            Phase::Holding => {}
            _ => return Err(over(person)),
        }
        person.hold = None;
        if person.until <= now {
            person.phase = Phase::Expired;
            return Ok(Outcome::Expired);
        }
        person.phase = Phase::Inside;
        Ok(Outcome::Released(person.until, false))
    }

    fn book(&mut self, place: Place, at: usize, reference: Option<&str>) -> Answer {
        let person = &mut self.people[at];
        if let Some(booking) = &person.booking {
            let same = reference.is_none() || booking.reference.as_deref() == reference;
            return if same { Ok(Outcome::Booked(booking.clone())) } else { Err("already_booked") };
        }
        let Some(hold) = person.hold.take() else {
            return Err(match person.phase {
                _ if person.hold_ran_out => "hold_expired",
                Phase::Waiting => "not_admitted",
                Phase::Admitted => "not_inside",
                Phase::Inside => "no_hold",
                _ => over(person),
            });
        };
        let reference = reference.map(str::to_owned);
        let booking = Booking { id: place, slot: hold.slot, seats: hold.seats, reference };
        person.phase = Phase::Booked;
        person.booking = Some(booking.clone());
        Ok(Outcome::Booked(booking))
    }

    fn cancel(&mut self, at: usize) -> Answer {
        let person = &mut self.people[at];
        match person.phase {
            Phase::Booked => {}
            Phase::Cancelled => return Ok(Outcome::Cancelled),
            Phase::Left | Phase::Expired => return Err("ticket_ended"),
            _ => return Err("no_booking"),
        }
        (person.phase, person.booking) = (Phase::Cancelled, None);
        Ok(Outcome::Cancelled)
    }

    fn leave(&mut self, at: usize) -> Answer {
        let person = &mut self.people[at];
        match person.phase {
            Phase::Booked => return Err("already_booked"),
            Phase::Expired | Phase::Cancelled => return Err("ticket_ended"),
            _ => {}
        }
        (person.phase, person.hold) = (Phase::Left, None);
        Ok(Outcome::Left)
    }

    /// What a ticket is now.
    fn present(&self, at: usize) -> Outcome {
        let person = &self.people[at];
        match (person.phase, &person.hold, &person.booking) {
            (_, Some(hold), _) => Outcome::Held(hold.clone()),
            (_, _, Some(booking)) => Outcome::Booked(booking.clone()),
            (Phase::Waiting, ..) => Outcome::Waiting(at as u32 + 1),
            (Phase::Admitted, ..) => Outcome::Admitted(person.until),
            (Phase::Left, ..) => Outcome::Left,
            (Phase::Expired, ..) => Outcome::Expired,
            (Phase::Cancelled, ..) => Outcome::Cancelled,
            (Phase::Inside | Phase::Holding | Phase::Booked, ..) => Outcome::Inside(person.until),
        }
    }

    /// `None`: nothing that anyone knows.
    fn operate(&mut self, kind: &str, fields: &[Value]) -> Option<Result<(), &'static str>> {
        let define = kind == "define";
        let wanted = match (kind, fields) {
            ("define", [_, body]) => Some(Definition::parse(body)?),
            ("admission", [body]) => {
                let admission = Admission::parse(body)?;
                self.definition.clone().map(|old| Definition { admission, ..old })
            }
            ("capacity", [slot, capacity]) => {
                let (slot, capacity) = (slot.as_str()?, capacity.as_u64()? as u32);
                if self.state < State::Archived
                    && self.definition.is_some()
                    && !self.slots().iter().any(|known| known.id == slot)
                {
                    return Some(Err("unknown_slot"));
                }
                self.definition.clone().map(|mut new| {
                    let slots = new.slots.iter_mut().filter(|known| known.id == slot);
                    slots.for_each(|slot| slot.capacity = capacity);
                    new
                })
            }
            ("open" | "pause" | "resume" | "close" | "archive", []) => None,
            _ => return None,
        };
        if self.state == State::Archived && kind != "archive" {
            return Some(Err("event_archived"));
        }
        if self.definition.is_none() && !define {
            return Some(Err("wrong_state"));
        }
        Some(match wanted {
            Some(new) => self.redefine(new),
            None => self.turn(kind),
        })
    }

    fn redefine(&mut self, new: Definition) -> Result<(), &'static str> {
        if !self.fits(&new) {
            return Err("capacity_below_sold");
        }
        if self.definition.is_some() {
            self.forget_credit_above(new.admission.rate_per_min);
        }
        self.definition = Some(new);
        Ok(())
    }

    fn turn(&mut self, kind: &str) -> Result<(), &'static str> {
        use State::{Archived, Closed, Draft, Open, Paused, Prequeue};
        self.state = match (kind, self.state) {
            ("open", Draft | Prequeue | Open) | ("resume", Open | Paused) => Open,
            ("pause", Open | Paused) => Paused,
            ("close", Draft | Prequeue | Open | Paused | Closed) => Closed,
            ("archive", Closed | Archived) if self.count(Phase::Holding) == 0 => Archived,
            _ => return Err("wrong_state"),
        };
        Ok(())
    }
}

/// A ticket's id; anything else is a malformed command, which changes nothing.
fn uuid(field: &Value) -> Option<&str> {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let text = field.as_str()?;
    let lengths = text.split('-').map(str::len);
    (lengths.eq([8, 4, 4, 4, 12]) && text.split('-').all(digits)).then_some(text)
}

/// Why a ticket that is past its turn can't do this.
fn over(person: &Person) -> &'static str {
    match person.phase {
        Phase::Booked => "already_booked",
        Phase::Expired if person.entered => "window_over",
        Phase::Expired => "turn_expired",
        _ => "ticket_ended",
    }
}
