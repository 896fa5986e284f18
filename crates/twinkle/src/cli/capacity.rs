//! `twinkle capacity`: what an event needs, reckoned from what was measured.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use clap::Args;
use serde::Deserialize;

/// The figures of the last committed run of `cargo xtask bench`.
const FIGURES: &str = include_str!("../../../../docs/bench.json");
/// What an hour costs; change the file for other regions or clouds.
const PRICES: &str = include_str!("../../../../docs/prices.json");

/// Share of a core that is planned for: the rest is for bursts and for those a lost pod leaves over.
const BUSY_SHARE: f64 = 0.6;
/// Replicas of each record.
const REPLICAS: f64 = 3.0;
/// A join in the log, in bytes.
const JOIN_BYTES: f64 = 48.0;
/// What the kernel keeps of an idle socket, in bytes.
const KERNEL_SOCKET_BYTES: f64 = 4_096.0;
/// Sockets of one pod: a process may have 65,536 files open by default.
const SOCKETS_A_POD: f64 = 50_000.0;
/// Memory of a process with nothing to do, in bytes.
const BASE_BYTES: f64 = 64e6;
/// Memory of a broker: heap and page cache, in bytes.
const BROKER_BYTES: f64 = 4e9;
/// Two generations of the view stand side by side while it is built anew.
const GENERATIONS: f64 = 2.0;
/// A pod for each role that may be lost.
const SPARE: f64 = 1.0;

#[derive(Debug, Args)]
pub(crate) struct CapacityArgs {
    /// Joins a second at the peak
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rps: u32,
    /// People who wait at the same time, each with a page open
    #[arg(long, default_value_t = 300_000, value_parser = clap::value_parser!(u32).range(1..=50_000_000))]
    waiting: u32,
    /// How long the infrastructure stands, in hours
    #[arg(long, default_value_t = 4.0)]
    hours: f64,
}

#[derive(Debug, Deserialize)]
struct Figure {
    value: f64,
}

/// US dollars an hour.
#[derive(Debug, Deserialize)]
struct Prices {
    vcpu: f64,
    gib: f64,
    broker: f64,
    cache: f64,
    load_balancer: f64,
    control_plane: f64,
}

/// What a role needs, and why.
#[derive(Debug)]
struct Need {
    role: &'static str,
    pods: f64,
    /// Of each pod.
    cores: f64,
    gib: f64,
    why: String,
}

struct Measured(BTreeMap<String, Figure>);

impl Measured {
    fn get(&self, name: &str) -> Result<f64> {
        let figure = self.0.get(name).with_context(|| format!("{name} was not measured"))?;
        Ok(figure.value)
    }
}

pub(crate) fn run(args: &CapacityArgs) -> Result<()> {
    let measured = Measured(serde_json::from_str(FIGURES).context("docs/bench.json")?);
    let prices: Prices = serde_json::from_str(PRICES).context("docs/prices.json")?;
    let (rps, waiting) = (f64::from(args.rps), f64::from(args.waiting));
    let needs = needs(&measured, rps, waiting)?;
    say(&format!("{rps} joins a second, {waiting} people waiting\n"));
    say("role       pods  cores each  memory each  why");
    for Need { role, pods, cores, gib, why } in &needs {
        say(&format!("{role:<9} {pods:>5}  {cores:>10.1}  {gib:>7.1} GiB  {why}"));
    }
    let dollars = dollars(&needs, &prices) * args.hours;
    say(&format!("\nabout {dollars:.0} US dollars for {} hours (docs/prices.json)", args.hours));
    Ok(())
}

fn needs(measured: &Measured, rps: f64, waiting: f64) -> Result<Vec<Need>> {
    Ok(vec![
        api(measured, rps)?,
        worker(measured, rps, waiting)?,
        gateway(measured, waiting)?,
        kafka(measured, rps, waiting)?,
        redis(measured, rps, waiting)?,
    ])
}

fn api(measured: &Measured, rps: f64) -> Result<Need> {
    let us = measured.get("joins.cpu_api")?;
    let cores = rps * us / 1e6 / BUSY_SHARE;
    let why = format!("{us} µs a join, {BUSY_SHARE} of a core planned, one to spare");
    Ok(Need {
        role: "api",
        pods: cores.ceil() + SPARE,
        cores: 1.0,
        gib: gib(4.0 * BASE_BYTES),
        why,
    })
}

