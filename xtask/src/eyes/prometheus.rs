//! A Prometheus that scrapes every process of a stack.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use testbed::{Process, free_port};

use crate::bench::stack::Stack;
use crate::commands::command;
use crate::run;

const READY_SECS_MAX: u64 = 30;
/// Stands for Grafana's own: a few scrapes.
const RATE_INTERVAL: &str = "60s";

/// Killed on drop.
pub(super) struct Prometheus {
    url: String,
    _process: Process,
}

impl Prometheus {
    /// Starts it with these rules and waits until it answers.
    pub(super) fn start(stack: &Stack, rules: &Path) -> Result<Self> {
        let targets = stack.servers.iter().map(|s| format!("\"127.0.0.1:{}\"", s.admin_port));
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
             rule_files: [\"{}\"]\n\
             scrape_configs:\n  - job_name: twinkle\n    static_configs: [{{targets: [{}]}}]\n",
            rules.display(),
            targets.collect::<Vec<_>>().join(", "),
        );
        let file = stack.folder().join("prometheus.yml");
        std::fs::write(&file, config)?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!("--storage.tsdb.path={}", stack.folder().join("tsdb").display()));
        command.args([&format!("--web.listen-address={address}"), "--log.level=warn"]);
        let log = stack.folder().join("prometheus.log");
        let process = Process::spawn("prometheus", command, &log)?;
        let prometheus = Self { url: format!("http://{address}"), _process: process };
        prometheus.wait(&log)?;
        Ok(prometheus)
    }

    fn wait(&self, log: &Path) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(READY_SECS_MAX);
        while self.query("vector(1)").is_err() {
            if Instant::now() > deadline {
                bail!("Prometheus does not start:\n{}", std::fs::read_to_string(log)?);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }

    /// The samples of an instant query, a line each.
    pub(super) fn query(&self, expr: &str) -> Result<String> {
        run::quiet(command("promtool", &["query", "instant", &self.url, expr]))
    }

    /// Waits until a panel's query has data.
    pub(super) fn shows(&self, expr: &str, deadline: Instant) -> Result<bool> {
        let expr = expr.replace("$__rate_interval", RATE_INTERVAL).replace("$event", ".+");
        loop {
            if !self.query(&expr)?.trim().is_empty() {
                return Ok(true);
            }
            if Instant::now() > deadline {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}
