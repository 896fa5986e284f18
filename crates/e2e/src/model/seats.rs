//! Seats: never sold twice, always accounted for, never free while someone waits for them.

use std::collections::BTreeMap;

use super::history::Sale;
use crate::moment::Millis;

/// Held + sold never above capacity, by what shoppers were told.
pub fn never_oversold(sale: &Sale) -> Vec<String> {
    let mut steps: BTreeMap<&str, Vec<(Millis, i64)>> = BTreeMap::new();
    for span in sale.tickets().flat_map(|(_, ticket)| &ticket.seats) {
        let to = span.to.unwrap_or(Millis::MAX);
        if to > span.from {
            let of_slot = steps.entry(&span.slot).or_default();
            of_slot.extend([(span.from, span.seats), (to, -span.seats)]);
        }
    }
    let mut faults = Vec::new();
    for (slot, mut steps) in steps {
        // At the same moment, seats given back come first.
        steps.sort_unstable();
        let mut taken = 0;
        let most = steps.iter().map(|(_, step)| {
            taken += step;
            taken
        });
        let most = most.max().unwrap_or(0);
        let capacity = sale.limits.capacity.get(slot).copied().unwrap_or(0);
        if most > capacity {
            faults.push(format!("{most} seats of slot {slot} were taken at once, of {capacity}"));
        }
    }
    faults
}

/// (slot, seats) of everyone who holds a booking at the end.
fn booked(sale: &Sale) -> impl Iterator<Item = (&str, i64)> {
    let endings = sale.shoppers.iter().filter_map(|who| who.ending.as_ref());
    endings
        .filter(|end| end.state == "booked")
        .filter_map(|end| Some((end.slot.as_deref()?, end.seats?)))
}

/// For each slot: remaining = capacity − booked − held, and none is negative.
pub fn sums_agree(sale: &Sale) -> Vec<String> {
    let mut sold: BTreeMap<&str, i64> = BTreeMap::new();
    for (slot, seats) in booked(sale) {
        *sold.entry(slot).or_default() += seats;
    }
    let mut faults = Vec::new();
    for (slot, capacity) in &sale.limits.capacity {
        let sold = sold.get(slot.as_str()).copied().unwrap_or(0);
        let held = sale.held.get(slot).copied().unwrap_or(0);
        let remaining = sale.remaining.get(slot).copied();
        if remaining != Some(capacity - sold - held) || remaining.is_some_and(|n| n < 0) {
            faults.push(format!(
                "slot {slot}: {remaining:?} remain of {capacity}, {sold} sold, {held} held"
            ));
        }
    }
    faults
}

/// Either no seat is free or nobody waits.
pub fn no_seat_wasted(sale: &Sale) -> Vec<String> {
    let free: i64 = sale.remaining.values().sum();
    let endings = sale.shoppers.iter().filter_map(|who| who.ending.as_ref());
    let waiting = endings.filter(|end| end.state == "waiting").count();
    if free > 0 && waiting > 0 {
        return vec![format!("{free} seats stayed free while {waiting} people waited")];
    }
    vec![]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Final, History, Limits, SeatSpan, Ticket};

    fn span(from: Millis, to: Option<Millis>, seats: i64) -> SeatSpan {
        SeatSpan { slot: "a".into(), seats, from, to }
    }

    fn ending(state: &str, seats: Option<i64>) -> History {
        let slot = seats.map(|_| "a".to_owned());
        let ending = Final { state: state.into(), slot, seats, ..Final::default() };
        History { ending: Some(ending), ..History::default() }
    }

    fn sale(spans: Vec<SeatSpan>, endings: Vec<History>, remaining: i64) -> Sale {
        let limits = Limits { capacity: [("a".into(), 3)].into(), ..Limits::default() };
        let tickets = vec![Ticket { seats: spans, ..Ticket::default() }];
        let mut shoppers = vec![History { tickets, ..History::default() }];
        shoppers.extend(endings);
        Sale { limits, shoppers, remaining: [("a".into(), remaining)].into(), ..Sale::default() }
    }

    #[test]
    fn an_orderly_sale_passes() {
        let spans = vec![span(0, Some(10), 2), span(10, None, 2), span(5, None, 1)];
        let endings =
            vec![ending("booked", Some(2)), ending("booked", Some(1)), ending("waiting", None)];
        let sale = sale(spans, endings, 0);
        for check in [never_oversold, sums_agree, no_seat_wasted] {
            assert_eq!(check(&sale), Vec::<String>::new());
        }
    }

    #[test]
    fn a_seat_sold_twice_is_found() {
        let sale = sale(vec![span(0, None, 2), span(5, Some(6), 2)], vec![], 3);
        assert_eq!(never_oversold(&sale).len(), 1);
    }

    #[test]
    fn a_wrong_sum_is_found() {
        assert_eq!(sums_agree(&sale(vec![], vec![ending("booked", Some(2))], 2)).len(), 1);
        assert_eq!(sums_agree(&sale(vec![], vec![ending("booked", Some(4))], -1)).len(), 1);
        let mut sale = sale(vec![], vec![ending("booked", Some(1))], 1);
        sale.held.insert("a".into(), 1);
        assert!(sums_agree(&sale).is_empty());
    }

    #[test]
    fn a_wasted_seat_is_found() {
        assert_eq!(no_seat_wasted(&sale(vec![], vec![ending("waiting", None)], 1)).len(), 1);
        assert!(no_seat_wasted(&sale(vec![], vec![ending("left", None)], 1)).is_empty());
    }
}
