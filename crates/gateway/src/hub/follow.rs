//! The hub's task: listens to the event, and reads the view again whenever it may have missed
//! something.

use std::{sync::Arc, time::Duration};

use domain::{
    TicketId,
    mutants::{Mutant, on},
};
use ports::{LiveEvent, LiveReader, view::ENTRIES_PER_CALL_MAX};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use wire::view::LiveMessage;

use super::{Hub, Unknown, lookups::decode, registry::Item};
use crate::{
    limits::{ATTEMPTS_MAX, BEAT_MS, VIEW_RETRY_MS},
    meters::Meters,
};

/// Why the whole state is read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reread {
    /// The live channel was opened, or says that it lost messages.
    Lost,
    /// A message does not follow the one before.
    Gap,
    /// The view moved on and no message came.
    Silence,
    /// A message can't be read.
    Garbled,
}

impl Reread {
    pub(crate) const ALL: [Self; 4] = [Self::Lost, Self::Gap, Self::Silence, Self::Garbled];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Gap => "gap",
            Self::Silence => "silence",
            Self::Garbled => "garbled",
        }
    }
}

pub(crate) struct Follow {
    hub: Arc<Hub>,
    /// Everything below this offset was heard or read.
    heard: u64,
    /// The state must be read again before anything that is heard can count.
    reread: Option<Reread>,
    /// When to try that.
    reread_at: Instant,
    /// Where the view stood at the last look.
    looked: u64,
}

impl Follow {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self { hub, heard: 0, reread: None, reread_at: Instant::now(), looked: 0 }
    }

    /// Runs for ever.
    pub(crate) async fn run(mut self) {
        loop {
            let Ok(live) = self.hub.call(self.hub.view.listen(&self.hub.event)).await else {
                sleep(Duration::from_millis(VIEW_RETRY_MS)).await;
                continue;
            };
            self.listen(live).await;
        }
    }

    async fn listen(&mut self, mut live: Box<dyn LiveReader>) {
        self.must_reread(Reread::Lost).await;
        let mut look = interval(Duration::from_millis(BEAT_MS));
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // What time does comes first: a flood of messages must not hold it up.
            tokio::select! {
                biased;
                () = sleep_until(self.reread_at), if self.reread.is_some() => self.try_reread().await,
                _ = look.tick() => self.look().await,
                event = live.next() => self.hear(event).await,
            }
        }
    }

    async fn hear(&mut self, event: LiveEvent) {
        let bytes = match event {
            LiveEvent::Message(bytes) => bytes,
            LiveEvent::Lost if on(Mutant::LiveLossIgnored) => return,
            LiveEvent::Lost => return self.must_reread(Reread::Lost).await,
        };
        match LiveMessage::decode(&bytes) {
            Ok(message) => self.take(message).await,
            Err(error) => {
                tracing::error!(%error, "a live message can't be read");
                self.must_reread(Reread::Garbled).await;
            }
        }
    }

    async fn take(&mut self, message: LiveMessage) {
        let LiveMessage { progress, definition, told, traces } = message;
        let (from, to) = (progress.from, progress.to);
        if self.reread.is_some() || to <= self.heard {
            return;
        }
        if from != self.heard && !on(Mutant::LiveGapIgnored) {
            return self.must_reread(Reread::Gap).await;
        }
        self.heard = to;
        self.hub.trace(&traces);
        self.hub.registry.tell(told, to);
        self.hub.take(progress, definition);
    }

    /// Looks whether the view went on without a message: the live channel promises nothing.
    async fn look(&mut self) {
        let Ok((head, value)) = self.hub.read_shared().await else { return };
        self.hub.take_head(value.head.as_deref());
        self.hub.take(value.progress, Some(value.definition));
        // What was there at the last look has had a second to be heard.
        let missed = self.looked > self.heard && !on(Mutant::SilenceIgnored);
        self.looked = head.next;
        if missed && self.reread.is_none() {
            self.must_reread(Reread::Silence).await;
        }
    }

    async fn must_reread(&mut self, why: Reread) {
        self.reread = Some(why);
        self.try_reread().await;
    }

    async fn try_reread(&mut self) {
        let Some(why) = self.reread else { return };
        self.reread_at = Instant::now() + Duration::from_millis(VIEW_RETRY_MS);
        match self.read_again().await {
            Ok(()) => {
                self.reread = None;
                Meters::reread(why.name());
            }
            Err(unknown) => {
                tracing::debug!(event = %self.hub.event, ?why, ?unknown, "can't read it again yet");
            }
        }
    }

    /// Reads the shared value and every connected ticket. Live messages wait meanwhile: those that
    /// the reading covers are dropped afterwards, the next one follows it.
    async fn read_again(&mut self) -> Result<(), Unknown> {
        let (head, value) = self.hub.read_shared().await?;
        self.hub.take_head(value.head.as_deref());
        self.hub.take(value.progress, Some(value.definition));
        let mut sockets = self.hub.registry.all();
        for _ in 0..ATTEMPTS_MAX {
            let mut followed = Vec::new();
            for sockets in sockets.chunks(ENTRIES_PER_CALL_MAX) {
                followed.extend(self.read_sockets(sockets).await?);
            }
            if followed.is_empty() {
                break;
            }
            sockets = followed;
        }
        self.heard = head.next;
        Ok(())
    }

    /// Hands the present values to the sockets; returns those whose ticket was followed by another.
    async fn read_sockets(
        &self,
        sockets: &[(u64, TicketId)],
    ) -> Result<Vec<(u64, TicketId)>, Unknown> {
        let tickets: Vec<TicketId> = sockets.iter().map(|(_, ticket)| *ticket).collect();
        let read = self.hub.read_tickets(&tickets).await?;
        let mut followed = Vec::new();
        for (i, (number, ticket)) in sockets.iter().enumerate() {
            let value = decode(read.values.get(i))?;
            if let Some(next) = value.as_ref().and_then(|value| value.next) {
                self.hub.registry.bind(*number, next);
                followed.push((*number, next));
                continue;
            }
            let item = Item::Present { ticket: *ticket, value, next: read.head.next };
            self.hub.registry.put(*number, item);
        }
        Ok(followed)
    }
}
