//! Charts of the documents, drawn from the committed figures.

use std::fmt::Write;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::commands::root;

const FIGURES: &str = "docs/bench.json";
const DOCUMENT: &str = "docs/performance.md";
const BEGIN: &str = "<!-- drawn by `cargo xtask plots` -->\n";
const END: &str = "<!-- end of what is drawn -->\n";

/// A chart: its title, what its x axis counts, and the steps there with the names of their figures.
struct Chart {
    title: &'static str,
    axis: &'static str,
    /// Between `growth.` and `.join_cpu`.
    series: &'static str,
    of: &'static str,
    steps: [(&'static str, &'static str); 3],
}

const RATES: [(&str, &str); 3] =
    [("5,000/s", "5000"), ("10,000/s", "10000"), ("20,000/s", "20000")];
const CROWDS: [(&str, &str); 3] = [("10^4", "10000"), ("10^5", "100000"), ("10^6", "1000000")];
const CHARTS: [Chart; 3] = [
    Chart { title: "A join, by rate", axis: "joins", series: "rate", of: "join_cpu", steps: RATES },
    Chart {
        title: "A join, by people in line",
        axis: "people in line",
        series: "crowd",
        of: "join_cpu",
        steps: CROWDS,
    },
    Chart {
        title: "A frame, by people in line",
        axis: "people in line",
        series: "crowd",
        of: "frame_cpu",
        steps: CROWDS,
    },
];

/// Draws the charts into the document.
///
/// # Errors
/// When a figure is missing.
pub(crate) fn write() -> Result<()> {
    Ok(std::fs::write(root().join(DOCUMENT), drawn()?)?)
}

/// The document with the charts of the figures.
fn drawn() -> Result<String> {
    let text = std::fs::read_to_string(root().join(DOCUMENT)).context(DOCUMENT)?;
    let (before, rest) = text.split_once(BEGIN).context("no place for charts")?;
    let (_, after) = rest.split_once(END).context("no end of the charts")?;
    let figures = std::fs::read(root().join(FIGURES)).context(FIGURES)?;
    let figures: Value = serde_json::from_slice(&figures).context(FIGURES)?;
    let mut charts = String::new();
    for chart in &CHARTS {
        chart.draw(&figures, &mut charts)?;
    }
    Ok(format!("{before}{BEGIN}{charts}{END}{after}"))
}

impl Chart {
    /// How many times what the load generator spent on it in the same run.
    fn draw(&self, figures: &Value, into: &mut String) -> Result<()> {
        let mut ratios = Vec::new();
        for (_, step) in self.steps {
            let name = format!("growth.{}.{step}.{}", self.series, self.of);
            let ratio = figures[&name]["ratio"].as_f64();
            ratios.push(ratio.with_context(|| format!("{FIGURES} has no {name}"))?);
        }
        let top = ratios.iter().copied().fold(0.0, f64::max);
        ensure!(top > 0.0, "{} costs nothing: is the figure broken?", self.title);
        let labels: Vec<_> = self.steps.iter().map(|(label, _)| format!("\"{label}\"")).collect();
        let ratios: Vec<_> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
        writeln!(into, "```mermaid\nxychart-beta\n    title \"{}\"", self.title)?;
        writeln!(into, "    x-axis \"{}\" [{}]", self.axis, labels.join(", "))?;
        writeln!(into, "    y-axis \"× generator\" 0 --> {:.0}", (top * 1.3).ceil())?;
        writeln!(into, "    bar [{}]\n```\n", ratios.join(", "))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_charts_are_those_of_the_figures() {
        let text = std::fs::read_to_string(root().join(DOCUMENT)).expect("the document");
        assert_eq!(drawn().expect("charts"), text, "run `cargo xtask plots`");
    }
}
