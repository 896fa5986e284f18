//! Bounds on connections and requests.

use std::time::Duration;

use rustix::process::{Resource, getrlimit};

/// Time to send a whole request head, from the first byte (or from connecting), in seconds.
pub const HEAD_SECS: u64 = 10;

/// Time that a connection may idle between requests, in seconds: longer than what proxies keep
/// (60 s is usual), so that they never send into a connection that is just being closed.
pub const IDLE_SECS: u64 = 75;

/// Time to send a whole body, in seconds.
pub const BODY_SECS: u64 = 10;

/// Time that requests under way have to end once the server shuts down, in seconds.
pub const DRAIN_SECS: u64 = 20;

/// Largest request head, in bytes (target, header names and values).
pub const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Most header lines of a request.
pub const HEADERS_MAX: usize = 64;

/// Where hyper itself gives up on a head, in bytes: room above [`HEAD_BYTES_MAX`], so that a head
/// that is too large is mostly answered with a problem and not just cut off.
pub(crate) const READ_BYTES_MAX: usize = 2 * HEAD_BYTES_MAX;

/// Files that stay free for logs, brokers and stores when connections take all they may.
const FILES_KEPT_FREE: u64 = 512;

/// Most connections of one process, whatever the system allows.
const CONNECTIONS_MAX: u64 = 200_000;

/// Bounds of one listener.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Most open connections, upgraded ones included; more are answered 503 and closed.
    pub connections_max: usize,
    pub head: Duration,
    pub idle: Duration,
    /// Time that requests under way have to end after the shutdown began.
    pub drain: Duration,
    /// The public address is https: browsers are told to stay with it.
    pub https: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connections_max: connections_max(),
            head: Duration::from_secs(HEAD_SECS),
            idle: Duration::from_secs(IDLE_SECS),
            drain: Duration::from_secs(DRAIN_SECS),
            https: false,
        }
    }
}

/// As many connections as the system lets this process have files, less a reserve.
fn connections_max() -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let count = files.saturating_sub(FILES_KEPT_FREE).clamp(1, CONNECTIONS_MAX);
    usize::try_from(count).unwrap_or(usize::MAX)
}
