//! A real control plane without nodes: the chart is installed, upgraded, rolled back and removed in it.

mod plane;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::chart::{CHART, crds};
use crate::commands::{command, root};
use crate::{run, tools};
use plane::Plane;

const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(500);
/// Two pods of each of the four roles.
const PODS: usize = 8;
/// A namespace that takes unprivileged pods only.
const NAMESPACE: &str = r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"twinkle","labels":{
"pod-security.kubernetes.io/enforce":"restricted","pod-security.kubernetes.io/enforce-version":"latest"}}}"#;
/// Nodes' users give their pods a rank; the values with every switch on name one.
const PRIORITY: &str = r#"{"apiVersion":"scheduling.k8s.io/v1","kind":"PriorityClass","metadata":{"name":"twinkle"},
"value":1000}"#;
/// Asks the server for what is there: Helm's own way to read, so that no other client is needed. It takes
/// only what is an object.
const LOOK: &str = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"look"},"data":{"found":
{{ (lookup .Values.version .Values.kind "twinkle" "").items | toJson | toJson }}
}}"#;
/// A pod that runs as root: the namespace must refuse it.
const ROOT: &str = r#"extraObjects=[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"root"},
"spec":{"containers":[{"name":"root","image":"x","securityContext":{"runAsUser":0}}]}}]"#;

/// Goes through the chart's life.
///
/// # Errors
/// With what went wrong; everything is stopped.
pub(crate) fn run() -> Result<bool> {
    let begun = Instant::now();
    let folder = tempfile::tempdir()?;
    let plane = Plane::start(folder.path())?;
    let cluster = Cluster { folder: folder.path().to_owned(), kubeconfig: plane.kubeconfig() };
    println!("Kubernetes {} answers after {:.0?}", plane::VERSION, begun.elapsed());
    cluster.prepare()?;
    cluster.life()?;
    drop(plane);
    println!("all of it in {:.0?}", begun.elapsed());
    Ok(true)
}

struct Cluster {
    folder: PathBuf,
    kubeconfig: PathBuf,
}

impl Cluster {
    /// The definitions of all operators, and a namespace where Pod Security is enforced.
    fn prepare(&self) -> Result<()> {
        let chart = self.small_chart("surroundings", "namespace.json", NAMESPACE)?;
        fs::write(chart.join("templates/priority.json"), PRIORITY)?;
        let files = crds()?;
        for file in &files {
            let name = file.file_name().context("a definition has a name")?;
            // Helm would take what looks like a template in a definition for one.
            fs::create_dir_all(chart.join("crds"))?;
            fs::copy(file, chart.join("crds").join(name).with_extension("yaml"))?;
        }
        self.told("surroundings", &["install", "surroundings", &chart.to_string_lossy()])?;
        println!("{} definitions, namespace twinkle with Pod Security \"restricted\"", files.len());
        let look = self.small_chart("look", "look.yaml", LOOK)?;
        ensure!(look.exists(), "the chart that looks is not there");
        Ok(())
    }

    fn life(&self) -> Result<()> {
        let plain = root().join(CHART).join("ci/plain.yaml");
        let full = root().join(CHART).join("ci/full.yaml");
        let (plain, full) = (plain.to_string_lossy(), full.to_string_lossy());
        let here = ["--namespace", "twinkle", "--values"];
        let at = |verb, values| [&[verb, "twinkle", CHART], &here[..], &[values]].concat();

        self.refused(&[&at("install", &plain)[..], &["--set-json", ROOT]].concat())?;
        self.told("remove the refused one", &["uninstall", "twinkle", "--namespace", "twinkle"])?;
        self.told("install", &at("install", &plain))?;
        self.until("were admitted", "v1", "Pod", PODS)?;
        self.told("upgrade to canaries, KEDA, ALB and monitoring", &at("upgrade", &full))?;
        for (version, kind, count) in [
            ("argoproj.io/v1alpha1", "Rollout", 2),
            ("keda.sh/v1alpha1", "ScaledObject", 2),
            ("monitoring.coreos.com/v1", "ServiceMonitor", 1),
            ("networking.k8s.io/v1", "Ingress", 1),
            ("apps/v1", "Deployment", 2),
        ] {
            self.until("are there", version, kind, count)?;
        }
        self.told(
            "upgrade again, changed",
            &[&at("upgrade", &full)[..], &["--set", "config.drainSecs=45"]].concat(),
        )?;
        self.told("roll back", &["rollback", "twinkle", "1", "--namespace", "twinkle"])?;
        self.until("are back", "apps/v1", "Deployment", 4)?;
        self.until("are gone", "argoproj.io/v1alpha1", "Rollout", 0)?;
        // Pods are not counted here: without nodes none gets ready, so no rollout of a Deployment ends.
        self.told("remove", &["uninstall", "twinkle", "--namespace", "twinkle", "--wait"])?;
        for (version, kind) in [
            ("apps/v1", "Deployment"),
            ("v1", "Service"),
            ("v1", "Pod"),
            ("networking.k8s.io/v1", "NetworkPolicy"),
        ] {
            self.until("are left", version, kind, 0)?;
        }
        Ok(())
    }

