//! A process that can die, fall asleep and lose its connections.
//!
//! What a process does is seen only where it touches the world, so that is where it is stopped: a
//! dead one never gets through to a port again, whatever its tasks go on to do.

use std::{
    future::pending,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use crate::{clock::SimClock, dice::Dice, trace::Trace};

/// What a process talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Store {
    Log,
    Facts,
    View,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Fine,
    /// It happens, but the caller is told that it did not.
    ReplyLost,
    /// It happens twice (appends only).
    Twice,
}

/// How rough it is: chances in a thousand, spans in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    pub(crate) refused: u64,
    pub(crate) reply_lost: u64,
    pub(crate) twice: u64,
    pub(crate) live_lost: u64,
    pub(crate) torn: u64,
    pub(crate) slow: u64,
    pub(crate) slow_ms: u64,
    pub(crate) usual_ms: u64,
}

impl Weather {
    pub(crate) const CALM: Self = Self {
        refused: 0,
        reply_lost: 0,
        twice: 0,
        live_lost: 0,
        torn: 0,
        slow: 0,
        slow_ms: 1,
        usual_ms: 3,
    };

    pub(crate) fn draw(dice: &mut Dice) -> Self {
        let mut upto = |most: u64| if dice.permille(600) { dice.between(0, most) } else { 0 };
        Self {
            refused: upto(80),
            reply_lost: upto(60),
            twice: upto(60),
            live_lost: upto(80),
            torn: upto(60),
            slow: upto(60),
            slow_ms: 40 + upto(1_500),
            usual_ms: 2 + upto(20),
        }
    }
}

/// What all processes share.
pub(crate) struct Sky {
    pub(crate) trace: Trace,
    pub(crate) dice: Mutex<Dice>,
    pub(crate) weather: Mutex<Weather>,
}

impl Sky {
    pub(crate) fn weather(&self) -> Weather {
        *self.weather.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn roll<T>(&self, roll: impl FnOnce(&mut Dice, Weather) -> T) -> T {
        let weather = self.weather();
        roll(&mut self.dice.lock().unwrap_or_else(PoisonError::into_inner), weather)
    }
}

struct State {
    dead: bool,
    asleep_until: Instant,
    /// Cut off from each store until then.
    cut: [(Store, Instant); 3],
}

/// One process, from its start to its death.
#[derive(Clone)]
pub(crate) struct Life {
    pub(crate) name: Arc<str>,
    pub(crate) sky: Arc<Sky>,
    pub(crate) clock: SimClock,
    /// Reads records of the next version.
    pub(crate) newer: bool,
    state: Arc<Mutex<State>>,
    death: Arc<watch::Sender<bool>>,
}

impl Life {
    pub(crate) fn new(name: String, sky: Arc<Sky>, clock: SimClock, newer: bool) -> Self {
        let now = Instant::now();
        let cut = [Store::Log, Store::Facts, Store::View].map(|store| (store, now));
        let state = State { dead: false, asleep_until: now, cut };
        let death = Arc::new(watch::Sender::new(false));
        sky.trace.note(&name, "starts");
        Self { name: name.into(), sky, clock, newer, state: Arc::new(Mutex::new(state)), death }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As kill -9 would.
    pub(crate) fn kill(&self) {
        self.note("dies");
        self.state().dead = true;
        self.death.send_replace(true);
    }

    /// As SIGSTOP would, for a while.
    pub(crate) fn sleep(&self, until: Instant) {
        self.note("falls asleep");
        self.state().asleep_until = until;
    }

    /// Can't reach a store for a while.
    pub(crate) fn cut(&self, store: Store, until: Instant) {
        self.note(format_args!("is cut off from {store:?}"));
        self.state().cut.iter_mut().filter(|cut| cut.0 == store).for_each(|cut| cut.1 = until);
    }

    /// Wakes up, and reaches everything again.
    pub(crate) fn heal(&self) {
        let now = Instant::now();
        let mut state = self.state();
        state.asleep_until = now;
        state.cut.iter_mut().for_each(|cut| cut.1 = now);
    }

    pub(crate) fn is_cut(&self, store: Store) -> bool {
        self.state().cut.iter().any(|cut| cut.0 == store && cut.1 > Instant::now())
    }

    /// How long it takes to get somewhere: not long, mostly.
    pub(crate) fn delay(&self) -> Duration {
        self.sky.roll(|dice, weather| {
            let slow = dice.permille(weather.slow);
            let most = if slow { weather.slow_ms } else { weather.usual_ms };
            dice.millis(0, most + 1)
        })
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.state().dead
    }

    /// Waits for the end.
    pub(crate) async fn death(&self) {
        // The sender lives as long as `self`.
        let _ = self.death.subscribe().wait_for(|dead| *dead).await;
    }

    pub(crate) fn note(&self, what: impl std::fmt::Display) {
        self.sky.trace.note(&self.name, what);
    }

    /// Goes on once awake; never, once dead.
    pub(crate) async fn awake(&self) {
        loop {
            let (dead, until) = {
                let state = self.state();
                (state.dead, state.asleep_until)
            };
            if dead {
                pending::<()>().await;
            }
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
    }

    /// A call on its way to a store; an error: it never gets there.
    pub(crate) async fn go(&self, store: Store, call: &str) -> Result<Fate, String> {
        let delay = self.delay();
        let (refused, fate) = self.sky.roll(|dice, weather| {
            let fate = match dice.between(0, 1_000) {
                x if x < weather.reply_lost => Fate::ReplyLost,
                x if x < weather.reply_lost + weather.twice => Fate::Twice,
                _ => Fate::Fine,
            };
            (dice.permille(weather.refused), fate)
        });
        sleep(delay).await;
        self.awake().await;
        if self.is_cut(store) {
            let patience = self.sky.roll(|dice, _| dice.millis(50, 1_500));
            sleep(patience).await;
            self.awake().await;
            return Err(format!("{store:?} can't be reached"));
        }
        if refused {
            self.note(format_args!("{call} fails"));
            return Err(format!("{call} failed on purpose"));
        }
        Ok(fate)
    }

    /// The answer on its way back; an error: it is lost.
    pub(crate) async fn back(&self, call: &str, fate: Fate) -> Result<(), String> {
        let delay = self.sky.roll(|dice, weather| dice.millis(0, weather.usual_ms + 1));
        sleep(delay).await;
        self.awake().await;
        if fate == Fate::ReplyLost {
            self.note(format_args!("the answer to {call} is lost"));
            return Err(format!("the answer to {call} was lost on purpose"));
        }
        Ok(())
    }
}
