//! The broker goes away for a while: commands get 503 with Retry-After, nothing acknowledged is lost.

use std::{sync::atomic::Ordering, time::Duration};

use anyhow::Result;
use tokio::{task::block_in_place, time::sleep};

use super::{Seen, moves_on, sale, sale_goes_on};
use crate::{report::Report, stack::Stack};

const DOWN_SECS: u64 = 5;

/// The log stands still for at most so long.
const STANDS_MS: i64 = 20_000;

pub async fn run(stack: &mut Stack, report: &mut Report, seed: u64, seen: &mut Seen) -> Result<()> {
    let running = sale(STANDS_MS).start(stack, seed).await?;
    sale_goes_on(&running, report, Duration::from_secs(8)).await;

    let busy = running.pulse().busy.load(Ordering::Relaxed);
    report.note("the broker is stopped");
    block_in_place(|| stack.kafka()?.stop())?;
    sleep(Duration::from_secs(DOWN_SECS)).await;
    report.note("the broker is started");
    block_in_place(|| stack.kafka()?.start_again())?;
    let busy = running.pulse().busy.load(Ordering::Relaxed) - busy;
    report.check(format!("commands were answered 503 meanwhile ({busy})"), busy > 0);
    moves_on(&running, report, "a restart of the broker").await?;
    sale_goes_on(&running, report, Duration::from_secs(8)).await;

    running.finish(stack, report, seen).await.map(drop)
}
