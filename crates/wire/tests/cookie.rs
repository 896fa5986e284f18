//! Attacks on the cookie.

use proptest::prelude::*;
use twinkle_wire::{
    Browser, CookieError, CookieKeys, KeyError, cookie::COOKIE_BYTES_MAX, format_key,
};

const NOW: u64 = 1_796_436_000;

fn keys(id: &str, byte: u8) -> CookieKeys {
    CookieKeys::parse(&format_key(id, &[byte; 32])).unwrap()
}

fn browser(byte: u8) -> Browser {
    Browser::from_random([byte; 16])
}

/// The cookie with one of its five fields replaced by another cookie's.
fn splice(cookie: &str, other: &str, field: usize) -> String {
    let mut fields: Vec<&str> = cookie.split('.').collect();
    fields[field] = other.split('.').nth(field).unwrap();
    fields.join(".")
}

#[test]
fn its_text_is_documented() {
    let cookie = keys("2026-12", 7).sign(&browser(0xab), NOW);
    let mac = cookie.rsplit_once('.').unwrap().1;
    let fields = cookie.strip_suffix(mac).unwrap();
    assert_eq!(fields, "1.2026-12.1796436000.abababababab4bababababababababab.");
    assert_eq!(mac.len(), 43);
}

/// The same by a program that shares nothing with ours but the documentation.
#[test]
fn another_implementation_agrees() {
    let cookie = keys("k1", 7).sign(&browser(0xab), NOW);
    let mut message = Vec::new();
    let browser = browser(0xab);
    for field in [&b"twinkle cookie 1"[..], b"k1", &NOW.to_be_bytes(), &browser.0] {
        message.extend_from_slice(&u32::try_from(field.len()).unwrap().to_be_bytes());
        message.extend_from_slice(field);
    }
    let mac = openssl_hmac(&message, &"07".repeat(32));
    assert_eq!(cookie.rsplit_once('.').unwrap().1, mac);
}

/// HMAC-SHA256 by OpenSSL, in base64url.
fn openssl_hmac(message: &[u8], key_hex: &str) -> String {
    use std::{
        io::Write,
        process::{Command, Stdio},
    };
    let key = format!("hexkey:{key_hex}");
    let args = ["dgst", "-sha256", "-mac", "HMAC", "-macopt", &key, "-binary"];
    let mut openssl = Command::new("openssl")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test needs the openssl command");
    openssl.stdin.take().unwrap().write_all(message).unwrap();
    let mac = openssl.wait_with_output().unwrap().stdout;
    base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, mac)
}

#[test]
fn it_ends() {
    let keys = keys("k", 7);
    let cookie = keys.sign(&browser(1), NOW);
    assert_eq!(keys.verify(&cookie, NOW - 1), Ok(browser(1)));
    assert_eq!(keys.verify(&cookie, NOW), Err(CookieError::Expired));
}

#[test]
fn spliced_fields_do_not_pass() {
    let keys = CookieKeys::parse(&[format_key("a", &[1; 32]), format_key("b", &[2; 32])].join(","));
    let keys = keys.unwrap();
    let older = CookieKeys::parse(&format_key("b", &[2; 32])).unwrap();
    let mine = keys.sign(&browser(1), NOW + 10);
    let others = [keys.sign(&browser(2), NOW + 20), older.sign(&browser(2), NOW + 20)];
    for other in others {
        assert_eq!(keys.verify(&other, NOW), Ok(browser(2)));
        for field in 1..5 {
            let spliced = splice(&mine, &other, field);
            if spliced != mine {
                assert_eq!(keys.verify(&spliced, NOW), Err(CookieError::BadSignature), "{spliced}");
            }
        }
    }
}

#[test]
fn fields_can_not_trade_characters() {
    // The same characters in a row, cut in other places.
    let (one, other) = (keys("a", 1).sign(&browser(1), 12), keys("a1", 1).sign(&browser(1), 2));
    assert_ne!(one.rsplit_once('.').unwrap().1, other.rsplit_once('.').unwrap().1);
}

#[test]
fn a_key_that_is_gone_or_another_of_the_same_name_does_not_pass() {
    let cookie = keys("a", 1).sign(&browser(1), NOW + 10);
    assert_eq!(keys("b", 1).verify(&cookie, NOW), Err(CookieError::UnknownKey));
    assert_eq!(keys("a", 2).verify(&cookie, NOW), Err(CookieError::BadSignature));
}

