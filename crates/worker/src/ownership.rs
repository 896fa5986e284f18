//! When to claim an event and when to tick: decided from what the log shows (R4).

use std::time::Duration;

use domain::{
    Address, Epoch, Event, EventId, Millis,
    mutants::{Mutant, on},
};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

/// Between ticks while anyone waits or is inside, and around opening and closing.
pub(crate) const TICK_MS: u64 = 250;
/// Between ticks of an idle event.
pub(crate) const TICK_IDLE_MS: u64 = 10_000;
/// An event without a tick for this long is given up by its owner.
const SILENCE_MS: u64 = 1_000;
const SILENCE_IDLE_MS: u64 = 15_000;
/// How long an event is busy after somebody asked something of it: the owner shows that it is there.
const STIRRED_MS: u64 = 2_000;
/// Peers claim at different moments within this span, the preferred one first.
const SPREAD_MS: u64 = 500;
/// Around `opens_at` and `closes_at` the event ticks as if it were busy.
const TURN_NEAR_MS: Millis = 1_500;

/// What one worker knows of who owns an event.
#[derive(Debug, Clone)]
pub(crate) struct Ownership {
    /// The epoch that this worker won last.
    mine: Option<Epoch>,
    /// Last sign of life of the owner, or the moment since which one is due.
    heard: Instant,
    /// Until then the event is busy because of what was asked of it.
    stirred: Instant,
    busy: bool,
    rank: Duration,
}

impl Ownership {
    pub(crate) fn new(event: &EventId, worker: u64, now: Instant) -> Self {
        Self { mine: None, heard: now, stirred: now, busy: false, rank: rank(event, worker) }
    }

    pub(crate) fn owns(&self, event: &Event) -> bool {
        self.mine == Some(event.epoch()) || (on(Mutant::OwnershipAssumed) && self.mine.is_some())
    }

    /// The claim of this worker stands in the log at `offset`; the fold tells whether it won.
    pub(crate) fn claimed_at(&mut self, offset: u64) {
        self.mine = Some(Epoch::won_at(Address { offset, index: 0 }));
    }

    pub(crate) fn give_up(&mut self) {
        self.mine = None;
    }

    /// The owner ticked, or the event got a new one.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// Somebody asked something of the event.
    pub(crate) fn stir(&mut self, now: Instant) {
        self.stirred = now + Duration::from_millis(STIRRED_MS);
    }

    /// Takes notice of how busy the event is: ticks are due sooner from the moment it wakes up.
    pub(crate) fn watch(&mut self, event: &Event, clock: Millis, now: Instant) {
        let busy = event.busy() || now < self.stirred || turn_is_near(event, clock);
        if busy && !self.busy {
            self.heard = self.heard.max(now);
        }
        self.busy = busy;
    }

    /// When the event is free for this worker to claim; `None` while its last claim is unread.
    pub(crate) fn claim_at(&self, event: &Event) -> Option<Instant> {
        let unfolded = Epoch::won_at(Address { offset: event.next(), index: 0 });
        if self.mine.is_some_and(|mine| mine >= unfolded) {
            return None;
        }
        let silence = match (event.epoch(), self.busy) {
            (Epoch::NONE, _) => 0,
            (_, true) => SILENCE_MS,
            (_, false) => SILENCE_IDLE_MS,
        };
        Some(self.heard + Duration::from_millis(silence) + self.rank)
    }

    /// How long until the owner's next tick after one just made.
    pub(crate) fn tick_after(&self, event: &Event, clock: Millis) -> Duration {
        if self.busy {
            return Duration::from_millis(TICK_MS);
        }
        let turn = event.next_turn().map(|turn| turn.saturating_sub(clock + TURN_NEAR_MS));
        Duration::from_millis(turn.unwrap_or(TICK_IDLE_MS).clamp(TICK_MS, TICK_IDLE_MS))
    }

    /// How long since the owner was heard, or since it should have been.
    pub(crate) fn silent(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.heard)
    }

    pub(crate) fn busy(&self) -> bool {
        self.busy
    }
}

fn turn_is_near(event: &Event, clock: Millis) -> bool {
    event.next_turn().is_some_and(|turn| turn <= clock + TURN_NEAR_MS)
}

/// Rendezvous hashing: each event has its own order of workers, the same for all of them.
fn rank(event: &EventId, worker: u64) -> Duration {
    let hash = Sha256::new().chain_update(event.as_str()).chain_update(worker.to_be_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    let share = u64::from(u16::from_be_bytes([digest[0], digest[1]]));
    Duration::from_millis(share * SPREAD_MS / u64::from(u16::MAX))
}
