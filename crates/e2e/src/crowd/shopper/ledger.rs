//! What a shopper knows of the own ticket, kept for the model.

use super::{Ask, Shopper, Stop, Visit, commands::known, joining::address};
use crate::{
    calls::Answer,
    frames::Personal,
    model::{Answered, SeatSpan, Use},
    moment::{self, Millis},
};

impl Shopper {
    /// Writes an answer down as it came.
    pub(super) fn note(&mut self, call: &str, seq: Option<u64>, answer: Option<&Answer>) {
        let ticket = answer.and_then(|answer| answer.body["ticket"].as_str());
        self.history.answers.push(Answered {
            at: moment::now(),
            ticket: ticket.unwrap_or(&self.ticket.id).to_owned(),
            call: call.to_owned(),
            seq,
            status: answer.map_or(0, |answer| answer.status),
            code: answer.map(|answer| answer.code().to_owned()).unwrap_or_default(),
            address: answer.and_then(address),
        });
    }

    /// Ends the spans that this command may end.
    pub(super) fn gives_up(&mut self, ask: &Ask) {
        let now = moment::now();
        let gives_seats = matches!(ask, Ask::Hold { .. } | Ask::Release | Ask::Cancel | Ask::Leave);
        if gives_seats && let Some(span) = self.ticket.seats.last_mut() {
            span.to = Some(span.to.map_or(now, |to| to.min(now)));
        }
        let goes = matches!(ask, Ask::Book { .. } | Ask::Leave);
        if goes && let Some(stay) = self.ticket.inside.last_mut() {
            stay.to = stay.to.min(now);
        }
    }

    /// Takes in the answer to an own command.
    pub(super) fn outcome(&mut self, outcome: &Personal) -> Visit {
        self.settled = false;
        let now = moment::now();
        let until = outcome.until_ms().map(|until| until - self.world.skew_ms);
        match outcome.kind.as_str() {
            "held" => self.seats_taken(outcome, now, until.or(Some(now))),
            "booked" => {
                let Some(span) = self.ticket.seats.last_mut() else {
                    return self.fault(format!("booked without a hold: {outcome:?}"));
                };
                span.to = None;
                if outcome.slot.as_ref() != Some(&span.slot) || outcome.seats != Some(span.seats) {
                    let held = format!("{span:?}");
                    return self.fault(format!("held {held}, booked {outcome:?}"));
                }
            }
            _ => {}
        }
        if matches!(outcome.kind.as_str(), "inside" | "released") {
            self.stays(now, until);
        }
        self.told(outcome);
        // A socket dialled before this answer came may still tell what was before it.
        let ends = ["left", "cancelled", "booked", "expired"];
        self.settled = ends.contains(&outcome.kind.as_str());
        Ok(())
    }

    pub(super) fn seats_taken(&mut self, outcome: &Personal, from: Millis, to: Option<Millis>) {
        if let (Some(slot), Some(seats)) = (&outcome.slot, outcome.seats) {
            self.ticket.seats.push(SeatSpan { slot: slot.clone(), seats, from, to });
        }
    }

    pub(super) fn stays(&mut self, from: Millis, until: Option<Millis>) {
        if let Some(to) = until {
            self.ticket.inside.push(Use { from, to });
            // Two spans that overlap would count one person twice.
            if let [.., before, last] = self.ticket.inside.as_mut_slice() {
                before.to = before.to.min(last.from);
            }
        }
    }

    /// Remembers the latest state that was told.
    pub(super) fn told(&mut self, frame: &Personal) {
        if !self.settled && frame.kind != "refused" && frame.kind != "none" {
            self.ticket.last = Some(known(frame));
        }
    }

    /// The turn passed; an echo of the ticket before this one does not count.
    pub(super) fn expired(&self) -> bool {
        self.ticket.last.as_ref().is_some_and(|known| known.kind == "expired") && self.placed()
    }

    /// Notes a fault and ends the visit.
    pub(super) fn fault(&mut self, text: String) -> Visit {
        self.history.faults.push(text);
        Err(Stop)
    }
}
