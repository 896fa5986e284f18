//! Seats by the log's own order and time: exact, where shoppers' clocks are not.

use std::collections::{BTreeMap, HashMap};

use super::{Log, Row, Rules};
use crate::{
    model::{Address, History, Known, Ticket},
    moment::Millis,
};

/// Everything that a ticket was told of its numbered commands, in their order: with the command.
fn outcomes<'a>(
    log: &'a Log,
    who: &'a History,
    ticket: &'a Ticket,
) -> impl Iterator<Item = (&'a Row, &'a Known)> {
    let told = ticket.answers.iter();
    told.filter_map(|(seq, told)| Some((log.command(who, *seq)?, told.first()?)))
}

fn tickets(shoppers: &[History]) -> impl Iterator<Item = (&History, &Ticket)> {
    shoppers.iter().flat_map(|who| who.tickets.iter().map(move |ticket| (who, ticket)))
}

/// Nothing was done that nobody asked for.
pub fn founded(log: &Log, shoppers: &[History]) -> Vec<String> {
    let unfounded = |(who, ticket): (&History, &Ticket)| {
        let seqs = ticket.answers.iter().filter(|(_, told)| !told.is_empty());
        let missing = seqs.filter(|(seq, _)| log.command(who, **seq).is_none());
        missing
            .map(|(seq, told)| format!("{}, command {seq}: {told:?}", ticket.id))
            .collect::<Vec<_>>()
    };
    tickets(shoppers).flat_map(unfounded).collect()
}

/// A booking's number is the address of the command that made it; each belongs to one ticket.
pub fn booked_once(log: &Log, shoppers: &[History]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut owners: HashMap<&str, &str> = HashMap::new();
    for (who, ticket) in tickets(shoppers) {
        let told = ticket.answers.values().flatten().filter_map(|known| known.booking.as_deref());
        let mut numbers: Vec<_> = told.collect();
        numbers.sort_unstable();
        numbers.dedup();
        if numbers.len() > 1 {
            faults.push(format!("{} booked twice: {numbers:?}", ticket.id));
        }
        for number in numbers {
            let row = address(number).and_then(|address| log.at(address));
            let is_own = |id: &str| who.tickets.iter().any(|ticket| ticket.id == id);
            let made =
                row.is_some_and(|row| row.kind == "book" && row.ticket().is_some_and(is_own));
            if !made {
                faults.push(format!("{} has booking {number}, the log has {row:?}", ticket.id));
            }
            if let Some(other) = owners.insert(number, &ticket.id) {
                faults.push(format!("booking {number} belongs to {other} and to {}", ticket.id));
            }
        }
    }
    faults
}

/// `OFFSET-INDEX`.
fn address(booking: &str) -> Option<Address> {
    let (offset, index) = booking.split_once('-')?;
    Some(Address { offset: offset.parse().ok()?, index: index.parse().ok()? })
}

/// A moment of the log: before a record's commands (0), or after the n-th.
type Moment = (u64, u64);

fn moment(address: Address) -> Moment {
    (address.offset, address.index + 1)
}

/// Seats of one slot taken by one ticket for a stretch of the log.
#[derive(Debug, Clone, PartialEq)]
struct Taken {
    slot: String,
    seats: i64,
    from: Moment,
    /// `None` = to the end.
    to: Option<Moment>,
}

/// A hold or booking that is running.
struct Running {
    taken: Taken,
    /// In event time; `None` once booked.
    deadline: Option<Millis>,
}

impl Running {
    /// Ends at this moment, or before it, when its time had run out.
    fn end(mut self, log: &Log, at: Option<Moment>) -> Taken {
        let ran_out = self.deadline.map(|deadline| (log.passes(deadline), 0));
        self.taken.to = match (at, ran_out) {
            (Some(at), Some(ran_out)) => Some(at.min(ran_out)),
            (at, ran_out) => at.or(ran_out),
        };
        self.taken
    }

    fn runs_at(&self, log: &Log, at: Address) -> bool {
        self.deadline.is_none_or(|deadline| log.time(at.offset) < deadline)
    }
}

/// What a ticket had, by what it was told, and what it was told that can't be.
fn ledger(log: &Log, who: &History, ticket: &Ticket, rules: &Rules) -> (Vec<Taken>, Vec<String>) {
    let (mut past, mut faults) = (Vec::new(), Vec::new());
    let mut running: Option<Running> = None;
    for (row, told) in outcomes(log, who, ticket) {
        let at = moment(row.address);
        match told.kind.as_str() {
            "held" => {
                let (slot, seats) =
                    (told.slot.clone().unwrap_or_default(), told.seats.unwrap_or(0));
                let same = running.as_ref().is_some_and(|old| {
                    (&old.taken.slot, old.taken.seats) == (&slot, seats)
                        && old.runs_at(log, row.address)
                });
                // The same again changes nothing, not even when it runs out.
                if !same {
                    past.extend(running.take().map(|old| old.end(log, Some(at))));
                    let deadline = Some(log.time(row.address.offset) + rules.hold_ms);
                    let taken = Taken { slot, seats, from: at, to: None };
                    running = Some(Running { taken, deadline });
                }
            }
            "booked" => match &mut running {
                Some(hold) if hold.runs_at(log, row.address) => {
                    let held = (Some(&hold.taken.slot), Some(hold.taken.seats));
                    if held != (told.slot.as_ref(), told.seats) {
                        faults
                            .push(format!("{} held {:?}, booked {told:?}", ticket.id, hold.taken));
                    }
                    hold.deadline = None;
                }
                _ => {
                    let who = &ticket.id;
                    faults.push(format!("{who} booked without a hold: {told:?} at {at:?}"));
                }
            },
            "released" | "left" | "cancelled" => {
                past.extend(running.take().map(|old| old.end(log, Some(at))));
            }
            _ => {}
        }
    }
    past.extend(running.map(|last| last.end(log, None)));
    (past, faults)
}

