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
    /// The password, where the address has none.
    pub password: Option<String>,
    /// The authority that signed Redis' certificate, in PEM; the system's own if `None`.
    pub authority: Option<Vec<u8>>,
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
            password: None,
            authority: None,
            connect_timeout: Duration::from_millis(CONNECT_MS),
            call_timeout: Duration::from_millis(CALL_MS),
        }
    }

    pub(crate) fn check(self) -> Result<Settings, ViewError> {
        let urls = self.url.split(',').map(str::trim);
        let mut nodes: Vec<_> = urls.map(node).collect::<Result<_, _>>()?;
        if let Some(password) = &self.password {
            nodes = nodes
                .into_iter()
                .map(|node| with_password(node, password))
                .collect::<Result<_, _>>()?;
        }
        #[cfg(feature = "tls")]
        if nodes.iter().any(is_tls) {
            // Fails when there is one already, which will do.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        if let Some(authority) = &self.authority {
            nodes = nodes
                .into_iter()
                .map(|node| trusting(node, authority))
                .collect::<Result<_, _>>()?;
        }
        let Self { authority, connect_timeout, call_timeout, .. } = self;
        Ok(Settings { nodes, authority, connect_timeout, call_timeout })
    }
}

impl fmt::Debug for RedisConfig {
    /// Without url and password.
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
    /// In PEM; for those nodes of a cluster that are only found out.
    #[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "only TLS asks for it"))]
    pub(crate) authority: Option<Vec<u8>>,
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

fn with_password(node: ConnectionInfo, password: &str) -> Result<ConnectionInfo, ViewError> {
    let settings = node.redis_settings().clone();
    if settings.password().is_some() {
        let text = "the address of Redis has a password and a file gives another: keep one of them";
        return Err(ViewError(text.to_owned()));
    }
    Ok(node.set_redis_settings(settings.set_password(password)))
}

#[cfg(not(feature = "tls"))]
fn trusting(_node: ConnectionInfo, _authority: &[u8]) -> Result<ConnectionInfo, ViewError> {
    Err(ViewError("an authority is named, but this build has no TLS to Redis".to_owned()))
}

/// The node, trusted when this authority signed its certificate, and nobody else.
#[cfg(feature = "tls")]
fn trusting(node: ConnectionInfo, authority: &[u8]) -> Result<ConnectionInfo, ViewError> {
    if !is_tls(&node) {
        let text = "an authority is named, but the address of Redis is not rediss://…: TLS is off";
        return Err(ViewError(text.to_owned()));
    }
    let client = redis::Client::build_with_tls(node, certificates(authority));
    let client = client.map_err(|error| {
        ViewError(format!("the authority for Redis can't be used ({error}): name a PEM file"))
    })?;
    Ok(client.get_connection_info().clone())
}

#[cfg(feature = "tls")]
pub(crate) fn certificates(authority: &[u8]) -> redis::TlsCertificates {
    redis::TlsCertificates { client_tls: None, root_cert: Some(authority.to_vec()) }
}

#[cfg(feature = "tls")]
fn is_tls(node: &ConnectionInfo) -> bool {
    matches!(node.addr(), ConnectionAddr::TcpTls { .. })
}
