//! What a process has used, as the kernel counts it.

use std::fs::read_to_string;

use anyhow::{Context, Result};

/// The kernel counts CPU time in hundredths of a second.
const TICKS_PER_SEC: f64 = 100.0;

/// CPU time of a process so far, in seconds, and its resident memory now, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) cpu_secs: f64,
    pub(crate) rss_bytes: f64,
}

impl Usage {
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let stat = read_to_string(format!("/proc/{pid}/stat"))
            .with_context(|| format!("process {pid} is gone"))?;
        // The name in parentheses may hold blanks; what follows it does not.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split(' ').collect();
        let ticks = |i: usize| fields.get(i).and_then(|field| field.parse::<f64>().ok());
        let cpu = ticks(12).zip(ticks(13)).context("no CPU time in /proc/PID/stat")?;
        let status = read_to_string(format!("/proc/{pid}/status"))?;
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let rss = rss.and_then(|text| text.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        Ok(Self {
            cpu_secs: (cpu.0 + cpu.1) / TICKS_PER_SEC,
            rss_bytes: rss.context("no VmRSS in /proc/PID/status")? * 1024.0,
        })
    }
}
