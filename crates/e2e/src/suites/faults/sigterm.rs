//! Every process is replaced in turn: requests under way finish, sockets are closed and move on.

use std::{sync::atomic::Ordering, time::Duration};

use anyhow::Result;
use tokio::{task::block_in_place, time::sleep};

use super::{Seen, moves_on, sale, sale_goes_on};
use crate::{
    event,
    report::Report,
    stack::Stack,
    suites::{crowds::Running, slow},
};

/// An event beside the sale: its line may get anybody.
const ASIDE: &str = "aside";
/// When a request that is under way at SIGTERM goes on, after it began.
const HALF_WAY: Duration = Duration::from_secs(1);
const SIGNAL_AFTER_MS: u64 = 400;

/// The log stands still for at most so long.
const STANDS_MS: i64 = 4_000;

pub async fn run(stack: &mut Stack, report: &mut Report, seed: u64, seen: &mut Seen) -> Result<()> {
    event::open(stack, ASIDE, &event::definition(1, 10)).await?;
    let running = sale(STANDS_MS).start(stack, seed).await?;
    sale_goes_on(&running, report, Duration::from_secs(5)).await;
    for i in 0..stack.servers.len() {
        replace(stack, i, &running, report).await?;
        sale_goes_on(&running, report, Duration::from_secs(2)).await;
    }
    moves_on(&running, report, "the replacement of every process").await?;
    running.finish(stack, report, seen).await.map(drop)
}

async fn replace(
    stack: &mut Stack,
    i: usize,
    running: &Running,
    report: &mut Report,
) -> Result<()> {
    let server = &mut stack.servers[i];
    let (name, role) = (server.name.clone(), server.role.clone());
    report.note(format!("SIGTERM {name}"));
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let pulse = running.pulse();
    let (torn, closed) = (count(&pulse.torn), count(&pulse.closed));
    let address = format!("127.0.0.1:{}", server.port);
    let slow = async move { slow::join(&address, ASIDE, HALF_WAY).await };
    let under_way = (role == "api").then(|| tokio::spawn(slow));
    sleep(Duration::from_millis(SIGNAL_AFTER_MS)).await;

    server.out_of_rotation();
    let ended = block_in_place(|| server.terminate());
    let verdict = match ended {
        Ok(status) if status.code() == Some(0) => vec![],
        Ok(status) => vec![format!("it ended with {status}")],
        Err(error) => vec![error.to_string()],
    };
    report.judge(format!("{name} ends with 0 in time after SIGTERM"), verdict);
    if let Some(under_way) = under_way {
        let answer = under_way.await?;
        let fine = answer.as_ref().is_ok_and(|status| status.contains(" 202 "));
        report.check(format!("a request under way at {name} finishes ({answer:?})"), fine);
    }
    if role == "gateway" {
        let (torn, closed) = (count(&pulse.torn) - torn, count(&pulse.closed) - closed);
        report.check(format!("{name} closes its sockets ({closed} closed)"), closed > 0);
        report.same(format!("sockets torn by {name} without a close frame"), torn, 0);
    }
    block_in_place(|| stack.servers[i].start_again())
}
