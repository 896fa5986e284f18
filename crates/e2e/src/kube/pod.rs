//! A pod: one process with the environment, the files and the probes of its manifest.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};
use twinkle_testbed::{Process, terminate};

use super::{
    container::Probes,
    environment::{self, Place},
    manifests::Deployment,
    parts::Parts,
    probes::{self, Health},
};
use crate::calls::Base;

const POLL_MS: u64 = 10;

/// A pod that may be started: its name and its address are given.
#[derive(Debug, Clone)]
pub struct Plan {
    pub name: String,
    pub deployment: Arc<Deployment>,
    pub base: Arc<Base>,
    ip: IpAddr,
    /// Of all files: logs, and a folder for each pod's root.
    folder: PathBuf,
}

/// A pod that runs, with a kubelet that asks after it. Killed on drop.
#[derive(Debug)]
pub struct Pod {
    pub plan: Plan,
    pub health: Arc<Health>,
    process: Process,
    kubelet: JoinHandle<Result<()>>,
}

/// How a pod ended.
#[derive(Debug)]
pub struct End {
    pub status: ExitStatus,
    /// Since it was told that it will end: the pause before SIGTERM is a part of it.
    pub took: Duration,
    pub at: Instant,
}

impl Plan {
    pub fn new(
        deployment: &Arc<Deployment>,
        number: usize,
        ip: IpAddr,
        folder: &Path,
    ) -> Result<Self> {
        let address = SocketAddr::new(ip, deployment.container().port("http")?);
        let base = Base { url: format!("http://{address}"), up: AtomicBool::new(false) };
        Ok(Self {
            name: format!("{}-{number}", deployment.metadata.name),
            deployment: deployment.clone(),
            base: Arc::new(base),
            ip,
            folder: folder.to_owned(),
        })
    }

    /// The variables of its container.
    pub fn env(&self, parts: &Parts) -> Result<Vec<(String, String)>> {
        let place = Place {
            pod: &self.name,
            ip: self.ip,
            root: &self.root(),
            kafka: &parts.kafka.sasl(),
            redis: &parts.redis.address(),
            secrets: &parts.secrets,
        };
        environment::resolve(&self.deployment, &place)
    }

    /// Stands for `/`.
    fn root(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    /// Where the process stands: nothing may be written there, as containers are read-only.
    pub fn working_folder(&self) -> PathBuf {
        self.root().join("work")
    }

    pub fn start(self, bin: &Path, parts: &Parts) -> Result<Pod> {
        let work = self.working_folder();
        std::fs::create_dir_all(&work).context("cannot create a pod's folder")?;
        parts.secrets.mount(&self.deployment, &self.root()).context(self.name.clone())?;
        let mut command = Command::new(bin);
        command.args(self.deployment.container().args()).current_dir(work);
        command.env_clear().envs(self.env(parts)?);
        let log = self.folder.join(format!("{}.log", self.name));
        let process = Process::spawn(&self.name, command, &log)?;
        let health = Arc::new(Health::of(self.base.clone()));
        let probes = self.deployment.container().probes()?;
        let kubelet = tokio::spawn(probes::watch(probes, self.ip, health.clone()));
        Ok(Pod { plan: self, health, process, kubelet })
    }
}

impl Pod {
    pub fn role(&self) -> &str {
        self.plan.deployment.role()
    }

    /// Where a question of the kubelet for its readiness goes.
    pub fn readiness(&self) -> Result<String> {
        let asking = self.plan.deployment.container().probes()?.readiness;
        Ok(format!("http://{}{}", SocketAddr::new(self.plan.ip, asking.port), asking.path))
    }

    /// Waits until it is ready, for as long as both of its probes may take.
    pub async fn ready(&self) -> Result<()> {
        let Probes { startup, readiness, .. } = self.plan.deployment.container().probes()?;
        if self.health.ready_within(startup.patience() + readiness.patience()).await {
            return Ok(());
        }
        let (name, faults) = (&self.plan.name, self.health.faults());
        let said = match reqwest::get(self.readiness()?).await {
            Ok(answer) => answer.text().await?,
            Err(error) => format!("{error:#}"),
        };
        bail!("{name} does not get ready: {faults:?}, {said}")
    }

    /// Ends it as Kubernetes does. `at_signal` runs from SIGTERM on, beside the end.
    pub async fn end<T>(mut self, at_signal: impl Future<Output = T>) -> Result<(End, T)> {
        let began = Instant::now();
        let grace =
            Duration::from_secs(self.plan.deployment.pod().termination_grace_period_seconds);
        self.health.leave();
        sleep(self.plan.deployment.container().pre_stop()).await;
        if self.process.ended()?.is_some() {
            bail!("{} ended before SIGTERM", self.plan.name);
        }
        terminate(self.process.pid())?;
        let (ended, seen) = tokio::join!(self.ended(began + grace), at_signal);
        let end = ended?.with_context(|| format!("SIGKILL after {} s", grace.as_secs()))?;
        let (status, at) = end;
        Ok((End { status, took: at - began, at }, seen))
    }

    /// Waits for the end; SIGKILL and `None` when the time is over.
    async fn ended(&mut self, deadline: Instant) -> Result<Option<(ExitStatus, Instant)>> {
        loop {
            if let Some(status) = self.process.ended()? {
                return Ok(Some((status, Instant::now())));
            }
            if Instant::now() >= deadline {
                self.process.kill()?;
                return Ok(None);
            }
            sleep(Duration::from_millis(POLL_MS)).await;
        }
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        self.kubelet.abort();
    }
}