fn worker(measured: &Measured, rps: f64, waiting: f64) -> Result<Need> {
    let us = measured.get("joins.cpu_worker")?;
    let bytes = measured.get("domain.waiting_ticket")?;
    // While it builds the view anew it holds every entry once more.
    let memory = BASE_BYTES + waiting * (bytes + 128.0);
    let cores = (rps * us / 1e6 / BUSY_SHARE).max(1.0).ceil();
    let why = format!("{us} µs a join, {bytes} B a ticket; one owns the event, one stands by");
    Ok(Need { role: "worker", pods: 1.0 + SPARE, cores, gib: gib(memory), why })
}

fn gateway(measured: &Measured, waiting: f64) -> Result<Need> {
    let us = measured.get("gateway.frame_cpu")?;
    let bytes = measured.get("gateway.idle_socket_memory")?;
    let by_cpu = waiting * us / 1e6 / BUSY_SHARE;
    let pods = by_cpu.max(waiting / SOCKETS_A_POD).ceil();
    let memory = BASE_BYTES + waiting / pods * (bytes + KERNEL_SOCKET_BYTES);
    let why = format!("a frame a second of {us} µs, {bytes} B a socket and 4 KiB in the kernel");
    Ok(Need { role: "gateway", pods: pods + SPARE, cores: 1.0, gib: gib(memory), why })
}

fn kafka(measured: &Measured, rps: f64, waiting: f64) -> Result<Need> {
    let us = measured.get("joins.cpu_kafka")?;
    let cores = (rps * us / 1e6 / BUSY_SHARE).max(1.0).ceil();
    let disk = gib(waiting * JOIN_BYTES * REPLICAS);
    let megabytes = rps * JOIN_BYTES / 1e6;
    let why = format!("{us} µs a join on the leader, {megabytes:.1} MB/s, {disk:.2} GiB of log");
    Ok(Need { role: "kafka", pods: REPLICAS, cores, gib: gib(BROKER_BYTES), why })
}

fn redis(measured: &Measured, rps: f64, waiting: f64) -> Result<Need> {
    let us = measured.get("joins.cpu_redis")?;
    let bytes = measured.get("joins.redis_memory")?;
    let memory = BASE_BYTES + GENERATIONS * waiting * bytes;
    // Its commands run on one core, however many it has.
    let share = rps * us / 1e6 * 100.0;
    let why = format!("{us} µs a join: {share:.0} % of its one core; {bytes} B a ticket, twice");
    Ok(Need { role: "redis", pods: 1.0 + SPARE, cores: 2.0, gib: gib(memory).max(0.5), why })
}

fn gib(bytes: f64) -> f64 {
    bytes / 1_073_741_824.0
}

/// US dollars an hour.
fn dollars(needs: &[Need], prices: &Prices) -> f64 {
    let each = |need: &Need| match need.role {
        "kafka" => need.pods * prices.broker * (need.cores / 2.0).ceil(),
        "redis" => need.pods * prices.cache,
        _ => need.pods * (need.cores * prices.vcpu + need.gib * prices.gib),
    };
    needs.iter().map(each).sum::<f64>() + prices.load_balancer + prices.control_plane
}

#[allow(clippy::print_stdout, reason = "the plan is what the command is for")]
fn say(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(rps: f64, waiting: f64) -> Vec<Need> {
        needs(&Measured(serde_json::from_str(FIGURES).unwrap()), rps, waiting).unwrap()
    }

    #[test]
    fn all_that_is_reckoned_with_was_measured() {
        let needs = plan(500.0, 10_000.0);
        assert!(needs.iter().all(|need| need.pods >= 2.0 && need.gib > 0.0), "{needs:?}");
    }

    #[test]
    fn more_people_need_no_less() {
        let (small, large) = (plan(500.0, 10_000.0), plan(50_000.0, 1_000_000.0));
        for (small, large) in small.iter().zip(&large) {
            assert!(large.pods * large.cores >= small.pods * small.cores, "{large:?}");
            assert!(large.pods * large.gib >= small.pods * small.gib, "{large:?}");
        }
        let prices: Prices = serde_json::from_str(PRICES).unwrap();
        assert!(dollars(&large, &prices) > dollars(&small, &prices));
    }
}
