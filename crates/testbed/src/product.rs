//! One process of the product: its ports, its log, its second port's answers.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{Process, free_port, metrics};

/// How long a process may take to be ready.
const READY_SECS_MAX: u64 = 60;
/// How long a process may take to end after SIGTERM: what Kubernetes grants by default.
const GRACE_SECS: u64 = 30;
const ADMIN_CALL_SECS_MAX: u64 = 3;

/// A process of the binary `twinkle serve`, its ports and its log.
#[derive(Debug)]
pub struct Product {
    /// `all`, `api`, `worker`, `gateway` or `operator`.
    pub role: String,
    pub name: String,
    pub port: u16,
    pub admin_port: u16,
    log: PathBuf,
    bin: PathBuf,
    env: Vec<(String, String)>,
    process: Process,
}

impl Product {
    /// Starts a role, or `all` of them, with these variables and free ports; its log goes into
    /// `folder`. No variable `TWINKLE_…` of this process reaches it.
    ///
    /// # Errors
    /// When there is no free port or no such binary.
    pub fn start(
        bin: &Path,
        role: &str,
        number: usize,
        env: &[(String, String)],
        folder: &Path,
    ) -> Result<Self> {
        let (port, admin_port) = (free_port()?, free_port()?);
        let name = format!("{role}-{number}");
        let mut env = env.to_vec();
        env.push(("TWINKLE_LISTEN".into(), format!("127.0.0.1:{port}")));
        env.push(("TWINKLE_ADMIN_LISTEN".into(), format!("127.0.0.1:{admin_port}")));
        if role != "all" {
            env.push(("TWINKLE_ROLES".into(), role.into()));
        }
        let log = folder.join(format!("{name}.log"));
        let process = spawn(bin, &name, &env, &log)?;
        let (bin, role) = (bin.to_owned(), role.to_owned());
        Ok(Self { role, name, port, admin_port, log, bin, env, process })
    }

    /// Starts a process that has ended again, on the same ports with the same settings.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn start_again(&mut self) -> Result<()> {
        self.process = spawn(&self.bin, &self.name, &self.env, &self.log)?;
        self.wait_ready()
    }

    /// Waits until it is ready.
    ///
    /// # Errors
    /// With the end of its log, when it ends first or takes too long.
    pub fn wait_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(READY_SECS_MAX);
        loop {
            if let Ok((200, _)) = self.admin("/readyz") {
                return Ok(());
            }
            if let Some(status) = self.process.ended()? {
                bail!("{} ended while starting ({status})\n{}", self.name, self.tail());
            }
            if Instant::now() > deadline {
                bail!("{} is not ready after {READY_SECS_MAX} s\n{}", self.name, self.tail());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Id of the process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill().map(drop)
    }

    /// SIGTERM.
    ///
    /// # Errors
    /// When it still runs after `GRACE_SECS`; it is killed then.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        self.process.terminate(Duration::from_secs(GRACE_SECS))
    }

    /// SIGSTOP.
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

    /// No file of the process may grow beyond so many bytes from now on; `None` = any may. To a
    /// process that ignores SIGXFSZ it is as if the disk were full, and then had room again.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn limit_files(&self, bytes: Option<u64>) -> Result<()> {
        self.process.limit_files(bytes)
    }

    /// The sum of a metric's samples with a label such as `event="a"`, `None` when it is not there.
    #[must_use]
    pub fn metric(&self, name: &str, label: &str) -> Option<f64> {
        let (status, text) = self.admin("/metrics").ok()?;
        if status == 200 { metrics::sum(&text, name, label) } else { None }
    }

    /// A GET on the second port: status and body. Blocking, and bounded in time.
    ///
    /// # Errors
    /// When nothing answers, or no HTTP.
    pub fn admin(&self, path: &str) -> Result<(u16, String)> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.admin_port))?;
        stream.set_read_timeout(Some(Duration::from_secs(ADMIN_CALL_SECS_MAX)))?;
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
        Ok((status.context("no status")?, body.unwrap_or_default()))
    }

    fn tail(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

fn spawn(bin: &Path, name: &str, env: &[(String, String)], log: &Path) -> Result<Process> {
    let mut command = Command::new(bin);
    command.arg("serve");
    // Nothing of the developer's own settings reaches the system under test.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TWINKLE_")) {
        command.env_remove(name);
    }
    command.envs(env.iter().map(|(name, value)| (name, value)));
    Process::spawn(name, command, log)
}
