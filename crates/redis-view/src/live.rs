//! Live messages, handed from the process's connections to its listeners.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use ports::{LiveEvent, LiveReader, ViewError};
use redis::Value;
use tokio::{
    sync::{
        broadcast::{self, error::RecvError},
        mpsc, oneshot,
    },
    time::timeout,
};

use crate::{
    config::Settings,
    ears::{self, Request},
    link::failed,
};

/// Most messages of an event that wait for a slow listener; older ones are lost to it.
const MESSAGES_WAITING_MAX: usize = 256;

/// Most listeners that wait to be let listen.
const REQUESTS_WAITING_MAX: usize = 1_024;

/// Lets readers listen.
pub(crate) struct Live {
    settings: Arc<Settings>,
    channels: Arc<Channels>,
    /// To the one task that owns the connections; it starts with the first listener.
    requests: OnceLock<mpsc::Sender<Request>>,
}

impl Live {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self { settings, channels: Arc::default(), requests: OnceLock::new() }
    }

    pub(crate) async fn listen(&self, channel: String) -> Result<Listener, ViewError> {
        let requests = self.requests.get_or_init(|| {
            let (sender, requests) = mpsc::channel(REQUESTS_WAITING_MAX);
            ears::start(self.settings.clone(), self.channels.clone(), requests);
            sender
        });
        let messages = self.channels.receiver(&channel);
        let (answer, answered) = oneshot::channel();
        let asked = async {
            requests.send(Request { channel, answer }).await.ok()?;
            answered.await.ok()
        };
        match timeout(self.settings.call_timeout, asked).await {
            Ok(Some(Ok(()))) => Ok(Listener { messages, _task: requests.clone() }),
            Ok(Some(Err(error))) => Err(error),
            Ok(None) => Err(failed("nobody listens to Redis any more")),
            Err(_) => Err(failed("Redis did not let us listen in time")),
        }
    }
}

/// One listener of one channel.
pub(crate) struct Listener {
    messages: broadcast::Receiver<LiveEvent>,
    /// The task ends when nobody can listen any more.
    _task: mpsc::Sender<Request>,
}

#[async_trait]
impl LiveReader for Listener {
    async fn next(&mut self) -> LiveEvent {
        match self.messages.recv().await {
            Ok(event) => event,
            Err(RecvError::Lagged(_)) => LiveEvent::Lost,
            // Only when the process ends: a channel stays as long as it has a listener.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Who listens to what, and where that is heard.
#[derive(Default)]
pub(crate) struct Channels(Mutex<HashMap<String, Channel>>);

struct Channel {
    sender: broadcast::Sender<LiveEvent>,
    place: Place,
}

/// Where a channel is heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// Not yet: nobody was told that they are listening.
    New,
    /// On the connection to this node.
    On(String),
    /// Not any more: its connection broke.
    Lost,
}

impl Channels {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Channel>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn receiver(&self, name: &str) -> broadcast::Receiver<LiveEvent> {
        let mut channels = self.lock();
        let channel = channels.entry(name.to_owned()).or_insert_with(|| Channel {
            sender: broadcast::Sender::new(MESSAGES_WAITING_MAX),
            place: Place::New,
        });
        channel.sender.subscribe()
    }

    /// Hands a message, channel and bytes, to its listeners; never waits.
    pub(crate) fn deliver(&self, message: Vec<Value>) {
        let Ok([Value::BulkString(channel), Value::BulkString(bytes)]) =
            <[Value; 2]>::try_from(message)
        else {
            return;
        };
        let name = std::str::from_utf8(&channel).unwrap_or_default();
        if let Some(channel) = self.lock().get(name) {
            // Fails when the last listener has just gone.
            let _ = channel.sender.send(LiveEvent::Message(Bytes::from(bytes)));
        }
    }

    pub(crate) fn is_heard(&self, name: &str) -> bool {
        self.lock().get(name).is_some_and(|channel| matches!(channel.place, Place::On(_)))
    }

    /// From now on a channel is heard there. Who listened before may have missed something.
    pub(crate) fn heard_on(&self, name: &str, node: &str) {
        if let Some(channel) = self.lock().get_mut(name) {
            let before = std::mem::replace(&mut channel.place, Place::On(node.to_owned()));
            if before == Place::Lost {
                let _ = channel.sender.send(LiveEvent::Lost);
            }
        }
    }

    /// The connection to a node is no more.
    pub(crate) fn lose(&self, node: &str) {
        for channel in self.lock().values_mut() {
            if matches!(&channel.place, Place::On(on) if on == node) {
                channel.place = Place::Lost;
            }
        }
    }

    pub(crate) fn lost(&self) -> Vec<String> {
        let channels = self.lock();
        let lost = channels.iter().filter(|(_, channel)| channel.place == Place::Lost);
        lost.map(|(name, _)| name.clone()).collect()
    }

    /// Takes out the channels that nobody listens to.
    pub(crate) fn take_silent(&self) -> Vec<(String, Place)> {
        let mut channels = self.lock();
        let silent = channels.extract_if(|_, channel| channel.sender.receiver_count() == 0);
        silent.map(|(name, channel)| (name, channel.place)).collect()
    }
}
