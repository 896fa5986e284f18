//! A child process with a log file and signals by pid.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};

const POLL_MS: u64 = 10;
const LOG_TAIL_LINES: usize = 30;

/// A running child; stdout and stderr are appended to its log file. Killed on drop.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    /// Length of the log file when this child started, in bytes.
    log_start: u64,
    detached: bool,
}

impl Process {
    /// Starts `command`, appending its output to the file `log`.
    ///
    /// # Errors
    /// When the log file cannot be opened or the program cannot be started.
    pub fn spawn(name: &str, mut command: Command, log: &Path) -> Result<Self> {
        let out = File::options()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("cannot open the log file {}", log.display()))?;
        let log_start = out.metadata()?.len();
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .with_context(|| format!("cannot start {name}: is `{program}` installed?"))?;
        Ok(Self { name: name.to_owned(), child, log: log.to_owned(), log_start, detached: false })
    }

    /// Lets the child live on when this value is dropped.
    pub fn detach(&mut self) {
        self.detached = true;
    }

    /// Id of the process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The log file.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// What this child has written so far, without what earlier ones left in the same file.
    #[must_use]
    pub fn log_text(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        let start = usize::try_from(self.log_start).unwrap_or(0).min(bytes.len());
        String::from_utf8_lossy(&bytes[start..]).into_owned()
    }

    /// How the process ended, `None` while it runs.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// To a process that has ended it does nothing.
    fn signal(&mut self, signal: Signal) -> Result<()> {
        // Reaped first, the pid cannot belong to another process.
        if self.ended()?.is_some() {
            return Ok(());
        }
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).with_context(|| format!("cannot signal {}", self.name))
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Errors
    /// When it has not ended after `patience`; it is killed then.
    pub fn terminate(&mut self, patience: Duration) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        match self.wait(patience)? {
            Some(status) => Ok(status),
            None => {
                self.kill()?;
                bail!("{} did not end within {patience:?} of SIGTERM\n{}", self.name, self.tail())
            }
        }
    }

    /// Sends SIGKILL and waits for the end.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::KILL)?;
        Ok(self.child.wait()?)
    }

    /// SIGSTOP: the process stands still and keeps its sockets.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn pause(&mut self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// SIGCONT: the process goes on.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn resume(&mut self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Sets the soft limit on the size of files that the process writes, in bytes; `None` = none.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn limit_files(&self, bytes: Option<u64>) -> Result<()> {
        let limit = Rlimit { current: bytes, maximum: None };
        let set = prlimit(Some(Pid::from_child(&self.child)), Resource::Fsize, limit);
        set.map(drop).with_context(|| format!("cannot limit the files of {}", self.name))
    }

    /// Waits for the end, at most for `patience`; `None` when it still runs.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn wait(&mut self, patience: Duration) -> Result<Option<ExitStatus>> {
        let deadline = Instant::now() + patience;
        loop {
            let ended = self.ended()?;
            if ended.is_some() || Instant::now() >= deadline {
                return Ok(ended);
            }
            std::thread::sleep(Duration::from_millis(POLL_MS));
        }
    }

    /// Waits until `ready` says so.
    ///
    /// # Errors
    /// With the end of the log, when the process ends first or `patience` runs out.
    pub fn wait_until(
        &mut self,
        patience: Duration,
        mut ready: impl FnMut(&Self) -> bool,
    ) -> Result<()> {
        let deadline = Instant::now() + patience;
        while !ready(self) {
            if let Some(status) = self.ended()? {
                bail!("{} ended while starting ({status})\n{}", self.name, self.tail());
            }
            if Instant::now() >= deadline {
                bail!("{} was not ready within {patience:?}\n{}", self.name, self.tail());
            }
            std::thread::sleep(Duration::from_millis(POLL_MS));
        }
        Ok(())
    }

    fn tail(&self) -> String {
        let text = self.log_text();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
    }
}

/// Sends SIGTERM to a process that is not a child of this one.
///
/// # Errors
/// When there is none or the system refuses.
pub fn terminate(pid: u32) -> Result<()> {
    let id = i32::try_from(pid).ok().and_then(Pid::from_raw).context("not a process id")?;
    kill_process(id, Signal::TERM).with_context(|| format!("cannot signal process {pid}"))
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.detached {
            let _ = self.kill();
        }
    }
}
