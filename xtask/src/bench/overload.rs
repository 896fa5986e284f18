//! Three times what the machine can take: what is still done, and how soon all is well afterwards.

use std::{thread::sleep, time::Duration};

use anyhow::{Result, ensure};
use serde_json::Value;

use super::{
    figure::Figures,
    joins::{self, count, p},
    stack::{self, Stack},
};

/// Rates among which the machine's most is looked for, over as many connections as the crowd has.
const RATES: [u32; 5] = [20_000, 30_000, 40_000, 50_000, 60_000];
const CALM_RATE: u32 = 5_000;
const SECS: u32 = 15;
/// Connections of those who come when it is over.
const CALM_CONNECTIONS: u32 = 512;
/// So many people press at once that most of them wait.
const CROWD_CONNECTIONS: u32 = 8_192;
/// While the broker stands still: more connections than the API lets joins wait.
const STALLED_CONNECTIONS: u32 = 16_000;
const STALLED_RATE: u32 = 20_000;
/// How long after the first join the broker stops, and for how long.
const STALL_AFTER: Duration = Duration::from_secs(5);
const STALL: Duration = Duration::from_secs(2);
const LIMIT: Duration = Duration::from_secs(300);

/// Joins at 3 × the maximum while a small sale goes on.
pub(crate) fn overload(figures: &mut Figures) -> Result<()> {
    let mut stack = Stack::start_apart(&["api", "worker", "gateway", "operator"])?;
    joins::warm(&stack)?;
    let mut most: f64 = 0.0;
    for rate in RATES {
        let event = format!("most{rate}");
        most = most.max(goodput(&joined(&stack, &event, rate, CROWD_CONNECTIONS)?));
        stack.audit(&event)?;
    }
    let before = stack.spent()?["api"].rss_bytes;
    let (mut sale, bought) = sale(&stack)?;
    let crowd = joined(&stack, "crowd", 3 * most as u32, CROWD_CONNECTIONS)?;
    let after = stack.spent()?["api"].rss_bytes;
    figures.compare("overload.goodput", goodput(&crowd), "joins/s", most);
    figures.tell("overload.refused", count(&crowd, "refused_503"), "joins");
    figures.tell("overload.api_memory", (after - before) / 1e6, "MB more");
    sleep(Duration::from_secs(2));
    let calm = joined(&stack, "calm", CALM_RATE, CALM_CONNECTIONS)?;
    stack::clean(&calm)?;
    figures.tell("overload.answer_p99_2s_later", p(&calm, "accepted", "p99"), "ms");
    sale.wait(LIMIT)?;
    let bought = stack::read(&bought)?;
    stack::clean(&bought)?;
    let booked = count(&bought, "ended: booked");
    ensure!(booked > 0.0, "nobody inside could book: {bought}");
    figures.tell("overload.booked_meanwhile", booked, "bookings");
    figures.tell("overload.booking_p99", p(&bought, "booking", "p99"), "ms");
    stalled(&mut stack, figures)?;
    ["crowd", "calm", "sale", "stalled"].iter().try_for_each(|event| stack.audit(event).map(drop))
}

/// The broker stands still for a moment: who is turned away is told so at once, who was let in is
/// answered afterwards.
fn stalled(stack: &mut Stack, figures: &mut Figures) -> Result<()> {
    let args = args(stack, "stalled", STALLED_RATE, STALLED_CONNECTIONS)?;
    let (mut load, report) = stack.load_beside(&args)?;
    sleep(STALL_AFTER);
    stack.kafka.pause()?;
    sleep(STALL);
    stack.kafka.resume()?;
    load.wait(LIMIT)?;
    let report = stack::read(&report)?;
    stack::clean(&report)?;
    let refused = count(&report, "refused_503");
    ensure!(refused > 0.0, "nobody was turned away: {report}");
    figures.tell("overload.stalled_accepted", count(&report, "accepted"), "joins");
    figures.tell("overload.stalled_refused", refused, "joins");
    figures.tell("overload.stalled_refused_p99", p(&report, "refused_503", "p99"), "ms");
    Ok(())
}

fn joined(stack: &Stack, event: &str, rate: u32, connections: u32) -> Result<Value> {
    stack.load(&args(stack, event, rate, connections)?, LIMIT)
}

/// Opens an event; what makes the load generator join it over so many connections.
fn args(stack: &Stack, event: &str, rate: u32, connections: u32) -> Result<Vec<String>> {
    stack.open_event(event, 600, 200)?;
    let mut args = joins::args(stack, event, rate, SECS)?;
    if let Some(at) = args.iter().position(|arg| arg == "--connections") {
        args[at + 1] = connections.to_string();
    }
    Ok(args)
}

/// Accepted in a second of the load itself.
fn goodput(report: &Value) -> f64 {
    let seconds = report["seconds"].as_array().map(Vec::as_slice).unwrap_or_default();
    let load = seconds.iter().take(SECS as usize).skip(1);
    let done: f64 = load.clone().filter_map(|second| second["done"].as_f64()).sum();
    done / load.count().max(1) as f64
}

fn sale(stack: &Stack) -> Result<(testbed::Process, std::path::PathBuf)> {
    stack.open_event("sale", 6_000, 1_000)?;
    let (api, gateway) = (stack.url("api")?, stack.url("gateway")?);
    let who = ["sale", "--api", &api, "--gateway", &gateway, "--origin", stack.origin()];
    let what = ["--event", "sale", "--shoppers", "200", "--rate", "10", "--secs", "60"];
    stack.load_beside(&[&who[..], &what].concat())
}
