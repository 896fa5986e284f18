//! A digest of the whole state: equal states, and only those, have equal digests.

use sha2::{Digest as _, Sha256};

use crate::{
    event::Event,
    ids::SlotId,
    outcome::{Booking, Hold},
    ticket::Detail,
};

/// SHA-256 over the state in a fixed order, every text with its length before it.
pub fn digest(event: &Event) -> [u8; 32] {
    let mut sink = Sink(Sha256::new());
    sink.number(event.next);
    sink.number(event.epoch.0);
    sink.number(event.time.now());
    sink.number(event.time.record());
    sink.number(event.state as u64);
    sink.number(event.defined_at.packed());
    sink.number(event.bucket.credit());
    sink.0.update(event.salt);
    for slot in event.seats.slots() {
        sink.text(slot.id.as_str());
        for seats in [slot.capacity, slot.held, slot.sold] {
            sink.number(seats.into());
        }
    }
    for (_, ticket) in event.order.tickets() {
        sink.0.update(ticket.id.0);
        sink.0.update([ticket.phase as u8]);
    }
    for (position, detail) in event.details.iter() {
        sink.number(position.into());
        sink.detail(detail);
    }
    sink.0.finalize().into()
}

struct Sink(Sha256);

impl Sink {
    fn number(&mut self, number: u64) {
        self.0.update(number.to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text);
    }

    fn detail(&mut self, detail: &Detail) {
        self.number(detail.attempt.into());
        self.number(detail.until);
        self.number(u64::from(detail.entered) * 2 + u64::from(detail.hold_ran_out));
        match &detail.hold {
            Some(Hold { slot, seats, until }) => self.seats(1, slot, *seats, *until),
            None => self.number(0),
        }
        match &detail.booking {
            Some(Booking { id, slot, seats, reference }) => {
                self.seats(1, slot, *seats, id.packed());
                self.text(reference.as_deref().unwrap_or_default());
            }
            None => self.number(0),
        }
        self.number(detail.last.as_ref().map_or(0, |last| u64::from(last.seq) + 1));
        self.0.update(detail.next.map_or([0; 16], |next| next.0));
    }

    fn seats(&mut self, mark: u64, slot: &SlotId, seats: u32, number: u64) {
        self.number(mark);
        self.text(slot.as_str());
        self.number(seats.into());
        self.number(number);
    }
}
