//! What one browser sees on one stream: true, in order, without a gap.

use oracle::{Outcome, Person, Phase, Told};
use serde_json::Value;

use super::{
    Court, Inner,
    answers::{booking_id, frame_kind},
};

/// What was seen on a stream so far.
#[derive(Debug)]
pub(crate) struct Eyes {
    who: String,
    /// The span of the last shared frame.
    span: Option<(u64, u64)>,
    /// The log below this offset has been told.
    told: u64,
    /// The browser came knowing the log below this offset.
    seen: u64,
    /// Position, and how many were ahead of it.
    ahead: Option<(u64, u64)>,
    /// The last frame of one's own that says a state.
    pub(crate) state: Option<Value>,
}

impl Eyes {
    pub(crate) fn new(who: &str, seen: u64) -> Self {
        let (span, ahead, state) = (None, None, None);
        Self { who: who.to_owned(), span, told: seen, seen, ahead, state }
    }

    /// Something has come.
    pub(crate) fn opened(&self) -> bool {
        self.span.is_some()
    }

    /// The offset below which this browser knows the log.
    pub(crate) fn knows(&self) -> u64 {
        self.span.map_or(self.seen, |span| span.1)
    }

    pub(crate) fn look(&mut self, court: &Court, tickets: &[String], frame: &Value) {
        let mut inner = court.in_session();
        inner.tally.frames += 1;
        match frame["type"].as_str().unwrap_or_default() {
            "progress" | "seats" | "paused" | "resumed" | "sold_out" | "closed" => {
                self.shared(&inner, frame);
            }
            "none" => self.none(&mut inner, tickets),
            "refused" => self.refused(&inner, tickets, frame),
            _ => self.own(&inner, tickets, frame),
        }
    }

    fn shared(&mut self, inner: &Inner, frame: &Value) {
        let who = &self.who;
        let span = (frame["from"].as_u64(), frame["to"].as_u64());
        let (Some(from), Some(to)) = span else {
            return inner.trace.violation(format!("{who}: a frame without a span: {frame}"));
        };
        let joins_up = self.span.is_none_or(|last| from == last.1 || to == last.1);
        inner.trace.must(joins_up, || format!("{who}: after {:?} comes {frame}", self.span));
        let fresh = self.span.is_some() || to >= self.seen || inner.still_true(to, self.seen);
        inner.trace.must(fresh, || format!("{who}: {} was seen before {frame}", self.seen));
        let back = self.span.is_some_and(|last| to < last.1);
        inner
            .trace
            .must(!back, || format!("{who}: after {:?} the frames go back: {frame}", self.span));
        self.span = Some((from, to));
        let Some((_, truth)) = inner.oracle.shared_at(to) else { return };
        let right = match frame["type"].as_str() {
            Some("progress") => {
                frame["serving"] == truth.serving
                    && frame["total"] == truth.total
                    && frame["state"] == truth.state
            }
            Some("seats") => truth.slots.iter().all(|(id, capacity, held, sold)| {
                frame["slots"][id] == capacity.saturating_sub(held + sold)
            }),
            Some("sold_out") => truth.sold_out,
            Some("paused") => truth.state == "paused",
            _ => true,
        };
        inner.trace.must(right, || format!("{who}: {frame}, but the log says {truth:?}"));
    }

    fn none(&mut self, inner: &mut Inner, tickets: &[String]) {
        self.state = None;
        inner.absent(&self.who, tickets, self.told);
    }

    fn refused(&self, inner: &Inner, tickets: &[String], frame: &Value) {
        let said = |told: &Told| {
            let ours = told.ticket.as_ref().is_some_and(|ticket| tickets.contains(ticket));
            let code = match &told.outcome {
                Outcome::Refused(code, _) => Some(code.as_str()),
                _ => None,
            };
            ours && code == frame["code"].as_str()
                && told.seq.map(u64::from) == frame["seq"].as_u64()
        };
        let found = inner.oracle.first_told(0, said);
        inner
            .trace
            .must(found.is_some(), || format!("{}: the log never refused {frame}", self.who));
    }

    /// A state of one's own: it was so, or was told so, not before what was told last.
    fn own(&mut self, inner: &Inner, tickets: &[String], frame: &Value) {
        let told = self.told;
        let positions = tickets.iter().filter_map(|ticket| inner.oracle.find(ticket));
        let was = positions.filter_map(|at| {
            let position = at as u32 + 1;
            inner.oracle.first(position, told, |person| is(frame, position, person))
        });
        let said = inner.oracle.first_told(told, |answer| says(frame, tickets, answer));
        let found = was.chain(said).min();
        inner.trace.must(found.is_some(), || {
            format!("{}: from {told} on the log never said {frame}", self.who)
        });
        self.told = found.unwrap_or(told);
        self.state = Some(frame.clone());
        let ahead = frame["position"].as_u64().zip(frame["ahead"].as_u64());
        let grew = ahead.zip(self.ahead).is_some_and(|(now, was)| now.0 == was.0 && now.1 > was.1);
        inner.trace.must(!grew, || format!("{}: {:?} ahead, then {frame}", self.who, self.ahead));
        self.ahead = ahead.or(self.ahead);
    }

    /// What was seen last is how it is now, or was at some time since the log stood at `next`.
    pub(crate) fn up_to_date(
        &self,
        court: &Court,
        tickets: &[String],
        next: u64,
    ) -> Result<(), String> {
        let inner = court.in_session();
        let latest = tickets.iter().rev().find_map(|ticket| inner.oracle.find(ticket));
        let right = match (&self.state, latest) {
            (None, None) => true,
            (Some(frame), Some(at)) => {
                let position = at as u32 + 1;
                let so = |person: &Person| is(frame, position, person);
                inner.oracle.first(position, next, so).is_some()
            }
            _ => false,
        };
        let truth = latest.map(|at| &inner.oracle.people[at]);
        if right {
            return Ok(());
        }
        Err(format!("{}: last saw {:?}, but is {truth:?}", self.who, self.state))
    }
}

/// The frame says what the person is.
fn is(frame: &Value, position: u32, person: &Person) -> bool {
    match frame["type"].as_str().unwrap_or_default() {
        "waiting" => person.phase == Phase::Waiting && frame["position"] == position,
        "inside" => matches!(person.phase, Phase::Inside | Phase::Holding),
        "released" => person.phase == Phase::Inside,
        "held" => person
            .hold
            .as_ref()
            .is_some_and(|hold| frame["slot"] == *hold.slot && frame["seats"] == hold.seats),
        "booked" => person.booking.as_ref().is_some_and(|b| frame["booking"] == *booking_id(b.id)),
        kind => person.phase.name() == kind,
    }
}

/// The frame says what was told.
fn says(frame: &Value, tickets: &[String], told: &Told) -> bool {
    let ours = told.ticket.as_ref().is_some_and(|ticket| tickets.contains(ticket));
    ours && frame["type"] == frame_kind(&told.outcome)
        && match &told.outcome {
            Outcome::Waiting(position) => frame["position"] == *position,
            Outcome::Held(hold) => frame["slot"] == *hold.slot && frame["seats"] == hold.seats,
            Outcome::Booked(booking) => frame["booking"] == *booking_id(booking.id),
            _ => true,
        }
}