pub fn booked_held(log: &Log, shoppers: &[History], rules: &Rules) -> Vec<String> {
    tickets(shoppers).flat_map(|(who, ticket)| ledger(log, who, ticket, rules).1).collect()
}

/// The most seats of each slot that were ever taken at once.
pub fn bounded(log: &Log, shoppers: &[History], rules: &Rules) -> Vec<String> {
    let mut steps: BTreeMap<String, Vec<(Moment, i64)>> = BTreeMap::new();
    for taken in tickets(shoppers).flat_map(|(who, ticket)| ledger(log, who, ticket, rules).0) {
        let of_slot = steps.entry(taken.slot).or_default();
        of_slot.push((taken.from, taken.seats));
        of_slot.extend(taken.to.map(|to| (to, -taken.seats)));
    }
    let mut faults = Vec::new();
    for (slot, mut steps) in steps {
        // At the same moment, seats given back come first.
        steps.sort_unstable();
        let capacity = rules.capacity.get(&slot).copied().unwrap_or(0);
        let mut taken = 0;
        let levels = steps.into_iter().map(|(at, step)| {
            taken += step;
            (taken, at)
        });
        if let Some((most, at)) =
            levels.max_by_key(|(taken, _)| *taken).filter(|(most, _)| *most > capacity)
        {
            faults
                .push(format!("{most} seats of slot {slot} are taken after {at:?}, of {capacity}"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tests::log;

    fn told(kind: &str, seats: i64, booking: Option<&str>) -> Known {
        let (slot, seats) = (Some("x".to_owned()), Some(seats));
        Known { kind: kind.into(), slot, seats, booking: booking.map(Into::into), code: None }
    }

    fn shopper(id: &str, told: &[(u64, Known)]) -> History {
        let mut ticket = Ticket { id: id.into(), ..Ticket::default() };
        for (seq, known) in told {
            ticket.answered(*seq, known.clone());
        }
        History { tickets: vec![ticket], ..History::default() }
    }

    fn rules(hold_ms: Millis) -> Rules {
        Rules { capacity: [("x".to_owned(), 3)].into(), hold_ms }
    }

    fn all(log: &Log, shoppers: &[History], rules: &Rules) -> [usize; 4] {
        [
            founded(log, shoppers).len(),
            booked_once(log, shoppers).len(),
            bounded(log, shoppers, rules).len(),
            booked_held(log, shoppers, rules).len(),
        ]
    }

    const A: &str = r#"["hold","a","x",2,1]"#;
    const A_BOOKS: &str = r#"["book","a",null,2]"#;
    const B: &str = r#"["hold","b","x",2,1]"#;

    fn a() -> History {
        shopper("a", &[(1, told("held", 2, None)), (2, told("booked", 2, Some("1-0")))])
    }

    #[test]
    fn an_orderly_sale_passes_with_seats_given_back_in_time() {
        // Held by a until it runs out at record 2, then by b.
        let log = log(&[A, r#"["tick",1]"#, r#"["tick",1]"#, B]);
        let shoppers = [
            shopper("a", &[(1, told("held", 2, None))]),
            shopper("b", &[(1, told("held", 2, None))]),
        ];
        assert_eq!(all(&log, &shoppers, &rules(2_000)), [0; 4]);
        assert_eq!(all(&log, &shoppers, &rules(3_000)), [0; 4], "it runs out before the commands");
        assert_eq!(all(&log, &shoppers, &rules(3_001)), [0, 0, 1, 0]);
    }

    #[test]
    fn a_seat_sold_twice_is_found_whatever_came_of_it_later() {
        let log = log(&[A, A_BOOKS, B, r#"["release","b",2]"#]);
        let b = shopper("b", &[(1, told("held", 2, None)), (2, told("released", 2, None))]);
        assert_eq!(all(&log, &[a(), b], &rules(9_000)), [0, 0, 1, 0]);
        assert_eq!(all(&log, &[a()], &rules(9_000)), [0; 4]);
    }

    #[test]
    fn a_booking_after_the_hold_ran_out_is_found() {
        assert_eq!(all(&log(&[A, A_BOOKS]), &[a()], &rules(1_001)), [0; 4]);
        assert_eq!(all(&log(&[A, A_BOOKS]), &[a()], &rules(1_000)), [0, 0, 0, 1]);
    }

    #[test]
    fn a_lost_doubled_or_foreign_booking_is_found() {
        assert_eq!(all(&log(&[A]), &[a()], &rules(9_000)), [1, 1, 0, 0], "lost");
        let again = shopper(
            "a",
            &[(1, told("booked", 2, Some("1-0"))), (2, told("booked", 2, Some("0-0")))],
        );
        assert_eq!(booked_once(&log(&[A_BOOKS, A_BOOKS]), &[again]).len(), 1, "doubled");
        let b = shopper("b", &[(2, told("booked", 2, Some("1-0")))]);
        assert_eq!(booked_once(&log(&[A, A_BOOKS]), &[a(), b]).len(), 2, "foreign");
    }

    #[test]
    fn the_same_hold_again_keeps_its_deadline() {
        let log = log(&[A, r#"["hold","a","x",2,2]"#, r#"["tick",1]"#, B]);
        let held = || told("held", 2, None);
        let shoppers = [shopper("a", &[(1, held()), (2, held())]), shopper("b", &[(1, held())])];
        assert!(bounded(&log, &shoppers, &rules(2_000)).is_empty());
    }
}
