//! One shopper under the suite's own hand: every call is made one by one and can be looked at.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures_util::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    calls::{Answer, Caller, Extra, Role},
    crowd::{
        shopper::Ask,
        socket::{Ws, dial},
    },
    frames::{self, Frame, Personal},
};

/// How long a state or a frame is awaited.
const AWAIT_SECS_MAX: u64 = 20;
const POLL_MS: u64 = 50;

/// A browser with a cookie.
#[derive(Debug, Clone)]
pub struct Person {
    pub caller: Caller,
    pub event: String,
    pub cookie: Option<String>,
    /// Offset of the latest acknowledged command.
    pub seen: u64,
    pub ticket: String,
}

impl Person {
    pub fn new(caller: &Caller, event: &str) -> Self {
        let (caller, event) = (caller.clone(), event.to_owned());
        Self { caller, event, cookie: None, seen: 0, ticket: String::new() }
    }

    /// Someone who has joined.
    pub async fn joined(caller: &Caller, event: &str) -> Result<Self> {
        let mut person = Self::new(caller, event);
        let answer = person.join(None).await?;
        ensure!(answer.status == 202, "the join got {}", answer.brief());
        Ok(person)
    }

    /// Someone who has joined, was let in and has entered.
    pub async fn inside(caller: &Caller, event: &str) -> Result<Self> {
        let mut person = Self::joined(caller, event).await?;
        person.until_state("admitted").await?;
        let answer = person.ask(&Ask::Enter, None, true).await?;
        ensure!(answer.status == 200, "the entry got {}", answer.brief());
        Ok(person)
    }

    pub fn path(&self, rest: &str) -> String {
        format!("/api/v1/events/{}{rest}", self.event)
    }

    pub async fn join(&mut self, attempt: Option<u64>) -> Result<Answer> {
        let json = attempt.map(|attempt| json!({ "attempt": attempt }));
        let extra = Extra { cookie: self.cookie.as_deref(), json, ..Extra::default() };
        let path = self.path("/tickets");
        let answer = self.caller.shopper(Role::Api, Method::POST, &path, &extra).await?;
        if let Some(cookie) = answer.cookie() {
            self.cookie = Some(cookie);
        }
        if let Some(ticket) = answer.body["ticket"].as_str() {
            self.ticket = ticket.to_owned();
        }
        self.note_seen(&answer);
        Ok(answer)
    }

    /// A command; `wait`: with `?wait=2s`.
    pub async fn ask(&mut self, ask: &Ask, seq: Option<u64>, wait: bool) -> Result<Answer> {
        let (method, rest, json) = ask.call();
        let extra = Extra { cookie: self.cookie.as_deref(), seq, json, ..Extra::default() };
        let path = self.path(&format!("{rest}{}", if wait { "?wait=2s" } else { "" }));
        let answer = self.caller.shopper(Role::Api, method, &path, &extra).await?;
        self.note_seen(&answer);
        Ok(answer)
    }

    fn note_seen(&mut self, answer: &Answer) {
        self.seen = self.seen.max(answer.body["offset"].as_u64().unwrap_or(0));
    }

    /// `GET …/ticket`, as it is answered.
    pub async fn look(&self) -> Result<Answer> {
        let extra = Extra { cookie: self.cookie.as_deref(), ..Extra::default() };
        let path = self.path(&format!("/ticket?seen={}", self.seen));
        self.caller.shopper(Role::Gateway, Method::GET, &path, &extra).await
    }

    /// The own state, once it is known.
    pub async fn state(&self) -> Result<Value> {
        let deadline = Instant::now() + Duration::from_secs(AWAIT_SECS_MAX);
        loop {
            let answer = self.look().await?;
            match answer.status {
                200 => return Ok(answer.body),
                503 if Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(POLL_MS)).await;
                }
                _ => bail!("the state of {} got {}", self.ticket, answer.brief()),
            }
        }
    }

    pub async fn until_state(&self, wanted: &str) -> Result<Value> {
        let deadline = Instant::now() + Duration::from_secs(AWAIT_SECS_MAX);
        loop {
            let state = self.state().await?;
            if state["state"] == wanted {
                return Ok(state);
            }
            ensure!(Instant::now() < deadline, "never became `{wanted}`: {state}");
            tokio::time::sleep(Duration::from_millis(POLL_MS)).await;
        }
    }

    pub async fn stream(&self) -> Result<Stream> {
        let base = self.caller.bases.pick(Role::Gateway);
        let path = self.path(&format!("/stream?seen={}", self.seen));
        let ws = dial(&base, &path, self.cookie.as_deref(), &self.caller.origin).await?;
        Ok(Stream { ws, heard: Vec::new(), mark: 0 })
    }
}

/// A socket that the suite reads itself.
#[derive(Debug)]
pub struct Stream {
    ws: Ws,
    /// Everything heard so far.
    pub heard: Vec<Frame>,
    mark: usize,
}

impl Stream {
    /// From now on only frames heard after this moment count.
    pub fn mark(&mut self) {
        self.mark = self.heard.len();
    }

    /// A frame that fits, since the mark, within 20 s.
    pub async fn until(&mut self, what: &str, fits: impl Fn(&Frame) -> bool) -> Result<Frame> {
        if let Some(frame) = self.heard[self.mark..].iter().find(|frame| fits(frame)) {
            return Ok(frame.clone());
        }
        let deadline = Instant::now() + Duration::from_secs(AWAIT_SECS_MAX);
        loop {
            let message = timeout_at(deadline, self.ws.next()).await;
            let message = message.with_context(|| format!("no {what} in {AWAIT_SECS_MAX} s"))?;
            match message {
                Some(Ok(Message::Text(text))) => {
                    let frame = frames::read(text.as_str()).map_err(anyhow::Error::msg)?;
                    self.heard.push(frame.clone());
                    if fits(&frame) {
                        return Ok(frame);
                    }
                }
                Some(Ok(Message::Close(frame))) => bail!("closed before {what}: {frame:?}"),
                Some(Ok(_)) => {}
                Some(Err(error)) => bail!("torn before {what}: {error}"),
                None => bail!("ended before {what}"),
            }
        }
    }

    /// A personal frame of this kind, since the mark.
    pub async fn personal(&mut self, kind: &str) -> Result<Personal> {
        let fits = |frame: &Frame| matches!(frame, Frame::Personal(told) if told.kind == kind);
        match self.until(kind, fits).await? {
            Frame::Personal(personal) => Ok(personal),
            other => bail!("not personal: {other:?}"),
        }
    }

    /// A shared notice of this kind, since the mark.
    pub async fn notice(&mut self, kind: &str) -> Result<()> {
        let fits =
            |frame: &Frame| matches!(frame, Frame::Notice { kind: told, .. } if told == kind);
        self.until(kind, fits).await.map(drop)
    }

    pub fn into_ws(self) -> Ws {
        self.ws
    }
}
