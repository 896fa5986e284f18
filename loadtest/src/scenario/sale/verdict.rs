//! What a sale comes to, compared with the model.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;
use serde::Deserialize;

use super::Sale;
use crate::{
    model::{
        admission::{in_order, passed_over},
        places::Address,
    },
    net::{fetch::fetch, request::Request},
    report::Outcome,
    scenario::judge_places,
    service::Facts,
};

/// How long the public seats may lag behind the last answer, in seconds.
const SETTLE_SECS_MAX: u64 = 5;

const LOOK_MS: u64 = 250;

/// How many who seem to be passed over are looked at.
const LOOKS_MAX: usize = 100;

#[derive(Deserialize)]
struct Ticket {
    state: String,
}

impl Sale<'_> {
    pub(super) fn outcome(mut self, before: &Facts) -> Result<Outcome> {
        let settings = self.settings;
        let profile = format!("{} shoppers at {} a second", settings.shoppers, settings.rate);
        let mut outcome = Outcome::new("sale", profile, "commands decided", &self.crowd.pace);
        outcome.done = self.floor.books.decided;
        outcome.interrupted = self.stage.stop.asked();
        outcome.seconds = std::mem::take(&mut self.seconds);
        if !outcome.interrupted {
            self.judge_seats(before);
        }
        self.judge_admission();
        self.crowd.close()?;
        let Self { stage, crowd, floor, .. } = self;
        outcome.count("let_in", floor.admitted.len() as u64);
        outcome.count("seats_booked", floor.books.seats.sold());
        outcome.count("repeated", floor.repeated);
        let ends = floor.guests.iter().map(|guest| guest.end.unwrap_or("nothing yet"));
        ends.for_each(|end| outcome.count(&format!("ended: {end}"), 1));
        floor.books.outcomes.iter().for_each(|(name, count)| outcome.count(name, *count));
        let took = floor.books.took.into_iter().map(|(name, took)| (name.to_owned(), took));
        outcome.latencies.extend(took);
        outcome.faults.add(floor.faults);
        floor.tally.report(&mut outcome);
        crowd.hall.report(&mut outcome);
        judge_places(stage, before, &mut outcome);
        Ok(outcome)
    }

    /// The public seats must become those of the answers.
    fn judge_seats(&mut self, before: &Facts) {
        let maybe = self.floor.maybe_taken();
        let deadline = Instant::now() + Duration::from_secs(SETTLE_SECS_MAX);
        loop {
            let facts = self.stage.service.facts().map_err(|error| format!("{error:#}"));
            let seats = &self.floor.books.seats;
            let alone = before.total == 0;
            match facts.and_then(|facts| seats.judge(&facts.remaining(), &maybe, alone)) {
                Ok(()) => return,
                Err(fault) if Instant::now() > deadline => return self.floor.faults.push(fault),
                Err(_) => thread::sleep(Duration::from_millis(LOOK_MS)),
            }
        }
    }

    /// Who seems to be passed over may only not have heard yet, so the own state is asked for.
    fn judge_admission(&mut self) {
        let floor = &mut self.floor;
        in_order(&mut floor.admitted, &mut floor.faults);
        let waiting: BTreeMap<Address, usize> = floor.waiting().collect();
        let seem = passed_over(&floor.admitted, waiting.keys().copied());
        let service = &self.stage.service;
        for address in seem.into_iter().take(LOOKS_MAX) {
            let cookie = self.crowd.hall.people[waiting[&address]].cookie.as_deref();
            let path = service.path("/ticket");
            let request = Request { cookie, ..Request::get(&path) };
            let waits = fetch::<Ticket>(service.gateway(0), &request, &service.origin)
                .map(|ticket| ticket.state == "waiting");
            match waits {
                Ok(waits) => {
                    floor.faults.check(!waits, || format!("the join at {address} was passed over"));
                }
                Err(error) => floor.faults.push(format!("the join at {address}: {error:#}")),
            }
        }
    }
}
