//! How the parts say what they count, and the log and the view with a stopwatch around them.
//!
//! A part has one table of [`Meter`]s: what `/metrics` says of a name, `docs/metrics.md` and the tests
//! come from there. Handles are made once; nothing on a hot path looks a name up.

mod log;
mod view;

use std::fmt;

use metrics::{
    counter, describe_counter, describe_gauge, describe_histogram, gauge as gauge_of,
    histogram as histogram_of,
};

pub use log::MeteredLog;
pub use view::{MeteredReader, MeteredWriter};

/// What the log and the view count in every role that uses them.
pub const METERS: &[Meter] = &[
    histogram("twinkle_log_append_seconds", "seconds", "", "Time until a record is durable"),
    count("twinkle_log_append_errors_total", "records", "reason", "Records that were not appended"),
    histogram("twinkle_view_call_seconds", "seconds", "call", "Time of a call to Redis"),
    count("twinkle_view_call_errors_total", "calls", "call", "Calls to Redis that failed"),
];

/// What Prometheus calls a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        })
    }
}

/// One name at `/metrics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meter {
    pub name: &'static str,
    pub kind: Kind,
    /// What one of it is: `seconds`, `bytes`, `people`, …
    pub unit: &'static str,
    /// Names of its labels, separated by commas; "" = none.
    pub labels: &'static str,
    pub help: &'static str,
}

/// A row of a table: something that only grows.
pub const fn count(
    name: &'static str,
    unit: &'static str,
    labels: &'static str,
    help: &'static str,
) -> Meter {
    Meter { name, kind: Kind::Counter, unit, labels, help }
}

/// A row of a table: something that goes up and down.
pub const fn gauge(
    name: &'static str,
    unit: &'static str,
    labels: &'static str,
    help: &'static str,
) -> Meter {
    Meter { name, kind: Kind::Gauge, unit, labels, help }
}

/// A row of a table: something that is different each time.
pub const fn histogram(
    name: &'static str,
    unit: &'static str,
    labels: &'static str,
    help: &'static str,
) -> Meter {
    Meter { name, kind: Kind::Histogram, unit, labels, help }
}

/// Tells the recorder of the table; what has no labels is there from now on, with 0.
pub fn describe(meters: &[Meter]) {
    for Meter { name, kind, labels, help, .. } in meters {
        match kind {
            Kind::Counter => describe_counter!(*name, *help),
            Kind::Gauge => describe_gauge!(*name, *help),
            Kind::Histogram => describe_histogram!(*name, *help),
        }
        match kind {
            _ if !labels.is_empty() => {}
            Kind::Counter => drop(counter!(*name)),
            Kind::Gauge => drop(gauge_of!(*name)),
            Kind::Histogram => drop(histogram_of!(*name)),
        }
    }
}
