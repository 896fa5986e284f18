//! What must always be true. The same numbers are used in assertions, tests and the audit.
//!
//! | | |
//! |---|---|
//! | I1 | Positions are dense, 1..N, one for each ticket, and never change. |
//! | I2 | `serving` is the largest p such that nobody at or below p waits. |
//! | I3 | held + sold ≤ capacity in every slot. |
//! | I4 | A slot's held and sold seats are exactly those of its tickets. |
//! | I5 | Nobody is let in while someone before them waits. |
//! | I6 | Credit never exceeds one second's worth (at least one admission). |
//! | I7 | Whoever has a time limit has exactly one deadline, and it lies ahead. |
//! | I8 | Who holds has a hold, who booked has a booking, nobody else has either. |
//! | I9 | The counts of each phase add up to the tickets. |
//! | I10 | An ended ticket is followed at most once, by a ticket of the next attempt. |
//! | I11 | Nobody is let in above `max_inside`, for nothing, in a pause or before opening (checked on each step). |
//! | I12 | The same log gives the same digest. |

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    admission,
    event::Event,
    ids::SlotId,
    outcome::{EventState, Outcome, Told},
    ticket::{PHASES, Phase},
};

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("I{number}: {what}")]
pub struct Violation {
    pub number: u8,
    pub what: String,
}

fn must(number: u8, holds: bool, what: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation { number, what: what() }) }
}

/// Checks every invariant of the state; costs time in proportion to the tickets.
pub fn check(event: &Event) -> Result<(), Violation> {
    check_line(event)?;
    check_seats(event)?;
    check_deadlines(event)?;
    check_details(event)
}

/// The invariants that cost little, after one record that told `told`.
pub fn check_step(event: &Event, told: &[Told]) -> Result<(), Violation> {
    for slot in event.seats.slots() {
        must(3, slot.held + slot.sold <= slot.capacity, || format!("{slot:?}"))?;
    }
    let limits = event.occupied();
    must(7, event.deadlines.len() == limits as usize, || {
        format!("{} deadlines for {limits} tickets", event.deadlines.len())
    })?;
    let counted: u32 = ALL.iter().map(|phase| event.order.count(*phase)).sum();
    must(9, counted == event.order.total(), || {
        format!("{counted} of {} tickets have a phase", event.order.total())
    })?;
    check_admission(event, told)
}

/// People are let in last of all that a record does, so what allowed it must still hold.
fn check_admission(event: &Event, told: &[Told]) -> Result<(), Violation> {
    let let_in =
        |told: &Told| told.address.is_none() && matches!(told.outcome, Outcome::Admitted { .. });
    if !told.iter().any(let_in) {
        return Ok(());
    }
    let state = event.state;
    must(11, state == EventState::Open, || format!("let in while {state:?}"))?;
    let (inside, most) = (event.occupied(), event.admission().map_or(0, |rules| rules.max_inside));
    must(11, inside <= most, || format!("{inside} are inside, {most} may be"))?;
    let seeking = event.order.count(Phase::Admitted) + event.order.count(Phase::Inside);
    let free = event.seats.remaining();
    let queue_only = event.definition.as_ref().is_some_and(|d| d.queue_only());
    must(11, queue_only || free >= u64::from(seeking), || {
        format!("{seeking} look for seats, {free} are free")
    })
}

/// [`check_step`] on every record of a debug build, but for what a step told.
///
/// # Panics
/// When one does not hold.
pub(crate) fn check_cheap(event: &Event) {
    if let Err(violation) = check_step(event, &[]) {
        panic!("{violation}");
    }
}

/// Broken rules must be found by tests, not by the assertions of debug builds.
pub(crate) fn lenient() -> bool {
    crate::mutants::BREAKABLE && crate::mutants::Mutant::all().any(crate::mutants::on)
}

fn check_line(event: &Event) -> Result<(), Violation> {
    let mut counts = [0_u32; PHASES];
    let mut first_waiting = None;
    for (position, ticket) in event.order.tickets() {
        counts[ticket.phase as usize] += 1;
        let found = event.order.find(ticket.id);
        must(1, found == Some(position), || format!("{:?} stands at {found:?}", ticket.id))?;
        match ticket.phase {
            Phase::Waiting => first_waiting = first_waiting.or(Some(position)),
            Phase::Left => {}
            _ => must(5, first_waiting.is_none(), || {
                format!("{position} was let in before {first_waiting:?}")
            })?,
        }
    }
    let serving = first_waiting.map_or(event.order.total(), |position| position - 1);
    must(2, serving == event.order.serving(), || {
        format!("serving is {}, not {serving}", event.order.serving())
    })?;
    let phase_counts = std::array::from_fn(|i| event.order.count(ALL[i]));
    must(9, counts == phase_counts, || format!("{counts:?} is not {phase_counts:?}"))?;
    let rate = event.admission().map_or(0, |rules| rules.rate_per_min);
    let credit = event.bucket.credit();
    must(6, credit <= admission::burst(rate), || format!("credit {credit} at {rate} a minute"))
}

const ALL: [Phase; PHASES] = [
    Phase::Waiting,
    Phase::Admitted,
    Phase::Inside,
    Phase::Holding,
    Phase::Booked,
    Phase::Left,
    Phase::Expired,
    Phase::Cancelled,
];

fn check_seats(event: &Event) -> Result<(), Violation> {
    let mut taken: BTreeMap<SlotId, (u32, u32)> = BTreeMap::new();
    for (_, detail) in event.details.iter() {
        if let Some(hold) = &detail.hold {
            taken.entry(hold.slot.clone()).or_default().0 += hold.seats;
        }
        if let Some(booking) = &detail.booking {
            taken.entry(booking.slot.clone()).or_default().1 += booking.seats;
        }
    }
    for slot in event.seats.slots() {
        must(3, slot.held + slot.sold <= slot.capacity, || format!("{slot:?}"))?;
        let owned = taken.remove(&slot.id).unwrap_or_default();
        must(4, owned == (slot.held, slot.sold), || {
            format!("{slot:?}, but tickets have {owned:?}")
        })?;
    }
    must(4, taken.is_empty(), || format!("seats of unknown slots: {taken:?}"))
}

fn check_deadlines(event: &Event) -> Result<(), Violation> {
    let mut expected = BTreeSet::new();
    for (position, ticket) in event.order.tickets() {
        let detail = event.detail(position);
        let deadline = match ticket.phase {
            Phase::Admitted | Phase::Inside => detail.map(|detail| detail.until),
            Phase::Holding => detail.and_then(|d| d.hold.as_ref()).map(|hold| hold.until),
            _ => continue,
        };
        let deadline = deadline.unwrap_or(0);
        must(7, deadline > event.time.now(), || format!("{position} ran out at {deadline}"))?;
        expected.insert((deadline, position));
    }
    must(7, expected == event.deadlines, || "the deadlines are not those of the tickets".into())
}

fn check_details(event: &Event) -> Result<(), Violation> {
    for (position, detail) in event.details.iter() {
        let phase = event.order.ticket(position).phase;
        let holds = detail.hold.is_some() == (phase == Phase::Holding);
        let booked = detail.booking.is_some() == (phase == Phase::Booked);
        must(8, holds && booked, || format!("{position} is {phase:?}, but has {detail:?}"))?;
        let Some(next) = detail.next else { continue };
        let follower = event.order.find(next).and_then(|position| event.detail(position));
        let attempt = follower.map(|follower| follower.attempt);
        let right = phase.ended() && attempt == Some(detail.attempt + 1);
        must(10, right, || format!("{position} ({phase:?}) is followed by attempt {attempt:?}"))?;
    }
    Ok(())
}
