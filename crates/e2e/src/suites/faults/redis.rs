//! The view vanishes, goes back in time and stands still; joins go on all the while.

use std::{sync::atomic::Ordering, time::Duration};

use anyhow::Result;
use tokio::{
    task::block_in_place,
    time::{Instant, sleep},
};

use super::{Seen, moves_on, sale, sale_goes_on};
use crate::{report::Report, stack::Stack, suites::crowds::Running};

const BETWEEN_SECS: u64 = 5;
const DOWN_SECS: u64 = 2;
const PAUSED_SECS: u64 = 3;
/// How long the view may stay unknown.
const BACK_SECS_MAX: u64 = 20;

/// The log stands still for at most so long.
const STANDS_MS: i64 = 1_000;

pub async fn run(stack: &mut Stack, report: &mut Report, seed: u64, seen: &mut Seen) -> Result<()> {
    let running = sale(STANDS_MS).start(stack, seed).await?;
    let between = Duration::from_secs(BETWEEN_SECS);
    sale_goes_on(&running, report, between).await;

    report.note("FLUSHALL");
    block_in_place(|| stack.redis()?.cli(&["FLUSHALL"]))?;
    is_back(&running, report, "FLUSHALL").await;
    sale_goes_on(&running, report, between).await;

    report.note("kill -9 of Redis, started again empty");
    let before = running.pulse().joins.load(Ordering::Relaxed);
    block_in_place(|| stack.redis()?.kill())?;
    sleep(Duration::from_secs(DOWN_SECS)).await;
    let joins = running.pulse().joins.load(Ordering::Relaxed) - before;
    report.check(format!("joins go on without Redis ({joins})"), joins > 0);
    block_in_place(|| stack.redis()?.start_again())?;
    is_back(&running, report, "a restart of Redis").await;
    sale_goes_on(&running, report, between).await;

    let dump = block_in_place(|| stack.redis()?.save())?;
    sale_goes_on(&running, report, between).await;
    report.note("Redis goes back to an older dump");
    block_in_place(|| stack.redis()?.start_again_from(&dump))?;
    is_back(&running, report, "an older dump").await;
    sale_goes_on(&running, report, between).await;

    report.note("SIGSTOP of Redis");
    let before = running.pulse().joins.load(Ordering::Relaxed);
    stack.redis()?.pause()?;
    sleep(Duration::from_secs(PAUSED_SECS)).await;
    let joins = running.pulse().joins.load(Ordering::Relaxed) - before;
    report.check(format!("joins go on while Redis sleeps ({joins})"), joins > 0);
    stack.redis()?.resume()?;
    is_back(&running, report, "SIGCONT of Redis").await;

    let refused = running.pulse().joins_busy.load(Ordering::Relaxed);
    report.same("no join was refused for want of Redis", refused, 0);
    running.finish(stack, report, seen).await.map(drop)
}

/// Waits until every gateway knows the view again and the line moves.
async fn is_back(running: &Running, report: &mut Report, after: &str) {
    let world = &running.crowd.world;
    let began = Instant::now();
    let mut faults = Vec::new();
    for base in &world.caller.bases.gateway {
        let url = format!("{}{}", base.url, world.path(""));
        loop {
            let answer = world.caller.at(reqwest::Method::GET, &url).await;
            if answer.as_ref().is_ok_and(|answer| answer.status == 200) {
                break;
            }
            if began.elapsed().as_secs() > BACK_SECS_MAX {
                faults.push(format!("{url}: {:?}", answer.map(|answer| answer.brief())));
                break;
            }
            sleep(Duration::from_millis(super::POLL_MS)).await;
        }
    }
    report.note(format!("back {} ms after {after}", began.elapsed().as_millis()));
    report.judge(format!("the view is back after {after}"), faults);
    let moved = moves_on(running, report, after).await;
    report.judge(
        format!("the line is not stuck after {after}"),
        moved.err().map(|error| error.to_string()).into_iter().collect(),
    );
}
