//! Faults of Redis: the primary dies, sleeps, loses everything; a replica that lags takes its place.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use tokio::{task::block_in_place, time::sleep};

use super::Nemesis;
use crate::{
    dice::{Deck, Dice},
    stack::{
        proxy::{Proxy, Wire},
        replicated::Pair,
    },
};

/// Pause between two faults, in ms.
const BETWEEN: (u64, u64) = (4_000, 8_000);
/// How far a replica is behind when it is promoted, in ms.
const LAG_MS: (u64, u64) = (300, 2_500);

/// Strikes the primary.
#[derive(Debug)]
pub struct Views {
    pair: Pair,
    /// Where each group of processes finds the primary.
    doors: Vec<Proxy>,
    deck: Deck<Deed>,
    nemesis: Arc<Nemesis>,
    dice: Dice,
}

#[derive(Debug, Clone, Copy)]
enum Deed {
    PromotedAfterKill,
    TwoPrimaries,
    Asleep,
    Emptied,
}

impl Views {
    pub fn new(pair: Pair, doors: Vec<Proxy>, nemesis: Arc<Nemesis>, dice: Dice) -> Self {
        use Deed::{Asleep, Emptied, PromotedAfterKill, TwoPrimaries};
        let deck = Deck::new([PromotedAfterKill, PromotedAfterKill, TwoPrimaries, Asleep, Emptied]);
        Self { pair, doors, deck, nemesis, dice }
    }

    /// The servers, once the time is over and both run.
    pub async fn run(mut self) -> Pair {
        while self.nemesis.goes_on(&mut self.dice, BETWEEN.0, BETWEEN.1).await {
            if let Err(error) = self.fault().await {
                self.nemesis.broke(&error);
                break;
            }
        }
        self.pair
    }

    async fn fault(&mut self) -> Result<()> {
        match self.deck.deal(&mut self.dice).context("no deed")? {
            Deed::PromotedAfterKill => self.promoted_after_kill().await,
            Deed::TwoPrimaries => self.two_primaries().await,
            Deed::Asleep => self.asleep().await,
            Deed::Emptied => self.emptied().await,
        }
    }

    /// What the primary takes in from now on does not reach the replica.
    async fn lag(&mut self) {
        self.pair.link().set(Wire::Dead);
        sleep(self.dice.millis(LAG_MS.0, LAG_MS.1)).await;
    }

    async fn promoted_after_kill(&mut self) -> Result<()> {
        self.lag().await;
        let kind = "kill -9 of Redis' primary, a late replica promoted";
        let strike = self.nemesis.strike(kind, "redis").await;
        self.pair.primary_mut().kill()?;
        sleep(self.dice.millis(100, 1_000)).await;
        let port = block_in_place(|| self.pair.promote())?;
        self.lead_to(port).await;
        block_in_place(|| self.pair.mend())?;
        strike.healed();
        Ok(())
    }

    /// The old primary wakes up while some still go to it: what they write there is lost.
    async fn two_primaries(&mut self) -> Result<()> {
        self.lag().await;
        let kind = "SIGSTOP of Redis' primary, a late replica promoted, two primaries";
        let strike = self.nemesis.strike(kind, "redis").await;
        self.pair.primary_mut().pause()?;
        sleep(self.dice.millis(100, 1_000)).await;
        let port = block_in_place(|| self.pair.promote())?;
        self.pair.old_mut().resume()?;
        self.lead_to(port).await;
        block_in_place(|| self.pair.mend())?;
        strike.healed();
        Ok(())
    }

    async fn asleep(&mut self) -> Result<()> {
        let strike = self.nemesis.strike("SIGSTOP of Redis' primary", "redis").await;
        self.pair.primary_mut().pause()?;
        sleep(self.dice.millis(300, 4_000)).await;
        self.pair.primary_mut().resume()?;
        strike.healed();
        Ok(())
    }

    async fn emptied(&mut self) -> Result<()> {
        let strike = self.nemesis.strike("kill -9 of Redis' primary, started empty", "redis").await;
        self.pair.primary_mut().kill()?;
        sleep(self.dice.millis(100, 1_500)).await;
        block_in_place(|| {
            self.pair.primary_mut().start_again()?;
            self.pair.mend()
        })?;
        strike.healed();
        Ok(())
    }

    /// The groups learn one after the other where the primary is.
    async fn lead_to(&mut self, port: u16) {
        let first = self.dice.between(0, self.doors.len() as u64) as usize;
        for i in 0..self.doors.len() {
            self.doors[(first + i) % self.doors.len()].lead_to(port);
            sleep(Duration::from_millis(self.dice.between(0, 400))).await;
        }
    }
}
