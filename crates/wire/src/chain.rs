//! The digest chain of a log: 32 bytes that stand for every record so far, in order.
//!
//! `start = SHA-256("twinkle chain 1\n" ‖ event id)`, then for each record
//! `chain' = SHA-256(chain ‖ offset ‖ at ‖ SHA-256(bytes))`, numbers as 8 bytes, big-endian.
//! Who knows one value can tell whether any record before it was removed, inserted, altered or
//! swapped; fixed widths leave no second way to read the same input.

use std::{fmt, str::FromStr};

use domain::{EventId, Millis};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Keeps these digests apart from any other use of SHA-256.
const DOMAIN: &str = "twinkle chain 1\n";

/// The chain after some records; written as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Chain([u8; 32]);

/// Not 64 lower-case hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a chain is 64 lower-case hex digits")]
pub struct InvalidChain;

impl Chain {
    /// The chain of the event's log before its first record.
    pub fn start(event: &EventId) -> Self {
        let digest = Sha256::new().chain_update(DOMAIN).chain_update(event.as_str());
        Self(digest.finalize().into())
    }

    /// Takes the next record in.
    pub fn link(&mut self, offset: u64, at: Millis, bytes: &[u8]) {
        let record = Sha256::digest(bytes);
        let link = Sha256::new()
            .chain_update(self.0)
            .chain_update(offset.to_be_bytes())
            .chain_update(at.to_be_bytes())
            .chain_update(record);
        self.0 = link.finalize().into();
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Chain {
    type Err = InvalidChain;
    fn from_str(text: &str) -> Result<Self, InvalidChain> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(InvalidChain),
        };
        let digits: &[u8; 64] = text.as_bytes().try_into().map_err(|_| InvalidChain)?;
        let mut chain = [0; 32];
        for (byte, pair) in chain.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(chain))
    }
}

impl TryFrom<String> for Chain {
    type Error = InvalidChain;
    fn try_from(text: String) -> Result<Self, InvalidChain> {
        text.parse()
    }
}

impl From<Chain> for String {
    fn from(chain: Chain) -> Self {
        chain.to_string()
    }
}
