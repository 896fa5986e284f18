//! Requests to any server at a fixed schedule: the reference that joins are compared with.

use anyhow::Result;

use super::Stage;
use crate::{
    latency::Latency,
    net::{
        calls::{Calls, Use},
        request::Request,
    },
    pace::Pace,
    report::Outcome,
    schedule::{Profile, Schedule},
};

/// One turn of the loop, in microseconds; as for joins.
const TURN_US: u64 = 500;

/// Seconds for answers that come after the load.
const DRAIN_SECS: u64 = 10;

#[derive(Debug, Clone, clap::Args)]
pub struct Settings {
    /// Rate over time: constant:50000 or ramp:500..50000.
    #[arg(long, default_value = "constant:1000")]
    pub profile: Profile,
    /// Seconds of load.
    #[arg(long, default_value_t = 10)]
    pub secs: u64,
    /// Connections, one request at a time on each.
    #[arg(long, default_value_t = 512)]
    pub connections: usize,
}

/// Posts what a join posts; any answer with a status of 200 to 299 will do.
pub fn run(stage: &Stage, settings: &Settings) -> Result<Outcome> {
    let schedule = Schedule::new(settings.profile, settings.secs)?;
    let (targets, sources) = (stage.service.apis.clone(), stage.sources.clone());
    let path = stage.service.path("/tickets");
    let request = Request::new("POST", &path).render(&targets[0], &stage.service.origin);
    let mut calls = Calls::new(Use { targets, most: settings.connections, keep: true, sources })?;
    calls.warm()?;
    let pace = Pace::start(TURN_US);
    let (mut sent, mut answered, mut lost) = (0, Latency::default(), 0);
    while (sent < schedule.total() || calls.under_way() > 0) && !stage.stop.asked() {
        let now_us = pace.now_us();
        if now_us > (settings.secs + DRAIN_SECS) * 1_000_000 {
            break;
        }
        while schedule.is_due(sent, now_us) && calls.ask(sent, now_us, &request) {
            sent += 1;
        }
        calls.turn(|i, result| match result {
            Ok(answer) if (200..300).contains(&answer.status) => {
                answered.record_us(pace.now_us().saturating_sub(schedule.due_us(i)));
            }
            _ => lost += 1,
        })?;
        pace.rest(now_us);
    }
    let profile = format!("{} for {} s", settings.profile, settings.secs);
    let mut outcome = Outcome::new("plain", profile, "answered", &pace);
    outcome.done = answered.count();
    outcome.count("answered", answered.count());
    outcome.count("lost", lost);
    outcome.faults.check(lost == 0, || format!("{lost} requests had no good answer"));
    outcome.latencies.insert("answered".to_owned(), answered);
    Ok(outcome)
}
