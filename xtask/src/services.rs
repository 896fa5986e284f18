//! A developer's Kafka and Redis.

use std::fs::read_to_string;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use testbed::{Kafka, Redis};

use crate::commands::target;

const KAFKA_PORT: u16 = 19_092;
const REDIS_PORT: u16 = 16_379;
const STOP_SECS_MAX: u64 = 60;
const POLL_MS: u64 = 50;

/// One of the two.
#[derive(Debug, Clone, Copy)]
enum Service {
    Kafka,
    Redis,
}

impl Service {
    fn home(self) -> PathBuf {
        target().join("services").join(match self {
            Self::Kafka => "kafka",
            Self::Redis => "redis",
        })
    }

    fn start(self) -> Result<u32> {
        let home = self.home();
        match self {
            Self::Kafka => Ok(Kafka::start_kept(&home, KAFKA_PORT)?.pid()),
            Self::Redis => Ok(Redis::start_kept(&home, REDIS_PORT)?.pid()),
        }
    }

    fn pid_file(self) -> PathBuf {
        self.home().join("pid")
    }

    /// The pid, when the process of the pid file still is the one that was started.
    fn pid(self) -> Option<u32> {
        let pid: u32 = read_to_string(self.pid_file()).ok()?.trim().parse().ok()?;
        let home = self.home().canonicalize().ok()?;
        is_running_in(pid, &home).then_some(pid)
    }

    fn wait_for_end(self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(STOP_SECS_MAX);
        while let Some(pid) = self.pid() {
            ensure!(Instant::now() < deadline, "{self:?} (pid {pid}) does not stop: see its log");
            std::thread::sleep(Duration::from_millis(POLL_MS));
        }
        Ok(())
    }

    fn ensure_running(self) -> Result<u32> {
        if let Some(pid) = self.pid() {
            return Ok(pid);
        }
        let pid = self.start()?;
        std::fs::write(self.pid_file(), pid.to_string())?;
        Ok(pid)
    }

    fn stop(self) -> Result<()> {
        match self.pid() {
            Some(pid) => {
                testbed::terminate(pid)?;
                self.wait_for_end()?;
                std::fs::remove_file(self.pid_file())?;
                println!("{self:?} stopped (pid {pid})");
            }
            None => println!("{self:?} was not running"),
        }
        Ok(())
    }
}

/// Both servers work in their own folder, so a pid used again by another program is seen.
fn is_running_in(pid: u32, home: &Path) -> bool {
    std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == home)
}

/// Starts both and shows how to use them.
///
/// # Errors
/// When one does not come up.
pub(crate) fn up() -> Result<()> {
    for service in [Service::Kafka, Service::Redis] {
        let pid = service.ensure_running().with_context(|| format!("cannot start {service:?}"))?;
        println!("# {service:?}: pid {pid}, data and log in {}", service.home().display());
    }
    let kafka = format!("TWINKLE_KAFKA=127.0.0.1:{KAFKA_PORT}");
    let redis = format!("TWINKLE_REDIS=redis://127.0.0.1:{REDIS_PORT}/");
    println!("export {kafka}\nexport {redis}");
    println!("# all roles on them, in one process:");
    println!("{kafka} {redis} cargo run --release -- serve");
    Ok(())
}

/// Stops both; their data stay.
///
/// # Errors
/// When one does not stop.
pub(crate) fn down() -> Result<()> {
    Service::Redis.stop()?;
    Service::Kafka.stop()?;
    println!("their data stay in {}", target().join("services").display());
    Ok(())
}
