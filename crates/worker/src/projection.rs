//! What of the state is not in the view yet, and the steps that bring it there (R5).

use std::{collections::BTreeSet, fmt, sync::Arc};

use domain::{
    Address, Epoch, Event, EventId, Told,
    mutants::{Mutant, on},
};
use ports::{Generation, Head, Trace, ViewError, ViewWriter, Write, WriteOutcome};
use tokio::task::yield_now;
use wire::view::LiveMessage;

use crate::{catch_up::Changes, values};

/// Most outcomes kept for live readers while the view can't be written; above it they read again.
const TOLD_MAX: usize = 200_000;
/// Entries made in one go, about a millisecond's work.
const SLICE: usize = 4_096;

/// The owner's way to the view.
#[derive(Debug, Clone)]
pub(crate) struct Projection {
    epoch: Epoch,
    counter: u32,
    plan: Plan,
    /// Changed tickets that no write has carried yet.
    pending: BTreeSet<u32>,
    told: Vec<Told>,
    /// Outcomes were dropped: a new building makes all readers read again.
    overflowed: bool,
    /// What was told before this ownership is not known: readers must see a gap and read again.
    untold: bool,
    /// Outcomes of the step under way.
    sent: Vec<Told>,
    defined_at: Option<Address>,
    /// The last signed head of the log.
    head: Option<String>,
    /// Marks of traced commands, for the next live message.
    traces: Vec<String>,
}

/// What to do next.
#[derive(Debug, Clone)]
enum Plan {
    /// Look what the view holds.
    Look,
    /// Build everything anew.
    Rebuild,
    /// Go on from `next` in `generation`.
    Follow { generation: Generation, next: u64 },
    /// The same once more: nobody knows whether it happened.
    Retry(Box<Step>),
}

/// A call to the view.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Look,
    Write(Write),
    Rebuild(Rebuild),
}

/// A view to be built anew: the entries are made of the snapshot while the call is under way.
#[derive(Clone)]
pub(crate) struct Rebuild {
    snapshot: Arc<Event>,
    /// Without its entries.
    write: Write,
}

impl fmt::Debug for Rebuild {
    /// The offset in the head of the write tells which snapshot it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rebuild").field(&self.write).finish()
    }
}

impl Rebuild {
    /// The whole write. Pauses after each slice: the owner must tick meanwhile.
    async fn complete(self) -> Write {
        let Self { snapshot, mut write } = self;
        let mut left = 1..=snapshot.order().total();
        while !left.is_empty() {
            let slice = left.by_ref().take(SLICE);
            write.entries.extend(slice.map(|position| values::entry(&snapshot, position)));
            yield_now().await;
        }
        write
    }
}

/// What came of a call.
#[derive(Debug)]
pub(crate) struct Done {
    step: Step,
    result: Result<Answer, ViewError>,
}

#[cfg(test)]
impl Done {
    /// Nobody knows whether it happened.
    pub(crate) fn lost(step: Step) -> Self {
        Self { step, result: Err(ViewError("lost".to_owned())) }
    }
}

#[derive(Debug)]
enum Answer {
    Head(Option<Head>),
    Outcome(WriteOutcome),
}

/// What the owner should know of a finished step.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// The view stands at this offset.
    Projected(u64),
    Rebuilt(u64),
    /// A newer owner has written.
    Fenced,
    /// The view can't be reached; the same step comes again.
    Unreachable(String),
    /// The view holds something else than expected; it is built anew.
    Unexpected,
    Nothing,
}

