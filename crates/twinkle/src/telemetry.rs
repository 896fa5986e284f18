//! Logs and metrics.

use std::{io::IsTerminal, sync::Arc};

use anyhow::{Context, Result};
use http_kit::admin::Render;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use tracing_subscriber::{EnvFilter, fmt};

use crate::config::LogFormat;

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

/// Starts counting; the answer renders what was counted.
pub(crate) fn metrics() -> Result<Render> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?;
    let handle = builder.install_recorder().context("metrics can't be started")?;
    Ok(Arc::new(move || {
        handle.run_upkeep();
        handle.render()
    }))
}
