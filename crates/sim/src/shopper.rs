//! A shopper in a browser: impatient, forgetful, with a bad network and two thumbs.

use std::{sync::Arc, time::Duration};

use http::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};
use wire::{Browser, ticket, ticket::ticket_id};

use crate::{
    client::{Answer, Call, Stream, ask},
    dice::Dice,
    judge::{Court, Eyes},
    site::{Role, Site},
};

/// Most times that a command is sent again.
const TRIES_MAX: u64 = 4;
/// How far behind an open stream may be when nothing is wrong, and how long things take to calm.
const FRESH: Duration = Duration::from_secs(4);
/// Cookies of the simulation end in a far future (seconds since the epoch).
const COOKIE_ENDS: u64 = 9_999_999_999;

pub(crate) struct Shopper {
    name: String,
    site: Arc<Site>,
    court: Court,
    dice: Dice,
    browser: Browser,
    cookie: String,
    salt: [u8; 16],
    slots: Vec<String>,
    /// Tickets of all attempts so far.
    tickets: Vec<String>,
    seq: u32,
    /// Everything below this offset was acknowledged to this browser or shown to it.
    seen: u64,
    phase: String,
    stream: Option<(Stream, Eyes)>,
    /// Acts no more after that.
    until: Instant,
}

impl Shopper {
    pub(crate) fn new(
        number: u64,
        site: &Arc<Site>,
        court: &Court,
        (salt, slots): ([u8; 16], Vec<String>),
        until: Instant,
    ) -> Self {
        let mut dice = site.sky.roll(|dice, _| Dice::of(dice.next(), number));
        let browser = Browser::from_random(dice.bytes());
        let cookie = format!("twinkle={}", site.keys.sign(&browser, COOKIE_ENDS));
        Self {
            name: format!("shopper{number}"),
            site: site.clone(),
            court: court.clone(),
            dice,
            browser,
            cookie,
            salt,
            slots,
            tickets: Vec::new(),
            seq: 0,
            seen: 0,
            phase: String::new(),
            stream: None,
            until,
        }
    }

    /// Lives until `end`; then what the open stream said last must be true.
    pub(crate) async fn live(mut self, end: Instant) {
        let mut calm = Some(self.until + FRESH);
        let spread =
            self.until.saturating_duration_since(Instant::now()).as_millis() as u64 * 2 / 3;
        let late = if self.dice.permille(600) { self.dice.between(0, 2_000) } else { spread };
        let late = self.dice.millis(0, late.max(1));
        sleep(late).await;
        self.join(0).await;
        let streams = self.dice.permille(750);
        while Instant::now() < end {
            if streams && self.stream.is_none() {
                self.open().await;
            }
            if calm.is_some_and(|calm| calm <= Instant::now()) {
                calm = None;
                self.stays_fresh().await;
            }
            let pause = self.dice.millis(100, 2_500);
            self.watch_for(pause.min(end.saturating_duration_since(Instant::now()))).await;
            if Instant::now() < self.until && !self.tickets.is_empty() {
                self.act().await;
            } else if Instant::now() < self.until {
                self.join(0).await;
            }
        }
        let next = self.court.in_session().oracle.next;
        self.must_know(next);
    }

    /// In calm weather an open stream is never far behind the view.
    async fn stays_fresh(&mut self) {
        let head = self.court.in_session().present_head();
        // One that waits for the view to come as far as the browser has seen says nothing yet.
        let opened = self.stream.as_ref().is_some_and(|(_, eyes)| eyes.opened());
        let (Some(head), true) = (head, opened) else { return };
        let next = head.next;
        self.watch_for(FRESH).await;
        // Without an owner who writes, as in an idle event for a while, nobody knows any better.
        let written = self.court.in_session().present_head().is_some_and(|head| head.next > next);
        if written {
            self.must_know(next);
        }
    }

    /// The stream, if there is one, has told how it is, or was since the log stood at `next`.
    fn must_know(&self, next: u64) {
        if let Some((_, eyes)) = &self.stream
            && let Err(wrong) = eyes.up_to_date(&self.court, &self.tickets, next)
        {
            self.site.sky.trace.violation(wrong);
        }
    }

