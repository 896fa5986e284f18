//! The system under test: real processes of the binary, alone or over a real broker and a real Redis.

pub mod logs;
pub mod proxy;
pub mod replicated;
mod secrets;
mod server;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use twinkle_testbed::{Kafka, Redis, free_port};

pub use replicated::Replicated;
pub use secrets::Secrets;
pub use server::Server;

use crate::{
    calls::{Base, Bases, Caller},
    dice::Dice,
    kube::{Cluster, Manifests, Routes},
};

/// How long an audit of the log may take.
const AUDIT_SECS_MAX: u64 = 60;

/// How the roles are spread over processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One process, everything in it.
    Embedded,
    /// 2 api, 2 worker, 2 gateway, 1 operator over Kafka and Redis.
    Distributed,
    /// The same processes over three brokers and a pair of Redis servers.
    Replicated,
}

/// What a role needs of the world.
#[derive(Debug, Default)]
struct Parts {
    kafka: Option<Kafka>,
    redis: Option<Redis>,
    replicated: Option<Replicated>,
}

impl Parts {
    fn start(shape: Shape) -> Result<Self> {
        let mut parts = Self::default();
        match shape {
            Shape::Embedded => {}
            Shape::Distributed => {
                parts.kafka = Some(Kafka::start()?);
                parts.redis = Some(Redis::start()?);
            }
            Shape::Replicated => parts.replicated = Some(Replicated::start()?),
        }
        Ok(parts)
    }

    /// Variables that lead a process, by its name, there.
    fn env(&self, name: &str) -> Vec<(String, String)> {
        match (&self.kafka, &self.redis, &self.replicated) {
            (Some(kafka), Some(redis), _) => vec![
                ("TWINKLE_KAFKA".into(), kafka.bootstrap().into()),
                ("TWINKLE_REDIS".into(), redis.url().into()),
            ],
            (_, _, Some(replicated)) => replicated.env(name),
            _ => vec![],
        }
    }
}

/// What runs, and how to reach it. Everything is killed on drop.
#[derive(Debug)]
pub struct Stack {
    pub shape: Shape,
    pub servers: Vec<Server>,
    pub kafka: Option<Kafka>,
    pub redis: Option<Redis>,
    pub replicated: Option<Replicated>,
    /// What runs instead of `servers` where the chart says what does.
    pub cluster: Option<Cluster>,
    pub secrets: Secrets,
    pub caller: Caller,
    /// Logs and data; removed when `keep` was not called.
    folder: PathBuf,
    kept: bool,
    env: Vec<(String, String)>,
    bin: PathBuf,
}

impl Stack {
    /// Starts everything and waits until each process is ready.
    pub fn start(shape: Shape, bin: &Path, suite: &str, seed: u64) -> Result<Self> {
        Self::start_with(shape, bin, suite, seed, &[])
    }

    /// As [`Stack::start`], with further variables for every process.
    pub fn start_with(
        shape: Shape,
        bin: &Path,
        suite: &str,
        seed: u64,
        further: &[(String, String)],
    ) -> Result<Self> {
        let (folder, bin) = prepare(bin, suite)?;
        let secrets = Secrets::new(&mut Dice::of(seed, 1));
        let parts = Parts::start(shape)?;
        let roles: &[&str] = match shape {
            Shape::Embedded => &["all"],
            Shape::Distributed | Shape::Replicated => {
                &["api", "api", "worker", "worker", "gateway", "gateway", "operator"]
            }
        };
        let origin = format!("http://127.0.0.1:{}", free_port()?);
        let mut env = secrets.env();
        env.push(("TWINKLE_LOG_FORMAT".into(), "json".into()));
        env.push(("TWINKLE_SAMPLE".into(), "false".into()));
        env.push(("TWINKLE_DATA".into(), folder.join("data").display().to_string()));
        env.push(("TWINKLE_PUBLIC_URL".into(), origin.clone()));
        env.extend_from_slice(further);
        let mut servers = Vec::new();
        for (i, role) in roles.iter().enumerate() {
            let env = [env.clone(), parts.env(&format!("{role}-{i}"))].concat();
            servers.push(Server::start(&bin, role, i, &env, &folder)?);
        }
        env.extend(parts.env(""));
        for server in &mut servers {
            server.wait_ready()?;
        }
        let caller = Caller::new(Arc::new(bases(&servers)), origin, secrets.token.clone())?;
        let Parts { kafka, redis, replicated } = parts;
        let (kept, cluster) = (false, None);
        Ok(Self {
            shape,
            servers,
            kafka,
            redis,
            replicated,
            cluster,
            secrets,
            caller,
            folder,
            kept,
            env,
            bin,
        })
    }

