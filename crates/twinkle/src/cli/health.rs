//! `twinkle health`: whether the process on this machine is ready; for container health checks.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use clap::Args;

const PATIENCE_SECS: u64 = 2;
/// Enough for the status line and the reason.
const ANSWER_BYTES_MAX: u64 = 4_096;

#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// Address of the second port, as `serve` was told; asked over loopback
    #[arg(long, env = "TWINKLE_ADMIN_LISTEN", default_value = "127.0.0.1:9090")]
    admin_listen: SocketAddr,
}

pub(crate) fn run(args: &HealthArgs) -> Result<()> {
    let mut address = args.admin_listen;
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    let answer = ask(address).with_context(|| format!("{address} does not answer"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    ensure!(head.starts_with("HTTP/1.1 200 "), "{}", body.trim());
    Ok(())
}

fn ask(address: SocketAddr) -> std::io::Result<String> {
    let patience = Duration::from_secs(PATIENCE_SECS);
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer)?;
    Ok(answer)
}
