//! The rules of a waiting room and its seats, as a pure state machine.

pub mod ids;

pub use ids::{Address, Epoch, EventId, Millis, SlotId, TicketId};
