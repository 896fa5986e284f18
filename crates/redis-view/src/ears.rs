//! The connections that listen: one to the server, or one to each node of a cluster that has events
//! somebody listens to. One task owns them.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, Hasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use ports::ViewError;
use redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, PushInfo, PushKind, RedisError, RedisResult,
    Value, aio::MultiplexedConnection,
};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use crate::{
    config::Settings,
    link::{explain, is_broken},
    live::{Channels, Place},
};

/// How often each connection is tried, in milliseconds.
const PING_EVERY_MS: u64 = 500;

/// How long an answer may take until the connection counts as dead, in milliseconds.
const ANSWER_MS: u64 = 1_000;

/// Pause before the first attempt to listen again, in milliseconds; doubles, up to the longest.
const PAUSE_FIRST_MS: u64 = 50;
const PAUSE_LONGEST_MS: u64 = 1_000;

/// How often one subscription may be sent on to another node.
const REDIRECTS_MAX: usize = 3;

/// Asks to hear a channel.
pub(crate) struct Request {
    pub(crate) channel: String,
    pub(crate) answer: oneshot::Sender<Result<(), ViewError>>,
}

/// Starts the task; it ends when nobody can ask any more.
pub(crate) fn start(
    settings: Arc<Settings>,
    channels: Arc<Channels>,
    requests: mpsc::Receiver<Request>,
) {
    let ears = Ears {
        settings,
        channels,
        ears: HashMap::new(),
        alarm: Arc::default(),
        pauses: 0,
        again_at: Instant::now(),
    };
    tokio::spawn(ears.run(requests));
}

struct Ears {
    settings: Arc<Settings>,
    channels: Arc<Channels>,
    /// By address.
    ears: HashMap<String, Ear>,
    /// Rings when a connection breaks.
    alarm: Arc<Notify>,
    /// Attempts to listen again that failed in a row.
    pauses: u32,
    again_at: Instant,
}

struct Ear {
    connection: MultiplexedConnection,
    broken: Arc<AtomicBool>,
}

