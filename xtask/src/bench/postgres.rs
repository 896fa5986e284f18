//! A real PostgreSQL on a free port, for comparison.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};
use testbed::{Process, free_port};

use crate::run;

const START_SECS_MAX: u64 = 30;
/// Where Debian puts the programs of each version.
const HOME: &str = "/usr/lib/postgresql";
/// Its server refuses to run as root.
const USER: &str = "postgres";

/// A running server; killed on drop, with its data.
pub(crate) struct Postgres {
    _process: Process,
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
}

impl Postgres {
    /// Starts one with an empty database and its default durability.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let (programs, port) = (programs()?, free_port()?);
        let folder = folder.join("postgres");
        std::fs::create_dir_all(&folder)?;
        run::quiet(crate::commands::command("chown", &[USER, &folder.display().to_string()]))?;
        let data = folder.join("data").display().to_string();
        run::quiet(user(&programs, "initdb", &["-D", &data, "-A", "trust", "-U", USER]))?;
        let (socket, port_text) = (folder.display().to_string(), port.to_string());
        let args = ["-D", &data, "-p", &port_text, "-k", &socket, "-c", "max_connections=200"];
        let server = user(&programs, "postgres", &args);
        let mut process = Process::spawn("postgres", server, &folder.with_extension("log"))?;
        let ready = |_: &Process| {
            let probe = ["-h", "127.0.0.1", "-p", &port_text];
            run::quiet(user(&programs, "pg_isready", &probe)).is_ok()
        };
        process.wait_until(Duration::from_secs(START_SECS_MAX), ready)?;
        Ok(Self { _process: process, programs, folder, port })
    }

    /// Runs statements.
    pub(crate) fn sql(&self, text: &str) -> Result<String> {
        self.run("psql", &["-At", "-c", text])
    }

    /// Runs a script of `pgbench` over so many connections; transactions a second.
    pub(crate) fn bench(&self, script: &str, connections: u32, secs: u32) -> Result<f64> {
        let file = self.folder.join("script.sql");
        std::fs::write(&file, script)?;
        let (connections, secs) = (connections.to_string(), secs.to_string());
        let file = file.display().to_string();
        let args = ["-n", "-M", "prepared", "-c", &connections, "-T", &secs, "-f", &file];
        let text = self.run("pgbench", &args)?;
        let tps = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next());
        tps.and_then(|tps| tps.parse().ok()).context("pgbench told no tps")
    }

    fn run(&self, program: &str, args: &[&str]) -> Result<String> {
        let port = self.port.to_string();
        let who = ["-h", "127.0.0.1", "-p", &port, "-U", USER];
        run::quiet(user(&self.programs, program, &[&who[..], args, &[USER]].concat()))
    }
}

fn programs() -> Result<PathBuf> {
    let versions = std::fs::read_dir(HOME).with_context(|| format!("no PostgreSQL in {HOME}"))?;
    let programs = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    programs.max().context("no PostgreSQL is installed")
}

fn user(programs: &Path, program: &str, args: &[&str]) -> Command {
    let mut command = Command::new("runuser");
    command.args(["-u", USER, "--"]).arg(programs.join(program)).args(args).current_dir("/");
    command
}
