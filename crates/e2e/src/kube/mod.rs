//! As much of Kubernetes as it takes to run what Helm rendered as processes of this machine: Secrets
//! and environment, a kubelet's probes, endpoints, and the end of a pod.

mod container;
mod environment;
mod manifests;
mod parts;
mod pod;
mod probes;
mod routes;
mod secrets;

use std::{net::Ipv4Addr, path::Path, sync::Arc};

use anyhow::{Context, Result, ensure};

pub use manifests::{Deployment, Manifests};
pub use parts::Parts;
pub use pod::{Plan, Pod};
pub use routes::Routes;

use crate::{calls::Bases, dice::Dice, stack::Secrets};

/// Pods of a Deployment: those that run, and as many that may take their places.
#[derive(Debug)]
pub struct Set {
    pub deployment: Arc<Deployment>,
    pub pods: Vec<Pod>,
    pub next: Vec<Plan>,
}

/// Everything that runs, pods first. Killed on drop.
#[derive(Debug)]
pub struct Cluster {
    pub sets: Vec<Set>,
    pub parts: Arc<Parts>,
}

impl Cluster {
    /// Starts what is around, then the pods of each Deployment. They get ready by themselves.
    pub fn start(
        manifests: &Manifests,
        bin: &Path,
        folder: &Path,
        keys: &mut Secrets,
        dice: &mut Dice,
    ) -> Result<Self> {
        let parts = Arc::new(Parts::start(manifests, keys, dice)?);
        let mut sets = Vec::new();
        let mut last = 0;
        for deployment in &manifests.deployments {
            let deployment = Arc::new(deployment.clone());
            let replicas = deployment.spec.replicas;
            ensure!(replicas >= 2, "{} has {replicas} pods", deployment.metadata.name);
            let mut plans = Vec::new();
            for number in 0..2 * replicas {
                last += 1;
                plans.push(Plan::new(&deployment, number, address(last).into(), folder)?);
            }
            let next = plans.split_off(replicas);
            let pods = plans.into_iter().map(|plan| plan.start(bin, &parts));
            sets.push(Set { pods: pods.collect::<Result<_>>()?, deployment, next });
        }
        Ok(Self { sets, parts })
    }

    /// Waits until every pod is ready.
    pub async fn ready(&self) -> Result<()> {
        for pod in self.sets.iter().flat_map(|set| &set.pods) {
            pod.ready().await?;
        }
        Ok(())
    }

    /// All pods that run or may run, by role: those without readiness are out of rotation.
    pub fn bases(&self) -> Bases {
        let of = |role: &str| {
            let sets = self.sets.iter().filter(|set| set.deployment.role() == role);
            let plans = sets.flat_map(|set| set.pods.iter().map(|pod| &pod.plan).chain(&set.next));
            plans.map(|plan| plan.base.clone()).collect()
        };
        let mut bases = Bases::default();
        bases.api = of("api");
        bases.gateway = of("gateway");
        bases.operator = of("operator");
        bases
    }

    /// A pod of this role, to run something else in it.
    pub fn inside(&self, role: &str) -> Result<Vec<(String, String)>> {
        let set = self.sets.iter().find(|set| set.deployment.role() == role);
        let pod = set.and_then(|set| set.pods.first());
        pod.with_context(|| format!("no pod is a {role}"))?.plan.env(&self.parts)
    }

    /// The value that all pods have of a variable.
    pub fn variable(&self, name: &str) -> Result<String> {
        let env = self.inside("gateway")?;
        let value = env.into_iter().find(|(known, _)| known == name);
        value.map(|(_, value)| value).with_context(|| format!("no pod has {name}"))
    }
}

/// An address of a pod's own. Runs side by side have different ones.
fn address(number: u8) -> Ipv4Addr {
    let run = std::process::id() % (250 * 250);
    Ipv4Addr::new(127, 1 + (run / 250) as u8, (run % 250) as u8, number)
}
