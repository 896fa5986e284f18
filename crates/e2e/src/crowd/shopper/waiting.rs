//! Waiting: on the stream, with a look at the own state now and then.

use std::time::Duration;

use reqwest::Method;
use tokio::time::Instant;

use super::{Shopper, Stop};
use crate::{
    calls::{Extra, Role},
    frames::Personal,
    model::Use,
    moment,
};

/// How often someone who wants to leave looks whether their place is known.
const POLL_MS: u64 = 200;

impl Shopper {
    /// Waits to be let in; false = time to leave the line, or the line has let go of us.
    pub(super) async fn wait_turn(&mut self, leave_at: Option<Instant>) -> Result<bool, Stop> {
        let mut look_at = self.plan.looks_every.map(|every| Instant::now() + every);
        loop {
            let far = Instant::now() + Duration::from_secs(3_600);
            let mut until = leave_at.unwrap_or(far).min(look_at.unwrap_or(far));
            if until <= Instant::now() {
                until = Instant::now() + Duration::from_millis(POLL_MS);
            }
            match self.personal(until).await? {
                Some(frame) if self.is_of_before(&frame) => {}
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
            if self.expired() {
                // Away from the stream for all of the claim: it happens when the view is gone.
                let trail = self.socket.as_ref().map(|socket| socket.sight().trail.clone());
                let (who, ticket) = (self.history.shopper, &self.ticket.id);
                self.world.pulse.miss(format!("shopper {who}, {ticket}: {trail:?}"));
                return Err(Stop);
            }
        }
    }

    /// Late news of the ticket that was left: a frame names no ticket, its time tells.
    fn is_of_before(&self, frame: &Personal) -> bool {
        let admitted_at = frame.until_ms().map(|until| until - self.world.claim_ms);
        frame.kind == "admitted" && admitted_at.is_some_and(|at| Some(at) < self.rejoined_at)
    }

    /// Whether the own place is known: who leaves before leaves nothing to check.
    pub(super) fn placed(&self) -> bool {
        self.socket.as_ref().is_some_and(|socket| socket.sight().line.position.is_some())
    }

    /// Asks for the own state over HTTP; true = let in.
    pub(super) async fn look(&mut self) -> bool {
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
    pub(super) async fn personal(&mut self, until: Instant) -> Result<Option<Personal>, Stop> {
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

    pub(super) fn admitted(&mut self, frame: &Personal) {
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
}
