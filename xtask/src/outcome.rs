//! What a step found.

/// A named group of tests with its counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Suite {
    pub(crate) name: String,
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

/// The result of a step.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) suites: Vec<Suite>,
    /// Sentences about what is wrong beyond failed tests.
    pub(crate) problems: Vec<String>,
}

impl Outcome {
    /// One check, passed.
    pub(crate) fn passed(name: &str) -> Self {
        let suite = Suite { name: name.to_owned(), passed: 1, failed: 0 };
        Self { suites: vec![suite], problems: Vec::new() }
    }

    /// Something is wrong; in a sentence.
    pub(crate) fn problem(sentence: impl Into<String>) -> Self {
        Self { suites: Vec::new(), problems: vec![sentence.into()] }
    }

    /// One check: passed when `ok`, else the problem `sentence`.
    pub(crate) fn check(name: &str, ok: bool, sentence: &str) -> Self {
        if ok { Self::passed(name) } else { Self::problem(sentence) }
    }

    /// One check: passed, or the problem that the error tells.
    pub(crate) fn of(name: &str, result: anyhow::Result<()>) -> Self {
        match result {
            Ok(()) => Self::passed(name),
            Err(error) => Self::problem(format!("{name}: {error:#}")),
        }
    }

    /// Both together.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.suites.extend(other.suites);
        self.problems.extend(other.problems);
        self
    }

    pub(crate) fn total_passed(&self) -> u64 {
        self.suites.iter().map(|suite| suite.passed).sum()
    }

    /// Failed tests, and one for each problem.
    pub(crate) fn total_failed(&self) -> u64 {
        let tests: u64 = self.suites.iter().map(|suite| suite.failed).sum();
        tests + self.problems.len() as u64
    }
}
