//! The ports as one process sees them: late, lossy, and gone when it is dead.

mod facts;
mod log;
mod view;

pub(crate) use facts::SimFacts;
pub(crate) use log::{SimLog, older};
pub(crate) use view::{Judge, SimReader, SimWriter, ViewFault};
