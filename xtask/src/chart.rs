//! The chart and what surrounds it: lint, unit tests, schemas, scores, documentation, settings.

mod docs;
mod manifests;
mod schemas;
mod settings;

pub(crate) use docs::write as write_docs;
pub(crate) use schemas::crds;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::commands::{command, root, target};
use crate::outcome::{Outcome, Suite};
use crate::{run, tools};

pub(crate) const CHART: &str = "helm/twinkle";
const LIMIT_SECS: u64 = 300;

/// What kube-score finds and we do otherwise, with the reason; each must be found, else it is stale.
const EXCEPTIONS: [(&str, &str); 3] = [
    ("CPU limit is not set", "throttling delays every frame; requests share out the cores"),
    ("ImagePullPolicy is not set to Always", "images come by digest: a node need not ask again"),
    ("Deployment few replicas", "KEDA gives the number, and an operator may be single"),
];
/// kube-score does not know Rollouts: it would miss what they run. Their pods are those of Deployments.
const UNKNOWN_TO_SCORE: &str = "kind: Rollout";

/// All checks.
///
/// # Errors
/// When a tool cannot be had.
pub(crate) fn step() -> Result<Outcome> {
    let rendered = rendered()?;
    Ok(Outcome::of("helm lint", lint())
        .and(unit()?)
        .and(manifests::check(&rendered)?)
        .and(Outcome::of("kube-score", score(&rendered)))
        .and(Outcome::of("documentation of values", docs::check()))
        .and(Outcome::of("settings", settings::check(&rendered)))
        .and(Outcome::of("metrics", settings::metrics())))
}

/// When the event of the tests opens: near the end of a year, where a cron trigger is hard.
const OPENS_AT: &str = "event.opensAt=2026-12-31T23:45:00Z";

/// Arguments for Helm for each shape that the chart supports. Files that leave addresses to the user are
/// laid over one that has them.
pub(crate) fn values() -> Result<Vec<(String, Vec<String>)>> {
    let chart = root().join(CHART);
    let args = |path: PathBuf| vec!["--values".to_owned(), path.to_string_lossy().into_owned()];
    let mut all = Vec::new();
    for folder in ["ci", "examples"] {
        for entry in std::fs::read_dir(chart.join(folder))? {
            let path = entry?.path();
            let stem = path.file_stem().context("a file of values has a name")?;
            all.push((format!("{folder}-{}", stem.to_string_lossy()), args(path)));
        }
    }
    for size in ["small", "50k"] {
        let mut over = args(chart.join("examples/strimzi.yaml"));
        over.extend(args(chart.join(format!("values-{size}.yaml"))));
        over.extend(["--set-string".to_owned(), OPENS_AT.to_owned()]);
        all.push((size.to_owned(), over));
    }
    let events = root().join("k8s/argocd/events");
    for entry in std::fs::read_dir(events)? {
        let mut over = args(chart.join("values-50k.yaml"));
        over.extend(args(entry?.path()));
        all.push(("event".to_owned(), over));
    }
    all.sort();
    Ok(all)
}

/// What the end-to-end suite `drain` runs: the chart, and the users and topics that it finds in Kafka.
///
/// # Errors
/// When Helm cannot be had or refuses.
pub(crate) fn deployed() -> Result<PathBuf> {
    let values = format!("{CHART}/ci/drain.yaml");
    let mut text = template(&["--values".to_owned(), values])?;
    for file in ["users", "topics"] {
        let surroundings = root().join(format!("k8s/strimzi/{file}.yaml"));
        text = format!("{text}\n---\n{}", std::fs::read_to_string(surroundings)?);
    }
    let file = target().join("chart/deployed.yaml");
    std::fs::create_dir_all(target().join("chart"))?;
    std::fs::write(&file, text)?;
    Ok(file)
}

fn template(args: &[String]) -> Result<String> {
    let mut helm = command(tools::chart::helm()?, &["template", "twinkle", CHART]);
    helm.args(["--namespace", "twinkle"]).args(args);
    run::quiet(helm)
}

/// What the chart makes of each shape.
fn rendered() -> Result<Vec<PathBuf>> {
    let folder = target().join("chart/rendered");
    std::fs::create_dir_all(&folder)?;
    let mut all = Vec::new();
    for (name, args) in values()? {
        let text = template(&args).with_context(|| format!("values {name}"))?;
        let file = folder.join(format!("{name}.yaml"));
        std::fs::write(&file, text)?;
        all.push(file);
    }
    ensure!(!all.is_empty(), "there are no files of values");
    Ok(all)
}

fn lint() -> Result<()> {
    for (name, args) in values()? {
        let mut helm = command(tools::chart::helm()?, &["lint", "--strict", "--quiet", CHART]);
        helm.args(args);
        let out = run::shown(helm, Duration::from_secs(LIMIT_SECS))?;
        ensure!(out.ok, "helm lint with values {name} found something: see above");
    }
    Ok(())
}

/// The suites of `helm/twinkle/tests`.
fn unit() -> Result<Outcome> {
    let unittest = command(tools::chart::helm_unittest()?, &["--strict", CHART]);
    let out = run::shown(unittest, Duration::from_secs(LIMIT_SECS))?;
    let line = out.text.lines().find_map(|line| line.trim().strip_prefix("Tests:"));
    let passed =
        line.and_then(|line| line.split(',').find_map(|part| part.trim().strip_suffix(" passed")));
    let passed = passed.and_then(|count| count.trim().parse().ok()).unwrap_or(0);
    let suite = Suite { name: "chart-unit".to_owned(), passed, failed: 0 };
    let mut outcome = Outcome { suites: vec![suite], problems: Vec::new() };
    if !out.ok {
        outcome.problems.push("unit tests of the chart failed: see above".to_owned());
    }
    Ok(outcome)
}

fn score(rendered: &[PathBuf]) -> Result<()> {
    let mut found = Vec::new();
    let mut looked = 0;
    for file in rendered {
        if !std::fs::read_to_string(file)?.contains(UNKNOWN_TO_SCORE) {
            looked += 1;
            found.extend(scored(file)?);
        }
    }
    let excepted = |line: &String| EXCEPTIONS.iter().any(|(what, _)| line.contains(what));
    let stale: Vec<_> = EXCEPTIONS
        .iter()
        .filter(|(what, _)| !found.iter().any(|line| line.contains(what)))
        .collect();
    ensure!(looked > 0, "kube-score was given nothing to look at");
    ensure!(stale.is_empty(), "no longer found by kube-score, take them out: {stale:?}");
    found.retain(|line| !excepted(line));
    ensure!(found.is_empty(), "kube-score found:\n{}", found.join("\n"));
    Ok(())
}

/// What kube-score says about a file beyond "OK".
fn scored(file: &Path) -> Result<Vec<String>> {
    let version = format!("v{}", schemas::VERSIONS[0]);
    let mut score = command(tools::chart::kube_score()?, &["score", "--output-format=ci"]);
    let out = score.args(["--kubernetes-version", &version]).arg(file).output()?;
    let text = String::from_utf8_lossy(&out.stdout);
    ensure!(text.contains("[OK]"), "kube-score: {text}{}", String::from_utf8_lossy(&out.stderr));
    let bad =
        text.lines().filter(|line| !line.starts_with("[OK]") && !line.starts_with("[SKIPPED]"));
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    Ok(bad.map(|line| format!("{name}: {line}")).collect())
}
