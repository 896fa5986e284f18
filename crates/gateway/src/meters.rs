//! What the role counts.

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};

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
        Self {
            sockets: gauge!("twinkle_gateway_sockets"),
            hubs: gauge!("twinkle_gateway_events"),
            shared_frames: counter!("twinkle_gateway_frames_total", "kind" => "shared"),
            personal_frames: counter!("twinkle_gateway_frames_total", "kind" => "personal"),
            skipped_frames: counter!("twinkle_gateway_frames_skipped_total"),
            frame_age: histogram!("twinkle_gateway_frame_age_seconds"),
            lookups: histogram!("twinkle_gateway_lookup_tickets"),
            view_errors: counter!("twinkle_gateway_view_errors_total"),
        }
    }
}

impl Meters {
    /// A socket came to its end.
    pub(crate) fn closed(reason: &'static str) {
        counter!("twinkle_gateway_sockets_closed_total", "reason" => reason).increment(1);
    }

    /// An event's whole state was read again.
    pub(crate) fn reread(reason: &'static str) {
        counter!("twinkle_gateway_rereads_total", "reason" => reason).increment(1);
    }
}

/// Describes the role's metrics to the recorder.
pub fn describe() {
    describe_gauge!("twinkle_gateway_sockets", Unit::Count, "open sockets");
    describe_gauge!("twinkle_gateway_events", Unit::Count, "events that are followed");
    describe_counter!("twinkle_gateway_frames_total", Unit::Count, "frames sent, by kind");
    describe_counter!(
        "twinkle_gateway_frames_skipped_total",
        Unit::Count,
        "shared frames that slow sockets did not get"
    );
    describe_histogram!(
        "twinkle_gateway_frame_age_seconds",
        Unit::Seconds,
        "age of what a shared frame tells, when it is made"
    );
    describe_histogram!(
        "twinkle_gateway_lookup_tickets",
        Unit::Count,
        "tickets looked up in one call to the view"
    );
    describe_counter!(
        "twinkle_gateway_view_errors_total",
        Unit::Count,
        "calls to the view that failed or took too long"
    );
    describe_counter!(
        "twinkle_gateway_sockets_closed_total",
        Unit::Count,
        "sockets that ended, by reason"
    );
    describe_counter!(
        "twinkle_gateway_rereads_total",
        Unit::Count,
        "times an event was read again from the view, by reason"
    );
}
