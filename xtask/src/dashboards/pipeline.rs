//! From the join to the frame.

use super::{Dashboard, Panel, Row};

pub(super) const DASHBOARD: Dashboard =
    Dashboard { name: "pipeline", title: "Twinkle / Pipeline", rows: ROWS };

const ROWS: &[Row] = &[
    Row {
        title: "API to log",
        panels: &[
            Panel {
                title: "Commands a record",
                help: "How many share one append.",
                unit: "short",
                queries: &[(
                    "sum(rate(twinkle_api_pack_commands_sum[$__rate_interval])) / sum(rate(twinkle_api_pack_commands_count[$__rate_interval]))",
                    "mean",
                )],
            },
            Panel {
                title: "Time to append",
                help: "Until Kafka says that a record is durable.",
                unit: "s",
                queries: &[
                    (
                        "histogram_quantile(0.5, sum by (le) (rate(twinkle_log_append_seconds_bucket[$__rate_interval])))",
                        "p50",
                    ),
                    (
                        "histogram_quantile(0.99, sum by (le) (rate(twinkle_log_append_seconds_bucket[$__rate_interval])))",
                        "p99",
                    ),
                ],
            },
            Panel {
                title: "Appends that failed",
                help: "By reason.",
                unit: "short",
                queries: &[(
                    "sum by (reason) (rate(twinkle_log_append_errors_total[$__rate_interval]))",
                    "{{reason}}",
                )],
            },
        ],
    },
    Row {
        title: "Owner",
        panels: &[
            Panel {
                title: "Owner",
                help: "Which worker owns an event.",
                unit: "short",
                queries: &[(r#"twinkle_worker_owner{event=~"$event"}"#, "{{event}} {{instance}}")],
            },
            Panel {
                title: "Age of the last tick",
                help: "4 a second while anyone waits, else one in 10 s.",
                unit: "s",
                queries: &[(
                    r#"time() - max by (event) (twinkle_worker_tick_timestamp_seconds{event=~"$event"})"#,
                    "{{event}}",
                )],
            },
            Panel {
                title: "Views built anew, writes fenced",
                help: "A takeover, or an emptied Redis.",
                unit: "short",
                queries: &[
                    ("sum(increase(twinkle_worker_rebuilds_total[$__rate_interval]))", "rebuilds"),
                    ("sum(increase(twinkle_worker_fenced_total[$__rate_interval]))", "fenced"),
                ],
            },
            Panel {
                title: "Events left to a newer release",
                help: "Must be 0.",
                unit: "short",
                queries: &[("sum(twinkle_worker_halted_events)", "halted")],
            },
        ],
    },
    Row {
        title: "Projection",
        panels: &[
            Panel {
                title: "Records behind",
                help: "Not folded yet, or at the owner not projected.",
                unit: "short",
                queries: &[(
                    r#"max by (event) (twinkle_worker_lag_records{event=~"$event"})"#,
                    "{{event}}",
                )],
            },
            Panel {
                title: "Commands folded",
                help: "All workers fold all events.",
                unit: "short",
                queries: &[(
                    "sum by (instance) (rate(twinkle_worker_commands_total[$__rate_interval]))",
                    "{{instance}}",
                )],
            },
            Panel {
                title: "Age of a record when folded",
                help: "From Kafka's append to the worker.",
                unit: "s",
                queries: &[
                    (
                        "histogram_quantile(0.5, sum by (le) (rate(twinkle_worker_fold_delay_seconds_bucket[$__rate_interval])))",
                        "p50",
                    ),
                    (
                        "histogram_quantile(0.99, sum by (le) (rate(twinkle_worker_fold_delay_seconds_bucket[$__rate_interval])))",
                        "p99",
                    ),
                ],
            },
            Panel {
                title: "Steps",
                help: "By what came of them.",
                unit: "ops",
                queries: &[(
                    "sum by (result) (rate(twinkle_worker_projections_total[$__rate_interval]))",
                    "{{result}}",
                )],
            },
            Panel {
                title: "Tickets a step",
                help: "",
                unit: "short",
                queries: &[
                    (
                        "histogram_quantile(0.5, sum by (le) (rate(twinkle_worker_projection_tickets_bucket[$__rate_interval])))",
                        "p50",
                    ),
                    (
                        "histogram_quantile(0.99, sum by (le) (rate(twinkle_worker_projection_tickets_bucket[$__rate_interval])))",
                        "p99",
                    ),
                ],
            },
        ],
    },
    Row {
        title: "Redis",
        panels: &[
            Panel {
                title: "Calls",
                help: "",
                unit: "ops",
                queries: &[(
                    "sum by (call) (rate(twinkle_view_call_seconds_count[$__rate_interval]))",
                    "{{call}}",
                )],
            },
            Panel {
                title: "Time of a call, p99",
                help: "",
                unit: "s",
                queries: &[(
                    "histogram_quantile(0.99, sum by (le, call) (rate(twinkle_view_call_seconds_bucket[$__rate_interval])))",
                    "{{call}}",
                )],
            },
            Panel {
                title: "Calls that failed",
                help: "",
                unit: "ops",
                queries: &[(
                    "sum by (call) (rate(twinkle_view_call_errors_total[$__rate_interval]))",
                    "{{call}}",
                )],
            },
        ],
    },
    Row {
        title: "Gateway",
        panels: &[
            Panel {
                title: "Frames",
                help: "Shared ones are made once for all.",
                unit: "ops",
                queries: &[(
                    "sum by (kind) (rate(twinkle_gateway_frames_total[$__rate_interval]))",
                    "{{kind}}",
                )],
            },
            Panel {
                title: "Frames skipped",
                help: "By sockets that read slowly; they get the next.",
                unit: "ops",
                queries: &[(
                    "sum (rate(twinkle_gateway_frames_skipped_total[$__rate_interval]))",
                    "skipped",
                )],
            },
            Panel {
                title: "View read again",
                help: "And why.",
                unit: "ops",
                queries: &[(
                    "sum by (reason) (rate(twinkle_gateway_rereads_total[$__rate_interval]))",
                    "{{reason}}",
                )],
            },
            Panel {
                title: "Sockets ended",
                help: "And why.",
                unit: "ops",
                queries: &[(
                    "sum by (reason) (rate(twinkle_gateway_sockets_closed_total[$__rate_interval]))",
                    "{{reason}}",
                )],
            },
            Panel {
                title: "Tickets a lookup",
                help: "",
                unit: "short",
                queries: &[
                    (
                        "histogram_quantile(0.5, sum by (le) (rate(twinkle_gateway_lookup_tickets_bucket[$__rate_interval])))",
                        "p50",
                    ),
                    (
                        "histogram_quantile(0.99, sum by (le) (rate(twinkle_gateway_lookup_tickets_bucket[$__rate_interval])))",
                        "p99",
                    ),
                ],
            },
            Panel {
                title: "Readings that failed",
                help: "",
                unit: "ops",
                queries: &[(
                    "sum (rate(twinkle_gateway_view_errors_total[$__rate_interval]))",
                    "failed",
                )],
            },
        ],
    },
];
