//! What a browser was answered is in the log, and true.

use oracle::{Outcome, Person};
use serde_json::Value;

use super::Inner;

impl Inner {
    /// 202: the log has a command of this ticket at that place.
    pub(crate) fn accepted(&mut self, who: &str, tickets: &[String], body: &Value) {
        self.tally.answers += 1;
        let place = (body["offset"].as_u64(), body["index"].as_u64());
        let (Some(offset), Some(index)) = place else {
            return self.trace.violation(format!("{who}: accepted without a place: {body}"));
        };
        let told = self.oracle.answer((offset, index as u16));
        let ours = told.and_then(|told| told.ticket.as_ref()).is_some_and(|t| tickets.contains(t));
        self.trace.must(ours, || {
            format!("{who}: {offset}-{index} was acknowledged, but the log has {told:?} there")
        });
    }

    /// 200 or a problem of the fold: some command of this number was answered so.
    pub(crate) fn decided(&mut self, who: &str, tickets: &[String], seq: u32, body: &Value) {
        self.tally.answers += 1;
        let (kind, code) = (body["type"].as_str(), body["code"].as_str());
        let found = self.oracle.first_told(0, |told| {
            told.seq == Some(seq)
                && told.ticket.as_ref().is_some_and(|ticket| tickets.contains(ticket))
                && match &told.outcome {
                    Outcome::Refused(why, _) => code == Some(why),
                    other => code.is_none() && kind == Some(frame_kind(other)),
                }
        });
        self.trace.must(found.is_some(), || {
            format!("{who}: number {seq} was answered {body}, which the log never said")
        });
    }

    /// `GET …/ticket`: it was so at some offset that is not before what the browser knew.
    pub(crate) fn shown(&mut self, who: &str, tickets: &[String], seen: u64, body: &Value) {
        self.tally.answers += 1;
        let position = body["position"].as_u64().unwrap_or_default() as u32;
        let ours = self.oracle.people.get((position as usize).wrapping_sub(1));
        let ours = ours.is_some_and(|person| tickets.contains(&person.id));
        let right = |person: &Person| {
            let hold = person.hold.as_ref().map(|hold| (hold.slot.as_str(), u64::from(hold.seats)));
            let booking = person.booking.as_ref().map(|booking| booking_id(booking.id));
            Some(person.phase.name()) == body["state"].as_str()
                && hold == body["hold"]["slot"].as_str().zip(body["hold"]["seats"].as_u64())
                && booking.as_deref() == body["booking"]["booking"].as_str()
        };
        let found = self.oracle.first(position, seen, right);
        self.trace.must(ours && found.is_some(), || {
            format!("{who}: from {seen} on the log never said {body}")
        });
    }

    /// "Not in line": there was no ticket yet, as far as the browser knew.
    pub(crate) fn absent(&mut self, who: &str, tickets: &[String], seen: u64) {
        self.tally.answers += 1;
        let known = tickets.iter().filter_map(|ticket| self.oracle.find(ticket));
        let since = known.filter_map(|at| self.oracle.since(at as u32 + 1, seen)).min();
        self.trace.must(since.is_none(), || {
            format!("{who}: \"not in line\" at {seen}, with a place since {since:?}")
        });
    }
}

pub(super) fn booking_id((offset, index): oracle::Place) -> String {
    format!("{offset}-{index}")
}

pub(super) fn frame_kind(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Waiting(_) => "waiting",
        Outcome::Admitted(_) => "admitted",
        Outcome::Inside(_) => "inside",
        Outcome::Held(_) => "held",
        Outcome::Released(..) => "released",
        Outcome::Booked(_) => "booked",
        Outcome::Cancelled => "cancelled",
        Outcome::Left => "left",
        Outcome::Expired => "expired",
        Outcome::Refused(..) => "refused",
        Outcome::Followed(_) | Outcome::Operated(_) | Outcome::Owned(_) => "",
    }
}
