//! Other people's load generators, for which `loadtest/` has plans.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::{INSTALL_LIMIT_SECS, is_stamped, venv};
use crate::commands::{command, root, target};
use crate::run;

const K6: &str = "1.8.1";
/// The oldest Go that builds it; Debian's is older.
const GO: &str = "1.25";
const LOCUST: &str = "locust==2.47.0";

/// The path of the pinned k6, built here when missing.
///
/// # Errors
/// When Go is missing or it does not build.
pub(crate) fn k6() -> Result<PathBuf> {
    let tools = target().join("tools");
    let path = tools.join("bin/k6");
    let version = run::quiet(command(&path, &["version"])).unwrap_or_default();
    if !version.starts_with(&format!("k6 v{K6} ")) {
        ensure!(run::works("go", &["version"]), "to build k6, install Go {GO} or newer");
        let build = tools.join("build-go");
        let mut command = command("go", &["install", &format!("go.k6.io/k6@v{K6}")]);
        command.env("GOBIN", tools.join("bin")).env("GOPATH", &build);
        command.env("GOMODCACHE", build.join("modules")).env("GOCACHE", build.join("cache"));
        // Go write-protects modules: without this flag they could not be removed afterwards.
        command.env("GOFLAGS", "-modcacherw");
        let out = run::shown(command, Duration::from_secs(INSTALL_LIMIT_SECS))?;
        ensure!(out.ok, "k6 does not build (it needs Go {GO} or newer): see above");
        std::fs::remove_dir_all(build)?;
    }
    Ok(path)
}

/// The home folder of the JMeter that `loadtest/jmeter/pom.xml` names, fetched when missing.
///
/// # Errors
/// When Maven fails.
pub(crate) fn jmeter() -> Result<PathBuf> {
    let home = target().join("tools/jmeter");
    let stamp = home.join("installed-from");
    let pom = std::fs::read_to_string(root().join("loadtest/jmeter/pom.xml"))?;
    if !is_stamped(&stamp, &pom) {
        let _ = std::fs::remove_dir_all(&home);
        // JMeter complains when there is none.
        std::fs::create_dir_all(home.join("lib/junit"))?;
        let mut command = command("mvn", &["-q", "-B", "-f", "loadtest/jmeter/pom.xml"]);
        command.arg("initialize").arg(format!("-Dhome={}", home.display()));
        let out = run::shown(command, Duration::from_secs(INSTALL_LIMIT_SECS))?;
        ensure!(out.ok, "Maven cannot fetch JMeter: see above");
        std::fs::write(stamp, pom)?;
    }
    Ok(home)
}

/// The path of the pinned Locust.
///
/// # Errors
/// When pip fails.
pub(crate) fn locust() -> Result<PathBuf> {
    venv("locust", &[LOCUST], "locust")
}
