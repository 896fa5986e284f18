//! The objects that were rendered, as far as what runs and serves goes by them.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::container::Container;

/// Fields of a pod that a process on this machine cannot have: they say where it runs and behind
/// which walls. A field that is neither here nor read is an error.
const OF_A_NODE: [&str; 8] = [
    "affinity",
    "automountServiceAccountToken",
    "imagePullSecrets",
    "nodeSelector",
    "priorityClassName",
    "securityContext",
    "tolerations",
    "topologySpreadConstraints",
];

#[derive(Debug, Default)]
pub struct Manifests {
    pub deployments: Vec<Deployment>,
    pub routes: Vec<HttpRoute>,
    pub users: Vec<KafkaUser>,
    pub topics: Vec<KafkaTopic>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Metadata {
    pub name: String,
    pub namespace: String,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Deployment {
    pub metadata: Metadata,
    pub spec: DeploymentSpec,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentSpec {
    #[serde(default = "one")]
    pub replicas: usize,
    #[serde(default)]
    pub min_ready_seconds: u64,
    pub strategy: Strategy,
    pub template: Template,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Strategy {
    pub rolling_update: RollingUpdate,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RollingUpdate {
    pub max_unavailable: Value,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Template {
    pub metadata: Metadata,
    pub spec: PodSpec,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodSpec {
    #[serde(default)]
    pub service_account_name: String,
    /// Whether each Service of the namespace adds variables of its own.
    enable_service_links: bool,
    #[serde(default = "thirty")]
    pub termination_grace_period_seconds: u64,
    containers: Vec<Container>,
    #[serde(default)]
    pub volumes: Vec<Volume>,
    #[serde(flatten)]
    further: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    pub name: String,
    pub secret: SecretVolume,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretVolume {
    pub secret_name: String,
    pub items: Vec<KeyToPath>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct KeyToPath {
    pub key: String,
    pub path: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct HttpRoute {
    pub spec: super::routes::Spec,
}

#[derive(Debug, Clone, Deserialize)]
pub struct KafkaUser {
    pub metadata: Metadata,
    pub spec: KafkaUserSpec,
}

#[derive(Debug, Clone, Deserialize)]
pub struct KafkaUserSpec {
    pub authorization: Authorization,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Authorization {
    pub acls: Vec<Acl>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Acl {
    pub resource: Resource,
    pub operations: Vec<String>,
}

#[derive(Debug, Clone, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    #[serde(rename = "type")]
    pub kind: String,
    pub name: String,
    pub pattern_type: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct KafkaTopic {
    pub spec: KafkaTopicSpec,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KafkaTopicSpec {
    pub topic_name: String,
    pub partitions: u32,
    #[serde(default)]
    pub config: BTreeMap<String, Value>,
}

fn one() -> usize {
    1
}

fn thirty() -> u64 {
    30
}

impl Manifests {
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("no manifests at {}", path.display()))?;
        Self::parse(&text)
    }

    pub fn parse(text: &str) -> Result<Self> {
        let mut all = Self::default();
        for document in yaml_serde::Deserializer::from_str(text) {
            let object = Value::deserialize(document).context("no YAML")?;
            match object["kind"].as_str() {
                Some("Deployment") => all.deployments.push(typed(object)?),
                Some("HTTPRoute") => all.routes.push(typed(object)?),
                Some("KafkaUser") => all.users.push(typed(object)?),
                Some("KafkaTopic") => all.topics.push(typed(object)?),
                _ => {}
            }
        }
        ensure!(!all.deployments.is_empty(), "there is no Deployment among the manifests");
        all.deployments.iter().try_for_each(Deployment::check)?;
        Ok(all)
    }
}

fn typed<T: DeserializeOwned>(object: Value) -> Result<T> {
    let what = format!("{} {}", object["kind"], object["metadata"]["name"]);
    serde_json::from_value(object).context(what)
}

impl Deployment {
    /// The role of its pods.
    pub fn role(&self) -> &str {
        let labels = &self.spec.template.metadata.labels;
        labels.get("app.kubernetes.io/component").map_or("", String::as_str)
    }

    pub fn pod(&self) -> &PodSpec {
        &self.spec.template.spec
    }

    pub fn container(&self) -> &Container {
        &self.pod().containers[0]
    }

    fn check(&self) -> Result<()> {
        let (name, pod) = (&self.metadata.name, self.pod());
        let unknown: Vec<_> =
            pod.further.keys().filter(|field| !OF_A_NODE.contains(&field.as_str())).collect();
        ensure!(
            unknown.is_empty(),
            "the pods of {name} have what the driver can't do: {unknown:?}"
        );
        ensure!(pod.containers.len() == 1, "the pods of {name} have more than one container");
        ensure!(!pod.enable_service_links, "Services would add variables to the pods of {name}");
        ensure!(!self.role().is_empty(), "the pods of {name} say no role");
        let less = &self.spec.strategy.rolling_update.max_unavailable;
        ensure!(*less == 0, "{name} may take {less} pods away before it adds one");
        self.container().check(name)
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub const POD: &str = "
kind: Deployment
metadata: {name: twinkle-api}
spec:
  replicas: 2
  strategy: {rollingUpdate: {maxUnavailable: 0}}
  template:
    metadata: {labels: {app.kubernetes.io/component: api, zone: a}}
    spec:
      serviceAccountName: twinkle-api
      enableServiceLinks: false
      containers:
        - name: twinkle
          image: twinkle:1
          args: [serve]
          env:
            - {name: TWINKLE_LISTEN, value: '0.0.0.0:8080'}
            - {name: KEYS, value: /etc/keys/cookie}
          ports: [{name: http, containerPort: 8080}, {name: admin, containerPort: 9090}]
          startupProbe: {httpGet: {path: /livez, port: admin}, periodSeconds: 1}
          livenessProbe: {httpGet: {path: /livez, port: admin}}
          readinessProbe: {httpGet: {path: /readyz, port: 9090}, failureThreshold: 2}
          lifecycle: {preStop: {sleep: {seconds: 4}}}
          resources: {requests: {cpu: 1500m, memory: 256Mi}}
          volumeMounts: [{name: keys, mountPath: /etc/keys, readOnly: true}]
      volumes: [{name: keys, secret: {secretName: k, items: [{key: cookie-keys, path: cookie}]}}]
";

    #[test]
    fn a_deployment_is_read_and_others_are_left_alone() {
        let text = format!("kind: Service\n---\n{POD}\n---\n");
        let all = Manifests::parse(&text).unwrap();
        let deployment = &all.deployments[0];
        assert_eq!((deployment.role(), deployment.spec.replicas), ("api", 2));
        assert_eq!(deployment.pod().termination_grace_period_seconds, 30);
    }

    #[test]
    fn what_the_driver_cannot_do_is_an_error() {
        let refused = |from: &str, to: &str| {
            assert!(POD.contains(from));
            Manifests::parse(&POD.replace(from, to)).expect_err(to);
        };
        refused("enableServiceLinks: false", "enableServiceLinks: true");
        refused("serviceAccountName", "initContainers: []\n      x");
        refused("maxUnavailable: 0", "maxUnavailable: 1");
        refused("args: [serve]", "args: [serve]\n          envFrom: []");
        refused("value: /etc/keys/cookie", "valueFrom: {configMapKeyRef: {name: a, key: b}}");
        refused("httpGet: {path: /livez, port: admin}", "exec: {command: [true]}");
        refused("port: admin", "port: nothing");
        refused(
            "secret: {secretName: k, items: [{key: cookie-keys, path: cookie}]}",
            "emptyDir: {}",
        );
        refused("kind: Deployment", "kind: StatefulSet");
    }
}
