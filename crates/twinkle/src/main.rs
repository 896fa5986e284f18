//! `twinkle`: the waiting room and reservation service in one binary.

mod assemble;
mod certificates;
mod cli;
mod config;
mod meters;
#[cfg(feature = "msk-iam")]
mod msk;
mod openapi;
mod rotation;
mod sample;
mod secret_file;
mod secrets;
mod serve;
mod stores;
mod telemetry;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit code of a configuration that can't work (EX_USAGE of sysexits.h).
const EXIT_USAGE: u8 = 64;

/// Virtual waiting room and time-slot reservations.
#[derive(Debug, Parser)]
#[command(name = "twinkle", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service: all roles, or those named
    Serve(Box<config::ServeArgs>),
    /// Make, list and drive events
    Event(cli::event::EventArgs),
    /// Play a crowd against an event
    Demo(cli::demo::DemoArgs),
    /// Replay an event's log, check it, and compare it with what was signed and with what Redis shows
    Audit(Box<cli::audit::AuditArgs>),
    /// Write an event's log into one file that proves itself, and perhaps delete the log
    Archive(Box<cli::archive::ArchiveArgs>),
    /// Make an event's log anew from an archive
    Restore(cli::restore::RestoreArgs),
    /// Tell what an event needs: pods, cores, memory, and about what it costs
    Capacity(cli::capacity::CapacityArgs),
    /// List everything that `/metrics` may say, as Markdown
    Metrics,
    /// Do once what a shopper does, to see that an installation works
    Probe(cli::probe::ProbeArgs),
    /// Ask the process on this machine whether it is ready
    Health(cli::health::HealthArgs),
}

/// Nobody ships a build whose rules can be broken.
const _: () =
    assert!(!domain::mutants::BREAKABLE || cfg!(any(debug_assertions, feature = "mutants")));

fn main() -> ExitCode {
    #[cfg(feature = "mutants")]
    break_rule();
    let command = match config::with_file(Cli::command()) {
        Ok(command) => command,
        Err(error) => return fail(&error, EXIT_USAGE),
    };
    let cli = match Cli::from_arg_matches(&command.get_matches()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    match cli.command {
        Command::Serve(args) => match args.check() {
            Ok(config) => block_on(serve::run(config)),
            Err(error) => fail(&error, EXIT_USAGE),
        },
        Command::Event(args) => block_on(cli::event::run(args)),
        Command::Demo(args) => block_on(cli::demo::run(args)),
        Command::Audit(args) => block_on(cli::audit::run(*args)),
        Command::Archive(args) => block_on(cli::archive::run(*args)),
        Command::Probe(args) => block_on(cli::probe::run(args)),
        Command::Restore(args) => block_on(cli::restore::run(args)),
        Command::Capacity(args) => match cli::capacity::run(&args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error, 1),
        },
        Command::Metrics => {
            meters::print();
            ExitCode::SUCCESS
        }
        Command::Health(args) => match cli::health::run(&args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error, 1),
        },
    }
}

/// Breaks the rule that `TWINKLE_MUTANT` names, to see that tests find it: never in what is shipped.
#[cfg(feature = "mutants")]
fn break_rule() {
    use domain::mutants::{Mutant, activate_everywhere};
    let Ok(name) = std::env::var("TWINKLE_MUTANT") else { return };
    let mutant = Mutant::all().find(|mutant| format!("{mutant:?}") == name);
    activate_everywhere(mutant.unwrap_or_else(|| panic!("there is no mutant {name}")));
}

fn block_on(future: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(future)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, 1),
    }
}

#[allow(clippy::print_stderr, reason = "the last word of a program goes to its user")]
fn fail(error: &anyhow::Error, code: u8) -> ExitCode {
    eprintln!("twinkle: {error:#}");
    ExitCode::from(code)
}
