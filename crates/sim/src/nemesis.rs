//! Breaks things, at moments and in ways drawn from the seed.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::Method;
use ports::{EventLog, memory::ViewSnapshot};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    client::{Call, ask},
    dice::Dice,
    judge::Court,
    life::{Store, Weather},
    site::{Process, Role, Site, TOKEN},
};

/// How many processes of each role there are.
pub(crate) const CREW: [(Role, u64); 4] =
    [(Role::Worker, 3), (Role::Api, 2), (Role::Gateway, 2), (Role::Operator, 1)];

pub(crate) struct Nemesis {
    site: Arc<Site>,
    court: Court,
    dice: Dice,
    slots: Vec<String>,
    snapshot: Option<ViewSnapshot>,
    /// The next release is out: whoever starts from now on reads its records.
    released: bool,
    /// Some write them already.
    writing: bool,
}

impl Nemesis {
    pub(crate) fn new(site: &Arc<Site>, court: &Court, slots: &[String], seed: u64) -> Self {
        Self {
            site: site.clone(),
            court: court.clone(),
            dice: Dice::of(seed, 2),
            slots: slots.to_vec(),
            snapshot: None,
            released: false,
            writing: false,
        }
    }

    pub(crate) async fn rage(mut self, until: Instant) {
        while Instant::now() < until {
            let pause = self.dice.millis(100, 2_200);
            sleep(pause).await;
            self.strike().await;
            self.court.in_session().tally.strikes += 1;
            self.revive(200);
        }
        self.heal();
    }

    async fn strike(&mut self) {
        match self.dice.between(0, 100) {
            0..16 => self.kill(),
            16..28 => self.put_to_sleep(),
            28..40 => self.cut(),
            40..46 => self.wipe_view(),
            46..52 => self.keep_view(),
            52..60 => self.set_view_back(),
            60..64 => self.site.view.disconnect(),
            64..70 => self.jump_clock(),
            70..76 => self.change_weather(),
            76..82 => self.pretend().await,
            82..84 => self.garble().await,
            84..87 => self.release(),
            _ => self.operate().await,
        }
    }

    fn any(&mut self) -> Option<Arc<Process>> {
        // Workers have more to lose.
        let role = if self.dice.permille(600) {
            Role::Worker
        } else {
            CREW[self.dice.between(0, 4) as usize].0
        };
        let all = self.site.of(role);
        self.dice.pick(&all).cloned()
    }

    fn kill(&mut self) {
        if let Some(process) = self.any() {
            process.life.kill();
        }
    }

    fn put_to_sleep(&mut self) {
        let until = Instant::now() + self.dice.millis(300, 7_000);
        let Some(process) = self.any() else { return };
        process.life.sleep(until);
        if self.dice.permille(400) {
            // Who wakes up and can't read the log does not know what happened meanwhile.
            let deaf = self.dice.millis(500, 3_000);
            process.life.cut(Store::Log, until + deaf);
        }
    }

    fn cut(&mut self) {
        let store = match self.dice.between(0, 5) {
            0 | 1 => Store::Log,
            2 => Store::Facts,
            _ => Store::View,
        };
        let until = Instant::now() + self.dice.millis(300, 6_000);
        if self.dice.permille(200) {
            // The store itself is away.
            self.site.all().iter().for_each(|process| process.life.cut(store, until));
        } else if let Some(process) = self.any() {
            process.life.cut(store, until);
        }
    }

    fn wipe_view(&self) {
        self.site.sky.trace.note("nemesis", "empties the view");
        self.site.view.wipe();
        self.court.view_was_changed();
    }

    fn keep_view(&mut self) {
        self.snapshot = Some(self.site.view.snapshot());
    }

    fn set_view_back(&self) {
        let Some(snapshot) = &self.snapshot else { return };
        self.site.sky.trace.note("nemesis", format_args!("sets the view back to {snapshot:?}"));
        self.site.view.restore(snapshot);
        self.court.view_was_changed();
    }

    fn jump_clock(&mut self) {
        let far = if self.dice.permille(300) { 90_000 } else { 3_000 };
        let ms = self.dice.between(0, far) as i64 - (far / 2) as i64;
        self.site.sky.trace.note("nemesis", format_args!("a clock jumps by {ms} ms"));
        if self.dice.permille(500) {
            self.site.broker_clock.jump(ms);
        } else if let Some(process) = self.any() {
            process.life.clock.jump(ms);
        }
    }

