//! Signed heads against the log that is replayed.

use std::collections::BTreeMap;

use domain::{Epoch, EventId, Millis};
use wire::{
    Chain, KeySet, LogHead,
    head::{HeadError, Unverified},
};

use crate::report::Check;

/// What somebody says of a log: a head, and where it was found.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Where it was found, such as `the head among the facts`.
    pub source: String,
    pub head: LogHead,
    /// Whether the signature was found right; `None`: there were no keys to tell.
    signed: Option<Result<(), HeadError>>,
}

impl Claim {
    /// Reads a head and checks its signature if there are keys.
    pub fn read(
        source: impl Into<String>,
        jws: &str,
        keys: Option<&KeySet>,
    ) -> Result<Self, HeadError> {
        let unverified = Unverified::read(jws.trim())?;
        let signed = keys.map(|keys| unverified.verify(keys).map(drop));
        Ok(Self { source: source.into(), head: unverified.head, signed })
    }
}

/// The heads that wait for the replay to reach them, and what became of the others.
#[derive(Debug)]
pub struct Claims {
    event: EventId,
    waiting: BTreeMap<u64, Vec<Claim>>,
    checks: Vec<Check>,
    /// Every record below is covered by a head whose signature and chain are right.
    signed_to: u64,
}

impl Claims {
    pub(crate) fn new(event: EventId) -> Self {
        Self { event, waiting: BTreeMap::new(), checks: Vec::new(), signed_to: 0 }
    }

    pub(crate) fn add(&mut self, claim: Claim) {
        if claim.head.event != self.event {
            let detail = format!("it is a head of event {}", claim.head.event);
            self.checks.push(Check::differs(claim.source, detail));
            return;
        }
        self.checks.push(signature(&claim));
        self.waiting.entry(claim.head.next).or_default().push(claim);
    }

    /// The replay stands at `next`.
    pub(crate) fn reached(&mut self, next: u64, chain: Chain, at: Millis, epoch: Epoch) {
        while let Some(entry) = self.waiting.first_entry().filter(|entry| *entry.key() <= next) {
            for Claim { source, head, signed } in entry.remove() {
                let what = format!("chain of {source}");
                let right = (head.next, head.chain) == (next, chain);
                if !right || (head.at, head.epoch) != (at, epoch) {
                    let detail = if right { self::other_time(next) } else { other_chain(&head) };
                    self.checks.push(Check::differs(what, detail));
                    continue;
                }
                let believed = matches!(signed, Some(Ok(())));
                self.signed_to = self.signed_to.max(if believed { next } else { 0 });
                let detail = format!("the log is the one that was signed, up to record {next}");
                self.checks.push(Check::checked(what, detail));
            }
        }
    }

    /// The log has ended; whatever still waits covers records that are not there.
    pub(crate) fn ended(&mut self, next: u64) {
        for claim in std::mem::take(&mut self.waiting).into_values().flatten() {
            let detail = format!(
                "it covers the records below {}, but the log ends at {next}: {} were removed from its end",
                claim.head.next,
                claim.head.next - next
            );
            self.checks.push(Check::differs(format!("chain of {}", claim.source), detail));
        }
    }

    pub(crate) fn signed_to(&self) -> u64 {
        self.signed_to
    }

    pub(crate) fn into_checks(self) -> Vec<Check> {
        self.checks
    }
}

fn other_chain(head: &LogHead) -> String {
    format!(
        "below record {} the log is not the one that was signed: a record was removed, inserted, altered or swapped",
        head.next
    )
}

fn other_time(next: u64) -> String {
    format!("at record {next} it tells another time or owner than the log")
}

fn signature(claim: &Claim) -> Check {
    let what = format!("signature of {}", claim.source);
    match &claim.signed {
        Some(Ok(())) => Check::checked(what, "one of the given keys made it".to_owned()),
        Some(Err(error)) => Check::differs(what, error.to_string()),
        None => Check::not_checked(what, "no keys were given (--jwks)".to_owned()),
    }
}
