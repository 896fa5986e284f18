//! Records of the log: `{"v":1,"c":[["join","<uuid>"],["hold","<uuid>","1100",2,7],["tick",41]]}`.
//!
//! One record holds up to 1,024 commands, each a row of its kind and its fields:
//!
//! | row | command |
//! |---|---|
//! | `["join",uuid]` `["join",uuid,previous]` | a place in line; `previous` is the ended ticket of the attempt before |
//! | `["enter",uuid,seq?]` `["release",uuid,seq?]` `["cancel",uuid,seq?]` `["leave",uuid,seq?]` | |
//! | `["hold",uuid,slot,seats,seq?]` | |
//! | `["book",uuid,reference or null,seq?]` | |
//! | `["own",after]` `["tick",epoch]` | ownership and time |
//! | `["define",salt,{definition}]` `["admission",{rules}]` `["capacity",slot,capacity]` | the operator's |
//! | `["open"]` `["pause"]` `["resume"]` `["close"]` `["archive"]` | the operator's |
//! | `[]` | malformed, kept as such |
//!
//! `seq?` is left out when there is none.

mod decode;
mod encode;
mod pack;

pub use decode::decode;
pub use encode::{encode, encode_one};
pub use pack::{Full, PACK_BYTES_MAX, Pack};

/// The version of records that this release writes and reads.
pub const VERSION: u64 = 1;

/// Why a record can't be folded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A later release wrote it: stop, and let that release go on.
    #[error("the record has version {0}, this release reads {VERSION}")]
    UnknownVersion(u64),
    /// A later release wrote it: stop, and let that release go on.
    #[error("the record has a command of the unknown kind {0:?}")]
    UnknownKind(String),
    /// Not a pack of commands at all; it counts as no commands.
    #[error("the record is no pack of commands")]
    Malformed,
}

macro_rules! kinds {
    ($($name:ident $text:literal)+) => {
        /// What a row of a record is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum Kind { $($name,)+ }

        impl Kind {
            fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

kinds! {
    Join "join"
    Enter "enter"
    Hold "hold"
    Release "release"
    Book "book"
    Cancel "cancel"
    Leave "leave"
    Own "own"
    Tick "tick"
    Define "define"
    Open "open"
    Pause "pause"
    Resume "resume"
    Close "close"
    Archive "archive"
    Admission "admission"
    Capacity "capacity"
}
