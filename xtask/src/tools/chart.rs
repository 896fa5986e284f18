//! What the chart is checked with: Go programs, pinned by the `go.sum` of a module each.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::{INSTALL_LIMIT_SECS, is_stamped};
use crate::commands::{command, root, target};
use crate::run;

/// Helm, its plugin for unit tests and kubeconform share their dependencies; kube-score needs older ones.
const HELM: &str = "helm";
const SCORE: &str = "score";

/// Small programs; Kubernetes' tell their version, which charts ask for.
const FLAGS: &str = "-ldflags=-s -w -X k8s.io/component-base/version.gitVersion=v1.36.3 \
    -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36";

/// The path of Helm.
///
/// # Errors
/// When it does not build.
pub(crate) fn helm() -> Result<PathBuf> {
    program(HELM, "helm")
}

/// The path of helm-unittest.
///
/// # Errors
/// When it does not build.
pub(crate) fn helm_unittest() -> Result<PathBuf> {
    program(HELM, "helm-unittest")
}

/// The path of kubeconform.
///
/// # Errors
/// When it does not build.
pub(crate) fn kubeconform() -> Result<PathBuf> {
    program(HELM, "kubeconform")
}

/// The path of kube-score.
///
/// # Errors
/// When it does not build.
pub(crate) fn kube_score() -> Result<PathBuf> {
    program(SCORE, "kube-score")
}

/// A program among the tools of the Go module `xtask/go/MODULE`.
fn program(module: &str, name: &str) -> Result<PathBuf> {
    let folder = tools(module)?;
    Ok(folder.join(name))
}

/// Builds the tools of `xtask/go/MODULE` when its sums are not those of the last build.
///
/// # Errors
/// When Go is missing or one does not build.
pub(crate) fn tools(module: &str) -> Result<PathBuf> {
    let source = root().join("xtask/go").join(module);
    let home = target().join("tools/go").join(module);
    let stamp = home.join("built-from");
    let sums = std::fs::read_to_string(source.join("go.mod"))?
        + &std::fs::read_to_string(source.join("go.sum"))?;
    if !is_stamped(&stamp, &sums) {
        ensure!(run::works("go", &["version"]), "to build {module}, install Go 1.26 or newer");
        std::fs::create_dir_all(&home)?;
        let mut build = command("go", &["build", FLAGS, "-o"]);
        build.arg(format!("{}/", home.display())).arg("tool").current_dir(&source);
        build.env("GOFLAGS", "-mod=readonly -buildvcs=false");
        let out = run::shown(build, Duration::from_secs(INSTALL_LIMIT_SECS))?;
        ensure!(out.ok, "the tools of xtask/go/{module} do not build: see above");
        std::fs::write(stamp, sums)?;
    }
    Ok(home)
}
