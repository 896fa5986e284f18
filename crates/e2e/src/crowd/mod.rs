//! A seeded crowd of shoppers, each with a socket and a will of their own.

pub mod ending;
pub mod plan;
pub mod pulse;
pub mod shopper;
pub mod socket;

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, task::JoinSet};

pub use plan::{Arrival, Manner, Plan};
pub use pulse::Pulse;
pub use shopper::Shopper;

use crate::{
    calls::Caller,
    dice::Dice,
    model::{History, Limits},
    moment::Millis,
};

/// What all shoppers of a sale share.
#[derive(Debug)]
pub struct World {
    pub caller: Caller,
    pub event: String,
    pub slots: Vec<String>,
    pub claim_ms: Millis,
    /// By how much the driver distrusts the end of a span, in ms.
    pub skew_ms: Millis,
    pub pulse: Pulse,
    pub cookies: Mutex<HashSet<String>>,
    /// True = the sale is over: everyone stops where they are.
    pub over: watch::Sender<bool>,
}

impl World {
    pub fn path(&self, rest: &str) -> String {
        format!("/api/v1/events/{}{rest}", self.event)
    }

    /// Remembers the value of a cookie, to look for it in the logs.
    pub fn noticed(&self, cookie: &str) {
        let value = cookie.split_once('=').map_or(cookie, |(_, value)| value);
        let mut cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        cookies.insert(value.to_owned());
    }
}

/// A running crowd.
#[derive(Debug)]
pub struct Crowd {
    pub world: Arc<World>,
    tasks: JoinSet<(History, Option<String>)>,
}

/// A crowd at the end: the stories, and the cookie of each shopper.
pub type Stories = Vec<(History, Option<String>)>;

/// How long shoppers may take to stop once the sale is over.
const STOP_SECS_MAX: u64 = 40;

impl Crowd {
    /// Lets `count` shoppers loose.
    pub fn start(world: World, count: usize, seed: u64, arrival: &Arrival) -> Self {
        let world = Arc::new(world);
        let mut tasks = JoinSet::new();
        for number in 0..count {
            let mut dice = Dice::of(seed, 1_000 + number as u64);
            let plan = Plan::draw(&mut dice, &world.slots, arrival);
            tasks.spawn(Shopper::new(world.clone(), number, plan, dice).live());
        }
        Self { world, tasks }
    }

    /// Ends the sale and returns every story.
    pub async fn stop(mut self) -> (Arc<World>, Stories, Vec<String>) {
        self.world.over.send_replace(true);
        let (mut stories, mut faults) = (Vec::new(), Vec::new());
        let gathered = tokio::time::timeout(Duration::from_secs(STOP_SECS_MAX), async {
            while let Some(story) = self.tasks.join_next().await {
                match story {
                    Ok(story) => stories.push(story),
                    Err(error) => faults.push(format!("a shopper of the driver broke: {error}")),
                }
            }
        });
        if gathered.await.is_err() {
            faults.push(format!("{} shoppers did not stop", self.tasks.len()));
        }
        (self.world, stories, faults)
    }
}

/// The limits that a definition sets.
pub fn limits(definition: &serde_json::Value) -> Limits {
    let slots = definition["slots"].as_array().cloned().unwrap_or_default();
    let capacity: BTreeMap<_, _> = slots
        .iter()
        .filter_map(|slot| Some((slot["id"].as_str()?.to_owned(), slot["capacity"].as_i64()?)))
        .collect();
    Limits {
        rate_per_min: definition["admission"]["rate_per_min"].as_u64().unwrap_or(0),
        max_inside: definition["admission"]["max_inside"].as_u64().unwrap_or(0) as usize,
        capacity,
        slack: 0.0,
        skew_ms: 0,
        may_repeat: false,
    }
}
