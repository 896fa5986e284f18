//! The service under load: where it is, and what it says in public.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    model::places::{Address, Place},
    net::{
        fetch::{ask, fetch},
        request::Request,
        target::Target,
    },
};

/// How long the public total may lag behind the last acknowledgement, and an API or a gateway behind
/// the operator, in seconds.
const SETTLE_SECS_MAX: u64 = 20;

const LOOK_MS: u64 = 250;

/// A join that is refused wherever joins are taken: nobody has tried so often.
const NO_JOIN: &str = r#"{"attempt":65535}"#;

#[derive(Debug, Clone)]
pub struct Service {
    pub apis: Vec<Target>,
    pub gateways: Vec<Target>,
    pub event: String,
    /// The `Origin` that all requests name.
    pub origin: String,
}

/// What anyone may know of an event.
#[derive(Debug, Clone, Deserialize)]
pub struct Facts {
    pub total: u64,
    pub slots: Vec<Slot>,
    pub seats_per_ticket: u32,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Slot {
    pub id: String,
    pub capacity: u64,
    pub remaining: u64,
}

impl Facts {
    pub fn remaining(&self) -> BTreeMap<String, u64> {
        self.slots.iter().map(|slot| (slot.id.clone(), slot.remaining)).collect()
    }
}

/// The body of a 202.
#[derive(Debug, Deserialize)]
struct Accepted<'a> {
    ticket: Uuid,
    offset: u64,
    index: u16,
    /// Where to follow it.
    stream: &'a str,
}

/// The place that a 202 tells of.
pub fn read_accepted(body: &[u8]) -> Result<Place, String> {
    let broken = || format!("a 202 says {}", String::from_utf8_lossy(body));
    let accepted: Accepted<'_> = serde_json::from_slice(body).map_err(|_| broken())?;
    let Accepted { ticket, offset, index, stream } = accepted;
    let address = Address::new(offset, index).filter(|_| !stream.is_empty());
    Ok(Place { ticket, address: address.ok_or_else(broken)?, position: None })
}

/// The `code` of a problem.
#[derive(Debug, Deserialize)]
pub struct Problem<'a> {
    pub code: &'a str,
}

impl Problem<'_> {
    /// "" when the body is no problem.
    pub fn code(body: &[u8]) -> &str {
        serde_json::from_slice::<Problem<'_>>(body).map_or("", |problem| problem.code)
    }
}

impl Service {
    /// The `n`-th API, round and round.
    pub fn api(&self, n: usize) -> &Target {
        &self.apis[n % self.apis.len()]
    }

    /// The `n`-th gateway, round and round.
    pub fn gateway(&self, n: usize) -> &Target {
        &self.gateways[n % self.gateways.len()]
    }

    /// A path of the event, e.g. of `/tickets`.
    pub fn path(&self, rest: &str) -> String {
        format!("/api/v1/events/{}{rest}", self.event)
    }

    pub fn facts(&self) -> Result<Facts> {
        self.facts_at(self.gateway(0))
    }

    fn facts_at(&self, gateway: &Target) -> Result<Facts> {
        fetch(gateway, &Request::get(&self.path("")), &self.origin)
            .with_context(|| format!("the event {} can't be read", self.event))
    }

    /// The facts once every API takes joins and every gateway shows the event: each hears of an event
    /// a moment after the operator has answered.
    pub fn opened(&self) -> Result<Facts> {
        self.apis.iter().try_for_each(|api| settled(|| self.takes_joins(api), |()| true))?;
        self.shown()
    }

    /// The facts once every gateway shows the event.
    pub fn shown(&self) -> Result<Facts> {
        let shown = |gateway| settled(|| self.facts_at(gateway), |_| true).map(drop);
        self.gateways.iter().try_for_each(shown)?;
        self.facts()
    }

    fn takes_joins(&self, api: &Target) -> Result<()> {
        let path = self.path("/tickets");
        let request = Request { json: Some(NO_JOIN), ..Request::new("POST", &path) };
        let (status, body) = ask(api, &request, &self.origin)?;
        let told = Problem::code(&body);
        ensure!(told == "body_malformed", "{path} takes no joins: {status} {told}");
        Ok(())
    }

    /// The facts once they count `total` people, or as they are when time is over.
    pub fn settled_facts(&self, total: u64) -> Result<Facts> {
        settled(|| self.facts(), |facts| facts.total >= total)
    }
}

/// What is told once it is as it will be, or as it is when time is over.
fn settled<T>(look: impl Fn() -> Result<T>, is_so: impl Fn(&T) -> bool) -> Result<T> {
    let deadline = Instant::now() + Duration::from_secs(SETTLE_SECS_MAX);
    loop {
        match look() {
            Ok(told) if is_so(&told) => return Ok(told),
            told if Instant::now() > deadline => return told,
            _ => thread::sleep(Duration::from_millis(LOOK_MS)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accepted_join_needs_all_its_parts() {
        let body = br#"{"ticket":"1ad44e85-ebfa-82c9-9740-0a707e964ab1","offset":4,"index":2,
            "stream":"/s","new":1}"#;
        assert_eq!(read_accepted(body).unwrap().address.offset(), 4);
        for body in [
            &br#"{"offset":4,"index":0}"#[..],
            br#"{"ticket":"1ad44e85-ebfa-82c9-9740-0a707e964ab1","index":0}"#,
            br#"{"ticket":"1ad44e85-ebfa-82c9-9740-0a707e964ab1","offset":4}"#,
            br#"{"ticket":"1ad44e85-ebfa-82c9-9740-0a707e964ab1","offset":4,"index":0}"#,
            br#"{"ticket":"x","offset":4,"index":0,"stream":"/s"}"#,
            b"\xFF",
        ] {
            assert!(read_accepted(body).is_err());
        }
    }

    #[test]
    fn a_problem_has_a_code() {
        assert_eq!(Problem::code(br#"{"code":"overloaded","status":503}"#), "overloaded");
        assert_eq!(Problem::code(b"<html>"), "");
    }
}
