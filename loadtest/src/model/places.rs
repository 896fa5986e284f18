//! Places: given once, dense, in the order of the log.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Faults;

/// Bits of an address that are the index within a record.
const INDEX_BITS: u32 = 16;

/// The address of a join in the log as one number that sorts like it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Address(u64);

impl Address {
    /// `None`: an offset that no log reaches.
    pub fn new(offset: u64, index: u16) -> Option<Self> {
        let room = offset.leading_zeros() >= INDEX_BITS;
        room.then_some(Self(offset << INDEX_BITS | u64::from(index)))
    }

    pub fn offset(self) -> u64 {
        self.0 >> INDEX_BITS
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {})", self.offset(), self.0 & ((1 << INDEX_BITS) - 1))
    }
}

/// Someone whose join was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub ticket: Uuid,
    pub address: Address,
    /// 1 = first in line; `None`: not looked at.
    pub position: Option<u32>,
}

/// All acknowledged joins, 24 bytes each.
#[derive(Debug, Default)]
pub struct Places {
    tickets: Vec<u128>,
    addresses: Vec<Address>,
}

/// What is known about everyone else in line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Others {
    /// In line before the load began.
    pub before: u64,
    /// Joins of ours that may be in the log without an acknowledgement.
    pub unknown: u64,
}

impl Places {
    /// Room for so many, so that no growth disturbs the load.
    pub fn with_capacity(count: usize) -> Self {
        Self { tickets: Vec::with_capacity(count), addresses: Vec::with_capacity(count) }
    }

    pub fn of(places: &[Place]) -> Self {
        let mut all = Self::with_capacity(places.len());
        places.iter().for_each(|place| all.add(place.ticket, place.address));
        all
    }

    pub fn add(&mut self, ticket: Uuid, address: Address) {
        self.tickets.push(ticket.as_u128());
        self.addresses.push(address);
    }

    pub fn len(&self) -> usize {
        self.addresses.len()
    }

    /// Sorts, and finds what was given twice.
    pub fn settle(&mut self, faults: &mut Faults) {
        self.tickets.sort_unstable();
        self.addresses.sort_unstable();
        for pair in self.tickets.windows(2).filter(|pair| pair[0] == pair[1]) {
            faults.push(format!("ticket {} was given twice", Uuid::from_u128(pair[0])));
        }
        for pair in self.addresses.windows(2).filter(|pair| pair[0] == pair[1]) {
            faults.push(format!("address {} was given twice", pair[0]));
        }
    }

    /// Compares a position with the rank among all that were acknowledged. To be settled before.
    pub fn judge(&self, place: &Place, others: Others, faults: &mut Faults) {
        let Some(position) = place.position.map(u64::from) else {
            return faults.push(format!("ticket {} has no position", place.ticket));
        };
        let before = self.addresses.partition_point(|address| *address < place.address) as u64;
        let least = others.before + before + 1;
        let most = least + others.unknown;
        // Who else joins an event that was not empty is not known here.
        let holds = position >= least && (others.before > 0 || position <= most);
        faults.check(holds, || {
            let (ticket, address) = (place.ticket, place.address);
            format!("ticket {ticket} at {address} has position {position}, not {least} to {most}")
        });
    }

    /// Compares the public number of people in line.
    pub fn judge_total(&self, total: u64, others: Others, faults: &mut Faults) {
        let least = others.before + self.len() as u64;
        let most = least + others.unknown;
        let holds = total >= least && (others.before > 0 || total <= most);
        faults.check(holds, || format!("{total} are in line, not {least} to {most}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALONE: Others = Others { before: 0, unknown: 0 };

    fn place(ticket: u128, offset: u64, index: u16, position: u32) -> Place {
        let (ticket, address) = (Uuid::from_u128(ticket), Address::new(offset, index).unwrap());
        Place { ticket, address, position: Some(position) }
    }

    fn judge(line: &[Place], total: u64, others: Others) -> Vec<String> {
        let (mut places, mut faults) = (Places::of(line), Faults::default());
        places.settle(&mut faults);
        line.iter().for_each(|place| places.judge(place, others, &mut faults));
        places.judge_total(total, others, &mut faults);
        faults.texts().to_vec()
    }

    fn line() -> [Place; 3] {
        [place(7, 9, 0, 3), place(5, 4, 0, 1), place(6, 4, 1, 2)]
    }

    #[test]
    fn a_line_in_the_order_of_the_log_passes() {
        assert!(judge(&line(), 3, ALONE).is_empty());
    }

    #[test]
    fn a_place_out_of_order_or_twice_is_found() {
        let mut swapped = line();
        (swapped[1].position, swapped[2].position) = (Some(2), Some(1));
        assert_eq!(judge(&swapped, 3, ALONE).len(), 2);
        let mut twice = line();
        twice[0].position = Some(2);
        assert_eq!(judge(&twice, 3, ALONE).len(), 1);
        let mut gap = line();
        gap[0].position = Some(4);
        assert_eq!(judge(&gap, 3, ALONE).len(), 1);
        let mut none = line();
        none[0].position = None;
        assert!(judge(&none, 3, ALONE)[0].contains("no position"));
    }

    #[test]
    fn a_ticket_or_an_address_given_twice_is_found() {
        let twice = [place(5, 4, 0, 1), place(5, 4, 1, 2)];
        assert!(judge(&twice, 2, ALONE)[0].contains("ticket"));
        let twice = [place(5, 4, 0, 1), place(6, 4, 0, 1)];
        assert!(judge(&twice, 2, ALONE)[0].contains("(4, 0)"));
    }

    #[test]
    fn a_wrong_total_is_found() {
        assert_eq!(judge(&line(), 2, ALONE).len(), 1);
        assert_eq!(judge(&line(), 4, ALONE).len(), 1);
    }

    #[test]
    fn unanswered_joins_leave_room_and_others_too() {
        let mut gap = line();
        gap[0].position = Some(4);
        assert!(judge(&gap, 4, Others { before: 0, unknown: 1 }).is_empty());
        gap[0].position = Some(2);
        assert_eq!(judge(&gap, 4, Others { before: 0, unknown: 1 }).len(), 1);
        let later = line().map(|p| Place { position: p.position.map(|p| p + 12), ..p });
        assert!(judge(&later, 20, Others { before: 10, unknown: 0 }).is_empty());
        assert_eq!(judge(&line(), 20, Others { before: 10, unknown: 0 }).len(), 3);
    }

    #[test]
    fn addresses_sort_like_the_log() {
        let address = |offset, index| Address::new(offset, index).unwrap();
        assert!(address(1, 65_535) < address(2, 0) && address(2, 0) < address(2, 1));
        assert_eq!(address(77, 3).offset(), 77);
        assert!(Address::new(1 << 48, 0).is_none());
    }
}
