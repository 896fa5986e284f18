//! Joins and sockets on the whole stack.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testbed::{Cores, Process, free_port};

use super::{
    Scale,
    figure::Figures,
    stack::{self, Spent, Stack},
    usage::Usage,
};
use crate::commands::{cargo, command, target};
use crate::run;

const EVENT: &str = "bench";
/// Joins a second: 50,000 must be held, until the last answer.
const RATE: u32 = 50_500;
const SECS: u32 = 60;
const WARM_RATE: u32 = 25_000;
/// A fresh broker spends its first minute compiling its own code.
const WARM_SECS: u32 = 45;
const CONNECTIONS: u32 = 1_024;
const SOCKETS: u32 = 20_000;
const MANY_SOCKETS: u32 = 100_000;
/// What one gateway process holds of them: a process may have 20,000 files open here.
const SOCKETS_A_GATEWAY: u32 = 18_000;
const LIMIT_SECS: u64 = 600;
/// The line moves while the crowd joins, so that frames have something to say.
const ADMITTED_PER_MIN: u32 = 1_200;

const ROLES: [&str; 5] = ["api", "worker", "gateway", "gateway", "operator"];

/// Joins at a fixed rate with 20,000 sockets live, until the log and Redis agree.
pub(crate) fn joins(scale: Scale, figures: &mut Figures) -> Result<()> {
    let stack = Stack::start_apart(&ROLES)?;
    warm(&stack)?;
    stack.open_event(EVENT, ADMITTED_PER_MIN, 200)?;
    let (mut sockets, sockets_report) = beside(&stack, EVENT, SOCKETS, SECS + 15)?;
    let (before, memory) = (stack.spent()?, redis_bytes(&stack)?);
    let report = drive(&stack, EVENT, RATE, SECS)?;
    let (after, memory) = (stack.spent()?, redis_bytes(&stack)? - memory);
    sockets.wait(Duration::from_secs(LIMIT_SECS))?;
    tell_joins(figures, "joins", &report, &before, &after);
    figures.tell("joins.redis_memory", memory / count(&report, "accepted"), "bytes/ticket");
    let watched = stack::read(&sockets_report)?;
    tell_frames(figures, "joins.sockets", &watched);
    stack::clean(&report).and_then(|()| stack::clean(&watched))?;
    let audit = stack.audit(EVENT)?;
    let tickets = number(&audit, &["tickets"]);
    // Whoever got no answer may stand in the log, or not.
    let (accepted, unanswered) = (count(&report, "accepted"), count(&report, "unanswered"));
    let all = accepted..=accepted + unanswered;
    ensure!(all.contains(&tickets), "{tickets} tickets in the log, {accepted} acknowledged");
    figures.tell("joins.audited", tickets, "tickets");
    if scale.full {
        highest(&stack, figures)?;
    }
    Ok(())
}

/// The highest rate that is held for 20 s with an answer's p99 within 50 ms.
fn highest(stack: &Stack, figures: &mut Figures) -> Result<()> {
    const FIRST: u32 = 30_000;
    const STEP: u32 = 5_000;
    const P99_MS_MAX: f64 = 50.0;
    let mut held = 0;
    for rate in (FIRST..=2 * RATE).step_by(STEP as usize) {
        let event = format!("high{rate}");
        stack.open_event(&event, ADMITTED_PER_MIN, 200)?;
        let report = drive(stack, &event, rate, 20)?;
        stack::clean(&report)?;
        let late = p(&report, "accepted", "p99") > P99_MS_MAX;
        if late || count(&report, "accepted") < f64::from(rate) * 20.0 * 0.999 {
            break;
        }
        held = rate;
    }
    figures.tell("joins.highest_rate", f64::from(held), "joins/s");
    Ok(())
}

