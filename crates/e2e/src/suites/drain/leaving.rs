//! One pod leaves, as Kubernetes lets it: what it and its sockets did.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

use super::{ASIDE, last};
use crate::{
    crowd::{World, pulse::SocketEnd, socket::RESTART},
    kube::Pod,
    suites::slow,
};

/// A request begins so long before SIGTERM, and its second half comes when the doors have closed.
const BEFORE_SIGNAL: Duration = Duration::from_millis(400);
const SECOND_HALF: Duration = Duration::from_millis(2_500);
/// What ended just now has reached its readers.
const HEARD_MS: u64 = 500;
/// No second may see more than this share of all sockets end.
const AT_ONCE_MAX: f64 = 0.5;

/// Checks, each with what is wrong.
pub type Verdicts = Vec<(String, Vec<String>)>;

/// Takes a pod away and judges how it went.
pub async fn leave(pod: Pod, world: Arc<World>) -> Result<Verdicts> {
    let (name, role) = (pod.plan.name.clone(), pod.role().to_owned());
    let (url, health) = (pod.plan.base.url.clone(), pod.health.clone());
    let grace = pod.plan.deployment.pod().termination_grace_period_seconds;
    let under_way = (role == "api").then(|| slow_join(&pod));
    let told = Instant::now();
    let words = last::listen(pod.readiness()?, url.clone());
    let ended = pod.end(words).await;
    sleep(Duration::from_millis(HEARD_MS)).await;

    let in_time = match &ended {
        Ok((end, _)) if end.status.code() == Some(0) => vec![],
        Ok((end, _)) => vec![format!("{} after {:?}", end.status, end.took)],
        Err(error) => vec![format!("{error:#}")],
    };
    let mut verdicts = vec![
        (format!("{name} ends with 0 in its grace period of {grace} s"), in_time),
        (format!("{name} gave no kubelet a reason to start it again"), health.faults()),
    ];
    if let Some(under_way) = under_way {
        let answer = under_way.await?;
        let fine = answer.as_ref().is_ok_and(|status| status.contains(" 202 "));
        let faults = if fine { vec![] } else { vec![format!("{answer:?}")] };
        verdicts.push((format!("a request under way at {name} finishes"), faults));
    }
    if let Ok((end, words)) = ended {
        let words = words?;
        let faults = words.faults(end.at);
        verdicts.push((format!("{name} is not ready before its doors close"), faults));
        if role == "gateway" {
            let ends = world.pulse.ends(&url, told);
            verdicts.push((
                format!("{name} asks its sockets to come back, a few at a time"),
                sent_away(&ends, &words),
            ));
        }
    }
    Ok(verdicts)
}

/// A join that the pod takes while it is still there, and that ends after it was told to go.
fn slow_join(pod: &Pod) -> JoinHandle<Result<String>> {
    let begins = pod.plan.deployment.container().pre_stop().saturating_sub(BEFORE_SIGNAL);
    let address = pod.plan.base.url.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        sleep(begins).await;
        slow::join(&address, ASIDE, SECOND_HALF).await
    })
}

/// What is wrong with the ends of a gateway's sockets.
fn sent_away(ends: &[SocketEnd], words: &last::Words) -> Vec<String> {
    let turned = words.signalled + words.unready.unwrap_or_default();
    let mut faults = Vec::new();
    if ends.is_empty() {
        faults.push("it had no sockets".to_owned());
    }
    let torn = ends.iter().filter(|end| end.code.is_none()).count();
    let others: Vec<_> =
        ends.iter().filter_map(|end| end.code).filter(|code| *code != RESTART).collect();
    let early = ends.iter().filter(|end| end.at < turned).count();
    for (count, what) in [
        (torn, "torn without a close frame".to_owned()),
        (others.len(), format!("closed with {others:?}")),
        (early, "ended before it was not ready".to_owned()),
    ] {
        if count > 0 {
            faults.push(format!("{count} of {} sockets {what}", ends.len()));
        }
    }
    let most = most_in_a_second(ends);
    if most as f64 > AT_ONCE_MAX * ends.len() as f64 {
        faults.push(format!("{most} of {} sockets ended within a second", ends.len()));
    }
    faults
}

fn most_in_a_second(ends: &[SocketEnd]) -> usize {
    let second = Duration::from_secs(1);
    let within = |first: &SocketEnd| {
        ends.iter().filter(|end| end.at >= first.at && end.at - first.at <= second).count()
    };
    ends.iter().map(within).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(every_ms: u64, code: Option<u16>, unready_ms: u64) -> Vec<String> {
        let signalled = Instant::now();
        let end = |i: u64| SocketEnd {
            at: signalled + Duration::from_millis(1_000 + i * every_ms),
            url: String::new(),
            code,
        };
        let words = last::Words {
            signalled,
            unready: Some(Duration::from_millis(unready_ms)),
            still_unready: None,
            ready_after: false,
            answers: 1,
            closed: None,
        };
        sent_away(&(0..100).map(end).collect::<Vec<_>>(), &words)
    }

    #[test]
    fn sockets_end_with_1012_one_after_the_other() {
        assert!(judged(50, Some(RESTART), 10).is_empty());
        assert!(judged(50, Some(1_001), 10)[0].contains("closed with"));
        assert!(judged(50, None, 10)[0].contains("torn"));
        assert!(judged(50, Some(RESTART), 2_000)[0].contains("ended before"));
        assert!(judged(5, Some(RESTART), 10)[0].contains("within a second"));
        let words = last::Words {
            signalled: Instant::now(),
            unready: None,
            still_unready: None,
            ready_after: false,
            answers: 0,
            closed: None,
        };
        assert!(sent_away(&[], &words)[0].contains("no sockets"));
    }
}
