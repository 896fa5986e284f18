//! The browser's cookie: says which browser this is, and that we said so.
//!
//! `1.KEY.EXPIRES.BROWSER.MAC`
//!
//! * `1`: version of the format.
//! * `KEY`: id of the key that signed, `[A-Za-z0-9_-]{1,32}`.
//! * `EXPIRES`: seconds since the Unix epoch, decimal without leading zeros; valid before it.
//! * `BROWSER`: a random UUIDv4 as 32 lower-case hex digits. It is no secret.
//! * `MAC`: base64url without padding of HMAC-SHA256 under KEY over these fields, each after its
//!   length as 4 bytes, big endian: `twinkle cookie 1`, KEY, EXPIRES (8 bytes, big endian),
//!   BROWSER (16 bytes).
//!
//! Every value has exactly one text; anything else is malformed.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use uuid::{Builder, Uuid};

use crate::keys::{Key, KeyError, Ring};

/// Longest cookie value that is looked at, in bytes.
pub const COOKIE_BYTES_MAX: usize = 160;

/// Shortest `Idempotency-Key` that a browser id is derived from, in bytes: shorter ones can be
/// guessed, and whoever guesses a key would become that browser.
pub const IDEMPOTENCY_KEY_BYTES_MIN: usize = 20;

const VERSION: &str = "1";
const COOKIE_LABEL: &[u8] = b"twinkle cookie 1";
const DERIVE_LABEL: &[u8] = b"twinkle browser of an idempotency key 1";

/// A browser: a random UUIDv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Browser(pub [u8; 16]);

impl Browser {
    /// Makes 16 random bytes a UUIDv4.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(Builder::from_random_bytes(bytes).into_uuid().into_bytes())
    }

    /// The browser of a first request without a cookie, so that a lost answer can be asked again.
    /// `None`: the key is too short to be unguessable; take a random browser.
    pub fn from_idempotency_key(key: &str, keys: &CookieKeys) -> Option<Self> {
        if key.len() < IDEMPOTENCY_KEY_BYTES_MIN {
            return None;
        }
        let mac = keys.0.keys()[0].mac(&[DERIVE_LABEL, key.as_bytes()]);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&mac[..16]);
        Some(Self::from_random(bytes))
    }
}

/// Why a cookie counts for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CookieError {
    #[error("the cookie is not of our making")]
    Malformed,
    #[error("the cookie was signed with a key that is not known here")]
    UnknownKey,
    #[error("the cookie's signature is wrong")]
    BadSignature,
    #[error("the cookie is too old")]
    Expired,
}

/// The keys of the cookie: the first signs, all of them verify. Clones share them.
#[derive(Clone)]
pub struct CookieKeys(Ring<CookieKey>);

/// One of them, made ready: the key itself is hashed once and not for each cookie.
#[derive(Clone)]
struct CookieKey {
    id: String,
    keyed: Hmac<Sha256>,
}

impl fmt::Debug for CookieKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys().iter().map(|key| &key.id)).finish()
    }
}

impl CookieKeys {
    /// Reads `id:base64url-of-32-bytes[,older…]`.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        Ring::parse(text).map(Self)
    }

    /// Takes other keys, for all clones; a text that can't be read changes nothing.
    pub fn replace(&self, text: &str) -> Result<(), KeyError> {
        self.0.replace(text)
    }

    /// The cookie's value; `expires` in seconds since the Unix epoch.
    pub fn sign(&self, browser: &Browser, expires: u64) -> String {
        let mut value = String::with_capacity(COOKIE_BYTES_MAX);
        self.sign_onto(&mut value, browser, expires);
        value
    }

    /// Puts the cookie's value behind a text.
    pub fn sign_onto(&self, text: &mut String, browser: &Browser, expires: u64) {
        let key = &self.0.keys()[0];
        let mut digits = Uuid::encode_buffer();
        let browser_digits = Uuid::from_bytes(browser.0).simple().encode_lower(&mut digits);
        let expires_digits = expires.to_string();
        for field in [VERSION, &key.id, &expires_digits, browser_digits] {
            text.push_str(field);
            text.push('.');
        }
        URL_SAFE_NO_PAD.encode_string(key.cookie_mac(browser, expires), text);
    }

    /// The browser of a cookie's value; `now` in seconds since the Unix epoch.
    pub fn verify(&self, cookie: &str, now: u64) -> Result<Browser, CookieError> {
        self.verify_expiring(cookie, now).map(|(browser, _)| browser)
    }

    /// As [`verify`](Self::verify), with the moment the cookie ends.
    pub fn verify_expiring(&self, cookie: &str, now: u64) -> Result<(Browser, u64), CookieError> {
        let fields = Fields::split(cookie).ok_or(CookieError::Malformed)?;
        let keys = self.0.keys();
        let key = keys.iter().find(|key| key.id == fields.key).ok_or(CookieError::UnknownKey)?;
        let expected = key.cookie_mac(&fields.browser, fields.expires);
        if !bool::from(expected.ct_eq(&fields.mac)) {
            return Err(CookieError::BadSignature);
        }
        if now >= fields.expires {
            return Err(CookieError::Expired);
        }
        Ok((fields.browser, fields.expires))
    }
}

impl From<Key> for CookieKey {
    fn from(key: Key) -> Self {
        // HMAC itself fills a shorter key up with zeros to the hash's block.
        let mut block = [0; 64];
        block[..key.secret.len()].copy_from_slice(&key.secret);
        Self { id: key.id, keyed: <Hmac<Sha256> as KeyInit>::new(&block.into()) }
    }
}

impl CookieKey {
    fn cookie_mac(&self, browser: &Browser, expires: u64) -> [u8; 32] {
        self.mac(&[COOKIE_LABEL, self.id.as_bytes(), &expires.to_be_bytes(), &browser.0])
    }

    /// HMAC-SHA256 over fields, each after its length.
    fn mac(&self, fields: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.keyed.clone();
        for field in fields {
            // A field longer than 4 GiB can't come in.
            let length = u32::try_from(field.len()).unwrap_or(u32::MAX);
            mac.update(&length.to_be_bytes());
            mac.update(field);
        }
        mac.finalize().into_bytes().into()
    }
}

struct Fields<'a> {
    key: &'a str,
    expires: u64,
    browser: Browser,
    mac: [u8; 32],
}

impl<'a> Fields<'a> {
    fn split(cookie: &'a str) -> Option<Self> {
        if cookie.len() > COOKIE_BYTES_MAX {
            return None;
        }
        let mut parts = cookie.split('.');
        let version = parts.next()?;
        let (key, expires, browser, mac) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if version != VERSION || parts.next().is_some() {
            return None;
        }
        Some(Self { key, expires: decimal(expires)?, browser: hex(browser)?, mac: base64(mac)? })
    }
}

fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

fn hex(text: &str) -> Option<Browser> {
    let uuid = Uuid::try_parse(text).ok()?;
    let same = uuid.simple().encode_lower(&mut Uuid::encode_buffer()) == text;
    same.then(|| Browser(uuid.into_bytes()))
}

fn base64(text: &str) -> Option<[u8; 32]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}
