//! Bodies of operator calls and answers.

use domain::{Address, AdmissionRules, EventId};
use ports::Head;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wire::{definition::DefinitionBody, facts::EventFacts, names, time, view::Progress};

/// An event and its whole definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OperatorEvent {
    pub id: String,
    /// `draft`, `prequeue`, `open`, `paused`, `closed` or `archived`.
    pub state: String,
    pub definition: DefinitionBody,
}

impl OperatorEvent {
    pub(crate) fn new(event: &EventFacts) -> Self {
        Self {
            id: event.id.to_string(),
            state: names::event_state(event.state).to_owned(),
            definition: (&event.definition).into(),
        }
    }
}

/// All events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventsBody {
    pub events: Vec<OperatorEvent>,
}

/// The log has the call; whether it is done will show. Asking again is safe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AcceptedBody {
    pub id: String,
    pub offset: u64,
    pub index: u16,
    pub detail: String,
}

impl AcceptedBody {
    pub(crate) fn new(id: &EventId, address: Address) -> Self {
        let detail = "The log has the call, but the event's owner has not decided it yet. \
                      Send the same again to learn what became of it.";
        let (offset, index) = (address.offset, address.index);
        Self { id: id.to_string(), offset, index, detail: detail.to_owned() }
    }
}

/// `PATCH …/admission`: what is left out stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdmissionPatch {
    /// People let in a minute.
    #[schema(maximum = 6_000_000)]
    pub rate_per_min: Option<u32>,
    /// Most people admitted, inside or holding at once.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub max_inside: Option<u32>,
    /// Time to come in once admitted, in seconds.
    #[schema(minimum = 1, maximum = 86_400)]
    pub claim_secs: Option<u32>,
    /// Time inside, in seconds.
    #[schema(minimum = 1, maximum = 86_400)]
    pub window_secs: Option<u32>,
}

impl AdmissionPatch {
    pub(crate) fn over(self, rules: AdmissionRules) -> AdmissionRules {
        AdmissionRules {
            rate_per_min: self.rate_per_min.unwrap_or(rules.rate_per_min),
            max_inside: self.max_inside.unwrap_or(rules.max_inside),
            claim_secs: self.claim_secs.unwrap_or(rules.claim_secs),
            window_secs: self.window_secs.unwrap_or(rules.window_secs),
        }
    }
}

/// `PATCH …/slots/{slot}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CapacityPatch {
    #[schema(minimum = 0, maximum = 1_000_000)]
    pub capacity: i64,
}

/// How far an event has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatsBody {
    pub id: String,
    pub state: String,
    /// Event time, RFC 3339.
    pub at: String,
    /// The highest epoch that has written the view.
    pub epoch: u64,
    /// Which building of the view this is, `EPOCH.COUNTER`.
    pub generation: String,
    /// Every record of the log below this offset is counted here.
    pub next: u64,
    /// Nobody at or below this position still waits.
    pub serving: u32,
    /// Positions given so far.
    pub total: u32,
    /// People let in a minute lately.
    pub rate: u32,
    pub waiting: u32,
    pub admitted: u32,
    pub inside: u32,
    pub holding: u32,
    pub booked: u32,
    pub sold_out: bool,
    pub slots: Vec<SlotStats>,
}

/// The seats of a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SlotStats {
    pub id: String,
    pub capacity: u32,
    pub held: u32,
    pub sold: u32,
    pub remaining: u32,
}

impl StatsBody {
    pub(crate) fn new(id: &EventId, head: &Head, progress: &Progress) -> Self {
        let slots = progress.slots.iter().map(|slot| SlotStats {
            id: slot.id.to_string(),
            capacity: slot.capacity,
            held: slot.held,
            sold: slot.sold,
            remaining: slot.remaining(),
        });
        Self {
            id: id.to_string(),
            state: names::event_state(progress.state).to_owned(),
            at: time::format(progress.at),
            epoch: head.epoch.0,
            generation: head.generation.to_string(),
            next: head.next,
            serving: progress.serving,
            total: progress.total,
            rate: progress.rate,
            waiting: progress.waiting,
            admitted: progress.admitted,
            inside: progress.inside,
            holding: progress.holding,
            booked: progress.booked,
            sold_out: progress.sold_out,
            slots: slots.collect(),
        }
    }
}
