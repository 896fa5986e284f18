//! Answers by status, with how long each took.

use crate::{
    latency::Latency, model::Faults, net::http::Answer, report::Outcome, service::Problem,
};

/// Refusals that say: not now. They must say when.
const BUSY: [u16; 2] = [429, 503];

/// Problems after which a command may still be in the log.
const UNKNOWN_CODES: [&str; 2] = ["log_unavailable", "internal"];

#[derive(Default)]
pub struct Tally {
    /// By status; there are few.
    refused: Vec<(u16, Latency)>,
    /// The answer never came: the connection broke.
    pub lost: u64,
    /// Commands that may be in the log without an acknowledgement.
    pub unknown: u64,
    pub faults: Faults,
}

impl Tally {
    /// Counts an answer that is not the one hoped for.
    pub fn refused(&mut self, what: &str, answer: &Answer<'_>, took_us: u64) {
        let status = answer.status;
        if UNKNOWN_CODES.contains(&Problem::code(answer.body)) {
            self.unknown += 1;
        }
        if BUSY.contains(&status) {
            let says_when = answer.retry_after_secs.is_some();
            self.faults.check(says_when, || format!("a {status} of {what} has no Retry-After"));
        } else if status != 409 {
            let body = String::from_utf8_lossy(answer.body);
            self.faults.push(format!("{what} got {status} {body}"));
        }
        let known = self.refused.iter().position(|(known, _)| *known == status);
        let at = known.unwrap_or_else(|| {
            self.refused.push((status, Latency::default()));
            self.refused.len() - 1
        });
        self.refused[at].1.record_us(took_us);
    }

    /// Counts an answer that never came.
    pub fn lost(&mut self) {
        self.lost += 1;
        self.unknown += 1;
    }

    pub fn refusals(&self) -> u64 {
        self.refused.iter().map(|(_, times)| times.count()).sum()
    }

    pub fn report(self, outcome: &mut Outcome) {
        outcome.count("lost", self.lost);
        outcome.count("unknown", self.unknown);
        for (status, times) in self.refused {
            outcome.count(&format!("refused_{status}"), times.count());
            outcome.latencies.insert(format!("refused_{status}"), times);
        }
        outcome.faults.add(self.faults);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, retry_after_secs: Option<u32>, body: &[u8]) -> Answer<'_> {
        Answer { status, retry_after_secs, body, ..Answer::default() }
    }

    #[test]
    fn a_busy_answer_must_say_when() {
        let mut tally = Tally::default();
        tally.refused("a join", &answer(503, Some(1), br#"{"code":"overloaded"}"#), 10);
        tally.refused("a join", &answer(503, Some(1), br#"{"code":"log_unavailable"}"#), 10);
        assert_eq!((tally.faults.count(), tally.unknown, tally.refusals()), (0, 1, 2));
        tally.refused("a join", &answer(429, None, b""), 10);
        assert_eq!(tally.faults.count(), 1);
        tally.refused("a join", &answer(409, None, b""), 10);
        tally.refused("a join", &answer(500, None, b""), 10);
        assert_eq!(tally.faults.count(), 2);
        tally.lost();
        let mut outcome = Outcome::default();
        tally.report(&mut outcome);
        assert_eq!((outcome.counted("refused_503"), outcome.counted("unknown")), (2, 2));
    }
}
