//! Many shoppers with a socket each: they come at a schedule, some join first, all listen.

use std::io;

use anyhow::{Result, ensure};

use super::{
    Stage,
    hall::{Hall, Step},
};
use crate::{
    net::{
        calls::{Calls, Use},
        connection::CONNECTIONS_MAX,
        request::Request,
        streams::Streams,
    },
    pace::Pace,
    schedule::Schedule,
};

/// One turn of the loop, in microseconds.
const TURN_US: u64 = 1_000;

/// An answer that took longer counts as lost, in microseconds.
const ANSWER_US_MAX: u64 = 30_000_000;

/// Connections of calls where they are kept for the next call.
const KEPT_MAX: usize = 64;

/// Sockets that are hung up in one turn: the goodbyes come as a stream and not as a storm.
const HANG_UPS_MAX: usize = 100;

/// Time to say goodbye, in microseconds.
const CLOSE_US_MAX: u64 = 15_000_000;

/// How a crowd comes.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub schedule: Schedule,
    /// They read the page first, which gives them their cookie.
    pub page: bool,
    /// They join before they listen.
    pub join: bool,
    /// Connections of joins: kept for the next one, or one for each.
    pub keep: bool,
    pub seed: u64,
}

pub struct Crowd<'a> {
    stage: &'a Stage,
    plan: Plan,
    begun: u64,
    pub streams: Streams,
    pages: Calls,
    joins: Calls,
    pub hall: Hall,
    pub pace: Pace,
}

impl<'a> Crowd<'a> {
    pub fn new(stage: &'a Stage, plan: Plan) -> Result<Self> {
        let calls = |targets: &[_]| {
            let (targets, keep, sources) = (targets.to_vec(), plan.keep, stage.sources.clone());
            // Nobody has two connections at once, so all together are never more than there are people.
            let most = if keep { KEPT_MAX } else { CONNECTIONS_MAX };
            Calls::new(Use { targets, most, keep, sources })
        };
        let count = usize::try_from(plan.schedule.total())?;
        let most = CONNECTIONS_MAX - if plan.keep { 2 * KEPT_MAX } else { 0 };
        ensure!(count <= most, "a process holds {most} sockets at most; --processes takes more");
        Ok(Self {
            stage,
            plan,
            begun: 0,
            streams: Streams::new(stage.sources.clone())?,
            pages: calls(&stage.service.gateways)?,
            joins: calls(&stage.service.apis)?,
            hall: Hall::new(count, plan.seed ^ stage.part.number as u64),
            pace: Pace::start(TURN_US),
        })
    }

    pub fn all_came(&self) -> bool {
        self.begun == self.plan.schedule.total()
    }

    /// One turn of the loop; the number of a second that ended with it.
    pub fn turn(&mut self) -> Result<Option<u64>> {
        let now_us = self.pace.now_us();
        while self.plan.schedule.is_due(self.begun, now_us) {
            let due_us = self.plan.schedule.due_us(self.begun);
            self.hall.comes(usize::try_from(self.begun)?, due_us, self.first_step());
            self.begun += 1;
        }
        self.act(now_us);
        self.listen()?;
        let ended = self.pace.second(now_us);
        if ended.is_some() {
            self.give_up(now_us);
            for id in self.hall.find_silent(now_us) {
                self.streams.tear(id);
            }
        }
        self.pace.rest(now_us);
        Ok(ended)
    }

    fn first_step(&self) -> Step {
        match (self.plan.page, self.plan.join) {
            (true, _) => Step::Page,
            (false, true) => Step::Join,
            (false, false) => Step::Listen,
        }
    }

