//! Every order in which two workers, an unreliable view and a log can meet: who owns, who writes,
//! what is lost on the way, what the view forgets (R4, R5).
//!
//! The state machine, the projection and the view are the real ones; only who moves next is chosen
//! here, in all ways. In each state the view must say what the log says below its head, and from each
//! state the workers must be able to bring it up to date.

use std::{
    collections::{HashSet, VecDeque},
    pin::pin,
    sync::Arc,
};

use domain::{
    Command, Event, EventId, TicketId,
    mutants::{Mutant, activate},
};
use futures_util::FutureExt;
use ports::{
    ViewReader, ViewWriter,
    memory::{MemoryView, ViewSnapshot},
};
use tokio::time::Instant;

use crate::{
    catch_up::Changes,
    ownership::Ownership,
    projection::{Projection, Report, Step, call},
    values,
};

const START_MS: u64 = 1_796_464_800_000;
/// Ticks by which a view that has forgotten everything is whole again.
const TICKS: usize = 2;
/// Steps within which two healthy workers must have brought the view up to date.
const REST_STEPS_MAX: usize = 40;

/// What may still happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Budget {
    joins: u8,
    claims: u8,
    /// Lost answers, failed calls, crashes.
    faults: u8,
    /// Copies of the view kept, put back, or wiped.
    views: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    Join,
    Claim(usize),
    Read(usize),
    Begin(usize),
    /// The call happens and is answered.
    Land(usize),
    /// It happens; the answer is lost.
    Lose(usize),
    /// It does not happen.
    Fail(usize),
    Crash(usize),
    /// A call of somebody who waits for it no longer happens after all.
    Haunt(usize),
    Keep,
    PutBack,
    Wipe,
}

#[derive(Clone)]
struct Node {
    event: Event,
    ownership: Ownership,
    changes: Changes,
    projection: Option<Projection>,
    calling: Option<Step>,
}

#[derive(Clone)]
struct World {
    id: EventId,
    log: Vec<Vec<Command>>,
    nodes: [Node; 2],
    view: ViewSnapshot,
    kept: Option<ViewSnapshot>,
    ghosts: Vec<Step>,
    budget: Budget,
    now: Instant,
}

fn ticket(n: usize) -> TicketId {
    TicketId([n as u8 + 1; 16])
}

impl Node {
    fn new(id: &EventId, number: u64, now: Instant) -> Self {
        Self {
            event: Event::default(),
            ownership: Ownership::new(id, number, now),
            changes: Changes::default(),
            projection: None,
            calling: None,
        }
    }

    fn owns(&self) -> bool {
        self.ownership.owns(&self.event)
    }

    fn fold(&mut self, commands: &[Command]) -> Option<Step> {
        let (offset, mut told) = (self.event.next(), Vec::new());
        self.event.apply(offset, START_MS + offset, commands, &mut told);
        let position = |told: &domain::Told| {
            let ticket = told.ticket.filter(|_| told.fresh)?;
            self.event.ticket(ticket).map(|(position, ..)| position)
        };
        let positions: Vec<u32> = told.iter().filter_map(position).collect();
        if let Some(projection) = &mut self.projection {
            projection.take_in(&positions, told);
        }
        self.changes.remember(offset, positions);
        self.follow_ownership()
    }

    /// A call under way when the owner changes goes on without anyone.
    fn follow_ownership(&mut self) -> Option<Step> {
        let known = self.projection.as_ref().map(Projection::epoch);
        if self.owns() && known == Some(self.event.epoch()) {
            return None;
        }
        self.projection = self.owns().then(|| Projection::new(self.event.epoch()));
        self.calling.take()
    }

    /// What it knows and plans; the event is what its offset says.
    fn key(&self) -> String {
        let Self { event, ownership, changes, projection, calling } = self;
        format!("{} {ownership:?} {changes:?} {projection:?} {calling:?}", event.next())
    }
}

impl World {
    fn new(budget: Budget) -> Self {
        let (id, now): (EventId, _) = ("event".parse().unwrap(), Instant::now());
        let definition = crate::exhaustive::definition();
        let define = domain::Operation::Define { salt: [1; 16], definition: Box::new(definition) };
        let first = vec![Command::Operate(define), Command::Operate(domain::Operation::Open)];
        let nodes = [0, 1].map(|number| Node::new(&id, number, now));
        let view = MemoryView::default().snapshot();
        Self { id, log: vec![first], nodes, view, kept: None, ghosts: vec![], budget, now }
    }

