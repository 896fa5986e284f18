//! What a process says from SIGTERM to its end, to those who ask all the time.

use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::Client;
use tokio::time::{Instant, sleep};

const POLL_MS: u64 = 20;
const PATIENCE_MS: u64 = 1_000;
/// A process ends so soon after it last said that it is not ready.
const SILENCE_MAX: Duration = Duration::from_secs(1);

/// Times since SIGTERM.
#[derive(Debug, Clone)]
pub struct Words {
    pub signalled: Instant,
    /// First "no" to the question for readiness.
    pub unready: Option<Duration>,
    /// Last "no".
    pub still_unready: Option<Duration>,
    /// "Yes" after SIGTERM had been heard by its doors.
    pub ready_after: bool,
    /// Answers to new connections at the public port after the first "no".
    pub answers: usize,
    /// First connection refused at the public port.
    pub closed: Option<Duration>,
}

/// Asks whether it is ready, and at its public port, until neither door is open.
pub async fn listen(readiness: String, public: String) -> Result<Words> {
    let patience = Duration::from_millis(PATIENCE_MS);
    let client = Client::builder().timeout(patience).pool_max_idle_per_host(0).no_proxy();
    let client = client.build().context("cannot make an HTTP client")?;
    let mut words = Words::at(Instant::now());
    loop {
        // The public port is asked after readiness: an answer came later than that "no".
        let ready = client.get(&readiness).send().await;
        let status = ready.as_ref().ok().map(|answer| answer.status().as_u16());
        words.heard(status);
        let answered = client.get(&public).send().await;
        words.tried(answered.is_ok());
        if ready.is_err_and(|error| error.is_connect()) && words.closed.is_some() {
            return Ok(words);
        }
        sleep(Duration::from_millis(POLL_MS)).await;
    }
}

impl Words {
    fn at(signalled: Instant) -> Self {
        let (unready, still_unready, closed) = (None, None, None);
        Self { signalled, unready, still_unready, ready_after: false, answers: 0, closed }
    }

    fn heard(&mut self, status: Option<u16>) {
        match status {
            Some(503) => {
                let now = self.signalled.elapsed();
                self.unready.get_or_insert(now);
                self.still_unready = Some(now);
            }
            Some(_) => self.ready_after |= self.unready.is_some() || self.closed.is_some(),
            None => {}
        }
    }

    fn tried(&mut self, answered: bool) {
        if !answered {
            self.closed.get_or_insert(self.signalled.elapsed());
        } else if self.unready.is_some() {
            self.answers += 1;
        }
    }

    /// What is wrong with the order of things, a sentence each, in a process that ended then.
    pub fn faults(&self, ended: Instant) -> Vec<String> {
        let mut faults = Vec::new();
        let Some(unready) = self.unready else {
            return vec![format!("it never said that it is not ready: {self:?}")];
        };
        if self.answers == 0 || self.closed.is_none_or(|closed| closed <= unready) {
            faults.push(format!("nobody could see it before the doors closed: {self:?}"));
        }
        if self.ready_after {
            faults.push(format!("it called itself ready again: {self:?}"));
        }
        let last = self.signalled + self.still_unready.unwrap_or_default();
        if ended.saturating_duration_since(last) > SILENCE_MAX {
            faults.push(format!("nothing answered the kubelet while it drained: {self:?}"));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_must_turn_first_and_stay() {
        let words = |course: &[(Option<u16>, bool)], silent_ms: u64| {
            let mut words = Words::at(Instant::now());
            for (status, answered) in course {
                words.heard(*status);
                std::thread::sleep(Duration::from_millis(1));
                words.tried(*answered);
                std::thread::sleep(Duration::from_millis(1));
            }
            words.faults(Instant::now() + Duration::from_millis(silent_ms)).len()
        };
        let (yes, no) = (Some(200), Some(503));
        assert_eq!(words(&[(yes, true), (no, true), (no, false), (None, false)], 0), 0);
        assert_eq!(words(&[(yes, true), (yes, false), (None, false)], 0), 1, "never");
        assert_eq!(words(&[(yes, true), (no, false), (no, false)], 0), 1, "too late");
        assert_eq!(words(&[(no, true), (yes, true), (no, false), (no, false)], 0), 1, "again");
        assert_eq!(words(&[(no, true), (no, false), (None, false)], 2_000), 1, "silent");
    }
}
