//! The committed minimum of each suite, so that tests cannot vanish unseen.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::commands::root;
use crate::outcome::Suite;

/// Kinds of suites, in the file's terms.
pub(crate) const UNIT: &str = "unit";
pub(crate) const E2E: &str = "e2e";
pub(crate) const EYES: &str = "eyes";
pub(crate) const BROWSER: &str = "browser";
pub(crate) const PLANS: &str = "plans";
pub(crate) const LOAD: &str = "load";
pub(crate) const SIM: &str = "sim";
pub(crate) const API: &str = "api";
pub(crate) const CHART: &str = "chart";
pub(crate) const FUZZ: &str = "fuzz";

/// Kind → suite → fewest tests that must pass.
#[derive(Debug, Default)]
pub(crate) struct Minimums(BTreeMap<String, BTreeMap<String, u64>>);

fn path() -> PathBuf {
    root().join("xtask/minimums.json")
}

impl Minimums {
    /// Reads `xtask/minimums.json`.
    ///
    /// # Errors
    /// When it is missing or not of that shape.
    pub(crate) fn read() -> Result<Self> {
        let text = std::fs::read_to_string(path()).context("cannot read xtask/minimums.json")?;
        Ok(Self(serde_json::from_str(&text).context("xtask/minimums.json is malformed")?))
    }

    /// Writes it back.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn write(&self) -> Result<()> {
        let text = serde_json::to_string_pretty(&self.0)? + "\n";
        std::fs::write(path(), text).context("cannot write xtask/minimums.json")
    }

    /// Makes the counts seen the minimums of their suites.
    pub(crate) fn record(&mut self, kind: &str, seen: &[Suite]) {
        let minimums = self.0.entry(kind.to_owned()).or_default();
        for suite in seen.iter().filter(|suite| suite.passed > 0) {
            minimums.insert(suite.name.clone(), suite.passed);
        }
    }

    /// What is wrong with the counts seen, a sentence each.
    pub(crate) fn judge(&self, kind: &str, seen: &[Suite]) -> Vec<String> {
        let none = BTreeMap::new();
        let minimums = self.0.get(kind).unwrap_or(&none);
        let passed = |name: &str| {
            seen.iter().filter(|suite| suite.name == name).map(|suite| suite.passed).sum::<u64>()
        };
        let short =
            minimums.iter().filter(|(name, least)| passed(name) < **least).map(|(name, least)| {
                format!("{kind} suite {name}: {} passed, at least {least} must", passed(name))
            });
        let unguarded = seen
            .iter()
            .filter(|suite| suite.passed > 0 && !minimums.contains_key(&suite.name))
            .map(|suite| {
                format!(
                    "{kind} suite {} has no committed minimum: run `cargo xtask test --only {kind} --record`",
                    suite.name
                )
            });
        short.chain(unguarded).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suite(name: &str, passed: u64) -> Suite {
        Suite { name: name.to_owned(), passed, failed: 0 }
    }

    #[test]
    fn too_few_missing_and_unguarded_suites_are_problems() {
        let mut minimums = Minimums::default();
        minimums.record(E2E, &[suite("sale", 5), suite("faults", 3), suite("empty", 0)]);
        assert!(minimums.judge(E2E, &[suite("sale", 5), suite("faults", 9)]).is_empty());
        assert_eq!(minimums.judge(E2E, &[suite("sale", 4), suite("faults", 3)]).len(), 1);
        assert_eq!(minimums.judge(E2E, &[suite("sale", 5)]).len(), 1);
        let new = minimums.judge(E2E, &[suite("sale", 5), suite("faults", 3), suite("new", 1)]);
        assert!(new.len() == 1 && new[0].contains("new has no committed minimum"), "{new:?}");
    }
}
