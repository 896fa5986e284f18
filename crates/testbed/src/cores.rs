//! Keeps processes to some cores, as Kubernetes' static CPU manager keeps pods to theirs.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Some cores of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cores {
    All,
    First,
    /// All but the first, or that one where it is the only one.
    Rest,
}

impl Cores {
    /// What `start` starts stays on these cores, with all that it starts later.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn keep<T>(self, start: impl FnOnce() -> T) -> io::Result<T> {
        let all = sched_getaffinity(None)?;
        // A child begins with the cores of the thread that starts it.
        sched_setaffinity(None, &self.of(&all))?;
        let started = start();
        sched_setaffinity(None, &all)?;
        Ok(started)
    }

    fn of(self, all: &CpuSet) -> CpuSet {
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| all.is_set(*core));
        let first = cores.next();
        let chosen: Vec<usize> = match (self, all.count()) {
            (Self::All, _) | (Self::Rest, 1) => return *all,
            (Self::First, _) => first.into_iter().collect(),
            (Self::Rest, _) => cores.collect(),
        };
        let mut set = CpuSet::new();
        chosen.into_iter().for_each(|core| set.set(core));
        set
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// The cores that a child may run on, as the kernel tells them.
    fn child(cores: Cores) -> String {
        let mut grep = Command::new("grep");
        grep.args(["Cpus_allowed_list", "/proc/self/status"]);
        let out = cores.keep(|| grep.output()).expect("affinity").expect("grep");
        String::from_utf8(out.stdout).expect("text").split_whitespace().nth(1).unwrap().to_owned()
    }

    #[test]
    fn a_child_stays_on_its_cores_and_we_on_ours() {
        let all = child(Cores::All);
        assert!(child(Cores::First).parse::<usize>().is_ok(), "one core");
        if all.parse::<usize>().is_err() {
            assert_ne!(child(Cores::First), child(Cores::Rest));
        }
        assert_eq!(child(Cores::All), all);
    }
}
