//! Programs that come as Go modules, built here.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::{INSTALL_LIMIT_SECS, is_stamped};
use crate::commands::{command, target};
use crate::run;

/// The oldest Go that builds them; Debian's is older.
const GO: &str = "1.25";
const ACTIONLINT: &str = "1.7.12";

/// The path of the pinned actionlint.
///
/// # Errors
/// When Go is missing or it does not build.
pub(crate) fn actionlint() -> Result<PathBuf> {
    program("actionlint", "github.com/rhysd/actionlint/cmd/actionlint", ACTIONLINT)
}

/// The path of a program of this package in this version, built when missing.
///
/// # Errors
/// When Go is missing or it does not build.
pub(crate) fn program(name: &str, package: &str, version: &str) -> Result<PathBuf> {
    let tools = target().join("tools");
    let path = tools.join("bin").join(name);
    let stamp = tools.join(format!("{name}-version"));
    if !path.exists() || !is_stamped(&stamp, version) {
        ensure!(run::works("go", &["version"]), "to build {name}, install Go {GO} or newer");
        let build = tools.join("build-go");
        let mut command = command("go", &["install", &format!("{package}@v{version}")]);
        command.env("GOBIN", tools.join("bin")).env("GOPATH", &build);
        command.env("GOMODCACHE", build.join("modules")).env("GOCACHE", build.join("cache"));
        // Go write-protects modules: without this flag they could not be removed afterwards.
        command.env("GOFLAGS", "-modcacherw");
        let out = run::shown(command, Duration::from_secs(INSTALL_LIMIT_SECS))?;
        ensure!(out.ok, "{name} does not build (it needs Go {GO} or newer): see above");
        std::fs::remove_dir_all(build)?;
        std::fs::write(stamp, version)?;
    }
    Ok(path)
}
