//! What a join and a frame cost as the rate and the crowd grow: both should stay flat.

use std::time::Duration;

use anyhow::Result;

use super::{
    figure::Figures,
    joins::{self, count, cpu_us, generator_us},
    stack::{self, Spent, Stack},
};

/// One, two and four times.
const RATES: [u32; 3] = [5_000, 10_000, 20_000];
const RATE_SECS: u32 = 20;
/// People in line.
const CROWDS: [u32; 3] = [10_000, 100_000, 1_000_000];
const CROWD: &str = "crowd";
const FILL_RATE: u32 = 20_000;
const SOCKETS: u32 = 4_000;
const SOCKETS_SECS: u32 = 20;
const LIMIT: Duration = Duration::from_secs(120);
/// What takes part in a join.
const PARTS: [&str; 4] = ["api", "worker", "kafka", "redis"];

pub(crate) fn growth(figures: &mut Figures) -> Result<()> {
    let stack = Stack::start_apart(&["api", "worker", "gateway", "operator"])?;
    joins::warm(&stack)?;
    for rate in RATES {
        let event = format!("rate{rate}");
        stack.open_event(&event, 600, 200)?;
        joined(&stack, &event, rate, &format!("growth.rate.{rate}.join_cpu"), figures)?;
        stack.audit(&event)?;
    }
    stack.open_event(CROWD, 600, 200)?;
    let mut there = 0;
    for crowd in CROWDS {
        stack::clean(&joins::drive(
            &stack,
            CROWD,
            FILL_RATE,
            (crowd - there).div_ceil(FILL_RATE),
        )?)?;
        there = crowd;
        joined(&stack, CROWD, RATES[0], &format!("growth.crowd.{crowd}.join_cpu"), figures)?;
        watched(&stack, &format!("growth.crowd.{crowd}.frame_cpu"), figures)?;
        stack.audit(CROWD)?;
    }
    Ok(())
}

/// CPU of API, worker, Kafka and Redis for a join, beside that of the generator.
fn joined(stack: &Stack, event: &str, rate: u32, name: &str, figures: &mut Figures) -> Result<()> {
    let before = stack.spent()?;
    let report = joins::drive(stack, event, rate, RATE_SECS)?;
    stack::clean(&report)?;
    let after = stack.spent()?;
    let of = |part| cpu_us(&before, &after, part, count(&report, "accepted"));
    figures.compare(name, PARTS.map(of).iter().sum(), "µs", generator_us(&report));
    Ok(())
}

/// CPU of the gateway for a frame, beside that of the generator, which reads it.
fn watched(stack: &Stack, name: &str, figures: &mut Figures) -> Result<()> {
    let (mut sockets, report) = joins::beside(stack, CROWD, SOCKETS, SOCKETS_SECS)?;
    let before: Spent = stack.spent()?;
    let seen = gateway_frames(stack);
    std::thread::sleep(Duration::from_secs(u64::from(SOCKETS_SECS) / 2));
    let (after, frames) = (stack.spent()?, gateway_frames(stack) - seen);
    sockets.wait(LIMIT)?;
    let report = stack::read(&report)?;
    stack::clean(&report)?;
    let cost = cpu_us(&before, &after, "gateway", frames);
    figures.compare(name, cost, "µs", generator_us(&report));
    Ok(())
}

/// Frames that the gateway has sent so far.
fn gateway_frames(stack: &Stack) -> f64 {
    let gateway = stack.servers.iter().find(|server| server.role == "gateway");
    gateway
        .and_then(|gateway| gateway.metric("twinkle_gateway_frames_total", ""))
        .unwrap_or_default()
}
