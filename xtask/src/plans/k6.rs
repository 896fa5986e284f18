//! k6: its summary as JSON.

use anyhow::{Context, Result};
use serde_json::Value;

use super::product::{EVENT, Product};
use super::{Plan, RATE, SECS, Tally};
use crate::commands::command;
use crate::tools;

/// Far above what a busy machine needs.
const P99_MS: u32 = 5_000;

pub(super) fn plan(product: &Product) -> Result<Plan> {
    let report = product.folder().join("k6.json");
    let options = ["run", "--quiet", "--no-usage-report", "--address", "", "loadtest/k6/joins.js"];
    let mut command = command(tools::k6()?, &options);
    command.env("K6_AUTO_EXTENSION_RESOLUTION", "false").env("SUMMARY", &report);
    command.env("TWINKLE_URL", product.url()).env("EVENT", EVENT).env("PROFILE", "constant");
    command.env("RATE", RATE.to_string()).env("DURATION", format!("{SECS}s"));
    command.env("P99_MS", P99_MS.to_string());
    Ok(Plan { name: "plans-k6", command, report, read })
}

fn read(summary: &str) -> Result<Tally> {
    let metrics: Value = serde_json::from_str(summary)?;
    let count = |pointer| metrics.pointer(pointer).and_then(Value::as_u64).context(pointer);
    Ok(Tally {
        joins: count("/checked_joins/values/count")?,
        failed: count("/checks/values/fails")?,
    })
}

#[test]
fn the_summary_tells_joins_and_failed_checks() {
    let summary = r#"{"checked_joins":{"values":{"count":7}},"checks":{"values":{"fails":2}}}"#;
    assert_eq!(read(summary).expect("a summary"), Tally { joins: 7, failed: 2 });
    assert!(read(r#"{"checked_joins":{"values":{"count":7}}}"#).is_err());
}
