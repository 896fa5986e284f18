//! Bytes ⇄ domain: log records and their chain, signed heads, values of the view, frames, HTTP bodies,
//! problems, cookie and pass.
//!
//! Pure: no clock, no I/O, no randomness; what is needed of them is an argument. Everything that
//! reads bytes from outside takes any bytes without a panic.

pub mod body;
pub mod chain;
pub mod cookie;
pub mod definition;
pub mod facts;
pub mod frame;
pub mod head;
mod keys;
pub mod names;
pub mod pass;
pub mod problem;
pub mod record;
mod row;
pub mod ticket;
pub mod time;
pub mod view;

pub use chain::Chain;
pub use cookie::{Browser, CookieError, CookieKeys};
pub use head::{HeadSigner, KeySet, LogHead};
pub use keys::{KeyError, format_key};
pub use names::TicketState;
pub use pass::PassKeys;
pub use problem::{Code, Problem};
