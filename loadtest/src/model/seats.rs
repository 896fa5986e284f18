//! Seats: never more booked than there are, no booking number twice.

use std::collections::{BTreeMap, HashSet};

use super::Faults;

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    capacity: u64,
    /// Taken before the load began.
    taken_before: u64,
    /// Surely booked now.
    sold: u64,
}

#[derive(Debug, Default)]
pub struct Seats {
    slots: BTreeMap<String, Slot>,
    bookings: HashSet<String>,
}

impl Seats {
    /// `slots`: (id, capacity, remaining).
    pub fn new<'a>(slots: impl Iterator<Item = (&'a str, u64, u64)>) -> Self {
        let slot = |(id, capacity, remaining): (&str, u64, u64)| {
            let taken_before = capacity.saturating_sub(remaining);
            (id.to_owned(), Slot { capacity, taken_before, sold: 0 })
        };
        Self { slots: slots.map(slot).collect(), bookings: HashSet::new() }
    }

    /// An answer says that seats are booked.
    pub fn booked(&mut self, id: &str, seats: u64, booking: &str, faults: &mut Faults) {
        let news = self.bookings.insert(booking.to_owned());
        faults.check(news, || format!("booking {booking} was given twice"));
        let Some(slot) = self.slots.get_mut(id) else {
            return faults.push(format!("a booking of slot {id}, which there is not"));
        };
        slot.sold += seats;
        let (sold, capacity) = (slot.sold, slot.capacity);
        faults.check(sold <= capacity, || format!("{sold} of {capacity} seats of {id} are booked"));
    }

    /// A booking is about to be cancelled: from now on its seats may be another's.
    pub fn gives_back(&mut self, id: &str, seats: u64) {
        if let Some(slot) = self.slots.get_mut(id) {
            slot.sold = slot.sold.saturating_sub(seats);
        }
    }

    /// Remaining seats as told in public.
    pub fn told(&self, id: &str, remaining: i64) -> Result<(), String> {
        let capacity = self.slots.get(id).map_or(0, |slot| slot.capacity);
        if u64::try_from(remaining).is_ok_and(|remaining| remaining <= capacity) {
            return Ok(());
        }
        Err(format!("{remaining} of {capacity} seats of {id} are left"))
    }

    /// Compares what is left at the end. `maybe`: seats of each slot that may still be held or just
    /// have been given back; `alone`: nobody else books.
    pub fn judge(
        &self,
        remaining: &BTreeMap<String, u64>,
        maybe: &BTreeMap<String, u64>,
        alone: bool,
    ) -> Result<(), String> {
        for (id, slot) in &self.slots {
            let left = remaining.get(id).copied().unwrap_or(0);
            let taken = slot.capacity.saturating_sub(left);
            let least = if alone { slot.taken_before + slot.sold } else { slot.sold };
            let most = slot.taken_before + slot.sold + maybe.get(id).copied().unwrap_or(0);
            if taken < least || (alone && taken > most) || left > slot.capacity {
                return Err(format!("{taken} seats of {id} are taken, not {least} to {most}"));
            }
        }
        Ok(())
    }

    pub fn sold(&self) -> u64 {
        self.slots.values().map(|slot| slot.sold).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats() -> Seats {
        Seats::new([("a", 4, 4), ("b", 2, 1)].into_iter())
    }

    fn map(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
        pairs.iter().map(|(id, count)| ((*id).to_owned(), *count)).collect()
    }

    #[test]
    fn an_honest_sale_passes() {
        let (mut seats, mut faults) = (seats(), Faults::default());
        seats.booked("a", 2, "1-0", &mut faults);
        seats.booked("a", 2, "1-1", &mut faults);
        seats.gives_back("a", 2);
        seats.booked("a", 2, "1-2", &mut faults);
        assert_eq!((faults.count(), seats.sold()), (0, 4));
        assert_eq!(seats.judge(&map(&[("a", 0), ("b", 1)]), &map(&[]), true), Ok(()));
        assert_eq!(seats.judge(&map(&[("a", 0), ("b", 0)]), &map(&[("b", 1)]), true), Ok(()));
        assert_eq!((seats.told("a", 0), seats.told("a", 4)), (Ok(()), Ok(())));
    }

    #[test]
    fn an_oversold_slot_is_found() {
        let (mut seats, mut faults) = (seats(), Faults::default());
        seats.booked("a", 3, "1-0", &mut faults);
        seats.booked("a", 2, "1-1", &mut faults);
        assert_eq!(faults.count(), 1);
        assert!(seats.told("a", -1).is_err() && seats.told("a", 5).is_err());
        assert!(seats.told("c", 1).is_err());
    }

    #[test]
    fn a_booking_given_twice_is_found() {
        let (mut seats, mut faults) = (seats(), Faults::default());
        seats.booked("a", 1, "1-0", &mut faults);
        seats.booked("a", 1, "1-0", &mut faults);
        seats.booked("c", 1, "1-1", &mut faults);
        assert_eq!(faults.count(), 2);
    }

    #[test]
    fn lost_and_forgotten_seats_are_found() {
        let (mut seats, mut faults) = (seats(), Faults::default());
        seats.booked("a", 2, "1-0", &mut faults);
        assert!(seats.judge(&map(&[("a", 3), ("b", 1)]), &map(&[]), true).is_err());
        assert!(seats.judge(&map(&[("a", 1), ("b", 1)]), &map(&[]), true).is_err());
        assert_eq!(seats.judge(&map(&[("a", 1), ("b", 1)]), &map(&[]), false), Ok(()));
    }
}
