//! The owning worker is killed, then put to sleep: another takes over, the woken one is fenced.

use std::time::Duration;

use anyhow::Result;
use tokio::{
    task::block_in_place,
    time::{Instant, sleep},
};

use super::{Seen, moves_on, owner, owners, sale, sale_goes_on};
use crate::{report::Report, stack::Stack};

const ASLEEP_SECS: u64 = 5;
/// How long a woken worker may believe that it still owns the event.
const FENCED_SECS_MAX: u64 = 10;

/// The log stands still for at most so long.
const STANDS_MS: i64 = 4_000;

pub async fn run(stack: &mut Stack, report: &mut Report, seed: u64, seen: &mut Seen) -> Result<()> {
    let running = sale(STANDS_MS).start(stack, seed).await?;
    sale_goes_on(&running, report, Duration::from_secs(8)).await;

    let killed = owner(stack, None).await?;
    report.note(format!("kill -9 {}", stack.servers[killed].name));
    stack.servers[killed].kill()?;
    let heir = owner(stack, Some(killed)).await?;
    report.check("another worker takes over after kill -9", heir != killed);
    moves_on(&running, report, "kill -9 of the owner").await?;
    block_in_place(|| stack.servers[killed].start_again())?;
    sale_goes_on(&running, report, Duration::from_secs(6)).await;

    let sleeper = owner(stack, None).await?;
    report.note(format!("SIGSTOP {}", stack.servers[sleeper].name));
    stack.servers[sleeper].pause()?;
    let asleep = Instant::now() + Duration::from_secs(ASLEEP_SECS);
    let heir = owner(stack, Some(sleeper)).await?;
    report.check("another worker takes over from a sleeping one", heir != sleeper);
    moves_on(&running, report, "SIGSTOP of the owner").await?;
    tokio::time::sleep_until(asleep).await;
    report.note(format!("SIGCONT {}", stack.servers[sleeper].name));
    stack.servers[sleeper].resume()?;
    one_owner(stack, report).await;
    moves_on(&running, report, "SIGCONT of the old owner").await?;

    running.finish(stack, report, seen).await.map(drop)
}

/// Soon exactly one worker believes that it owns the event.
async fn one_owner(stack: &Stack, report: &mut Report) {
    let deadline = Instant::now() + Duration::from_secs(FENCED_SECS_MAX);
    let mut owning = block_in_place(|| owners(stack, None));
    while owning.len() != 1 && Instant::now() < deadline {
        sleep(Duration::from_millis(super::POLL_MS)).await;
        owning = block_in_place(|| owners(stack, None));
    }
    report.same("the woken worker is fenced: one owns the event", owning.len(), 1);
}
