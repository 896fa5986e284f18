//! The rules, step by step and at random, and proof that each can be missed.

mod admission;
mod monitor;
mod mutants;
mod operator;
mod properties;
mod repeats;
mod seats;
mod story;
mod time;
