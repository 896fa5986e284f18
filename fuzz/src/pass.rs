//! The pass: whoever checks it as the documentation says sees what was admitted, or nothing.

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{EventId, TicketId};
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::Value;
use wire::{KeyError, PassKeys, format_key, pass::Pass, ticket};

use crate::edits::{edited, take};

static RING: LazyLock<String> =
    LazyLock::new(|| [format_key("2027-01", &[1; 32]), format_key("2026-12", &[2; 32])].join(","));
static KEYS: LazyLock<PassKeys> = LazyLock::new(|| PassKeys::parse(&RING).expect("a ring"));
static JWKS: LazyLock<Value> = LazyLock::new(|| KEYS.jwks());

/// What an event's id is made of.
const ID: &[u8; 37] = b"abcdefghijklmnopqrstuvwxyz0123456789-";

/// `t` any text as a pass, `i` an issued pass and changes to it, `k` any text as a ring of keys.
pub(crate) fn run(data: &[u8]) {
    match data.split_first() {
        Some((b'i', rest)) => issued(rest),
        Some((b'k', rest)) => ring(&String::from_utf8_lossy(rest)),
        Some((_, rest)) => text(&String::from_utf8_lossy(rest)),
        None => {}
    }
}

/// The claims of a token with a good signature, as a shop's own library would check it.
fn verify(token: &str) -> Option<Value> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let (header, claims) = (json(header)?, json(claims)?);
    let key = JWKS["keys"].as_array()?.iter().find(|key| key["kid"] == header["kid"])?;
    let x: [u8; 32] = URL_SAFE_NO_PAD.decode(key["x"].as_str()?).ok()?.try_into().ok()?;
    let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
    let key = VerifyingKey::from_bytes(&x).ok().filter(|_| header["alg"] == "EdDSA")?;
    key.verify_strict(signed.as_bytes(), &signature).ok().map(|()| claims)
}

fn json(part: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

fn text(token: &str) {
    let Some(claims) = verify(token) else { return };
    let of = |name: &str| claims[name].as_str();
    let ticket = |name: &str| of(name).and_then(ticket::parse).expect("a ticket");
    let event: EventId = of("aud").expect("an event").parse().expect("an event's id");
    let (ticket, jti) = (ticket("sub"), ticket("jti"));
    let expires = claims["exp"].as_u64().expect("an end");
    let pass = Pass { event: &event, ticket, jti, expires, issuer: of("iss") };
    assert_eq!(KEYS.sign(&pass), token, "never issued");
}

fn issued(mut data: &[u8]) {
    let (ticket, jti) = (TicketId(take(&mut data)), TicketId(take(&mut data)));
    let expires = u64::from_be_bytes(take(&mut data));
    let [event_len, issuer_len] = take(&mut data);
    let event = part(&mut data, event_len % 48 + 1);
    let event: String = event.iter().map(|byte| char::from(ID[usize::from(*byte) % 37])).collect();
    let event: EventId = if event.is_empty() { "e" } else { &event }.parse().expect("an id");
    let issuer = String::from_utf8_lossy(part(&mut data, issuer_len)).into_owned();
    let issuer = Some(issuer.as_str()).filter(|issuer| !issuer.is_empty());
    let pass = Pass { event: &event, ticket, jti, expires, issuer };
    let token = KEYS.sign(&pass);
    says(&verify(&token).expect("our own signature is good"), &pass);
    let changed = edited(&token, data);
    if let Some(changed) = std::str::from_utf8(&changed).ok().filter(|text| *text != token) {
        assert!(verify(changed).is_none(), "changed from {token} to {changed}");
    }
}

fn says(claims: &Value, pass: &Pass<'_>) {
    assert_eq!(claims["aud"].as_str(), Some(pass.event.as_str()));
    assert_eq!(claims["sub"].as_str().and_then(ticket::parse), Some(pass.ticket));
    assert_eq!(claims["jti"].as_str().and_then(ticket::parse), Some(pass.jti));
    assert_eq!((claims["exp"].as_u64(), claims["iss"].as_str()), (Some(pass.expires), pass.issuer));
    let names = claims.as_object().map_or(0, |claims| claims.len());
    assert_eq!(names, 4 + usize::from(pass.issuer.is_some()), "nothing else is said");
}

fn part<'a>(data: &mut &'a [u8], len: u8) -> &'a [u8] {
    let (front, rest) = data.split_at(usize::from(len).min(data.len()));
    *data = rest;
    front
}

/// A ring has distinct names and tells nobody its secrets.
fn ring(text: &str) {
    match PassKeys::parse(text) {
        Ok(keys) => {
            let set = keys.jwks();
            let keys = set["keys"].as_array().expect("keys");
            let mut ids: Vec<_> = keys.iter().map(|key| key["kid"].as_str()).collect();
            assert_eq!(ids.len(), text.split(',').count());
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), keys.len(), "a name stands for one key");
        }
        // The sentences are fixed but for an id: whatever else a ring holds is not told.
        Err(KeyError::Secret(told) | KeyError::Twice(told)) => {
            let mut ids = text.split(',').filter_map(|key| key.split_once(':'));
            assert!(ids.any(|(id, _)| id.trim() == told), "{told} is no id");
        }
        Err(KeyError::Shape(_) | KeyError::Id(_) | KeyError::Count) => {}
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let event = "popup".parse().expect("an id");
    let sign = |issuer| {
        let (ticket, expires) = (TicketId([0xab; 16]), 1_796_436_600);
        KEYS.sign(&Pass { event: &event, ticket, jti: ticket, expires, issuer })
    };
    let mut seeds: Vec<Vec<u8>> = [None, Some("https://queue.example"), Some("\"\\\u{1}한")]
        .map(|issuer| format!("t{}", sign(issuer)).into_bytes())
        .into();
    for issuer in ["", "https://queue.example", "\"},{\"exp\":9"] {
        let lengths = [5, issuer.len() as u8];
        let edits = [0, 128, b'A', 1, 3, b'.', 2, 255, 0];
        let parts = [&b"i"[..], &[0xab; 40], &lengths, b"popup", issuer.as_bytes(), &edits];
        seeds.push(parts.concat());
    }
    let bad = ["a", "a:", "a:c2hvcnQ", ":,", &RING.replace("2027-01", "2026-12")];
    seeds.extend(bad.iter().chain(&[RING.as_str()]).map(|ring| format!("k{ring}").into_bytes()));
    seeds
}
