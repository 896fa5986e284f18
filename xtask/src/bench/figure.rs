//! What was measured.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{commands::command, commands::target, run};

/// The figures of this machine, the latest of each name.
pub(crate) struct Figures {
    path: PathBuf,
    commit: String,
    known: BTreeMap<String, Value>,
    told: usize,
}

impl Figures {
    /// Reads what earlier runs have left.
    pub(crate) fn open() -> Result<Self> {
        let path = target().join("bench.json");
        let known = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .with_context(|| format!("{} can't be read", path.display()))?,
            Err(_) => BTreeMap::new(),
        };
        let commit = run::quiet(command("git", &["describe", "--always", "--dirty"]));
        Ok(Self { path, commit: commit.unwrap_or_default().trim().to_owned(), known, told: 0 })
    }

    /// Takes a figure.
    pub(crate) fn tell(&mut self, name: &str, value: f64, unit: &str) {
        self.put(name, value, unit, None);
    }

    /// Takes a figure with the reference that the same run has measured.
    pub(crate) fn compare(&mut self, name: &str, value: f64, unit: &str, reference: f64) {
        self.put(name, value, unit, Some(reference));
    }

    fn put(&mut self, name: &str, value: f64, unit: &str, reference: Option<f64>) {
        let ratio = reference.filter(|reference| *reference > 0.0).map(|r| rounded(value / r));
        let figure = json!({
            "name": name, "value": rounded(value), "unit": unit,
            "reference": reference.map(rounded), "ratio": ratio, "commit": self.commit,
        });
        println!("{figure}");
        self.known.insert(name.to_owned(), figure);
        self.told += 1;
    }

    /// How many figures this run has told.
    pub(crate) fn len(&self) -> usize {
        self.told
    }

    /// Keeps them in `target/bench.json`.
    pub(crate) fn write(&self) -> Result<()> {
        let text = serde_json::to_string_pretty(&self.known)?;
        std::fs::write(&self.path, text + "\n")
            .with_context(|| format!("{} can't be written", self.path.display()))
    }
}

/// Four figures say all that a noisy machine knows.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return 0.0;
    }
    let scale = 10f64.powi(3 - value.abs().log10().floor() as i32);
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::rounded;

    #[test]
    fn four_figures_stay() {
        assert_eq!(
            [50_045.3, 15.678_9, 0.001_234_56, 0.0].map(rounded),
            [50_050.0, 15.68, 0.001_235, 0.0]
        );
    }
}
