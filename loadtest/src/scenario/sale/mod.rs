//! A whole sale: shoppers join, wait, come in, hold and book, and some do something else.

mod books;
mod floor;
mod plan;
mod shopper;
mod verdict;

use anyhow::{Result, ensure};

use self::{floor::Floor, shopper::Ask};
use super::{
    Stage,
    crowd::{Crowd, Plan},
    say,
};
use crate::{
    net::{
        calls::{Calls, Use},
        request::Request,
    },
    report::{Outcome, Second},
    schedule::{Profile, Schedule},
};

/// Connections for commands.
const CONNECTIONS: usize = 1_024;

/// A command that took longer counts as lost, in microseconds.
const ANSWER_US_MAX: u64 = 15_000_000;

/// Bits of a call's mark that say who asks; the others are the number of the command.
const WHO_BITS: u32 = 32;

#[derive(Debug, Clone, clap::Args)]
pub struct Settings {
    /// How many come.
    #[arg(long, default_value_t = 200)]
    pub shoppers: usize,
    /// How many come in a second.
    #[arg(long, default_value_t = 50.0)]
    pub rate: f64,
    /// Most seconds until all have gone home.
    #[arg(long, default_value_t = 60)]
    pub secs: u64,
    /// Milliseconds that they think before a command, on average.
    #[arg(long, default_value_t = 200)]
    pub think_ms: u64,
    /// Plays the same shoppers again.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

struct Sale<'a> {
    stage: &'a Stage,
    settings: &'a Settings,
    crowd: Crowd<'a>,
    commands: Calls,
    floor: Floor,
    seconds: Vec<Second>,
    decided: u64,
}

/// Plays the scenario.
pub fn run(stage: &Stage, settings: &Settings) -> Result<Outcome> {
    ensure!(settings.rate > 0.0, "--rate is above 0");
    // Bounds the time, too.
    Schedule::new(Profile::Constant { rate: 1.0 }, settings.secs)?;
    let span_ms = (settings.shoppers as f64 / settings.rate * 1_000.0) as u64;
    let schedule = Schedule::within(settings.shoppers as u64, span_ms.max(1))?;
    let before = stage.service.opened()?;
    let plan = Plan { schedule, page: false, join: true, keep: true, seed: settings.seed };
    let mut crowd = Crowd::new(stage, plan)?;
    crowd.hall.ears.collects = true;
    let targets = stage.service.apis.clone();
    let calls = Use { targets, most: CONNECTIONS, keep: true, sources: stage.sources.clone() };
    let mut sale = Sale {
        stage,
        settings,
        crowd,
        commands: Calls::new(calls)?,
        floor: Floor::new(&before, settings.seed, settings.think_ms),
        seconds: Vec::new(),
        decided: 0,
    };
    sale.play()?;
    sale.outcome(&before)
}

impl Sale<'_> {
    fn play(&mut self) -> Result<()> {
        loop {
            let ended = self.crowd.turn()?;
            let now_us = self.crowd.pace.now_us();
            self.floor.let_come(self.crowd.hall.people.len());
            for (who, frame) in std::mem::take(&mut self.crowd.hall.ears.told) {
                let place = self.crowd.hall.people[who].place;
                self.floor.told(who, place, &frame, now_us);
            }
            self.act(now_us);
            let Self { commands, floor, crowd, .. } = self;
            commands.turn(|mark, result| {
                let (who, seq) = (mark & ((1 << WHO_BITS) - 1), mark >> WHO_BITS);
                floor.answered(who as usize, seq, result, crowd.pace.now_us());
            })?;
            if let Some(at) = ended {
                self.second(at, now_us);
            }
            let all_home = self.crowd.all_came() && self.floor.at_home() == self.settings.shoppers;
            let late = now_us > self.settings.secs * 1_000_000;
            if all_home || late || self.stage.stop.asked() {
                return Ok(());
            }
        }
    }

    /// Everyone whose time has come does what is next.
    fn act(&mut self, now_us: u64) {
        while let Some(who) = self.floor.agenda.next(now_us) {
            let Some((seq, ask)) = self.floor.sends(who, now_us) else { continue };
            let mark = seq << WHO_BITS | who as u64;
            if !self.commands.ask(mark, now_us, &self.request(who, seq, &ask)) {
                self.floor.unsent(who, now_us);
                break;
            }
        }
        while let Some(who) = self.floor.tears.next(now_us) {
            self.crowd.tear(who, now_us);
        }
        for who in self.floor.goes.drain(..) {
            self.crowd.hang_up(who);
        }
    }

    fn request(&self, who: usize, seq: u64, ask: &Ask) -> Vec<u8> {
        let service = &self.stage.service;
        let (method, path) = ask.call();
        let path = service.path(&format!("{path}?wait=2s"));
        let json = self.floor.books.body(ask);
        let request = Request {
            cookie: self.crowd.hall.people[who].cookie.as_deref(),
            seq: Some(seq),
            json: json.as_deref(),
            ..Request::new(method, &path)
        };
        request.render(service.api(who), &service.origin)
    }

    fn second(&mut self, at: u64, now_us: u64) {
        let Self { commands, floor, crowd, .. } = self;
        commands.give_up_before(now_us.saturating_sub(ANSWER_US_MAX), |mark, result| {
            let (who, seq) = (mark & ((1 << WHO_BITS) - 1), mark >> WHO_BITS);
            floor.answered(who as usize, seq, result, now_us);
        });
        let done = floor.books.decided - std::mem::replace(&mut self.decided, floor.books.decided);
        let p99_ms = floor.books.took.get("booking").map_or(0.0, |took| took.quantile_ms(0.99));
        let hall = &crowd.hall;
        say(
            self.stage.part,
            &format!(
                "{at:>4} s  came {}  placed {}  let in {}  commands {done}/s  booked seats {}  home {}  violations {}",
                hall.people.len(),
                hall.placed.count(),
                floor.admitted.len(),
                floor.books.seats.sold(),
                floor.at_home(),
                hall.faults.count() + floor.faults.count(),
            ),
        );
        self.seconds.push(Second { at, done, p99_ms, queued: commands.under_way() as u64 });
    }
}
