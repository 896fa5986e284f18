//! Brings what was folded to the view.

use std::time::Duration;

use domain::{
    Millis,
    mutants::{Mutant, on},
};
use tokio::time::Instant;
use tracing::{info, warn};

use super::{EventTask, RETRY_MS};
use crate::projection::{Done, Report, Step, call};

/// Shortest span between two steps of the projection: what arrives meanwhile shares a step.
const PROJECT_EVERY_MS: u64 = 10;
/// How often lag tools are told how far the view is.
const COMMIT_EVERY_MS: u64 = 1_000;

/// Append times of the oldest records that the view lacks.
#[derive(Debug, Default)]
pub(super) struct Lag {
    /// Of those that no step carries yet.
    waiting: Option<Millis>,
    /// Of those in the step under way.
    under_way: Option<Millis>,
}

impl Lag {
    pub(super) fn folded(&mut self, at: Millis) {
        self.waiting.get_or_insert(at);
    }

    /// A step left. One that is tried again carries what it carried before.
    fn left(&mut self) {
        if self.under_way.is_none() {
            self.under_way = self.waiting.take();
        }
    }

    fn arrived(&mut self) {
        self.under_way = None;
    }

    pub(super) fn since(&self) -> Option<Millis> {
        self.under_way.or(self.waiting)
    }
}

impl EventTask {
    pub(super) fn project_if_due(&mut self, now: Instant) {
        if self.projecting.is_some() || now < self.project_from {
            return;
        }
        let Some(projection) = self.projection.as_mut() else { return };
        projection.show_head(self.heads.latest());
        if projection.due(&self.event) {
            projection.mark(self.traced.project(&self.id));
        }
        let Some(step) = projection.next_step(&self.event) else { return };
        if let Step::Write(write) = &step {
            self.meters.batch.record(write.entries.len() as f64);
        }
        if !matches!(step, Step::Look) {
            self.lag.left();
        }
        self.projecting = Some(Box::pin(call(self.worker.view.clone(), self.id.clone(), step)));
        self.project_from = now + Duration::from_millis(PROJECT_EVERY_MS);
    }

    pub(super) fn projected(&mut self, done: Done) {
        let Some(projection) = self.projection.as_mut() else { return };
        match projection.finish(done, &self.changes) {
            Report::Projected(next) => self.reached(next),
            Report::Rebuilt(next) => {
                info!(event = %self.id, next, "the view was built anew");
                self.meters.rebuilds.increment(1);
                self.reached(next);
            }
            Report::Fenced if on(Mutant::FencedIgnored) => {}
            Report::Fenced => {
                info!(event = %self.id, "a newer owner writes the view");
                self.meters.fenced.increment(1);
                self.ownership.give_up();
                self.projection = None;
                self.meters.hides();
            }
            Report::Unreachable(reason) => {
                warn!(event = %self.id, reason, "the view can't be written for now");
                self.meters.unreachable.increment(1);
                self.project_from = Instant::now() + Duration::from_millis(RETRY_MS);
            }
            Report::Unexpected => {
                warn!(event = %self.id, "the view is not what it was");
                self.meters.unexpected.increment(1);
            }
            Report::Nothing => {}
        }
    }

    fn reached(&mut self, next: u64) {
        self.lag.arrived();
        self.traced.arrived();
        self.projected_next = next;
        self.meters.done.increment(1);
        self.meters.projected.set(next as f64);
        self.meters.shows(&self.event);
        self.commit(next);
    }

    /// Tells lag tools, now and then, how far the view is.
    fn commit(&mut self, next: u64) {
        if self.committed.elapsed() < Duration::from_millis(COMMIT_EVERY_MS) {
            return;
        }
        self.committed = Instant::now();
        let (log, id) = (self.worker.log.clone(), self.id.clone());
        tokio::spawn(async move { log.commit(&id, next).await });
    }
}
