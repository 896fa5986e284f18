//! The view in memory: also the view of the service in a single process.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, RwLock},
};

use async_trait::async_trait;
use domain::{EventId, TicketId};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    task::yield_now,
};

use super::{
    Call, Fault, Faults,
    projection::{Current, Projection, Values, boxed},
};
use crate::{
    Head, LiveEvent, LiveReader, Shared, Tickets, ViewError, ViewReader, ViewWriter, Write,
    WriteOutcome, view::ENTRIES_PER_CALL_MAX,
};

const UNBROKEN: &str = "nothing panics under this lock";

/// Views in memory.
#[derive(Clone, Default)]
pub struct MemoryView(Arc<Inner>);

#[derive(Default)]
struct Inner {
    events: RwLock<HashMap<EventId, Arc<Projection>>>,
    faults: Faults,
}

/// All views as they were at one moment.
#[derive(Clone)]
pub struct ViewSnapshot(HashMap<EventId, Current>);

impl MemoryView {
    pub fn with_faults(faults: Faults) -> Self {
        Self(Arc::new(Inner { events: RwLock::default(), faults }))
    }

    /// Keeps all views as they are now.
    pub fn snapshot(&self) -> ViewSnapshot {
        let events = self.0.events.read().expect(UNBROKEN);
        let kept = events.iter().filter_map(|(id, event)| Some((id.clone(), event.copy()?)));
        ViewSnapshot(kept.collect())
    }

    /// Puts all views back to what they were; what was being built is lost. Listeners stay.
    pub fn restore(&self, snapshot: &ViewSnapshot) {
        for id in snapshot.0.keys() {
            self.event(id);
        }
        for (id, event) in self.0.events.read().expect(UNBROKEN).iter() {
            event.reset(snapshot.0.get(id).cloned());
        }
    }

    /// Loses all views and what was being built. Listeners stay.
    pub fn wipe(&self) {
        self.restore(&ViewSnapshot(HashMap::new()));
    }

    /// Breaks the connection of all listeners: each hears `Lost`.
    pub fn disconnect(&self) {
        for event in self.0.events.read().expect(UNBROKEN).values() {
            event.publish(LiveEvent::Lost);
        }
    }

    fn known(&self, event: &EventId) -> Option<Arc<Projection>> {
        self.0.events.read().expect(UNBROKEN).get(event).cloned()
    }

    fn event(&self, event: &EventId) -> Arc<Projection> {
        self.known(event).unwrap_or_else(|| {
            let mut events = self.0.events.write().expect(UNBROKEN);
            let projection = events.entry(event.clone());
            Arc::clone(projection.or_insert_with(|| Arc::new(Projection::new())))
        })
    }
}

impl fmt::Debug for MemoryView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.events.read().expect(UNBROKEN).keys()).finish()
    }
}

impl fmt::Debug for ViewSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(id, current)| (id, current.head))).finish()
    }
}

#[async_trait]
impl ViewWriter for MemoryView {
    async fn head(&self, event: &EventId) -> Result<Option<Head>, ViewError> {
        let call = self.0.faults.begin(Call::Head, event.as_str())?;
        Ok(call.end(self.known(event).and_then(|event| event.head()))?)
    }

    async fn write(&self, event: &EventId, write: Write) -> Result<WriteOutcome, ViewError> {
        let call = self.0.faults.begin(Call::Write, event.as_str())?;
        let event = self.event(event);
        if call.suffers(Fault::Torn) {
            event.tear(&write);
            return Ok(call.fail()?);
        }
        let live = (!call.suffers(Fault::LiveDropped)).then(|| write.live.clone());
        Ok(call.end(event.write(&write, live))?)
    }

    async fn rebuild(&self, event: &EventId, write: Write) -> Result<WriteOutcome, ViewError> {
        let call = self.0.faults.begin(Call::Rebuild, event.as_str())?;
        let event = self.event(event);
        if let Some(outcome) = event.begin_rebuild(&write.head) {
            return Ok(call.end(outcome)?);
        }
        let mut values = Values::with_capacity(write.entries.len());
        for part in write.entries.chunks(ENTRIES_PER_CALL_MAX) {
            values.extend(part.iter().map(boxed));
            yield_now().await;
        }
        let live = (!call.suffers(Fault::LiveDropped)).then_some(write.live);
        let new = Current { head: write.head, shared: write.shared, values };
        let (outcome, _unseen) = event.flip(new, live);
        Ok(call.end(outcome)?)
    }
}

#[async_trait]
impl ViewReader for MemoryView {
    async fn shared(&self, event: &EventId) -> Result<Option<Shared>, ViewError> {
        let call = self.0.faults.begin(Call::Shared, event.as_str())?;
        Ok(call.end(self.known(event).and_then(|event| event.shared()))?)
    }

    async fn tickets(
        &self,
        event: &EventId,
        tickets: &[TicketId],
    ) -> Result<Option<Tickets>, ViewError> {
        let call = self.0.faults.begin(Call::Tickets, event.as_str())?;
        Ok(call.end(self.known(event).and_then(|event| event.tickets(tickets)))?)
    }

    async fn listen(&self, event: &EventId) -> Result<Box<dyn LiveReader>, ViewError> {
        let call = self.0.faults.begin(Call::Listen, event.as_str())?;
        let event = self.event(event);
        let listener = Listener { receiver: event.subscribe(), _event: event };
        Ok(call.end(Box::new(listener))?)
    }
}

struct Listener {
    receiver: Receiver<LiveEvent>,
    /// Keeps the sending end.
    _event: Arc<Projection>,
}

#[async_trait]
impl LiveReader for Listener {
    async fn next(&mut self) -> LiveEvent {
        match self.receiver.recv().await {
            Ok(event) => event,
            Err(RecvError::Lagged(_) | RecvError::Closed) => LiveEvent::Lost,
        }
    }
}
