//! Which tickets changed lately, so that a new owner can go on where the last one stopped.

use std::collections::VecDeque;

/// Most changed tickets that are remembered; whoever needs more rebuilds.
const CHANGES_MAX: usize = 500_000;

/// The tickets changed by each of the latest records.
#[derive(Debug, Default, Clone)]
pub(crate) struct Changes {
    records: VecDeque<(u64, Vec<u32>)>,
    count: usize,
    /// Every record from here on is remembered.
    from: u64,
}

impl Changes {
    pub(crate) fn remember(&mut self, offset: u64, positions: Vec<u32>) {
        if positions.is_empty() {
            return;
        }
        self.count += positions.len();
        self.records.push_back((offset, positions));
        while self.count > CHANGES_MAX {
            let Some((offset, positions)) = self.records.pop_front() else { return };
            self.count -= positions.len();
            self.from = offset + 1;
        }
    }

    /// The tickets changed by the records from `next` on; `None`: not remembered any more.
    pub(crate) fn since(&self, next: u64) -> Option<impl Iterator<Item = u32>> {
        let records = self.records.iter().filter(move |(offset, _)| *offset >= next);
        (next >= self.from).then(|| records.flat_map(|(_, positions)| positions.iter().copied()))
    }
}

#[cfg(test)]
mod tests {
    use super::{CHANGES_MAX, Changes};

    #[test]
    fn it_tells_what_changed_since_and_admits_what_it_forgot() {
        let mut changes = Changes::default();
        changes.remember(3, vec![1, 2]);
        changes.remember(4, vec![]);
        changes.remember(7, vec![2, 5]);
        let since = |changes: &Changes, next| changes.since(next).map(Iterator::collect);
        assert_eq!(since(&changes, 0), Some(vec![1, 2, 2, 5]));
        assert_eq!(since(&changes, 4), Some(vec![2, 5]));
        changes.remember(9, vec![0; CHANGES_MAX]);
        assert_eq!(since(&changes, 7), None);
        assert_eq!(since(&changes, 9).map(|all: Vec<u32>| all.len()), Some(CHANGES_MAX));
    }
}
