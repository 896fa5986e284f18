//! Facts about events: key `EVENT` holds how it began (the operator writes it once), `EVENT/state`
//! how it stands and `EVENT/head` the signed head of its log (the event's owner writes both). Each
//! key has one kind of writer.

use std::collections::BTreeMap;

use domain::{Address, Definition, EventId, EventState};
use serde::{Deserialize, Serialize};

use crate::{definition::DefinitionBody, names};

const STATE_SUFFIX: &str = "/state";
const HEAD_SUFFIX: &str = "/head";

/// The key of an event's definition.
pub fn definition_key(event: &EventId) -> String {
    event.as_str().to_owned()
}

/// The key of an event's state.
pub fn state_key(event: &EventId) -> String {
    format!("{event}{STATE_SUFFIX}")
}

/// The key of the signed head of an event's log; its value is a compact JWS (see [`crate::head`]).
pub fn head_key(event: &EventId) -> String {
    format!("{event}{HEAD_SUFFIX}")
}

/// The key is that of a head, which says nothing that an [`EventTable`] holds.
pub fn is_head(key: &str) -> bool {
    key.strip_suffix(HEAD_SUFFIX).is_some_and(|id| id.parse::<EventId>().is_ok())
}

/// What the operator says of a new event: its first definition, as the log has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefinitionFact {
    /// Makes the ticket ids of this event its own; never changes.
    #[serde(with = "salt")]
    pub salt: [u8; 16],
    pub definition: DefinitionBody,
}

/// What the owner says of an event. Of several, the one with the highest `at` holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateFact {
    #[serde(with = "names::state")]
    pub state: EventState,
    /// Packed log address of the last change of state or definition.
    pub at: u64,
    /// The definition now; without one the first still holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<DefinitionBody>,
}

impl StateFact {
    pub fn new(state: EventState, at: Address, definition: Option<&Definition>) -> Self {
        Self { state, at: at.packed(), definition: definition.map(Into::into) }
    }
}

macro_rules! json_value {
    ($name:ident) => {
        impl $name {
            pub fn encode(&self) -> Vec<u8> {
                // Text and numbers always become JSON.
                serde_json::to_vec(self).unwrap_or_default()
            }

            pub fn decode(bytes: &[u8]) -> Result<Self, FactError> {
                serde_json::from_slice(bytes).map_err(|error| FactError(error.to_string()))
            }
        }
    };
}

json_value!(DefinitionFact);
json_value!(StateFact);

/// A fact that can't be read; it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a fact about an event: {0}")]
pub struct FactError(pub String);

/// All that the facts say of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFacts {
    pub id: EventId,
    pub salt: [u8; 16],
    pub definition: Definition,
    /// `Draft` until the owner has said otherwise.
    pub state: EventState,
}

#[derive(Debug, Default)]
struct Row {
    first: Option<DefinitionFact>,
    state: Option<StateFact>,
}

/// The facts of all events: a pure fold over what was put.
#[derive(Debug, Default)]
pub struct EventTable(BTreeMap<EventId, Row>);

impl EventTable {
    /// Takes one fact in and tells whose it was; stale states are dropped.
    pub fn apply(&mut self, key: &str, value: &[u8]) -> Result<EventId, FactError> {
        let (id, is_state) = match key.strip_suffix(STATE_SUFFIX) {
            Some(id) => (id, true),
            None => (key, false),
        };
        let id: EventId = id.parse().map_err(|_| FactError(format!("unknown key {key:?}")))?;
        if is_state {
            let fact = StateFact::decode(value)?;
            let row = self.0.entry(id.clone()).or_default();
            if row.state.as_ref().is_none_or(|old| old.at <= fact.at) {
                row.state = Some(fact);
            }
        } else {
            let fact = DefinitionFact::decode(value)?;
            self.0.entry(id.clone()).or_default().first = Some(fact);
        }
        Ok(id)
    }

    /// An event whose definition is known.
    pub fn get(&self, id: &EventId) -> Option<EventFacts> {
        self.0.get_key_value(id).and_then(|(id, row)| row.facts(id))
    }

    /// All events whose definition is known, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = EventFacts> {
        self.0.iter().filter_map(|(id, row)| row.facts(id))
    }
}

impl Row {
    fn facts(&self, id: &EventId) -> Option<EventFacts> {
        let first = self.first.as_ref()?;
        let state = self.state.as_ref().map_or(EventState::Draft, |fact| fact.state);
        let now = self.state.as_ref().and_then(|fact| fact.definition.as_ref());
        let definition = now.unwrap_or(&first.definition).clone().into();
        Some(EventFacts { id: id.clone(), salt: first.salt, definition, state })
    }
}

/// 16 bytes as 32 hex digits.
pub(crate) mod salt {
    use std::borrow::Cow;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use uuid::Uuid;

    /// The 32 lower-case hex digits of a salt.
    pub(crate) fn text(salt: &[u8; 16]) -> String {
        Uuid::from_bytes(*salt).simple().to_string()
    }

    pub(crate) fn parse(text: &str) -> Option<[u8; 16]> {
        let plain = text.len() == 32;
        plain.then(|| Uuid::try_parse(text).ok()).flatten().map(Uuid::into_bytes)
    }

    pub(crate) fn serialize<S: Serializer>(salt: &[u8; 16], out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&text(salt))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<[u8; 16], D::Error> {
        let hex = Cow::<str>::deserialize(input)?;
        parse(&hex).ok_or_else(|| D::Error::custom("a salt is 32 hex digits"))
    }
}
