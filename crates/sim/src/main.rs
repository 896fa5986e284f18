//! `twinkle-sim`: plays seeds; see `cargo xtask sim`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line talks")]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