impl Ears {
    async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let alarm = self.alarm.clone();
        let mut pings = interval(Duration::from_millis(PING_EVERY_MS));
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let lost = self.channels.lost();
            tokio::select! {
                request = requests.recv() => match request {
                    Some(request) => self.admit(request).await,
                    None => return,
                },
                () = alarm.notified() => self.bury_broken(),
                () = sleep_until(self.again_at), if !lost.is_empty() => self.regain(lost).await,
                _ = pings.tick() => {
                    self.leave_silent().await;
                    self.ping().await;
                }
            }
        }
    }

    async fn admit(&mut self, Request { channel, answer }: Request) {
        if answer.is_closed() {
            return;
        }
        let heard = match self.channels.is_heard(&channel) {
            true => Ok(()),
            false => self.subscribe(&channel, &mut HashSet::new()).await,
        };
        // Fails when the listener did not wait.
        let _ = answer.send(heard.map_err(|error| explain(&error)));
    }

    /// Listens again to what was lost.
    async fn regain(&mut self, lost: Vec<String>) {
        let (mut dead, mut failure) = (HashSet::new(), None);
        for channel in lost {
            failure = self.subscribe(&channel, &mut dead).await.err().or(failure);
            if failure.is_some() && self.ears.is_empty() {
                break;
            }
        }
        self.pauses = failure.map_or(0, |error| {
            tracing::warn!(%error, "some live messages are not heard for now");
            self.pauses + 1
        });
        self.again_at = Instant::now() + pause(self.pauses);
    }

    /// Subscribes where the channel belongs: a node that has it not says which one does. Nodes that
    /// turn out dead are remembered in `dead`, to be tried only once.
    async fn subscribe(&mut self, channel: &str, dead: &mut HashSet<String>) -> RedisResult<()> {
        let mut node = self.any_node().await?;
        for _ in 0..REDIRECTS_MAX {
            if dead.contains(&node) {
                return Err(gone());
            }
            let subscribed = match self.ear(&node).await {
                Ok(ear) => ear.ask("SSUBSCRIBE", channel).await,
                Err(error) => Err(error),
            };
            let Err(error) = subscribed else {
                self.channels.heard_on(channel, &node);
                return Ok(());
            };
            let Some(next) = error.redirect_node().map(|(next, _)| beside(&node, next)) else {
                if is_broken(&error) {
                    self.bury(&node);
                    dead.insert(node);
                }
                return Err(error);
            };
            node = next;
        }
        Err(gone())
    }

    /// A node that is connected to, or else the first that can be.
    async fn any_node(&mut self) -> RedisResult<String> {
        if let Some(node) = self.ears.keys().next() {
            return Ok(node.clone());
        }
        let mut failure = gone();
        for info in self.settings.clone().pushing_nodes() {
            let node = info.addr().to_string();
            match self.connect(&node, info).await {
                Ok(_) => return Ok(node),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    async fn ear(&mut self, node: &str) -> RedisResult<&mut Ear> {
        if !self.ears.contains_key(node) {
            let info = self.settings.pushing_node_at(node).ok_or_else(gone)?;
            return self.connect(node, info).await;
        }
        self.ears.get_mut(node).ok_or_else(gone)
    }

    async fn connect(&mut self, node: &str, info: ConnectionInfo) -> RedisResult<&mut Ear> {
        let broken = Arc::new(AtomicBool::new(false));
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.settings.connect_timeout))
            .set_response_timeout(Some(Duration::from_millis(ANSWER_MS)))
            .set_push_sender(pushes(&self.channels, &broken, &self.alarm));
        let client = Client::open(info)?;
        let connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        Ok(self.ears.entry(node.to_owned()).insert_entry(Ear { connection, broken }).into_mut())
    }

    /// Finds connections that are dead without saying so.
    async fn ping(&mut self) {
        let pings = self.ears.iter_mut().map(|(node, ear)| async {
            redis::cmd("PING").exec_async(&mut ear.connection).await.is_err().then(|| node.clone())
        });
        for node in join_all(pings).await.into_iter().flatten() {
            self.bury(&node);
        }
    }

    async fn leave_silent(&mut self) {
        for (channel, place) in self.channels.take_silent() {
            if let Place::On(node) = place
                && let Some(ear) = self.ears.get_mut(&node)
                && ear.ask("SUNSUBSCRIBE", &channel).await.is_err()
            {
                self.bury(&node);
            }
        }
    }

    fn bury_broken(&mut self) {
        let broken = self.ears.iter().filter(|(_, ear)| ear.broken.load(Ordering::Relaxed));
        for node in broken.map(|(node, _)| node.clone()).collect::<Vec<_>>() {
            self.bury(&node);
        }
    }

    /// Gives a connection up. What it heard is lost until it is heard again.
    fn bury(&mut self, node: &str) {
        if self.ears.remove(node).is_some() {
            self.channels.lose(node);
            self.again_at = Instant::now() + pause(self.pauses);
        }
    }
}

impl Ear {
    async fn ask(&mut self, verb: &str, channel: &str) -> RedisResult<()> {
        redis::cmd(verb).arg(channel).exec_async(&mut self.connection).await
    }
}

/// What Redis says unasked.
fn pushes(
    channels: &Arc<Channels>,
    broken: &Arc<AtomicBool>,
    alarm: &Arc<Notify>,
) -> impl Fn(PushInfo) -> Result<(), std::convert::Infallible> + Send + Sync + use<> {
    let (channels, broken, alarm) = (channels.clone(), broken.clone(), alarm.clone());
    move |push| {
        let ends = match push.kind {
            PushKind::SMessage => {
                channels.deliver(push.data);
                false
            }
            PushKind::Disconnection => true,
            // Of a channel that we still want: its slot has moved to another node.
            PushKind::SUnsubscribe => match push.data.first() {
                Some(Value::BulkString(name)) => {
                    channels.is_heard(std::str::from_utf8(name).unwrap_or_default())
                }
                _ => false,
            },
            _ => false,
        };
        if ends {
            broken.store(true, Ordering::Relaxed);
            alarm.notify_one();
        }
        Ok(())
    }
}

/// The address that a node names; without a host it means its own.
fn beside(node: &str, named: &str) -> String {
    match (named.strip_prefix(':'), node.rsplit_once(':')) {
        (Some(port), Some((host, _))) => format!("{host}:{port}"),
        _ => named.to_owned(),
    }
}

fn gone() -> RedisError {
    std::io::Error::new(std::io::ErrorKind::NotConnected, "no node of Redis can be reached").into()
}

/// Between half and all of the time that doubles, so that processes don't come back as one.
fn pause(pauses: u32) -> Duration {
    let longest = PAUSE_LONGEST_MS.min(PAUSE_FIRST_MS << pauses.min(16));
    let chance = RandomState::new().build_hasher().finish();
    Duration::from_millis(longest / 2 + chance % (longest / 2 + 1))
}
