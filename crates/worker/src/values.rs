//! What the state looks like in the view.

use bytes::Bytes;
use domain::{Event, Hold, Millis, Outcome, Phase, Told};
use ports::WriteEntry;
use wire::{
    Code, TicketState,
    view::{Last, Progress, PublicDefinition, SharedValue, SlotProgress, TicketValue},
};

/// The entry of the ticket at a position.
pub(crate) fn entry(event: &Event, position: u32) -> WriteEntry {
    let ticket = event.order().ticket(position).id;
    WriteEntry { ticket, value: self::ticket(event, position).encode().into() }
}

/// The absolute value of the ticket at a position.
pub fn ticket(event: &Event, position: u32) -> TicketValue {
    let phase = event.order().ticket(position).phase;
    let state = state(phase);
    let Some(detail) = event.detail(position) else {
        return TicketValue { position, state, ..TicketValue::default() };
    };
    let expected = |until: Millis| event.time().expected(until);
    let timed = matches!(phase, Phase::Admitted | Phase::Inside | Phase::Holding);
    let hold = detail.hold.as_ref();
    TicketValue {
        position,
        state,
        attempt: detail.attempt,
        until: timed.then(|| expected(detail.until)),
        hold: hold.map(|hold| Hold { until: expected(hold.until), ..hold.clone() }),
        booking: detail.booking.clone(),
        last: detail.last.as_ref().map(|last| Last { seq: last.seq, code: code(&last.outcome) }),
        next: detail.next,
    }
}

fn code(outcome: &Outcome) -> Option<Code> {
    match outcome {
        Outcome::Refused { refusal } => Some(Code::from(*refusal)),
        _ => None,
    }
}

fn state(phase: Phase) -> TicketState {
    match phase {
        Phase::Waiting => TicketState::Waiting,
        Phase::Admitted => TicketState::Admitted,
        Phase::Inside => TicketState::Inside,
        Phase::Holding => TicketState::Holding,
        Phase::Booked => TicketState::Booked,
        Phase::Left => TicketState::Left,
        Phase::Expired => TicketState::Expired,
        Phase::Cancelled => TicketState::Cancelled,
    }
}

/// What was told, with its deadlines in the clock of the log.
pub(crate) fn in_log_time(event: &Event, mut told: Told) -> Told {
    let time = event.time();
    match &mut told.outcome {
        Outcome::Admitted { until }
        | Outcome::Inside { until }
        | Outcome::Released { until, .. } => {
            *until = time.expected(*until);
        }
        Outcome::Held { hold } => hold.until = time.expected(hold.until),
        _ => {}
    }
    told
}

/// How far the event has come with the records `from..`.
pub fn progress(event: &Event, from: u64) -> Progress {
    let count = |phase| event.order().count(phase);
    let slots = event.seats().slots().iter().map(|slot| SlotProgress {
        id: slot.id.clone(),
        capacity: slot.capacity,
        held: slot.held,
        sold: slot.sold,
    });
    Progress {
        from,
        to: event.next(),
        at: event.time().record(),
        state: event.state(),
        serving: event.order().serving(),
        total: event.order().total(),
        rate: event.rate_per_min(),
        waiting: count(Phase::Waiting),
        admitted: count(Phase::Admitted),
        inside: count(Phase::Inside),
        holding: count(Phase::Holding),
        booked: count(Phase::Booked),
        sold_out: event.sold_out(),
        slots: slots.collect(),
    }
}

/// What all readers share; `None` before the event is defined.
pub(crate) fn shared(event: &Event, progress: Progress, head: Option<String>) -> Option<Bytes> {
    let definition = PublicDefinition::from(event.definition()?);
    let value = SharedValue { salt: *event.salt(), definition, progress, head };
    Some(value.encode().into())
}

pub(crate) fn public_definition(event: &Event) -> Option<PublicDefinition> {
    event.definition().map(PublicDefinition::from)
}
