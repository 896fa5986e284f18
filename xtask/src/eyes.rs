//! Dashboards and alerts against a real Prometheus that watches a small sale.

mod prometheus;
mod routes;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::bench::stack::{self, Stack};
use crate::commands::{command, root};
use crate::outcome::{Outcome, Suite};
use crate::{dashboards, e2e, run, tools};
use prometheus::Prometheus;

const ALERTS: &str = "helm/twinkle/alerts/twinkle.yaml";
const ALERTS_TEST: &str = "xtask/alerts-test.yaml";
const RUNBOOKS: &str = "docs/runbooks";
const LOAD_LIMIT_SECS: u64 = 120;
/// How long a panel's data may take to be there.
const PATIENCE_SECS: u64 = 30;
/// What the sale asks for: shoppers with sockets who hold and book.
const SALE: [&str; 9] =
    ["sale", "--event", "eyes", "--shoppers", "60", "--rate", "20", "--secs", "10"];

/// Checks the rules, their pages, and every panel.
///
/// # Errors
/// When a part is missing or does not start.
pub(crate) fn run() -> Result<Outcome> {
    tools::system()?;
    let built = e2e::build()?;
    if built.total_failed() > 0 {
        return Ok(built);
    }
    stack::build_load()?;
    let alerts = alerts()?;
    Ok(rules(&alerts)?.and(pages(&alerts)?).and(panels()?))
}

struct Alert {
    name: String,
    runbook: String,
    severity: String,
}

fn alerts() -> Result<Vec<Alert>> {
    let text = std::fs::read_to_string(root().join(ALERTS)).context(ALERTS)?;
    let file: yaml_serde::Value = yaml_serde::from_str(&text).context(ALERTS)?;
    let list = |value: &yaml_serde::Value, name| {
        value.get(name).and_then(yaml_serde::Value::as_sequence).cloned().unwrap_or_default()
    };
    let rules = list(&file, "groups").into_iter().flat_map(|group| list(&group, "rules"));
    let text = |value: Option<&yaml_serde::Value>| value?.as_str().map(str::to_owned);
    let alerts = rules.filter_map(|rule| {
        let of = |group, name| text(rule.get(group).and_then(|all| all.get(name)));
        Some(Alert {
            name: text(rule.get("alert"))?,
            runbook: of("annotations", "runbook_url").unwrap_or_default(),
            severity: of("labels", "severity").unwrap_or_default(),
        })
    });
    Ok(alerts.collect())
}

/// promtool's own tests: each alert has one in which it fires and one in which it does not, and each
/// reaches the channel of its severity.
fn rules(alerts: &[Alert]) -> Result<Outcome> {
    let shown = |args: &[&str]| run::shown(command("promtool", args), Duration::from_secs(60));
    let ok = shown(&["check", "rules", ALERTS])?.ok && shown(&["test", "rules", ALERTS_TEST])?.ok;
    let tests = std::fs::read_to_string(root().join(ALERTS_TEST)).context(ALERTS_TEST)?;
    let untested = alerts.iter().map(|alert| &alert.name).filter(|name| {
        ["fires", "is silent"].iter().any(|what| !tests.contains(&format!("name: {name} {what}\n")))
    });
    let mut problems: Vec<_> = untested.map(|name| format!("{name} is not tested")).collect();
    problems.extend(routes::check(
        alerts.iter().map(|alert| (alert.name.as_str(), alert.severity.as_str())),
    )?);
    if !ok {
        problems.push("promtool found something wrong: see above".to_owned());
    }
    Ok(judged("eyes-alerts", alerts.len(), problems))
}

/// Each alert has a page and each page an alert.
fn pages(alerts: &[Alert]) -> Result<Outcome> {
    let named: BTreeSet<_> =
        alerts.iter().filter_map(|alert| alert.runbook.rsplit_once("/docs/runbooks/")).collect();
    let named: BTreeSet<_> = named.into_iter().map(|(_, page)| page.to_owned()).collect();
    let files = std::fs::read_dir(root().join(RUNBOOKS)).context(RUNBOOKS)?;
    let files = files.map(|file| Ok(file?.file_name().to_string_lossy().into_owned()));
    let files: BTreeSet<String> = files.collect::<Result<_>>()?;
    let mut problems = Vec::new();
    if named.len() != alerts.len() {
        problems.push("two alerts share a runbook, or one has none".to_owned());
    }
    problems.extend(named.difference(&files).map(|page| format!("{RUNBOOKS}/{page} is missing")));
    problems.extend(files.difference(&named).map(|page| format!("no alert names {page}")));
    Ok(judged("eyes-runbooks", files.len(), problems))
}

/// A small sale under the eyes of Prometheus: every panel shows something, no alert that concerns
/// a broken rule fires.
fn panels() -> Result<Outcome> {
    let product = e2e::binary("twinkle")?;
    let stack = Stack::start_with(&product, &["api", "worker", "gateway", "operator"])?;
    let prometheus = Prometheus::start(&stack, &root().join(ALERTS))?;
    stack.open_event("eyes", 3_000, 40)?;
    let (api, gateway) = (stack.url("api")?, stack.url("gateway")?);
    let where_ = ["--api", &api, "--gateway", &gateway, "--origin", stack.origin(), "--seed", "7"];
    let args = [&SALE[..], &where_[..]].concat();
    let report = stack.load(&args, Duration::from_secs(LOAD_LIMIT_SECS))?;
    stack::clean(&report)?;
    let deadline = Instant::now() + Duration::from_secs(PATIENCE_SECS);
    let mut problems = Vec::new();
    let mut shown = 0;
    for dashboard in dashboards::ALL {
        for (title, expr) in dashboard.queries() {
            match prometheus.shows(expr, deadline)? {
                true => shown += 1,
                false => problems.push(format!("{}, {title}: no data for {expr}", dashboard.name)),
            }
        }
    }
    let firing = prometheus.query("ALERTS{alertstate=\"firing\",severity=\"critical\"}")?;
    if !firing.trim().is_empty() {
        problems.push(format!("alerts fire in a good sale:\n{firing}"));
    }
    Ok(judged("eyes-panels", shown, problems))
}

fn judged(name: &str, passed: usize, problems: Vec<String>) -> Outcome {
    let passed = if problems.is_empty() { passed as u64 } else { 0 };
    Outcome { suites: vec![Suite { name: name.to_owned(), passed, failed: 0 }], problems }
}
