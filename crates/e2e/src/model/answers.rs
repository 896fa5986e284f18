//! Answers: the same command gets the same one, and what was acknowledged stays so.

use super::history::{Known, Sale};

/// Every answer to the same number is the same.
pub fn repeats_agree(sale: &Sale) -> Vec<String> {
    let mut faults = Vec::new();
    for (who, ticket) in sale.tickets() {
        for (seq, answers) in &ticket.answers {
            let Some((first, again)) = answers.split_first() else { continue };
            if let Some(other) = again.iter().find(|other| *other != first) {
                faults.push(format!(
                    "shopper {}, command {seq}: first {first:?}, then {other:?}",
                    who.shopper
                ));
            }
        }
    }
    faults
}

/// The state at the end is the one that the shopper was last told.
pub fn endings_kept(sale: &Sale) -> Vec<String> {
    let mut faults = Vec::new();
    for who in &sale.shoppers {
        let Some(ticket) = who.tickets.last().filter(|ticket| ticket.address().is_some()) else {
            continue;
        };
        let Some(end) = &who.ending else {
            faults.push(format!("shopper {}: nothing is known at the end", who.shopper));
            continue;
        };
        if end.ticket != ticket.id {
            faults.push(format!(
                "shopper {}: the ticket went from {} to {}",
                who.shopper, ticket.id, end.ticket
            ));
        }
        if let Some(last) = &ticket.last
            && !leads_to(last, end)
        {
            faults.push(format!("shopper {}: told {last:?}, ended as {end:?}", who.shopper));
        }
    }
    faults
}

/// Whether someone told `last` can be found as `end` without a command of their own in between.
fn leads_to(last: &Known, end: &super::Final) -> bool {
    let state = end.state.as_str();
    match last.kind.as_str() {
        "booked" => {
            state == "booked"
                && last.booking == end.booking
                && last.slot == end.slot
                && last.seats == end.seats
        }
        "left" => state == "left",
        "cancelled" => state == "cancelled",
        "expired" => state == "expired",
        "waiting" => matches!(state, "waiting" | "admitted" | "expired"),
        "admitted" => matches!(state, "admitted" | "expired"),
        "inside" | "released" => matches!(state, "inside" | "expired"),
        "held" => matches!(state, "holding" | "inside" | "expired"),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Address, Final, History, JoinSent, Ticket};

    fn known(kind: &str, booking: Option<&str>) -> Known {
        Known { kind: kind.into(), booking: booking.map(Into::into), ..Known::default() }
    }

    fn sale(last: Known, end: Final) -> Sale {
        let joins = vec![JoinSent::Acknowledged(Address { offset: 1, index: 0 })];
        let ticket = Ticket { id: "t".into(), joins, last: Some(last), ..Ticket::default() };
        let who = History { tickets: vec![ticket], ending: Some(end), ..History::default() };
        Sale { shoppers: vec![who], ..Sale::default() }
    }

    fn end(state: &str, booking: Option<&str>) -> Final {
        let booking = booking.map(Into::into);
        Final { ticket: "t".into(), state: state.into(), booking, ..Final::default() }
    }

    #[test]
    fn kept_endings_pass() {
        assert!(
            endings_kept(&sale(known("booked", Some("1")), end("booked", Some("1")))).is_empty()
        );
        assert!(endings_kept(&sale(known("held", None), end("expired", None))).is_empty());
    }

    #[test]
    fn lost_changed_and_missing_endings_are_found() {
        let lost = sale(known("booked", Some("1")), end("expired", None));
        let changed = sale(known("booked", Some("1")), end("booked", Some("2")));
        let mut missing = sale(known("left", None), end("left", None));
        missing.shoppers[0].ending = None;
        let mut other = sale(known("left", None), end("left", None));
        other.shoppers[0].tickets[0].id = "u".into();
        for sale in [lost, changed, missing, other] {
            assert_eq!(endings_kept(&sale).len(), 1);
        }
    }

    #[test]
    fn two_answers_to_one_command_are_found() {
        let mut sale = sale(known("left", None), end("left", None));
        let ticket = &mut sale.shoppers[0].tickets[0];
        ticket.answered(1, known("held", None));
        ticket.answered(1, known("held", None));
        assert!(repeats_agree(&sale).is_empty());
        sale.shoppers[0].tickets[0].answered(1, known("refused", None));
        assert_eq!(repeats_agree(&sale).len(), 1);
    }
}
