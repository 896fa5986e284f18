//! Everything that `/metrics` may say, and what the process says of itself.

use ::meters::{Meter, count, gauge};
use metrics::{Counter, Gauge};
use metrics_process::Collector;
use tokio::runtime::{Handle, RuntimeMetrics};

use crate::{
    certificates,
    config::{Role, role_names},
    rotation,
};

/// Whose metrics, and which.
type Table = (&'static str, &'static [Meter]);

const TABLES: [Table; 9] = [
    ("Every process", PROCESS),
    ("Keys and token from files", rotation::METERS),
    ("Certificates from files", certificates::METERS),
    ("Log and view", ::meters::METERS),
    ("HTTP", http_kit::meters::METERS),
    ("Role `api`", producer_api::METERS),
    ("Role `worker`", worker::METERS),
    ("Role `gateway`", gateway::METERS),
    ("Role `operator`", operator::METERS),
];

const PROCESS: &[Meter] = &[
    gauge("twinkle_build_info", "1", "version, roles", "What runs here"),
    gauge("twinkle_runtime_workers", "threads", "", "Threads that run tasks"),
    gauge("twinkle_runtime_tasks", "tasks", "", "Tasks alive"),
    gauge("twinkle_runtime_queued_tasks", "tasks", "", "Tasks ready that no thread has taken up"),
    count("twinkle_runtime_busy_milliseconds_total", "milliseconds", "", "Time threads were busy"),
    count("process_cpu_seconds_total", "seconds", "", "CPU time used"),
    gauge("process_resident_memory_bytes", "bytes", "", "Memory in use"),
    gauge("process_virtual_memory_bytes", "bytes", "", "Address space in use"),
    gauge("process_virtual_memory_max_bytes", "bytes", "", "Most address space"),
    gauge("process_open_fds", "files", "", "Open files, connections among them"),
    gauge("process_max_fds", "files", "", "Most open files"),
    gauge("process_threads", "threads", "", "Threads"),
    gauge("process_start_time_seconds", "seconds since 1970", "", "When it started"),
];

/// Describes what a process with these roles counts; the answer looks at the process itself.
pub(crate) fn describe(roles: &[Role]) -> Machine {
    let files = [rotation::METERS, certificates::METERS];
    for table in [PROCESS, ::meters::METERS, http_kit::meters::METERS].into_iter().chain(files) {
        ::meters::describe(table);
    }
    for role in roles {
        ::meters::describe(match role {
            Role::Api => producer_api::METERS,
            Role::Worker => worker::METERS,
            Role::Gateway => gateway::METERS,
            Role::Operator => operator::METERS,
        });
    }
    let (version, names) = (env!("CARGO_PKG_VERSION"), role_names(roles));
    metrics::gauge!("twinkle_build_info", "version" => version, "roles" => names).set(1);
    Machine::default()
}

/// What the process and its runtime are at.
pub(crate) struct Machine {
    process: Collector,
    runtime: RuntimeMetrics,
    workers: Gauge,
    tasks: Gauge,
    queued: Gauge,
    busy: Counter,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            process: Collector::default(),
            runtime: Handle::current().metrics(),
            workers: metrics::gauge!("twinkle_runtime_workers"),
            tasks: metrics::gauge!("twinkle_runtime_tasks"),
            queued: metrics::gauge!("twinkle_runtime_queued_tasks"),
            busy: metrics::counter!("twinkle_runtime_busy_milliseconds_total"),
        }
    }
}

impl Machine {
    pub(crate) fn look(&self) {
        self.process.collect();
        let workers = self.runtime.num_workers();
        let busy = (0..workers).map(|worker| self.runtime.worker_total_busy_duration(worker));
        let busy = busy.sum::<std::time::Duration>().as_millis();
        self.workers.set(workers as f64);
        self.tasks.set(self.runtime.num_alive_tasks() as f64);
        self.queued.set(self.runtime.global_queue_depth() as f64);
        self.busy.absolute(u64::try_from(busy).unwrap_or(u64::MAX));
    }
}

/// The tables as `docs/metrics.md` has them.
#[allow(clippy::print_stdout, reason = "that is what the command is for")]
pub(crate) fn print() {
    print!("{}", markdown());
}

const HEAD: &str = "\
# Metrics

Every process answers `GET /metrics` on its second port (`TWINKLE_ADMIN_LISTEN`) in Prometheus' text
format. This file is printed by `twinkle metrics > docs/metrics.md`; a test holds it against the code
and against what running processes say.

Labels are few: routes, kinds and reasons are fixed lists, `event` has as many values as there are
events, `slot` as many as an event has slots (500 at most). No label has a ticket, a cookie or an
address. Of the metrics with `event`, take the `max by (event)`: the workers that do not own an event
say 0 of it. Histograms have the suffixes `_bucket`, `_sum` and `_count`.
";

fn markdown() -> String {
    let mut text = HEAD.to_owned();
    for (title, meters) in TABLES {
        text.push_str(&format!("\n## {title}\n\n| name | type | unit | labels | what |\n"));
        text.push_str("|---|---|---|---|---|\n");
        for Meter { name, kind, unit, labels, help } in meters {
            let labels = if labels.is_empty() { "—" } else { labels };
            text.push_str(&format!("| `{name}` | {kind} | {unit} | {labels} | {help} |\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use ::meters::Kind;

    use super::*;

    #[test]
    fn names_follow_prometheus_conventions() {
        let mut names = HashSet::new();
        for Meter { name, kind, unit, .. } in TABLES.iter().flat_map(|(_, meters)| *meters) {
            assert!(names.insert(*name), "{name} is there twice");
            let ours = name.starts_with("twinkle_") || name.starts_with("process_");
            assert!(ours, "{name} has no prefix of ours");
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name} is a {kind}");
            let base = name.trim_end_matches("_total");
            assert_eq!(base.ends_with("_seconds"), unit.starts_with("seconds"), "{name}: {unit}");
            assert_eq!(base.ends_with("_bytes"), *unit == "bytes", "{name}: {unit}");
        }
    }

    #[test]
    fn the_document_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
        let document = std::fs::read_to_string(path).expect("docs/metrics.md");
        let same = document == markdown();
        assert!(same, "run `cargo run -p twinkle -- metrics > docs/metrics.md`");
    }
}