    /// Starts what the manifests describe, without waiting for it.
    pub fn deploy(manifests: &Path, bin: &Path, suite: &str, seed: u64) -> Result<Self> {
        let (folder, bin) = prepare(bin, suite)?;
        let manifests = Manifests::read(manifests)?;
        let mut dice = Dice::of(seed, 1);
        let mut secrets = Secrets::new(&mut dice);
        let cluster = Cluster::start(&manifests, &bin, &folder, &mut secrets, &mut dice)?;
        let origin = cluster.variable("TWINKLE_PUBLIC_URL")?;
        let mut caller = Caller::new(Arc::new(cluster.bases()), origin, secrets.token.clone())?;
        caller.front = Some(Arc::new(Routes::of(&manifests)?));
        Ok(Self {
            shape: Shape::Distributed,
            servers: vec![],
            kafka: None,
            redis: None,
            replicated: None,
            env: cluster.inside("worker")?,
            cluster: Some(cluster),
            secrets,
            caller,
            folder,
            kept: false,
            bin,
        })
    }

    /// The binary under test.
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// Servers of a role, by their place in `servers`.
    pub fn of_role(&self, role: &str) -> Vec<usize> {
        let of = |server: &Server| server.role == role || server.role == "all";
        (0..self.servers.len()).filter(|i| of(&self.servers[*i])).collect()
    }

    pub fn kafka(&mut self) -> Result<&mut Kafka> {
        self.kafka.as_mut().context("this stack has no broker")
    }

    pub fn redis(&mut self) -> Result<&mut Redis> {
        self.redis.as_mut().context("this stack has no Redis")
    }

    /// Folds the event's log with the binary's own audit and compares it with the view.
    pub async fn audit(&self, event: &str) -> Result<()> {
        let mut command = tokio::process::Command::new(&self.bin);
        command.args(["audit", event, "--json"]).kill_on_drop(true).current_dir(&self.folder);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        let limit = Duration::from_secs(AUDIT_SECS_MAX);
        let output = tokio::time::timeout(limit, command.output()).await.context("the audit")??;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "the audit ended with {}: {text}{errors}", output.status);
        let verdict: serde_json::Value = serde_json::from_str(text.trim())
            .with_context(|| format!("the audit printed no JSON: {text}{errors}"))?;
        ensure!(verdict["matches"] == true, "the view differs from the log: {text}");
        Ok(())
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Leaves logs and data where they are.
    pub fn keep(&mut self) {
        self.kept = true;
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.servers.clear();
        self.cluster = None;
        if !self.kept {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// The folder of a suite, and the whole path of the binary.
fn prepare(bin: &Path, suite: &str) -> Result<(PathBuf, PathBuf)> {
    let folder = std::env::temp_dir().join(format!("twinkle-e2e-{suite}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).context("cannot create the suite's folder")?;
    let bin = bin.canonicalize().with_context(|| format!("no binary at {}", bin.display()))?;
    Ok((folder, bin))
}

fn bases(servers: &[Server]) -> Bases {
    let of = |role: &str| {
        let serving = servers.iter().filter(|server| server.role == role || server.role == "all");
        serving.map(|server| server.base.clone()).collect()
    };
    let mut bases = Bases::default();
    bases.api = of("api");
    bases.gateway = of("gateway");
    bases.operator = of("operator");
    bases
}

/// A base in rotation at a port of this machine.
fn base(port: u16) -> Arc<Base> {
    Arc::new(Base { url: format!("http://127.0.0.1:{port}"), up: AtomicBool::new(true) })
}
