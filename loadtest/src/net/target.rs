//! Where load may go: this machine, unless its owner says otherwise.

use std::{
    net::{Ipv4Addr, SocketAddr, ToSocketAddrs},
    str::FromStr,
};

use anyhow::{Context, Result, ensure};

/// Most source addresses, 127.0.0.1 to 127.0.0.n.
pub const SOURCES_MAX: u8 = 200;

/// A server, e.g. `http://127.0.0.1:8080`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub address: SocketAddr,
    /// Host and port as in a `Host` header.
    pub host: String,
}

impl FromStr for Target {
    type Err = anyhow::Error;

    fn from_str(url: &str) -> Result<Self> {
        let host = url.strip_prefix("http://").context("a target begins with http://")?;
        let host = host.trim_end_matches('/');
        ensure!(!host.is_empty() && !host.contains('/'), "a target is http://HOST:PORT");
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let authority = if has_port { host.to_owned() } else { format!("{host}:80") };
        let mut found = authority.to_socket_addrs().with_context(|| format!("no host {host}"))?;
        let address = found.next().with_context(|| format!("{host} has no address"))?;
        Ok(Self { address, host: host.to_owned() })
    }
}

impl Target {
    /// The service's origin when browsers reach it here.
    pub fn origin(&self) -> String {
        format!("http://{}", self.host)
    }

    /// Refuses to load somebody else's machine.
    pub fn check(&self, is_own: bool) -> Result<()> {
        let loopback = self.address.ip().is_loopback();
        ensure!(
            loopback || is_own,
            "{} is not on this machine; --i-own-the-target says that it is yours",
            self.host
        );
        Ok(())
    }

    /// The `n`-th of `sources` addresses to connect from; `None`: the system chooses.
    pub fn source(&self, n: usize, sources: u8) -> Option<Ipv4Addr> {
        let local = self.address.is_ipv4() && self.address.ip().is_loopback();
        let last = 1 + u8::try_from(n % usize::from(sources.max(1))).unwrap_or(0);
        (local && sources > 1).then(|| Ipv4Addr::new(127, 0, 0, last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Target {
        url.parse().unwrap()
    }

    #[test]
    fn a_url_names_an_address() {
        let here = target("http://127.0.0.1:8080/");
        assert_eq!((here.host.as_str(), here.address.port()), ("127.0.0.1:8080", 8080));
        assert_eq!(here.origin(), "http://127.0.0.1:8080");
        assert_eq!(target("http://127.0.0.1").address.port(), 80);
        for url in ["https://127.0.0.1", "127.0.0.1:80", "http://", "http://127.0.0.1/x"] {
            assert!(url.parse::<Target>().is_err(), "{url}");
        }
    }

    #[test]
    fn other_machines_need_their_owner() {
        assert!(target("http://127.0.0.9:1").check(false).is_ok());
        assert!(target("http://[::1]:1").check(false).is_ok());
        assert!(target("http://192.0.2.1:1").check(false).is_err());
        assert!(target("http://192.0.2.1:1").check(true).is_ok());
    }

    #[test]
    fn sources_go_round() {
        let here = target("http://127.0.0.1:1");
        let last = |n| here.source(n, 3).map(|source| source.octets()[3]);
        assert_eq!([last(0), last(1), last(2), last(3)], [Some(1), Some(2), Some(3), Some(1)]);
        assert_eq!(here.source(5, 1), None);
        assert_eq!(target("http://192.0.2.1:1").source(5, 3), None);
    }
}
