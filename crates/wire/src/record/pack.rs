//! Many commands, encoded one by one, gathered into one record.

use domain::ids::COMMANDS_PER_RECORD_MAX;

/// Largest record, in bytes; the log takes no larger one.
pub const PACK_BYTES_MAX: usize = 256 * 1024;

const HEAD: &[u8] = br#"{"v":1,"c":["#;
const TAIL: &[u8] = b"]}";

/// The record has no room for this command; finish it and begin another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the record is full")]
pub struct Full;

/// A record in the making.
#[derive(Debug, Clone)]
pub struct Pack {
    bytes: Vec<u8>,
    len: u16,
}

impl Default for Pack {
    fn default() -> Self {
        Self { bytes: HEAD.to_vec(), len: 0 }
    }
}

impl Pack {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what [`encode_one`](super::encode_one) gave and tells its index in the record.
    pub fn push(&mut self, encoded: &[u8]) -> Result<u16, Full> {
        let bytes = self.bytes.len() + 1 + encoded.len() + TAIL.len();
        if usize::from(self.len) >= COMMANDS_PER_RECORD_MAX || bytes > PACK_BYTES_MAX {
            return Err(Full);
        }
        if self.len > 0 {
            self.bytes.push(b',');
        }
        self.bytes.extend_from_slice(encoded);
        self.len += 1;
        Ok(self.len - 1)
    }

    /// Commands so far.
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes that the record would have now.
    pub fn bytes(&self) -> usize {
        self.bytes.len() + TAIL.len()
    }

    /// The record.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(TAIL);
        self.bytes
    }
}
