//! What the state looks like in the view.

use bytes::Bytes;
use domain::{Event, Hold, Millis, Outcome, Phase, Told};
use ports::WriteEntry;
use wire::{
    Code, TicketState,
    view::{Last, Progress, PublicDefinition, SharedValue, SlotProgress, TicketValue},
};

/// The absolute value of the ticket at a position.
pub(crate) fn entry(event: &Event, position: u32) -> WriteEntry {
    let ticket = event.order().ticket(position);
    let value = match event.detail(position) {
        None => TicketValue { position, state: state(ticket.phase), ..TicketValue::default() },
        Some(detail) => {
            let expected = |until: Millis| event.time().expected(until);
            let timed = matches!(ticket.phase, Phase::Admitted | Phase::Inside | Phase::Holding);
            let last = detail.last.as_ref().map(|last| {
                let code = match last.outcome {
                    Outcome::Refused { refusal } => Some(Code::from(refusal)),
                    _ => None,
                };
                Last { seq: last.seq, code }
            });
            let hold = detail.hold.as_ref();
            TicketValue {
                position,
                state: state(ticket.phase),
                attempt: detail.attempt,
                until: timed.then(|| expected(detail.until)),
                hold: hold.map(|hold| Hold { until: expected(hold.until), ..hold.clone() }),
                booking: detail.booking.clone(),
                last,
                next: detail.next,
            }
        }
    };
    WriteEntry { ticket: ticket.id, value: value.encode().into() }
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
pub(crate) fn progress(event: &Event, from: u64) -> Progress {
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
pub(crate) fn shared(event: &Event, progress: Progress) -> Option<Bytes> {
    let definition = PublicDefinition::from(event.definition()?);
    let value = SharedValue { salt: *event.salt(), definition, progress };
    Some(value.encode().into())
}

pub(crate) fn public_definition(event: &Event) -> Option<PublicDefinition> {
    event.definition().map(PublicDefinition::from)
}
