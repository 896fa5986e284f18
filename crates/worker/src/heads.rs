//! The chain over what was folded, and the signed heads made of it.

use std::time::Duration;

use domain::{Event, EventId, EventState};
use ports::Record;
use tokio::time::Instant;
use wire::{Chain, HeadSigner, LogHead};

/// Shortest span between two signed heads of an event, in milliseconds.
const HEAD_EVERY_MS: u64 = 5_000;

/// What the owner says of the log.
#[derive(Debug)]
pub(crate) struct Heads {
    chain: Chain,
    /// The `next` of the last signed head, and its text.
    signed: Option<(u64, String)>,
    /// The `next` of the last head that stands among the facts.
    put: Option<u64>,
    due: Instant,
    /// The worker ends: what it knows now is its last word.
    last: bool,
}

impl Heads {
    pub(crate) fn new(event: &EventId) -> Self {
        Self {
            chain: Chain::start(event),
            signed: None,
            put: None,
            due: Instant::now(),
            last: false,
        }
    }

    /// Takes in a record that is about to be folded.
    pub(crate) fn link(&mut self, event: &Event, record: &Record) {
        if record.offset >= event.next() {
            self.chain.link(record.offset, record.at, &record.bytes);
        }
    }

    /// The next head is due at once, whatever was signed lately.
    pub(crate) fn last_word(&mut self) {
        self.last = true;
    }

    /// Signs a head now and then when the log has moved, and at once when it has ended.
    pub(crate) fn sign_if_due(
        &mut self,
        id: &EventId,
        event: &Event,
        signer: &HeadSigner,
        now: Instant,
    ) {
        let over = event.state() == EventState::Archived || self.last;
        let next = event.next();
        let moved = self.signed.as_ref().is_none_or(|(signed, _)| *signed != next);
        if !moved || event.definition().is_none() || (now < self.due && !over) {
            return;
        }
        self.due = now + Duration::from_millis(HEAD_EVERY_MS);
        let (chain, at, epoch) = (self.chain, event.time().record(), event.epoch());
        let head = LogHead { event: id.clone(), next, chain, at, epoch };
        self.signed = Some((next, signer.sign(&head)));
    }

    /// The last signed head.
    pub(crate) fn latest(&self) -> Option<&str> {
        self.signed.as_ref().map(|(_, head)| head.as_str())
    }

    /// The last signed head, if it does not stand among the facts yet.
    pub(crate) fn unput(&self) -> Option<(u64, String)> {
        self.signed.clone().filter(|(next, _)| self.put != Some(*next))
    }

    /// The head of that `next` stands among the facts.
    pub(crate) fn was_put(&mut self, next: u64) {
        self.put = Some(next);
    }

    /// The last word is said of everything folded so far.
    pub(crate) fn all_put(&self, event: &Event) -> bool {
        self.put == Some(event.next())
    }
}
