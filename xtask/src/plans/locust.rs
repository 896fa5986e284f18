//! Locust: its statistics as CSV.

use anyhow::{Context, Result};

use super::product::{EVENT, Product};
use super::{Plan, Tally, csv};
use crate::commands::command;
use crate::tools;

/// Shoppers a second.
const RATE: u32 = 50;
/// As many may be under way at once.
const USERS: u32 = 200;
const SECS: u32 = 15;
/// For those still under way at the end.
const STOP_SECS: u32 = 10;

pub(super) fn plan(product: &Product) -> Result<Plan> {
    let prefix = product.folder().join("locust");
    let options = ["-f", "loadtest/locust/locustfile.py", "--headless", "--only-summary", "--csv"];
    let mut command = command(tools::locust()?, &options);
    command.arg(&prefix);
    command.arg(format!("--users={USERS}")).arg(format!("--spawn-rate={RATE}"));
    command.arg(format!("--run-time={SECS}s")).arg(format!("--stop-timeout={STOP_SECS}"));
    command.env("TWINKLE_URL", product.url()).env("EVENT", EVENT).env("RATE", RATE.to_string());
    let report = product.folder().join("locust_stats.csv");
    Ok(Plan { name: "plans-locust", command, report, read })
}

fn read(statistics: &str) -> Result<Tally> {
    let rows = csv::records(statistics);
    let count = |name: &str, column: &str| -> Result<u64> {
        let row = rows.iter().find(|row| row.get("Name").is_some_and(|found| found == name));
        let cell =
            row.and_then(|row| row.get(column)).with_context(|| format!("{name}, {column}"))?;
        Ok(cell.parse()?)
    };
    Ok(Tally {
        joins: count("join", "Request Count")? - count("join", "Failure Count")?,
        failed: count("Aggregated", "Failure Count")?,
    })
}

#[test]
fn the_statistics_tell_joins_and_all_failures() {
    let statistics = "Type,Name,Request Count,Failure Count\n\
                      PUT,book,5,3\nPOST,join,9,1\n,Aggregated,14,4\n";
    assert_eq!(read(statistics).expect("statistics"), Tally { joins: 8, failed: 4 });
    assert!(read("Type,Name,Request Count,Failure Count\n").is_err());
}
