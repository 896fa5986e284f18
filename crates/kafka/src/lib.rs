//! The event log and the facts on Apache Kafka.
//!
//! One event is one topic, `twinkle.event.<id>`, with one partition that is kept for ever; place in
//! line is order in that partition (R1) and a record's time is the broker's append time (R3). The
//! facts are one compacted topic, `twinkle.events`. Nothing here ever blocks a thread of the async
//! runtime: what can wait for a broker runs on threads of its own.

mod bearer;
mod close;
mod config;
mod context;
mod facts;
mod failure;
mod link;
mod log;
mod tail;
mod topics;
mod trace;
mod trouble;

pub use bearer::{Token, Tokens};
#[cfg(feature = "tls")]
pub use config::{ClientCertificate, Sasl, SaslMechanism, Tls};
pub use config::{ConfigError, DELIVERY_TIMEOUT_MS_MAX, IN_FLIGHT_MAX, KafkaConfig, Security};
pub use facts::KafkaFacts;
pub use log::KafkaLog;

/// The topic of an event: `twinkle.event.<id>`; also the consumer group is named so that lag tools
/// show it as `twinkle.<id>`.
pub fn event_topic(event: &domain::EventId) -> String {
    format!("twinkle.event.{event}")
}

/// The group under which the owner's progress is committed: `twinkle.<id>`.
pub fn event_group(event: &domain::EventId) -> String {
    format!("twinkle.{event}")
}

/// The compacted topic of the facts about events.
pub const FACTS_TOPIC: &str = "twinkle.events";
