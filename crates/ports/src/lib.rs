//! What Twinkle needs of the world: a log, facts, a view, a live channel and a clock.
//!
//! A port carries bytes; what they mean is `wire`'s business. Every implementation passes the one
//! contract suite in [`contract`].

pub mod clock;
pub mod facts;
pub mod keep;
pub mod log;
pub mod memory;
pub mod trace;
pub mod view;

#[cfg(feature = "contract")]
pub mod contract;

pub use clock::{Clock, ManualClock, SystemClock};
pub use facts::{Fact, Facts, FactsError, FactsReader};
pub use keep::{KeepError, LogImport, LogKeeper};
pub use log::{Appended, EventLog, LogError, LogReader, Record};
pub use trace::Trace;
pub use view::{
    Generation, Head, LiveEvent, LiveReader, Shared, Tickets, ViewError, ViewReader, ViewWriter,
    Write, WriteEntry, WriteOutcome,
};
