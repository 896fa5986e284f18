//! An event's definition as JSON: what the operator sends and the log keeps.

use std::collections::BTreeMap;

use domain::{
    AdmissionRules, Definition, Millis, Mode, Slot, SlotId,
    definition::{InvalidDefinition, RULES},
};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::time;

/// Longest `return_url`, in bytes.
pub const RETURN_URL_BYTES_MAX: usize = 2_048;

/// Longest `time_zone`, in bytes.
pub const TIME_ZONE_BYTES_MAX: usize = 64;

/// The definition of an event. Only `title` must be given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DefinitionBody {
    /// Version of the rules that the event keeps for its life.
    #[serde(default = "default_rules")]
    #[schema(minimum = 1, maximum = 1)]
    pub rules: u32,
    /// Language tag → title.
    pub title: BTreeMap<String, String>,
    #[serde(default)]
    #[schema(value_type = String, example = "fifo")]
    pub mode: Mode,
    /// IANA name, for display only.
    #[serde(default = "default_time_zone")]
    pub time_zone: String,
    #[serde(default, with = "time::optional")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub prequeue_at: Option<Millis>,
    /// null: opened by hand.
    #[serde(default, with = "time::optional")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub opens_at: Option<Millis>,
    #[serde(default, with = "time::optional")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub closes_at: Option<Millis>,
    /// Where a queue-only event sends those who are let in.
    #[serde(default)]
    pub return_url: Option<String>,
    #[serde(default)]
    pub admission: AdmissionBody,
    /// How long seats stay held, in seconds.
    #[serde(default = "default_hold_secs")]
    #[schema(minimum = 1, maximum = 86_400)]
    pub hold_secs: u32,
    #[serde(default = "default_seats_per_ticket")]
    #[schema(minimum = 1, maximum = 100)]
    pub seats_per_ticket: u32,
    /// None: a queue only.
    #[serde(default)]
    pub slots: Vec<SlotBody>,
}

/// How fast and how many are let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AdmissionBody {
    /// People let in a minute.
    #[schema(maximum = 6_000_000)]
    pub rate_per_min: u32,
    /// Most people admitted, inside or holding at once.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub max_inside: u32,
    /// Time to come in once admitted, in seconds.
    #[schema(minimum = 1, maximum = 86_400)]
    pub claim_secs: u32,
    /// Time inside, in seconds.
    #[schema(minimum = 1, maximum = 86_400)]
    pub window_secs: u32,
}

/// A time slot and its seats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SlotBody {
    #[schema(value_type = String, pattern = "^[a-z0-9-]{1,48}$", example = "1100")]
    pub id: SlotId,
    #[serde(with = "time::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub starts_at: Millis,
    #[schema(maximum = 1_000_000)]
    pub capacity: u32,
}

fn default_rules() -> u32 {
    RULES
}

fn default_time_zone() -> String {
    "UTC".to_owned()
}

fn default_hold_secs() -> u32 {
    300
}

fn default_seats_per_ticket() -> u32 {
    2
}

impl Default for AdmissionBody {
    fn default() -> Self {
        Self { rate_per_min: 1_200, max_inside: 500, claim_secs: 60, window_secs: 600 }
    }
}

/// Why a definition was not taken: the field and what it takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct DefinitionError {
    /// Path of the field, such as `slots[2].capacity`; `definition` for the whole.
    pub field: String,
    pub reason: String,
}

impl DefinitionError {
    fn new(field: &str, reason: impl Into<String>) -> Self {
        Self { field: field.to_owned(), reason: reason.into() }
    }
}

impl From<InvalidDefinition> for DefinitionError {
    fn from(error: InvalidDefinition) -> Self {
        Self { field: error.field.to_owned(), reason: error.reason }
    }
}

/// Reads and checks what an operator wrote. The log is read with [`DefinitionBody`] alone: what
/// this machine knows of time zones must not decide there.
pub fn parse_json(bytes: &[u8]) -> Result<Definition, DefinitionError> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let body: DefinitionBody = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let field = if matches!(&*path, "" | "." | "?") { "definition" } else { &path };
        DefinitionError::new(field, error.inner().to_string())
    })?;
    json.end().map_err(|error| DefinitionError::new("definition", error.to_string()))?;
    body.check_names()?;
    let definition = Definition::from(body);
    definition.check()?;
    Ok(definition)
}

impl DefinitionBody {
    fn check_names(&self) -> Result<(), DefinitionError> {
        let zone = &self.time_zone;
        if zone.len() > TIME_ZONE_BYTES_MAX || TimeZone::get(zone).is_err() {
            let reason = format!("{zone:?} is no time zone of the IANA list such as Asia/Seoul");
            return Err(DefinitionError::new("time_zone", reason));
        }
        if self.return_url.as_deref().is_some_and(|url| !is_web_address(url)) {
            let reason = "takes an address that begins with https:// or http://";
            return Err(DefinitionError::new("return_url", reason));
        }
        Ok(())
    }
}

/// Absolute, http or https, with a host, without anything that would need escaping.
fn is_web_address(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    let plain =
        url.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'<' | b'>' | b'\\'));
    host.is_some_and(|host| !host.is_empty()) && plain && url.len() <= RETURN_URL_BYTES_MAX
}

impl From<DefinitionBody> for Definition {
    fn from(body: DefinitionBody) -> Self {
        let slot = |slot: SlotBody| Slot {
            id: slot.id,
            starts_at: slot.starts_at,
            capacity: slot.capacity,
        };
        Self {
            rules: body.rules,
            title: body.title,
            mode: body.mode,
            time_zone: body.time_zone,
            prequeue_at: body.prequeue_at,
            opens_at: body.opens_at,
            closes_at: body.closes_at,
            return_url: body.return_url,
            admission: body.admission.into(),
            hold_secs: body.hold_secs,
            seats_per_ticket: body.seats_per_ticket,
            slots: body.slots.into_iter().map(slot).collect(),
        }
    }
}

impl From<&Definition> for DefinitionBody {
    fn from(definition: &Definition) -> Self {
        let slot = |slot: &Slot| SlotBody {
            id: slot.id.clone(),
            starts_at: slot.starts_at,
            capacity: slot.capacity,
        };
        Self {
            rules: definition.rules,
            title: definition.title.clone(),
            mode: definition.mode,
            time_zone: definition.time_zone.clone(),
            prequeue_at: definition.prequeue_at,
            opens_at: definition.opens_at,
            closes_at: definition.closes_at,
            return_url: definition.return_url.clone(),
            admission: definition.admission.into(),
            hold_secs: definition.hold_secs,
            seats_per_ticket: definition.seats_per_ticket,
            slots: definition.slots.iter().map(slot).collect(),
        }
    }
}

impl From<AdmissionBody> for AdmissionRules {
    fn from(body: AdmissionBody) -> Self {
        let AdmissionBody { rate_per_min, max_inside, claim_secs, window_secs } = body;
        Self { rate_per_min, max_inside, claim_secs, window_secs }
    }
}

impl From<AdmissionRules> for AdmissionBody {
    fn from(rules: AdmissionRules) -> Self {
        let AdmissionRules { rate_per_min, max_inside, claim_secs, window_secs } = rules;
        Self { rate_per_min, max_inside, claim_secs, window_secs }
    }
}