    /// A chart with one template, which need not be kept.
    fn small_chart(&self, name: &str, file: &str, text: &str) -> Result<PathBuf> {
        let chart = self.folder.join(name);
        fs::create_dir_all(chart.join("templates"))?;
        fs::write(
            chart.join("Chart.yaml"),
            format!("apiVersion: v2\nname: {name}\nversion: 0.1.0\n"),
        )?;
        fs::write(chart.join("templates").join(file), text)?;
        Ok(chart)
    }

    fn helm(&self, args: &[&str]) -> Result<Command> {
        let mut helm = command(tools::chart::helm()?, args);
        helm.env("KUBECONFIG", &self.kubeconfig).env("HELM_CACHE_HOME", self.folder.join("cache"));
        helm.env("HELM_CONFIG_HOME", self.folder.join("config"));
        Ok(helm)
    }

    /// A command of Helm that must work.
    fn told(&self, what: &str, args: &[&str]) -> Result<()> {
        let begun = Instant::now();
        run::quiet(self.helm(args)?).with_context(|| format!("helm {}", args[0]))?;
        println!("helm {:<10} {what}: {:.1?}", args[0], begun.elapsed());
        Ok(())
    }

    /// A control: what violates the namespace's rules does not get in.
    fn refused(&self, args: &[&str]) -> Result<()> {
        let out = self.helm(args)?.output()?;
        let said = String::from_utf8_lossy(&out.stderr);
        ensure!(
            !out.status.success(),
            "a pod that runs as root was let in: Pod Security is not enforced"
        );
        ensure!(said.contains("violates PodSecurity"), "refused for another reason: {said}");
        println!("helm {:<10} a pod that runs as root: refused, violates PodSecurity", args[0]);
        Ok(())
    }

    /// Waits until the namespace has so many objects of a kind.
    fn until(&self, what: &str, version: &str, kind: &str, count: usize) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.look(version, kind)?.len();
            if found == count {
                println!("  {count} {kind} {what}");
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{found} {kind}, not {count}; {}", self.why()?);
            }
            std::thread::sleep(POLL);
        }
    }

    /// The objects of a kind in the namespace.
    fn look(&self, version: &str, kind: &str) -> Result<Vec<Value>> {
        let chart = self.folder.join("look");
        let (version, kind) = (format!("version={version}"), format!("kind={kind}"));
        let args = [
            "template",
            "look",
            &chart.to_string_lossy(),
            "--dry-run=server",
            "--set",
            &version,
            "--set",
            &kind,
        ];
        let text = run::quiet(self.helm(&args)?)?;
        let found = text.lines().find(|line| line.starts_with('"')).unwrap_or("\"null\"");
        let found: String = serde_json::from_str(found)?;
        Ok(serde_json::from_str::<Option<Vec<Value>>>(&found)?.unwrap_or_default())
    }

    /// What the controllers complain about.
    fn why(&self) -> Result<String> {
        let events = self.look("v1", "Event")?;
        let warnings = events.iter().filter(|event| event["type"] == "Warning");
        let told: Vec<_> = warnings.filter_map(|event| event["message"].as_str()).take(3).collect();
        Ok(format!("the controllers say: {told:?}"))
    }
}

/// The path in the text of a file that a process is given.
fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
