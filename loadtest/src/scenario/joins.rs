//! Joins at a fixed schedule, each by a new shopper.

use std::io;

use anyhow::{Result, ensure};

use super::{Stage, judge_total, looks::Looks, say};
use crate::{
    latency::Latency,
    model::places::{Others, Places},
    net::{
        calls::{Calls, Use},
        connection::CONNECTIONS_MAX,
        http::Answer,
        request::Request,
    },
    pace::Pace,
    report::{Outcome, Second},
    schedule::{Profile, Schedule},
    service::{Facts, read_accepted},
    tally::Tally,
};

/// One turn of the loop, in microseconds: at 50,000 a second some 50 requests for one wake-up. It is
/// part of what is measured.
const TURN_US: u64 = 1_000;

/// Before the end nothing is sent any more for so long, in microseconds: what was sent late has time to
/// be answered and to show.
const SETTLE_US: u64 = 5_000_000;

/// What a run is asked for.
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
    /// One shopper in so many looks at the place until it shows.
    #[arg(long, default_value_t = 1_000)]
    pub sample: u64,
    /// Seconds for answers and places that come after the load.
    #[arg(long, default_value_t = 15)]
    pub drain_secs: u64,
}

struct Joins<'a> {
    stage: &'a Stage,
    settings: &'a Settings,
    schedule: Schedule,
    calls: Calls,
    request: Vec<u8>,
    sent: u64,
    answers: Answers<'a>,
}

/// What came back.
struct Answers<'a> {
    stage: &'a Stage,
    sample: u64,
    schedule: Schedule,
    accepted: Latency,
    /// Of the second that runs.
    recent: Latency,
    places: Places,
    looks: Looks,
    tally: Tally,
    seconds: Vec<Second>,
}

/// Plays the scenario.
pub fn run(stage: &Stage, settings: &Settings) -> Result<Outcome> {
    ensure!(settings.sample > 0, "--sample is at least 1");
    ensure!(
        (1..=CONNECTIONS_MAX).contains(&settings.connections),
        "1 to {CONNECTIONS_MAX} connections"
    );
    let before = stage.service.opened()?;
    let mut joins = Joins::new(stage, settings)?;
    let mut pace = Pace::start(TURN_US);
    joins.play(&mut pace)?;
    Ok(joins.outcome(&pace, &before))
}

impl<'a> Joins<'a> {
    fn new(stage: &'a Stage, settings: &'a Settings) -> Result<Self> {
        let schedule = Schedule::new(settings.profile, settings.secs)?;
        let targets = stage.service.apis.clone();
        let path = stage.service.path("/tickets");
        let request = Request::new("POST", &path).render(&targets[0], &stage.service.origin);
        let most = settings.connections;
        let mut calls =
            Calls::new(Use { targets, most, keep: true, sources: stage.sources.clone() })?;
        calls.warm()?;
        let answers = Answers {
            stage,
            sample: settings.sample,
            schedule,
            accepted: Latency::default(),
            recent: Latency::default(),
            places: Places::with_capacity(usize::try_from(schedule.total())?),
            looks: Looks::new(stage)?,
            tally: Tally::default(),
            seconds: Vec::new(),
        };
        Ok(Self { stage, settings, schedule, calls, request, sent: 0, answers })
    }

    fn play(&mut self, pace: &mut Pace) -> io::Result<()> {
        let end_us = (self.settings.secs + self.settings.drain_secs) * 1_000_000;
        let last_us = end_us.saturating_sub(SETTLE_US).max(self.settings.secs * 1_000_000);
        loop {
            let now_us = pace.now_us();
            let sends = now_us < last_us;
            if sends {
                self.send(now_us);
            }
            let Self { calls, answers, .. } = self;
            calls.turn(|i, result| match result {
                Ok(answer) => answers.take(i, answer, pace.now_us()),
                Err(_) => answers.tally.lost(),
            })?;
            if sends {
                self.send(now_us);
            }
            self.answers.looks.turn(pace.now_us())?;
            if let Some(second) = pace.second(now_us) {
                self.second(second, now_us);
            }
            let over = self.is_done(sends) || now_us >= end_us || self.stage.stop.asked();
            if over {
                return Ok(());
            }
            pace.rest(now_us);
        }
    }

