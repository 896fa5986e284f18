//! Checks of the pipelines: GitHub Actions, the Jenkinsfile, and the shell scripts that they call.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::commands::{command, root};
use crate::outcome::Outcome;
use crate::{run, tools};

const WORKFLOWS: &str = ".github/workflows";
const SCRIPTS: &str = "docker";
/// What a pipeline of ours does, in order.
const STAGES: [&str; 5] =
    ["Checkout", "Static analysis", "Test", "Build and push", "Update digest"];

/// Lints the workflows and the scripts, plays the Jenkinsfile, and tries the scripts it calls.
///
/// # Errors
/// When a checker cannot be had.
pub(crate) fn check() -> Result<Outcome> {
    let shellcheck = tools::python("shellcheck")?;
    let mut actionlint = command(tools::actionlint()?, &["-no-color", "-shellcheck"]);
    actionlint.arg(&shellcheck);
    let mut scripts = command(&shellcheck, &["--color=never"]);
    scripts.args(files(SCRIPTS, "sh")?);
    Ok(told("actionlint", actionlint)
        .and(told("shellcheck", scripts))
        .and(Outcome::of("pinned actions", pinned()))
        .and(Outcome::of("Jenkinsfile", jenkinsfile(&shellcheck)))
        .and(Outcome::of("set-digest.sh", set_digest()))
        .and(Outcome::of("package-chart.sh", package_chart())))
}

fn told(name: &str, command: Command) -> Outcome {
    Outcome::of(name, run::quiet(command).map(drop))
}

fn files(folder: &str, extension: &str) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root().join(folder))? {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == extension) {
            files.push(path.to_string_lossy().into_owned());
        }
    }
    ensure!(!files.is_empty(), "there is no .{extension} in {folder}");
    files.sort();
    Ok(files)
}

/// An action of somebody else stands there by its commit: a tag can be moved.
fn pinned() -> Result<()> {
    for file in files(WORKFLOWS, "yml")? {
        for line in std::fs::read_to_string(&file)?.lines() {
            let Some((_, action)) = line.split_once("uses: ") else { continue };
            let commit =
                action.split_once('@').map_or("", |(_, at)| at.split(' ').next().unwrap_or(at));
            let fixed = commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit());
            ensure!(fixed || action.starts_with("./"), "{file}: {action} is not a commit");
        }
    }
    Ok(())
}

/// Its stages are those of a pipeline of ours, and each of its scripts passes the linter.
fn jenkinsfile(shellcheck: &Path) -> Result<()> {
    let mut java = command("java", &["-cp"]);
    java.arg(tools::groovy()?)
        .args(["groovy.ui.GroovyMain", "xtask/src/pipelines/jenkinsfile.groovy"]);
    java.arg("Jenkinsfile");
    let told = run::quiet(java)?;
    let stages: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("stage ")).collect();
    ensure!(stages == STAGES, "its stages are {stages:?}, not {STAGES:?}");
    let home = tempfile::tempdir()?;
    let script = home.path().join("script.sh");
    for encoded in told.lines().filter_map(|line| line.strip_prefix("sh ")) {
        // As Jenkins runs it: the first failure ends it.
        std::fs::write(&script, [b"set -e\n".as_slice(), &base64(encoded)?].concat())?;
        let mut lint = command(shellcheck, &["--color=never", "--shell=sh"]);
        lint.arg(&script);
        run::quiet(lint)?;
    }
    Ok(())
}

fn base64(text: &str) -> Result<Vec<u8>> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.decode(text).context("the player of the Jenkinsfile writes base64")
}

/// Sets the one digest of a file, keeps the rest, and refuses anything else.
fn set_digest() -> Result<()> {
    let home = tempfile::tempdir()?;
    let file = home.path().join("values.yaml");
    let digest = format!("sha256:{}", "0a".repeat(32));
    let set = |before: &str, digest: &str| -> Result<String> {
        std::fs::write(&file, before)?;
        let mut script = command("sh", &["docker/set-digest.sh"]);
        script.arg(&file).arg(digest);
        run::quiet(script)?;
        Ok(std::fs::read_to_string(&file)?)
    };
    let set_to = set("image:\n  digest: \"\"\n  tag: x\n", &digest)?;
    ensure!(set_to == format!("image:\n  digest: \"{digest}\"\n  tag: x\n"), "it wrote {set_to}");
    ensure!(set("image:\n  tag: x\n", &digest).is_err(), "no line passes");
    ensure!(set("a:\n  digest: 1\nb:\n  digest: 2\n", &digest).is_err(), "two lines pass");
    ensure!(set("digest: x\n", "sha256:0a").is_err(), "a short digest passes");
    ensure!(set("digest: x\n", &digest.replace('a', "&")).is_err(), "a wrong digit passes");
    Ok(())
}

/// Packages the chart for one image, and the package says so.
fn package_chart() -> Result<()> {
    let home = tempfile::tempdir()?;
    let helm = tools::chart::helm()?;
    let folder = helm.parent().context("helm is in a folder")?;
    let path = std::env::var("PATH").unwrap_or_default();
    let digest = format!("sha256:{}", "0a".repeat(32));
    let args = ["docker/package-chart.sh", "v1.2.3", "registry.test/twinkle", &digest];
    let mut script = command("sh", &args);
    script.arg(home.path()).env("PATH", format!("{}:{path}", folder.display()));
    run::quiet(script)?;
    let mut show = command(&helm, &["show", "values"]);
    show.arg(home.path().join("twinkle-1.2.3.tgz"));
    let values = run::quiet(show)?;
    for line in [format!("digest: \"{digest}\""), "repository: \"registry.test/twinkle\"".into()] {
        ensure!(values.contains(&line), "the package lacks {line}");
    }
    Ok(())
}
