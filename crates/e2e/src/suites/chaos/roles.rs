//! Faults of the product's own processes: kill -9 and sleep.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use tokio::{task::block_in_place, time::sleep};

use super::Nemesis;
use crate::{
    dice::{Deck, Dice},
    stack::Server,
};

/// After so long a load balancer's checks take a process that does not answer out of rotation.
const NOTICED_MS: u64 = 700;
/// Pause between two faults, in ms.
const BETWEEN: (u64, u64) = (2_500, 6_000);
const OWNER_METRIC: &str = "twinkle_worker_owner";
const OWNER_LABEL: &str = "event=\"sale\"";

/// Strikes one of these processes at a time.
#[derive(Debug)]
pub struct Roles {
    servers: Vec<Server>,
    deck: Deck<Deed>,
    nemesis: Arc<Nemesis>,
    dice: Dice,
}

#[derive(Debug, Clone, Copy)]
enum Deed {
    Kill(Whom),
    Sleep(Whom),
}

#[derive(Debug, Clone, Copy)]
enum Whom {
    /// By its place.
    This(usize),
    /// Whoever drives the sale.
    Owner,
}

impl Roles {
    pub fn new(servers: Vec<Server>, nemesis: Arc<Nemesis>, dice: Dice) -> Self {
        let mut whom: Vec<_> = (0..servers.len()).map(Whom::This).collect();
        if servers.iter().any(|server| server.role == "worker") {
            whom.extend([Whom::Owner; 3]);
        }
        let deck =
            Deck::new(whom.into_iter().flat_map(|whom| [Deed::Kill(whom), Deed::Sleep(whom)]));
        Self { servers, deck, nemesis, dice }
    }

    /// The processes, once the time is over and all run.
    pub async fn run(mut self) -> Vec<Server> {
        while self.nemesis.goes_on(&mut self.dice, BETWEEN.0, BETWEEN.1).await {
            if let Err(error) = self.fault().await {
                self.nemesis.broke(&error);
                break;
            }
        }
        self.servers
    }

    async fn fault(&mut self) -> Result<()> {
        match self.deck.deal(&mut self.dice).context("no process to strike")? {
            Deed::Kill(whom) => self.kill(self.find(whom)).await,
            Deed::Sleep(whom) => self.sleep(self.find(whom)).await,
        }
    }

    fn find(&self, whom: Whom) -> usize {
        let owns =
            |server: &Server| server.metric(OWNER_METRIC, OWNER_LABEL).is_some_and(|n| n > 0.0);
        match whom {
            Whom::This(i) => i,
            Whom::Owner => block_in_place(|| self.servers.iter().position(owns)).unwrap_or(0),
        }
    }

    async fn kill(&mut self, i: usize) -> Result<()> {
        let down = self.dice.millis(NOTICED_MS, 2_500);
        let server = &mut self.servers[i];
        let kind = match server.role.as_str() {
            "worker" => "kill -9 of a worker",
            "api" => "kill -9 of an API",
            "gateway" => "kill -9 of a gateway",
            _ => "kill -9 of the operator",
        };
        let strike = self.nemesis.strike(kind, server.name.clone()).await;
        server.kill()?;
        unnoticed(server).await;
        sleep(down - Duration::from_millis(NOTICED_MS)).await;
        block_in_place(|| server.start_again())?;
        strike.healed();
        Ok(())
    }

    async fn sleep(&mut self, i: usize) -> Result<()> {
        let asleep = self.dice.millis(NOTICED_MS, 5_000);
        let server = &mut self.servers[i];
        let kind = match server.role.as_str() {
            "worker" => "SIGSTOP of a worker",
            "api" => "SIGSTOP of an API",
            "gateway" => "SIGSTOP of a gateway",
            _ => "SIGSTOP of the operator",
        };
        let strike = self.nemesis.strike(kind, server.name.clone()).await;
        server.pause()?;
        unnoticed(server).await;
        sleep(asleep - Duration::from_millis(NOTICED_MS)).await;
        server.resume()?;
        server.back_in_rotation();
        strike.healed();
        Ok(())
    }
}

/// The time until a load balancer sees that the process is gone.
async fn unnoticed(server: &Server) {
    sleep(Duration::from_millis(NOTICED_MS)).await;
    server.out_of_rotation();
}
