//! How soon all is well again: after an owner's death, after Redis was emptied, after a start.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use testbed::{Process, Product};

use super::{Scale, figure::Figures, joins, stack, stack::Stack, usage::Usage};

const EVENT: &str = "bench";
const OWNER: &str = "twinkle_worker_owner";
const LABEL: &str = "event=\"bench\"";
const HEAD: &str = "twinkle:{bench}:head";
const TICKETS: [u32; 2] = [100_000, 1_000_000];
const TICKETS_FULL: u32 = 10_000_000;
/// Joins a second while the log is filled.
const FILL_RATE: u32 = 20_000;
/// Joins a second while something breaks.
const LIVE_RATE: u32 = 2_000;
const LIVE_SECS: u32 = 20;
/// Tickets for each further second of them: what is rebuilt must be whole before they end.
const TICKETS_A_SEC: u32 = 200_000;
const PATIENCE: Duration = Duration::from_secs(120);
const KNOWN: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(5);

/// With each number of tickets: a takeover, Redis emptied, and a worker's start.
pub(crate) fn recovery(scale: Scale, figures: &mut Figures) -> Result<()> {
    let full = [TICKETS_FULL];
    let counts = if scale.full { &full[..] } else { &TICKETS[..] };
    counts.iter().try_for_each(|tickets| {
        let (mut stack, there) = filled(*tickets)?;
        let secs = LIVE_SECS + tickets / TICKETS_A_SEC;
        takeover(&mut stack, secs, there, figures)?;
        redis_rebuild(&stack, secs, there, figures)?;
        replay(&mut stack, there, figures)
    })
}

/// Kill -9 of the owner, until another one has ticked and written the view.
fn takeover(stack: &mut Stack, secs: u32, tickets: f64, figures: &mut Figures) -> Result<()> {
    let mut load = live(stack, secs)?;
    let owner = owner(stack)?;
    let epoch = head(stack, "epoch")?;
    let killed = Instant::now();
    // It stays dead: what follows is done by one worker alone.
    stack.servers.remove(owner).kill()?;
    let took = until(killed, || Ok(head(stack, "epoch")? > epoch))?;
    tell(figures, "takeover.view_written", tickets, took, "s");
    finish(stack, &mut load)
}

/// All of Redis gone while people join, until everything is back.
fn redis_rebuild(stack: &Stack, secs: u32, tickets: f64, figures: &mut Figures) -> Result<()> {
    let mut load = live(stack, secs)?;
    let emptied = Instant::now();
    stack.redis.cli(&["FLUSHALL", "ASYNC"])?;
    let took = until(emptied, || Ok(head(stack, "next")? > 0))?;
    tell(figures, "redis_rebuild.whole", tickets, took, "s");
    finish(stack, &mut load)
}

/// A worker that starts on a long log, alone: until it has folded all of it, and until it has ticked
/// and written the view. Then the same log by the audit.
fn replay(stack: &mut Stack, tickets: f64, figures: &mut Figures) -> Result<()> {
    let epoch = head(stack, "epoch")?;
    let place = stack.servers.iter().position(|server| server.role == "worker");
    let place = place.context("there is a worker")?;
    stack.servers[place].kill()?;
    // As long as a new process of another node would need at least: silence is then over.
    sleep(Duration::from_secs(2));
    let started = Instant::now();
    stack.servers[place].start_again()?;
    let worker = &stack.servers[place];
    let folded = || worker.metric("twinkle_worker_commands_total", "").unwrap_or_default();
    let took = until(started, || Ok(folded() >= tickets))?;
    tell(figures, "worker_start.folded", tickets, took, "s");
    let took = until(started, || Ok(head(stack, "epoch")? > epoch))?;
    tell(figures, "worker_start.view_written", tickets, took, "s");
    let rss = Usage::of(worker.pid())?.rss_bytes;
    tell(figures, "worker_start.memory", tickets, rss / tickets, "bytes/ticket");
    let begun = Instant::now();
    stack.audit(EVENT)?;
    tell(figures, "replay.audit", tickets, begun.elapsed().as_secs_f64(), "s");
    Ok(())
}

/// A figure with its number of tickets, as a power of ten, in its name.
fn tell(figures: &mut Figures, name: &str, tickets: f64, value: f64, unit: &str) {
    figures.tell(&format!("{name}.1e{}", tickets.log10().round()), value, unit);
}

/// A stack whose event has so many tickets, or nearly so; how many there are.
fn filled(tickets: u32) -> Result<(Stack, f64)> {
    let stack = Stack::start(&["api", "worker", "worker", "gateway", "operator"])?;
    stack.open_event(EVENT, 600, 200)?;
    // The API learns of a new event by itself, on a busy machine a moment after the operator.
    sleep(KNOWN);
    let report = joins::drive(&stack, EVENT, FILL_RATE, tickets / FILL_RATE)?;
    stack::clean(&report)?;
    let there = joins::count(&report, "accepted");
    ensure!(there >= 0.9 * f64::from(tickets), "{there} joins of {tickets} were accepted");
    // The log is there; what follows is measured from a view that has all of it.
    let end = Instant::now();
    until(end, || Ok(shown(&stack)? >= there))?;
    Ok((stack, there))
}

/// Tickets that the view has.
fn shown(stack: &Stack) -> Result<f64> {
    let stats: serde_json::Value =
        serde_json::from_str(&stack.twinkle(&["event", "show", EVENT])?)?;
    Ok(stats["total"].as_f64().unwrap_or_default())
}

fn live(stack: &Stack, secs: u32) -> Result<Process> {
    let args = joins::args(stack, EVENT, LIVE_RATE, secs)?;
    let (load, _) = stack.load_beside(&args)?;
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