#[test]
fn the_older_key_still_verifies_and_the_first_signs() {
    let old = keys("old", 1).sign(&browser(1), NOW + 10);
    let both = [format_key("new", &[2; 32]), format_key("old", &[1; 32])].join(",");
    let both = CookieKeys::parse(&both).unwrap();
    assert_eq!(both.verify(&old, NOW), Ok(browser(1)));
    assert!(both.sign(&browser(1), NOW).starts_with("1.new."));
}

#[test]
fn every_value_has_one_text() {
    let keys = keys("k", 7);
    let cookie = keys.sign(&browser(0xab), NOW + 10);
    let (rest, mac) = cookie.rsplit_once('.').unwrap();
    let expires = (NOW + 10).to_string();
    let others = [
        String::new(),
        ".".repeat(4),
        cookie.replacen('1', "2", 1),
        cookie.replace(&expires, &format!("0{expires}")),
        cookie.replace(&expires, &format!("+{expires}")),
        cookie.replace(&expires, "99999999999999999999999"),
        cookie.replace("abab", "ABAB"),
        format!("{cookie}="),
        format!("{cookie}."),
        format!(" {cookie}"),
        format!("{rest}.{}", mac.to_uppercase() + "!"),
        format!("{rest}."),
        rest.to_owned(),
        "x".repeat(COOKIE_BYTES_MAX + 1),
    ];
    for other in others {
        assert_eq!(keys.verify(&other, NOW), Err(CookieError::Malformed), "{other}");
    }
}

proptest! {
    #[test]
    fn one_changed_character_does_not_pass(at: prop::sample::Index, to in "[0-9A-Za-z._-]") {
        let keys = keys("k", 7);
        let cookie = keys.sign(&browser(1), NOW + 10);
        let at = at.index(cookie.len());
        let mut changed = cookie.clone();
        changed.replace_range(at..=at, &to);
        prop_assert_eq!(keys.verify(&changed, NOW).is_ok(), changed == cookie);
    }
}

#[test]
fn a_browser_can_be_had_of_a_long_idempotency_key_only() {
    let (keys, others) = (keys("k", 7), keys("k", 8));
    let derive = Browser::from_idempotency_key;
    let key = "2c9b1a90-6c7f-4a5e-9b6e-0d7c2f6f1a11";
    let browser = derive(key, &keys).unwrap();
    assert_eq!(derive(key, &keys), Some(browser), "asked again: the same");
    assert_ne!(derive(key, &others), Some(browser), "nobody else can tell");
    assert_ne!(derive("2c9b1a90-6c7f-4a5e-9b6e-0d7c2f6f1a12", &keys), Some(browser));
    assert_eq!(derive("retry-1", &keys), None);
    assert_eq!(browser.0[6] >> 4, 4, "a UUIDv4");
    assert_eq!(browser.0[8] >> 6, 2, "of the RFC's variant");
}

#[test]
fn key_lists_that_are_wrong_are_refused_without_telling_a_key() {
    let good = format_key("a", &[1; 32]);
    let secret = good.split_once(':').unwrap().1;
    let cases = [
        (String::new(), KeyError::Count),
        (vec![good.clone(); 9].join(","), KeyError::Count),
        (secret.to_owned(), KeyError::Shape(1)),
        (format!(":{secret}"), KeyError::Id(1)),
        (format!("a.b:{secret}"), KeyError::Id(1)),
        (format!("{good},"), KeyError::Shape(2)),
        (format!("b:{}", &secret[1..]), KeyError::Secret("b".into())),
        ("b:c2hvcnQ".to_owned(), KeyError::Secret("b".into())),
        (format!("{good},{good}"), KeyError::Twice("a".into())),
    ];
    for (text, error) in cases {
        assert_eq!(CookieKeys::parse(&text).unwrap_err(), error, "{text}");
        assert!(!error.to_string().contains(&secret[1..]));
    }
    assert!(CookieKeys::parse(&format!("{good}=")).is_ok(), "padding does no harm");
    assert!(!format!("{:?}", CookieKeys::parse(&good)).contains(&secret[1..]));
}
