//! How many commands may be under way at once, and who is shed first.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use metrics::{Counter, counter};

/// Most commands of one process that are gathered or being appended: a quarter of a second's joins at
/// 50,000 a second. Who comes when the log is further behind is told at once to come again.
pub const COMMANDS_MAX: usize = 16_384;

/// What joins may use of [`COMMANDS_MAX`], in percent: the rest is for people in line and inside.
pub const JOINS_PERCENT: usize = 75;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Somebody new.
    Join,
    /// Somebody who has a place already.
    Act,
}

/// Too many commands are under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overloaded;

/// Counts the commands under way. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    commands_max: usize,
    joins_max: usize,
    commands: AtomicUsize,
    joins: AtomicUsize,
    shed_joins: Counter,
    shed_acts: Counter,
}

impl Gate {
    pub fn new(commands_max: usize) -> Self {
        Self(Arc::new(Inner {
            commands_max,
            joins_max: commands_max * JOINS_PERCENT / 100,
            commands: AtomicUsize::new(0),
            joins: AtomicUsize::new(0),
            shed_joins: counter!("twinkle_api_shed_total", "kind" => "join"),
            shed_acts: counter!("twinkle_api_shed_total", "kind" => "act"),
        }))
    }

    /// Takes a place for one command; it is given back when the pass is dropped.
    pub fn enter(&self, kind: Kind) -> Result<Pass, Overloaded> {
        let joins = usize::from(kind == Kind::Join);
        let pass = Pass { gate: self.clone(), commands: 1, joins };
        let commands_before = self.0.commands.fetch_add(1, Relaxed);
        let joins_before = self.0.joins.fetch_add(joins, Relaxed);
        let shed = match kind {
            Kind::Join if joins_before >= self.0.joins_max => &self.0.shed_joins,
            Kind::Join if commands_before >= self.0.commands_max => &self.0.shed_joins,
            Kind::Act if commands_before >= self.0.commands_max => &self.0.shed_acts,
            Kind::Join | Kind::Act => return Ok(pass),
        };
        shed.increment(1);
        Err(Overloaded)
    }

    /// No place yet; others' places can be added.
    pub(crate) fn nobody(&self) -> Pass {
        Pass { gate: self.clone(), commands: 0, joins: 0 }
    }

    /// Commands under way.
    pub fn commands(&self) -> usize {
        self.0.commands.load(Relaxed)
    }
}

/// The places of some commands.
#[derive(Debug)]
pub struct Pass {
    gate: Gate,
    commands: usize,
    joins: usize,
}

impl Pass {
    /// Takes over the places of another.
    pub(crate) fn absorb(&mut self, mut other: Pass) {
        self.commands += std::mem::take(&mut other.commands);
        self.joins += std::mem::take(&mut other.joins);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.commands > 0 {
            self.gate.0.commands.fetch_sub(self.commands, Relaxed);
            self.gate.0.joins.fetch_sub(self.joins, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_are_shed_before_commands_of_people_in_line() {
        let gate = Gate::new(8);
        let joins: Vec<Pass> = std::iter::from_fn(|| gate.enter(Kind::Join).ok()).collect();
        assert_eq!(joins.len(), 6);
        let acts: Vec<Pass> = std::iter::from_fn(|| gate.enter(Kind::Act).ok()).collect();
        assert_eq!(acts.len(), 2);
        drop(joins);
        assert_eq!(gate.commands(), 2);
        drop(acts);
        let acts: Vec<Pass> = std::iter::from_fn(|| gate.enter(Kind::Act).ok()).collect();
        assert_eq!(acts.len(), 8);
        assert!(gate.enter(Kind::Join).is_err());
        drop(acts);
        assert_eq!(gate.commands(), 0);
    }

    #[test]
    fn places_taken_over_are_given_back_once() {
        let gate = Gate::new(8);
        let mut all = gate.nobody();
        all.absorb(gate.enter(Kind::Join).unwrap());
        all.absorb(gate.enter(Kind::Act).unwrap());
        assert_eq!(gate.commands(), 2);
        drop(all);
        assert_eq!(gate.commands(), 0);
    }
}
