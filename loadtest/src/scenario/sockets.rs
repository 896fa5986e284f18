//! Many sockets held for a while: every frame checked, its age measured.

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

/// Time for all to be open after the last one came, in seconds.
const OPEN_SECS_MAX: u64 = 60;

#[derive(Debug, Clone, clap::Args)]
pub struct Settings {
    /// Sockets, over all processes.
    #[arg(long, default_value_t = 1_000)]
    pub count: usize,
    /// Seconds for which they are held once all are open.
    #[arg(long, default_value_t = 10)]
    pub secs: u64,
    /// How many are opened in a second, over all processes.
    #[arg(long, default_value_t = 1_000.0)]
    pub open_per_sec: f64,
    /// Each joins first, so that it is told its own place.
    #[arg(long)]
    pub join: bool,
}

impl Settings {
    fn plan(&self, stage: &Stage) -> Result<Plan> {
        ensure!(self.open_per_sec > 0.0, "--open-per-sec is above 0");
        let count = stage.part.share(self.count);
        ensure!(count > 0, "there is a socket at least for each process");
        let span_ms = count as f64 * stage.part.of as f64 / self.open_per_sec * 1_000.0;
        let schedule = Schedule::within(count as u64, (span_ms as u64).max(1))?;
        // Bounds how long they are held, too.
        Schedule::new(Profile::Constant { rate: 1.0 }, self.secs)?;
        Ok(Plan { schedule, page: false, join: self.join, keep: true, seed: 0 })
    }
}

/// When all were open, and what had been spent until then: opening has its own price.
struct Held {
    since_us: u64,
    frames: u64,
    cpu_secs: f64,
}

/// Plays this process's part.
pub fn run(stage: &Stage, settings: &Settings) -> Result<Outcome> {
    let mut crowd = Crowd::new(stage, settings.plan(stage)?)?;
    let count = stage.part.share(settings.count) as u64;
    let (mut seconds, mut frames) = (Vec::new(), 0);
    let mut came_us = None;
    let mut held: Option<Held> = None;
    loop {
        if let Some(at) = crowd.turn()? {
            seconds.push(second(stage, &mut crowd, at, &mut frames));
        }
        let now_us = crowd.pace.now_us();
        if crowd.all_came() && came_us.is_none() {
            came_us = Some(now_us);
        }
        let late = came_us.is_some_and(|came| now_us > came + OPEN_SECS_MAX * 1_000_000);
        if held.is_none() && (crowd.hall.open == count || late) {
            held = Some(Held::begin(&mut crowd, now_us));
        }
        let over = held.as_ref().is_some_and(|held| held.secs(now_us) >= settings.secs as f64);
        if over || stage.stop.asked() {
            break;
        }
    }
    outcome(stage, settings, crowd, held, seconds)
}

impl Held {
    fn begin(crowd: &mut Crowd<'_>, since_us: u64) -> Self {
        crowd.hall.ears.age_opening = std::mem::take(&mut crowd.hall.ears.age);
        Self { since_us, frames: crowd.hall.ears.frames, cpu_secs: crowd.pace.cpu_secs() }
    }

    fn secs(&self, now_us: u64) -> f64 {
        now_us.saturating_sub(self.since_us) as f64 / 1e6
    }
}

/// Rate and CPU are those of the time for which the sockets were held.
fn outcome(
    stage: &Stage,
    settings: &Settings,
    mut crowd: Crowd<'_>,
    held: Option<Held>,
    seconds: Vec<Second>,
) -> Result<Outcome> {
    let profile = format!("{} sockets", settings.count);
    let mut outcome = Outcome::new("sockets", profile, "frames", &crowd.pace);
    outcome.done = crowd.hall.ears.frames;
    if let Some(held) = held {
        outcome.wall_secs = held.secs(crowd.pace.now_us());
        outcome.done -= held.frames;
        outcome.cpu_secs -= held.cpu_secs;
        outcome.count("opening_cpu_ms", (held.cpu_secs * 1e3) as u64);
    }
    let (open, count) = (crowd.hall.open, stage.part.share(settings.count) as u64);
    crowd.close()?;
    outcome.interrupted = stage.stop.asked();
    outcome.count("sockets_open_at_the_end", open);
    if !outcome.interrupted {
        let text = || format!("{open} of {count} sockets were open at the end");
        outcome.faults.check(open == count, text);
    }
    outcome.seconds = seconds;
    crowd.hall.report(&mut outcome);
    Ok(outcome)
}

fn second(stage: &Stage, crowd: &mut Crowd<'_>, at: u64, frames: &mut u64) -> Second {
    let hall = &mut crowd.hall;
    let done = hall.ears.frames - std::mem::replace(frames, hall.ears.frames);
    let p99_ms = hall.ears.recent_age.quantile_ms(0.99);
    hall.ears.recent_age.clear();
    say(
        stage.part,
        &format!(
            "{at:>4} s  open {}  frames {done}/s  age p99 {p99_ms:.0} ms (so far {:.0})  lost {}  refused {}  violations {}",
            hall.open,
            hall.ears.age.quantile_ms(0.99),
            hall.lost.values().sum::<u64>(),
            hall.tally.refusals(),
            hall.faults.count(),
        ),
    );
    Second { at, done, p99_ms, queued: 0 }
}
