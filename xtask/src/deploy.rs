//! Checks of what surrounds the code: image, Compose file, pipelines, dependencies.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::commands::{cargo, command, root};
use crate::outcome::Outcome;
use crate::{pipelines, run, tools};

const LIMIT_SECS: u64 = 300;
/// 32 bytes in base64url without padding.
const KEY_CHARS: usize = 43;

/// The Dockerfile through hadolint, the Compose file against its public schema and our own rules.
///
/// # Errors
/// When a checker cannot be had.
pub(crate) fn check() -> Result<Outcome> {
    tools::system()?;
    let compose = "docker-compose.yml";
    let rules = "docker/compose-rules.schema.json";
    let dockerfile = command(tools::python("hadolint")?, &["--no-color", "Dockerfile"]);
    let schema = ["--builtin-schema", "vendor.compose-spec", compose];
    let schema = command(tools::python("check-jsonschema")?, &schema);
    let rules = command(tools::python("check-jsonschema")?, &["--schemafile", rules, compose]);
    Ok(one("hadolint", dockerfile)?
        .and(one("compose schema", schema)?)
        .and(one("compose rules", rules)?)
        .and(context()?)
        .and(secrets()?)
        .and(pipelines::check()?))
}

/// What `.dockerignore` lets through is a whole workspace: cargo can read every member of it.
fn context() -> Result<Outcome> {
    let home = tempfile::tempdir()?;
    for line in std::fs::read_to_string(root().join(".dockerignore"))?.lines() {
        let there = home.path().join(line.trim_start_matches('!'));
        if let Some(path) = line.strip_prefix('!') {
            std::fs::create_dir_all(there.parent().unwrap_or(home.path()))?;
            run::quiet(command("cp", &["-r", path, &there.to_string_lossy()]))?;
        } else if there.exists() {
            std::fs::remove_dir_all(there)?;
        }
    }
    let manifest = home.path().join("Cargo.toml");
    let args = ["metadata", "--locked", "--no-deps", "--format-version=1", "--manifest-path"];
    let mut metadata = cargo(&args);
    metadata.arg(manifest);
    Ok(match run::quiet(metadata) {
        Ok(_) => Outcome::passed("image context"),
        Err(error) => Outcome::problem(format!("the image's build lacks a part: {error:#}")),
    })
}

/// The secrets of the Compose file: of the right shape, and never the same twice.
fn secrets() -> Result<Outcome> {
    let make = || run::quiet(command("sh", &["docker/make-env.sh", "--print"]));
    let (first, second) = (make()?, make()?);
    let is_key = |text: &str| {
        text.len() == KEY_CHARS
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
    };
    let lines: Vec<(&str, &str)> = first.lines().filter_map(|line| line.split_once('=')).collect();
    let names: Vec<&str> = lines.iter().map(|(name, _)| *name).collect();
    let ok = names == ["TWINKLE_OPERATOR_TOKEN", "TWINKLE_COOKIE_KEYS", "TWINKLE_PASS_KEYS"]
        && lines.iter().all(|(_, value)| is_key(value.rsplit(':').next().unwrap_or_default()))
        && first.lines().all(|line| !second.contains(line));
    Ok(Outcome::check("make-env.sh", ok, "docker/make-env.sh writes malformed or repeated secrets"))
}

/// Licences, sources and bans of the dependencies. What the advisory database says changes
/// without any change of ours and needs GitHub: see [`advisories`].
///
/// # Errors
/// When cargo-deny cannot be had.
pub(crate) fn deny() -> Result<Outcome> {
    let deny = tools::cargo_deny()?;
    let check = |what| {
        let command = command(&deny, &["--all-features", "--locked", "check", what]);
        one(what, command)
    };
    Ok(check("bans")?.and(check("licenses")?).and(check("sources")?))
}

/// Checks the dependencies against the RustSec advisory database.
///
/// # Errors
/// When cargo-deny cannot be had.
pub(crate) fn advisories() -> Result<bool> {
    let command = command(tools::cargo_deny()?, &["--all-features", "check", "advisories"]);
    Ok(run::shown(command, Duration::from_secs(LIMIT_SECS))?.ok)
}

fn one(name: &str, command: Command) -> Result<Outcome> {
    let ok = run::shown(command, Duration::from_secs(LIMIT_SECS))?.ok;
    Ok(Outcome::check(name, ok, &format!("{name} found something: see above")))
}
