//! Chaos on real parts: everything around a sale breaks, again and again, and nothing is lost.

mod brokers;
pub mod control;
pub mod evidence;
mod nemesis;
mod redis;
mod roles;
mod wires;

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use serde_json::json;
use tokio::time::sleep;

use brokers::Brokers;
use nemesis::{Fault, Nemesis, by_kind, to_json};
use redis::Views;
use roles::Roles;
use wires::Network;

use super::{
    Seen,
    crowds::{Plan, Running},
};
use crate::{
    crowd::Arrival,
    dice::Dice,
    meter::Reading,
    report::Report,
    stack::{Replicated, Stack},
};

const SUITE: &str = "chaos";
/// The log of the sale.
const TOPIC: &str = "twinkle.event.sale";
/// How long faults go on in the tests, in seconds; with all around it five minutes.
pub const SHORT_SECS: u64 = 240;
/// Faults in ten minutes, at least.
const FAULTS_IN_TEN_MINUTES_MIN: f64 = 100.0;
/// What every run must have in it.
const MUST_HAPPEN: [&str; 18] = [
    "kill -9 of a worker",
    "kill -9 of an API",
    "kill -9 of a gateway",
    "kill -9 of a broker",
    "kill -9 of the leading broker",
    "SIGSTOP of a worker",
    "SIGSTOP of an API",
    "SIGSTOP of a gateway",
    "SIGSTOP of a broker",
    "SIGSTOP of the leading broker",
    "SIGSTOP of two of three brokers",
    "a late replica promoted",
    "TCP cut towards Kafka",
    "TCP cut towards Redis",
    "delay towards Kafka",
    "delay towards Redis",
    "half-open towards Kafka",
    "half-open towards Redis",
];
/// Share of operations that must succeed.
const SUCCESS_MIN: f64 = 0.5;
const SHOPPERS_PER_SEC: f64 = 6.0;
/// Nobody comes in the last seconds, so that the sale comes to rest sooner.
const LAST_COMERS_SECS: u64 = 15;
/// People come for a while before the first fault.
const CALM_SECS: u64 = 4;
/// How long the log may stand still at a time: a deadline that is heard of later is told later.
const STANDS_MS: i64 = 30_000;
/// Seats of slots that many want, and of those that never run out.
const FEW_SEATS: u64 = 25;

pub async fn run(
    stack: &mut Stack,
    report: &mut Report,
    seed: u64,
    seen: &mut Seen,
    time: Duration,
) -> Result<()> {
    let running = sale(time).start(stack, seed).await?;
    stack.caller.meter.begin();
    sleep(Duration::from_secs(CALM_SECS)).await;
    let faults = strike(stack, report, seed, time).await?;
    let reading = stack.caller.meter.read();
    judge(report, &faults, &reading, time);
    write_figures(report, seed, time, &faults, &reading)?;
    let definition = sale(time).definition;
    conclude(running, stack, report, seen, &definition).await
}

/// Lets the sale come to rest, takes down the log and holds it against what everyone was told.
async fn conclude(
    running: Running,
    stack: &mut Stack,
    report: &mut Report,
    seen: &mut Seen,
    definition: &serde_json::Value,
) -> Result<()> {
    let sale = running.finish(stack, report, seen).await?;
    evidence::take(stack, report, sale, definition, SUITE)
}

/// Slots that many want and that are sold out again and again, beside slots for all.
fn sale(time: Duration) -> Plan {
    let secs = time.as_secs() + CALM_SECS - LAST_COMERS_SECS;
    let shoppers = (secs as f64 * SHOPPERS_PER_SEC) as usize;
    let mut definition = crate::event::definition(8, FEW_SEATS);
    for slot in definition["slots"].as_array_mut().into_iter().flatten().skip(4) {
        slot["capacity"] = json!(shoppers);
    }
    definition["admission"] =
        json!({"rate_per_min": 900, "max_inside": 300, "claim_secs": 12, "window_secs": 30});
    definition["hold_secs"] = json!(8);
    Plan {
        event: "sale".to_owned(),
        definition,
        shoppers,
        arrival: Arrival {
            spread: Duration::from_secs(secs),
            at_once_percent: 5,
            lingers: Some(Duration::from_secs(8)),
        },
        limit: Duration::from_secs(150),
        skew_ms: STANDS_MS,
        slack: 15.0 * STANDS_MS as f64 / 1_000.0,
        turns_may_pass: true,
        log_is_read: true,
    }
}

