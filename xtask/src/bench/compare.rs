//! One hot slot: sold through the log, and by rows of a database.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::{figure::Figures, postgres::Postgres, stack, stack::Stack};

const SHOPPERS: u32 = 40_000;
/// Each wants two: half of them get them.
const SEATS: u32 = SHOPPERS;
const CONNECTIONS: u32 = 256;
const SQL_CONNECTIONS: u32 = 64;
const SQL_SECS: u32 = 15;
const LIMIT_SECS: u64 = 300;

/// Holds and bookings of very many on one slot, until every outcome stands.
pub(crate) fn booking(figures: &mut Figures) -> Result<()> {
    let decided = decided_per_sec(figures)?;
    figures.tell("booking.decided", decided, "holds+bookings/s");
    Ok(())
}

/// The same next to `UPDATE … SET remaining = remaining - 1 WHERE remaining > 0`.
pub(crate) fn booking_vs_sql(figures: &mut Figures) -> Result<()> {
    let decided = decided_per_sec(figures)?;
    let folder = std::env::temp_dir().join(format!("twinkle-bench-sql-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let sold = rows_per_sec(&folder);
    std::fs::remove_dir_all(&folder)?;
    figures.compare("booking.decided_vs_sql", decided, "holds+bookings/s", sold?);
    Ok(())
}

fn decided_per_sec(figures: &mut Figures) -> Result<f64> {
    let stack = Stack::start(&["api", "worker", "gateway", "operator"])?;
    stack.open_event("bench", 6_000_000, SEATS)?;
    let (api, gateway) = (stack.url("api")?, stack.url("gateway")?);
    let (shoppers, connections) = (SHOPPERS.to_string(), CONNECTIONS.to_string());
    let who = ["rush", "--api", &api, "--gateway", &gateway, "--origin", stack.origin()];
    let what = ["--event", "bench", "--shoppers", &shoppers, "--connections", &connections];
    let limit = Duration::from_secs(LIMIT_SECS);
    let report = stack.load(&[&who[..], &what].concat(), limit)?;
    stack::clean(&report)?;
    let sold = report["counts"]["sold"].as_f64().unwrap_or_default();
    ensure!(sold == f64::from(SEATS / 2), "{sold} bookings of two seats each");
    stack.audit("bench")?;
    figures.tell("booking.sold", 2.0 * sold, "seats");
    Ok(report["achieved"]["per_sec"].as_f64().unwrap_or_default())
}

fn rows_per_sec(folder: &std::path::Path) -> Result<f64> {
    let postgres = Postgres::start(folder)?;
    postgres.sql(
        "CREATE TABLE slot (id int PRIMARY KEY, remaining int NOT NULL CHECK (remaining >= 0)); \
         INSERT INTO slot VALUES (1, 1000000000)",
    )?;
    let sell = "UPDATE slot SET remaining = remaining - 1 WHERE id = 1 AND remaining > 0;\n";
    postgres.bench(sell, SQL_CONNECTIONS, SQL_SECS)
}
