//! What all who look at an event share.

use std::collections::BTreeMap;

use domain::{Definition, EventState, Millis, Mode, SlotId};
use serde::{Deserialize, Serialize};

use super::ViewDecodeError;
use crate::names;

/// The shared value of the view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedValue {
    /// Makes ticket ids of browsers (see [`ticket_id`](crate::ticket::ticket_id)); no secret.
    #[serde(with = "crate::facts::salt")]
    pub salt: [u8; 16],
    pub definition: PublicDefinition,
    pub progress: Progress,
    /// The last signed head of the log (see [`crate::head`]); none before the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
}

impl SharedValue {
    pub fn encode(&self) -> Vec<u8> {
        // Text and numbers always become JSON.
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, ViewDecodeError> {
        Ok(serde_json::from_slice(bytes)?)
    }
}

/// What anyone may know of a definition. Times are milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicDefinition {
    pub title: BTreeMap<String, String>,
    pub mode: Mode,
    pub time_zone: String,
    pub prequeue_at: Option<Millis>,
    pub opens_at: Option<Millis>,
    pub closes_at: Option<Millis>,
    pub return_url: Option<String>,
    pub seats_per_ticket: u32,
    /// None: a queue only.
    pub slots: Vec<PublicSlot>,
}

/// When a slot is; its seats are in the progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicSlot {
    pub id: SlotId,
    pub starts_at: Millis,
}

impl PublicDefinition {
    pub fn queue_only(&self) -> bool {
        self.slots.is_empty()
    }
}

impl From<&Definition> for PublicDefinition {
    fn from(definition: &Definition) -> Self {
        let slot =
            |slot: &domain::Slot| PublicSlot { id: slot.id.clone(), starts_at: slot.starts_at };
        Self {
            title: definition.title.clone(),
            mode: definition.mode,
            time_zone: definition.time_zone.clone(),
            prequeue_at: definition.prequeue_at,
            opens_at: definition.opens_at,
            closes_at: definition.closes_at,
            return_url: definition.return_url.clone(),
            seats_per_ticket: definition.seats_per_ticket,
            slots: definition.slots.iter().map(slot).collect(),
        }
    }
}

/// How far the event has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The records `from..to` of the log brought this about.
    pub from: u64,
    pub to: u64,
    /// Event time.
    pub at: Millis,
    #[serde(with = "names::state")]
    pub state: EventState,
    /// Nobody at or below this position still waits.
    pub serving: u32,
    /// Positions given so far.
    pub total: u32,
    /// People let in a minute: as observed lately, else as configured. 0: nobody.
    pub rate: u32,
    pub waiting: u32,
    pub admitted: u32,
    pub inside: u32,
    pub holding: u32,
    pub booked: u32,
    /// Every seat is held or sold (never for a queue only).
    pub sold_out: bool,
    /// In the definition's order.
    pub slots: Vec<SlotProgress>,
}

/// The seats of one slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotProgress {
    pub id: SlotId,
    pub capacity: u32,
    pub held: u32,
    pub sold: u32,
}

impl SlotProgress {
    /// Seats that are neither held nor sold.
    pub fn remaining(&self) -> u32 {
        self.capacity.saturating_sub(self.held).saturating_sub(self.sold)
    }
}

impl Progress {
    /// What places and times to wait are reckoned with.
    pub fn standing(&self) -> Standing {
        let moving = self.state == EventState::Open && !self.sold_out && self.rate > 0;
        Standing { serving: self.serving, rate: moving.then_some(self.rate) }
    }
}

/// What places and times to wait are reckoned with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    pub serving: u32,
    /// People a minute; `None` while nobody is let in.
    pub rate: Option<u32>,
}

impl Standing {
    /// How many may still be before this position: an upper bound that never grows (R7).
    pub fn ahead(self, position: u32) -> u32 {
        position.saturating_sub(1).saturating_sub(self.serving)
    }

    /// Seconds until this position's turn; `None`: nobody can tell.
    pub fn eta_secs(self, position: u32) -> Option<u64> {
        let rate = self.rate.filter(|rate| *rate > 0)?;
        let before = u64::from(self.ahead(position)) + 1;
        Some((before * 60).div_ceil(u64::from(rate)))
    }
}
