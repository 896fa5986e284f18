//! Joining: until it is acknowledged; some press twice, some join again.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::time::Instant;

use super::{OUTCOME_SECS_MAX, Shopper, Stop, Visit, retry_after};
use crate::{
    calls::{Answer, Extra, Role},
    crowd::{pulse::tick, socket},
    dice::Dice,
    model::{Address, JoinSent},
    moment,
};

impl Shopper {
    /// Joins until it is acknowledged; some press twice.
    pub(super) async fn join(&mut self, attempt: u64) -> Visit {
        let deadline = Instant::now() + Duration::from_secs(OUTCOME_SECS_MAX);
        let twice = self.dice.percent(self.plan.double_click);
        let mut wanted = if twice { 2 } else { 1 };
        while wanted > 0 {
            if Instant::now() > deadline {
                return self.fault("a join got no answer".to_owned());
            }
            let answers = if wanted == 2 {
                let (one, two) = tokio::join!(self.send_join(attempt), self.send_join(attempt));
                vec![one, two]
            } else {
                vec![self.send_join(attempt).await]
            };
            for answer in answers {
                match self.joined(answer)? {
                    None => wanted -= 1,
                    Some(later) => {
                        wanted = 1;
                        self.pause(later).await?;
                    }
                }
            }
            if self.ticket.address().is_some() {
                return Ok(());
            }
        }
        Ok(())
    }

    pub(super) async fn send_join(&self, attempt: u64) -> Option<Answer> {
        let json = (attempt > 0).then(|| json!({ "attempt": attempt }));
        let extra = Extra { cookie: self.cookie.as_deref(), key: Some(&self.key), json, seq: None };
        let path = self.world.path("/tickets");
        self.world.caller.shopper(Role::Api, Method::POST, &path, &extra).await.ok()
    }

    /// Takes in the answer to a join; `Some` = ask again after that long.
    pub(super) fn joined(&mut self, answer: Option<Answer>) -> Result<Option<Duration>, Stop> {
        self.note("join", None, answer.as_ref());
        let Some(answer) = answer else {
            tick(&self.world.pulse.lost);
            self.ticket.joins.push(JoinSent::Unknown);
            return Ok(Some(self.dice.millis(100, 500)));
        };
        if let Some(cookie) = answer.cookie() {
            self.world.noticed(&cookie);
            if self.cookie.as_ref().is_some_and(|known| id_of(known) != id_of(&cookie)) {
                self.fault("the same key and cookie gave another browser id".to_owned())?;
            }
            self.cookie = Some(cookie);
        }
        match answer.status {
            200 | 202 => {
                let id = answer.body["ticket"].as_str().unwrap_or_default().to_owned();
                if !self.ticket.id.is_empty() && self.ticket.id != id {
                    self.fault(format!("joined as {}, then as {id}", self.ticket.id))?;
                }
                self.ticket.id = id;
                self.ticket.joins.push(sent(&answer));
                tick(&self.world.pulse.joins);
                Ok(None)
            }
            429 | 503 => {
                self.world.pulse.busy(&answer);
                tick(&self.world.pulse.joins_busy);
                self.ticket.joins.push(JoinSent::Unknown);
                Ok(Some(retry_after(&answer)))
            }
            _ => {
                self.fault(format!("a join got {}", answer.brief()))?;
                Err(Stop)
            }
        }
    }

    /// Opens the stream, seeing at least the own join.
    pub(super) fn watch(&mut self) {
        let seen = self.ticket.address().map_or(0, |(address, _)| address.offset);
        let cookie = self.cookie.clone().unwrap_or_default();
        let dice = Dice::new(self.dice.roll());
        let every = self.plan.reconnects_every;
        self.socket = Some(socket::open(self.world.clone(), cookie, seen, every, dice));
    }

    /// A new ticket at the end of the line.
    pub(super) async fn rejoin(&mut self) -> Visit {
        self.think().await?;
        let place = self.socket.as_ref().and_then(|socket| socket.sight().line.position);
        self.ticket.positions.extend(place.filter(|place| !self.ticket.positions.contains(place)));
        if let Some(socket) = &self.socket {
            socket.sight().line.rejoined();
        }
        let old = std::mem::take(&mut self.ticket);
        self.settled = false;
        self.history.tickets.push(old);
        self.key.push_str("-1");
        self.rejoined_at = Some(moment::now());
        self.join(1).await?;
        if let (Some(socket), Some((address, _))) = (&self.socket, self.ticket.address()) {
            socket.want.send_modify(|seen| *seen = (*seen).max(Some(address.offset)));
        }
        Ok(())
    }
}

fn sent(answer: &Answer) -> JoinSent {
    address(answer).map_or(JoinSent::Unknown, JoinSent::Acknowledged)
}

/// Where the answer says that the command stands in the log.
pub(super) fn address(answer: &Answer) -> Option<Address> {
    let at = answer.body["offset"].as_u64().zip(answer.body["index"].as_u64());
    at.map(|(offset, index)| Address { offset, index })
}

/// The part of a cookie (`1.KEY.EXPIRES.BROWSER.MAC`) that is the same in every renewal.
fn id_of(cookie: &str) -> &str {
    let value = cookie.split_once('=').map_or(cookie, |(_, value)| value);
    value.split('.').nth(3).unwrap_or(value)
}
