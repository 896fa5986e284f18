//! What can be played.

pub mod joins;
mod looks;

use crate::{pace::Stop, service::Service};

/// What every scenario is given.
#[derive(Debug, Clone)]
pub struct Stage {
    pub service: Service,
    pub stop: Stop,
    /// This process out of how many.
    pub part: Part,
    /// Addresses to connect from.
    pub sources: u8,
}

/// A share of a load that several processes carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// From 0.
    pub number: usize,
    pub of: usize,
}

impl Part {
    pub const ALL: Self = Self { number: 0, of: 1 };

    /// This part's share of `count`.
    pub fn share(self, count: usize) -> usize {
        count / self.of + usize::from(self.number < count % self.of)
    }
}

/// A line on the terminal each second.
#[allow(clippy::print_stderr, reason = "whoever runs a load watches it")]
fn say(part: Part, line: &str) {
    if part.of > 1 {
        eprintln!("[{}/{}] {line}", part.number + 1, part.of);
    } else {
        eprintln!("{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up() {
        for (count, of) in [(20_000, 2), (7, 3), (1, 4)] {
            let shares = (0..of).map(|number| Part { number, of }.share(count));
            assert_eq!(shares.sum::<usize>(), count);
        }
    }
}
