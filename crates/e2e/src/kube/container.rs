//! A container as its manifest describes it.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;

/// Fields that say nothing to a process without a container around it: the binary under test stands
/// for the image, and there are no walls. A field that is neither here nor read is an error.
const OF_A_CONTAINER: [&str; 4] = ["name", "image", "imagePullPolicy", "securityContext"];

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    /// Replaces the image's entry point, which is the binary.
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    args: Vec<String>,
    pub env: Vec<Variable>,
    ports: Vec<ContainerPort>,
    startup_probe: Probe,
    liveness_probe: Probe,
    readiness_probe: Probe,
    lifecycle: Lifecycle,
    #[serde(default)]
    pub resources: Resources,
    #[serde(default)]
    pub volume_mounts: Vec<VolumeMount>,
    #[serde(flatten)]
    further: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Variable {
    pub name: String,
    #[serde(default)]
    pub value: String,
    pub value_from: Option<ValueFrom>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum ValueFrom {
    #[serde(rename = "fieldRef")]
    Field { field_path: String },
    #[serde(rename = "resourceFieldRef")]
    Resource { resource: String },
    #[serde(rename = "secretKeyRef")]
    Secret { name: String, key: String },
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerPort {
    name: String,
    container_port: u16,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Probe {
    http_get: HttpGet,
    #[serde(default)]
    initial_delay_seconds: u64,
    #[serde(default = "ten")]
    period_seconds: u64,
    #[serde(default = "one")]
    timeout_seconds: u64,
    #[serde(default = "three")]
    failure_threshold: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpGet {
    path: String,
    port: Port,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Port {
    Number(u16),
    Name(String),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Lifecycle {
    pre_stop: PreStop,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct PreStop {
    sleep: Sleep,
}

#[derive(Debug, Clone, Deserialize)]
struct Sleep {
    seconds: u64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Resources {
    pub requests: BTreeMap<String, String>,
    pub limits: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VolumeMount {
    pub name: String,
    pub mount_path: String,
    #[serde(rename = "readOnly", default)]
    _read_only: bool,
}

fn one() -> u64 {
    1
}

fn ten() -> u64 {
    10
}

fn three() -> u32 {
    3
}

/// A question that is asked again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    pub path: String,
    pub port: u16,
    pub delay: Duration,
    pub period: Duration,
    pub timeout: Duration,
    /// So many failures in a row count.
    pub failures: u32,
}

impl Asking {
    /// How long it may go unanswered.
    pub fn patience(&self) -> Duration {
        self.delay + self.period * self.failures
    }
}

/// The three questions of a kubelet.
#[derive(Debug, Clone)]
pub struct Probes {
    pub startup: Asking,
    pub liveness: Asking,
    pub readiness: Asking,
}

impl Container {
    /// The words behind the binary's name.
    pub fn args(&self) -> impl Iterator<Item = &String> {
        self.command.iter().skip(1).chain(&self.args)
    }

    pub fn pre_stop(&self) -> Duration {
        Duration::from_secs(self.lifecycle.pre_stop.sleep.seconds)
    }

    pub fn port(&self, name: &str) -> Result<u16> {
        let port = self.ports.iter().find(|port| port.name == name);
        port.map(|port| port.container_port).with_context(|| format!("no port is named {name}"))
    }

    pub fn probes(&self) -> Result<Probes> {
        Ok(Probes {
            startup: self.asking(&self.startup_probe)?,
            liveness: self.asking(&self.liveness_probe)?,
            readiness: self.asking(&self.readiness_probe)?,
        })
    }

    fn asking(&self, probe: &Probe) -> Result<Asking> {
        let port = match &probe.http_get.port {
            Port::Number(port) => *port,
            Port::Name(name) => self.port(name)?,
        };
        Ok(Asking {
            path: probe.http_get.path.clone(),
            port,
            delay: Duration::from_secs(probe.initial_delay_seconds),
            period: Duration::from_secs(probe.period_seconds),
            timeout: Duration::from_secs(probe.timeout_seconds),
            failures: probe.failure_threshold,
        })
    }

    pub(super) fn check(&self, whose: &str) -> Result<()> {
        let known = |field: &&String| OF_A_CONTAINER.contains(&field.as_str());
        let unknown: Vec<_> = self.further.keys().filter(|field| !known(field)).collect();
        ensure!(unknown.is_empty(), "the container of {whose} has {unknown:?}: can't be done here");
        let program = self.command.first().map_or("twinkle", String::as_str);
        ensure!(program.ends_with("twinkle"), "the container of {whose} runs {program}");
        self.probes().with_context(|| format!("the probes of {whose}")).map(drop)
    }
}
