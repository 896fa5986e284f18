//! The hub's task: listens to the event, and reads the view again whenever it may have missed
//! something.

use std::{sync::Arc, time::Duration};

use domain::{
    TicketId,
    mutants::{Mutant, on},
};
use ports::{LiveEvent, LiveReader, view::ENTRIES_PER_CALL_MAX};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};
use traces::{Kind, Span, TRACES_MAX};
use wire::view::LiveMessage;

use super::{Hub, Unknown, lookups::decode, registry::Item};
use crate::{
    limits::{ATTEMPTS_MAX, BEAT_MS, SHARED_EVERY_MS, SHARED_PER_SEC, VIEW_RETRY_MS},
    meters::Meters,
};

/// Says the frames again after a second without any, so that a browser can tell silence from calm.
pub(crate) async fn beat(hub: Arc<Hub>) {
    let mut frames = hub.frames();
    loop {
        if timeout(Duration::from_millis(BEAT_MS), frames.changed()).await.is_err() {
            hub.show();
        }
    }
}

/// Time between two shared frames to so many sockets.
fn every(sockets: usize) -> Duration {
    let all = sockets as u64 * 1_000 / SHARED_PER_SEC;
    Duration::from_millis(all.clamp(SHARED_EVERY_MS, BEAT_MS))
}

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
    /// When new frames are due.
    show_at: Option<Instant>,
    shown_at: Instant,
    /// Where the view stood at the last look.
    looked: u64,
    traced: Vec<Span>,
}

impl Follow {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        let now = Instant::now();
        Self {
            hub,
            heard: 0,
            reread: None,
            reread_at: now,
            show_at: None,
            shown_at: now,
            looked: 0,
            traced: Vec::new(),
        }
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
            let show_at = self.show_at.unwrap_or_else(Instant::now);
            // What time does comes first: a flood of messages must not hold it up.
            tokio::select! {
                biased;
                () = sleep_until(show_at), if self.show_at.is_some() => self.show(),
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
        self.trace(&traces);
        self.hub.registry.tell(told, to);
        if self.hub.take(progress, definition) {
            self.plan();
        }
    }

    /// Spans of commands that the next frame tells of; they end when it is shown.
    fn trace(&mut self, traces: &[String]) {
        let room = TRACES_MAX.saturating_sub(self.traced.len());
        let event = self.hub.event.as_str();
        let marks = traces.iter().take(room).filter_map(|mark| mark.parse().ok());
        let spans = marks.filter_map(|mark| traces::after("frame", Kind::Internal, event, mark));
        self.traced.extend(spans);
    }

    /// New frames are due, but not too soon after the last ones.
    fn plan(&mut self) {
        self.show_at.get_or_insert(self.shown_at + every(self.hub.sockets()));
    }

    fn show(&mut self) {
        self.show_at = None;
        self.shown_at = Instant::now();
        self.hub.show();
        self.traced.clear();
    }

    /// Looks whether the view went on without a message: the live channel promises nothing.
    async fn look(&mut self) {
        let Ok((head, value)) = self.hub.read_shared().await else { return };
        self.hub.take_head(value.head.as_deref());
        if self.hub.take(value.progress, Some(value.definition)) {
            self.plan();
        }
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
        if self.hub.take(value.progress, Some(value.definition)) {
            self.plan();
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_sockets_get_frames_more_rarely_but_each_second() {
        let ms = |sockets| every(sockets).as_millis();
        assert_eq!([0, 2_500, 5_000, 10_000, 100_000].map(ms), [250, 250, 500, 1_000, 1_000]);
    }
}
