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
const LIMIT: Duration = Duration::from_secs(300);

/// Joins at 3 × the maximum while a small sale goes on.
pub(crate) fn overload(figures: &mut Figures) -> Result<()> {
    let stack = Stack::start_apart(&["api", "worker", "gateway", "operator"])?;
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
    figures.tell("overload.refused_p99", p(&crowd, "refused_503", "p99"), "ms");
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
    ["crowd", "calm", "sale"].iter().try_for_each(|event| stack.audit(event).map(drop))
}

fn joined(stack: &Stack, event: &str, rate: u32, connections: u32) -> Result<Value> {
    stack.open_event(event, 600, 200)?;
    let connections = connections.to_string();
    let mut args = joins::args(stack, event, rate, SECS)?;
    if let Some(at) = args.iter().position(|arg| arg == "--connections") {
        args[at + 1] = connections;
    }
    stack.load(&args, LIMIT)
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
