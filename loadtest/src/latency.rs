//! Times in a histogram that can be sent to another process and added up.

use std::io::Cursor;

use base64::{Engine, engine::general_purpose::STANDARD};
use hdrhistogram::{
    Histogram,
    serialization::{Deserializer, Serializer, V2Serializer},
};
use serde::{Deserialize, Serialize, de::Error as _, ser::Error as _};

/// Longest time that is told apart, in microseconds; longer ones count as this.
const LONGEST_US: u64 = 600_000_000;

/// Times are kept to so many digits.
const DIGITS: u8 = 3;

#[derive(Debug, Clone)]
pub struct Latency(Histogram<u64>);

impl Default for Latency {
    fn default() -> Self {
        // The bounds are constants that a histogram takes.
        Self(Histogram::new_with_bounds(1, LONGEST_US, DIGITS).expect("bounds of a histogram"))
    }
}

impl Latency {
    pub fn record_us(&mut self, us: u64) {
        self.0.saturating_record(us.max(1));
    }

    pub fn count(&self) -> u64 {
        self.0.len()
    }

    pub fn clear(&mut self) {
        self.0.reset();
    }

    pub fn add(&mut self, other: &Self) {
        // Both have the same bounds; were they wider, the histogram would grow.
        self.0 += &other.0;
    }

    /// Milliseconds at or below which this share of all times lies.
    pub fn quantile_ms(&self, share: f64) -> f64 {
        self.0.value_at_quantile(share) as f64 / 1_000.0
    }

    pub fn summary(&self) -> Summary {
        Summary {
            count: self.count(),
            p50: self.quantile_ms(0.5),
            p90: self.quantile_ms(0.9),
            p99: self.quantile_ms(0.99),
            p999: self.quantile_ms(0.999),
            max: self.0.max() as f64 / 1_000.0,
        }
    }
}

/// Milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Summary {
    pub count: u64,
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    #[serde(rename = "p99.9")]
    pub p999: f64,
    pub max: f64,
}

impl Serialize for Latency {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::new();
        V2Serializer::new()
            .serialize(&self.0, &mut bytes)
            .map_err(|error| S::Error::custom(format!("{error:?}")))?;
        out.serialize_str(&STANDARD.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for Latency {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        let bytes = STANDARD.decode(text).map_err(D::Error::custom)?;
        Deserializer::new()
            .deserialize(&mut Cursor::new(bytes))
            .map(Self)
            .map_err(|error| D::Error::custom(format!("{error:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latency(times_us: impl IntoIterator<Item = u64>) -> Latency {
        let mut latency = Latency::default();
        times_us.into_iter().for_each(|us| latency.record_us(us));
        latency
    }

    #[test]
    fn quantiles_are_milliseconds() {
        let summary = latency((1..=1_000).map(|n| n * 1_000)).summary();
        assert_eq!(summary.count, 1_000);
        assert!((summary.p50 - 500.0).abs() < 1.0 && (summary.p99 - 990.0).abs() < 1.0);
        assert!((summary.max - 1_000.0).abs() < 1.0);
        assert!(latency([u64::MAX]).summary().max <= LONGEST_US as f64 / 1_000.0 * 1.001);
    }

    #[test]
    fn what_two_processes_saw_adds_up() {
        let (one, other) = (latency([1_000; 60]), latency([9_000; 40]));
        let sent = serde_json::to_string(&other).unwrap();
        let mut all = one;
        all.add(&serde_json::from_str(&sent).unwrap());
        let summary = all.summary();
        assert_eq!(summary.count, 100);
        assert!((summary.p50 - 1.0).abs() < 0.01 && (summary.p90 - 9.0).abs() < 0.01);
        assert!(serde_json::from_str::<Latency>("\"AAAA\"").is_err());
    }
}
