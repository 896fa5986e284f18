//! Admission: in the order of the line, nobody passed over.

use super::{Faults, places::Address};

/// Someone who was let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Admitted {
    /// Of the join: orders like the position, and is known of everyone.
    pub address: Address,
    /// End of the claim, in milliseconds since the Unix epoch: as long after the moment of being let
    /// in for everyone, so it orders these moments exactly, however late a frame comes.
    pub until_ms: i64,
}

/// Nobody is let in before someone who joined earlier.
pub fn in_order(admitted: &mut [Admitted], faults: &mut Faults) {
    admitted.sort_unstable();
    let mut latest: Option<Admitted> = None;
    for one in admitted.iter() {
        if let Some(before) = latest.filter(|before| one.until_ms < before.until_ms) {
            let ms = before.until_ms - one.until_ms;
            let (later, earlier) = (one.address, before.address);
            faults.push(format!("the join at {later} was let in {ms} ms before that at {earlier}"));
        }
        if latest.is_none_or(|before| one.until_ms > before.until_ms) {
            latest = Some(*one);
        }
    }
}

/// Those out of `waiting` with somebody behind them let in.
pub fn passed_over(admitted: &[Admitted], waiting: impl Iterator<Item = Address>) -> Vec<Address> {
    let last = admitted.iter().map(|one| one.address).max();
    waiting.filter(|address| Some(*address) < last).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(offset: u64) -> Address {
        Address::new(offset, 0).unwrap()
    }

    fn line(times: &[(u64, i64)]) -> Vec<Admitted> {
        let one = |(offset, until_ms): &(u64, i64)| Admitted {
            address: address(*offset),
            until_ms: *until_ms,
        };
        times.iter().map(one).collect()
    }

    fn faults(times: &[(u64, i64)]) -> u64 {
        let mut faults = Faults::default();
        in_order(&mut line(times), &mut faults);
        faults.count()
    }

    #[test]
    fn the_order_of_the_line_passes() {
        assert_eq!(faults(&[(3, 20), (1, 10), (2, 10), (9, 30)]), 0);
    }

    #[test]
    fn someone_let_in_too_early_is_found() {
        assert_eq!(faults(&[(1, 10), (2, 9)]), 1);
        assert_eq!(faults(&[(1, 10), (2, 30), (3, 20), (4, 25), (5, 30)]), 2);
    }

    #[test]
    fn someone_passed_over_is_found() {
        let admitted = line(&[(1, 10), (5, 20)]);
        assert_eq!(passed_over(&admitted, [2, 5, 6].map(address).into_iter()), [address(2)]);
        assert!(passed_over(&[], [1, 2].map(address).into_iter()).is_empty());
    }
}
