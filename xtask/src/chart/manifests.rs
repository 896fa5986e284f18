//! What the chart renders and what stands in `k8s/`, against the schemas of Kubernetes and of its extensions.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::schemas::{self, TEMPLATE, VERSIONS};
use crate::commands::{command, root};
use crate::outcome::{Outcome, Suite};
use crate::tools;

/// Files below `k8s/` that are no manifests: values of other charts and of ours, kustomizations, and what
/// eksctl reads.
const OTHER: [&str; 4] = [".values.yaml", "kustomization.yaml", "/argocd/events/", "/k8s/eks/"];

/// Checks all of them against each version of Kubernetes.
///
/// # Errors
/// When kubeconform cannot be had.
pub(crate) fn check(rendered: &[PathBuf]) -> Result<Outcome> {
    let schemas = schemas::layout()?;
    let mut files = rendered.to_vec();
    files.extend(surroundings(&root().join("k8s"))?);
    let mut outcome = Outcome::default();
    for version in VERSIONS {
        match conform(&files, &schemas, version) {
            Ok(passed) => outcome.suites.push(Suite {
                name: format!("kubernetes-{version}"),
                passed,
                failed: 0,
            }),
            Err(error) => outcome.problems.push(format!("{error:#}")),
        }
    }
    Ok(outcome)
}

/// The manifests below a folder.
fn surroundings(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    if !folder.exists() {
        return Ok(all);
    }
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.to_string_lossy();
        if path.is_dir() {
            all.extend(surroundings(&path)?);
        } else if name.ends_with(".yaml") && !OTHER.iter().any(|other| name.contains(other)) {
            all.push(path);
        }
    }
    Ok(all)
}

/// How many objects there are, all of them valid.
fn conform(files: &[PathBuf], schemas: &Path, version: &str) -> Result<u64> {
    let mut kubeconform =
        command(tools::chart::kubeconform()?, &["-strict", "-summary", "-output=json"]);
    for folder in [version, "crds"] {
        kubeconform.arg("-schema-location").arg(schemas.join(folder).join(TEMPLATE));
    }
    let out = kubeconform.args(files).output()?;
    let text = String::from_utf8_lossy(&out.stdout);
    let answer: Value = serde_json::from_str(&text).with_context(|| {
        format!("kubeconform says {text:?} {}", String::from_utf8_lossy(&out.stderr))
    })?;
    let problems: Vec<String> =
        answer["resources"].as_array().into_iter().flatten().map(told).collect();
    ensure!(problems.is_empty(), "not valid for Kubernetes {version}:\n{}", problems.join("\n"));
    answer["summary"]["valid"].as_u64().context("kubeconform gives no count")
}

fn told(resource: &Value) -> String {
    let text = |name: &str| resource[name].as_str().unwrap_or_default();
    format!("{}: {} {}: {}", text("filename"), text("kind"), text("name"), text("msg"))
}
