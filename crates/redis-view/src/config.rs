//! Where Redis is and how long to wait for it.

use std::{fmt, time::Duration};

use ports::ViewError;
use redis::{
    ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, io::tcp::TcpSettings,
};

/// How long a connection may take, in milliseconds.
const CONNECT_MS: u64 = 1_000;

/// How long one call may take, connecting included, in milliseconds.
const CALL_MS: u64 = 3_000;

/// Where Redis is and how long to wait for it.
#[derive(Clone)]
pub struct RedisConfig {
    /// `redis://[user[:password]@]host[:port][/database]`, or `rediss://` for TLS (feature `tls`).
    /// Of a cluster any node will do, or several after commas; that it is one is found out.
    pub url: String,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long one call of at most 1,000 tickets may take, connecting included.
    pub call_timeout: Duration,
}

impl RedisConfig {
    /// The usual times: 1 s to connect, 3 s a call.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            connect_timeout: Duration::from_millis(CONNECT_MS),
            call_timeout: Duration::from_millis(CALL_MS),
        }
    }

    pub(crate) fn check(self) -> Result<Settings, ViewError> {
        let nodes: Result<Vec<_>, _> = self.url.split(',').map(str::trim).map(node).collect();
        let nodes = nodes?;
        #[cfg(feature = "tls")]
        if nodes.iter().any(is_tls) {
            // Fails when there is one already, which will do.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let Self { connect_timeout, call_timeout, .. } = self;
        Ok(Settings { nodes, connect_timeout, call_timeout })
    }
}

impl fmt::Debug for RedisConfig {
    /// Without the url, which may have a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConfig")
            .field("connect_timeout", &self.connect_timeout)
            .field("call_timeout", &self.call_timeout)
            .finish_non_exhaustive()
    }
}

/// A configuration that makes sense.
#[derive(Debug)]
pub(crate) struct Settings {
    /// At least one.
    pub(crate) nodes: Vec<ConnectionInfo>,
    pub(crate) connect_timeout: Duration,
    pub(crate) call_timeout: Duration,
}

impl Settings {
    /// The nodes, spoken to in a protocol that can push.
    pub(crate) fn pushing_nodes(&self) -> impl Iterator<Item = ConnectionInfo> {
        self.nodes.iter().map(|node| {
            let pushing = node.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
            node.clone().set_redis_settings(pushing)
        })
    }

    /// Another node of the same cluster, at `host:port`, reached in the same way as the first.
    pub(crate) fn pushing_node_at(&self, address: &str) -> Option<ConnectionInfo> {
        let (host, port) = address.rsplit_once(':')?;
        let (new_host, new_port) = (host.to_owned(), port.parse().ok()?);
        let first = self.pushing_nodes().next()?;
        let mut addr = first.addr().clone();
        match &mut addr {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                (*host, *port) = (new_host, new_port);
            }
            _ => return None,
        }
        Some(first.set_addr(addr))
    }
}

/// Calls are answered one by one: they don't wait for company.
pub(crate) fn tcp_settings() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

fn node(url: &str) -> Result<ConnectionInfo, ViewError> {
    let info = url.into_connection_info().map_err(|error| {
        ViewError(format!(
            "the address of Redis is not like redis://host:port ({error}); correct it and start again"
        ))
    })?;
    Ok(info.set_tcp_settings(tcp_settings()))
}

#[cfg(feature = "tls")]
fn is_tls(node: &ConnectionInfo) -> bool {
    matches!(node.addr(), ConnectionAddr::TcpTls { .. })
}