    fn moves(&self) -> Vec<Move> {
        let mut moves = Vec::new();
        let mut may = |can: bool, what| moves.extend(can.then_some(what));
        let Budget { joins, claims, faults, views } = self.budget;
        may(joins > 0, Move::Join);
        for (i, node) in self.nodes.iter().enumerate() {
            let behind = (node.event.next() as usize) < self.log.len();
            may(behind, Move::Read(i));
            let free = node.ownership.claim_at(&node.event).is_some();
            may(claims > 0 && free && node.event.next() > 0, Move::Claim(i));
            may(self.due(i) && node.calling.is_none(), Move::Begin(i));
            may(node.calling.is_some(), Move::Land(i));
            may(node.calling.is_some() && faults > 0, Move::Lose(i));
            may(node.calling.is_some() && faults > 0, Move::Fail(i));
            may(faults > 0 && node.event.next() > 0, Move::Crash(i));
        }
        (0..self.ghosts.len()).for_each(|i| may(true, Move::Haunt(i)));
        may(views > 0 && self.kept.is_none(), Move::Keep);
        may(views > 0 && self.kept.is_some(), Move::PutBack);
        may(views > 0, Move::Wipe);
        moves
    }

    fn make(&mut self, what: Move) {
        match what {
            Move::Join => {
                let n = self.log.len();
                self.budget.joins -= 1;
                self.log.push(vec![Command::Join { ticket: ticket(n), previous: None }]);
            }
            Move::Claim(i) => {
                self.budget.claims -= 1;
                self.claim(i);
            }
            Move::Read(i) => self.read(i),
            Move::Begin(i) => self.begin(i),
            Move::Land(i) => self.land(i, true, true),
            Move::Lose(i) => {
                self.budget.faults -= 1;
                self.land(i, true, false);
            }
            Move::Fail(i) => {
                self.budget.faults -= 1;
                self.land(i, false, false);
            }
            Move::Crash(i) => {
                self.budget.faults -= 1;
                self.ghosts.extend(self.nodes[i].calling.take());
                self.nodes[i] = Node::new(&self.id, i as u64, self.now);
            }
            Move::Haunt(i) => {
                let step = self.ghosts.remove(i);
                self.call(step);
            }
            Move::Keep => {
                self.budget.views -= 1;
                self.kept = Some(self.view.clone());
            }
            Move::PutBack => {
                self.budget.views -= 1;
                self.view = self.kept.take().expect("it was kept");
            }
            Move::Wipe => {
                self.budget.views -= 1;
                self.view = MemoryView::default().snapshot();
            }
        }
    }

    fn claim(&mut self, i: usize) {
        let after = self.nodes[i].event.epoch();
        self.nodes[i].ownership.claimed_at(self.log.len() as u64);
        self.log.push(vec![Command::Own { after }]);
    }

    fn read(&mut self, i: usize) {
        let record = self.log[self.nodes[i].event.next() as usize].clone();
        self.ghosts.extend(self.nodes[i].fold(&record));
    }

    fn begin(&mut self, i: usize) {
        let Node { event, projection, calling, .. } = &mut self.nodes[i];
        *calling = projection.as_mut().and_then(|projection| projection.next_step(event));
    }

    fn call(&mut self, step: Step) -> crate::projection::Done {
        let view = MemoryView::default();
        view.restore(&self.view);
        let writer: Arc<dyn ViewWriter> = Arc::new(view.clone());
        let mut done = pin!(call(writer, self.id.clone(), step));
        // Memory is always at hand; it only lets others go first.
        let done = std::iter::repeat_with(|| done.as_mut().now_or_never()).flatten().next();
        let done = done.expect("it goes on until it is done");
        self.view = view.snapshot();
        done
    }

    fn land(&mut self, i: usize, happens: bool, answered: bool) {
        let step = self.nodes[i].calling.take().expect("a call is under way");
        let done = if happens { Some(self.call(step.clone())) } else { None };
        let done = match done.filter(|_| answered) {
            Some(done) => done,
            None => crate::projection::Done::lost(step),
        };
        let node = &mut self.nodes[i];
        let report = node.projection.as_mut().map(|p| p.finish(done, &node.changes));
        if report == Some(Report::Fenced) {
            node.ownership.give_up();
            node.projection = None;
        }
    }

    fn key(&self) -> String {
        let nodes = self.nodes.each_ref().map(Node::key);
        let Self { log, view, kept, ghosts, budget, .. } = self;
        format!("{log:?} {nodes:?} {view:?} {kept:?} {ghosts:?} {budget:?}")
    }

