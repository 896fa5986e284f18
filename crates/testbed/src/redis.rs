//! A Redis server that writes its dump only when told to or when it ends in order.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::home::Home;
use crate::{Process, free_port};

const START_SECS_MAX: u64 = 20;
const STOP_SECS_MAX: u64 = 20;
const DUMP: &str = "dump.rdb";

/// A running server. On drop it is killed and its data are removed.
#[derive(Debug)]
pub struct Redis {
    // Dropped first: the folder goes when nobody writes to it any more.
    process: Process,
    home: Home,
    port: u16,
    url: String,
    saved: u32,
}

impl Redis {
    /// Starts an empty server on a free port and waits until it answers.
    ///
    /// # Errors
    /// When `redis-server` or `redis-cli` is missing or the server does not come up.
    pub fn start() -> Result<Self> {
        Self::start_in(Home::temporary("redis")?, free_port()?)
    }

    /// Starts a server on `port` with its data in `home` that lives on, with its data, after this value and this process.
    ///
    /// # Errors
    /// As [`Redis::start`].
    pub fn start_kept(home: &Path, port: u16) -> Result<Self> {
        Self::start_in(Home::kept(home)?, port)
    }

    fn start_in(home: Home, port: u16) -> Result<Self> {
        let process = launch(&home, port)?;
        let url = format!("redis://127.0.0.1:{port}/");
        Ok(Self { process, home, port, url, saved: 0 })
    }

    /// The server's address, `redis://127.0.0.1:PORT/`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The server's port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Id of the server's process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The server's log file.
    #[must_use]
    pub fn log(&self) -> &Path {
        self.process.log()
    }

    /// Runs one command through `redis-cli`; returns what it printed, without the last line end.
    ///
    /// # Errors
    /// When the server cannot be reached or answers with an error.
    pub fn cli(&self, args: &[&str]) -> Result<String> {
        cli(self.port, args)
    }

    /// Makes it a replica of the primary at `port`; it takes over all that the primary has.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub fn follow(&self, port: u16) -> Result<()> {
        self.cli(&["REPLICAOF", "127.0.0.1", &port.to_string()]).map(drop)
    }

    /// Makes a replica a primary with what it has.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub fn lead(&self) -> Result<()> {
        self.cli(&["REPLICAOF", "NO", "ONE"]).map(drop)
    }

    /// Whether it is a replica that has caught up with its primary once.
    #[must_use]
    pub fn is_replica(&self) -> bool {
        let info = self.cli(&["INFO", "replication"]).unwrap_or_default();
        info.contains("role:slave") && info.contains("master_link_status:up")
    }

    /// Whether its process runs, asleep or not.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn runs(&mut self) -> Result<bool> {
        Ok(self.process.ended()?.is_none())
    }

    /// SIGTERM, then waits for an orderly end; the data are written to the dump.
    ///
    /// # Errors
    /// When it does not end in time; it is killed then.
    pub fn stop(&mut self) -> Result<()> {
        self.process.terminate(Duration::from_secs(STOP_SECS_MAX)).map(drop)
    }

    /// SIGKILL, then waits for the end; what was not saved is lost.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill().map(drop)
    }

    /// Starts a stopped or killed server on the same port with its last dump.
    ///
    /// # Errors
    /// When it still runs or does not come up.
    pub fn start_again(&mut self) -> Result<()> {
        ensure!(self.process.ended()?.is_some(), "the Redis server still runs");
        self.process = launch(&self.home, self.port)?;
        Ok(())
    }

    /// Writes the dump now and returns a copy of it, for [`Redis::start_again_from`].
    ///
    /// # Errors
    /// When the server or the copy fails.
    pub fn save(&mut self) -> Result<PathBuf> {
        self.cli(&["SAVE"])?;
        self.saved += 1;
        let copy = self.home.path().join(format!("saved-{}.rdb", self.saved));
        std::fs::copy(self.home.path().join(DUMP), &copy).context("cannot copy the dump")?;
        Ok(copy)
    }

    /// Kills the server if it still runs and starts it with an older dump: time goes back.
    ///
    /// # Errors
    /// When the dump cannot be copied or the server does not come up.
    pub fn start_again_from(&mut self, dump: &Path) -> Result<()> {
        self.kill()?;
        std::fs::copy(dump, self.home.path().join(DUMP)).context("cannot restore the dump")?;
        self.start_again()
    }

    /// SIGSTOP: the server stands still, its port stays open.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn pause(&mut self) -> Result<()> {
        self.process.pause()
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn resume(&mut self) -> Result<()> {
        self.process.resume()
    }
}

fn launch(home: &Home, port: u16) -> Result<Process> {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--appendonly", "no"]);
    // With a save point it saves at SIGTERM; this one never comes true by itself.
    command.args(["--save", "86400", "1000000000", "--dbfilename", DUMP]);
    // A replica that comes is served at once, not together with others that may come.
    command.args(["--repl-diskless-sync-delay", "0", "--dir"]);
    command.arg(home.path()).current_dir(home.path());
    if home.is_kept() {
        // Away from the terminal's Ctrl-C.
        command.process_group(0);
    }
    let mut process = Process::spawn("redis", command, &home.path().join("redis.log"))
        .context("Redis is needed (Debian: redis-server)")?;
    process.wait_until(Duration::from_secs(START_SECS_MAX), |_| {
        cli(port, &["PING"]).is_ok_and(|answer| answer == "PONG")
    })?;
    if home.is_kept() {
        process.detach();
    }
    Ok(process)
}

fn cli(port: u16, args: &[&str]) -> Result<String> {
    let out = Command::new("redis-cli")
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-e"])
        .args(args)
        .output()
        .context("`redis-cli` cannot be run (Debian: redis-tools)")?;
    let text = String::from_utf8_lossy(&out.stdout).trim_end_matches('\n').to_owned();
    ensure!(out.status.success(), "{text}{}", String::from_utf8_lossy(&out.stderr));
    Ok(text)
}
