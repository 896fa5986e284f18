//! Key rings: `id:base64url-of-32-bytes[,older…]`. The first key signs, all of them verify.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// Most keys of one ring.
pub(crate) const KEYS_MAX: usize = 8;

/// Longest key id, in bytes.
pub(crate) const KEY_ID_BYTES_MAX: usize = 32;

/// Unpadded on output; what is read must be canonical, padded or not.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a key ring can't be used. Never tells any of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("key {0} of the list is not ID:BASE64URL")]
    Shape(usize),
    #[error(
        "the id of key {0} of the list must be 1 to {KEY_ID_BYTES_MAX} characters out of a-z, A-Z, 0-9, '-' and '_'"
    )]
    Id(usize),
    #[error("key {0:?} must be 32 bytes in base64url, 43 characters")]
    Secret(String),
    #[error("key id {0:?} is there twice")]
    Twice(String),
    #[error("a list of keys has 1 to {KEYS_MAX} keys")]
    Count,
}

/// One key.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: [u8; 32],
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:…", self.id)
    }
}

/// Keys that all clones share: whoever replaces them, all go on with the new ones.
pub(crate) struct Ring<K>(Arc<RwLock<Arc<[K]>>>);

impl<K> Clone for Ring<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: From<Key>> Ring<K> {
    pub(crate) fn parse(text: &str) -> Result<Self, KeyError> {
        Ok(Self(Arc::new(RwLock::new(read(text)?))))
    }

    /// At least one.
    pub(crate) fn keys(&self) -> Arc<[K]> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes other keys; a text that can't be read changes nothing.
    pub(crate) fn replace(&self, text: &str) -> Result<(), KeyError> {
        let keys = read(text)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }
}

fn read<K: From<Key>>(text: &str) -> Result<Arc<[K]>, KeyError> {
    Ok(parse(text)?.into_iter().map(K::from).collect())
}

/// Reads a ring; at least one key.
pub(crate) fn parse(text: &str) -> Result<Vec<Key>, KeyError> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    if parts.len() > KEYS_MAX || text.trim().is_empty() {
        return Err(KeyError::Count);
    }
    let mut keys: Vec<Key> = Vec::with_capacity(parts.len());
    for (i, part) in parts.into_iter().enumerate() {
        let key = parse_one(i + 1, part)?;
        if keys.iter().any(|other| other.id == key.id) {
            return Err(KeyError::Twice(key.id));
        }
        keys.push(key);
    }
    Ok(keys)
}

fn parse_one(number: usize, text: &str) -> Result<Key, KeyError> {
    let (id, secret) = text.split_once(':').ok_or(KeyError::Shape(number))?;
    let plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if !plain || !(1..=KEY_ID_BYTES_MAX).contains(&id.len()) {
        return Err(KeyError::Id(number));
    }
    let bytes = LENIENT.decode(secret).map_err(|_| KeyError::Secret(id.to_owned()))?;
    let secret = bytes.try_into().map_err(|_| KeyError::Secret(id.to_owned()))?;
    Ok(Key { id: id.to_owned(), secret })
}

/// Writes one key as [`parse`] reads it; for a program that makes up its own.
pub fn format_key(id: &str, secret: &[u8; 32]) -> String {
    format!("{id}:{}", LENIENT.encode(secret))
}
