//! The signed head of a log: what its owner says of it every few seconds, as a compact JWS (RFC
//! 7515, RFC 8037).
//!
//! Header `{"alg":"EdDSA","typ":"twinkle-head","kid":KEY}`; claims `iss` (the service's public
//! address), `iat` (seconds, by the log's clock), `event`, `next` (the records below it are meant),
//! `chain` (see [`Chain`]), `at` (time of the last of them, milliseconds) and `epoch` (of the owner).
//! The keys are those of the pass. Neither can be taken for the other: a head has another `typ` and
//! no `aud`, `sub` or `exp`, and a pass has the `typ` `JWT` and none of a head's claims.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Epoch, EventId, Millis};
use ed25519_dalek::{Signature, VerifyingKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{PassKeys, chain::Chain, keys::KEYS_MAX};

const TYPE: &str = "twinkle-head";

/// Longest head that is read, in bytes.
pub const HEAD_BYTES_MAX: usize = 2_048;

/// What the owner says of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogHead {
    pub event: EventId,
    /// The records below this offset are meant.
    pub next: u64,
    /// The chain over them.
    pub chain: Chain,
    /// Time of the last of them.
    pub at: Millis,
    /// The owner's.
    pub epoch: Epoch,
}

/// Signs heads in the name of a service.
#[derive(Debug, Clone)]
pub struct HeadSigner {
    pub keys: PassKeys,
    /// Public address of the service.
    pub issuer: String,
}

/// Why a text is no head that counts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    #[error("it is no signed head")]
    Shape,
    #[error("it is signed with key {0:?}, which is not among the given ones")]
    UnknownKey(String),
    #[error("its signature is wrong")]
    Signature,
}

/// Why a key set can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a JSON Web Key Set with 1 to {KEYS_MAX} Ed25519 keys: {0}")]
pub struct KeySetError(String);

#[derive(Serialize, Deserialize)]
struct Claims<'a> {
    #[serde(borrow)]
    iss: std::borrow::Cow<'a, str>,
    iat: u64,
    #[serde(flatten)]
    head: LogHead,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

impl HeadSigner {
    /// The head in compact form; the same head gives the same text.
    pub fn sign(&self, head: &LogHead) -> String {
        let iss = self.issuer.as_str().into();
        self.keys.compact(TYPE, &Claims { iss, iat: head.at / 1_000, head: head.clone() })
    }
}

/// A head as it was found: read, not yet believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unverified {
    pub head: LogHead,
    /// Names the key that it says to be signed with.
    pub kid: String,
    message: String,
    signature: [u8; 64],
}

impl Unverified {
    /// Takes a compact JWS apart.
    pub fn read(jws: &str) -> Result<Self, HeadError> {
        let parts = jws.rsplit_once('.').filter(|_| jws.len() <= HEAD_BYTES_MAX);
        let (message, signature) = parts.ok_or(HeadError::Shape)?;
        let (header, claims) = message.split_once('.').ok_or(HeadError::Shape)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| HeadError::Shape);
        let header: Header =
            serde_json::from_slice(&decode(header)?).map_err(|_| HeadError::Shape)?;
        if header.alg != "EdDSA" || header.typ != TYPE {
            return Err(HeadError::Shape);
        }
        let claims = decode(claims)?;
        let claims: Claims<'_> = serde_json::from_slice(&claims).map_err(|_| HeadError::Shape)?;
        let signature = decode(signature)?.try_into().map_err(|_| HeadError::Shape)?;
        Ok(Self { head: claims.head, kid: header.kid, message: message.to_owned(), signature })
    }

    /// The head, if one of the keys signed it.
    pub fn verify(&self, keys: &KeySet) -> Result<&LogHead, HeadError> {
        let unknown = || HeadError::UnknownKey(self.kid.clone());
        let (_, key) = keys.0.iter().find(|(kid, _)| *kid == self.kid).ok_or_else(unknown)?;
        let signature = Signature::from_bytes(&self.signature);
        let verified = key.verify_strict(self.message.as_bytes(), &signature);
        verified.map(|()| &self.head).map_err(|_| HeadError::Signature)
    }
}

/// Public keys by their ids.
#[derive(Clone, PartialEq, Eq)]
pub struct KeySet(Vec<(String, VerifyingKey)>);

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(kid, _)| kid)).finish()
    }
}

impl KeySet {
    /// Reads a JSON Web Key Set as `/.well-known/jwks.json` gives it; keys of other kinds are left out.
    pub fn parse(jwks: &[u8]) -> Result<Self, KeySetError> {
        let set: Value =
            serde_json::from_slice(jwks).map_err(|error| KeySetError(error.to_string()))?;
        let rows = set["keys"].as_array().ok_or_else(|| KeySetError("no keys".to_owned()))?;
        let ours = rows.iter().filter(|jwk| jwk["kty"] == "OKP" && jwk["crv"] == "Ed25519");
        let keys: Vec<_> = ours.map(key).collect::<Result<_, _>>()?;
        match keys.len() {
            1..=KEYS_MAX => Ok(Self(keys)),
            count => Err(KeySetError(format!("it has {count}"))),
        }
    }
}

fn key(jwk: &Value) -> Result<(String, VerifyingKey), KeySetError> {
    let text =
        |name: &str| jwk[name].as_str().ok_or_else(|| KeySetError(format!("a key without {name}")));
    let (kid, x) = (text("kid")?, text("x")?);
    let bytes = URL_SAFE_NO_PAD.decode(x).ok().and_then(|bytes| bytes.try_into().ok());
    let key = bytes.and_then(|bytes: [u8; 32]| VerifyingKey::from_bytes(&bytes).ok());
    let key = key.ok_or_else(|| KeySetError(format!("{kid:?} is no Ed25519 key")))?;
    Ok((kid.to_owned(), key))
}

impl From<&PassKeys> for KeySet {
    fn from(keys: &PassKeys) -> Self {
        Self(keys.public())
    }
}
