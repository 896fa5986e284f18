//! Rules broken on purpose, one at a time, in tests only: each must be caught by a test.

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
}

impl Mutant {
    pub const ALL: [Mutant; 20] = [
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
}

#[cfg(not(test))]
pub(crate) const fn on(_: Mutant) -> bool {
    false
}

#[cfg(test)]
pub(crate) use switch::{activate, on};

#[cfg(test)]
mod switch {
    use std::cell::Cell;

    use super::Mutant;

    thread_local!(static ACTIVE: Cell<Option<Mutant>> = const { Cell::new(None) });

    /// Breaks one rule on this thread, or none.
    pub(crate) fn activate(mutant: Option<Mutant>) {
        ACTIVE.set(mutant);
    }

    pub(crate) fn on(mutant: Mutant) -> bool {
        ACTIVE.get() == Some(mutant)
    }
}
