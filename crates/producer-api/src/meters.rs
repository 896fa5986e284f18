//! What the role counts.

use meters::{Meter, count, histogram};
use metrics::{Counter, Histogram, counter};

/// The role's metrics.
pub const METERS: &[Meter] = &[
    count("twinkle_api_commands_total", "commands", "result", "Commands that went to the log"),
    count("twinkle_api_shed_total", "commands", "kind", "Commands refused because of overload"),
    histogram("twinkle_api_pack_commands", "commands", "", "Commands that share a record"),
];

/// Counters of the packers, looked up once.
pub(crate) struct Meters {
    commands: Counter,
    failed: Counter,
    pack_commands: Histogram,
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            commands: counter!("twinkle_api_commands_total", "result" => "appended"),
            failed: counter!("twinkle_api_commands_total", "result" => "failed"),
            pack_commands: metrics::histogram!("twinkle_api_pack_commands"),
        }
    }
}

impl Meters {
    /// One record of so many commands was appended, or was not.
    pub(crate) fn appended(&self, commands: usize, landed: bool) {
        let counter = if landed { &self.commands } else { &self.failed };
        counter.increment(commands as u64);
        self.pack_commands.record(f64::from(u32::try_from(commands).unwrap_or(u32::MAX)));
    }
}