    /// The view says what the log says below its head.
    fn check(&self) -> Result<(), String> {
        let view = MemoryView::default();
        view.restore(&self.view);
        let head = view.head(&self.id).now_or_never().and_then(Result::ok).flatten();
        let Some(head) = head else { return Ok(()) };
        if head.next > self.log.len() as u64 {
            return Err(format!("{head:?} is beyond the log"));
        }
        let mut truth = Event::default();
        for (offset, commands) in (0..head.next).zip(&self.log) {
            truth.apply(offset, START_MS + offset, commands, &mut Vec::new());
        }
        for (position, ticket) in truth.order().tickets() {
            let read = view.tickets(&self.id, &[ticket.id]).now_or_never();
            let value =
                read.and_then(Result::ok).flatten().and_then(|mut read| read.values.remove(0));
            let right = values::ticket(&truth, position).encode();
            if value.as_deref() != Some(&right[..]) {
                return Err(format!("{head:?} shows {value:?} at {position}"));
            }
        }
        let owners = self.nodes.iter().filter(|node| node.owns());
        let newest = owners.filter(|node| node.event.next() == self.log.len() as u64);
        if newest.count() > 1 { Err("two own the event".to_owned()) } else { Ok(()) }
    }

    fn due(&self, i: usize) -> bool {
        let Node { event, projection, .. } = &self.nodes[i];
        projection.as_ref().is_some_and(|projection| projection.due(event))
    }

    /// Two healthy workers bring the view up to date.
    fn rest(mut self) -> Result<(), String> {
        let mut ticks = 0;
        for _ in 0..REST_STEPS_MAX {
            for i in [0, 1] {
                while (self.nodes[i].event.next() as usize) < self.log.len() {
                    self.read(i);
                }
            }
            match self.nodes.iter().position(Node::owns) {
                None => self.claim(0),
                Some(i) if self.nodes[i].calling.is_some() => self.land(i, true, true),
                Some(i) if self.due(i) => self.begin(i),
                Some(_) if ticks == TICKS => break,
                // What the view has forgotten is noticed at the next write.
                Some(i) => {
                    ticks += 1;
                    self.log.push(vec![Command::Tick { epoch: self.nodes[i].event.epoch() }]);
                }
            }
            self.check()?;
        }
        let view = MemoryView::default();
        view.restore(&self.view);
        let head = view.head(&self.id).now_or_never().and_then(Result::ok).flatten();
        let done = head.is_some_and(|head| head.next == self.log.len() as u64);
        if done { Ok(()) } else { Err(format!("the view rests at {head:?}")) }
    }
}

/// Walks every state; what is wrong first, or how many there are.
fn walk(budget: Budget) -> Result<usize, String> {
    let start = World::new(budget);
    let mut seen = HashSet::from([hash(&start)]);
    let mut open = VecDeque::from([(start, Vec::new())]);
    while let Some((world, path)) = open.pop_front() {
        for what in world.moves() {
            let mut next = world.clone();
            next.make(what);
            if !seen.insert(hash(&next)) {
                continue;
            }
            let path: Vec<Move> = path.iter().copied().chain([what]).collect();
            let fine = next.check().and_then(|()| next.clone().rest());
            fine.map_err(|wrong| format!("{wrong} after {path:?}"))?;
            open.push_back((next, path));
        }
    }
    Ok(seen.len())
}

fn hash(world: &World) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(world.key()).into()
}

pub(crate) fn definition() -> domain::Definition {
    domain::Definition {
        rules: domain::definition::RULES,
        title: [("en".to_owned(), "Owners".to_owned())].into(),
        mode: domain::Mode::Fifo,
        time_zone: "UTC".into(),
        prequeue_at: None,
        opens_at: None,
        closes_at: None,
        return_url: None,
        admission: domain::AdmissionRules {
            rate_per_min: 0,
            max_inside: 1,
            claim_secs: 60,
            window_secs: 60,
        },
        hold_secs: 60,
        seats_per_ticket: 1,
        slots: vec![],
    }
}

#[test]
fn every_order_of_owners_and_writes_is_right() {
    let mut states = 0;
    for budget in [
        Budget { joins: 1, claims: 2, faults: 0, views: 0 },
        Budget { joins: 1, claims: 1, faults: 1, views: 0 },
        Budget { joins: 1, claims: 2, faults: 0, views: 1 },
        Budget { joins: 0, claims: 1, faults: 1, views: 2 },
    ] {
        states += walk(budget).expect("nothing is wrong");
    }
    assert!(states > 10_000, "only {states} states were reached");
}

#[test]
fn each_broken_rule_of_owners_is_met_on_the_way() {
    for mutant in [Mutant::GapWritten, Mutant::CatchUpForgotten, Mutant::UnexpectedIgnored] {
        activate(Some(mutant));
        let found = walk(Budget { joins: 1, claims: 2, faults: 0, views: 2 });
        activate(None);
        assert!(found.is_err(), "{mutant:?} changes nothing");
    }
}