    async fn open(&mut self) {
        let Some(gateway) = self.one_of(Role::Gateway) else { return };
        let path = match self.seen {
            0 => "/api/v1/events/popup/stream".to_owned(),
            seen => format!("/api/v1/events/popup/stream?seen={}", seen - 1),
        };
        if let Ok(stream) = Stream::open(&gateway, &path, &self.cookie).await {
            self.site.sky.trace.note(&self.name, format_args!("opens a stream from {}", self.seen));
            self.stream = Some((stream, Eyes::new(&self.name, self.seen)));
        }
    }

    /// Looks at the stream for a while, or at nothing.
    async fn watch_for(&mut self, span: Duration) {
        let until = Instant::now() + span;
        let Some((stream, eyes)) = &mut self.stream else { return sleep_until(until).await };
        loop {
            let frame = tokio::select! {
                biased;
                frame = stream.next() => frame,
                () = sleep_until(until) => return,
            };
            let Some(frame) = frame else { break };
            eyes.look(&self.court, &self.tickets, &frame);
            let shared = frame["to"].is_u64();
            if !shared {
                let text = frame["type"].as_str().unwrap_or_default();
                self.site.sky.trace.note(&self.name, format_args!("sees {text}"));
                if text != "refused" {
                    text.clone_into(&mut self.phase);
                }
            }
            self.seen = self.seen.max(eyes.knows());
        }
        self.site.sky.trace.note(&self.name, "loses its stream");
        self.stream = None;
        sleep_until(until).await;
    }

    fn one_of(&mut self, role: Role) -> Option<Arc<crate::site::Process>> {
        let all = self.site.of(role);
        self.dice.pick(&all).cloned()
    }

    async fn act(&mut self) {
        match self.dice.between(0, 1_000) {
            0..40 => self.stream = None,
            40..60 => {
                // Stops reading, as a phone in a pocket does.
                let span = self.dice.millis(3_000, 14_000);
                sleep(span).await;
            }
            60..150 => self.look().await,
            150..190 => {
                let attempt = self.tickets.len().saturating_sub(1);
                self.join(attempt as u16).await;
            }
            190..260 => self.anything().await,
            _ => self.next_step().await,
        }
    }

    /// What makes sense now.
    async fn next_step(&mut self) {
        let roll = self.dice.between(0, 100);
        match (self.phase.as_str(), roll) {
            ("waiting", 0..6) | ("inside" | "released", 0..5) | ("held", 0..3) => {
                self.command(Method::DELETE, "ticket", None).await;
            }
            ("admitted", 0..80) => self.command(Method::POST, "entry", None).await,
            ("inside" | "released", 5..90) | ("held", 3..20) => self.hold().await,
            ("held", 20..75) => self.book().await,
            ("held", 75..80) => self.command(Method::DELETE, "hold", None).await,
            ("booked", 0..12) => self.command(Method::DELETE, "booking", None).await,
            ("booked", 12..20) => self.book().await,
            ("left" | "expired" | "cancelled", 0..40) => {
                let attempt = self.tickets.len() as u16;
                self.join(attempt).await;
            }
            (_, 90..) => self.look().await,
            _ => {}
        }
    }

    async fn anything(&mut self) {
        match self.dice.between(0, 7) {
            0 => self.command(Method::POST, "entry", None).await,
            1 => self.hold().await,
            2 => self.book().await,
            3 => self.command(Method::DELETE, "hold", None).await,
            4 => self.command(Method::DELETE, "booking", None).await,
            5 => {
                let attempt = self.tickets.len() as u16;
                self.join(attempt).await;
            }
            _ => self.command(Method::DELETE, "ticket", None).await,
        }
    }

    async fn hold(&mut self) {
        let slot = match self.dice.permille(30) {
            true => "nowhere".to_owned(),
            false => self.dice.pick(&self.slots).cloned().unwrap_or_default(),
        };
        let seats = self.dice.between(1, 4);
        self.command(Method::PUT, "hold", Some(json!({"slot": slot, "seats": seats}))).await;
    }

    async fn book(&mut self) {
        let reference = self.dice.permille(500).then(|| format!("order-{}", self.name));
        self.command(Method::PUT, "booking", Some(json!({"reference": reference}))).await;
    }

