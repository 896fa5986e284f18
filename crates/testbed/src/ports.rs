//! Free ports of 127.0.0.1.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;

use anyhow::{Context, Result, bail};

/// Below the system's ephemeral range: a client that keeps dialling a stopped server on an ephemeral
/// port can end up connected to itself and hold the port when the server comes back.
const FIRST_PORT: u16 = 21_000;
const PORTS: u16 = 11_000;

/// A port of 127.0.0.1 that nothing listens on and that no other caller, in this process or in
/// another, is given before this process ends.
///
/// # Errors
/// When every port of the range is taken or the reservation folder cannot be written.
pub fn free_port() -> Result<u16> {
    static RESERVED: Mutex<Vec<File>> = Mutex::new(Vec::new());
    let folder = std::env::temp_dir().join("twinkle-testbed-ports");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    let start = u16::try_from(std::process::id() * 97 % u32::from(PORTS))?;
    for step in 0..PORTS {
        let port = FIRST_PORT + (start + step) % PORTS;
        let path = folder.join(port.to_string());
        let file =
            File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
        // The lock ends with the process, however it ends.
        if file.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            RESERVED.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(file);
            return Ok(port);
        }
    }
    bail!("no free port between {FIRST_PORT} and {}", FIRST_PORT + PORTS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_differ_and_are_free() {
        let mut ports: Vec<u16> = (0..50).map(|_| free_port().expect("a free port")).collect();
        for port in &ports {
            TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).expect("nothing listens there");
        }
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 50);
    }

    #[test]
    fn a_port_in_use_is_not_given() {
        let port = free_port().expect("a free port");
        let _held = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("it binds");
        assert!((0..20).all(|_| free_port().expect("a free port") != port));
    }
}
