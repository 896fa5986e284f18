//! What can be asked of an event: the entries of its log.

use std::sync::Arc;

use crate::{
    definition::{AdmissionRules, Definition},
    ids::{Epoch, SlotId, TicketId},
};

/// Longest reference of the shop's own, in bytes.
pub const REFERENCE_BYTES_MAX: usize = 128;

/// One command of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A command of a known version that can't be read; it keeps its index and changes nothing.
    Malformed,
    /// Claims the event; wins iff `after` is still the current epoch (R4).
    Own { after: Epoch },
    /// The owner's heartbeat; its record moves time on (R3).
    Tick { epoch: Epoch },
    /// A shopper's place in line. `previous` is the ended ticket of the attempt before.
    Join { ticket: TicketId, previous: Option<TicketId> },
    /// What a shopper does with their ticket, or with the latest attempt that follows it.
    Act { ticket: TicketId, seq: Option<u32>, action: Action },
    /// The operator's.
    Operate(Operation),
}

/// What a shopper can do once in line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Enter,
    Hold { slot: SlotId, seats: u32 },
    Release,
    Book { reference: Option<Arc<str>> },
    Cancel,
    Leave,
}

/// What an operator can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Makes the event, or edits it all or nothing. `salt` counts the first time only.
    Define {
        salt: [u8; 16],
        definition: Box<Definition>,
    },
    Open,
    Pause,
    Resume,
    Close,
    Archive,
    Admission(AdmissionRules),
    Capacity {
        slot: SlotId,
        capacity: u32,
    },
}
