//! An event's log as one file: gzip (RFC 1952) of JSON lines, to be read by people and machines.
//!
//! ```text
//! {"twinkle":"archive","v":1,"event":"popup","title":{"en":"Pop-up"},"rules":1,"made_by":"twinkle 0.1.0","made_at":"2026-12-05T04:00:00.000Z","head":"…","jwks":{…}}
//! [0,1796436000000,"{\"v\":1,\"c\":[…]}"]
//! [1,1796436000250,{"b64":"/w=="}]
//! {"end":{"records":2,"next":2,"commands":1,"chain":"…","digest":"…","state":"closed"}}
//! ```
//!
//! A record is its offset, its append time (milliseconds) and its bytes: as text, or in base64 where
//! they are no UTF-8. The last line says what the reader must have found. `head` is the last signed head
//! of the log and `jwks` the public keys of the service, if they were at hand. A file vouches for nothing
//! by itself: trust comes from a head or from keys that were got elsewhere.

mod read;
mod write;

use std::{collections::BTreeMap, io};

use domain::EventId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wire::{Chain, names};

use crate::{
    replay::Replay,
    report::{Check, Report, state_digest},
};

pub use read::Reader;
pub use write::Writer;

/// The version of archives that this release writes and reads.
pub const VERSION: u32 = 1;

/// Longest line that is read, in bytes: a record's text with every byte escaped fits.
const LINE_BYTES_MAX: u64 = 2 << 20;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    pub twinkle: String,
    pub v: u32,
    pub event: EventId,
    pub title: BTreeMap<String, String>,
    /// Version of the rules that the event was defined with.
    pub rules: u32,
    pub made_by: String,
    pub made_at: String,
    /// The last signed head, if there was one.
    pub head: Option<String>,
    /// The public keys of the service, if they were at hand.
    pub jwks: Option<Value>,
}

/// The last line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Footer {
    pub records: u64,
    /// The offset after the last record.
    pub next: u64,
    pub commands: u64,
    /// The chain over all records.
    pub chain: Chain,
    /// The digest of the state that they lead to, 64 hex digits.
    pub digest: String,
    /// The event's state by name.
    pub state: String,
}

#[derive(Serialize, Deserialize)]
struct End<F> {
    end: F,
}

/// Why an archive can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("the file can't be read: {0}")]
    Io(#[from] io::Error),
    #[error("the file is no archive of an event: its first line is not an archive's header")]
    NoArchive,
    #[error("the archive has version {0}, this release reads {VERSION}: use a newer release")]
    Version(u32),
    #[error("line {line} is not what an archive holds: {why}")]
    Line { line: u64, why: String },
    #[error("the file ends after line {0}, before its last line: it was cut off")]
    CutOff(u64),
    #[error("something follows the last line: the file was changed after it was made")]
    More,
}

impl Footer {
    /// What a whole file of this replay says at its end.
    pub fn new(replay: &Replay) -> Self {
        Self {
            records: replay.records(),
            next: replay.event().next(),
            commands: replay.commands(),
            chain: replay.chain(),
            digest: state_digest(replay.event()),
            state: names::event_state(replay.event().state()).to_owned(),
        }
    }

    /// Did the replay of the file find what its last line says?
    pub fn compare(&self, found: &Report) -> Check {
        let what = "the last line of the file";
        let counts = (self.records, self.next, self.commands);
        if self.chain != found.chain || counts != (found.records, found.records_to, found.commands)
        {
            return Check::differs(what, "it was written for other records than those in the file");
        }
        if self.digest != found.digest || self.state != found.state {
            return Check::differs(
                what,
                "the records are the same, but this release folds them to another state",
            );
        }
        Check::checked(what, "count, chain and state are those that were replayed")
    }
}
