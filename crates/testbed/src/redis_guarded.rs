//! A Redis server that wants proof: TLS on its only port, passwords, and a user with few rights.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::home::Home;
use crate::{Authority, Process, Validity, free_port};

const START_SECS_MAX: u64 = 20;

/// A running server with its certificates. On drop it is killed and all are removed.
#[derive(Debug)]
pub struct GuardedRedis {
    // Dropped first: the folder goes when nobody writes to it any more.
    _process: Process,
    home: Home,
    port: u16,
}

impl GuardedRedis {
    /// The password of the user `default`.
    pub const PASSWORD: &str = "password-of-default";
    /// A user by name and password who may do anything with our keys and channels only.
    pub const USER: (&str, &str) = ("twinkle", "password-of-twinkle");

    /// Starts an empty server and waits until it serves.
    ///
    /// # Errors
    /// When `redis-server` is missing or does not come up.
    pub fn start() -> Result<Self> {
        Self::start_with(Validity::Good)
    }

    /// As [`GuardedRedis::start`], with a certificate that is good or not.
    ///
    /// # Errors
    /// As [`GuardedRedis::start`].
    pub fn start_with(validity: Validity) -> Result<Self> {
        let home = Home::temporary("redis")?;
        Authority::new(home.path(), "authority")?.issue("redis", validity)?;
        Authority::new(home.path(), "stranger")?;
        let port = free_port()?;
        let (name, word) = Self::USER;
        let settings = format!(
            "bind 127.0.0.1\nport 0\ntls-port {port}\ntls-cert-file redis.pem\n\
             tls-key-file redis.key\ntls-ca-cert-file authority.pem\ntls-auth-clients no\n\
             save \"\"\nrequirepass {}\nuser {name} on >{word} ~twinkle:* &twinkle:* +@all\n",
            Self::PASSWORD
        );
        // In a file: arguments are for everybody on the machine to see.
        std::fs::write(home.path().join("redis.conf"), settings)?;
        let mut command = Command::new("redis-server");
        command.arg("redis.conf").current_dir(home.path());
        let mut process = Process::spawn("redis", command, &home.path().join("redis.log"))
            .context("Redis is needed (Debian: redis-server)")?;
        process.wait_until(Duration::from_secs(START_SECS_MAX), |process| {
            process.log_text().contains("Ready to accept connections")
        })?;
        Ok(Self { _process: process, home, port })
    }

    /// The server's address with a user's name or without, but no password.
    #[must_use]
    pub fn url(&self, user: Option<&str>) -> String {
        let user = user.map(|user| format!("{user}@")).unwrap_or_default();
        format!("rediss://{user}{}/", self.address())
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A PEM file: `authority.pem` or `stranger.pem`.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }
}
