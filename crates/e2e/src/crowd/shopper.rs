//! One shopper: joins, waits, is let in, takes seats; repeats, hesitates and changes their mind.

use std::{sync::Arc, time::Duration};

use reqwest::Method;
use serde_json::json;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use super::{Manner, Plan, World, pulse::tick, socket};
use crate::{
    calls::{Answer, Extra, Role},
    dice::Dice,
    frames::{self, Personal},
    model::{Address, History, JoinSent, Known, SeatSpan, Ticket, Use},
    moment::{self, Millis},
};

/// How long one command may take to get an outcome, all repeats included.
const OUTCOME_SECS_MAX: u64 = 60;
/// How long an outcome on the stream is awaited before the command is asked again.
const ON_STREAM_MS_MAX: u64 = 3_000;
/// Longest wait that the driver grants a `Retry-After`.
const RETRY_AFTER_SECS_MAX: u64 = 3;
/// How long after its time an expiry may be told.
const EXPIRY_SECS_MAX: u64 = 40;
/// Slots tried before a shopper gives up.
const TRIES_MAX: usize = 12;
/// How often someone who wants to leave looks whether their place is known.
const POLL_MS: u64 = 200;

/// What a shopper asks for.
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
}

/// What an answer to a command means.
enum Heard {
    Outcome(Box<Personal>),
    /// In the log; the outcome comes on the stream.
    Accepted,
    /// Ask again after this long.
    Later(Duration),
}

/// Why a visit ended.
type Visit = Result<(), Stop>;

/// The sale is over, or the driver found a fault and noted it.
struct Stop;

/// A shopper at work.
pub struct Shopper {
    world: Arc<World>,
    plan: Plan,
    dice: Dice,
    key: String,
    cookie: Option<String>,
    seq: u64,
    /// The last number whose outcome is known: frames about it or older ones are echoes.
    resolved: u64,
    history: History,
    ticket: Ticket,
    socket: Option<socket::Socket>,
    over: watch::Receiver<bool>,
}

impl Shopper {
    pub fn new(world: Arc<World>, number: usize, plan: Plan, mut dice: Dice) -> Self {
        let over = world.over.subscribe();
        let key = dice.uuid().to_string();
        let history = History { shopper: number, ..History::default() };
        let ticket = Ticket::default();
        let (cookie, socket, seq, resolved) = (None, None, 0, 0);
        Self { world, plan, dice, key, cookie, seq, resolved, history, ticket, socket, over }
    }

    /// The whole visit; the story, and the cookie.
    pub async fn live(mut self) -> (History, Option<String>) {
        let _ = self.visit().await;
        // A look at the line for as long as the sale goes on: it must stay true after one's own end.
        let _ = self.pause(Duration::from_secs(3_600)).await;
        if let Some(socket) = self.socket.take() {
            socket.want.send_replace(None);
            let sight = socket.sight();
            self.ticket
                .positions
                .extend(sight.line.position.filter(|place| !self.ticket.positions.contains(place)));
            self.history.faults.extend(sight.line.faults.iter().cloned());
            self.history.forgotten.extend(sight.forgotten.iter().cloned());
        }
        self.history.tickets.push(self.ticket);
        (self.history, self.cookie)
    }

    async fn visit(&mut self) -> Visit {
        self.pause(self.plan.join_after).await?;
        self.join(0).await?;
        self.watch();
        let leaves = matches!(self.plan.manner, Manner::Leaves | Manner::Rejoins);
        let leave_at = leaves.then(|| Instant::now() + self.plan.leave_after);
        if !self.wait_turn(leave_at).await? {
            self.ask(Ask::Leave).await?;
            if self.plan.manner != Manner::Rejoins {
                return Ok(());
            }
            self.rejoin().await?;
            if !self.wait_turn(None).await? {
                return Ok(());
            }
        }
        let _acting = Acting::begin(&self.world);
        self.inside().await
    }

    /// Sleeps; ends early when the sale is over.
    async fn pause(&mut self, time: Duration) -> Visit {
        if *self.over.borrow() {
            return Err(Stop);
        }
        match timeout(time, self.over.wait_for(|over| *over)).await {
            Err(_) => Ok(()),
            Ok(_) => Err(Stop),
        }
    }

    async fn think(&mut self) -> Visit {
        let time = self.dice.millis(100, 1_200);
        self.pause(time).await
    }

    // --- joining ---------------------------------------------------------------------------

