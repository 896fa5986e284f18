//! Three brokers, a primary and a replica of Redis, and wires to them that can be broken.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use twinkle_testbed::{Door, KafkaCluster, Redis, free_port};

use super::proxy::Proxy;

const BROKERS: usize = 3;
/// How long a replica may take to catch up.
const FOLLOWS_SECS_MAX: u64 = 60;
const POLL_MS: u64 = 50;

/// The wires of one or more processes to each broker and to Redis' primary.
#[derive(Debug, Clone)]
pub struct Wires {
    pub kafka: Vec<Proxy>,
    pub redis: Proxy,
}

/// Everything that is replicated.
#[derive(Debug)]
pub struct Replicated {
    pub kafka: KafkaCluster,
    pub redis: Pair,
    /// One for each of [`Replicated::GROUPS`].
    pub wires: Vec<Wires>,
}

/// Two Redis servers: one leads, the other follows over a wire of its own.
#[derive(Debug)]
pub struct Pair {
    servers: [Redis; 2],
    /// Index of the primary.
    primary: usize,
    /// Between the replica and its primary.
    link: Proxy,
}

impl Replicated {
    /// Who shares wires: a wire that breaks does so for one of them alone.
    pub const GROUPS: [&[&str]; 4] = [
        &["api-0", "api-1", "operator-6"],
        &["gateway-4", "gateway-5"],
        &["worker-2"],
        &["worker-3"],
    ];

    pub fn start() -> Result<Self> {
        let redis = Pair::start()?;
        let (mut wires, mut doors) = (Vec::new(), vec![Vec::new(); BROKERS]);
        for _ in Self::GROUPS {
            let mut kafka = Vec::new();
            for doors in &mut doors {
                let port = free_port()?;
                let proxy = Proxy::start(port)?;
                doors.push(Door { port, advertised: proxy.port });
                kafka.push(proxy);
            }
            wires.push(Wires { kafka, redis: Proxy::start(redis.primary().port())? });
        }
        Ok(Self { kafka: KafkaCluster::start(&doors)?, redis, wires })
    }

    /// Variables that lead a process, by its name, to its own wires.
    pub fn env(&self, name: &str) -> Vec<(String, String)> {
        let group = Self::GROUPS.iter().position(|group| group.contains(&name)).unwrap_or(0);
        let Wires { kafka, redis } = &self.wires[group];
        let brokers: Vec<_> =
            kafka.iter().map(|proxy| format!("127.0.0.1:{}", proxy.port)).collect();
        vec![
            ("TWINKLE_KAFKA".into(), brokers.join(",")),
            ("TWINKLE_KAFKA_REPLICATION".into(), BROKERS.to_string()),
            ("TWINKLE_REDIS".into(), format!("redis://127.0.0.1:{}/", redis.port)),
        ]
    }
}

impl Pair {
    fn start() -> Result<Self> {
        let servers = [Redis::start()?, Redis::start()?];
        let link = Proxy::start(servers[0].port())?;
        let pair = Self { servers, primary: 0, link };
        pair.follow()?;
        Ok(pair)
    }

    pub fn primary(&self) -> &Redis {
        &self.servers[self.primary]
    }

    pub fn primary_mut(&mut self) -> &mut Redis {
        &mut self.servers[self.primary]
    }

    /// The one that does not lead.
    pub fn old_mut(&mut self) -> &mut Redis {
        &mut self.servers[1 - self.primary]
    }

    fn replica(&self) -> &Redis {
        &self.servers[1 - self.primary]
    }

    /// Where the primary's news reach the replica.
    pub fn link(&self) -> &Proxy {
        &self.link
    }

    /// The replica leads with what it has; the old primary is left as it is. Returns the port.
    pub fn promote(&mut self) -> Result<u16> {
        self.replica().lead()?;
        self.primary = 1 - self.primary;
        Ok(self.primary().port())
    }

    /// Starts the one that does not lead if it has ended, and has it follow until it has caught up.
    pub fn mend(&mut self) -> Result<()> {
        let replica = self.old_mut();
        if !replica.runs()? {
            replica.start_again()?;
        }
        replica.resume()?;
        self.follow()
    }

    fn follow(&self) -> Result<()> {
        self.link.lead_to(self.primary().port());
        self.link.renew();
        self.replica().follow(self.link.port)?;
        let deadline = Instant::now() + Duration::from_secs(FOLLOWS_SECS_MAX);
        while !self.replica().is_replica() {
            ensure!(Instant::now() < deadline, "the replica of Redis did not catch up");
            sleep(Duration::from_millis(POLL_MS));
        }
        Ok(())
    }
}
