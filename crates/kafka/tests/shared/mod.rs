//! One broker for all tests of a binary.
#![allow(dead_code, reason = "each test file uses its part")]

use std::{
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use testbed::{GuardedKafka, Kafka};

/// The broker that the tests of this binary share.
pub(crate) fn shared() -> &'static Kafka {
    static BROKER: OnceLock<(Kafka, Child)> = OnceLock::new();
    let (kafka, _) = BROKER.get_or_init(|| {
        let kafka = Kafka::start().expect("a broker");
        let ends = end_with_us(&kafka);
        (kafka, ends)
    });
    kafka
}

/// The guarded broker that the tests of this binary share.
pub(crate) fn guarded() -> &'static GuardedKafka {
    static BROKER: OnceLock<(GuardedKafka, Child)> = OnceLock::new();
    let (guarded, _) = BROKER.get_or_init(|| {
        let guarded = GuardedKafka::start().expect("a guarded broker");
        let ends = end_with_us(&guarded.kafka);
        (guarded, ends)
    });
    guarded
}

/// Nothing static is ever dropped: a shell that waits for the end of our pipe ends the broker.
fn end_with_us(kafka: &Kafka) -> Child {
    let home = kafka.log().parent().expect("the log is in the broker's home");
    let mut shell = Command::new("sh");
    shell.args(["-c", "read _; kill -9 \"$0\"; rm -rf \"$1\""]).arg(kafka.pid().to_string());
    shell.arg(home).stdin(Stdio::piped()).spawn().expect("a shell")
}
