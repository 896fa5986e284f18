//! Everyone inside wants the same slot at once, and as many seats as one may have: how fast holds and
//! bookings are decided, and that no seat is sold twice. A closed loop: as fast as answers come.

use std::{
    collections::BTreeMap,
    io,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::{Stage, say};
use crate::{
    model::Faults,
    net::{
        calls::{Calls, Use},
        connection::CONNECTIONS_MAX,
        http::Answer,
        request::Request,
        target::Target,
    },
    pace::Pace,
    report::Outcome,
};

/// One turn of the loop, in microseconds.
const TURN_US: u64 = 200;

/// How long a round may take, or the service to decide what it has accepted, in seconds.
const ROUND_SECS_MAX: u64 = 120;

const LOOK_MS: u64 = 5;

/// Most shoppers of one rush.
const SHOPPERS_MAX: usize = 200_000;

#[derive(Debug, Clone, clap::Args)]
pub struct Settings {
    /// How many come for the first slot; nobody is let in without a seat left to take first, so at
    /// most as many as it has seats.
    #[arg(long, default_value_t = 1_000)]
    pub shoppers: usize,
    /// Connections, one request at a time on each.
    #[arg(long, default_value_t = 256)]
    pub connections: usize,
}

struct Rush<'a> {
    stage: &'a Stage,
    api: Calls,
    gateway: Calls,
    cookies: Vec<String>,
    faults: Faults,
}

/// A shopper's own state.
#[derive(Debug, Deserialize)]
struct Ticket {
    state: String,
    last: Option<Last>,
}

#[derive(Debug, Deserialize)]
struct Last {
    seq: u64,
    code: Option<String>,
}

/// Plays the scenario: join, come in, then hold and book against the clock.
pub fn run(stage: &Stage, settings: &Settings) -> Result<Outcome> {
    ensure!((1..=SHOPPERS_MAX).contains(&settings.shoppers), "1 to {SHOPPERS_MAX} shoppers");
    let facts = stage.service.opened()?;
    let slot = facts.slots.first().context("the event has no slot")?;
    ensure!(settings.shoppers as u64 <= slot.remaining, "{} seats remain", slot.remaining);
    let mut rush = Rush::new(stage, settings)?;
    let join = rush.join(settings.shoppers)?;
    rush.until(join, |ticket| ticket.state == "admitted")?;
    let entered = rush.command("POST", "/entry", 1, None)?;
    rush.until(entered, |ticket| ticket.state == "inside")?;

    let pace = Pace::start(TURN_US);
    let hold = format!(r#"{{"slot":"{}","seats":{}}}"#, slot.id, facts.seats_per_ticket);
    rush.command("PUT", "/hold", 2, Some(&hold))?;
    let booked = rush.command("PUT", "/booking", 3, Some("{}"))?;
    rush.until(booked, |ticket| ticket.last.as_ref().is_some_and(|last| last.seq == 3))?;
    let mut outcome =
        Outcome::new("rush", format!("{} shoppers", settings.shoppers), "decided", &pace);
    outcome.done = 2 * settings.shoppers as u64;
    rush.judge(&mut outcome, slot.remaining, facts.seats_per_ticket.into())?;
    Ok(outcome)
}

impl<'a> Rush<'a> {
    fn new(stage: &'a Stage, settings: &Settings) -> Result<Self> {
        let most = settings.connections;
        ensure!((1..=CONNECTIONS_MAX).contains(&most), "1 to {CONNECTIONS_MAX} connections");
        let calls = |targets: &[Target]| -> io::Result<Calls> {
            let (targets, sources) = (targets.to_vec(), stage.sources.clone());
            let mut calls = Calls::new(Use { targets, most, keep: true, sources })?;
            calls.warm()?;
            Ok(calls)
        };
        let (api, gateway) = (calls(&stage.service.apis)?, calls(&stage.service.gateways)?);
        Ok(Self { stage, api, gateway, cookies: Vec::new(), faults: Faults::default() })
    }

    /// Lets everyone join; the one whose join stands last in the log.
    fn join(&mut self, shoppers: usize) -> Result<usize> {
        let request = self.request("POST", "/tickets", None);
        let requests = vec![request; shoppers];
        let mut cookies = vec![String::new(); shoppers];
        let last = accepted(&mut self.api, &requests, &mut self.faults, |who, answer| {
            let cookie = answer.cookie.and_then(|cookie| std::str::from_utf8(cookie).ok());
            cookies[who] = cookie.unwrap_or_default().to_owned();
        })?;
        self.cookies = cookies;
        Ok(last)
    }

    /// Lets everyone send a command; the one whose stands last in the log.
    fn command(&mut self, method: &str, path: &str, seq: u64, json: Option<&str>) -> Result<usize> {
        let path = self.stage.service.path(path);
        let request = Request { seq: Some(seq), json, ..Request::new(method, &path) };
        let requests = self.rendered(&request, self.stage.service.api(0));
        accepted(&mut self.api, &requests, &mut self.faults, |_, _| {})
    }

    fn request(&self, method: &str, path: &str, cookie: Option<&str>) -> Vec<u8> {
        let path = self.stage.service.path(path);
        let request = Request { cookie, ..Request::new(method, &path) };
        request.render(self.stage.service.api(0), &self.stage.service.origin)
    }

    /// The same request from each shopper.
    fn rendered(&self, request: &Request<'_>, target: &Target) -> Vec<Vec<u8>> {
        let origin = &self.stage.service.origin;
        let render =
            |cookie: &String| Request { cookie: Some(cookie), ..*request }.render(target, origin);
        self.cookies.iter().map(render).collect()
    }

    /// Waits until a shopper's state is as it must become.
    fn until(&mut self, who: usize, holds: impl Fn(&Ticket) -> bool) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(ROUND_SECS_MAX);
        let path = self.stage.service.path("/ticket");
        let cookie = Some(self.cookies[who].as_str());
        let request = Request { cookie, ..Request::get(&path) };
        let request = request.render(self.stage.service.gateway(0), &self.stage.service.origin);
        loop {
            let mut seen = None;
            round(&mut self.gateway, std::slice::from_ref(&request), |_, answer| {
                seen = serde_json::from_slice::<Ticket>(answer.body).ok();
            })?;
            match seen {
                Some(ticket) if holds(&ticket) => return Ok(()),
                seen if Instant::now() > deadline => bail!("the last shopper stays {seen:?}"),
                _ => std::thread::sleep(Duration::from_millis(LOOK_MS)),
            }
        }
    }

    /// Counts what became of each: as many bookings as the seats allow, and not one more.
    fn judge(mut self, outcome: &mut Outcome, seats: u64, each: u64) -> Result<()> {
        let path = self.stage.service.path("/ticket");
        let requests = self.rendered(&Request::get(&path), self.stage.service.gateway(0));
        let mut ends: BTreeMap<String, u64> = BTreeMap::new();
        round(&mut self.gateway, &requests, |_, answer| {
            let ticket = serde_json::from_slice::<Ticket>(answer.body).ok();
            let code = ticket.as_ref().and_then(|ticket| ticket.last.as_ref()?.code.clone());
            let end = match ticket {
                Some(ticket) if ticket.state == "booked" => "sold".to_owned(),
                Some(ticket) => code.unwrap_or(ticket.state),
                None => format!("status_{}", answer.status),
            };
            *ends.entry(end).or_default() += 1;
        })?;
        let sold = ends.get("sold").copied().unwrap_or(0);
        let most = (seats / each).min(self.cookies.len() as u64);
        self.faults.check(sold == most, || format!("{sold} bookings stand, {most} could"));
        let remaining = self.stage.service.facts()?.slots[0].remaining;
        let left = seats - most * each;
        self.faults.check(remaining == left, || format!("{remaining} seats remain, {left} must"));
        ends.into_iter().for_each(|(end, count)| outcome.count(&end, count));
        outcome.faults.add(self.faults);
        Ok(())
    }
}

