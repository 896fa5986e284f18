//! The subcommands that talk to a running service.

pub(crate) mod audit;
pub(crate) mod capacity;
pub(crate) mod client;
pub(crate) mod demo;
pub(crate) mod event;
pub(crate) mod health;