/// CPU of a durable join in the API, against a request to an empty handler, at the same rate over as
/// many connections in the same minute.
pub(crate) fn api_vs_hello(figures: &mut Figures) -> Result<()> {
    const SECS: u32 = 20;
    let stack = Stack::start_apart(&["api", "worker", "gateway", "operator"])?;
    warm(&stack)?;
    let empty = Empty::start(&stack)?;
    let (mut ours, mut theirs) = (0.0, 0.0);
    // Turn by turn, so that a slow moment of the machine meets both.
    for round in 0..2 {
        let event = format!("turn{round}");
        stack.open_event(&event, ADMITTED_PER_MIN, 200)?;
        let before = stack.spent()?;
        let report = drive(&stack, &event, WARM_RATE, SECS)?;
        ours += cpu_us(&before, &stack.spent()?, "api", count(&report, "accepted")) / 2.0;
        theirs += empty.cpu_us(&stack, WARM_RATE, SECS)? / 2.0;
    }
    figures.compare("api.join_cpu", ours, "µs", theirs);
    Ok(())
}

/// A process with nothing but an empty axum handler.
struct Empty {
    process: Process,
    url: String,
}

impl Empty {
    fn start(stack: &Stack) -> Result<Self> {
        let what = ["build", "--locked", "--profile", "dist", "-p", "twinkle-http", "--example"];
        let build = cargo(&[what.as_slice(), &["empty"]].concat());
        ensure!(run::shown(build, Duration::from_secs(LIMIT_SECS))?.ok, "it does not build");
        let address = format!("127.0.0.1:{}", free_port()?);
        let mut program = command(target().join("dist/examples/empty"), &[&address]);
        program.env("TOKIO_WORKER_THREADS", "1");
        let log = stack.folder().join("empty.log");
        let process = Cores::First.keep(|| Process::spawn("empty", program, &log))??;
        Ok(Self { process, url: format!("http://{address}") })
    }

    fn cpu_us(&self, stack: &Stack, rate: u32, secs: u32) -> Result<f64> {
        let before = Usage::of(self.process.pid())?.cpu_secs;
        let profile = format!("constant:{rate}");
        let (secs, connections) = (secs.to_string(), CONNECTIONS.to_string());
        let args = ["plain", "--api", &self.url, "--event", "none", "--profile", &profile];
        let args = [&args[..], &["--secs", &secs, "--connections", &connections]].concat();
        let report = stack.load(&args, Duration::from_secs(LIMIT_SECS))?;
        let after = Usage::of(self.process.pid())?.cpu_secs;
        Ok((after - before) * 1e6 / count(&report, "answered"))
    }
}

/// Very many sockets over several gateways, nothing else going on but the line.
pub(crate) fn sockets(scale: Scale, figures: &mut Figures) -> Result<()> {
    let count = if scale.full { MANY_SOCKETS } else { SOCKETS };
    let gateways = count.div_ceil(SOCKETS_A_GATEWAY) as usize;
    let roles = [vec!["api", "worker", "operator"], vec!["gateway"; gateways]].concat();
    let stack = Stack::start(&roles)?;
    stack.open_event(EVENT, ADMITTED_PER_MIN, 200)?;
    let before = stack.spent()?;
    let (mut sockets, report) = beside(&stack, EVENT, count, 30)?;
    let held = stack.spent()?;
    sockets.wait(Duration::from_secs(LIMIT_SECS))?;
    let (old, new) = (before["gateway"].rss_bytes, held["gateway"].rss_bytes);
    figures.tell("sockets.count", f64::from(count), "sockets");
    figures.tell("sockets.memory", (new - old) / f64::from(count), "bytes/socket");
    let report = stack::read(&report)?;
    tell_frames(figures, "sockets", &report);
    stack::clean(&report)
}

/// Lets a fresh broker compile its own code.
pub(crate) fn warm(stack: &Stack) -> Result<()> {
    stack.open_event("warm", ADMITTED_PER_MIN, 200)?;
    stack::clean(&drive(stack, "warm", WARM_RATE, WARM_SECS)?)
}

/// Joins an event at a fixed rate; the load generator's report.
pub(crate) fn drive(stack: &Stack, event: &str, rate: u32, secs: u32) -> Result<Value> {
    let args = args(stack, event, rate, secs)?;
    stack.load(&args, Duration::from_secs(LIMIT_SECS))
}