    /// Joins, again and again until it is known to be done.
    async fn join(&mut self, attempt: u16) {
        let id = ticket::text(ticket_id(&self.salt, &self.browser, attempt));
        if !self.tickets.contains(&id) {
            self.tickets.push(id);
        }
        for _ in 0..TRIES_MAX {
            let body = json!({"attempt": attempt});
            let answer = self.send(Method::POST, "tickets", None, Some(body)).await;
            match answer {
                Some(answer) if answer.status == 202 => {
                    self.accepted(&answer.body);
                    return;
                }
                Some(answer) if answer.status < 500 => {
                    self.site.sky.trace.note(&self.name, format_args!("join: {}", answer.code()));
                    return;
                }
                _ => {
                    let pause = self.dice.millis(50, 1_000);
                    sleep(pause).await;
                }
            }
        }
    }

    fn accepted(&mut self, body: &Value) {
        let offset = body["offset"].as_u64().unwrap_or_default();
        self.site.sky.trace.note(&self.name, format_args!("was accepted at {offset}"));
        self.court.in_session().accepted(&self.name, &self.tickets, body);
        self.seen = self.seen.max(offset + 1);
    }

    /// A numbered command, sent until there is an answer; now and then twice, or too late.
    async fn command(&mut self, method: Method, path: &str, body: Option<Value>) {
        let seq = match self.dice.between(0, 100) {
            0..10 => None,
            10..16 => Some(self.seq.saturating_sub(1)),
            _ => {
                self.seq += 1;
                Some(self.seq)
            }
        };
        for _ in 0..TRIES_MAX {
            let answer = self.send(method.clone(), path, seq, body.clone()).await;
            let Some(answer) = answer.filter(|answer| answer.status != 503) else {
                let pause = self.dice.millis(50, 1_500);
                sleep(pause).await;
                continue;
            };
            self.answered(&answer, seq, path);
            if !self.dice.permille(150) {
                return;
            }
        }
    }

    fn answered(&mut self, answer: &Answer, seq: Option<u32>, path: &str) {
        let Answer { status, body } = answer;
        self.site.sky.trace.note(&self.name, format_args!("{path} {seq:?}: {status}"));
        let fold_says = *status == 200 || (*status < 500 && !OUTSIDE.contains(&answer.code()));
        match (status, seq) {
            (202, _) => self.accepted(body),
            (_, Some(seq)) if fold_says => {
                let code = json!({"type": body["type"], "code": body["code"]});
                self.court.in_session().decided(&self.name, &self.tickets, seq, &code);
            }
            _ => {}
        }
        if let Some(current) = body["current"].as_u64() {
            self.seq = self.seq.max(current as u32);
        }
        if *status == 200
            && let Some(kind) = body["type"].as_str()
        {
            kind.clone_into(&mut self.phase);
        }
    }

    /// Reads the own state over HTTP.
    async fn look(&mut self) {
        let Some(gateway) = self.one_of(Role::Gateway) else { return };
        let (query, seen) = match self.dice.permille(600) && self.seen > 0 {
            true => (format!("?seen={}", self.seen - 1), self.seen),
            false => (String::new(), 0),
        };
        let call = Call {
            method: Method::GET,
            path: format!("/api/v1/events/popup/ticket{query}"),
            headers: vec![("cookie", self.cookie.clone())],
            body: None,
        };
        let Some(answer) = ask(&gateway, call).await else { return };
        let text = format!("looks from {seen}: {} {}", answer.status, answer.code());
        self.site.sky.trace.note(&self.name, text);
        let mut court = self.court.in_session();
        match answer.status {
            200 => {
                court.shown(&self.name, &self.tickets, seen, &answer.body);
                if let Some(state) = answer.body["state"].as_str() {
                    let kind = if state == "holding" { "held" } else { state };
                    kind.clone_into(&mut self.phase);
                }
            }
            404 if answer.code() == "no_ticket" => court.absent(&self.name, &self.tickets, seen),
            _ => {}
        }
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        seq: Option<u32>,
        body: Option<Value>,
    ) -> Option<Answer> {
        let api = self.one_of(Role::Api)?;
        let wait = path != "tickets" && self.dice.permille(400);
        let wait = if wait { "?wait=1s" } else { "" };
        let mut headers = vec![("cookie", self.cookie.clone())];
        headers.extend(seq.map(|seq| ("twinkle-seq", seq.to_string())));
        let path = format!("/api/v1/events/popup/{path}{wait}");
        ask(&api, Call { method, path, headers, body }).await
    }
}

/// Refusals that come from in front of the log.
const OUTSIDE: [&str; 8] = [
    "event_not_open",
    "event_archived",
    "unknown_event",
    "bad_seats",
    "unknown_slot",
    "overloaded",
    "no_ticket",
    "body_malformed",
];
