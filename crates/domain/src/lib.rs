//! The rules of a waiting room and its seats, as a pure state machine.
//!
//! [`Event::apply`] folds one record of the log into the state and tells what became of it. No
//! clock, no randomness, no I/O: the same log gives the same state, byte for byte (R2).

pub mod admission;
pub mod command;
pub mod definition;
mod details;
pub mod digest;
pub mod event;
pub mod ids;
pub mod invariants;
pub mod mutants;
pub mod order;
pub mod outcome;
pub mod seats;
pub mod ticket;
pub mod time;

#[cfg(test)]
mod tests;

pub use command::{Action, Command, Operation};
pub use definition::{AdmissionRules, Definition, Mode, Slot};
pub use event::Event;
pub use ids::{Address, Epoch, EventId, Millis, SlotId, TicketId};
pub use outcome::{Booking, EventState, Hold, Outcome, Refusal, Told};
pub use ticket::{Detail, Last, Phase, Ticket};
