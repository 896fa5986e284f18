//! Faults of the brokers: kill -9 and sleep, the leader of the sale's log first of all.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use tokio::{task::block_in_place, time::sleep};
use twinkle_testbed::KafkaCluster;

use super::{Nemesis, TOPIC};
use crate::dice::{Deck, Dice};

/// Pause between two faults, in ms: the copies must be whole again, or the log rightly stands still.
const BETWEEN: (u64, u64) = (4_000, 7_000);

/// Strikes brokers: one at a time, or, asleep for a moment, most of them.
#[derive(Debug)]
pub struct Brokers {
    cluster: KafkaCluster,
    deck: Deck<Deed>,
    nemesis: Arc<Nemesis>,
    dice: Dice,
}

#[derive(Debug, Clone, Copy)]
enum Deed {
    KillLeader,
    KillOther,
    SleepLeader,
    SleepOther,
    SleepTwo,
}

impl Brokers {
    pub fn new(cluster: KafkaCluster, nemesis: Arc<Nemesis>, dice: Dice) -> Self {
        use Deed::{KillLeader, KillOther, SleepLeader, SleepOther, SleepTwo};
        let deck = Deck::new([
            KillLeader,
            KillLeader,
            KillOther,
            SleepLeader,
            SleepLeader,
            SleepOther,
            SleepTwo,
        ]);
        Self { cluster, deck, nemesis, dice }
    }

    /// The brokers, once the time is over and all run.
    pub async fn run(mut self) -> KafkaCluster {
        while self.nemesis.goes_on(&mut self.dice, BETWEEN.0, BETWEEN.1).await {
            if let Err(error) = self.fault().await {
                self.nemesis.broke(&error);
                break;
            }
        }
        self.cluster
    }

    async fn fault(&mut self) -> Result<()> {
        let leader = self.cluster.leader(TOPIC).context("no broker says that it leads the sale")?;
        let count = self.cluster.brokers.len();
        let other = (leader + self.dice.between(1, count as u64) as usize) % count;
        match self.deck.deal(&mut self.dice).context("no deed")? {
            Deed::KillLeader => self.kill(leader, true).await,
            Deed::KillOther => self.kill(other, false).await,
            Deed::SleepLeader => self.sleep(leader, true).await,
            Deed::SleepOther => self.sleep(other, false).await,
            Deed::SleepTwo => self.no_majority(leader, other).await,
        }
    }

    async fn kill(&mut self, i: usize, leads: bool) -> Result<()> {
        let down = self.dice.millis(200, 3_000);
        let kind = if leads { "kill -9 of the leading broker" } else { "kill -9 of a broker" };
        let strike = self.nemesis.strike(kind, name(i)).await;
        self.cluster.brokers[i].kill()?;
        sleep(down).await;
        block_in_place(|| self.cluster.brokers[i].start_again())?;
        strike.healed();
        Ok(())
    }

    async fn sleep(&mut self, i: usize, leads: bool) -> Result<()> {
        let asleep = self.dice.millis(500, 7_000);
        let kind = if leads { "SIGSTOP of the leading broker" } else { "SIGSTOP of a broker" };
        let strike = self.nemesis.strike(kind, name(i)).await;
        self.cluster.brokers[i].pause()?;
        sleep(asleep).await;
        self.cluster.brokers[i].resume()?;
        strike.healed();
        Ok(())
    }

    /// Nothing can be durable meanwhile, so nothing may be acknowledged.
    async fn no_majority(&mut self, one: usize, two: usize) -> Result<()> {
        let asleep = self.dice.millis(1_500, 4_000);
        let target = format!("{} and {}", name(one), name(two));
        let strike = self.nemesis.strike("SIGSTOP of two of three brokers", target).await;
        self.cluster.brokers[one].pause()?;
        self.cluster.brokers[two].pause()?;
        sleep(asleep).await;
        self.cluster.brokers[one].resume()?;
        sleep(Duration::from_millis(self.dice.between(0, 500))).await;
        self.cluster.brokers[two].resume()?;
        strike.healed();
        Ok(())
    }
}

fn name(i: usize) -> String {
    format!("broker-{}", i + 1)
}
