//! How soon all is well again: after an owner's death, after Redis was emptied, after a start.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use testbed::{Process, Product};

use super::{Scale, figure::Figures, joins, stack, stack::Stack};

const EVENT: &str = "bench";
const OWNER: &str = "twinkle_worker_owner";
const LABEL: &str = "event=\"bench\"";
const HEAD: &str = "twinkle:{bench}:head";
const TICKETS: u32 = 200_000;
const TICKETS_FULL: u32 = 1_000_000;
/// Joins a second while the log is filled.
const FILL_RATE: u32 = 25_000;
/// Joins a second while something breaks.
const LIVE_RATE: u32 = 2_000;
const LIVE_SECS: u32 = 20;
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(5);

/// Kill -9 of the owner, until another one has ticked and written the view.
pub(crate) fn takeover(scale: Scale, figures: &mut Figures) -> Result<()> {
    let (mut stack, tickets) = filled(&["api", "worker", "worker", "gateway", "operator"], scale)?;
    let mut load = live(&stack)?;
    let owner = owner(&stack)?;
    let epoch = head(&stack, "epoch")?;
    let killed = Instant::now();
    stack.servers[owner].kill()?;
    let took = until(killed, || Ok(head(&stack, "epoch")? > epoch))?;
    figures.tell("takeover.tickets", tickets, "tickets");
    figures.tell("takeover.view_written", took, "s");
    finish(&stack, &mut load)
}

/// All of Redis gone while people join, until everything is back.
pub(crate) fn redis_rebuild(scale: Scale, figures: &mut Figures) -> Result<()> {
    let (stack, tickets) = filled(&["api", "worker", "gateway", "operator"], scale)?;
    let mut load = live(&stack)?;
    let emptied = Instant::now();
    stack.redis.cli(&["FLUSHALL", "ASYNC"])?;
    let took = until(emptied, || Ok(head(&stack, "next")? > 0))?;
    figures.tell("redis_rebuild.tickets", tickets, "tickets");
    figures.tell("redis_rebuild.whole", took, "s");
    finish(&stack, &mut load)
}

/// A worker that starts on a long log, until it has folded all of it.
pub(crate) fn replay(scale: Scale, figures: &mut Figures) -> Result<()> {
    let (mut stack, tickets) = filled(&["api", "worker", "gateway", "operator"], scale)?;
    let folded = |worker: &Product| worker.metric("twinkle_worker_commands_total", "");
    let all = folded(worker(&stack)?).context("the worker counts commands")?;
    let place = stack.servers.iter().position(|server| server.role == "worker");
    let place = place.context("there is a worker")?;
    stack.servers[place].kill()?;
    let started = Instant::now();
    stack.servers[place].start_again()?;
    let took = until(started, || Ok(folded(worker(&stack)?).is_some_and(|now| now >= all)))?;
    figures.tell("replay.tickets", tickets, "tickets");
    figures.tell("replay.start_to_folded", took, "s");
    let begun = Instant::now();
    stack.audit(EVENT)?;
    figures.tell("replay.audit", begun.elapsed().as_secs_f64(), "s");
    Ok(())
}

/// A stack whose event has very many tickets.
fn filled(roles: &[&str], scale: Scale) -> Result<(Stack, f64)> {
    let tickets = if scale.full { TICKETS_FULL } else { TICKETS };
    let stack = Stack::start(roles)?;
    stack.open_event(EVENT, 600, 200)?;
    stack::clean(&joins::drive(&stack, EVENT, FILL_RATE, tickets / FILL_RATE)?)?;
    Ok((stack, f64::from(tickets)))
}

fn live(stack: &Stack) -> Result<Process> {
    let args = joins::args(stack, EVENT, LIVE_RATE, LIVE_SECS)?;
    let (load, _) = stack::load_beside(stack.folder(), &args)?;
    sleep(Duration::from_secs(3));
    Ok(load)
}

/// The joins that went on meanwhile must be whole, and the view equal to the log.
fn finish(stack: &Stack, load: &mut Process) -> Result<()> {
    let ended = load.wait(PATIENCE)?;
    ensure!(ended.is_some_and(|status| status.success()), "{}", load.log_text());
    stack.audit(EVENT).map(drop)
}

fn owner(stack: &Stack) -> Result<usize> {
    let owns =
        |server: &Product| server.role == "worker" && server.metric(OWNER, LABEL) == Some(1.0);
    stack.servers.iter().position(owns).context("no worker owns the event")
}

fn worker(stack: &Stack) -> Result<&Product> {
    let mut servers = stack.servers.iter();
    servers.find(|server| server.role == "worker").context("there is a worker")
}

/// A field of the view's head; 0 when there is none.
fn head(stack: &Stack, field: &str) -> Result<u64> {
    Ok(stack.redis.cli(&["HGET", HEAD, field])?.trim().parse().unwrap_or(0))
}

fn until(since: Instant, mut holds: impl FnMut() -> Result<bool>) -> Result<f64> {
    while !holds()? {
        ensure!(since.elapsed() < PATIENCE, "not within {PATIENCE:?}");
        sleep(POLL);
    }
    Ok(since.elapsed().as_secs_f64())
}
