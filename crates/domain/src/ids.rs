//! Names of things: events, tickets, slots and addresses in the log.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch, or a span of milliseconds.
pub type Millis = u64;

/// Longest event or slot id, in bytes.
pub const ID_LEN_MAX: usize = 48;

/// Most commands in one record of the log.
pub const COMMANDS_PER_RECORD_MAX: usize = 1_024;

/// An id that is not `[a-z0-9-]{1,48}`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an id has 1 to {ID_LEN_MAX} characters out of a-z, 0-9 and '-'")]
pub struct InvalidId;

fn check_id(text: &str) -> Result<(), InvalidId> {
    let fits = (1..=ID_LEN_MAX).contains(&text.len());
    let plain = text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    if fits && plain { Ok(()) } else { Err(InvalidId) }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                check_id(text)?;
                Ok(Self(text.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

text_id! {
    /// The id of an event, `[a-z0-9-]{1,48}`; never used again once archived.
    EventId
}

text_id! {
    /// The id of a time slot within its event, `[a-z0-9-]{1,48}`.
    SlotId
}

/// The id of a ticket: the 16 bytes of a UUID.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TicketId(pub [u8; 16]);

impl fmt::Debug for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Where a command stands in its event's log: the record's offset, then its index in the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Address {
    pub offset: u64,
    pub index: u16,
}

impl Address {
    pub fn new(offset: u64, index: u16) -> Self {
        debug_assert!(usize::from(index) < COMMANDS_PER_RECORD_MAX);
        Self { offset, index }
    }

    /// One number that keeps the order of addresses: `offset × 1024 + index`.
    pub fn packed(self) -> u64 {
        self.offset * COMMANDS_PER_RECORD_MAX as u64 + u64::from(self.index)
    }

    pub fn from_packed(packed: u64) -> Self {
        let index = (packed % COMMANDS_PER_RECORD_MAX as u64) as u16;
        Self { offset: packed / COMMANDS_PER_RECORD_MAX as u64, index }
    }
}

/// The right to drive an event: the address of the `own` command that won it. 0 = nobody yet.
///
/// The address is packed and one is added, so that every epoch is above 0.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl Epoch {
    pub const NONE: Epoch = Epoch(0);

    pub fn won_at(address: Address) -> Self {
        Self(address.packed() + 1)
    }
}
