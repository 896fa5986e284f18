//! etcd, kube-apiserver and kube-controller-manager, built from Go modules, on free ports of 127.0.0.1.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use testbed::{Authority, Process, Validity, free_port};

use super::text;
use crate::tools;

pub(super) const VERSION: &str = "1.36.3";
const PATIENCE: Duration = Duration::from_secs(120);
/// Good for this server only, which ends with this program.
const TOKEN: &str = "of-this-run-only";

/// The three processes; dropped, they are killed by pid, the server's clients first.
pub(super) struct Plane {
    _controllers: Process,
    _server: Process,
    _etcd: Process,
    kubeconfig: PathBuf,
}

impl Plane {
    /// Starts them with all their files in `folder`; answers once Helm gets an answer.
    ///
    /// # Errors
    /// When one does not build or ends.
    pub(super) fn start(folder: &Path) -> Result<Self> {
        let tools = tools::chart::tools("cluster")?;
        Authority::new(folder, "authority")?.issue("accounts", Validity::Good)?;
        fs::write(folder.join("tokens"), format!("{TOKEN},admin,admin,system:masters\n"))?;
        let (client, peer, port) = (free_port()?, free_port()?, free_port()?);
        let kubeconfig = write_kubeconfig(folder, port)?;
        let etcd =
            Process::spawn("etcd", etcd(&tools, folder, client, peer), &folder.join("etcd.log"))?;
        let server = server(&tools, folder, client, port);
        let mut server = Process::spawn("kube-apiserver", server, &folder.join("server.log"))?;
        server.wait_until(PATIENCE, |_| answers(&kubeconfig))?;
        let controllers = controllers(&tools, folder, &kubeconfig);
        let log = folder.join("controllers.log");
        let controllers = Process::spawn("kube-controller-manager", controllers, &log)?;
        Ok(Self { _controllers: controllers, _server: server, _etcd: etcd, kubeconfig })
    }

    /// The file that names the server.
    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.kubeconfig.clone()
    }
}

fn answers(kubeconfig: &Path) -> bool {
    let Ok(helm) = tools::chart::helm() else { return false };
    let mut helm = Command::new(helm);
    helm.args(["list", "--all-namespaces"]).env("KUBECONFIG", kubeconfig);
    helm.output().is_ok_and(|out| out.status.success())
}

fn etcd(tools: &Path, folder: &Path, client: u16, peer: u16) -> Command {
    let (client, peer) = (url(client), url(peer));
    let mut etcd = Command::new(tools.join("server"));
    etcd.args(["--name=one", "--data-dir"]).arg(folder.join("etcd"));
    etcd.arg(format!("--listen-client-urls={client}"))
        .arg(format!("--advertise-client-urls={client}"));
    etcd.arg(format!("--listen-peer-urls={peer}"))
        .arg(format!("--initial-advertise-peer-urls={peer}"));
    etcd.arg(format!("--initial-cluster=one={peer}"));
    etcd
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn server(tools: &Path, folder: &Path, etcd: u16, port: u16) -> Command {
    let mut server = Command::new(tools.join("kube-apiserver"));
    server.arg(format!("--etcd-servers={}", url(etcd))).arg(format!("--secure-port={port}"));
    server.args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--cert-dir"]);
    server.arg(folder.join("server")).arg("--token-auth-file").arg(folder.join("tokens"));
    server.arg("--service-account-issuer=https://kubernetes.default.svc");
    server.arg("--service-account-key-file").arg(folder.join("accounts.pem"));
    server.arg("--service-account-signing-key-file").arg(folder.join("accounts.key"));
    server.args(["--service-cluster-ip-range=10.96.0.0/16", "--authorization-mode=RBAC"]);
    server
}

fn controllers(tools: &Path, folder: &Path, kubeconfig: &Path) -> Command {
    let mut controllers = Command::new(tools.join("kube-controller-manager"));
    controllers
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .args(["--secure-port=0", "--leader-elect=false"]);
    controllers.arg("--service-account-private-key-file").arg(folder.join("accounts.key"));
    controllers.arg("--use-service-account-credentials=false");
    controllers
}

fn write_kubeconfig(folder: &Path, port: u16) -> Result<PathBuf> {
    let file = folder.join("kubeconfig");
    let authority = text(&folder.join("server/apiserver.crt"));
    let config = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "clusters": [{"name": "here", "cluster": {
            "server": format!("https://127.0.0.1:{port}"), "certificate-authority": authority}}],
        "users": [{"name": "admin", "user": {"token": TOKEN}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "admin"}}],
    });
    fs::write(&file, config.to_string())?;
    Ok(file)
}