/// Five strike at the same time, each its own parts, until the time is over and all is healed.
async fn strike(
    stack: &mut Stack,
    report: &mut Report,
    seed: u64,
    time: Duration,
) -> Result<Vec<Fault>> {
    let nemesis = Arc::new(Nemesis::new(stack.caller.meter.clone(), time));
    let dice = |lane: u64| Dice::of(seed, 50 + lane);
    let lane = || nemesis.clone();
    let Replicated { kafka, redis, wires } = stack.replicated.take().context("no brokers")?;
    let doors = wires.iter().map(|wires| wires.redis.clone()).collect();
    let servers = std::mem::take(&mut stack.servers);
    let (workers, fronts): (Vec<_>, Vec<_>) =
        servers.into_iter().partition(|server| server.role == "worker");
    let (kafka, redis, wires, workers, fronts) = tokio::join!(
        tokio::spawn(Brokers::new(kafka, lane(), dice(0)).run()),
        tokio::spawn(Views::new(redis, doors, lane(), dice(1)).run()),
        tokio::spawn(Network::new(wires, lane(), dice(2)).run()),
        tokio::spawn(Roles::new(workers, lane(), dice(3)).run()),
        tokio::spawn(Roles::new(fronts, lane(), dice(4)).run()),
    );
    stack.replicated = Some(Replicated { kafka: kafka?, redis: redis?, wires: wires? });
    stack.servers = [workers?, fronts?].into_iter().flatten().collect();
    report.judge("every fault could be done and healed", nemesis.troubles());
    Ok(nemesis.faults())
}

fn judge(report: &mut Report, faults: &[Fault], reading: &Reading, time: Duration) {
    let wanted = (FAULTS_IN_TEN_MINUTES_MIN * time.as_secs_f64() / 600.0).ceil() as usize;
    let hit = faults.iter().filter(|fault| fault.in_flight > 0).count();
    let kinds = by_kind(faults);
    for (kind, count) in &kinds {
        report.note(format!("{count:4} × {kind}"));
    }
    for wanted in MUST_HAPPEN {
        let happened = kinds.keys().any(|kind| kind.contains(wanted));
        report.check(format!("it happened: {wanted}"), happened);
    }
    report.note(format!(
        "{} faults, {hit} with commands in flight; {} operations, {:.1} % successful; \
         the longest time without a successful command was {} ms",
        faults.len(),
        reading.operations(),
        reading.success() * 100.0,
        reading.longest_outage.as_millis()
    ));
    report.check(format!("{hit} faults hit commands in flight, {wanted} must"), hit >= wanted);
    report.same("faults that met no command in flight", faults.len() - hit, 0);
    report.check(
        format!("{:.3} of all operations succeed, {SUCCESS_MIN} must", reading.success()),
        reading.success() >= SUCCESS_MIN,
    );
}

fn write_figures(
    report: &Report,
    seed: u64,
    time: Duration,
    faults: &[Fault],
    reading: &Reading,
) -> Result<()> {
    let figures = json!({
        "seed": seed,
        "seconds": time.as_secs(),
        "faults": faults.len(),
        "with_commands_in_flight": faults.iter().filter(|fault| fault.in_flight > 0).count(),
        "by_kind": by_kind(faults),
        "commands": reading.commands,
        "reads": reading.reads,
        "success": reading.success(),
        "longest_outage_ms": reading.longest_outage.as_millis() as u64,
        "each": faults.iter().map(to_json).collect::<Vec<_>>(),
    });
    let file = evidence::folder(SUITE)?.with_extension("json");
    std::fs::write(&file, format!("{figures:#}\n")).context("cannot write the figures")?;
    report.note(format!("the figures are in {}", file.display()));
    Ok(())
}
