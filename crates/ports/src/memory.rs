//! Ports in memory: for tests, for simulation with [`Faults`], and, as [`MemoryView`], for the
//! service in a single process. Clones share one store.

mod facts;
mod faults;
mod log;
mod projection;
mod view;

pub use facts::MemoryFacts;
pub use faults::{Call, Fault, Faults};
pub use log::MemoryLog;
pub use view::{MemoryView, ViewSnapshot};
