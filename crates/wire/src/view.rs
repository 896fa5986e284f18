//! What the view holds and what its live channel carries.

mod joined;
mod live;
mod shared;
mod ticket;

pub use live::LiveMessage;
pub use shared::{Progress, PublicDefinition, PublicSlot, SharedValue, SlotProgress, Standing};
pub use ticket::{Last, TicketValue};

/// Bytes of the view that mean nothing to this release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the view holds what can't be read: {0}")]
pub struct ViewDecodeError(pub String);

impl From<serde_json::Error> for ViewDecodeError {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}
