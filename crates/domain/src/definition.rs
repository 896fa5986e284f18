//! What an event is: set by the operator, pinned in the log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{Millis, SlotId};

/// The version of the rules that this release writes into new definitions.
pub const RULES: u32 = 1;

pub const SLOTS_MAX: usize = 500;
pub const CAPACITY_MAX: u32 = 1_000_000;
pub const RATE_PER_MIN_MAX: u32 = 6_000_000;
pub const MAX_INSIDE_MAX: u32 = 1_000_000;
/// Longest claim, window or hold, in seconds: one day.
pub const SPAN_SECS_MAX: u32 = 86_400;
pub const SEATS_PER_TICKET_MAX: u32 = 100;
pub const TITLE_LANGUAGES_MAX: usize = 40;
pub const TITLE_BYTES_MAX: usize = 400;

/// How places are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// In the order of the log.
    #[default]
    Fifo,
}

/// How fast and how many are let in (R9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdmissionRules {
    /// People let in a minute.
    pub rate_per_min: u32,
    /// Most people admitted, inside or holding at once.
    pub max_inside: u32,
    /// Time to say "I am here" after being admitted, in seconds.
    pub claim_secs: u32,
    /// Time inside, in seconds.
    pub window_secs: u32,
}

/// A time slot and its seats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    pub id: SlotId,
    pub starts_at: Millis,
    pub capacity: u32,
}

/// The whole definition of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    pub rules: u32,
    /// Language tag → title.
    pub title: BTreeMap<String, String>,
    pub mode: Mode,
    /// IANA name; for display only.
    pub time_zone: String,
    pub prequeue_at: Option<Millis>,
    /// `None`: opened by hand.
    pub opens_at: Option<Millis>,
    pub closes_at: Option<Millis>,
    /// Where a queue-only event sends those who are let in.
    pub return_url: Option<String>,
    pub admission: AdmissionRules,
    /// How long a hold lasts, in seconds.
    pub hold_secs: u32,
    pub seats_per_ticket: u32,
    /// No slots: a queue only.
    pub slots: Vec<Slot>,
}

impl Definition {
    pub fn queue_only(&self) -> bool {
        self.slots.is_empty()
    }

    /// Checks every bound; the error names the field and what it takes.
    pub fn check(&self) -> Result<(), InvalidDefinition> {
        let admission = &self.admission;
        at_most("admission.rate_per_min", admission.rate_per_min, 0, RATE_PER_MIN_MAX)?;
        at_most("admission.max_inside", admission.max_inside, 1, MAX_INSIDE_MAX)?;
        at_most("admission.claim_secs", admission.claim_secs, 1, SPAN_SECS_MAX)?;
        at_most("admission.window_secs", admission.window_secs, 1, SPAN_SECS_MAX)?;
        at_most("hold_secs", self.hold_secs, 1, SPAN_SECS_MAX)?;
        at_most("seats_per_ticket", self.seats_per_ticket, 1, SEATS_PER_TICKET_MAX)?;
        self.check_title()?;
        self.check_times()?;
        self.check_slots()
    }

    fn check_title(&self) -> Result<(), InvalidDefinition> {
        let count = self.title.len();
        if count == 0 || count > TITLE_LANGUAGES_MAX {
            return invalid("title", format!("takes 1 to {TITLE_LANGUAGES_MAX} languages"));
        }
        for (language, text) in &self.title {
            if language.is_empty() || language.len() > 35 || text.is_empty() {
                return invalid("title", "needs a language tag and a text for each entry".into());
            }
            if text.len() > TITLE_BYTES_MAX {
                return invalid("title", format!("takes {TITLE_BYTES_MAX} bytes at most"));
            }
        }
        Ok(())
    }

    fn check_times(&self) -> Result<(), InvalidDefinition> {
        let order = [self.prequeue_at, self.opens_at, self.closes_at];
        let mut given = order.into_iter().flatten();
        let mut last = given.next();
        for time in given {
            if last.is_some_and(|before| before >= time) {
                return invalid(
                    "closes_at",
                    "prequeue_at, opens_at and closes_at must follow each other".into(),
                );
            }
            last = Some(time);
        }
        Ok(())
    }

    fn check_slots(&self) -> Result<(), InvalidDefinition> {
        if self.slots.len() > SLOTS_MAX {
            return invalid("slots", format!("takes {SLOTS_MAX} slots at most"));
        }
        for (i, slot) in self.slots.iter().enumerate() {
            at_most("slots.capacity", slot.capacity, 0, CAPACITY_MAX)?;
            if self.slots[..i].iter().any(|other| other.id == slot.id) {
                return invalid("slots", format!("has the id {} twice", slot.id));
            }
        }
        if self.rules != RULES {
            return invalid("rules", format!("this release knows rules {RULES} only"));
        }
        Ok(())
    }
}

/// A definition outside its bounds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct InvalidDefinition {
    pub field: &'static str,
    pub reason: String,
}

fn invalid<T>(field: &'static str, reason: String) -> Result<T, InvalidDefinition> {
    Err(InvalidDefinition { field, reason })
}

fn at_most(field: &'static str, value: u32, min: u32, max: u32) -> Result<(), InvalidDefinition> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    invalid(field, format!("takes {min} to {max}, not {value}"))
}
