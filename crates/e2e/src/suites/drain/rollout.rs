//! A rolling update: a new pod comes, and when it has been ready for long enough an old one goes.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use anyhow::Result;
use tokio::time::{Instant, sleep};

use super::leaving::{Verdicts, leave};
use crate::{
    crowd::World,
    kube::{Parts, Set},
    report::Report,
};

/// How long whoever was sent away may take to be back: the shopper's pause and a dial, and some.
const BACK_SECS_MAX: u64 = 10;
const POLL_MS: u64 = 100;

/// What all Deployments share: Helm rolls them at the same time.
#[derive(Debug)]
pub struct Rollout {
    pub bin: PathBuf,
    pub parts: Arc<Parts>,
    pub world: Arc<World>,
}

type Shared<'a> = Mutex<&'a mut Report>;

impl Rollout {
    /// Replaces every pod of a Deployment; the new ones.
    pub async fn roll(&self, set: Set, report: &Shared<'_>) -> Result<Set> {
        let Set { deployment, pods, next } = set;
        let rest = Duration::from_secs(deployment.spec.min_ready_seconds);
        let (mut come, mut going) = (Vec::new(), Vec::new());
        for (old, plan) in pods.into_iter().zip(next) {
            let began = Instant::now();
            let new = plan.start(&self.bin, &self.parts)?;
            let name = new.plan.name.clone();
            new.ready().await?;
            let took = began.elapsed().as_millis();
            lock(report).note(format!("{name} is ready after {took} ms"));
            lock(report).check(format!("{name} gets ready as its probes have it"), true);
            sleep(rest).await;
            lock(report).note(format!("{} goes", old.plan.name));
            going.push(tokio::spawn(leave(old, self.world.clone())));
            come.push(new);
        }
        for gone in going {
            judge(report, gone.await??);
        }
        if deployment.role() == "gateway" {
            self.all_back(report).await;
        }
        Ok(Set { deployment, pods: come, next: vec![] })
    }

    /// Whoever was sent away comes back by themselves.
    async fn all_back(&self, report: &Shared<'_>) {
        let pulse = &self.world.pulse;
        let away = || pulse.sent_away.load(Ordering::Relaxed);
        let back = || pulse.came_back.load(Ordering::Relaxed);
        let deadline = Instant::now() + Duration::from_secs(BACK_SECS_MAX);
        while back() < away() && Instant::now() < deadline {
            sleep(Duration::from_millis(POLL_MS)).await;
        }
        lock(report).note(format!("{} sockets were sent away, {} are back", away(), back()));
        lock(report).same("who was sent away and is back", back(), away());
    }
}

fn judge(report: &Shared<'_>, verdicts: Verdicts) {
    let mut report = lock(report);
    for (what, faults) in verdicts {
        report.judge(what, faults);
    }
}

fn lock<'a, 'b>(report: &'a Shared<'b>) -> MutexGuard<'a, &'b mut Report> {
    report.lock().unwrap_or_else(PoisonError::into_inner)
}
