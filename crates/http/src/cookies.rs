//! The browser's cookie in requests and answers.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};
use ports::Clock;
use uuid::Uuid;
use wire::{Browser, Code, CookieError, CookieKeys};

use crate::origin::PublicUrl;

/// How long a cookie counts, in seconds: 90 days, longer than any event takes joins.
pub const COOKIE_SECS: u64 = 90 * 86_400;

/// Room for a `Set-Cookie`, in bytes: more than the longest one.
const LINE_BYTES: usize = 256;

const SECURE_NAME: &str = "__Host-twinkle";
const LOOPBACK_NAME: &str = "twinkle";

/// Reads and issues the cookie. Cheap to clone.
#[derive(Clone)]
pub struct Cookies {
    keys: Arc<CookieKeys>,
    clock: Arc<dyn Clock>,
    secure: bool,
    /// What follows the value.
    flags: Arc<str>,
}

impl std::fmt::Debug for Cookies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cookies({})", self.name())
    }
}

impl Cookies {
    pub fn new(keys: CookieKeys, public: &PublicUrl, clock: Arc<dyn Clock>) -> Self {
        let secure = public.https() || !public.loopback();
        let flag = if secure { "; Secure" } else { "" };
        let flags = format!("; Path=/; Max-Age={COOKIE_SECS}; HttpOnly; SameSite=Lax{flag}");
        Self { keys: Arc::new(keys), clock, secure, flags: flags.into() }
    }

    /// `__Host-twinkle`, or `twinkle` where the public address is http on loopback.
    pub fn name(&self) -> &'static str {
        if self.secure { SECURE_NAME } else { LOOPBACK_NAME }
    }

    fn now_secs(&self) -> u64 {
        self.clock.now() / 1_000
    }

    /// Which browser sent this; else `cookie_missing`, `cookie_invalid` or `cookie_expired`.
    pub fn read(&self, headers: &HeaderMap) -> Result<Browser, Code> {
        let cookie = self.find(headers).ok_or(Code::CookieMissing)?;
        self.keys.verify(cookie, self.now_secs()).map_err(|error| match error {
            CookieError::Expired => Code::CookieExpired,
            CookieError::Malformed | CookieError::UnknownKey | CookieError::BadSignature => {
                Code::CookieInvalid
            }
        })
    }

    fn find<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs =
            lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
        pairs.find(|(name, _)| name.trim() == self.name()).map(|(_, value)| value.trim())
    }

    /// A browser nobody had before, with its cookie.
    pub fn fresh(&self) -> (Browser, HeaderValue) {
        let browser = unknown();
        (browser, self.issue(&browser))
    }

    /// The browser of a first request without a cookie: the same again for the same long key.
    pub fn first(&self, idempotency_key: Option<&str>) -> Browser {
        let derived =
            idempotency_key.and_then(|key| Browser::from_idempotency_key(key, &self.keys));
        derived.unwrap_or_else(unknown)
    }

    /// `Set-Cookie` for a browser, good for [`COOKIE_SECS`] from now.
    pub fn issue(&self, browser: &Browser) -> HeaderValue {
        let mut cookie = String::with_capacity(LINE_BYTES);
        cookie.push_str(self.name());
        cookie.push('=');
        self.keys.sign_onto(&mut cookie, browser, self.now_secs() + COOKIE_SECS);
        cookie.push_str(&self.flags);
        // Its parts are letters, digits and punctuation that a header takes.
        HeaderValue::try_from(cookie).unwrap_or(HeaderValue::from_static(""))
    }
}

/// A browser nobody had before.
fn unknown() -> Browser {
    // Of a cryptographic generator seeded by the system; without a seed it panics.
    Browser(Uuid::new_v4().into_bytes())
}

#[cfg(test)]
mod tests {
    use ports::SystemClock;

    use super::*;

    const KEYS: &str = "a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn cookies(public: &str) -> Cookies {
        let keys = CookieKeys::parse(KEYS).unwrap();
        Cookies::new(keys, &public.parse().unwrap(), Arc::new(SystemClock))
    }

    #[test]
    fn the_name_and_the_flags_follow_the_public_address() {
        for (public, name, secure) in [
            ("https://tickets.example", "__Host-twinkle", true),
            ("https://127.0.0.1:8443", "__Host-twinkle", true),
            ("http://tickets.example", "__Host-twinkle", true),
            ("http://127.0.0.1:8080", "twinkle", false),
            ("http://localhost:8080", "twinkle", false),
        ] {
            let (_, line) = cookies(public).fresh();
            let line = line.to_str().unwrap();
            assert!(line.starts_with(&format!("{name}=1.a.")), "{public}: {line}");
            assert_eq!(line.ends_with("; Secure"), secure, "{public}: {line}");
            assert!(line.contains("; Path=/; ") && !line.contains("Domain"), "{public}: {line}");
        }
    }

    #[test]
    fn the_cookie_is_found_among_others_and_only_under_its_name() {
        let cookies = cookies("https://tickets.example");
        let (browser, line) = cookies.fresh();
        let pair = line.to_str().unwrap().split(';').next().unwrap().to_owned();
        let value = pair.split_once('=').unwrap().1;
        let read = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::COOKIE, line.parse().unwrap());
            }
            cookies.read(&headers)
        };
        assert_eq!(read(&[&pair]), Ok(browser));
        assert_eq!(read(&["a=b", &format!("c=d;{pair}; e=f")]), Ok(browser));
        assert_eq!(read(&[]), Err(Code::CookieMissing));
        assert_eq!(read(&[&format!("twinkle={value}")]), Err(Code::CookieMissing));
        assert_eq!(read(&[&format!("x__Host-twinkle={value}")]), Err(Code::CookieMissing));
        assert_eq!(read(&[&format!("__Host-twinkle={value}x")]), Err(Code::CookieInvalid));
    }
}
