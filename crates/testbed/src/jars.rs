//! The jars of Kafka, fetched once by Maven.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The broker's version.
pub const KAFKA_VERSION: &str = "4.1.1";

const POM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/pom.xml");
const CACHE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/testbed");

/// The folder with the jars of the broker and its tools, fetched when missing.
///
/// # Errors
/// When Maven is missing or cannot fetch them.
pub fn kafka_jars() -> Result<PathBuf> {
    let jars = Path::new(CACHE).join(format!("kafka-{KAFKA_VERSION}"));
    if !jars.exists() {
        std::fs::create_dir_all(CACHE).with_context(|| format!("cannot create {CACHE}"))?;
        let lock = File::create(Path::new(CACHE).join("kafka.lock"))?;
        lock.lock().context("cannot lock the folder of Kafka's jars")?;
        // Another process may have fetched them while this one waited.
        if !jars.exists() {
            fetch(&jars)?;
        }
    }
    Ok(jars)
}

fn fetch(jars: &Path) -> Result<()> {
    let partial = jars.with_extension("partial");
    let _ = std::fs::remove_dir_all(&partial);
    let out = Command::new("mvn")
        .args(["-q", "-B", "-f", POM, "dependency:copy-dependencies"])
        .arg(format!("-Dkafka.version={KAFKA_VERSION}"))
        .arg(format!("-DoutputDirectory={}", partial.display()))
        .output()
        .context(
            "Kafka's jars are missing and `mvn` cannot be run: install Maven (Debian: maven)",
        )?;
    ensure!(
        out.status.success(),
        "Maven could not fetch Kafka's jars:\n{}{}",
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    );
    std::fs::rename(&partial, jars).context("cannot put Kafka's jars in place")
}
