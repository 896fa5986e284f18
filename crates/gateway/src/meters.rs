//! What the role counts.

use domain::EventId;
use meters::{Meter, count, gauge, histogram};
use metrics::{Counter, Gauge, Histogram, counter};

use crate::{hub::follow::Reread, socket::end::End};

/// The role's metrics.
pub const METERS: &[Meter] = &[
    gauge("twinkle_gateway_sockets", "sockets", "", "Open sockets of waiting pages"),
    gauge("twinkle_gateway_events", "events", "", "Events that somebody here looks at"),
    count("twinkle_gateway_frames_total", "frames", "kind", "Frames sent"),
    count(
        "twinkle_gateway_frames_skipped_total",
        "frames",
        "",
        "Shared frames that slow sockets did not get",
    ),
    histogram(
        "twinkle_gateway_frame_age_seconds",
        "seconds",
        "",
        "Age of what a shared frame tells, when sockets get it",
    ),
    gauge(
        "twinkle_gateway_frame_timestamp_seconds",
        "seconds since 1970",
        "event",
        "Time of what the last shared frame told; NaN: nobody looks",
    ),
    histogram(
        "twinkle_gateway_lookup_tickets",
        "tickets",
        "",
        "Tickets looked up in one call to the view",
    ),
    count(
        "twinkle_gateway_view_errors_total",
        "calls",
        "",
        "Readings of the view that failed or took too long",
    ),
    count("twinkle_gateway_sockets_closed_total", "sockets", "reason", "Sockets that ended"),
    count("twinkle_gateway_rereads_total", "readings", "reason", "Times an event was read again"),
];

const CLOSED: &str = "twinkle_gateway_sockets_closed_total";
const REREADS: &str = "twinkle_gateway_rereads_total";

/// Counters of sockets and hubs, looked up once.
pub(crate) struct Meters {
    pub(crate) sockets: Gauge,
    pub(crate) hubs: Gauge,
    pub(crate) shared_frames: Counter,
    pub(crate) personal_frames: Counter,
    pub(crate) skipped_frames: Counter,
    pub(crate) frame_age: Histogram,
    pub(crate) lookups: Histogram,
    pub(crate) view_errors: Counter,
}

impl Default for Meters {
    fn default() -> Self {
        for end in End::ALL {
            drop(counter!(CLOSED, "reason" => end.name()));
        }
        for reread in Reread::ALL {
            drop(counter!(REREADS, "reason" => reread.name()));
        }
        Self {
            sockets: metrics::gauge!("twinkle_gateway_sockets"),
            hubs: metrics::gauge!("twinkle_gateway_events"),
            shared_frames: counter!("twinkle_gateway_frames_total", "kind" => "shared"),
            personal_frames: counter!("twinkle_gateway_frames_total", "kind" => "personal"),
            skipped_frames: counter!("twinkle_gateway_frames_skipped_total"),
            frame_age: metrics::histogram!("twinkle_gateway_frame_age_seconds"),
            lookups: metrics::histogram!("twinkle_gateway_lookup_tickets"),
            view_errors: counter!("twinkle_gateway_view_errors_total"),
        }
    }
}

impl Meters {
    /// A socket came to its end.
    pub(crate) fn closed(reason: &'static str) {
        counter!(CLOSED, "reason" => reason).increment(1);
    }

    /// An event's whole state was read again.
    pub(crate) fn reread(reason: &'static str) {
        counter!(REREADS, "reason" => reason).increment(1);
    }

    /// The time of an event's frames.
    pub(crate) fn frame_time(event: &EventId) -> Gauge {
        metrics::gauge!("twinkle_gateway_frame_timestamp_seconds", "event" => event.to_string())
    }
}
