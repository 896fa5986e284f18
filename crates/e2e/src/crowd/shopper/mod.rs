//! One shopper: joins, waits, is let in, takes seats; repeats, hesitates and changes their mind.

mod commands;
mod inside;
mod joining;
mod ledger;
mod waiting;

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use commands::Acting;
pub use commands::Ask;

use super::{Manner, Plan, World, socket};
use crate::{
    calls::Answer,
    dice::Dice,
    model::{History, Ticket},
    moment::Millis,
};

/// How long one command may take to get an outcome, all repeats included.
const OUTCOME_SECS_MAX: u64 = 60;
/// Longest wait that the driver grants a `Retry-After`.
const RETRY_AFTER_SECS_MAX: u64 = 3;

/// Why a visit ended.
pub type Visit = Result<(), Stop>;

/// The sale is over, or the driver found a fault and noted it.
pub struct Stop;

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
    /// The own last command ended the matter: nothing told later on the stream is newer.
    settled: bool,
    /// When the present ticket was asked for, if there was one before it.
    rejoined_at: Option<Millis>,
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
        let (cookie, socket, seq, resolved, settled) = (None, None, 0, 0, false);
        let rejoined_at = None;
        Self {
            world,
            plan,
            dice,
            key,
            cookie,
            seq,
            resolved,
            settled,
            rejoined_at,
            history,
            ticket,
            socket,
            over,
        }
    }

    /// The whole visit; the story, and the cookie.
    pub async fn live(mut self) -> (History, Option<String>) {
        let _ = self.visit().await;
        // A look at the line, mostly for as long as the sale goes on: it must stay true after one's
        // own end.
        let _ = self.pause(self.plan.lingers.unwrap_or(Duration::from_secs(3_600))).await;
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
}

fn retry_after(answer: &Answer) -> Duration {
    Duration::from_secs(answer.retry_after().unwrap_or(1).clamp(1, RETRY_AFTER_SECS_MAX))
}
