//! Where load may go: this machine, unless its owner says otherwise.

use std::{
    cell::Cell,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, ToSocketAddrs},
    rc::Rc,
    str::FromStr,
};

use anyhow::{Context, Result, ensure};

/// Most source addresses.
pub const SOURCES_MAX: u8 = 200;

/// The first source is 127.0.0.2: the ports of 127.0.0.1 are everybody's.
const FIRST_HOST: u8 = 2;

/// Ports that Linux gives to clients by default, and how many there are.
const FIRST_PORT: u16 = 32_768;
pub const PORTS: u16 = 28_232;

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

    fn is_local(&self) -> bool {
        self.address.is_ipv4() && self.address.ip().is_loopback()
    }
}

/// Where connections come from: each address has its own ports. Clones share them.
///
/// The system would search for a free port of a given address one by one, which takes milliseconds
/// when many are taken; here they are used in turn.
#[derive(Debug, Clone)]
pub struct Sources {
    count: u8,
    used: Rc<Cell<usize>>,
}

impl Sources {
    /// `first`: where to begin, different for processes that run at the same time.
    pub fn new(count: u8, first: usize) -> Self {
        Self { count, used: Rc::new(Cell::new(first)) }
    }

    /// The next address and port; `None`: the system chooses.
    pub fn next(&self, target: &Target) -> Option<SocketAddrV4> {
        if self.count <= 1 || !target.is_local() {
            return None;
        }
        let n = self.used.get();
        self.used.set(n.wrapping_add(1));
        let count = usize::from(self.count);
        let host = FIRST_HOST + u8::try_from(n % count).unwrap_or(0);
        let port = FIRST_PORT + u16::try_from(n / count % usize::from(PORTS)).unwrap_or(0);
        Some(SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, host), port))
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
    fn sources_and_ports_go_round() {
        let here = target("http://127.0.0.1:1");
        let sources = Sources::new(2, 0);
        let other = sources.clone();
        let next = |sources: &Sources| sources.next(&here).map(|source| source.to_string());
        assert_eq!(next(&sources).as_deref(), Some("127.0.0.2:32768"));
        assert_eq!(next(&other).as_deref(), Some("127.0.0.3:32768"), "clones share them");
        assert_eq!(next(&sources).as_deref(), Some("127.0.0.2:32769"));
        let last = Sources::new(2, 2 * usize::from(PORTS) - 1);
        assert_eq!(next(&last).as_deref(), Some("127.0.0.3:60999"));
        assert_eq!(next(&last).as_deref(), Some("127.0.0.2:32768"));
        assert_eq!(next(&Sources::new(1, 0)), None);
        assert_eq!(sources.next(&target("http://192.0.2.1:1")), None);
    }
}
