//! Commands: numbered, sent until there is an outcome, sometimes twice at once and again later.

use std::{sync::Arc, time::Duration};

use reqwest::Method;
use serde_json::json;
use tokio::time::Instant;

use super::{OUTCOME_SECS_MAX, Shopper, Stop, retry_after};
use crate::{
    calls::{Answer, Extra, Role},
    crowd::{World, pulse::tick},
    frames::{self, Personal},
    model::Known,
};

/// How long an outcome on the stream is awaited before the command is asked again.
const ON_STREAM_MS_MAX: u64 = 3_000;

#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    Enter,
    Hold { slot: String, seats: i64 },
    Release,
    Book { reference: Option<String> },
    Cancel,
    Leave,
}

impl Ask {
    pub fn call(&self) -> (Method, &'static str, Option<serde_json::Value>) {
        match self {
            Self::Enter => (Method::POST, "/entry", None),
            Self::Hold { slot, seats } => {
                (Method::PUT, "/hold", Some(json!({ "slot": slot, "seats": seats })))
            }
            Self::Release => (Method::DELETE, "/hold", None),
            Self::Book { reference } => {
                let body = reference.as_ref().map_or(json!({}), |text| json!({"reference": text}));
                (Method::PUT, "/booking", Some(body))
            }
            Self::Cancel => (Method::DELETE, "/booking", None),
            Self::Leave => (Method::DELETE, "/ticket", None),
        }
    }

    /// As the log names it.
    fn kind(&self) -> &'static str {
        match self {
            Self::Enter => "enter",
            Self::Hold { .. } => "hold",
            Self::Release => "release",
            Self::Book { .. } => "book",
            Self::Cancel => "cancel",
            Self::Leave => "leave",
        }
    }
}

/// What an answer to a command means.
pub enum Heard {
    Outcome(Box<Personal>),
    /// In the log; the outcome comes on the stream.
    Accepted,
    /// Ask again after this long.
    Later(Duration),
}

impl Shopper {
    /// Asks until there is an outcome; some click twice, some ask again afterwards.
    pub(super) async fn ask(&mut self, ask: Ask) -> Result<Personal, Stop> {
        tick(&self.world.pulse.commands);
        let _acting = Acting::begin(&self.world);
        self.seq += 1;
        let seq = self.seq;
        self.gives_up(&ask);
        let deadline = Instant::now() + Duration::from_secs(OUTCOME_SECS_MAX);
        let mut waits = self.plan.waits;
        let mut twice = self.dice.percent(self.plan.double_click);
        let outcome = loop {
            if Instant::now() > deadline {
                self.fault(format!("no outcome of {ask:?} within {OUTCOME_SECS_MAX} s"))?;
            }
            let heard = if std::mem::take(&mut twice) {
                let (one, two) =
                    tokio::join!(self.send(&ask, seq, waits), self.send(&ask, seq, waits));
                let (one, two) = (self.heard(&ask, one, seq)?, self.heard(&ask, two, seq)?);
                if matches!(one, Heard::Outcome(_)) { one } else { two }
            } else {
                let answer = self.send(&ask, seq, waits).await;
                self.heard(&ask, answer, seq)?
            };
            match heard {
                Heard::Outcome(outcome) => break *outcome,
                Heard::Later(after) => self.pause(after).await?,
                Heard::Accepted => {
                    if let Some(outcome) = self.on_stream(seq).await? {
                        break outcome;
                    }
                    // A stream that was away has missed it: the answer to the repeat has it.
                    waits = true;
                }
            }
        };
        self.resolved = seq;
        self.outcome(&outcome)?;
        if self.dice.percent(self.plan.asks_again) {
            self.think().await?;
            let again = self.send(&ask, seq, self.plan.waits).await;
            self.heard(&ask, again, seq)?;
        }
        Ok(outcome)
    }

    pub(super) async fn send(&self, ask: &Ask, seq: u64, waits: bool) -> Option<Answer> {
        let (method, rest, json) = ask.call();
        let wait = if waits { "?wait=2s" } else { "" };
        let path = self.world.path(&format!("{rest}{wait}"));
        let cookie = self.cookie.as_deref();
        let extra = Extra { cookie, seq: Some(seq), key: None, json };
        self.world.caller.shopper(Role::Api, method, &path, &extra).await.ok()
    }

    /// What an answer means; an outcome in it is noted.
    fn heard(&mut self, ask: &Ask, answer: Option<Answer>, seq: u64) -> Result<Heard, Stop> {
        self.note(ask.kind(), Some(seq), answer.as_ref());
        let Some(answer) = answer else {
            tick(&self.world.pulse.lost);
            return Ok(Heard::Later(self.dice.millis(100, 500)));
        };
        if let (Some(socket), Some(offset)) = (&self.socket, answer.body["offset"].as_u64()) {
            socket.want.send_modify(|seen| *seen = (*seen).max(Some(offset)));
        }
        let outcome = match answer.status {
            202 => return Ok(Heard::Accepted),
            429 | 503 => {
                self.world.pulse.busy(&answer);
                return Ok(Heard::Later(retry_after(&answer)));
            }
            200 => frames::personal(&answer.body),
            409 | 422 => Some(Personal {
                kind: "refused".into(),
                code: Some(answer.code().to_owned()),
                ..Personal::default()
            }),
            404 if answer.code() == "no_ticket" => {
                self.history.forgotten.push(format!("a command got {}", answer.brief()));
                return Err(Stop);
            }
            _ => None,
        };
        let Some(outcome) = outcome else {
            self.fault(format!("command {seq} got {}", answer.brief()))?;
            return Err(Stop);
        };
        self.ticket.answered(seq, known(&outcome));
        Ok(Heard::Outcome(Box::new(outcome)))
    }

    /// Waits on the stream for the answer to a numbered command.
    pub(super) async fn on_stream(&mut self, seq: u64) -> Result<Option<Personal>, Stop> {
        let until = Instant::now() + Duration::from_millis(ON_STREAM_MS_MAX);
        while let Some(frame) = self.personal(until).await? {
            if frame.seq == Some(seq) {
                self.ticket.answered(seq, known(&frame));
                return Ok(Some(frame));
            }
            self.told(&frame);
        }
        Ok(None)
    }
}

/// Counts a shopper as acting for as long as it lives.
pub struct Acting(Arc<World>);

impl Acting {
    pub fn begin(world: &Arc<World>) -> Self {
        tick(&world.pulse.acting);
        Self(world.clone())
    }
}

impl Drop for Acting {
    fn drop(&mut self) {
        self.0.pulse.acting.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
    }
}

pub fn known(frame: &Personal) -> Known {
    Known {
        kind: frame.kind.clone(),
        code: frame.code.clone(),
        slot: frame.slot.clone(),
        seats: frame.seats,
        booking: frame.booking.clone(),
    }
}
