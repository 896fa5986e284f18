//! Where the service is reached, and which pages may send commands to it.

use std::{
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

use http::{HeaderMap, HeaderName, Uri, header};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The address under which browsers reach the service: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    https: bool,
    host: String,
    /// As in an `Origin` header: left out when it is the scheme's own.
    port: Option<u16>,
}

/// Not a public address: `https://host` or `http://host`, perhaps with a port, nothing else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an address like https://tickets.example or http://127.0.0.1:8080")]
pub struct InvalidUrl(String);

impl FromStr for PublicUrl {
    type Err = InvalidUrl;
    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        Self::parse(text).ok_or_else(|| InvalidUrl(text.to_owned()))
    }
}

impl std::fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.origin_of(&self.host))
    }
}

impl PublicUrl {
    fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let https = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = uri.authority()?;
        let bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
        if !bare || authority.as_str().contains('@') || !is_host(authority.host()) {
            return None;
        }
        let usual = if https { 443 } else { 80 };
        let port = authority.port_u16().filter(|port| *port != usual);
        Some(Self { https, host: authority.host().to_ascii_lowercase(), port })
    }

    pub fn https(&self) -> bool {
        self.https
    }

    /// Reached on this machine only: `localhost`, 127.0.0.0/8 or `[::1]`.
    pub fn loopback(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    fn origin_of(&self, host: &str) -> String {
        let scheme = if self.https { "https" } else { "http" };
        match self.port {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        }
    }

    /// The origins of the service's own pages; on loopback each usual name of this machine.
    fn origins(&self) -> Vec<String> {
        let mut origins = vec![self.origin_of(&self.host)];
        if self.loopback() {
            origins.extend(["localhost", "127.0.0.1", "[::1]"].map(|host| self.origin_of(host)));
        }
        origins
    }
}

/// A name, an IPv4 address, or an IPv6 address in brackets: what stands in an `Origin`. (A [`Uri`]
/// takes more.)
fn is_host(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let name = |host: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
        !host.is_empty() && host.bytes().all(plain)
    };
    address.map_or(name(host), |address| address.parse::<Ipv6Addr>().is_ok())
}

/// How much a request must say about the page that sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// A request that names no page passes: programs, not browsers, send those.
    IfSaid,
    /// A form, a WebSocket: the request must name an allowed page.
    Always,
}

/// The request comes from a page that may not send it, or does not say from which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreign;

/// The pages that may send commands.
#[derive(Debug, Clone)]
pub struct Origins {
    own: Vec<String>,
    further: Vec<String>,
}

impl Origins {
    /// The service's own pages, and those of `further`.
    pub fn new(own: &PublicUrl, further: &[PublicUrl]) -> Self {
        Self { own: own.origins(), further: further.iter().map(PublicUrl::to_string).collect() }
    }

    pub(crate) fn further(&self) -> &[String] {
        &self.further
    }

    /// `Origin` decides; without one, `Sec-Fetch-Site` must be `same-origin`.
    pub fn check(&self, headers: &HeaderMap, ask: Ask) -> Result<(), Foreign> {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let allowed = match (origins.next(), origins.next()) {
            (Some(origin), None) => self.allows(origin.as_bytes()),
            (Some(_), Some(_)) => false,
            (None, _) => match headers.get(SEC_FETCH_SITE) {
                // `none`: the person typed the address or opened a bookmark.
                Some(site) => site == "same-origin" || (site == "none" && ask == Ask::IfSaid),
                None => ask == Ask::IfSaid,
            },
        };
        if allowed { Ok(()) } else { Err(Foreign) }
    }

    fn allows(&self, origin: &[u8]) -> bool {
        self.own.iter().chain(&self.further).any(|allowed| allowed.as_bytes() == origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(own: &str, further: &[&str]) -> Origins {
        let further: Vec<PublicUrl> = further.iter().map(|url| url.parse().unwrap()).collect();
        Origins::new(&own.parse().unwrap(), &further)
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn the_own_and_the_configured_pages_pass() {
        let shop = origins("https://Tickets.example:443/", &["https://shop.example:8443"]);
        for (origin, passes) in [
            ("https://tickets.example", true),
            ("https://shop.example:8443", true),
            ("https://shop.example", false),
            ("http://tickets.example", false),
            ("https://evil.example", false),
            ("https://tickets.example.evil.example", false),
            ("null", false),
        ] {
            let said = headers(&[("origin", origin)]);
            assert_eq!(shop.check(&said, Ask::Always).is_ok(), passes, "{origin}");
            assert_eq!(shop.check(&said, Ask::IfSaid).is_ok(), passes, "{origin}");
        }
    }

    #[test]
    fn a_request_that_names_no_page_passes_only_where_that_is_enough() {
        let own = origins("https://tickets.example", &[]);
        for (site, if_said, always) in [
            (None, true, false),
            (Some("same-origin"), true, true),
            (Some("none"), true, false),
            (Some("same-site"), false, false),
            (Some("cross-site"), false, false),
        ] {
            let said = site.map(|site| headers(&[("sec-fetch-site", site)])).unwrap_or_default();
            assert_eq!(own.check(&said, Ask::IfSaid).is_ok(), if_said, "{site:?}");
            assert_eq!(own.check(&said, Ask::Always).is_ok(), always, "{site:?}");
        }
    }

    #[test]
    fn an_origin_outweighs_the_fetch_site_and_two_are_none() {
        let own = origins("https://tickets.example", &[]);
        let both = [("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")];
        assert!(own.check(&headers(&both), Ask::Always).is_err());
        let two = [("origin", "https://tickets.example"), ("origin", "https://evil.example")];
        assert!(own.check(&headers(&two), Ask::IfSaid).is_err());
    }

    #[test]
    fn on_loopback_every_name_of_this_machine_is_the_same_page() {
        let own = origins("http://127.0.0.1:8080", &[]);
        for origin in ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"] {
            assert!(own.check(&headers(&[("origin", origin)]), Ask::Always).is_ok(), "{origin}");
        }
        for origin in ["http://localhost:9090", "https://localhost:8080", "http://10.0.0.1:8080"] {
            assert!(own.check(&headers(&[("origin", origin)]), Ask::Always).is_err(), "{origin}");
        }
    }

    #[test]
    fn only_scheme_host_and_port_make_a_public_address() {
        for text in [
            "tickets.example",
            "ftp://a.example",
            "https://a.example/x",
            "https://u@a",
            "http://-[:",
            "http://a[::1]",
            "http://[::1",
            "http://[tickets]",
            "",
        ] {
            assert!(text.parse::<PublicUrl>().is_err(), "{text}");
        }
        assert_eq!(
            "http://A.example:80".parse::<PublicUrl>().unwrap().to_string(),
            "http://a.example"
        );
        assert!("http://[::1]:8080".parse::<PublicUrl>().unwrap().loopback());
        assert!(!"http://10.0.0.1".parse::<PublicUrl>().unwrap().loopback());
    }
}
