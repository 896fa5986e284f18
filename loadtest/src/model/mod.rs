//! What is right, judged from outside: the generator's own simple model.

pub mod admission;
pub mod answers;
pub mod frames;
pub mod places;
pub mod seats;
pub mod stream;

use serde::{Deserialize, Serialize};

/// Most violations that are kept as text; all are counted.
const TEXTS_MAX: usize = 50;

/// Violations.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faults {
    count: u64,
    texts: Vec<String>,
}

impl Faults {
    pub fn push(&mut self, text: String) {
        self.count += 1;
        if self.texts.len() < TEXTS_MAX {
            self.texts.push(text);
        }
    }

    pub fn check(&mut self, holds: bool, text: impl FnOnce() -> String) {
        if !holds {
            self.push(text());
        }
    }

    pub fn add(&mut self, other: Self) {
        self.count += other.count;
        let room = TEXTS_MAX - self.texts.len().min(TEXTS_MAX);
        self.texts.extend(other.texts.into_iter().take(room));
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn texts(&self) -> &[String] {
        &self.texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_counted_and_some_are_told() {
        let mut faults = Faults::default();
        (0..TEXTS_MAX + 5).for_each(|n| faults.check(n % 2 == 2, || n.to_string()));
        let mut both = faults.clone();
        both.add(faults.clone());
        assert_eq!((faults.count(), faults.texts().len()), (TEXTS_MAX as u64 + 5, TEXTS_MAX));
        assert_eq!((both.count(), both.texts().len()), (2 * TEXTS_MAX as u64 + 10, TEXTS_MAX));
    }
}
