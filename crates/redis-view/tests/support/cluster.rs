//! A real cluster of three nodes on loopback.

use std::{
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use testbed::{Process, free_port};

const NODES: usize = 3;
const START_SECS_MAX: u64 = 30;

/// Three nodes, each with a third of the slots. On drop they are killed and their data are removed.
pub(crate) struct Cluster {
    // Dropped first: the folder goes when nobody writes to it any more.
    pub(crate) nodes: Vec<Process>,
    pub(crate) ports: Vec<u16>,
    _home: Home,
}

struct Home(PathBuf);

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Cluster {
    /// One for all tests that run at the same time.
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let cluster = Arc::new(Self::start().expect("a cluster"));
            *shared = Arc::downgrade(&cluster);
            cluster
        })
    }

    pub(crate) fn start() -> Result<Self> {
        let ports: Vec<u16> = (0..NODES).map(|_| free_port()).collect::<Result<_>>()?;
        let path = std::env::temp_dir().join(format!("twinkle-redis-cluster-{}", ports[0]));
        let home = Home(path);
        let nodes = ports.iter().map(|port| node(&home, *port)).collect::<Result<_>>()?;
        let mut cluster = Self { nodes, ports, _home: home };
        cluster.join()?;
        Ok(cluster)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.ports[0])
    }

    /// All nodes, as one address.
    pub(crate) fn urls(&self) -> String {
        let urls: Vec<_> =
            self.ports.iter().map(|port| format!("redis://127.0.0.1:{port}")).collect();
        urls.join(",")
    }

    pub(crate) fn cli(&self, node: usize, args: &[&str]) -> Result<String> {
        cli(&[&["-p", &self.ports[node].to_string()], args].concat())
    }

    fn join(&mut self) -> Result<()> {
        for (node, port) in self.nodes.iter_mut().zip(&self.ports) {
            node.wait_until(Duration::from_secs(START_SECS_MAX), |_| {
                cli(&["-p", &port.to_string(), "PING"]).is_ok_and(|answer| answer == "PONG")
            })?;
        }
        let addresses: Vec<_> = self.ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        let addresses: Vec<_> = addresses.iter().map(String::as_str).collect();
        cli(&[&["--cluster", "create"], &addresses[..], &["--cluster-yes"]].concat())?;
        for (node, port) in self.nodes.iter_mut().zip(&self.ports) {
            node.wait_until(Duration::from_secs(START_SECS_MAX), |_| {
                let info = cli(&["-p", &port.to_string(), "CLUSTER", "INFO"]);
                info.is_ok_and(|info| info.contains("cluster_state:ok"))
            })?;
        }
        Ok(())
    }
}

fn node(home: &Home, port: u16) -> Result<Process> {
    let folder = home.0.join(port.to_string());
    std::fs::create_dir_all(&folder)?;
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
    command.args(["--cluster-enabled", "yes", "--cluster-port", &free_port()?.to_string()]);
    command.args(["--save", "", "--appendonly", "no", "--dir"]).arg(&folder);
    Process::spawn("redis", command, &folder.join("redis.log"))
}

fn cli(args: &[&str]) -> Result<String> {
    let out = Command::new("redis-cli").arg("-e").args(args).output().context("redis-cli")?;
    let text = String::from_utf8_lossy(&out.stdout).trim_end().to_owned();
    ensure!(out.status.success(), "{text}{}", String::from_utf8_lossy(&out.stderr));
    Ok(text)
}
