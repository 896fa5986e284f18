//! Parts measured by themselves: their benchmarks print figures, a JSON line each.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;

use super::figure::Figures;
use crate::{commands::cargo, run};

const LIMIT_SECS: u64 = 1_800;

/// The state machine alone.
pub(crate) fn domain(figures: &mut Figures) -> Result<()> {
    bench(figures, "twinkle-domain", "fold", &[])
}

/// Sockets of the gateway: `memory` or `frames`.
pub(crate) fn gateway(figures: &mut Figures, what: &str) -> Result<()> {
    bench(figures, "twinkle-gateway", "sockets", &[what])
}

fn bench(figures: &mut Figures, package: &str, name: &str, args: &[&str]) -> Result<()> {
    let mut command = cargo(&["bench", "--locked", "-p", package]);
    command.args(["--bench", name, "--"]).args(args);
    let done = run::shown(command, Duration::from_secs(LIMIT_SECS))?;
    ensure!(done.ok, "the benchmark {name} of {package} failed: see above");
    let before = figures.len();
    for line in done.text.lines().filter(|line| line.starts_with('{')) {
        let figure: Value = serde_json::from_str(line)?;
        let text = |field: &str| figure[field].as_str().unwrap_or_default().to_owned();
        let value = figure["value"].as_f64().unwrap_or_default();
        match figure["reference"].as_f64() {
            Some(reference) => figures.compare(&text("name"), value, &text("unit"), reference),
            None => figures.tell(&text("name"), value, &text("unit")),
        }
    }
    ensure!(figures.len() > before, "the benchmark {name} of {package} told no figure");
    Ok(())
}
