//! Who does something next, and when.

use std::{cmp::Reverse, collections::BinaryHeap};

#[derive(Debug, Default)]
pub struct Agenda(BinaryHeap<Reverse<(u64, usize)>>);

impl Agenda {
    pub fn at(&mut self, at_us: u64, who: usize) {
        self.0.push(Reverse((at_us, who)));
    }

    /// The next one whose time has come.
    pub fn next(&mut self, now_us: u64) -> Option<usize> {
        let Reverse((at_us, who)) = *self.0.peek()?;
        (at_us <= now_us).then(|| {
            self.0.pop();
            who
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_comes_first_and_nobody_early() {
        let mut agenda = Agenda::default();
        for (at, who) in [(30, 3), (10, 1), (20, 2)] {
            agenda.at(at, who);
        }
        assert_eq!(agenda.next(9), None);
        assert_eq!([agenda.next(25), agenda.next(25), agenda.next(25)], [Some(1), Some(2), None]);
    }
}
