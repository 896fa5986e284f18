//! The product, all roles in one process, with an open event.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testbed::{Process, free_port};

use crate::commands::command;
use crate::run;

/// The event that the plans are run against.
pub(crate) const EVENT: &str = "plans";

/// Room for everyone: each join of a plan may become a booking.
const DEFINITION: &str = r#"{
    "title": {"en": "Plans"}, "time_zone": "UTC",
    "admission": {"rate_per_min": 600000, "max_inside": 100000},
    "slots": [{"id": "one", "starts_at": "2099-12-31T12:00:00Z", "capacity": 100000}]
}"#;
/// Of a product that lives for a minute on loopback.
pub(crate) const TOKEN: &str = "the-token-of-the-operator-of-the-plans";
const START_SECS_MAX: u64 = 30;
const STOP_SECS_MAX: u64 = 30;

/// Killed on drop.
#[derive(Debug)]
pub(crate) struct Product {
    process: Process,
    operator: Operator,
    folder: Folder,
}

impl Product {
    /// Starts it on free ports with a new folder, makes the event and opens it.
    ///
    /// # Errors
    /// When one of these does not work.
    pub(crate) fn start(bin: &Path) -> Result<Self> {
        let folder = Folder::new()?;
        let (port, admin) = (free_port()?, free_port()?);
        let operator = Operator { bin: bin.to_owned(), url: format!("http://127.0.0.1:{port}") };
        let mut serve = operator.command(&["serve", "--sample", "false"]);
        serve.arg("--listen").arg(format!("127.0.0.1:{port}"));
        serve.arg("--admin-listen").arg(format!("127.0.0.1:{admin}"));
        serve.arg("--data").arg(folder.0.join("data"));
        let process = Process::spawn("twinkle", serve, &folder.0.join("twinkle.log"))?;
        let mut product = Self { process, operator, folder };
        product.open_event()?;
        Ok(product)
    }

    fn open_event(&mut self) -> Result<()> {
        let Self { process, operator, folder } = self;
        let patience = Duration::from_secs(START_SECS_MAX);
        process.wait_until(patience, |_| operator.event(&["list"]).is_ok())?;
        let file = folder.0.join("event.json");
        std::fs::write(&file, DEFINITION)?;
        operator.event(&["create", EVENT, &file.to_string_lossy()])?;
        // The first answer can be that it is not decided yet.
        let is_open =
            || operator.event(&["open", EVENT]).is_ok_and(|told| told.contains(r#""open""#));
        process.wait_until(patience, |_| is_open()).context("the event does not open")
    }

    pub(crate) fn url(&self) -> &str {
        &self.operator.url
    }

    /// Where reports may be left; removed with the product.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// Ends it as an operator would.
    ///
    /// # Errors
    /// When it does not end, or not well.
    pub(crate) fn stop(mut self) -> Result<()> {
        let status = self.process.terminate(Duration::from_secs(STOP_SECS_MAX))?;
        ensure!(status.success(), "twinkle ended with {status}\n{}", self.process.log_text());
        Ok(())
    }
}

/// The operator's own command line.
#[derive(Debug)]
struct Operator {
    bin: PathBuf,
    url: String,
}

impl Operator {
    fn event(&self, args: &[&str]) -> Result<String> {
        run::quiet(self.command(&[&["event"], args].concat()))
    }

    /// The product, without what a developer has set for another one.
    fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = command(&self.bin, args);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TWINKLE_") {
                command.env_remove(name);
            }
        }
        command.env("TWINKLE_OPERATOR_TOKEN", TOKEN).env("TWINKLE_URL", &self.url);
        command
    }
}

/// A temporary folder, removed on drop.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("twinkle-plans-{}", std::process::id()));
        std::fs::create_dir_all(&path)
            .with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
