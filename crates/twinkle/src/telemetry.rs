//! Logs and metrics.

use std::{io::IsTerminal, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use http_kit::admin::Render;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use traces::{Settings, Traces};
use tracing_subscriber::{EnvFilter, fmt};

use crate::{
    config::{LogFormat, Role},
    meters,
};

/// How often what histograms have gathered is put into buckets, also when nobody reads them: else
/// samples would pile up.
const UPKEEP_SECS: u64 = 5;

/// Bounds of every histogram of tickets or commands.
const COUNTS: [f64; 9] = [1.0, 2.0, 4.0, 16.0, 64.0, 256.0, 1_024.0, 4_096.0, 16_384.0];

/// Bounds of every histogram in seconds: from a tenth of a millisecond to ten seconds.
const SECONDS: [f64; 16] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];

/// Starts logging to standard error.
pub(crate) fn log(filter: &str, format: LogFormat) -> Result<()> {
    let filter = EnvFilter::try_new(filter).context("TWINKLE_LOG")?;
    // A line that can't be written is lost: to tell of it, in the same place, would panic. The disk
    // that is full may be the one that standard error goes to.
    let builder = fmt().log_internal_errors(false);
    let builder = builder.with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("logging can't be started: {error}"))
}

/// Starts counting what these roles count; the answer renders it.
pub(crate) fn metrics(roles: &[Role]) -> Result<Render> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_commands".to_owned()), &COUNTS)?
        .set_buckets_for_metric(Matcher::Suffix("_tickets".to_owned()), &COUNTS)?;
    let handle = builder.install_recorder().context("metrics can't be started")?;
    let machine = meters::describe(roles);
    let kept = handle.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(UPKEEP_SECS)).await;
            kept.run_upkeep();
        }
    });
    Ok(Arc::new(move || {
        machine.look();
        handle.run_upkeep();
        handle.render()
    }))
}

/// Starts sending traces.
pub(crate) fn traces(settings: &Settings) -> Result<Traces> {
    let started = traces::start(settings);
    started.map_err(|error| anyhow::anyhow!("TWINKLE_TRACES: {error}"))
}