    /// Everyone whose time has come does what is next.
    fn act(&mut self, now_us: u64) {
        while let Some(who) = self.hall.agenda.next(now_us) {
            let step = self.hall.people[who].step;
            let asked = match step {
                Step::Page => self.pages.ask(who as u64, now_us, &self.page()),
                Step::Join => self.joins.ask(who as u64, now_us, &self.join(who)),
                Step::Listen => self.open(who, now_us),
                Step::Open | Step::Gone => true,
            };
            if !asked {
                // All connections are taken: the next turn.
                self.hall.agenda.at(now_us + 1, who);
                break;
            }
        }
    }

    fn page(&self) -> Vec<u8> {
        let service = &self.stage.service;
        let path = format!("/e/{}", service.event);
        Request::get(&path).render(service.gateway(0), &service.origin)
    }

    fn join(&self, who: usize) -> Vec<u8> {
        let (service, person) = (&self.stage.service, &self.hall.people[who]);
        let (path, key) = (service.path("/tickets"), person.key.to_string());
        let (cookie, key) = (person.cookie.as_deref(), Some(key.as_str()));
        let request = Request { cookie, key, ..Request::new("POST", &path) };
        request.render(service.api(who), &service.origin)
    }

    /// Opens the stream; the place known so far must be seen at least.
    fn open(&mut self, who: usize, now_us: u64) -> bool {
        let (service, person) = (&self.stage.service, &mut self.hall.people[who]);
        let covered = person.sight.covered.checked_sub(1);
        let joined = person.place.map(|place| place.address.offset());
        let path = service.path("/stream");
        let path = match covered.max(joined) {
            Some(seen) => format!("{path}?seen={seen}"),
            None => path,
        };
        let target = service.gateway(who);
        let request = Request { cookie: person.cookie.as_deref(), ..Request::get(&path) };
        person.heard_us = now_us;
        match self.streams.open(who, target, &request.upgrade(target, &service.origin, who as u64))
        {
            Ok(id) => person.socket = Some(id),
            Err(error) => self.hall.failed(who, &error, now_us),
        }
        true
    }

    fn listen(&mut self) -> io::Result<()> {
        let Self { streams, pages, joins, hall, pace, .. } = self;
        pages.turn(|who, result| hall.paged(who as usize, result, pace.now_us()))?;
        joins.turn(|who, result| hall.joined(who as usize, result, pace.now_us()))?;
        streams.turn(|who, heard| hall.heard(who, &heard, pace.now_us()))
    }

    fn give_up(&mut self, now_us: u64) {
        let Self { pages, joins, hall, .. } = self;
        let before_us = now_us.saturating_sub(ANSWER_US_MAX);
        pages.give_up_before(before_us, |who, result| hall.paged(who as usize, result, now_us));
        joins.give_up_before(before_us, |who, result| hall.joined(who as usize, result, now_us));
    }

    /// Somebody loses the network, and comes back.
    pub fn tear(&mut self, who: usize, now_us: u64) {
        if let Some(id) = self.hall.tears(who, now_us) {
            self.streams.tear(id);
        }
    }

    /// Somebody goes home.
    pub fn hang_up(&mut self, who: usize) {
        let person = &mut self.hall.people[who];
        person.step = Step::Gone;
        person.socket = person.socket.filter(|id| self.streams.hang_up(*id));
    }

    /// Everyone goes home.
    pub fn close(&mut self) -> Result<()> {
        let end_us = self.pace.now_us() + CLOSE_US_MAX;
        // While all hang up at once, a frame is late for that alone.
        let age = std::mem::take(&mut self.hall.ears.age);
        let mut left = 0;
        while self.streams.len() > 0 && self.pace.now_us() < end_us {
            let now_us = self.pace.now_us();
            let upto = self.hall.people.len().min(left + HANG_UPS_MAX);
            (left..upto).for_each(|who| self.hang_up(who));
            left = upto;
            self.listen()?;
            self.pace.rest(now_us);
        }
        self.hall.ears.age_closing = std::mem::replace(&mut self.hall.ears.age, age);
        self.hall.unclosed = self.streams.len() as u64;
        Ok(())
    }
}