impl Projection {
    pub(crate) fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            counter: 0,
            plan: Plan::Look,
            pending: BTreeSet::new(),
            told: Vec::new(),
            overflowed: false,
            untold: true,
            sent: Vec::new(),
            defined_at: None,
            head: None,
            traces: Vec::new(),
        }
    }

    /// The next live message carries these marks.
    pub(crate) fn mark(&mut self, traces: Vec<Trace>) {
        self.traces.extend(traces.iter().map(Trace::to_string));
    }

    /// The steps from now on carry this head of the log.
    pub(crate) fn show_head(&mut self, head: Option<&str>) {
        if self.head.as_deref() != head {
            self.head = head.map(str::to_owned);
        }
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Takes in what a record brought about.
    pub(crate) fn take_in(&mut self, positions: &[u32], told: Vec<Told>) {
        self.pending.extend(positions);
        self.told.extend(told);
        if self.told.len() > TOLD_MAX {
            self.told.clear();
            self.overflowed = true;
        }
    }

    /// There is something to tell the view.
    pub(crate) fn due(&self, event: &Event) -> bool {
        let told = matches!(self.plan, Plan::Follow { next, .. } if next == event.next());
        event.definition().is_some() && !told
    }

    /// The next call to make, if there is anything to say.
    pub(crate) fn next_step(&mut self, event: &Event) -> Option<Step> {
        if !self.due(event) {
            return None;
        }
        match &mut self.plan {
            Plan::Look => Some(Step::Look),
            Plan::Retry(step) => Some(*step.clone()),
            Plan::Follow { generation, next } => {
                let (generation, from) = (*generation, *next);
                self.write(event, generation, from).map(Step::Write)
            }
            Plan::Rebuild => self.rebuild(event).map(Step::Rebuild),
        }
    }

    fn write(&mut self, event: &Event, generation: Generation, from: u64) -> Option<Write> {
        let pending = std::mem::take(&mut self.pending);
        let entries = pending.into_iter().map(|position| values::entry(event, position));
        let entries = entries.collect();
        self.step(event, generation, from, entries)
    }

    fn rebuild(&mut self, event: &Event) -> Option<Rebuild> {
        self.pending.clear();
        self.counter += u32::from(self.counter == 0 || !on(Mutant::GenerationNotRaised));
        let generation = Generation { epoch: self.epoch, counter: self.counter };
        self.defined_at = None;
        let write = self.step(event, generation, 0, Vec::new())?;
        Some(Rebuild { snapshot: Arc::new(event.clone()), write })
    }

    fn step(
        &mut self,
        event: &Event,
        generation: Generation,
        from: u64,
        entries: Vec<ports::WriteEntry>,
    ) -> Option<Write> {
        let span_from = if self.untold && !on(Mutant::UntoldHidden) { event.next() } else { from };
        let progress = values::progress(event, span_from);
        let shared = values::shared(event, progress.clone(), self.head.clone())?;
        self.sent = std::mem::take(&mut self.told);
        let changed = self.defined_at != Some(event.defined_at());
        self.defined_at = Some(event.defined_at());
        let told = self.sent.iter().map(|told| values::in_log_time(event, told.clone()));
        let live = LiveMessage {
            definition: changed.then(|| values::public_definition(event)).flatten(),
            told: told.collect(),
            progress,
            traces: std::mem::take(&mut self.traces),
        };
        let head = Head { epoch: self.epoch, generation, next: event.next() };
        Some(Write { head, from, shared, entries, live: live.encode().into() })
    }

    /// Takes the answer in and plans the next step.
    pub(crate) fn finish(&mut self, done: Done, changes: &Changes) -> Report {
        match (done.step, done.result) {
            (step, Err(error)) => {
                self.plan = Plan::Retry(Box::new(step));
                Report::Unreachable(error.0)
            }
            (_, Ok(Answer::Head(head))) => self.found(head, changes),
            (Step::Write(write), Ok(Answer::Outcome(outcome))) => {
                self.wrote(&write, outcome, Report::Projected(write.head.next))
            }
            (Step::Rebuild(Rebuild { write, .. }), Ok(Answer::Outcome(outcome))) => {
                self.wrote(&write, outcome, Report::Rebuilt(write.head.next))
            }
            (Step::Look, Ok(Answer::Outcome(_))) => Report::Nothing,
        }
    }

    /// Goes on where the last owner stopped if what changed since is remembered.
    fn found(&mut self, head: Option<Head>, changes: &Changes) -> Report {
        let Some(head) = head else {
            self.plan = Plan::Rebuild;
            return Report::Nothing;
        };
        if head.epoch > self.epoch {
            return Report::Fenced;
        }
        self.plan = match changes.since(head.next) {
            Some(positions) => {
                if !on(Mutant::CatchUpForgotten) {
                    self.pending.extend(positions);
                }
                Plan::Follow { generation: head.generation, next: head.next }
            }
            None => Plan::Rebuild,
        };
        Report::Nothing
    }

    fn wrote(&mut self, write: &Write, outcome: WriteOutcome, done: Report) -> Report {
        match outcome {
            WriteOutcome::Unexpected if on(Mutant::UnexpectedIgnored) => {
                self.wrote(write, WriteOutcome::Done, done)
            }
            WriteOutcome::Done => {
                self.sent.clear();
                self.untold = false;
                let (generation, next) = (write.head.generation, write.head.next);
                self.plan = match std::mem::take(&mut self.overflowed) {
                    true => Plan::Rebuild,
                    false => Plan::Follow { generation, next },
                };
                done
            }
            WriteOutcome::Fenced => Report::Fenced,
            WriteOutcome::Unexpected => {
                self.told.splice(0..0, std::mem::take(&mut self.sent));
                self.plan = Plan::Rebuild;
                Report::Unexpected
            }
        }
    }
}

/// Makes the call.
pub(crate) async fn call(view: Arc<dyn ViewWriter>, id: EventId, step: Step) -> Done {
    let result = match step.clone() {
        Step::Look => view.head(&id).await.map(Answer::Head),
        Step::Write(write) => view.write(&id, write).await.map(Answer::Outcome),
        Step::Rebuild(rebuild) => {
            view.rebuild(&id, rebuild.complete().await).await.map(Answer::Outcome)
        }
    };
    Done { step, result }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use domain::{Command, Operation, TicketId};
    use futures_util::FutureExt;

    use super::*;

    const AT: u64 = 1_796_464_800_000;

    fn event_of(tickets: usize) -> Event {
        let definition = Box::new(crate::exhaustive::definition());
        let define = Command::Operate(Operation::Define { salt: [1; 16], definition });
        let mut commands = vec![define, Command::Operate(Operation::Open)];
        commands.extend((0..tickets).map(|n| {
            let ticket = TicketId((n as u128).to_be_bytes());
            Command::Join { ticket, previous: None }
        }));
        let mut event = Event::default();
        event.apply(0, AT, &commands, &mut Vec::new());
        event
    }

    #[test]
    fn others_have_their_turn_while_a_long_line_is_written_down() {
        let event = event_of(2 * SLICE + 1);
        let mut projection = Projection::new(event.epoch());
        let rebuild = projection.rebuild(&event).expect("there is something to say");
        let mut complete = pin!(rebuild.complete());
        let mut turns = 0;
        let write = loop {
            match complete.as_mut().now_or_never() {
                Some(write) => break write,
                None => turns += 1,
            }
        };
        assert_eq!(turns, 3, "one after each slice");
        let positions = 1..=event.order().total();
        assert!(write.entries.into_iter().eq(positions.map(|p| values::entry(&event, p))));
    }
}
