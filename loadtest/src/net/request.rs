//! Requests as bytes, made once and sent as they are.

use super::{target::Target, websocket};

/// Room for a rendered request, in bytes.
const REQUEST_BYTES: usize = 512;

/// What a shopper's browser asks.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    /// `name=value`.
    pub cookie: Option<&'a str>,
    /// `Twinkle-Seq`.
    pub seq: Option<u64>,
    /// `Idempotency-Key`.
    pub key: Option<&'a str>,
    pub json: Option<&'a str>,
}

impl<'a> Request<'a> {
    pub fn new(method: &'a str, path: &'a str) -> Self {
        Self { method, path, cookie: None, seq: None, key: None, json: None }
    }

    pub fn get(path: &'a str) -> Self {
        Self::new("GET", path)
    }

    /// The bytes to send.
    pub fn render(&self, target: &Target, origin: &str) -> Vec<u8> {
        let mut out = self.head(target, origin);
        if let Some(json) = self.json {
            out.push_str("Content-Type: application/json\r\n");
            out.push_str(&format!("Content-Length: {}\r\n\r\n{json}", json.len()));
        } else if self.method == "GET" {
            out.push_str("\r\n");
        } else {
            out.push_str("Content-Length: 0\r\n\r\n");
        }
        out.into_bytes()
    }

    /// The bytes of an upgrade, and what it must be answered with.
    pub fn upgrade(&self, target: &Target, origin: &str, n: u64) -> (Vec<u8>, String) {
        let key = websocket::key(n);
        let mut out = self.head(target, origin);
        out.push_str("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
        out.push_str(&format!("Sec-WebSocket-Key: {key}\r\n\r\n"));
        (out.into_bytes(), websocket::accept(&key))
    }

    fn head(&self, target: &Target, origin: &str) -> String {
        let mut out = String::with_capacity(REQUEST_BYTES);
        let (method, path, host) = (self.method, self.path, &target.host);
        out.push_str(&format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\n"));
        if let Some(cookie) = self.cookie {
            out.push_str(&format!("Cookie: {cookie}\r\n"));
        }
        if let Some(seq) = self.seq {
            out.push_str(&format!("Twinkle-Seq: {seq}\r\n"));
        }
        if let Some(key) = self.key {
            out.push_str(&format!("Idempotency-Key: {key}\r\n"));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Target {
        "http://127.0.0.1:8080".parse().unwrap()
    }

    #[test]
    fn a_request_says_who_asks_and_how_long_it_is() {
        let request = Request { seq: Some(3), json: Some("{}"), ..Request::new("PUT", "/hold") };
        let request = Request { cookie: Some("twinkle=x"), ..request };
        let text = String::from_utf8(request.render(&target(), "http://o")).unwrap();
        assert!(
            text.starts_with("PUT /hold HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nOrigin: http://o\r\n")
        );
        assert!(text.contains("Cookie: twinkle=x\r\nTwinkle-Seq: 3\r\n"));
        assert!(text.ends_with("Content-Length: 2\r\n\r\n{}"));
        let empty = String::from_utf8(Request::new("POST", "/t").render(&target(), "o")).unwrap();
        assert!(empty.ends_with("Content-Length: 0\r\n\r\n"));
        let get = String::from_utf8(Request::get("/t").render(&target(), "o")).unwrap();
        assert!(get.ends_with("Origin: o\r\n\r\n"));
    }

    #[test]
    fn an_upgrade_brings_a_key() {
        let (bytes, accept) = Request::get("/stream").upgrade(&target(), "o", 1);
        let text = String::from_utf8(bytes).unwrap();
        let key = text.split("Sec-WebSocket-Key: ").nth(1).unwrap().trim();
        assert_eq!(websocket::accept(key), accept);
        assert!(text.ends_with("\r\n\r\n"));
    }
}
