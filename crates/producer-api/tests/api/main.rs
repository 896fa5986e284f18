//! The role's routes over a log in memory.

mod acts;
mod forms;
mod joins;
mod packs;
mod world;
