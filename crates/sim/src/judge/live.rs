//! What an owner tells all who listen is what the log brought about, all of it and in order.

use oracle::{Clock, Outcome, Told};
use ports::Write;
use wire::{names, ticket, view::LiveMessage};

use super::Inner;

impl Inner {
    pub(super) fn check_live(&self, who: &str, write: &Write, rebuilt: bool) {
        let message = match LiveMessage::decode(&write.live) {
            Ok(message) => message,
            Err(error) => return self.trace.violation(format!("{who}: {error}")),
        };
        let (from, to) = (message.progress.from, message.progress.to);
        let Some((clock, _)) = self.oracle.shared_at(to) else { return };
        let said: Vec<Told> = message.told.iter().map(translated).collect();
        // After a new building, or by a new owner, the beginning may be missing: the span says so.
        let whole = !rebuilt && from == write.from;
        self.trace.must(whole || from == to || rebuilt, || {
            format!("{who}: a message of {}..{to} says that it covers {from}..{to}", write.from)
        });
        let truth = self.oracle.told(if whole { from } else { 0 }, to);
        let truth: Vec<Told> = truth.map(|told| in_log_time(told, clock)).collect();
        let same = if whole { said == truth } else { truth.ends_with(&said) };
        self.trace.must(same, || {
            format!("{who}: {from}..{to} brought about {truth:?}, what is told is {said:?}")
        });
    }
}

fn in_log_time(told: &Told, clock: &Clock) -> Told {
    let mut told = told.clone();
    match &mut told.outcome {
        Outcome::Admitted(until) | Outcome::Inside(until) | Outcome::Released(until, _) => {
            *until = clock.expected(*until);
        }
        Outcome::Held(hold) => hold.until = clock.expected(hold.until),
        _ => {}
    }
    told
}

fn translated(told: &domain::Told) -> Told {
    Told {
        place: told.address.map(|address| (address.offset, address.index)),
        ticket: told.ticket.map(ticket::text),
        seq: told.seq,
        outcome: outcome(&told.outcome),
    }
}

fn outcome(outcome: &domain::Outcome) -> Outcome {
    use domain::Outcome as From;
    match outcome {
        From::Waiting { position } => Outcome::Waiting(*position),
        From::Admitted { until } => Outcome::Admitted(*until),
        From::Inside { until } => Outcome::Inside(*until),
        From::Held { hold } => Outcome::Held(oracle::Hold {
            slot: hold.slot.as_str().to_owned(),
            seats: hold.seats,
            until: hold.until,
        }),
        From::Released { until, ran_out } => Outcome::Released(*until, *ran_out),
        From::Booked { booking } => Outcome::Booked(oracle::Booking {
            id: (booking.id.offset, booking.id.index),
            slot: booking.slot.as_str().to_owned(),
            seats: booking.seats,
            reference: booking.reference.as_deref().map(str::to_owned),
        }),
        From::Cancelled => Outcome::Cancelled,
        From::Left => Outcome::Left,
        From::Expired => Outcome::Expired,
        From::Followed { next } => Outcome::Followed(ticket::text(*next)),
        From::Refused { refusal } => {
            let current = match refusal {
                domain::Refusal::StaleSeq { current } => Some(*current),
                _ => None,
            };
            Outcome::Refused(wire::Code::from(*refusal).as_str().to_owned(), current)
        }
        From::Operated { state } => Outcome::Operated(names::event_state(*state).to_owned()),
        From::Owned { epoch } => Outcome::Owned(epoch.0),
    }
}
