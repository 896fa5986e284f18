//! Everyone at once: each opens a connection, joins, and listens until there is a place.

use anyhow::{Result, ensure};

use super::{
    Stage,
    crowd::{Crowd, Plan},
    say,
};
use crate::{
    report::{Outcome, Second},
    schedule::{Profile, Schedule},
};

#[derive(Debug, Clone, clap::Args)]
pub struct Settings {
    /// Shoppers, over all processes.
    #[arg(long, default_value_t = 1_000)]
    pub count: usize,
    /// They come evenly spread over so many milliseconds.
    #[arg(long, default_value_t = 1_000)]
    pub within_ms: u64,
    /// Each reads the event's page first, on a connection of its own.
    #[arg(long)]
    pub page: bool,
    /// Most seconds until all have a place.
    #[arg(long, default_value_t = 60)]
    pub secs: u64,
    /// Plays the same patience again.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Plays this process's part.
pub fn run(stage: &Stage, settings: &Settings) -> Result<Outcome> {
    let count = stage.part.share(settings.count);
    ensure!(count > 0, "there is a shopper at least for each process");
    // Bounds the time, too.
    Schedule::new(Profile::Constant { rate: 1.0 }, settings.secs)?;
    let schedule = Schedule::within(count as u64, settings.within_ms)?;
    let (page, seed) = (settings.page, settings.seed);
    let plan = Plan { schedule, page, join: true, keep: false, seed };
    let mut crowd = Crowd::new(stage, plan)?;
    let mut seconds = Vec::new();
    let mut before = 0;
    loop {
        if let Some(at) = crowd.turn()? {
            seconds.push(second(stage, &crowd, at, &mut before));
        }
        let all_placed = crowd.hall.placed.count() == count as u64;
        let late = crowd.pace.now_us() > settings.secs * 1_000_000;
        if all_placed || late || stage.stop.asked() {
            break;
        }
    }
    outcome(stage, settings, crowd, seconds)
}

fn outcome(
    stage: &Stage,
    settings: &Settings,
    mut crowd: Crowd<'_>,
    seconds: Vec<Second>,
) -> Result<Outcome> {
    let profile = format!("{} shoppers within {} ms", settings.count, settings.within_ms);
    let mut outcome = Outcome::new("storm", profile, "placed", &crowd.pace);
    crowd.close()?;
    let (count, placed) = (stage.part.share(settings.count) as u64, crowd.hall.placed.count());
    outcome.done = placed;
    outcome.interrupted = stage.stop.asked();
    if !outcome.interrupted {
        let text = || format!("{placed} of {count} have a place after {} s", settings.secs);
        outcome.faults.check(placed == count, text);
    }
    outcome.seconds = seconds;
    crowd.hall.report(&mut outcome);
    Ok(outcome)
}

fn second(stage: &Stage, crowd: &Crowd<'_>, at: u64, before: &mut u64) -> Second {
    let hall = &crowd.hall;
    let placed = hall.placed.count();
    let done = placed - std::mem::replace(before, placed);
    let p99_ms = hall.placed.quantile_ms(0.99);
    let came = hall.people.len() as u64;
    say(
        stage.part,
        &format!(
            "{at:>4} s  came {came}  accepted {}  placed {placed} (p99 {p99_ms:.0} ms)  refused {}  lost {}  violations {}",
            hall.accepted.count(),
            hall.tally.refusals(),
            hall.lost.values().sum::<u64>() + hall.tally.lost,
            hall.faults.count(),
        ),
    );
    Second { at, done, p99_ms, queued: came - placed }
}
