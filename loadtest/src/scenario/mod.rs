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
pub fn judge_places(stage: &Stage, before: &Facts, outcome: &mut Outcome) {
    let line = std::mem::take(&mut outcome.places);
    if line.is_empty() {
        return;
    }
    let others = Others { before: before.total, unknown: outcome.counted("unknown") };
    let mut places = Places::of(&line);
    places.settle(&mut outcome.faults);
    let faults = &mut outcome.faults;
    // Who was interrupted, or came late, may not have been told; that is counted elsewhere.
    let told = line.iter().filter(|place| place.position.is_some());
    told.for_each(|place| places.judge(place, others, faults));
    judge_total(stage, &places, others, outcome);
}

/// Compares the public total; not after an interruption, which did not wait for it.
fn judge_total(stage: &Stage, places: &Places, others: Others, outcome: &mut Outcome) {
    if stage.stop.asked() {
        return;
    }
    match stage.service.settled_facts(others.before + places.len() as u64) {
        Ok(facts) => {
            places.judge_total(facts.total, others, &mut outcome.faults);
            outcome.count("total", facts.total);
        }
        Err(error) => outcome.faults.push(format!("the total is not known: {error:#}")),
    }
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
