//! Other people's load generators, for which `loadtest/` has plans.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::{INSTALL_LIMIT_SECS, go, is_stamped, venv};
use crate::commands::{command, root, target};
use crate::run;

const K6: &str = "1.8.1";
const LOCUST: &str = "locust==2.47.0";

/// The path of the pinned k6, built here when missing.
///
/// # Errors
/// When Go is missing or it does not build.
pub(crate) fn k6() -> Result<PathBuf> {
    go::program("k6", "go.k6.io/k6", K6)
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
