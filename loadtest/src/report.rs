//! What a run saw: for people, for scripts, and for the process that adds several up.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    latency::{Latency, Summary},
    model::{Faults, places::Place},
    pace::Pace,
};

/// What happened in one second of the load.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// Seconds since the start, at its end.
    pub at: u64,
    /// Answers or frames in it.
    pub done: u64,
    /// Of its answers or frames, in milliseconds.
    pub p99_ms: f64,
    /// Due and not sent at its end.
    pub queued: u64,
}

/// One process's part of a run, or all of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Outcome {
    pub scenario: String,
    /// Rate over time, or how many.
    pub profile: String,
    pub counts: BTreeMap<String, u64>,
    pub latencies: BTreeMap<String, Latency>,
    pub wall_secs: f64,
    /// CPU of the generator.
    pub cpu_secs: f64,
    /// What `achieved` counts, e.g. `accepted`.
    pub unit: String,
    /// How many of them.
    pub done: u64,
    pub seconds: Vec<Second>,
    pub faults: Faults,
    /// Ended by Ctrl-C.
    pub interrupted: bool,
    /// Places to be judged by whoever adds up.
    pub places: Vec<Place>,
}

impl Outcome {
    pub fn new(scenario: &str, profile: String, unit: &str, pace: &Pace) -> Self {
        Self {
            scenario: scenario.to_owned(),
            profile,
            unit: unit.to_owned(),
            wall_secs: pace.wall_secs(),
            cpu_secs: pace.cpu_secs(),
            ..Self::default()
        }
    }

    pub fn count(&mut self, name: &str, count: u64) {
        *self.counts.entry(name.to_owned()).or_default() += count;
    }

    pub fn counted(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }

    /// Takes another process's part in.
    pub fn add(&mut self, other: Self) {
        other.counts.iter().for_each(|(name, count)| self.count(name, *count));
        for (name, latency) in &other.latencies {
            self.latencies.entry(name.clone()).or_default().add(latency);
        }
        self.wall_secs = self.wall_secs.max(other.wall_secs);
        self.cpu_secs += other.cpu_secs;
        self.done += other.done;
        self.add_seconds(&other.seconds);
        self.faults.add(other.faults);
        self.interrupted |= other.interrupted;
        self.places.extend(other.places);
    }

    fn add_seconds(&mut self, seconds: &[Second]) {
        for second in seconds {
            match self.seconds.iter_mut().find(|known| known.at == second.at) {
                Some(known) => {
                    known.done += second.done;
                    known.queued += second.queued;
                    known.p99_ms = known.p99_ms.max(second.p99_ms);
                }
                None => self.seconds.push(*second),
            }
        }
        self.seconds.sort_by_key(|second| second.at);
    }

    fn achieved_per_sec(&self) -> f64 {
        self.done as f64 / self.wall_secs.max(1e-9)
    }

    fn cpu_us_each(&self) -> f64 {
        self.cpu_secs * 1e6 / self.done.max(1) as f64
    }

    fn json(&self) -> Value {
        let summaries: BTreeMap<&str, Summary> =
            self.latencies.iter().map(|(name, times)| (name.as_str(), times.summary())).collect();
        json!({
            "scenario": self.scenario,
            "profile": self.profile,
            "counts": self.counts,
            "latency_ms": summaries,
            "wall_secs": self.wall_secs,
            "achieved": {
                "unit": self.unit, "count": self.done, "per_sec": self.achieved_per_sec(),
            },
            "generator_cpu": { "secs": self.cpu_secs, "us_each": self.cpu_us_each() },
            "seconds": self.seconds,
            "violations": self.faults.texts(),
            "violations_count": self.faults.count(),
            "interrupted": self.interrupted,
        })
    }

    /// Writes one JSON object.
    pub fn write_json(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(&self.json())?;
        fs::write(path, text + "\n").with_context(|| format!("can't write {}", path.display()))
    }

    /// Several lines for people.
    pub fn text(&self) -> String {
        let mut lines =
            vec![format!("{} {}: {:.1} s", self.scenario, self.profile, self.wall_secs)];
        let counts: Vec<_> = self.counts.iter().map(|(name, n)| format!("{name} {n}")).collect();
        lines.push(format!("  {}", counts.join(", ")));
        for (name, times) in &self.latencies {
            let Summary { count, p50, p90, p99, p999, max } = times.summary();
            lines.push(format!(
                "  {name:<12} p50 {p50:.1}  p90 {p90:.1}  p99 {p99:.1}  p99.9 {p999:.1}  max {max:.1} ms  ({count})"
            ));
        }
        lines.push(format!(
            "  {:.0} {} a second; generator {:.2} s CPU, {:.2} µs each",
            self.achieved_per_sec(),
            self.unit,
            self.cpu_secs,
            self.cpu_us_each()
        ));
        if self.interrupted {
            lines.push("  interrupted: this is what was seen so far".to_owned());
        }
        lines.push(match self.faults.count() {
            0 => "  no violations".to_owned(),
            count => format!("  {count} VIOLATIONS"),
        });
        lines.extend(self.faults.texts().iter().map(|text| format!("    ✗ {text}")));
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(done: u64, p99_ms: f64) -> Outcome {
        let mut part = Outcome { done, cpu_secs: 1.0, wall_secs: 2.0, ..Outcome::default() };
        part.count("accepted", done);
        part.seconds.push(Second { at: 1, done, p99_ms, queued: 1 });
        part.latencies.entry("accepted".to_owned()).or_default().record_us(1_000);
        part
    }

    #[test]
    fn parts_add_up() {
        let mut all = part(10, 3.0);
        let mut other = part(5, 8.0);
        other.faults.push("wrong".to_owned());
        let sent = serde_json::to_string(&other).unwrap();
        all.add(serde_json::from_str(&sent).unwrap());
        assert_eq!((all.done, all.counted("accepted"), all.faults.count()), (15, 15, 1));
        assert_eq!(all.seconds, [Second { at: 1, done: 15, p99_ms: 8.0, queued: 2 }]);
        assert_eq!(all.latencies["accepted"].count(), 2);
        let json = all.json();
        assert_eq!(json["generator_cpu"]["secs"], 2.0);
        assert_eq!(json["latency_ms"]["accepted"]["count"], 2);
        assert_eq!(json["violations"], json!(["wrong"]));
    }

    #[test]
    fn the_summary_names_every_violation() {
        let mut outcome = part(1, 0.0);
        assert!(outcome.text().contains("no violations"));
        outcome.faults.push("place 3 was given twice".to_owned());
        assert!(outcome.text().contains("place 3 was given twice"));
    }
}