#[derive(Deserialize)]
struct Accepted {
    offset: u64,
    index: u16,
}

/// A round in which all must be accepted; who stands last in the log.
fn accepted(
    calls: &mut Calls,
    requests: &[Vec<u8>],
    faults: &mut Faults,
    mut heard: impl FnMut(usize, &Answer<'_>),
) -> Result<usize> {
    let mut last = ((0, 0), 0);
    round(calls, requests, |who, answer| {
        heard(who, answer);
        match serde_json::from_slice::<Accepted>(answer.body) {
            Ok(Accepted { offset, index }) if answer.status == 202 => {
                last = last.max(((offset, index), who));
            }
            _ => faults.push(format!("a command was answered {}", answer.status)),
        }
    })?;
    say(super::Part::ALL, &format!("{} commands accepted", requests.len()));
    Ok(last.1)
}

/// Sends every request, as many at once as there are connections.
fn round(
    calls: &mut Calls,
    requests: &[Vec<u8>],
    mut heard: impl FnMut(usize, &Answer<'_>),
) -> Result<()> {
    let pace = Pace::start(TURN_US);
    let (mut sent, mut done, mut lost) = (0, 0, 0);
    while done < requests.len() {
        ensure!(pace.wall_secs() < ROUND_SECS_MAX as f64, "{done} of {} answered", requests.len());
        let now_us = pace.now_us();
        while sent < requests.len() && calls.ask(sent as u64, now_us, &requests[sent]) {
            sent += 1;
        }
        calls.turn(|who, result| {
            done += 1;
            match result {
                Ok(answer) => heard(who as usize, answer),
                Err(_) => lost += 1,
            }
        })?;
        pace.rest(now_us);
    }
    ensure!(lost == 0, "{lost} answers were lost");
    Ok(())
}
