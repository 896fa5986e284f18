//! The role's routes: tokens, making, editing, the life of an event, and its numbers.

mod edit;
mod guard;
mod make;
mod steps;
mod world;
