//! Requests and processes.

use super::{Dashboard, Panel, Row};

pub(super) const DASHBOARD: Dashboard =
    Dashboard { name: "platform", title: "Twinkle / Platform", rows: ROWS };

const ROWS: &[Row] = &[
    Row {
        title: "HTTP",
        panels: &[
            Panel {
                title: "Requests",
                help: "",
                unit: "reqps",
                queries: &[(
                    "sum by (route, method) (rate(twinkle_http_requests_total[$__rate_interval]))",
                    "{{method}} {{route}}",
                )],
            },
            Panel {
                title: "Answers by status",
                help: "",
                unit: "reqps",
                queries: &[(
                    "sum by (status) (rate(twinkle_http_requests_total[$__rate_interval]))",
                    "{{status}}",
                )],
            },
            Panel {
                title: "Time to answer, p99",
                help: "With `?wait=` what was waited.",
                unit: "s",
                queries: &[(
                    "histogram_quantile(0.99, sum by (le, route, method) (rate(twinkle_http_request_seconds_bucket[$__rate_interval])))",
                    "{{method}} {{route}}",
                )],
            },
            Panel {
                title: "Open connections",
                help: "",
                unit: "short",
                queries: &[("sum by (instance) (twinkle_http_connections)", "{{instance}}")],
            },
            Panel {
                title: "Connections that ended badly",
                help: "Turned away, timed out, not taken.",
                unit: "ops",
                queries: &[
                    (
                        "sum (rate(twinkle_http_connections_turned_away_total[$__rate_interval]))",
                        "turned away",
                    ),
                    (
                        "sum (rate(twinkle_http_connections_timed_out_total[$__rate_interval]))",
                        "timed out",
                    ),
                    ("sum (rate(twinkle_http_accept_errors_total[$__rate_interval]))", "not taken"),
                ],
            },
            Panel {
                title: "Panics",
                help: "Must be 0: a defect.",
                unit: "short",
                queries: &[("sum(twinkle_http_panics_total)", "panics")],
            },
        ],
    },
    Row {
        title: "Processes",
        panels: &[
            Panel {
                title: "CPU",
                help: "Cores.",
                unit: "short",
                queries: &[(
                    "sum by (instance) (rate(process_cpu_seconds_total[$__rate_interval]))",
                    "{{instance}}",
                )],
            },
            Panel {
                title: "Memory",
                help: "",
                unit: "bytes",
                queries: &[("sum by (instance) (process_resident_memory_bytes)", "{{instance}}")],
            },
            Panel {
                title: "Open files",
                help: "Share of the limit; connections count.",
                unit: "percentunit",
                queries: &[("process_open_fds / process_max_fds", "{{instance}}")],
            },
            Panel {
                title: "Busy threads",
                help: "Share of the time that the runtime's threads work.",
                unit: "percentunit",
                queries: &[(
                    "sum by (instance) (rate(twinkle_runtime_busy_milliseconds_total[$__rate_interval])) / 1000 / sum by (instance) (twinkle_runtime_workers)",
                    "{{instance}}",
                )],
            },
            Panel {
                title: "Tasks",
                help: "Alive, and ready without a thread.",
                unit: "short",
                queries: &[
                    ("sum by (instance) (twinkle_runtime_tasks)", "{{instance}}"),
                    ("sum by (instance) (twinkle_runtime_queued_tasks)", "{{instance}} queued"),
                ],
            },
            Panel {
                title: "Threads",
                help: "",
                unit: "short",
                queries: &[("sum by (instance) (process_threads)", "{{instance}}")],
            },
        ],
    },
    Row {
        title: "What runs",
        panels: &[
            Panel {
                title: "Processes by version",
                help: "",
                unit: "short",
                queries: &[(
                    "sum by (version, roles) (twinkle_build_info)",
                    "{{version}} {{roles}}",
                )],
            },
            Panel {
                title: "Up for",
                help: "",
                unit: "s",
                queries: &[("time() - process_start_time_seconds", "{{instance}}")],
            },
            Panel {
                title: "Operator calls",
                help: "",
                unit: "short",
                queries: &[
                    (
                        "sum by (result) (increase(twinkle_operator_changes_total[$__rate_interval]))",
                        "{{result}}",
                    ),
                    (
                        "sum by (code) (increase(twinkle_operator_denied_total[$__rate_interval]))",
                        "denied: {{code}}",
                    ),
                ],
            },
        ],
    },
];
