//! The pass, checked by OpenSSL and against RFC 8037.

use std::{fs, path::Path, process::Command};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use domain::TicketId;
use serde_json::{Value, json};
use twinkle_wire::{PassKeys, format_key, pass::Pass};

/// The key pair of RFC 8037, appendix A.1.
const D: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

/// What goes before a raw Ed25519 public key to make it the DER that OpenSSL reads (RFC 8410).
const SPKI_HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

fn sign(keys: &PassKeys) -> String {
    keys.sign(&Pass {
        event: &"popup".parse().unwrap(),
        ticket: TicketId([0xab; 16]),
        jti: TicketId([0xab; 16]),
        expires: 1_796_436_600,
        issuer: Some("https://queue.example"),
    })
}

fn rfc_keys() -> PassKeys {
    PassKeys::parse(&format!("2026-12:{D}")).unwrap()
}

fn json_part(token: &str, part: usize) -> Value {
    serde_json::from_slice(&BASE64.decode(token.split('.').nth(part).unwrap()).unwrap()).unwrap()
}

/// Does OpenSSL find the token's signature right under this public key?
fn openssl_verifies(token: &str, x: &str) -> bool {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("pass-{}", fresh()));
    fs::create_dir_all(&folder).unwrap();
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let key = [&SPKI_HEAD[..], &BASE64.decode(x).unwrap()].concat();
    fs::write(file("key.der"), key).unwrap();
    fs::write(file("message"), message).unwrap();
    fs::write(file("signature"), BASE64.decode(signature).unwrap_or_default()).unwrap();
    let verified = Command::new("openssl")
        .args(["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-rawin"])
        .args(["-inkey", &file("key.der"), "-in", &file("message"), "-sigfile", &file("signature")])
        .output()
        .expect("this test needs the openssl command");
    fs::remove_dir_all(&folder).unwrap();
    let told = String::from_utf8_lossy(&verified.stdout).into_owned();
    let expected = if verified.status.success() { "Successfully" } else { "Failure" };
    assert!(told.contains(expected), "openssl could not tell: {verified:?}");
    verified.status.success()
}

fn fresh() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

#[test]
fn the_key_set_is_that_of_the_rfc() {
    let key = json!({
        "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": "2026-12", "x": X,
    });
    assert_eq!(rfc_keys().jwks(), json!({ "keys": [key] }));
}

#[test]
fn header_and_claims_are_documented() {
    let token = sign(&rfc_keys());
    assert_eq!(json_part(&token, 0), json!({"alg": "EdDSA", "typ": "JWT", "kid": "2026-12"}));
    let id = "abababab-abab-abab-abab-abababababab";
    let claims = json!({
        "iss": "https://queue.example", "aud": "popup", "sub": id, "exp": 1_796_436_600, "jti": id,
    });
    assert_eq!(json_part(&token, 1), claims);
    assert_eq!(token, sign(&rfc_keys()), "signed again: the same");
}

#[test]
fn openssl_agrees_with_the_signature() {
    let token = sign(&rfc_keys());
    assert!(openssl_verifies(&token, X));
}

#[test]
fn changed_passes_and_other_keys_do_not_pass() {
    let token = sign(&rfc_keys());
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let claims = BASE64.decode(&parts[1]).unwrap();
    let later = String::from_utf8(claims).unwrap().replace("1796436600", "1796436601");
    parts[1] = BASE64.encode(later);
    assert!(!openssl_verifies(&parts.join("."), X), "a later end");

    let others = PassKeys::parse(&format_key("2026-12", &[1; 32])).unwrap();
    assert!(!openssl_verifies(&sign(&others), X), "another key of the same name");
    let (message, _) = token.rsplit_once('.').unwrap();
    let foreign = sign(&others);
    let spliced = format!("{message}.{}", foreign.rsplit_once('.').unwrap().1);
    assert!(!openssl_verifies(&spliced, X), "a signature of another key");
}

#[test]
fn the_first_key_signs_and_all_stand_in_the_set() {
    let list = format!("{},2026-12:{D}", format_key("2027-01", &[1; 32]));
    let keys = PassKeys::parse(&list).unwrap();
    let token = sign(&keys);
    assert_eq!(json_part(&token, 0)["kid"], "2027-01");
    let set = keys.jwks();
    let kids: Vec<_> = set["keys"].as_array().unwrap().iter().map(|key| &key["kid"]).collect();
    assert_eq!(kids, ["2027-01", "2026-12"]);
    assert!(openssl_verifies(&token, set["keys"][0]["x"].as_str().unwrap()));
    assert!(!set.to_string().contains("\"d\""), "no private halves");
    assert!(!format!("{keys:?}").contains("nWGx"));
}
