//! Rules broken on purpose, one at a time, in tests only: each must be caught by a test.
//!
//! The feature `mutants` makes them breakable in builds for the simulation and for control runs.

/// A rule that can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// A hold is granted whatever is left.
    CapacityUnchecked,
    /// A capacity may fall below what is held and sold.
    CapacityCutUnchecked,
    /// A swap does not give the old seats back.
    SwapKeepsOld,
    /// A cancelled booking does not give its seats back.
    CancelKeepsSeats,
    /// A hold is never ended by time.
    HoldNeverExpires,
    /// People are let in as fast as they come.
    RateIgnored,
    /// Credit is saved up without limit.
    BurstUnbounded,
    /// `max_inside` is not looked at.
    MaxInsideIgnored,
    /// The newest is let in first.
    LastComesFirst,
    /// `serving` jumps over people who wait.
    ServingSkipsOne,
    /// A repeated join gets another place.
    JoinNotIdempotent,
    /// A command with an old number is carried out.
    StaleSeqAccepted,
    /// A repeated numbered command is carried out again.
    EqualSeqRepeated,
    /// One record may move time on without limit.
    TimeUncapped,
    /// Any claim of ownership wins.
    OwnAlwaysWins,
    /// A pause does not stop admission.
    PauseIgnored,
    /// People are let in although every seat is taken.
    LetInForNothing,
    /// A turn that was not taken keeps its place inside.
    NoShowKeepsPlace,
    /// One may join again while the last attempt still runs.
    RejoinWhileActive,
    /// More seats than allowed for a ticket.
    SeatsPerTicketIgnored,
    /// The view takes a write of an older epoch.
    StaleEpochWrites,
    /// The view takes a write that leaves records out.
    GapWritten,
    /// The view takes a step that it has taken before.
    PastStepApplied,
    /// The view takes a write for a building that is not the current one.
    GenerationUnchecked,
    /// A worker that claimed once believes that it owns, whatever the fold says.
    OwnershipAssumed,
    /// A worker claims and ticks before it has folded what is there.
    ClaimBeforeCaughtUp,
    /// A view built anew carries the name of the one before.
    GenerationNotRaised,
    /// A new owner leaves out what changed since the last one wrote.
    CatchUpForgotten,
    /// A new owner hides from readers that it does not know what was told.
    UntoldHidden,
    /// A write that did not fit counts as done.
    UnexpectedIgnored,
    /// A fenced owner goes on.
    FencedIgnored,
    /// A record of an unknown version is skipped.
    UnknownVersionSkipped,
    /// A command is acknowledged whether it is durable or not.
    AckUndurable,
    /// A view without a head reads as "not in line".
    UnknownIsAbsent,
    /// A view behind what was seen before is believed.
    RollbackBelieved,
    /// Frames go back to an older state.
    OldFramesShown,
    /// A live message that does not follow the last one is taken.
    LiveGapIgnored,
    /// Lost live messages are not made up for.
    LiveLossIgnored,
    /// Live messages that never came are not missed.
    SilenceIgnored,
    /// Outcomes that the browser knows already are told again.
    OldNewsTold,
}

impl Mutant {
    /// Rules of the state machine.
    pub const DOMAIN: [Mutant; 20] = [
        Self::CapacityUnchecked,
        Self::CapacityCutUnchecked,
        Self::SwapKeepsOld,
        Self::CancelKeepsSeats,
        Self::HoldNeverExpires,
        Self::RateIgnored,
        Self::BurstUnbounded,
        Self::MaxInsideIgnored,
        Self::LastComesFirst,
        Self::ServingSkipsOne,
        Self::JoinNotIdempotent,
        Self::StaleSeqAccepted,
        Self::EqualSeqRepeated,
        Self::TimeUncapped,
        Self::OwnAlwaysWins,
        Self::PauseIgnored,
        Self::LetInForNothing,
        Self::NoShowKeepsPlace,
        Self::RejoinWhileActive,
        Self::SeatsPerTicketIgnored,
    ];

    /// Rules of those who work with it: view, worker, API, gateway.
    pub const AROUND: [Mutant; 20] = [
        Self::StaleEpochWrites,
        Self::GapWritten,
        Self::PastStepApplied,
        Self::GenerationUnchecked,
        Self::OwnershipAssumed,
        Self::ClaimBeforeCaughtUp,
        Self::GenerationNotRaised,
        Self::CatchUpForgotten,
        Self::UntoldHidden,
        Self::UnexpectedIgnored,
        Self::FencedIgnored,
        Self::UnknownVersionSkipped,
        Self::AckUndurable,
        Self::UnknownIsAbsent,
        Self::RollbackBelieved,
        Self::OldFramesShown,
        Self::LiveGapIgnored,
        Self::LiveLossIgnored,
        Self::SilenceIgnored,
        Self::OldNewsTold,
    ];

    pub fn all() -> impl Iterator<Item = Mutant> {
        Self::DOMAIN.into_iter().chain(Self::AROUND)
    }
}

/// Rules can be broken in this build: never in one that is shipped.
pub const BREAKABLE: bool = cfg!(any(test, feature = "mutants"));

/// Is this rule broken just now? Never, and at no cost, in a build that is shipped.
#[cfg(not(any(test, feature = "mutants")))]
#[inline(always)]
pub const fn on(_: Mutant) -> bool {
    false
}

#[cfg(any(test, feature = "mutants"))]
pub use switch::{activate, activate_everywhere, on};

#[cfg(any(test, feature = "mutants"))]
mod switch {
    use std::cell::Cell;
    use std::sync::OnceLock;

    use super::Mutant;

    thread_local!(static ACTIVE: Cell<Option<Mutant>> = const { Cell::new(None) });
    static EVERYWHERE: OnceLock<Mutant> = OnceLock::new();

    /// Breaks one rule on this thread, or none.
    pub fn activate(mutant: Option<Mutant>) {
        ACTIVE.set(mutant);
    }

    /// Breaks one rule in all of the process, for good; the first call counts.
    pub fn activate_everywhere(mutant: Mutant) {
        EVERYWHERE.get_or_init(|| mutant);
    }

    pub fn on(mutant: Mutant) -> bool {
        ACTIVE.get() == Some(mutant) || EVERYWHERE.get() == Some(&mutant)
    }
}
