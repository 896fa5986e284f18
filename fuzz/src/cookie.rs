//! The browser's cookie: nothing that was not issued counts.

use std::sync::{Arc, LazyLock};

use http::{HeaderMap, HeaderValue, header};
use http_kit::Cookies;
use ports::Clock;
use wire::{
    Browser, CookieError, CookieKeys,
    cookie::{COOKIE_BYTES_MAX, IDEMPOTENCY_KEY_BYTES_MIN},
    format_key,
};

use crate::edits::{edited, take};

/// Seconds since the Unix epoch: the moment at which all of this happens.
const NOW: u64 = 1_796_436_000;

/// The rings of each live key alone, and of both.
static RINGS: LazyLock<[CookieKeys; 2]> = LazyLock::new(|| [ring(&[NEW]), ring(&[OLD])]);
static KEYS: LazyLock<CookieKeys> = LazyLock::new(|| ring(&[NEW, OLD]));
static COOKIES: LazyLock<Cookies> = LazyLock::new(|| {
    let public = "https://tickets.example".parse().expect("an address");
    Cookies::new(KEYS.clone(), &public, Arc::new(Standing))
});

const NEW: (&str, u8) = ("2026-12", 7);
const OLD: (&str, u8) = ("2026-11", 8);

struct Standing;

impl Clock for Standing {
    fn now(&self) -> u64 {
        NOW * 1_000
    }
}

fn ring(keys: &[(&str, u8)]) -> CookieKeys {
    let keys: Vec<String> = keys.iter().map(|(id, byte)| format_key(id, &[*byte; 32])).collect();
    CookieKeys::parse(&keys.join(",")).expect("a ring")
}

/// `t` any text, `i` an issued cookie and changes to it, `h` lines of a `Cookie` header.
pub(crate) fn run(data: &[u8]) {
    match data.split_first() {
        Some((b'i', rest)) => issued(rest),
        Some((b'h', rest)) => header_lines(rest),
        Some((_, rest)) => text(&String::from_utf8_lossy(rest)),
        None => {}
    }
}

/// What verifies is byte for byte what one of the live keys issues.
fn text(text: &str) {
    if let Ok((browser, expires)) = KEYS.verify_expiring(text, NOW) {
        assert!(expires > NOW, "it has ended");
        let of_ours = RINGS.iter().any(|ring| ring.sign(&browser, expires) == text);
        assert!(of_ours, "never issued: {text}");
    }
    let derived = Browser::from_idempotency_key(text, &KEYS);
    assert_eq!(derived.is_some(), text.len() >= IDEMPOTENCY_KEY_BYTES_MIN);
    assert_eq!(derived, Browser::from_idempotency_key(text, &KEYS), "asked again: the same");
    assert!(derived.is_none_or(|browser| browser.0[6] >> 4 == 4), "a UUIDv4");
}

fn issued(mut data: &[u8]) {
    let browser = Browser(take(&mut data));
    let expires = u64::from_be_bytes(take(&mut data));
    for ring in &*RINGS {
        let cookie = ring.sign(&browser, expires);
        assert!(cookie.len() <= COOKIE_BYTES_MAX, "{cookie}");
        let alive = if expires > NOW { Ok((browser, expires)) } else { Err(CookieError::Expired) };
        assert_eq!(KEYS.verify_expiring(&cookie, NOW), alive);
        let changed = edited(&cookie, data);
        let Ok(changed) = std::str::from_utf8(&changed) else { continue };
        if changed != cookie {
            assert!(KEYS.verify(changed, NOW).is_err(), "changed from {cookie} to {changed}");
        }
    }
}

fn header_lines(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        if let Ok(line) = HeaderValue::from_bytes(line) {
            headers.append(header::COOKIE, line);
        }
    }
    if let Ok(browser) = COOKIES.read(&headers) {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let ours = lines.flat_map(|line| line.split(';')).any(|pair| {
            let value = pair.trim().strip_prefix("__Host-twinkle").map(str::trim_start);
            let value = value.and_then(|rest| rest.strip_prefix('='));
            value.is_some_and(|value| KEYS.verify(value.trim(), NOW) == Ok(browser))
        });
        assert!(ours, "read from nowhere: {headers:?}");
    }
    ours_first(&headers);
}

/// Whatever stands behind our own cookie, it is the one that is read.
fn ours_first(junk: &HeaderMap) {
    let browser = Browser([5; 16]);
    let line = COOKIES.issue(&browser);
    let pair = line.to_str().ok().and_then(|line| line.split(';').next());
    let mut headers = HeaderMap::new();
    headers.append(header::COOKIE, pair.expect("a pair").parse().expect("a line"));
    for line in junk.get_all(header::COOKIE) {
        headers.append(header::COOKIE, line.clone());
    }
    assert_eq!(COOKIES.read(&headers), Ok(browser));
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (i, ring) in (0_u8..).zip(&*RINGS) {
        for expires in [NOW - 1, NOW, NOW + 1, NOW + 7_776_000, u64::MAX] {
            let browser = Browser([i * 16 + 3; 16]);
            let cookie = ring.sign(&browser, expires);
            seeds.push(format!("t{cookie}").into_bytes());
            seeds.push(format!("ha=b; __Host-twinkle={cookie}; c=d").into_bytes());
            let edits = [0, 100, b'0', 1, 20, b'1', 2, 250, 0];
            seeds.push([&b"i"[..], &browser.0, &expires.to_be_bytes(), &edits].concat());
        }
    }
    let stranger = ring(&[("2026-12", 9)]).sign(&Browser([3; 16]), NOW + 1);
    seeds.push(format!("t{stranger}").into_bytes());
    seeds.push(format!("htwinkle={stranger}\n__Host-twinkle=\n;;=").into_bytes());
    seeds.push(b"t2c9b1a90-6c7f-4a5e-9b6e-0d7c2f6f1a11".to_vec());
    seeds
}
