//! Places: one each, dense, never changed, in the order of the log.

use std::collections::BTreeMap;

use super::history::{Sale, Ticket};

/// Every acknowledged join has a place, and no place is given twice.
pub fn one_each(sale: &Sale) -> Vec<String> {
    let mut faults = Vec::new();
    let mut taken: BTreeMap<u64, &str> = BTreeMap::new();
    for (who, ticket) in sale.tickets() {
        let Some(position) = ticket.position() else {
            if ticket.address().is_some() {
                faults.push(format!("shopper {}: {} has no place", who.shopper, ticket.id));
            }
            continue;
        };
        if let Some(other) = taken.insert(position, &ticket.id)
            && other != ticket.id
        {
            faults.push(format!("place {position} belongs to {other} and to {}", ticket.id));
        }
    }
    faults
}

pub fn unchanged(sale: &Sale) -> Vec<String> {
    let changed = sale.tickets().filter(|(_, ticket)| ticket.positions.len() > 1);
    changed.map(|(_, ticket)| format!("{} had {:?}", ticket.id, ticket.positions)).collect()
}

/// The places are 1..N; only joins whose answer was lost for good may fill a gap.
pub fn dense(sale: &Sale) -> Vec<String> {
    let mut places: Vec<u64> = sale.tickets().filter_map(|(_, t)| t.position()).collect();
    places.sort_unstable();
    places.dedup();
    let lost = sale.tickets().filter(|(_, t)| t.position().is_none()).count() as u64;
    let (count, last) = (places.len() as u64, places.last().copied().unwrap_or(0));
    let mut faults = Vec::new();
    if last > sale.total {
        faults.push(format!("place {last} of {}", sale.total));
    }
    if sale.total > count + lost || sale.total < count {
        faults.push(format!("{count} places are known and {lost} lost, of {}", sale.total));
    }
    faults
}

/// Whoever the log has first is first in line.
pub fn follow_the_log(sale: &Sale) -> Vec<String> {
    if sale.limits.may_repeat {
        return vec![];
    }
    let known = |ticket: &Ticket| Some((ticket.address()?, ticket.position()?));
    let mut line: Vec<_> = sale.tickets().filter_map(|(_, ticket)| known(ticket)).collect();
    line.sort_unstable();
    let mut faults = Vec::new();
    // From the end: a ticket's place is below that of everyone surely later in the log.
    let mut lowest_after = u64::MAX;
    for ((address, exact), position) in line.into_iter().rev() {
        if position >= lowest_after {
            faults.push(format!("{address:?} has place {position}, a later one {lowest_after}"));
        }
        if exact {
            lowest_after = lowest_after.min(position);
        }
    }
    faults
}

pub fn nobody_forgotten(sale: &Sale) -> Vec<String> {
    sale.shoppers.iter().flat_map(|who| who.forgotten.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Address, History, JoinSent};

    fn ticket(id: &str, offset: u64, position: u64) -> Ticket {
        let joins = vec![JoinSent::Acknowledged(Address { offset, index: 0 })];
        Ticket { id: id.into(), joins, positions: vec![position], ..Ticket::default() }
    }

    fn sale(tickets: Vec<Ticket>) -> Sale {
        let total = tickets.len() as u64;
        let shoppers = vec![History { tickets, ..History::default() }];
        Sale { shoppers, total, ..Sale::default() }
    }

    fn all(sale: &Sale) -> [usize; 4] {
        [one_each, unchanged, dense, follow_the_log].map(|check| check(sale).len())
    }

    #[test]
    fn an_orderly_line_passes() {
        let sale = sale(vec![ticket("b", 7, 2), ticket("a", 3, 1), ticket("c", 9, 3)]);
        assert_eq!(all(&sale), [0; 4]);
    }

    #[test]
    fn a_join_without_a_place_is_found() {
        let mut sale = sale(vec![ticket("a", 3, 1), ticket("b", 7, 2)]);
        sale.shoppers[0].tickets[1].positions.clear();
        assert_eq!(one_each(&sale).len(), 1);
    }

    #[test]
    fn a_place_given_twice_is_found() {
        let sale = sale(vec![ticket("a", 3, 1), ticket("b", 7, 1)]);
        assert_eq!(all(&sale), [1, 0, 1, 1]);
    }

    #[test]
    fn a_changed_place_is_found() {
        let mut sale = sale(vec![ticket("a", 3, 1)]);
        sale.shoppers[0].tickets[0].placed(2);
        assert_eq!(unchanged(&sale).len(), 1);
    }

    #[test]
    fn a_hole_and_a_place_beyond_the_end_are_found() {
        assert_eq!(dense(&sale(vec![ticket("a", 3, 1), ticket("b", 7, 3)])).len(), 1);
        let mut sale = sale(vec![ticket("a", 3, 1)]);
        sale.total = 2;
        assert_eq!(dense(&sale).len(), 1);
    }

    #[test]
    fn a_jumped_queue_is_found() {
        let sale = sale(vec![ticket("a", 3, 2), ticket("b", 7, 1)]);
        assert_eq!(follow_the_log(&sale).len(), 1);
    }

    #[test]
    fn a_lost_answer_explains_an_early_place_but_not_a_late_one() {
        let mut early = sale(vec![ticket("a", 3, 2), ticket("b", 7, 1)]);
        early.shoppers[0].tickets[1].joins.push(JoinSent::Unknown);
        assert!(follow_the_log(&early).is_empty());
        let mut late = sale(vec![ticket("a", 3, 2), ticket("b", 7, 1)]);
        late.shoppers[0].tickets[0].joins.push(JoinSent::Unknown);
        assert_eq!(follow_the_log(&late).len(), 1);
    }

    #[test]
    fn not_in_line_said_falsely_is_found() {
        let mut sale = sale(vec![ticket("a", 3, 1)]);
        sale.shoppers[0].forgotten.push("404".into());
        assert_eq!(nobody_forgotten(&sale).len(), 1);
    }
}
