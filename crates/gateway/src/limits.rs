//! Bounds of the role.

use std::time::Duration;

/// Least time between two shared frames of one event, in milliseconds (R11).
pub(crate) const SHARED_EVERY_MS: u64 = 250;

/// Sockets of one event that a process gives shared frames in a second. With more than can have one
/// each [`SHARED_EVERY_MS`] all get them more rarely, but at least once in [`BEAT_MS`].
pub(crate) const SHARED_PER_SEC: u64 = 10_000;

/// Sockets of one event that get their shared frames at one moment, until there are [`LANES_MAX`] such
/// lanes; from then on they grow.
pub(crate) const LANE_SOCKETS: usize = 625;

/// Most lanes of one event.
pub(crate) const LANES_MAX: usize = 16;

/// Sockets that get shared frames before anything else has its turn: a fraction of a millisecond.
/// Below the 128 operations after which tokio makes a task wait: what came later would look full.
pub(crate) const LINES_AT_ONCE: usize = 64;

/// Between heartbeats, and between looks at the shared value, in milliseconds.
pub(crate) const BEAT_MS: u64 = 1_000;

/// Longest call to the view, in milliseconds.
pub(crate) const VIEW_CALL_MS: u64 = 2_000;

/// Pause before the view is asked again after it failed, in milliseconds.
pub(crate) const VIEW_RETRY_MS: u64 = 250;

/// Longest wait of a request until the view has come as far as the request needs, in milliseconds:
/// longer than it takes to notice that the live channel fell silent.
pub(crate) const REACH_MS: u64 = 2 * BEAT_MS;

/// How long an event is followed after the last one was interested, in seconds.
pub(crate) const LINGER_SECS: u64 = 60;

/// Most events that one process follows at once.
pub(crate) const HUBS_MAX: usize = 1_000;

/// How long a fresh process holds what it can't find for "not there yet", in milliseconds: longer
/// than a view takes to be built anew.
pub(crate) const SETTLE_MS: u64 = 5_000;

/// How long it is remembered that an event was not found, in milliseconds.
pub(crate) const ABSENT_MS: u64 = 1_000;

/// Most events of which it is remembered that they were not found.
pub(crate) const ABSENT_MAX: usize = 10_000;

/// Most look-ups of one event that wait for the view.
pub(crate) const LOOKUPS_MAX: usize = 20_000;

/// Most personal frames that wait for one socket; a socket that lets more pile up is closed.
pub(crate) const INBOX_MAX: usize = 64;

/// Largest message from a browser, in bytes.
pub(crate) const MESSAGE_BYTES_MAX: usize = 4 * 1024;

/// Read buffer of a socket, in bytes: browsers send next to nothing.
pub(crate) const READ_BUFFER_BYTES: usize = 512;

/// Frames that go out together are written together up to this many bytes.
pub(crate) const WRITE_BUFFER_BYTES: usize = 4 * 1024;

/// Most bytes that wait to be written to one socket: room for the seats of the largest event.
pub(crate) const WRITE_BUFFER_BYTES_MAX: usize = 256 * 1024;

/// Between pings, in seconds.
const PING_SECS: u64 = 25;

/// A socket that says nothing, not even a pong, is closed after so many seconds.
const SILENCE_SECS_MAX: u64 = 60;

/// Most open sockets, unless configured.
const SOCKETS_MAX: usize = 100_000;

/// The time over which sockets are closed at the end, in seconds, unless configured.
const DRAIN_SECS: u64 = 10;

/// Longest time to write to a socket, in seconds.
pub(crate) const WRITE_SECS_MAX: u64 = 10;

/// Longest wait for the other side's answer to a close frame, in seconds.
pub(crate) const CLOSE_SECS_MAX: u64 = 2;

/// Most attempts of one browser that are followed to find the latest.
pub(crate) const ATTEMPTS_MAX: usize = 1_001;

/// What an operator may set.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Most open sockets; the next ones are answered 503.
    pub sockets_max: usize,
    /// The time over which sockets are closed when the process is told to end.
    pub drain: Duration,
    /// Between pings; looked at once a second.
    pub ping: Duration,
    /// A socket that says nothing for so long, not even a pong, is closed.
    pub silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sockets_max: SOCKETS_MAX,
            drain: Duration::from_secs(DRAIN_SECS),
            ping: Duration::from_secs(PING_SECS),
            silence: Duration::from_secs(SILENCE_SECS_MAX),
        }
    }
}
