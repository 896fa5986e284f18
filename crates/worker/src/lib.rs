//! The worker: folds the log of every event, drives those it owns, and projects them to the view.
//!
//! No consumer group and no lock service: who owns an event stands in its log (R4).

mod catch_up;
mod event_task;
#[cfg(test)]
mod exhaustive;
mod heads;
mod meters;
mod ownership;
mod projection;
pub mod values;

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use directory::Directory;
use domain::{EventId, EventState};
use ports::{Clock, EventLog, Facts, ViewWriter};
use tokio::{sync::watch, task::JoinHandle};
use tracing::error;
use wire::HeadSigner;

pub use crate::meters::METERS;

/// Longest time that the last projections may take at a shutdown.
const DRAIN_MS: u64 = 3_000;

/// What a worker works with.
#[derive(Clone)]
pub struct Worker {
    pub log: Arc<dyn EventLog>,
    pub facts: Arc<dyn Facts>,
    pub view: Arc<dyn ViewWriter>,
    pub clock: Arc<dyn Clock>,
    pub directory: Directory,
    /// Signs what it says of the logs it owns.
    pub signer: HeadSigner,
    /// Names this worker among its peers; random is fine.
    pub id: u64,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Worker {
    /// Works until `shutdown` turns true, then finishes what is under way.
    pub async fn run(self, mut shutdown: watch::Receiver<bool>) {
        let mut changes = self.directory.changed();
        let mut tasks: HashMap<EventId, JoinHandle<()>> = HashMap::new();
        loop {
            self.start_missing(&mut tasks, &shutdown);
            tokio::select! {
                biased;
                _ = shutdown.wait_for(|stop| *stop) => break,
                changed = changes.changed() => if changed.is_err() { break },
            }
        }
        let all = async {
            for (event, task) in tasks {
                if let Err(error) = task.await {
                    error!(%event, %error, "an event's task broke");
                }
            }
        };
        let _ = tokio::time::timeout(Duration::from_millis(DRAIN_MS), all).await;
    }

    fn start_missing(
        &self,
        tasks: &mut HashMap<EventId, JoinHandle<()>>,
        shutdown: &watch::Receiver<bool>,
    ) {
        for facts in self.directory.list() {
            let archived = facts.state == EventState::Archived;
            if !archived && !tasks.contains_key(&facts.id) {
                let task = event_task::run(self.clone(), facts.id.clone(), shutdown.clone());
                tasks.insert(facts.id.clone(), tokio::spawn(task));
            }
        }
    }
}
