//! When each request of an open loop is due: a closed form, so that nothing a server does moves it.

use std::{fmt, str::FromStr};

use anyhow::{Context, Result, ensure};

/// Most requests of one run: what a run remembers of each stays below half a gigabyte.
const REQUESTS_MAX: u64 = 20_000_000;

/// Longest run, in seconds.
const SECS_MAX: u64 = 3_600;

const US_PER_SEC: f64 = 1_000_000.0;

/// How the rate goes over time, in requests a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Profile {
    Constant { rate: f64 },
    Ramp { from: f64, to: f64 },
}

impl FromStr for Profile {
    type Err = anyhow::Error;

    /// `constant:RATE` or `ramp:FROM..TO`.
    fn from_str(text: &str) -> Result<Self> {
        let rate = |text: &str| -> Result<f64> {
            let rate: f64 = text.parse().with_context(|| format!("{text:?} is no rate"))?;
            ensure!(rate.is_finite() && rate > 0.0, "a rate is above 0");
            Ok(rate)
        };
        match text.split_once(':') {
            Some(("constant", text)) => Ok(Self::Constant { rate: rate(text)? }),
            Some(("ramp", span)) => {
                let (from, to) = span.split_once("..").context("a ramp is FROM..TO")?;
                Ok(Self::Ramp { from: rate(from)?, to: rate(to)? })
            }
            _ => anyhow::bail!("a profile is constant:RATE or ramp:FROM..TO"),
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant { rate } => write!(f, "constant:{rate}"),
            Self::Ramp { from, to } => write!(f, "ramp:{from}..{to}"),
        }
    }
}

/// The moments of all requests of a run.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// Requests a second at the beginning.
    from: f64,
    /// By how much the rate grows, in requests a second for each second.
    slope: f64,
    total: u64,
}

impl Schedule {
    pub fn new(profile: Profile, secs: u64) -> Result<Self> {
        ensure!((1..=SECS_MAX).contains(&secs), "a run takes 1 to {SECS_MAX} s");
        let (from, to) = match profile {
            Profile::Constant { rate } => (rate, rate),
            Profile::Ramp { from, to } => (from, to),
        };
        let total = ((from + to) / 2.0 * secs as f64).round();
        ensure!(total <= REQUESTS_MAX as f64, "a run has at most {REQUESTS_MAX} requests");
        Ok(Self { from, slope: (to - from) / secs as f64, total: total as u64 })
    }

    /// `count` requests spread evenly over a span.
    pub fn within(count: u64, span_ms: u64) -> Result<Self> {
        ensure!((1..=REQUESTS_MAX).contains(&count), "1 to {REQUESTS_MAX} at once");
        ensure!((1..=SECS_MAX * 1_000).contains(&span_ms), "a span of 1 ms to {SECS_MAX} s");
        Ok(Self { from: count as f64 * 1_000.0 / span_ms as f64, slope: 0.0, total: count })
    }

    /// How many requests there are in all.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// When request `i` (from 0) is due, in microseconds after the start.
    pub fn due_us(&self, i: u64) -> u64 {
        // The smaller root of slope/2 × t² + from × t = i, in the form that loses no digits.
        let i = i as f64;
        let root = (self.from * self.from + 2.0 * self.slope * i).max(0.0).sqrt();
        (2.0 * i / (self.from + root) * US_PER_SEC) as u64
    }

    /// Is request `i` due by now?
    pub fn is_due(&self, i: u64, now_us: u64) -> bool {
        i < self.total && self.due_us(i) <= now_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(profile: &str, secs: u64) -> Schedule {
        Schedule::new(profile.parse().unwrap(), secs).unwrap()
    }

    #[test]
    fn a_constant_rate_is_evenly_spaced() {
        let even = schedule("constant:50000", 60);
        assert_eq!(even.total(), 3_000_000);
        assert_eq!((even.due_us(0), even.due_us(1), even.due_us(50_000)), (0, 20, 1_000_000));
        assert!(even.is_due(2_999_999, 60_000_000));
        assert!(!even.is_due(3_000_000, u64::MAX), "there are no more");
        assert!(!even.is_due(1, 19));
    }

    #[test]
    fn a_ramp_has_the_area_below_it() {
        let ramp = schedule("ramp:500..1500", 10);
        assert_eq!(ramp.total(), 10_000);
        // After t seconds: 500 t + 50 t².
        for (secs, count) in [(1, 550), (2, 1_200), (5, 3_750), (9, 8_550)] {
            assert!(ramp.due_us(count).abs_diff(secs * 1_000_000) <= 1, "{secs}");
        }
        let down = schedule("ramp:1000..1", 10);
        assert!((9_800_000..=10_000_000).contains(&down.due_us(down.total() - 1)));
    }

    #[test]
    fn no_request_is_due_before_the_one_before_it() {
        for ramp in [schedule("ramp:1..5000", 7), schedule("ramp:5000..1", 7)] {
            let moments: Vec<u64> = (0..ramp.total()).map(|i| ramp.due_us(i)).collect();
            assert!(moments.is_sorted());
        }
    }

    #[test]
    fn a_crowd_comes_within_its_span() {
        let crowd = Schedule::within(20_000, 1_000).unwrap();
        assert_eq!((crowd.total(), crowd.due_us(10_000)), (20_000, 500_000));
    }

    #[test]
    fn profiles_are_read_and_bounded() {
        for text in ["constant:0", "constant:-1", "constant:x", "ramp:5", "ramp:0..5", "burst:1"] {
            assert!(text.parse::<Profile>().is_err(), "{text}");
        }
        for text in ["constant:50000", "ramp:500..50000"] {
            assert_eq!(text.parse::<Profile>().unwrap().to_string(), text);
        }
        let most = Profile::Constant { rate: 1e6 };
        assert!(Schedule::new(most, 3_600).is_err() && Schedule::new(most, 0).is_err());
    }
}
