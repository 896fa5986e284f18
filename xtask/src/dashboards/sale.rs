//! The sale: people, seats, and what shoppers see.

use super::{Dashboard, Panel, Row};

pub(super) const DASHBOARD: Dashboard =
    Dashboard { name: "sale", title: "Twinkle / Sale", rows: ROWS };

const ROWS: &[Row] = &[
    Row {
        title: "Line",
        panels: &[
            Panel {
                title: "People",
                help: "Where people are. Waiting: no turn yet. Admitted: turn, not entered. Inside: looks for seats. Holding: has seats for a while.",
                unit: "short",
                queries: &[(
                    r#"max by (event, phase) (twinkle_event_people{event=~"$event"})"#,
                    "{{event}} {{phase}}",
                )],
            },
            Panel {
                title: "Let in a minute",
                help: "As observed of late, else as configured.",
                unit: "short",
                queries: &[(
                    r#"max by (event) (twinkle_event_admission_rate{event=~"$event"})"#,
                    "{{event}}",
                )],
            },
            Panel {
                title: "Wait of who joins now",
                help: "No value: nobody is let in just now, or everything is taken.",
                unit: "s",
                queries: &[(
                    r#"max by (event) (twinkle_event_eta_seconds{event=~"$event"})"#,
                    "{{event}}",
                )],
            },
            Panel {
                title: "Commands",
                help: "Joins, entries, holds, bookings a second, by whether the log took them.",
                unit: "reqps",
                queries: &[(
                    "sum by (result) (rate(twinkle_api_commands_total[$__rate_interval]))",
                    "{{result}}",
                )],
            },
            Panel {
                title: "Refused because of overload",
                help: "Must be 0: these shoppers are told to try again.",
                unit: "reqps",
                queries: &[(
                    "sum by (kind) (rate(twinkle_api_shed_total[$__rate_interval]))",
                    "{{kind}}",
                )],
            },
            Panel {
                title: "Running events",
                help: "1: in prequeue, open or paused.",
                unit: "short",
                queries: &[(
                    r#"max by (event) (twinkle_event_running{event=~"$event"})"#,
                    "{{event}}",
                )],
            },
        ],
    },
    Row {
        title: "Seats",
        panels: &[
            Panel {
                title: "Seats",
                help: "Free, held and sold seats of all slots.",
                unit: "short",
                queries: &[(
                    r#"sum by (event, state) (max by (event, slot, state) (twinkle_event_seats{event=~"$event"}))"#,
                    "{{event}} {{state}}",
                )],
            },
            Panel {
                title: "Free seats of each slot",
                help: "",
                unit: "short",
                queries: &[(
                    r#"max by (event, slot) (twinkle_event_seats{event=~"$event",state="free"})"#,
                    "{{event}} {{slot}}",
                )],
            },
            Panel {
                title: "Broken rules",
                help: "Must be 0: seats sold twice, or people let in out of turn. See the runbook invariant-violated.",
                unit: "short",
                queries: &[(
                    r#"sum(max by (event) (twinkle_invariant_violations_total{event=~"$event"})) or vector(0)"#,
                    "violations",
                )],
            },
        ],
    },
    Row {
        title: "What shoppers get",
        panels: &[
            Panel {
                title: "Open sockets",
                help: "Pages that hear of their place at once.",
                unit: "short",
                queries: &[("sum(twinkle_gateway_sockets)", "sockets")],
            },
            Panel {
                title: "Age of frames",
                help: "How old what pages are told is. Idle events tick once in 10 s.",
                unit: "s",
                queries: &[
                    (
                        "histogram_quantile(0.5, sum by (le) (rate(twinkle_gateway_frame_age_seconds_bucket[$__rate_interval])))",
                        "p50",
                    ),
                    (
                        "histogram_quantile(0.99, sum by (le) (rate(twinkle_gateway_frame_age_seconds_bucket[$__rate_interval])))",
                        "p99",
                    ),
                ],
            },
            Panel {
                title: "Oldest command not shown",
                help: "Since when somebody waits to see what came of a click.",
                unit: "s",
                queries: &[(
                    r#"max by (event) (twinkle_worker_lag_seconds{event=~"$event"})"#,
                    "{{event}}",
                )],
            },
            Panel {
                title: "Time of a join",
                help: "Until it is durable and answered.",
                unit: "s",
                queries: &[
                    (
                        r#"histogram_quantile(0.5, sum by (le) (rate(twinkle_http_request_seconds_bucket{route="/api/v1/events/{event}/tickets"}[$__rate_interval])))"#,
                        "p50",
                    ),
                    (
                        r#"histogram_quantile(0.99, sum by (le) (rate(twinkle_http_request_seconds_bucket{route="/api/v1/events/{event}/tickets"}[$__rate_interval])))"#,
                        "p99",
                    ),
                ],
            },
            Panel {
                title: "Share of errors",
                help: "Requests answered 5xx. An event of 4 hours may have 0.1 %.",
                unit: "percentunit",
                queries: &[(
                    r#"(sum(rate(twinkle_http_requests_total{route!="none",status="5xx"}[$__rate_interval])) / sum(rate(twinkle_http_requests_total{route!="none"}[$__rate_interval]))) or vector(0)"#,
                    "errors",
                )],
            },
            Panel {
                title: "Connections turned away",
                help: "Must be 0.",
                unit: "short",
                queries: &[(
                    "sum(increase(twinkle_http_connections_turned_away_total[$__rate_interval]))",
                    "turned away",
                )],
            },
        ],
    },
];