/// What makes the load generator do so.
pub(crate) fn args(stack: &Stack, event: &str, rate: u32, secs: u32) -> Result<Vec<String>> {
    let (api, gateway) = (stack.url("api")?, stack.url("gateway")?);
    let profile = format!("constant:{rate}");
    let (secs, connections) = (secs.to_string(), CONNECTIONS.to_string());
    let who = ["joins", "--api", &api, "--gateway", &gateway, "--origin", stack.origin()];
    let what = ["--event", event, "--profile", &profile, "--secs", &secs];
    let args = [&who[..], &what, &["--connections", &connections]].concat();
    Ok(args.into_iter().map(str::to_owned).collect())
}

/// Opens so many sockets and returns once they stand.
pub(crate) fn beside(
    stack: &Stack,
    event: &str,
    count: u32,
    secs: u32,
) -> Result<(Process, std::path::PathBuf)> {
    const OPEN_PER_SEC: u32 = 2_000;
    let gateways = stack.urls("gateway").join(",");
    let processes = count.div_ceil(SOCKETS_A_GATEWAY).to_string();
    let (count_text, secs) = (count.to_string(), secs.to_string());
    let open = OPEN_PER_SEC.to_string();
    let who = ["sockets", "--gateway", &gateways, "--origin", stack.origin(), "--event", event];
    let what = ["--count", &count_text, "--secs", &secs, "--open-per-sec", &open];
    let how = ["--processes", &processes, "--sources", &processes];
    let started = stack.load_beside(&[&who[..], &what, &how].concat())?;
    std::thread::sleep(Duration::from_secs(u64::from(count.div_ceil(OPEN_PER_SEC) + 2)));
    Ok(started)
}

fn tell_joins(figures: &mut Figures, name: &str, report: &Value, before: &Spent, after: &Spent) {
    let accepted = count(report, "accepted");
    let mut tell = |what: &str, value, unit| figures.tell(&format!("{name}.{what}"), value, unit);
    tell("accepted", accepted, "joins");
    tell("rate", number(report, &["achieved", "per_sec"]), "joins/s");
    tell("answer_p50", p(report, "accepted", "p50"), "ms");
    tell("answer_p99", p(report, "accepted", "p99"), "ms");
    tell("visible_p99", p(report, "visible", "p99"), "ms");
    let parts = ["api", "worker", "kafka", "redis"];
    let cpu = parts.map(|part| (part, cpu_us(before, after, part, accepted)));
    for (part, us) in cpu {
        tell(&format!("cpu_{part}"), us, "µs/join");
    }
    tell("cpu", cpu.iter().map(|(_, us)| us).sum(), "µs/join");
    tell("cpu_gateways", cpu_us(before, after, "gateway", accepted), "µs/join");
    tell("cpu_generator", generator_us(report), "µs/join");
}

fn tell_frames(figures: &mut Figures, name: &str, report: &Value) {
    let mut tell = |what: &str, value, unit| figures.tell(&format!("{name}.{what}"), value, unit);
    tell("frames", count(report, "frames"), "frames");
    tell("cpu_client", generator_us(report), "µs/frame");
    tell("frame_age_p99", p(report, "age", "p99"), "ms");
    tell("lost", count(report, "sockets_lost"), "sockets");
}

/// What Redis has allocated.
fn redis_bytes(stack: &Stack) -> Result<f64> {
    let info = stack.redis.cli(&["INFO", "memory"])?;
    let used = info.lines().find_map(|line| line.strip_prefix("used_memory:")?.trim().parse().ok());
    used.context("Redis tells no used_memory")
}

/// What the load generator itself spent on each, in µs.
pub(crate) fn generator_us(report: &Value) -> f64 {
    number(report, &["generator_cpu", "us_each"])
}

/// CPU time of a part for each of so many, in µs.
pub(crate) fn cpu_us(before: &Spent, after: &Spent, part: &str, count: f64) -> f64 {
    (after[part].cpu_secs - before[part].cpu_secs) * 1e6 / count.max(1.0)
}

pub(crate) fn count(report: &Value, name: &str) -> f64 {
    number(report, &["counts", name])
}

/// A percentile of a latency, in milliseconds.
pub(crate) fn p(report: &Value, of: &str, which: &str) -> f64 {
    number(report, &["latency_ms", of, which])
}

fn number(report: &Value, path: &[&str]) -> f64 {
    path.iter().fold(report, |value, name| &value[*name]).as_f64().unwrap_or_default()
}
