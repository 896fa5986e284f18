//! What happened, line by line: enough to see that a seed repeats itself, and where it went wrong.

use std::{
    fmt::Display,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sha2::{Digest, Sha256};
use tokio::time::Instant;

/// Lines shown around a violation.
const LINES_KEPT: usize = 60;

/// Everything that is written down of a run; clones share it.
#[derive(Clone)]
pub(crate) struct Trace(Arc<Mutex<Inner>>);

struct Inner {
    began: Instant,
    hash: Sha256,
    steps: u64,
    lines: Vec<String>,
    keep_all: bool,
    violation: Option<String>,
}

impl Trace {
    pub(crate) fn new(keep_all: bool) -> Self {
        let inner = Inner {
            began: Instant::now(),
            hash: Sha256::new(),
            steps: 0,
            lines: Vec::new(),
            keep_all,
            violation: None,
        };
        Self(Arc::new(Mutex::new(inner)))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes one step.
    pub(crate) fn note(&self, who: impl Display, what: impl Display) {
        let mut inner = self.lock();
        let line = format!("{:>7} {who}: {what}", inner.began.elapsed().as_millis());
        inner.steps += 1;
        inner.hash.update(line.as_bytes());
        inner.hash.update(b"\n");
        if !inner.keep_all && inner.lines.len() >= 2 * LINES_KEPT {
            inner.lines.drain(..LINES_KEPT);
        }
        inner.lines.push(line);
    }

    /// Notes what must never be; the first counts.
    pub(crate) fn violation(&self, what: impl Display) {
        self.note("VIOLATION", &what);
        self.lock().violation.get_or_insert_with(|| what.to_string());
    }

    pub(crate) fn must(&self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.violation(what());
        }
    }

    pub(crate) fn violated(&self) -> Option<String> {
        self.lock().violation.clone()
    }

    pub(crate) fn steps(&self) -> u64 {
        self.lock().steps
    }

    /// SHA-256 over all lines.
    pub(crate) fn digest(&self) -> [u8; 32] {
        self.lock().hash.clone().finalize().into()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lock().lines.clone()
    }
}
