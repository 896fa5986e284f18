//! Checks a pass as a shop would: with the published keys and nothing of ours.

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::Value;

/// The claims of a pass whose signature is good.
pub fn verify(pass: &str, jwks: &Value) -> Result<Value> {
    let (signed, signature) = pass.rsplit_once('.').context("a pass has three parts")?;
    let (header, claims) = signed.split_once('.').context("a pass has three parts")?;
    let header = json(header)?;
    ensure!(header["alg"] == "EdDSA", "the pass is signed with {}", header["alg"]);
    let keys = jwks["keys"].as_array().context("no keys")?;
    let key = keys.iter().find(|key| key["kid"] == header["kid"]).context("an unknown key")?;
    ensure!(key["kty"] == "OKP" && key["crv"] == "Ed25519", "not an Ed25519 key: {key}");
    let public = bytes(key["x"].as_str().context("no x")?)?;
    let public: [u8; 32] = public.try_into().ok().context("not 32 bytes")?;
    let signature = Signature::from_slice(&bytes(signature)?)?;
    VerifyingKey::from_bytes(&public)?.verify_strict(signed.as_bytes(), &signature)?;
    json(claims)
}

fn bytes(text: &str) -> Result<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).context("not base64url")
}

fn json(part: &str) -> Result<Value> {
    Ok(serde_json::from_slice(&bytes(part)?)?)
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};
    use serde_json::json;

    use super::*;

    fn signed(claims: &Value) -> (String, Value) {
        let key = SigningKey::from_bytes(&[7; 32]);
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({"alg": "EdDSA", "kid": "a"})), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()).to_bytes());
        let x = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
        let jwks = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": x}]});
        (format!("{signed}.{signature}"), jwks)
    }

    #[test]
    fn takes_a_good_pass_and_no_forged_one() {
        let (pass, jwks) = signed(&json!({"sub": "t"}));
        assert_eq!(verify(&pass, &jwks).unwrap()["sub"], "t");
        let (other, _) = signed(&json!({"sub": "u"}));
        let (_, signature) = other.rsplit_once('.').unwrap();
        let forged = format!("{}.{signature}", pass.rsplit_once('.').unwrap().0);
        assert!(verify(&forged, &jwks).is_err());
        assert!(verify(&pass, &json!({"keys": []})).is_err());
    }
}
