//! The chain of a log and its signed heads.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use domain::{Epoch, EventId, TicketId};
use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use twinkle_wire::{
    Chain, HeadSigner, KeySet, LogHead, PassKeys, format_key,
    head::{HeadError, Unverified},
    pass::Pass,
};

type Record = (u64, u64, Vec<u8>);

fn event() -> EventId {
    "popup".parse().unwrap()
}

fn chain(records: &[Record]) -> Chain {
    let mut chain = Chain::start(&event());
    records.iter().for_each(|(offset, at, bytes)| chain.link(*offset, *at, bytes));
    chain
}

fn signer(seed: u8) -> HeadSigner {
    let keys = PassKeys::parse(&format_key("k1", &[seed; 32])).unwrap();
    HeadSigner { keys, issuer: "https://queue.example".to_owned() }
}

fn head() -> LogHead {
    let chain = chain(&[(0, 1_796_436_000_000, b"{}".to_vec())]);
    LogHead { event: event(), next: 1, chain, at: 1_796_436_000_123, epoch: Epoch(1) }
}

fn part(jws: &str, number: usize) -> Value {
    serde_json::from_slice(&BASE64.decode(jws.split('.').nth(number).unwrap()).unwrap()).unwrap()
}

fn verify(jws: &str, keys: &KeySet) -> Result<LogHead, HeadError> {
    Unverified::read(jws)?.verify(keys).cloned()
}

#[test]
fn the_chain_is_reckoned_as_documented() {
    let start = Sha256::digest(b"twinkle chain 1\npopup");
    let input = [&start[..], &7_u64.to_be_bytes(), &99_u64.to_be_bytes(), &Sha256::digest(b"{}")];
    let linked: [u8; 32] = Sha256::digest(input.concat()).into();
    let hex: String = linked.iter().map(|byte| format!("{byte:02x}")).collect();
    let chain = chain(&[(7, 99, b"{}".to_vec())]);
    assert_eq!(chain.to_string(), hex);
    assert_eq!(hex.parse(), Ok(chain), "written and read");
    for wrong in ["", &hex[1..], &hex.to_uppercase(), &format!("{}é", &hex[2..])] {
        assert!(wrong.parse::<Chain>().is_err(), "{wrong}");
    }
    let other = Chain::start(&"popup-2".parse().unwrap());
    assert_ne!(Chain::start(&event()), other, "each event has its own");
}

proptest! {
    #[test]
    fn any_single_change_of_a_record_is_seen(
        texts in vec(vec(any::<u8>(), 0..40), 2..30),
        place in any::<Index>(),
        how in 0..6_u8,
    ) {
        let records: Vec<Record> =
            texts.into_iter().enumerate().map(|(i, text)| (i as u64, 1_000 + i as u64, text)).collect();
        let mut changed = records.clone();
        let i = place.index(records.len() - 1);
        match how {
            0 => drop(changed.remove(i)),
            1 => changed.insert(i, changed[i].clone()),
            2 => changed[i].2.push(b' '),
            3 => changed[i].1 += 1,
            4 => changed[i].0 += 1,
            _ => {
                let (first, second) = (changed[i].2.clone(), changed[i + 1].2.clone());
                prop_assume!(first != second);
                (changed[i].2, changed[i + 1].2) = (second, first);
            }
        }
        prop_assert_ne!(chain(&changed), chain(&records));
    }
}

#[test]
fn a_head_is_read_and_believed() {
    let jws = signer(7).sign(&head());
    assert_eq!(part(&jws, 0), json!({"alg": "EdDSA", "typ": "twinkle-head", "kid": "k1"}));
    let claims = json!({
        "iss": "https://queue.example", "iat": 1_796_436_000, "event": "popup", "next": 1,
        "chain": head().chain.to_string(), "at": 1_796_436_000_123_u64, "epoch": 1,
    });
    assert_eq!(part(&jws, 1), claims);
    let keys = KeySet::from(&signer(7).keys);
    assert_eq!(verify(&jws, &keys), Ok(head()));
    let published = KeySet::parse(signer(7).keys.jwks().to_string().as_bytes()).unwrap();
    assert_eq!(published, keys, "as the key set is published");
}

#[test]
fn what_others_made_is_not_believed() {
    let (jws, keys) = (signer(7).sign(&head()), KeySet::from(&signer(7).keys));
    assert_eq!(verify(&signer(8).sign(&head()), &keys), Err(HeadError::Signature));
    let strange = PassKeys::parse(&format_key("k2", &[7; 32])).unwrap();
    let strange = HeadSigner { keys: strange, issuer: String::new() }.sign(&head());
    assert_eq!(verify(&strange, &keys), Err(HeadError::UnknownKey("k2".to_owned())));
    let mut parts: Vec<String> = jws.split('.').map(str::to_owned).collect();
    let claims = String::from_utf8(BASE64.decode(&parts[1]).unwrap()).unwrap();
    parts[1] = BASE64.encode(claims.replace("\"next\":1", "\"next\":2"));
    assert_eq!(verify(&parts.join("."), &keys), Err(HeadError::Signature), "altered");
    for text in ["", ".", "..", "a.b.c", &jws[..jws.len() - 4], &jws.repeat(9)] {
        assert_eq!(verify(text, &keys), Err(HeadError::Shape), "{text}");
    }
}

#[test]
fn head_and_pass_are_never_taken_for_each_other() {
    let (signer, ticket) = (signer(7), TicketId([1; 16]));
    let event = event();
    let pass = Pass { event: &event, ticket, jti: ticket, expires: u64::MAX, issuer: None };
    let pass = signer.keys.sign(&pass);
    assert_eq!(Unverified::read(&pass), Err(HeadError::Shape), "a pass is no head");
    let head = signer.sign(&head());
    let (header, claims) = (part(&head, 0), part(&head, 1));
    assert_ne!(header["typ"], part(&pass, 0)["typ"]);
    for claim in ["aud", "sub", "exp", "jti"] {
        assert!(claims[claim].is_null() && !part(&pass, 1)[claim].is_null(), "{claim}");
    }
}

#[test]
fn a_key_set_that_can_not_be_used_is_refused() {
    for text in ["", "[]", "{}", r#"{"keys":[]}"#, r#"{"keys":[{"kty":"RSA"}]}"#] {
        assert!(KeySet::parse(text.as_bytes()).is_err(), "{text}");
    }
    let short = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"AAAA"}]}"#;
    assert!(KeySet::parse(short.as_bytes()).is_err());
}