    fn change_weather(&mut self) {
        let weather = Weather::draw(&mut self.dice);
        self.site.sky.trace.note("nemesis", format_args!("{weather:?}"));
        *self.site.sky.weather.lock().expect("nothing panics under it") = weather;
    }

    async fn append(&self, record: String) {
        self.site.sky.trace.note("nemesis", format_args!("appends {record}"));
        let appended = self.site.log.append(&self.site.event, Bytes::from(record)).await;
        self.site.sky.trace.must(appended.is_ok(), || "the log takes no record".to_owned());
    }

    /// Claims and ticks of somebody who does not know that their time is over.
    async fn pretend(&mut self) {
        let epoch = self.court.in_session().oracle.epoch;
        let stale = self.dice.between(0, epoch + 2);
        let record = match self.dice.permille(500) {
            true => json!({"v": 1, "c": [["own", stale]]}),
            false => json!({"v": 1, "c": [["tick", stale]]}),
        };
        // The version goes first on the wire.
        self.append(format!("{{\"v\":1,\"c\":{}}}", record["c"])).await;
    }

    async fn garble(&mut self) {
        let records = [
            "no record at all",
            "{\"v\":1}",
            "{\"v\":1,\"c\":[[],7,[\"join\",\"nobody\"],[\"hold\"]]}",
            "{\"v\":1,\"c\":[]}",
        ];
        let record = (*self.dice.pick(&records).unwrap_or(&"")).to_owned();
        self.append(record).await;
    }

    /// A rolling upgrade: first all read the next version's records, then some write them.
    fn release(&mut self) {
        if !self.released {
            self.site.sky.trace.note("nemesis", "the next release is out");
            self.released = true;
            return;
        }
        let workers = self.site.of(Role::Worker);
        if let Some(old) = workers.iter().find(|worker| !worker.life.newer)
            && workers.iter().filter(|worker| worker.life.newer).count() == 0
        {
            old.life.kill();
            self.site.start(Role::Worker, old.number, true, false);
            return;
        }
        self.writing = true;
        if let Some(api) = self.site.of(Role::Api).first() {
            api.life.kill();
            self.site.start(Role::Api, api.number, true, true);
        }
    }

    async fn operate(&mut self) {
        let rates = [30, 120, 600, 6_000];
        let slot = self.dice.pick(&self.slots).cloned();
        let (method, path, body): (_, String, Option<Value>) = match self.dice.between(0, 10) {
            0 | 1 => (Method::POST, "pause".into(), None),
            2..5 => (Method::POST, "resume".into(), None),
            5 | 6 => {
                let rate = self.dice.pick(&rates).copied().unwrap_or(60);
                let body = json!({"rate_per_min": rate, "max_inside": self.dice.between(1, 8)});
                (Method::PATCH, "admission".into(), Some(body))
            }
            _ => {
                let body = json!({"capacity": self.dice.between(0, 9)});
                (Method::PATCH, format!("slots/{}", slot.unwrap_or_default()), Some(body))
            }
        };
        let Some(operator) = self.site.of(Role::Operator).first().cloned() else { return };
        self.site.sky.trace.note("nemesis", format_args!("operates {path} {body:?}"));
        let path = format!("/operator/v1/events/popup/{path}");
        let headers = vec![("authorization", format!("Bearer {TOKEN}"))];
        // By itself: others don't wait for the operator.
        tokio::spawn(async move { ask(&operator, Call { method, path, headers, body }).await });
    }

    /// Starts the dead again, each with a chance in a thousand.
    fn revive(&mut self, chance: u64) {
        for (role, count) in CREW {
            for number in 0..count {
                let alive = self.site.of(role).iter().any(|process| process.number == number);
                if !alive && self.dice.permille(chance) {
                    self.site.start(role, number, self.released, self.writing);
                }
            }
        }
    }

    /// Everything works again from now on.
    fn heal(&mut self) {
        self.site.sky.trace.note("nemesis", "gives up");
        *self.site.sky.weather.lock().expect("nothing panics under it") = Weather::CALM;
        self.site.all().iter().for_each(|process| process.life.heal());
        if self.writing {
            // Who can't read the log can't serve it: the upgrade goes through.
            let old = self.site.of(Role::Worker);
            old.iter().filter(|worker| !worker.life.newer).for_each(|worker| worker.life.kill());
        }
        self.revive(1_000);
    }
}

/// How long everything is left alone at the end: longer than any patience of the product.
pub(crate) const CALM: Duration = Duration::from_secs(40);
