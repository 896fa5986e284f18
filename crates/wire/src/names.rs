//! Names of closed sets and of log addresses, as they stand on the wire.

use domain::{Address, EventState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const EVENT_STATES: [(EventState, &str); 6] = [
    (EventState::Draft, "draft"),
    (EventState::Prequeue, "prequeue"),
    (EventState::Open, "open"),
    (EventState::Paused, "paused"),
    (EventState::Closed, "closed"),
    (EventState::Archived, "archived"),
];

/// `draft`, `prequeue`, `open`, `paused`, `closed` or `archived`.
pub fn event_state(state: EventState) -> &'static str {
    match state {
        EventState::Draft => "draft",
        EventState::Prequeue => "prequeue",
        EventState::Open => "open",
        EventState::Paused => "paused",
        EventState::Closed => "closed",
        EventState::Archived => "archived",
    }
}

/// The state of that name.
pub fn parse_event_state(name: &str) -> Option<EventState> {
    EVENT_STATES.iter().find(|(_, text)| *text == name).map(|(state, _)| *state)
}

/// For `#[serde(with)]`: an event's state by name.
pub(crate) mod state {
    use std::borrow::Cow;

    use domain::EventState;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(state: &EventState, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(super::event_state(*state))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<EventState, D::Error> {
        let name = Cow::<str>::deserialize(input)?;
        super::parse_event_state(&name)
            .ok_or_else(|| D::Error::custom(format!("{name:?} is no state of an event")))
    }
}

/// The number of a booking: the log address of the command that made it, `OFFSET-INDEX`.
pub fn booking(id: Address) -> String {
    format!("{}-{}", id.offset, id.index)
}

/// Reads a booking's number.
pub fn parse_booking(text: &str) -> Option<Address> {
    let (offset, index) = text.split_once('-')?;
    Some(Address { offset: offset.parse().ok()?, index: index.parse().ok()? })
}

/// Where a ticket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TicketState {
    /// In the pre-queue of a draw: no position yet.
    Registered,
    #[default]
    Waiting,
    Admitted,
    Inside,
    Holding,
    Booked,
    Left,
    Expired,
    Cancelled,
}

impl TicketState {
    /// Over for good; the shopper may join again.
    pub fn ended(self) -> bool {
        matches!(self, Self::Left | Self::Expired | Self::Cancelled)
    }
}