    /// Sends what is due as long as connections are free; the rest waits, its time running.
    fn send(&mut self, now_us: u64) {
        while self.schedule.is_due(self.sent, now_us)
            && self.calls.ask(self.sent, now_us, &self.request)
        {
            self.sent += 1;
        }
    }

    fn is_done(&self, sends: bool) -> bool {
        let sent = !sends || self.sent == self.schedule.total();
        sent && self.calls.under_way() == 0 && self.answers.looks.invisible() == 0
    }

    fn queued(&self, now_us: u64) -> u64 {
        let (mut low, mut high) = (self.sent, self.schedule.total());
        while low < high {
            let middle = low.midpoint(high);
            if self.schedule.due_us(middle) <= now_us { low = middle + 1 } else { high = middle }
        }
        low - self.sent
    }

    fn second(&mut self, at: u64, now_us: u64) {
        let queued = self.queued(now_us);
        let under_way = self.calls.under_way();
        let Answers { recent, accepted, tally, seconds, looks, .. } = &mut self.answers;
        let second = Second { at, done: recent.count(), p99_ms: recent.quantile_ms(0.99), queued };
        say(
            self.stage.part,
            &format!(
                "{at:>4} s  accepted {}/s  p99 {:.1} ms (so far {:.1})  queued {queued}  under way {under_way}  \
                 refused {}  lost {}  visible p99 {:.1} ms",
                second.done,
                second.p99_ms,
                accepted.quantile_ms(0.99),
                tally.refusals(),
                tally.lost,
                looks.visible.quantile_ms(0.99),
            ),
        );
        seconds.push(second);
        recent.clear();
    }

    fn outcome(self, pace: &Pace, before: &Facts) -> Outcome {
        let unsent = self.queued(pace.now_us());
        let Self { schedule, calls, stage, settings, .. } = self;
        let mut answers = self.answers;
        let profile = format!("{} for {} s", settings.profile, settings.secs);
        let mut outcome = Outcome::new("joins", profile, "accepted", pace);
        outcome.done = answers.accepted.count();
        outcome.interrupted = stage.stop.asked();
        outcome.count("scheduled", schedule.total());
        outcome.count("accepted", answers.accepted.count());
        outcome.count("unsent", unsent);
        outcome.count("unanswered", calls.under_way() as u64);
        outcome.count("connections", settings.connections as u64);
        let unknown = answers.tally.unknown + calls.under_way() as u64;
        answers.judge(&mut outcome, Others { before: before.total, unknown });
        outcome.latencies.insert("accepted".to_owned(), answers.accepted);
        outcome.latencies.insert("visible".to_owned(), answers.looks.visible);
        outcome.seconds = answers.seconds;
        answers.tally.report(&mut outcome);
        outcome
    }
}

impl Answers<'_> {
    fn take(&mut self, i: u64, answer: &Answer<'_>, now_us: u64) {
        let due_us = self.schedule.due_us(i);
        let took_us = now_us.saturating_sub(due_us);
        if answer.status != 202 {
            return self.tally.refused("a join", answer, took_us);
        }
        self.accepted.record_us(took_us);
        self.recent.record_us(took_us);
        match (read_accepted(answer.body), answer.cookie) {
            (Ok(place), Some(cookie)) => {
                self.places.add(place.ticket, place.address);
                if i.is_multiple_of(self.sample) {
                    self.looks.begin(self.stage, place, cookie, due_us, now_us);
                }
            }
            (Ok(_), None) => self.tally.faults.push("a 202 sets no cookie".to_owned()),
            (Err(text), _) => self.tally.faults.push(text),
        }
    }

    /// Compares what was said with the model.
    fn judge(&mut self, outcome: &mut Outcome, others: Others) {
        let Self { places, looks, stage, .. } = self;
        let faults = &mut outcome.faults;
        places.settle(faults);
        for place in looks.places().filter(|place| place.position.is_some()) {
            places.judge(place, others, faults);
        }
        faults.add(std::mem::take(&mut looks.faults));
        let (looked, invisible) = (looks.places().count(), looks.invisible());
        // Who was interrupted did not wait for everything to show.
        if !stage.stop.asked() {
            faults.check(invisible == 0, || format!("{invisible} of {looked} places never showed"));
        }
        outcome.count("looked", looked as u64);
        outcome.count("invisible", invisible as u64);
        judge_total(stage, places, others, outcome);
    }
}
