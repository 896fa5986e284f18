//! Every pod of the chart is replaced in mid-sale, as a rolling update does it: with the chart's own
//! environment and probes nothing is torn, nobody is turned away, nothing acknowledged is lost.

mod last;
mod leaving;
mod rollout;

use std::{
    path::Path,
    sync::{Mutex, atomic::Ordering},
    time::Duration,
};

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use serde_json::Value;

use super::{
    Seen,
    faults::{moves_on, sale, sale_goes_on},
};
use crate::{
    event,
    kube::{Cluster, Pod},
    report::Report,
    stack::Stack,
};
use rollout::Rollout;

/// An event beside the sale: its line may get anybody.
const ASIDE: &str = "aside";
/// The log stands still for at most so long.
const STANDS_MS: i64 = 4_000;

pub async fn run(stack: &mut Stack, report: &mut Report, seed: u64, seen: &mut Seen) -> Result<()> {
    let Cluster { sets, parts } = stack.cluster.take().context("this stack has no pods")?;
    let cluster = Cluster { sets, parts };
    cluster.ready().await?;
    report.check("every pod of the chart gets ready as its probes have it", true);
    event::open(stack, ASIDE, &event::definition(1, 10)).await?;
    let running = sale(STANDS_MS).start(stack, seed).await?;
    sale_goes_on(&running, report, Duration::from_secs(3)).await;

    let rollout = Rollout {
        bin: stack.bin().to_owned(),
        parts: cluster.parts.clone(),
        world: running.crowd.world.clone(),
    };
    let shared = Mutex::new(&mut *report);
    let sets = cluster.sets.into_iter().map(|set| rollout.roll(set, &shared));
    let sets = try_join_all(sets).await?;
    let cluster = stack.cluster.insert(Cluster { sets, parts: cluster.parts });
    let lost = running.pulse().lost.load(Ordering::Relaxed);
    report.same("answers lost while every pod was replaced", lost, 0);
    moves_on(&running, report, "the replacement of every pod").await?;
    let pods: Vec<_> = cluster.sets.iter().flat_map(|set| &set.pods).collect();
    let sick = pods.iter().flat_map(|pod| sick(pod)).collect();
    running.finish(stack, report, seen).await?;
    report.judge("no kubelet would have started a new pod again", sick);
    report.judge("no pod has logged an error", errors(stack.folder())?);
    Ok(())
}

/// Lines of the logs that tell of an error, or are not what the chart asks for.
fn errors(folder: &Path) -> Result<Vec<String>> {
    let mut errors = Vec::new();
    for file in std::fs::read_dir(folder)? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "log") {
            let text = std::fs::read_to_string(&path)?;
            let told = text.lines().filter(|line| {
                let line: Value = serde_json::from_str(line).unwrap_or_default();
                line["level"].as_str().is_none_or(|level| level == "ERROR")
            });
            errors.extend(told.map(str::to_owned));
        }
    }
    Ok(errors)
}

/// What a kubelet would have killed a pod for, and what the pod wrote beside its log.
fn sick(pod: &Pod) -> Vec<String> {
    let name = &pod.plan.name;
    let mut faults = pod.health.faults();
    match std::fs::read_dir(pod.plan.working_folder()) {
        Ok(files) => faults.extend(files.flatten().map(|file| format!("wrote {:?}", file.path()))),
        Err(error) => faults.push(error.to_string()),
    }
    faults.into_iter().map(|fault| format!("{name}: {fault}")).collect()
}
