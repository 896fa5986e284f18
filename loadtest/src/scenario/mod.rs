//! What can be played.

mod crowd;
mod ears;
mod hall;
pub mod joins;
mod looks;
pub mod plain;
pub mod rush;
pub mod sale;
pub mod sockets;
pub mod storm;

use anyhow::Result;

use crate::{
    model::places::{Others, Places},
    net::target::Sources,
    pace::Stop,
    report::Outcome,
    service::{Facts, Service},
};

/// What every scenario is given.
#[derive(Debug, Clone)]
pub struct Stage {
    pub service: Service,
    pub stop: Stop,
    /// This process out of how many.
    pub part: Part,
    /// Where connections come from.
    pub sources: Sources,
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

/// Compares the places of everyone who joined with the log and with the public total.
pub fn judge_places(stage: &Stage, before: &Facts, outcome: &mut Outcome) -> Result<()> {
    let line = std::mem::take(&mut outcome.places);
    if line.is_empty() {
        return Ok(());
    }
    let others = Others { before: before.total, unknown: outcome.counted("unknown") };
    let mut places = Places::of(&line);
    places.settle(&mut outcome.faults);
    let faults = &mut outcome.faults;
    // Who was interrupted, or came late, may not have been told; that is counted elsewhere.
    let told = line.iter().filter(|place| place.position.is_some());
    told.for_each(|place| places.judge(place, others, faults));
    if !stage.stop.asked() {
        let total = stage.service.settled_facts(others.before + places.len() as u64)?.total;
        places.judge_total(total, others, faults);
        outcome.count("total", total);
    }
    Ok(())
}

/// A line on the terminal each second; written at once, for other processes write there, too.
#[allow(clippy::print_stderr, reason = "whoever runs a load watches it")]
fn say(part: Part, line: &str) {
    let text = match part.of {
        1 => format!("{line}\n"),
        of => format!("[{}/{of}] {line}\n", part.number + 1),
    };
    eprint!("{text}");
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
