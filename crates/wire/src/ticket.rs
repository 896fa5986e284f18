//! Ticket ids: the same from every process without a look-up.

use domain::TicketId;
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid, fmt::Hyphenated};

use crate::cookie::Browser;

/// The ticket of a browser's `attempt` (0 = the first) at the event of this salt:
/// UUIDv8 of SHA-256(salt ‖ browser ‖ attempt, big endian).
pub fn ticket_id(salt: &[u8; 16], browser: &Browser, attempt: u16) -> TicketId {
    let hash = Sha256::new()
        .chain_update(salt)
        .chain_update(browser.0)
        .chain_update(attempt.to_be_bytes())
        .finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    TicketId(Builder::from_custom_bytes(bytes).into_uuid().into_bytes())
}

/// `550e8400-e29b-81d4-a716-446655440000`.
pub fn text(ticket: TicketId) -> String {
    hyphenated(ticket).to_string()
}

/// A ticket as our own log names it: the first 16 hex digits of SHA-256 of its text. Who has the
/// ticket finds its lines (`printf %s TICKET | sha256sum`); who has the lines has no ticket.
pub fn hashed(ticket: TicketId) -> String {
    let hash = Sha256::digest(text(ticket));
    hash[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a ticket's id.
pub fn parse(text: &str) -> Option<TicketId> {
    Uuid::try_parse(text).ok().map(|uuid| TicketId(uuid.into_bytes()))
}

pub(crate) fn hyphenated(ticket: TicketId) -> Hyphenated {
    Uuid::from_bytes(ticket.0).hyphenated()
}

/// For `#[serde(with)]`: a ticket's id as text.
pub(crate) mod id {
    use std::borrow::Cow;

    use domain::TicketId;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(ticket: &TicketId, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(&super::hyphenated(*ticket))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<TicketId, D::Error> {
        let text = Cow::<str>::deserialize(input)?;
        super::parse(&text).ok_or_else(|| D::Error::custom(format!("{text:?} is no ticket id")))
    }
}
