//! Counters that the crowd raises while it lives.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use tokio::time::Instant;

use crate::calls::Answer;

/// Most examples kept of one kind.
const EXAMPLES_MAX: usize = 20;

/// Numbers of a running sale.
#[derive(Debug, Default)]
pub struct Pulse {
    pub joins: AtomicU64,
    pub commands: AtomicU64,
    pub frames: AtomicU64,
    pub connects: AtomicU64,
    pub bookings: AtomicU64,
    pub busy: AtomicU64,
    /// Joins out of `busy`.
    pub joins_busy: AtomicU64,
    pub lost: AtomicU64,
    /// Shoppers between being let in and being done.
    pub acting: AtomicU64,
    /// Sockets that ended with a close frame, and without.
    pub closed: AtomicU64,
    pub torn: AtomicU64,
    /// How each of them ended.
    ends: Mutex<Vec<SocketEnd>>,
    /// Sockets that were asked to come back (1012), and those that did.
    pub sent_away: AtomicU64,
    pub came_back: AtomicU64,
    /// Turns that passed without the shopper having been told of them.
    pub missed: AtomicU64,
    /// Whose, for a report.
    pub missed_by: Mutex<Vec<String>>,
    wrong: Mutex<Vec<String>>,
}

/// A socket that the other side ended.
#[derive(Debug, Clone)]
pub struct SocketEnd {
    pub at: Instant,
    /// The process that it was at.
    pub url: String,
    /// Of its close frame; `None` = torn without one.
    pub code: Option<u16>,
}

impl Pulse {
    /// Counts a socket that the other side ended just now.
    pub fn ended(&self, url: &str, code: Option<u16>) {
        tick(if code.is_some() { &self.closed } else { &self.torn });
        let end = SocketEnd { at: Instant::now(), url: url.to_owned(), code };
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).push(end);
    }

    /// How sockets at a process ended since then.
    pub fn ends(&self, url: &str, since: Instant) -> Vec<SocketEnd> {
        let ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.iter().filter(|end| end.url == url && end.at >= since).cloned().collect()
    }

    /// Counts a turn that passed untold.
    pub fn miss(&self, who: String) {
        tick(&self.missed);
        let mut missed = self.missed_by.lock().unwrap_or_else(PoisonError::into_inner);
        if missed.len() < EXAMPLES_MAX {
            missed.push(who);
        }
    }

    /// Checks the shape of a 429 or 503 and counts it.
    pub fn busy(&self, answer: &Answer) {
        self.busy.fetch_add(1, Ordering::Relaxed);
        if answer.retry_after().is_none() || answer.code().is_empty() {
            self.wrong(format!("no Retry-After or code: {}", answer.brief()));
        }
    }

    /// Notes an answer that no shopper should ever get.
    pub fn wrong(&self, text: String) {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        if wrong.len() < EXAMPLES_MAX {
            wrong.push(text);
        }
    }

    pub fn wrongs(&self) -> Vec<String> {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn summary(&self) -> String {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        format!(
            "{} joins, {} commands, {} bookings, {} frames, {} sockets ({} closed, {} torn), \
             {} times busy, {} answers lost, {} turns missed, {} acting",
            read(&self.joins),
            read(&self.commands),
            read(&self.bookings),
            read(&self.frames),
            read(&self.connects),
            read(&self.closed),
            read(&self.torn),
            read(&self.busy),
            read(&self.lost),
            read(&self.missed),
            read(&self.acting)
        )
    }
}

/// Raises a counter by one.
pub fn tick(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
