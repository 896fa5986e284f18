//! Faults of the network between the product's processes and Kafka or Redis.

use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::time::sleep;

use super::Nemesis;
use crate::{
    dice::{Deck, Dice},
    stack::{
        proxy::{Proxy, Wire},
        replicated::{Replicated, Wires},
    },
};

/// Pause between two faults, in ms.
const BETWEEN: (u64, u64) = (1_500, 4_500);

/// Breaks the wires of one group at a time, to all brokers, to one, or to Redis.
#[derive(Debug)]
pub struct Network {
    /// One for each of [`Replicated::GROUPS`].
    wires: Vec<Wires>,
    deck: Deck<(Deed, Goal)>,
    nemesis: Arc<Nemesis>,
    dice: Dice,
}

#[derive(Debug, Clone, Copy)]
enum Deed {
    Cut,
    Delay,
    /// Answers do not arrive.
    Mute,
    /// Nothing arrives.
    Dead,
}

#[derive(Debug, Clone, Copy)]
enum Goal {
    AllBrokers,
    OneBroker,
    Redis,
}

impl Network {
    pub fn new(wires: Vec<Wires>, nemesis: Arc<Nemesis>, dice: Dice) -> Self {
        let deeds = [Deed::Cut, Deed::Delay, Deed::Mute, Deed::Dead];
        let goals = [Goal::AllBrokers, Goal::OneBroker, Goal::Redis];
        let deck = Deck::new(deeds.into_iter().flat_map(|deed| goals.map(|goal| (deed, goal))));
        Self { wires, deck, nemesis, dice }
    }

    /// The wires, once the time is over and all are whole.
    pub async fn run(mut self) -> Vec<Wires> {
        while self.nemesis.goes_on(&mut self.dice, BETWEEN.0, BETWEEN.1).await {
            if let Err(error) = self.fault().await {
                self.nemesis.broke(&error);
                break;
            }
        }
        self.wires
    }

    async fn fault(&mut self) -> Result<()> {
        let (deed, goal) = self.deck.deal(&mut self.dice).context("no deed")?;
        let (proxies, target) = self.choose(goal)?;
        let (wire, low, high) = match deed {
            Deed::Cut => (Wire::Cut, 50, 3_000),
            Deed::Delay => (Wire::Slow(self.dice.millis(20, 400)), 1_000, 5_000),
            Deed::Mute => (Wire::Mute, 500, 5_000),
            Deed::Dead => (Wire::Dead, 500, 6_000),
        };
        let (time, loses) = (self.dice.millis(low, high), self.dice.percent(50));
        let strike = self.nemesis.strike(kind(deed, goal), target).await;
        proxies.iter().for_each(|proxy| proxy.set(wire));
        sleep(time).await;
        // What was held up arrives late, or never.
        for proxy in &proxies {
            if loses { proxy.renew() } else { proxy.set(Wire::Whole) }
        }
        strike.healed();
        Ok(())
    }

    /// The wires to break, and whose they are.
    fn choose(&mut self, goal: Goal) -> Result<(Vec<Proxy>, String)> {
        // Gateways have nothing to do with Kafka.
        let matters = |i: &usize| {
            matches!(goal, Goal::Redis) || !Replicated::GROUPS[*i].contains(&"gateway-4")
        };
        let groups: Vec<usize> = (0..self.wires.len()).filter(matters).collect();
        let group = *self.dice.pick(&groups).context("nobody to strike")?;
        let who = Replicated::GROUPS[group].join(", ");
        let Wires { kafka, redis } = &self.wires[group];
        Ok(match goal {
            Goal::AllBrokers => (kafka.clone(), format!("{who} to all brokers")),
            Goal::OneBroker => {
                let one = self.dice.pick(kafka).context("no broker")?;
                (vec![one.clone()], format!("{who} to one broker"))
            }
            Goal::Redis => (vec![redis.clone()], format!("{who} to Redis")),
        })
    }
}

fn kind(deed: Deed, goal: Goal) -> &'static str {
    match (deed, goal) {
        (Deed::Cut, Goal::Redis) => "TCP cut towards Redis",
        (Deed::Cut, _) => "TCP cut towards Kafka",
        (Deed::Delay, Goal::Redis) => "delay towards Redis",
        (Deed::Delay, _) => "delay towards Kafka",
        (Deed::Mute, Goal::Redis) => "half-open towards Redis, answers lost",
        (Deed::Mute, _) => "half-open towards Kafka, answers lost",
        (Deed::Dead, Goal::Redis) => "half-open towards Redis, nothing passes",
        (Deed::Dead, _) => "half-open towards Kafka, nothing passes",
    }
}
