use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use domain::{EventId, TicketId};
use ports::{
    Head, LiveEvent, LiveReader, Shared, Tickets, ViewError, ViewReader, ViewWriter, Write,
    WriteOutcome,
    memory::{Fault, MemoryView},
};
use tokio::time::{Instant, sleep_until};

use crate::life::{Life, Store};

/// The fault that the next write of the view suffers.
pub(crate) type ViewFault = Arc<Mutex<Option<Fault>>>;

/// Looks at every step of the view.
pub(crate) trait Judge: Send + Sync {
    fn wrote(&self, who: &Life, write: &Write, rebuilt: bool, outcome: WriteOutcome);

    /// Half of a write may have happened.
    fn torn(&self);
}

/// The view through an owner's connection.
#[derive(Clone)]
pub(crate) struct SimWriter {
    pub(crate) life: Life,
    pub(crate) view: MemoryView,
    pub(crate) fault: ViewFault,
    pub(crate) judge: Arc<dyn Judge>,
}

impl SimWriter {
    /// Draws what else goes wrong with the next write.
    fn draw(&self, torn: bool) -> Option<Fault> {
        let fault = self.life.sky.roll(|dice, weather| match dice.between(0, 1_000) {
            x if x < weather.live_lost => Some(Fault::LiveDropped),
            x if torn && x < weather.live_lost + weather.torn => Some(Fault::Torn),
            _ => None,
        });
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
        fault
    }
}

#[async_trait]
impl ViewWriter for SimWriter {
    async fn head(&self, event: &EventId) -> Result<Option<Head>, ViewError> {
        let fate = self.life.go(Store::View, "head").await.map_err(ViewError)?;
        let head = self.view.head(event).await?;
        self.life.note(format_args!("sees {head:?}"));
        self.life.back("head", fate).await.map_err(ViewError)?;
        Ok(head)
    }

    async fn write(&self, event: &EventId, write: Write) -> Result<WriteOutcome, ViewError> {
        let fate = self.life.go(Store::View, "write").await.map_err(ViewError)?;
        let fault = self.draw(true);
        if fault == Some(Fault::Torn) {
            self.judge.torn();
        }
        let outcome = self.view.write(event, write.clone()).await;
        let (from, head) = (write.from, write.head);
        self.life.note(format_args!("writes {from}..{head:?} {fault:?} → {outcome:?}"));
        let outcome = outcome?;
        self.judge.wrote(&self.life, &write, false, outcome);
        self.life.back("write", fate).await.map_err(ViewError)?;
        Ok(outcome)
    }

    async fn rebuild(&self, event: &EventId, write: Write) -> Result<WriteOutcome, ViewError> {
        let fate = self.life.go(Store::View, "rebuild").await.map_err(ViewError)?;
        let fault = self.draw(false);
        let outcome = self.view.rebuild(event, write.clone()).await;
        self.life.note(format_args!("builds {:?} {fault:?} → {outcome:?}", write.head));
        let outcome = outcome?;
        self.judge.wrote(&self.life, &write, true, outcome);
        self.life.back("rebuild", fate).await.map_err(ViewError)?;
        Ok(outcome)
    }
}

/// The view through a reader's connection.
#[derive(Clone)]
pub(crate) struct SimReader {
    pub(crate) life: Life,
    pub(crate) view: MemoryView,
}

#[async_trait]
impl ViewReader for SimReader {
    async fn shared(&self, event: &EventId) -> Result<Option<Shared>, ViewError> {
        let fate = self.life.go(Store::View, "shared").await.map_err(ViewError)?;
        let shared = self.view.shared(event).await?;
        self.life.back("shared", fate).await.map_err(ViewError)?;
        Ok(shared)
    }

    async fn tickets(
        &self,
        event: &EventId,
        tickets: &[TicketId],
    ) -> Result<Option<Tickets>, ViewError> {
        let fate = self.life.go(Store::View, "tickets").await.map_err(ViewError)?;
        let found = self.view.tickets(event, tickets).await?;
        self.life.back("tickets", fate).await.map_err(ViewError)?;
        Ok(found)
    }

    async fn listen(&self, event: &EventId) -> Result<Box<dyn LiveReader>, ViewError> {
        let fate = self.life.go(Store::View, "listen").await.map_err(ViewError)?;
        let reader = self.view.listen(event).await?;
        self.life.back("listen", fate).await.map_err(ViewError)?;
        let life = self.life.clone();
        Ok(Box::new(Ears { life, reader, queue: VecDeque::new(), late: None, came: None }))
    }
}

struct Ears {
    life: Life,
    reader: Box<dyn LiveReader>,
    queue: VecDeque<LiveEvent>,
    /// A message that the next one overtakes.
    late: Option<LiveEvent>,
    came: Option<(Instant, LiveEvent)>,
}

impl Ears {
    fn take_in(&mut self, event: LiveEvent) {
        // Only messages get lost unnoticed; that some were lost is always told.
        let message = matches!(event, LiveEvent::Message(_));
        let (lost, late) = self.life.sky.roll(|dice, weather| {
            (dice.permille(weather.live_lost / 2), dice.permille(weather.live_lost / 2))
        });
        if message && (lost || self.life.is_cut(Store::View)) {
            self.life.note("a live message is lost");
        } else if message && late && self.late.is_none() {
            self.late = Some(event);
        } else {
            self.queue.push_back(event);
            self.queue.extend(self.late.take());
        }
    }
}

#[async_trait]
impl LiveReader for Ears {
    async fn next(&mut self) -> LiveEvent {
        loop {
            if let Some((at, _)) = &self.came {
                sleep_until(*at).await;
                self.life.awake().await;
                return self.came.take().map_or(LiveEvent::Lost, |came| came.1);
            }
            if let Some(event) = self.queue.pop_front() {
                let delay = self.life.delay();
                self.came = Some((Instant::now() + delay, event));
                continue;
            }
            let event = self.reader.next().await;
            self.take_in(event);
        }
    }
}
