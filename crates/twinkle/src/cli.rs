//! The subcommands that talk to a running service or work on its log.

pub(crate) mod archive;
pub(crate) mod audit;
pub(crate) mod capacity;
pub(crate) mod client;
pub(crate) mod demo;
pub(crate) mod event;
pub(crate) mod health;
pub(crate) mod probe;
pub(crate) mod restore;
pub(crate) mod sources;