    /// Joins until it is acknowledged; some press twice.
    async fn join(&mut self, attempt: u64) -> Visit {
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

    async fn send_join(&self, attempt: u64) -> Option<Answer> {
        let json = (attempt > 0).then(|| json!({ "attempt": attempt }));
        let extra = Extra { cookie: self.cookie.as_deref(), key: Some(&self.key), json, seq: None };
        let path = self.world.path("/tickets");
        self.world.caller.shopper(Role::Api, Method::POST, &path, &extra).await.ok()
    }

    /// Takes in the answer to a join; `Some` = ask again after that long.
    fn joined(&mut self, answer: Option<Answer>) -> Result<Option<Duration>, Stop> {
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
                self.ticket.joins.push(address(&answer));
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
    fn watch(&mut self) {
        let seen = self.ticket.address().map_or(0, |(address, _)| address.offset);
        let cookie = self.cookie.clone().unwrap_or_default();
        let dice = Dice::new(self.dice.roll());
        let every = self.plan.reconnects_every;
        self.socket = Some(socket::open(self.world.clone(), cookie, seen, every, dice));
    }

    /// A new ticket at the end of the line.
    async fn rejoin(&mut self) -> Visit {
        self.think().await?;
        let place = self.socket.as_ref().and_then(|socket| socket.sight().line.position);
        self.ticket.positions.extend(place.filter(|place| !self.ticket.positions.contains(place)));
        if let Some(socket) = &self.socket {
            socket.sight().line.rejoined();
        }
        let old = std::mem::take(&mut self.ticket);
        self.history.tickets.push(old);
        self.key.push_str("-1");
        self.join(1).await?;
        if let (Some(socket), Some((address, _))) = (&self.socket, self.ticket.address()) {
            socket.want.send_modify(|seen| *seen = (*seen).max(Some(address.offset)));
        }
        Ok(())
    }

    // --- waiting ---------------------------------------------------------------------------

    /// Waits to be let in; false = time to leave the line, or the line has let go of us.
    async fn wait_turn(&mut self, leave_at: Option<Instant>) -> Result<bool, Stop> {
        let mut look_at = self.plan.looks_every.map(|every| Instant::now() + every);
        loop {
            let far = Instant::now() + Duration::from_secs(3_600);
            let mut until = leave_at.unwrap_or(far).min(look_at.unwrap_or(far));
            if until <= Instant::now() {
                until = Instant::now() + Duration::from_millis(POLL_MS);
            }
            match self.personal(until).await? {
                Some(frame) if frame.kind == "admitted" => {
                    self.admitted(&frame);
                    return Ok(true);
                }
                Some(frame) => self.told(&frame),
                None if self.placed() && leave_at.is_some_and(|at| at <= Instant::now()) => {
                    return Ok(false);
                }
                None if look_at.is_none_or(|at| at > Instant::now()) => {}
                None => {
                    if self.look().await {
                        return Ok(true);
                    }
                    look_at = self.plan.looks_every.map(|every| Instant::now() + every);
                }
            }
            if self.ended() {
                // Away from the stream for all of the claim: it happens when the view is gone.
                tick(&self.world.pulse.missed);
                return Err(Stop);
            }
        }
    }

    /// Whether the own place is known: who leaves before leaves nothing to check.
    fn placed(&self) -> bool {
        self.socket.as_ref().is_some_and(|socket| socket.sight().line.position.is_some())
    }

    /// Asks for the own state over HTTP; true = let in.
    async fn look(&mut self) -> bool {
        let Some(socket) = &self.socket else { return false };
        let (seen, floor) = {
            let sight = socket.sight();
            (sight.line.seen.saturating_sub(1), sight.line.floor())
        };
        let joined = self.ticket.address().map_or(0, |(address, _)| address.offset);
        let path = self.world.path(&format!("/ticket?seen={}", seen.max(joined)));
        let extra = Extra { cookie: self.cookie.as_deref(), ..Extra::default() };
        let answer = self.world.caller.shopper(Role::Gateway, Method::GET, &path, &extra).await;
        let Ok(answer) = answer else { return false };
        match answer.status {
            200 => {
                let body = &answer.body;
                if let (Some(position), Some(ahead)) =
                    (body["position"].as_u64(), body["ahead"].as_u64())
                {
                    socket.sight().line.answered(position, ahead, floor);
                }
                let frame = Personal {
                    until: body["until"].as_str().map(Into::into),
                    ..Personal::default()
                };
                let let_in = body["state"] == "admitted";
                if let_in {
                    self.admitted(&frame);
                }
                let_in
            }
            404 => {
                self.history.forgotten.push(format!("a look got {}", answer.brief()));
                false
            }
            429 | 503 => {
                self.world.pulse.busy(&answer);
                false
            }
            _ => {
                self.world.pulse.wrong(format!("a look got {}", answer.brief()));
                false
            }
        }
    }

    /// The next personal frame until then; `None` = none came.
    async fn personal(&mut self, until: Instant) -> Result<Option<Personal>, Stop> {
        let Some(socket) = &mut self.socket else { return Err(Stop) };
        if *self.over.borrow() {
            return Err(Stop);
        }
        loop {
            let frame = tokio::select! {
                _ = self.over.wait_for(|over| *over) => return Err(Stop),
                frame = tokio::time::timeout_at(until, socket.personal.recv()) => frame,
            };
            match frame {
                Err(_) => return Ok(None),
                Ok(Some(frame)) if frame.seq.is_some_and(|seq| seq <= self.resolved) => {}
                Ok(Some(frame)) => return Ok(Some(frame)),
                Ok(None) => return Err(Stop),
            }
        }
    }

    fn admitted(&mut self, frame: &Personal) {
        let Some(until) = frame.until_ms() else {
            self.world.pulse.wrong(format!("admitted without `until`: {frame:?}"));
            return;
        };
        let at = until - self.world.claim_ms;
        if self.ticket.admitted.is_none() {
            self.ticket.admitted = Some(at);
            let to = until - self.world.skew_ms;
            self.ticket.inside.push(Use { from: moment::now(), to });
        }
        self.told(frame);
    }

    // --- inside ----------------------------------------------------------------------------

    async fn inside(&mut self) -> Visit {
        if self.plan.manner == Manner::Late {
            return self.until_told("expired").await;
        }
        self.think().await?;
        let entered = self.ask(Ask::Enter).await?;
        if entered.kind != "inside" {
            return self.refused_as("entering", &entered, &["turn_expired", "ticket_ended"]);
        }
        if entered.pass.is_none() {
            self.fault(format!("inside without a pass: {entered:?}"))?;
        }
        self.think().await?;
        if !self.hold_somewhere().await? {
            return self.leave().await;
        }
        match self.plan.manner {
            Manner::Releases => {
                self.think().await?;
                self.ask(Ask::Release).await?;
                self.leave().await
            }
            Manner::Dawdles => {
                self.until_told("released").await?;
                if self.dice.percent(50) || !self.hold_somewhere().await? {
                    return self.leave().await;
                }
                self.book().await
            }
            Manner::Swaps => {
                self.think().await?;
                let slot = self.dice.pick(&self.world.slots).cloned().unwrap_or_default();
                let seats = self.plan.seats;
                self.ask(Ask::Hold { slot, seats }).await?;
                self.book().await
            }
            _ => self.book().await,
        }
    }

    /// Holds seats in the wanted slot, else where some are left; false = nothing to be had.
    async fn hold_somewhere(&mut self) -> Result<bool, Stop> {
        let (mut slot, mut seats) = (self.plan.slot.clone(), self.plan.seats);
        for _ in 0..TRIES_MAX {
            let told = self.ask(Ask::Hold { slot: slot.clone(), seats }).await?;
            match (told.kind.as_str(), told.code.as_deref()) {
                ("held", _) => return Ok(true),
                (_, Some("not_enough_seats")) => {}
                _ => {
                    let expected = ["turn_expired", "window_over", "ticket_ended"];
                    self.refused_as("holding", &told, &expected)?;
                    return Ok(false);
                }
            }
            let free: Vec<(String, i64)> = self.socket.as_ref().map_or(vec![], |socket| {
                let seats = &socket.sight().seats;
                seats.iter().filter(|(_, n)| **n > 0).map(|(s, n)| (s.clone(), *n)).collect()
            });
            match self.dice.pick(&free) {
                Some((other, left)) => (slot, seats) = (other.clone(), seats.min(*left)),
                None => return Ok(false),
            }
            self.think().await?;
        }
        Ok(false)
    }

    async fn book(&mut self) -> Visit {
        self.think().await?;
        let reference = self.dice.percent(50).then(|| format!("order-{}", self.history.shopper));
        let told = self.ask(Ask::Book { reference: reference.clone() }).await?;
        if told.kind != "booked" {
            let expected =
                ["hold_expired", "no_hold", "window_over", "turn_expired", "ticket_ended"];
            return self.refused_as("booking", &told, &expected);
        }
        if told.booking.is_none() || told.reference != reference {
            self.fault(format!("booked with {reference:?}: {told:?}"))?;
        }
        tick(&self.world.pulse.bookings);
        if self.plan.manner == Manner::Cancels {
            let time = self.dice.millis(500, 4_000);
            self.pause(time).await?;
            let told = self.ask(Ask::Cancel).await?;
            return self.refused_as("cancelling", &told, &[]);
        }
        Ok(())
    }

    async fn leave(&mut self) -> Visit {
        let told = self.ask(Ask::Leave).await?;
        self.refused_as("leaving", &told, &["ticket_ended", "turn_expired", "window_over"])
    }

    /// Notes a refusal that has no good reason.
    fn refused_as(&mut self, doing: &str, told: &Personal, expected: &[&str]) -> Visit {
        match &told.code {
            Some(code) if !expected.contains(&code.as_str()) => {
                self.fault(format!("{doing} was refused: {told:?}"))
            }
            _ => Ok(()),
        }
    }

    /// Waits until time itself does something to the ticket.
    async fn until_told(&mut self, kind: &str) -> Visit {
        let deadline = Instant::now() + Duration::from_secs(EXPIRY_SECS_MAX);
        while let Some(frame) = self.personal(deadline).await? {
            self.told(&frame);
            if frame.kind == kind || frame.kind == "expired" {
                return Ok(());
            }
            // What a socket says first after a reconnect may be the state that came after.
            if kind == "released" && frame.kind == "inside" && frame.seq.is_none() {
                return Ok(());
            }
        }
        self.fault(format!("`{kind}` was never told, last was {:?}", self.ticket.last))
    }

    // --- commands --------------------------------------------------------------------------

    /// Asks until there is an outcome; some click twice, some ask again afterwards.
    async fn ask(&mut self, ask: Ask) -> Result<Personal, Stop> {
        tick(&self.world.pulse.commands);
        let _acting = Acting::begin(&self.world);
        self.seq += 1;
        let seq = self.seq;
        self.gives_up(&ask);
        let deadline = Instant::now() + Duration::from_secs(OUTCOME_SECS_MAX);
        let mut twice = self.dice.percent(self.plan.double_click);
        let outcome = loop {
            if Instant::now() > deadline {
                self.fault(format!("no outcome of {ask:?} within {OUTCOME_SECS_MAX} s"))?;
            }
            let heard = if std::mem::take(&mut twice) {
                let (one, two) = tokio::join!(self.send(&ask, seq), self.send(&ask, seq));
                let (one, two) = (self.heard(one, seq)?, self.heard(two, seq)?);
                if matches!(one, Heard::Outcome(_)) { one } else { two }
            } else {
                let answer = self.send(&ask, seq).await;
                self.heard(answer, seq)?
            };
            match heard {
                Heard::Outcome(outcome) => break *outcome,
                Heard::Later(after) => self.pause(after).await?,
                Heard::Accepted => {
                    if let Some(outcome) = self.on_stream(seq).await? {
                        break outcome;
                    }
                }
            }
        };
        self.resolved = seq;
        self.outcome(&outcome)?;
        if self.dice.percent(self.plan.asks_again) {
            self.think().await?;
            let again = self.send(&ask, seq).await;
            self.heard(again, seq)?;
        }
        Ok(outcome)
    }

    async fn send(&self, ask: &Ask, seq: u64) -> Option<Answer> {
        let (method, rest, json) = ask.call();
        let wait = if self.plan.waits { "?wait=2s" } else { "" };
        let path = self.world.path(&format!("{rest}{wait}"));
        let cookie = self.cookie.as_deref();
        let extra = Extra { cookie, seq: Some(seq), key: None, json };
        self.world.caller.shopper(Role::Api, method, &path, &extra).await.ok()
    }

    /// What an answer means; an outcome in it is noted.
    fn heard(&mut self, answer: Option<Answer>, seq: u64) -> Result<Heard, Stop> {
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
    async fn on_stream(&mut self, seq: u64) -> Result<Option<Personal>, Stop> {
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

    // --- what is known ---------------------------------------------------------------------

    /// Ends the spans that this command may end.
    fn gives_up(&mut self, ask: &Ask) {
        let now = moment::now();
        let gives_seats = matches!(ask, Ask::Hold { .. } | Ask::Release | Ask::Cancel | Ask::Leave);
        if gives_seats && let Some(span) = self.ticket.seats.last_mut() {
            span.to = Some(span.to.map_or(now, |to| to.min(now)));
        }
        let goes = matches!(ask, Ask::Book { .. } | Ask::Leave);
        if goes && let Some(stay) = self.ticket.inside.last_mut() {
            stay.to = stay.to.min(now);
        }
    }

    /// Takes in the answer to an own command.
    fn outcome(&mut self, outcome: &Personal) -> Visit {
        let now = moment::now();
        let until = outcome.until_ms().map(|until| until - self.world.skew_ms);
        match outcome.kind.as_str() {
            "held" => self.seats_taken(outcome, now, until.or(Some(now))),
            "booked" => {
                let Some(span) = self.ticket.seats.last_mut() else {
                    return self.fault(format!("booked without a hold: {outcome:?}"));
                };
                span.to = None;
                if outcome.slot.as_ref() != Some(&span.slot) || outcome.seats != Some(span.seats) {
                    let held = format!("{span:?}");
                    return self.fault(format!("held {held}, booked {outcome:?}"));
                }
            }
            _ => {}
        }
        if matches!(outcome.kind.as_str(), "inside" | "released") {
            self.stays(now, until);
        }
        self.told(outcome);
        Ok(())
    }

    fn seats_taken(&mut self, outcome: &Personal, from: Millis, to: Option<Millis>) {
        if let (Some(slot), Some(seats)) = (&outcome.slot, outcome.seats) {
            self.ticket.seats.push(SeatSpan { slot: slot.clone(), seats, from, to });
        }
    }

    fn stays(&mut self, from: Millis, until: Option<Millis>) {
        if let Some(to) = until {
            self.ticket.inside.push(Use { from, to });
            // Two spans that overlap would count one person twice.
            if let [.., before, last] = self.ticket.inside.as_mut_slice() {
                before.to = before.to.min(last.from);
            }
        }
    }

    /// Remembers the latest state that was told.
    fn told(&mut self, frame: &Personal) {
        let last = self.ticket.last.as_ref().map(|known| known.kind.as_str());
        // A socket dialled before an answer came may still tell what was before it.
        let echo = match last {
            Some("left" | "expired" | "cancelled") => true,
            Some("booked") => frame.kind != "cancelled",
            _ => false,
        };
        if !echo && frame.kind != "refused" && frame.kind != "none" {
            self.ticket.last = Some(known(frame));
        }
    }

    fn ended(&self) -> bool {
        let kind = self.ticket.last.as_ref().map(|known| known.kind.as_str());
        matches!(kind, Some("left" | "expired" | "cancelled"))
    }

    /// Notes a fault and ends the visit.
    fn fault(&mut self, text: String) -> Visit {
        self.history.faults.push(text);
        Err(Stop)
    }
}

/// Counts a shopper as acting for as long as it lives.
struct Acting(Arc<World>);

impl Acting {
    fn begin(world: &Arc<World>) -> Self {
        tick(&world.pulse.acting);
        Self(world.clone())
    }
}

impl Drop for Acting {
    fn drop(&mut self) {
        self.0.pulse.acting.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
    }
}

fn known(frame: &Personal) -> Known {
    Known {
        kind: frame.kind.clone(),
        code: frame.code.clone(),
        slot: frame.slot.clone(),
        seats: frame.seats,
        booking: frame.booking.clone(),
    }
}

fn address(answer: &Answer) -> JoinSent {
    let at = answer.body["offset"].as_u64().zip(answer.body["index"].as_u64());
    at.map_or(JoinSent::Unknown, |(offset, index)| {
        JoinSent::Acknowledged(Address { offset, index })
    })
}

fn retry_after(answer: &Answer) -> Duration {
    Duration::from_secs(answer.retry_after().unwrap_or(1).clamp(1, RETRY_AFTER_SECS_MAX))
}

/// The part of a cookie (`1.KEY.EXPIRES.BROWSER.MAC`) that is the same in every renewal.
fn id_of(cookie: &str) -> &str {
    let value = cookie.split_once('=').map_or(cookie, |(_, value)| value);
    value.split('.').nth(3).unwrap_or(value)
}
