//! What the role counts.

use std::time::Duration;

use metrics::{Counter, Histogram, Unit, counter, describe_counter, describe_histogram, histogram};

/// Counters of the packers, looked up once.
pub(crate) struct Meters {
    commands: Counter,
    failed: Counter,
    pack_commands: Histogram,
    append_seconds: Histogram,
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            commands: counter!("twinkle_api_commands_total", "result" => "appended"),
            failed: counter!("twinkle_api_commands_total", "result" => "failed"),
            pack_commands: histogram!("twinkle_api_pack_commands"),
            append_seconds: histogram!("twinkle_api_append_seconds"),
        }
    }
}

impl Meters {
    /// One record of so many commands was appended, or was not.
    pub(crate) fn appended(&self, commands: usize, took: Duration, landed: bool) {
        let counter = if landed { &self.commands } else { &self.failed };
        counter.increment(commands as u64);
        self.append_seconds.record(took.as_secs_f64());
        self.pack_commands.record(f64::from(u32::try_from(commands).unwrap_or(u32::MAX)));
    }
}

/// Describes the role's metrics to the recorder.
pub fn describe() {
    describe_counter!("twinkle_api_commands_total", Unit::Count, "commands that went to the log");
    describe_counter!("twinkle_api_shed_total", Unit::Count, "commands shed by kind");
    describe_histogram!("twinkle_api_pack_commands", Unit::Count, "commands of a record");
    describe_histogram!("twinkle_api_append_seconds", Unit::Seconds, "time to append a record");
}
