//! The pass: a short EdDSA JWT (RFC 7519, RFC 8037) for the shop's own pages.
//!
//! Header `{"alg":"EdDSA","typ":"JWT","kid":KEY}`; claims `iss` (the service's public address, if
//! there is one), `aud` (the event), `sub` (the ticket), `exp` (end of the window, seconds) and `jti`.
//! Nothing in it depends on when it is signed: the same admission gives the same pass everywhere.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{EventId, TicketId};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    keys::{Key, KeyError, Ring},
    ticket,
};

/// What a pass says.
#[derive(Debug, Clone, Copy)]
pub struct Pass<'a> {
    pub event: &'a EventId,
    pub ticket: TicketId,
    /// One for each admission.
    pub jti: TicketId,
    /// Seconds since the Unix epoch.
    pub expires: u64,
    /// Public address of the service.
    pub issuer: Option<&'a str>,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    kid: &'a str,
}

#[derive(Serialize)]
struct Claims<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    aud: &'a str,
    sub: String,
    exp: u64,
    jti: String,
}

#[derive(Clone)]
struct PassKey {
    id: String,
    key: SigningKey,
}

impl From<Key> for PassKey {
    fn from(key: Key) -> Self {
        Self { key: SigningKey::from_bytes(&key.secret), id: key.id }
    }
}

/// The keys of the pass (Ed25519 seeds): the first signs, all of them stand in the key set. Clones
/// share them.
#[derive(Clone)]
pub struct PassKeys(Ring<PassKey>);

impl fmt::Debug for PassKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys().iter().map(|key| &key.id)).finish()
    }
}

impl PassKeys {
    /// Reads `id:base64url-of-32-bytes[,older…]`.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        Ring::parse(text).map(Self)
    }

    /// Takes other keys, for all clones; a text that can't be read changes nothing.
    pub fn replace(&self, text: &str) -> Result<(), KeyError> {
        self.0.replace(text)
    }

    /// The pass in compact form.
    pub fn sign(&self, pass: &Pass<'_>) -> String {
        let claims = Claims {
            iss: pass.issuer,
            aud: pass.event.as_str(),
            sub: ticket::text(pass.ticket),
            exp: pass.expires,
            jti: ticket::text(pass.jti),
        };
        self.compact("JWT", &claims)
    }

    /// A compact JWS (RFC 7515) of the first key.
    pub(crate) fn compact(&self, typ: &str, claims: &impl Serialize) -> String {
        let PassKey { id, key } = &self.0.keys()[0];
        let header = Header { alg: "EdDSA", typ, kid: id };
        let mut token = format!("{}.{}", part(&header), part(claims));
        let signature = key.sign(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature.to_bytes(), &mut token);
        token
    }

    /// The public halves by their ids.
    pub(crate) fn public(&self) -> Vec<(String, VerifyingKey)> {
        self.0.keys().iter().map(|key| (key.id.clone(), key.key.verifying_key())).collect()
    }

    /// The public halves, as `/.well-known/jwks.json` gives them (RFC 7517, RFC 8037).
    pub fn jwks(&self) -> Value {
        let jwk = |key: &PassKey| {
            let x = URL_SAFE_NO_PAD.encode(key.key.verifying_key().as_bytes());
            json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": key.id, "x": x})
        };
        json!({"keys": self.0.keys().iter().map(jwk).collect::<Vec<_>>()})
    }
}

fn part(value: &impl Serialize) -> String {
    // Text and numbers always become JSON.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).unwrap_or_default())
}
