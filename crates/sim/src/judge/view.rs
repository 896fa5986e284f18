//! The view after each step: all of it is what the log says below the head.

use bytes::Bytes;
use domain::TicketId;
use futures_util::FutureExt;
use oracle::{Person, Phase};
use ports::{Head, ViewReader, Write};
use wire::{
    TicketState, names, ticket,
    view::{SharedValue, TicketValue},
};

use super::Inner;

impl Inner {
    pub(super) fn wrote(&mut self, who: &str, write: &Write, rebuilt: bool) {
        let Some(head) = self.present_head() else { return };
        let before = self.head.replace(head);
        if head != write.head || before == Some(head) {
            // It was done before: nothing has changed.
            self.check_head(who, before, head);
            return;
        }
        self.tally.writes += 1;
        self.tally.rebuilds += u64::from(rebuilt);
        self.torn &= !rebuilt;
        let heir = before.is_none_or(|before| before.epoch != head.epoch);
        // A lost answer is no reason to build everything anew.
        self.trace
            .must(!rebuilt || self.spoilt || heir, || format!("{who}: built anew for nothing"));
        self.spoilt &= !rebuilt;
        self.check_head(who, before, head);
        self.check_shared(who, head);
        self.check_all(who);
        self.check_live(who, write, rebuilt);
    }

    fn check_head(&self, who: &str, before: Option<Head>, head: Head) {
        let next = self.oracle.next;
        self.trace
            .must(head.next <= next, || format!("{who}: {head:?} is beyond the log ({next})"));
        let owned = self.epochs.contains(&head.epoch.0);
        self.trace.must(owned, || format!("{who}: nobody ever owned the event as {head:?}"));
        let Some(before) = before else { return };
        let ahead = head.epoch >= before.epoch && head.generation >= before.generation;
        self.trace.must(ahead && head.next >= before.next, || {
            format!("{who}: the view went back from {before:?} to {head:?}")
        });
    }

    fn check_shared(&self, who: &str, head: Head) {
        let shared = self.view.shared(&self.event).now_or_never();
        let Some(Ok(Some(shared))) = shared else { return };
        let shown = match SharedValue::decode(&shared.value) {
            Ok(shown) => shown.progress,
            Err(error) => return self.trace.violation(format!("{who}: {error}")),
        };
        let Some((clock, truth)) = self.oracle.shared_at(head.next) else { return };
        let seats = |slot: &wire::view::SlotProgress| {
            (slot.id.as_str().to_owned(), slot.capacity, slot.held, slot.sold)
        };
        let same = names::event_state(shown.state) == truth.state
            && (shown.serving, shown.total) == (truth.serving, truth.total)
            && [shown.waiting, shown.admitted, shown.inside, shown.holding, shown.booked]
                == truth.counts
            && shown.sold_out == truth.sold_out
            && u64::from(shown.rate) <= truth.rate
            && shown.at == clock.record
            && shown.slots.iter().map(seats).eq(truth.slots.iter().cloned());
        self.trace.must(same, || {
            format!("{who}: at {} the log says {truth:?}, the view {shown:?}", head.next)
        });
        let over = shown.slots.iter().find(|slot| slot.held + slot.sold > slot.capacity);
        self.trace.must(over.is_none(), || format!("I3: {who} shows {over:?}"));
    }

    /// Every ticket that the log knows.
    pub(crate) fn check_all(&mut self, who: &str) {
        let people = self.oracle.people.iter().map(|person| person.id.clone());
        let ids: Vec<TicketId> = people.filter_map(|id| ticket::parse(&id)).collect();
        let read = self.view.tickets(&self.event, &ids).now_or_never();
        let Some(Ok(Some(read))) = read else { return };
        for (i, (id, value)) in ids.into_iter().zip(read.values).enumerate() {
            self.check_ticket(who, read.head.next, i as u32 + 1, id, value);
        }
    }

    fn check_ticket(
        &mut self,
        who: &str,
        next: u64,
        position: u32,
        id: TicketId,
        value: Option<Bytes>,
    ) {
        let truth = self.oracle.person_at(position, next);
        let Some(value) = value else {
            let missing = || format!("I1: {who}: at {next} the view lacks position {position}");
            return self.trace.must(truth.is_none(), missing);
        };
        let since = self.oracle.since(position, next);
        let key = (id, value.clone());
        if since.is_some() && self.verified.get(&key).copied() == since {
            return;
        }
        let shown = match TicketValue::decode(&value) {
            Ok(shown) => shown,
            Err(error) => return self.trace.violation(format!("{who}: {error}")),
        };
        let right = |person: &Person| matches(&shown, position, person);
        if let (true, Some(since)) = (truth.is_some_and(right), since) {
            self.check_deadlines(who, next, position, &shown);
            self.verified.insert(key, since);
            return;
        }
        // A half-done write: ahead of the head, but never wrong.
        let later = self.torn && self.oracle.first(position, next, right).is_some();
        let truth = truth.cloned();
        self.trace.must(later, || {
            format!("{who}: at {next} position {position} is {truth:?}, the view says {shown:?}")
        });
    }

    /// Deadlines are shown by the log's clock, as it stood when they were written.
    fn check_deadlines(&self, who: &str, next: u64, position: u32, shown: &TicketValue) {
        let truth = self.oracle.person_at(position, next).zip(self.oracle.shared_at(next));
        let Some((person, (clock, _))) = truth else { return };
        let timed = matches!(person.phase, Phase::Admitted | Phase::Inside | Phase::Holding);
        let until = timed.then(|| clock.expected(person.until));
        let held = person.hold.as_ref().map(|hold| clock.expected(hold.until));
        let shown_held = shown.hold.as_ref().map(|hold| hold.until);
        self.trace.must(self.torn || (until, held) == (shown.until, shown_held), || {
            format!("{who}: at {next} {person:?} is shown until {:?}, {shown_held:?}", shown.until)
        });
    }
}

pub(super) fn phase(state: TicketState) -> &'static str {
    match state {
        TicketState::Registered => "registered",
        TicketState::Waiting => "waiting",
        TicketState::Admitted => "admitted",
        TicketState::Inside => "inside",
        TicketState::Holding => "holding",
        TicketState::Booked => "booked",
        TicketState::Left => "left",
        TicketState::Expired => "expired",
        TicketState::Cancelled => "cancelled",
    }
}

/// All but the deadlines.
fn matches(shown: &TicketValue, position: u32, person: &Person) -> bool {
    let hold = shown.hold.as_ref().map(|hold| (hold.slot.as_str(), hold.seats));
    let booking = shown.booking.as_ref().map(|booking| {
        let id = (booking.id.offset, booking.id.index);
        (id, booking.slot.as_str(), booking.seats, booking.reference.as_deref())
    });
    let last = shown.last.map(|last| (last.seq, last.code.map(wire::Code::as_str)));
    let code = |outcome: &oracle::Outcome| match outcome {
        oracle::Outcome::Refused(code, _) => Some(code.clone()),
        _ => None,
    };
    let truth = person.last.as_ref().map(|(seq, outcome)| (*seq, code(outcome)));
    shown.position == position
        && phase(shown.state) == person.phase.name()
        && shown.attempt == person.attempt
        && hold == person.hold.as_ref().map(|hold| (hold.slot.as_str(), hold.seats))
        && booking
            == person
                .booking
                .as_ref()
                .map(|b| (b.id, b.slot.as_str(), b.seats, b.reference.as_deref()))
        && last == truth.as_ref().map(|(seq, code)| (*seq, code.as_deref()))
        && shown.next.map(ticket::text) == person.next
}
