//! What was acknowledged is in the log, and the line is the log's order.

use super::Log;
use crate::model::{Answered, History};

/// Every address that was ever given leads to that very command.
pub fn kept(log: &Log, shoppers: &[History]) -> Vec<String> {
    let mut faults = Vec::new();
    for who in shoppers {
        for answer in &who.answers {
            let Some(address) = answer.address else { continue };
            if !log.at(address).is_some_and(|row| is_of(row, answer)) {
                faults.push(format!(
                    "shopper {}: {answer:?}, the log has {:?}",
                    who.shopper,
                    log.at(address)
                ));
            }
        }
    }
    faults
}

fn is_of(row: &super::Row, answer: &Answered) -> bool {
    row.kind == answer.call
        && row.ticket() == Some(&answer.ticket)
        && (answer.call == "join" || row.seq() == answer.seq)
}

/// Every acknowledged join has one place, that of its first appearance, and no other was ever told.
///
/// It may be told where it stands later: after an outage the producer may append a record twice.
pub fn told(log: &Log, shoppers: &[History]) -> Vec<String> {
    let mut faults = Vec::new();
    for (who, ticket) in shoppers.iter().flat_map(|who| who.tickets.iter().map(move |t| (who, t))) {
        let Some((address, _)) = ticket.address() else { continue };
        let Some((first, place)) = log.joins.get(&ticket.id) else {
            faults.push(format!("shopper {}: {} is not in the log", who.shopper, ticket.id));
            continue;
        };
        if address < *first {
            faults.push(format!("{} joined at {first:?}, told {address:?}", ticket.id));
        }
        if ticket.positions.iter().any(|told| told != place) {
            faults.push(format!("{} has place {place}, told {:?}", ticket.id, ticket.positions));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        log::tests::log,
        model::{Address, JoinSent, Ticket},
    };

    fn shopper(id: &str, offset: u64, place: u64) -> History {
        let address = Address { offset, index: 0 };
        let joins = vec![JoinSent::Acknowledged(address)];
        let ticket = Ticket { id: id.into(), joins, positions: vec![place], ..Ticket::default() };
        let answer = Answered {
            ticket: id.into(),
            call: "join".into(),
            status: 202,
            address: Some(address),
            ..Answered::default()
        };
        History { tickets: vec![ticket], answers: vec![answer], ..History::default() }
    }

    const JOINS: [&str; 3] = [r#"["open"]"#, r#"["join","a"]"#, r#"["join","b"]"#];

    #[test]
    fn an_honest_history_passes() {
        let shoppers = [shopper("a", 1, 1), shopper("b", 2, 2)];
        assert!(kept(&log(&JOINS), &shoppers).is_empty());
        assert!(told(&log(&JOINS), &shoppers).is_empty());
    }

    #[test]
    fn a_lost_join_is_found() {
        let shoppers = [shopper("a", 1, 1), shopper("b", 2, 2)];
        assert_eq!(kept(&log(&JOINS[..2]), &shoppers).len(), 1);
        assert_eq!(told(&log(&JOINS[..2]), &shoppers).len(), 1);
    }

    #[test]
    fn a_jumped_queue_is_found() {
        let swapped = log(&[JOINS[0], JOINS[2], JOINS[1]]);
        let shoppers = [shopper("a", 1, 1), shopper("b", 2, 2)];
        assert_eq!(kept(&swapped, &shoppers).len(), 2);
        assert!(told(&swapped, &shoppers).len() >= 2);
    }

    #[test]
    fn a_second_place_is_found() {
        let mut who = shopper("b", 2, 2);
        who.tickets[0].placed(3);
        assert_eq!(told(&log(&JOINS), &[who]).len(), 1);
    }

    #[test]
    fn a_repeat_told_later_keeps_the_place_of_the_first() {
        let twice = log(&[JOINS[0], JOINS[1], JOINS[2], JOINS[1]]);
        assert!(told(&twice, &[shopper("a", 3, 1)]).is_empty());
        assert_eq!(told(&twice, &[shopper("a", 3, 3)]).len(), 1);
    }

    #[test]
    fn another_number_at_the_address_is_found() {
        let log = log(&[r#"["book","a",null,4]"#]);
        let answer = |seq| Answered {
            ticket: "a".into(),
            call: "book".into(),
            seq: Some(seq),
            address: Some(Address { offset: 0, index: 0 }),
            ..Answered::default()
        };
        let who = |seq| [History { answers: vec![answer(seq)], ..History::default() }];
        assert!(kept(&log, &who(4)).is_empty());
        assert_eq!(kept(&log, &who(5)).len(), 1);
    }
}
