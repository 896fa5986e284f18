//! Some shoppers look at their place until it shows: how long it takes to become visible.

use std::{collections::VecDeque, io};

use serde::Deserialize;

use super::Stage;
use crate::{
    latency::Latency,
    model::{Faults, places::Place},
    net::{
        calls::{Calls, Use},
        http::Answer,
        request::Request,
    },
};

/// Connections for looking only, so that looking never waits behind joins.
const CONNECTIONS: usize = 16;

/// Between two looks of one shopper, in microseconds.
const LOOK_US: u64 = 25_000;

/// How many may look at all.
const LOOKERS_MAX: usize = 200_000;

pub struct Looks {
    calls: Calls,
    lookers: Vec<Looker>,
    /// (when, who), sorted by when: each waits for the same span.
    due: VecDeque<(u64, usize)>,
    pub visible: Latency,
    pub faults: Faults,
}

struct Looker {
    place: Place,
    /// The moment at which the join was due, in microseconds.
    since_us: u64,
    request: Vec<u8>,
}

#[derive(Deserialize)]
struct Ticket {
    position: Option<u32>,
}

impl Looks {
    pub fn new(stage: &Stage) -> io::Result<Self> {
        let targets = stage.service.gateways.clone();
        let settings =
            Use { targets, most: CONNECTIONS, keep: true, sources: stage.sources.clone() };
        let mut calls = Calls::new(settings)?;
        calls.warm()?;
        Ok(Self {
            calls,
            lookers: Vec::new(),
            due: VecDeque::new(),
            visible: Latency::default(),
            faults: Faults::default(),
        })
    }

    /// Someone begins to look.
    pub fn begin(
        &mut self,
        stage: &Stage,
        place: Place,
        cookie: &[u8],
        since_us: u64,
        now_us: u64,
    ) {
        let Ok(cookie) = std::str::from_utf8(cookie) else {
            return self.faults.push("a cookie is not text".to_owned());
        };
        if self.lookers.len() >= LOOKERS_MAX {
            return;
        }
        let path = stage.service.path("/ticket");
        let request = Request { cookie: Some(cookie), ..Request::get(&path) };
        let request = request.render(stage.service.gateway(0), &stage.service.origin);
        self.due.push_back((now_us, self.lookers.len()));
        self.lookers.push(Looker { place, since_us, request });
    }

    /// Places that do not show yet.
    pub fn invisible(&self) -> usize {
        self.due.len() + self.calls.under_way()
    }

    /// All who looked, with what they saw.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.lookers.iter().map(|looker| &looker.place)
    }

    pub fn turn(&mut self, now_us: u64) -> io::Result<()> {
        let Self { calls, lookers, due, visible, faults } = self;
        while let Some((_, who)) = due.front().copied().filter(|(at, _)| *at <= now_us) {
            if !calls.ask(who as u64, now_us, &lookers[who].request) {
                break;
            }
            due.pop_front();
        }
        calls.turn(|who, result| {
            let looker = &mut lookers[who as usize];
            let position = result.ok().and_then(|answer| seen(answer, looker, faults));
            match position {
                Some(position) => {
                    looker.place.position = Some(position);
                    visible.record_us(now_us.saturating_sub(looker.since_us));
                    looker.request = Vec::new();
                }
                None => due.push_back((now_us + LOOK_US, who as usize)),
            }
        })
    }
}

/// The position that an answer shows.
fn seen(answer: &Answer<'_>, looker: &Looker, faults: &mut Faults) -> Option<u32> {
    match answer.status {
        200 => serde_json::from_slice::<Ticket>(answer.body).ok()?.position,
        // Not in the view yet, or the view can't tell.
        404 | 429 | 503 => None,
        status => {
            faults.push(format!("ticket {} was answered {status}", looker.place.ticket));
            None
        }
    }
}
