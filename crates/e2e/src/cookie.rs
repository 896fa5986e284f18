//! The browser's cookie, signed here anew from its published format, to forge, age and swap it.
//!
//! `1.KEY.EXPIRES.BROWSER.MAC`; MAC = base64url of HMAC-SHA256 over `twinkle cookie 1`, KEY, EXPIRES
//! (8 bytes, big endian), BROWSER (16 bytes), each after its length as 4 bytes, big endian.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::stack::Secrets;

/// A cookie's value for this browser; `expires` in seconds since the Unix epoch.
pub fn sign(secrets: &Secrets, browser: Uuid, expires: u64) -> String {
    sign_with(&secrets.cookie_key, &secrets.cookie_key_id, browser, expires)
}

/// The same under any key.
pub fn sign_with(key: &[u8; 32], id: &str, browser: Uuid, expires: u64) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    let fields: [&[u8]; 4] =
        [b"twinkle cookie 1", id.as_bytes(), &expires.to_be_bytes(), browser.as_bytes()];
    for field in fields {
        mac.update(&(field.len() as u32).to_be_bytes());
        mac.update(field);
    }
    let mac = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    format!("1.{id}.{expires}.{}.{mac}", browser.simple())
}

/// The fields of a cookie's value.
pub fn fields(value: &str) -> Vec<&str> {
    value.split('.').collect()
}
