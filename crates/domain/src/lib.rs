//! The rules of a waiting room and its seats, as a pure state machine.
//!
//! [`Event::apply`] folds one record of the log into the state and tells what became of it. No
//! clock, no randomness, no I/O: the same log gives the same state, byte for byte (R2).

pub mod command;
pub mod definition;
pub mod ids;
pub mod outcome;

pub use command::{Action, Command, Operation};
pub use definition::{AdmissionRules, Definition, Mode, Slot};
pub use ids::{Address, Epoch, EventId, Millis, SlotId, TicketId};
pub use outcome::{Booking, EventState, Hold, Outcome, Refusal, Told};
