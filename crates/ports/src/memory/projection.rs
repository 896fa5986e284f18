//! One event's view and the rules of R5.

use std::{
    collections::{BTreeSet, HashMap},
    sync::RwLock,
};

use bytes::Bytes;
use domain::{
    TicketId,
    mutants::{Mutant, on},
};
use tokio::sync::broadcast;

use crate::{Generation, Head, LiveEvent, Shared, Tickets, Write, WriteEntry, WriteOutcome};

/// Most live messages that wait for a slow listener; it loses older ones and is told so.
const LIVE_MESSAGES_MAX: usize = 256;

const UNBROKEN: &str = "nothing panics under this lock";

/// Boxed slices: half the size of `Bytes`, and no hold on a larger buffer.
pub(super) type Values = HashMap<TicketId, Box<[u8]>>;

/// One event's view. Its listeners outlive what it holds.
pub(super) struct Projection {
    state: RwLock<State>,
    live: broadcast::Sender<LiveEvent>,
}

#[derive(Default)]
struct State {
    current: Option<Current>,
    /// Generations that are being built; a wipe loses them.
    building: BTreeSet<Generation>,
}

/// The generation that readers see.
#[derive(Clone)]
pub(super) struct Current {
    pub(super) head: Head,
    pub(super) shared: Bytes,
    pub(super) values: Values,
}

impl Projection {
    pub(super) fn new() -> Self {
        Self { state: RwLock::default(), live: broadcast::Sender::new(LIVE_MESSAGES_MAX) }
    }

    pub(super) fn copy(&self) -> Option<Current> {
        self.state.read().expect(UNBROKEN).current.clone()
    }

    /// Replaces everything, as when the store was lost or restored from an older copy.
    pub(super) fn reset(&self, current: Option<Current>) {
        *self.state.write().expect(UNBROKEN) = State { current, building: BTreeSet::new() };
    }

    pub(super) fn publish(&self, message: LiveEvent) {
        // Fails when nobody listens, which is nobody's loss.
        let _ = self.live.send(message);
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<LiveEvent> {
        self.live.subscribe()
    }

    pub(super) fn head(&self) -> Option<Head> {
        self.state.read().expect(UNBROKEN).current.as_ref().map(|current| current.head)
    }

    pub(super) fn shared(&self) -> Option<Shared> {
        let state = self.state.read().expect(UNBROKEN);
        let current = state.current.as_ref()?;
        Some(Shared { head: current.head, value: current.shared.clone() })
    }

    pub(super) fn tickets(&self, tickets: &[TicketId]) -> Option<Tickets> {
        let state = self.state.read().expect(UNBROKEN);
        let current = state.current.as_ref()?;
        let value = |ticket| current.values.get(ticket).map(|value| Bytes::copy_from_slice(value));
        Some(Tickets { head: current.head, values: tickets.iter().map(value).collect() })
    }

    /// Applies one step in one go; publishes `live`.
    pub(super) fn write(&self, write: &Write, live: Option<Bytes>) -> WriteOutcome {
        let mut state = self.state.write().expect(UNBROKEN);
        let Some(current) = &mut state.current else { return WriteOutcome::Unexpected };
        if let Some(outcome) = refusal(&current.head, write) {
            return outcome;
        }
        current.values.extend(write.entries.iter().map(boxed));
        current.head = write.head;
        current.shared = write.shared.clone();
        if let Some(live) = live {
            self.publish(LiveEvent::Message(live));
        }
        WriteOutcome::Done
    }

    /// Applies the first half of a step's values and nothing else, as when several calls carry them.
    pub(super) fn tear(&self, write: &Write) {
        let mut state = self.state.write().expect(UNBROKEN);
        if let Some(current) = &mut state.current
            && refusal(&current.head, write).is_none()
        {
            let half = write.entries.len() / 2;
            current.values.extend(write.entries[..half].iter().map(boxed));
        }
    }

    /// Registers a generation to be built, or says why not.
    pub(super) fn begin_rebuild(&self, head: &Head) -> Option<WriteOutcome> {
        let mut state = self.state.write().expect(UNBROKEN);
        let refused = state.current.as_ref().and_then(|now| rebuild_refusal(&now.head, head));
        if refused.is_none() {
            state.building.insert(head.generation);
        }
        refused
    }

    /// Makes the built generation current. Hands back what nobody sees any more: dropping a million
    /// values takes its time, which readers should not wait for.
    pub(super) fn flip(
        &self,
        new: Current,
        live: Option<Bytes>,
    ) -> (WriteOutcome, Option<Current>) {
        let mut state = self.state.write().expect(UNBROKEN);
        let refused = state.current.as_ref().and_then(|now| rebuild_refusal(&now.head, &new.head));
        let lost = !state.building.contains(&new.head.generation);
        if let Some(outcome) = refused.or(lost.then_some(WriteOutcome::Unexpected)) {
            return (outcome, Some(new));
        }
        state.building.retain(|generation| *generation > new.head.generation);
        let old = state.current.replace(new);
        if let Some(live) = live {
            self.publish(LiveEvent::Message(live));
        }
        (WriteOutcome::Done, old)
    }
}

/// Why a step is not applied; `None` = it is.
fn refusal(head: &Head, write: &Write) -> Option<WriteOutcome> {
    if write.head.epoch < head.epoch && !on(Mutant::StaleEpochWrites) {
        Some(WriteOutcome::Fenced)
    } else if write.head.generation != head.generation && !on(Mutant::GenerationUnchecked) {
        Some(WriteOutcome::Unexpected)
    } else if write.head.next <= head.next && !on(Mutant::PastStepApplied) {
        Some(WriteOutcome::Done)
    } else if write.from != head.next && !on(Mutant::GapWritten) {
        Some(WriteOutcome::Unexpected)
    } else {
        None
    }
}

/// Why a rebuild is not begun or not flipped to; `None` = it is.
fn rebuild_refusal(head: &Head, new: &Head) -> Option<WriteOutcome> {
    if new.epoch < head.epoch && !on(Mutant::StaleEpochWrites) {
        Some(WriteOutcome::Fenced)
    } else if new.generation == head.generation && new.next <= head.next {
        Some(WriteOutcome::Done)
    } else if new.generation <= head.generation {
        Some(WriteOutcome::Unexpected)
    } else {
        None
    }
}

pub(super) fn boxed(entry: &WriteEntry) -> (TicketId, Box<[u8]>) {
    (entry.ticket, entry.value[..].into())
}
