//! Brokers that replicate each other's data, each broker and controller in one (`KRaft`).

use std::fmt::Write;
use std::path::Path;
use std::thread;

use anyhow::{Context, Result};

use crate::home::Home;
use crate::{Kafka, free_port, kafka};

/// Copies of every topic's data, where there are as many brokers.
const REPLICAS_MAX: usize = 3;
/// A broker that is silent for so long is taken for dead, and another leads.
const SESSION_MS: u32 = 3_000;
const HEARTBEAT_MS: u32 = 500;
/// A replica that has not caught up for so long no longer counts.
const LAG_MS_MAX: u32 = 4_000;

/// A further way in to a broker: it listens on `port` and sends clients that came there to
/// `advertised`, where something between them and the broker may listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Door {
    pub port: u16,
    pub advertised: u16,
}

/// Brokers of one cluster; they speak to each other directly, whatever happens at the doors.
/// On drop they are killed and their data removed.
#[derive(Debug)]
pub struct KafkaCluster {
    pub brokers: Vec<Kafka>,
}

impl KafkaCluster {
    /// Starts as many brokers as there are lists of doors, all at the same time; each list has the
    /// doors of one broker, as many as every other. Two of three copies make a record durable, and
    /// no broker that may have missed some ever leads.
    ///
    /// # Errors
    /// As [`Kafka::start`].
    pub fn start(doors: &[Vec<Door>]) -> Result<Self> {
        let ports = || doors.iter().map(|_| free_port()).collect::<Result<Vec<_>>>();
        let (direct, controllers) = (ports()?, ports()?);
        let brokers = thread::scope(|scope| {
            let start = |i: usize| {
                let home = Home::temporary("kafka-node")?;
                let node = Node {
                    number: i,
                    direct: direct[i],
                    doors: &doors[i],
                    controllers: &controllers,
                };
                let settings = node.settings(home.path())?;
                Kafka::start_node(home, node.direct, &settings)
            };
            let starting: Vec<_> =
                (0..doors.len()).map(|i| scope.spawn(move || start(i))).collect();
            let join = |broker: thread::ScopedJoinHandle<'_, Result<Kafka>>| {
                broker.join().ok().context("the start of a broker panicked")?
            };
            starting.into_iter().map(join).collect::<Result<Vec<_>>>()
        })?;
        Ok(Self { brokers })
    }

    /// The direct addresses of all brokers.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        self.brokers.iter().map(Kafka::bootstrap).collect::<Vec<_>>().join(",")
    }

    /// As [`Kafka::tool`], with every broker to turn to.
    ///
    /// # Errors
    /// With the tool's output, when it fails.
    pub fn tool(&self, class: &str, args: &[&str]) -> Result<String> {
        kafka::tool(&self.bootstrap(), class, args)
    }

    /// Index of the broker that leads partition 0 of a topic, by what the brokers say in their logs:
    /// costs no virtual machine of its own. `None` = none has said so.
    #[must_use]
    pub fn leader(&self, topic: &str) -> Option<usize> {
        let epoch = |broker: &Kafka| led_since(&broker.log_text(), topic);
        let leading = self.brokers.iter().map(epoch).enumerate();
        let leading = leading.filter_map(|(i, epoch)| Some((epoch?, i)));
        leading.max().map(|(_, i)| i)
    }
}

/// The last epoch in which the broker with this log says that it leads partition 0 of the topic.
fn led_since(log: &str, topic: &str) -> Option<u64> {
    let line = format!("Leader {topic}-0 with topic id");
    let said = log.lines().rev().find(|text| text.contains(&line))?;
    let (_, rest) = said.split_once("starts at leader epoch ")?;
    rest.split(' ').next()?.parse().ok()
}

struct Node<'a> {
    number: usize,
    direct: u16,
    doors: &'a [Door],
    controllers: &'a [u16],
}

impl Node<'_> {
    fn settings(&self, home: &Path) -> Result<String> {
        let id = |i: usize| i + 1;
        let voters = self.controllers.iter().enumerate();
        let voters: Vec<_> =
            voters.map(|(i, port)| format!("{}@127.0.0.1:{port}", id(i))).collect();
        let (direct, controller) = (self.direct, self.controllers[self.number]);
        let mut listeners = format!("DIRECT://127.0.0.1:{direct}");
        let mut protocols = "DIRECT:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned();
        let mut advertised = listeners.clone();
        for (i, door) in self.doors.iter().enumerate() {
            write!(listeners, ",DOOR{i}://127.0.0.1:{}", door.port)?;
            write!(advertised, ",DOOR{i}://127.0.0.1:{}", door.advertised)?;
            write!(protocols, ",DOOR{i}:PLAINTEXT")?;
        }
        let replicas = self.controllers.len().min(REPLICAS_MAX);
        let insync = replicas.saturating_sub(1).max(1);
        Ok(format!(
            "process.roles=broker,controller
node.id={id}
controller.quorum.voters={voters}
listeners={listeners},CONTROLLER://127.0.0.1:{controller}
advertised.listeners={advertised}
controller.listener.names=CONTROLLER
listener.security.protocol.map={protocols}
inter.broker.listener.name=DIRECT
log.dirs={data}
broker.session.timeout.ms={SESSION_MS}
broker.heartbeat.interval.ms={HEARTBEAT_MS}
replica.lag.time.max.ms={LAG_MS_MAX}
default.replication.factor={replicas}
min.insync.replicas={insync}
unclean.leader.election.enable=false
auto.create.topics.enable=false
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={insync}
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={insync}
group.initial.rebalance.delay.ms=0
",
            id = id(self.number),
            voters = voters.join(","),
            data = home.join("data").display()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_last_epoch_of_a_leader() {
        let line = |topic: &str, epoch: u64| {
            format!(
                "[data-plane-1] INFO state.change.logger - [Broker id=2] Leader {topic}-0 with \
                 topic id Some(x) starts at leader epoch {epoch} from offset 7 with partition epoch 9\n"
            )
        };
        let log = line("a", 3) + &line("b", 9) + &line("a", 4);
        assert_eq!(led_since(&log, "a"), Some(4));
        assert_eq!(led_since(&log, "b"), Some(9));
        assert_eq!(led_since(&log, "c"), None);
    }
}
