//! Joins one after the other as one row: nearly all that is told while a crowd arrives.
//!
//! `["joined",4321,17,"VQ6EAOKbgdSnFkRmVUQAAA…"]`: the packed log address and the position of the
//! first, then the 16 bytes of each ticket's id in base64url without padding. Addresses and positions
//! of the others count up by one.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Address, Outcome, TicketId, Told};

const ID_BYTES: usize = 16;

/// Joins that one row can tell together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Join {
    address: u64,
    position: u32,
    ticket: TicketId,
}

impl Join {
    fn of(told: &Told) -> Option<Self> {
        let Told { address, ticket, seq: None, fresh: true, outcome } = told else { return None };
        let Outcome::Waiting { position } = *outcome else { return None };
        Some(Self { address: (*address)?.packed(), position, ticket: (*ticket)? })
    }

    fn told(self) -> Told {
        Told {
            address: Some(Address::from_packed(self.address)),
            ticket: Some(self.ticket),
            seq: None,
            fresh: true,
            outcome: Outcome::Waiting { position: self.position },
        }
    }
}

/// What `b` tells is the join right after `a`.
pub(super) fn follows(a: &Told, b: &Told) -> bool {
    Join::of(a).zip(Join::of(b)).is_some_and(|(a, b)| {
        a.address.checked_add(1) == Some(b.address) && a.position.checked_add(1) == Some(b.position)
    })
}

/// The fields of a row for joins that follow each other: address, position, ids.
pub(super) fn row(run: &[Told]) -> Option<(u64, u32, String)> {
    let first = Join::of(run.first()?)?;
    let ids: Vec<u8> = run.iter().filter_map(Join::of).flat_map(|join| join.ticket.0).collect();
    Some((first.address, first.position, URL_SAFE_NO_PAD.encode(ids)))
}

/// The joins of a row; `None` when it is none of ours.
pub(super) fn read(address: u64, position: u32, ids: &str) -> Option<Vec<Told>> {
    let ids = URL_SAFE_NO_PAD.decode(ids).ok()?;
    let (ids, rest) = ids.as_chunks::<ID_BYTES>();
    let last = u32::try_from(ids.len()).ok()?;
    position.checked_add(last)?;
    address.checked_add(last.into())?;
    let joins = (0..last).zip(ids).map(|(i, id)| Join {
        address: address + u64::from(i),
        position: position + i,
        ticket: TicketId(*id),
    });
    rest.is_empty().then(|| joins.map(Join::told).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(address: u64, position: u32) -> Told {
        Join { address, position, ticket: TicketId([position as u8; 16]) }.told()
    }

    #[test]
    fn joins_in_a_row_come_back_as_they_were() {
        let run: Vec<Told> = (0..5).map(|i| join(2_046 + u64::from(i), 7 + i)).collect();
        assert!(run.windows(2).all(|pair| follows(&pair[0], &pair[1])));
        let (address, position, ids) = row(&run).unwrap();
        assert_eq!((address, position), (2_046, 7));
        assert_eq!(read(address, position, &ids), Some(run));
    }

    #[test]
    fn only_the_very_next_join_follows() {
        let first = join(10, 7);
        assert!(!follows(&first, &join(12, 8)) && !follows(&first, &join(11, 9)));
        assert!(!follows(&first, &Told { fresh: false, ..join(11, 8) }));
        assert!(!follows(&first, &Told { seq: Some(1), ..join(11, 8) }));
        assert!(!follows(&first, &Told { outcome: Outcome::Left, ..join(11, 8) }));
    }

    #[test]
    fn what_is_no_run_is_refused() {
        assert_eq!(read(1, 1, "AAA"), None);
        assert_eq!(read(1, 1, "§"), None);
        assert_eq!(read(1, u32::MAX, "AAAAAAAAAAAAAAAAAAAAAA"), None);
        assert_eq!(read(u64::MAX, 1, "AAAAAAAAAAAAAAAAAAAAAA"), None);
    }
}
