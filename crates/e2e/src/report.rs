//! What a suite found: how many checks held, and every one that did not.

use std::{fmt::Display, time::Instant};

/// Most examples printed for one failed check.
const EXAMPLES_MAX: usize = 8;

/// Collects the checks of one suite.
#[derive(Debug)]
pub struct Report {
    suite: String,
    began: Instant,
    passed: usize,
    failures: Vec<String>,
}

// What is judged is mostly the value of an expression at hand.
#[allow(clippy::needless_pass_by_value)]
impl Report {
    pub fn new(suite: &str) -> Self {
        Self { suite: suite.to_owned(), began: Instant::now(), passed: 0, failures: Vec::new() }
    }

    /// A line for whoever watches.
    pub fn note(&self, text: impl Display) {
        println!("[{:6.1}s] {text}", self.began.elapsed().as_secs_f32());
    }

    pub fn check(&mut self, what: impl Display, holds: bool) {
        self.judge(what, if holds { vec![] } else { vec![String::new()] });
    }

    /// Like [`Report::check`] for two values that must be the same.
    pub fn same<T: PartialEq + std::fmt::Debug>(&mut self, what: impl Display, got: T, want: T) {
        let faults = if got == want { vec![] } else { vec![format!("got {got:?}, want {want:?}")] };
        self.judge(what, faults);
    }

    /// One check that may fail in several places.
    pub fn judge(&mut self, what: impl Display, faults: Vec<String>) {
        if faults.is_empty() {
            self.passed += 1;
            return;
        }
        let mut text = what.to_string();
        for fault in faults.iter().take(EXAMPLES_MAX).filter(|fault| !fault.is_empty()) {
            text.push_str("\n      ");
            text.push_str(fault);
        }
        if faults.len() > EXAMPLES_MAX {
            text.push_str(&format!("\n      … and {} more", faults.len() - EXAMPLES_MAX));
        }
        self.note(format!("FAILED: {text}"));
        self.failures.push(text);
    }

    /// Counts the checks of an `outcome` that could not go on.
    pub fn broke_off(&mut self, outcome: anyhow::Result<()>) {
        if let Err(error) = outcome {
            self.judge("the suite runs to its end", vec![format!("{error:#}")]);
        }
    }

    /// Every check that failed, with examples.
    pub fn failures(&self) -> &[String] {
        &self.failures
    }

    pub fn has_failed(&self) -> bool {
        !self.failures.is_empty()
    }

    /// Prints the verdict; true = every check held, and there was at least one.
    pub fn finish(self) -> bool {
        let seconds = self.began.elapsed().as_secs();
        for failure in &self.failures {
            println!("  ✗ {failure}");
        }
        if self.failures.is_empty() && self.passed > 0 {
            println!("took {seconds} s");
            println!("{}: {} checks passed", self.suite, self.passed);
            return true;
        }
        println!(
            "{}: {} checks FAILED, {} passed, took {seconds} s",
            self.suite,
            self.failures.len(),
            self.passed
        );
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_fault_fails_the_suite() {
        let mut report = Report::new("x");
        report.check("fine", true);
        assert!(!report.has_failed());
        report.same("not fine", 1, 2);
        assert!(report.has_failed());
        assert!(!report.finish());
    }

    #[test]
    fn nothing_checked_is_a_failure() {
        assert!(!Report::new("x").finish());
    }
}
