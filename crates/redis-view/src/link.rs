//! One connection to Redis that heals itself: made when it is needed, dropped when it fails.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use ports::ViewError;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, RedisError, RedisResult, Value,
    aio::MultiplexedConnection,
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
    cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr},
    from_redis_value,
};
use tokio::time::timeout;

use crate::{
    config::{Settings, tcp_settings},
    script::Script,
};

/// How often a cluster's client asks again, by itself, after a node moved or failed.
const CLUSTER_RETRIES_MAX: u32 = 3;

/// How long a failed attempt to connect is answered for all who ask, in milliseconds.
const RECONNECT_PAUSE_MS: u64 = 100;

/// How often a script is loaded anew within one call.
const LOADS_MAX: u32 = 2;

const PASSWORD: &str = "Redis refuses this user: check its name and its password";
const CERTIFICATE: &str = "Redis' certificate is not trusted: it has run out, names another host, \
                           or is signed by another authority than the one configured";

/// Why a call gave no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A key holds something that nobody of ours put there.
    WrongType,
    /// The connection is of no use any more.
    Broken(ViewError),
    Error(ViewError),
}

impl Failure {
    fn of(error: &RedisError) -> Self {
        // A read-only server is a copy by now: a new connection leads to the one that writes.
        let read_only = error.code() == Some("READONLY");
        if error.code() == Some("WRONGTYPE") {
            Self::WrongType
        } else if is_broken(error) || read_only {
            Self::Broken(explain(error))
        } else {
            Self::Error(explain(error))
        }
    }
}

impl From<ViewError> for Failure {
    fn from(error: ViewError) -> Self {
        Self::Error(error)
    }
}

impl From<Failure> for ViewError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::WrongType => ViewError("a key of the view holds something else".to_owned()),
            Failure::Broken(error) | Failure::Error(error) => error,
        }
    }
}

/// A connection shared by all who call; their calls are pipelined.
pub(crate) struct Link {
    settings: Arc<Settings>,
    slot: Mutex<Slot>,
    /// Held while connecting; the others wait for what comes of it.
    connecting: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Slot {
    connection: Option<Connection>,
    /// Counts connections, so that an old one's failure doesn't end a newer one.
    number: u64,
    failed: Option<(Instant, ViewError)>,
}

#[derive(Clone)]
enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Link {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self { settings, slot: Mutex::default(), connecting: tokio::sync::Mutex::default() }
    }

    /// Sends one command. Bounded by the call timeout whatever Redis does.
    pub(crate) async fn call(&self, cmd: &Cmd) -> Result<Value, Failure> {
        self.bounded(cmd, None).await
    }

    /// Calls a script; `key` is one of its keys. Loads the script when Redis has lost it.
    pub(crate) async fn run(
        &self,
        script: &Script,
        key: &str,
        cmd: &Cmd,
    ) -> Result<Value, Failure> {
        self.bounded(cmd, Some((script, key))).await
    }

    async fn bounded(&self, cmd: &Cmd, script: Option<(&Script, &str)>) -> Result<Value, Failure> {
        let limit = self.settings.call_timeout;
        let mut used = None;
        let answer = timeout(limit, async {
            let answer = self.attempt(cmd, script, &mut used).await;
            // A connection that broke since the last call tells so only now. Every call may be
            // asked again, so one more try on a new connection can't hurt.
            match answer {
                Err(Failure::Broken(_)) => self.attempt(cmd, script, &mut used).await,
                answer => answer,
            }
        });
        answer.await.unwrap_or_else(|_| {
            self.slot().give_up(used);
            let text = format!("Redis did not answer within {} ms", limit.as_millis());
            Err(Failure::Error(failed(&text)))
        })
    }

    async fn attempt(
        &self,
        cmd: &Cmd,
        script: Option<(&Script, &str)>,
        used: &mut Option<u64>,
    ) -> Result<Value, Failure> {
        let (mut connection, number) = self.connection().await?;
        *used = Some(number);
        let answer = match script {
            Some((script, key)) => connection.run(script, key, cmd).await,
            None => connection.query(cmd).await,
        };
        answer.map_err(|error| {
            let failure = Failure::of(&error);
            if matches!(failure, Failure::Broken(_)) {
                self.slot().give_up(*used);
            }
            failure
        })
    }

    async fn connection(&self) -> Result<(Connection, u64), ViewError> {
        if let Some(known) = self.slot().known() {
            return known;
        }
        let _alone = self.connecting.lock().await;
        if let Some(known) = self.slot().known() {
            return known;
        }
        let made = connect(&self.settings).await.map_err(|error| explain(&error));
        self.slot().put(made)
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// The connection, or the failure to make one a moment ago.
    fn known(&self) -> Option<Result<(Connection, u64), ViewError>> {
        if let Some(connection) = &self.connection {
            return Some(Ok((connection.clone(), self.number)));
        }
        let (at, error) = self.failed.as_ref()?;
        let recent = at.elapsed() < Duration::from_millis(RECONNECT_PAUSE_MS);
        recent.then(|| Err(error.clone()))
    }

    fn put(&mut self, made: Result<Connection, ViewError>) -> Result<(Connection, u64), ViewError> {
        let connection = made.inspect_err(|error| {
            self.failed = Some((Instant::now(), error.clone()));
        })?;
        self.number += 1;
        self.connection = Some(connection.clone());
        Ok((connection, self.number))
    }

    /// Makes the next call connect anew; those under way on the old connection may end.
    fn give_up(&mut self, number: Option<u64>) {
        if number == Some(self.number) {
            self.connection = None;
        }
    }
}

impl Connection {
    async fn query(&mut self, cmd: &Cmd) -> RedisResult<Value> {
        match self {
            Self::Single(connection) => cmd.query_async(connection).await,
            Self::Cluster(connection) => cmd.query_async(connection).await,
        }
    }

    async fn run(&mut self, script: &Script, key: &str, cmd: &Cmd) -> RedisResult<Value> {
        for _ in 0..LOADS_MAX {
            match self.query(cmd).await {
                Err(error) if error.code() == Some("NOSCRIPT") => self.load(script, key).await?,
                answer => return answer,
            }
        }
        self.query(cmd).await
    }

    /// Loads a script where `key` is: another node of a cluster needs not even be there.
    async fn load(&mut self, script: &Script, key: &str) -> RedisResult<()> {
        let mut cmd = redis::cmd("SCRIPT");
        cmd.arg("LOAD").arg(&script.text);
        match self {
            Self::Single(connection) => cmd.query_async(connection).await,
            Self::Cluster(connection) => {
                let route = Route::with_key(key, SlotAddr::Master);
                let node = SingleNodeRoutingInfo::SpecificNode(route);
                connection.route_command(cmd, RoutingInfo::SingleNode(node)).await.map(drop)
            }
        }
    }
}

/// Connects to the first node that answers; as to a cluster if it says that it is part of one.
async fn connect(settings: &Settings) -> RedisResult<Connection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(settings.connect_timeout))
        .set_response_timeout(Some(settings.call_timeout));
    let mut failure = None;
    for node in &settings.nodes {
        let client = Client::open(node.clone())?;
        match client.get_multiplexed_async_connection_with_config(&config).await {
            Ok(connection) => return as_it_says(connection, settings).await,
            Err(error) => failure = Some(error),
        }
    }
    Err(failure.expect("there is at least one node"))
}

async fn as_it_says(
    mut connection: MultiplexedConnection,
    settings: &Settings,
) -> RedisResult<Connection> {
    let hello: Value = redis::cmd("HELLO").query_async(&mut connection).await?;
    if !says_cluster(hello) {
        return Ok(Connection::Single(connection));
    }
    let cluster = ClusterClient::builder(settings.nodes.clone())
        .connection_timeout(settings.connect_timeout)
        .response_timeout(settings.call_timeout)
        .retries(CLUSTER_RETRIES_MAX)
        .tcp_settings(tcp_settings());
    #[cfg(feature = "tls")]
    let cluster = match &settings.authority {
        Some(authority) => cluster.certs(crate::config::certificates(authority)),
        None => cluster,
    };
    Ok(Connection::Cluster(cluster.build()?.get_async_connection().await?))
}

fn says_cluster(hello: Value) -> bool {
    let pairs = hello.into_map_iter().into_iter().flatten();
    let mut modes = pairs.filter_map(|(name, mode)| {
        let name: String = from_redis_value(name).ok()?;
        if name == "mode" { from_redis_value::<String>(mode).ok() } else { None }
    });
    modes.next().as_deref() == Some("cluster")
}

/// Whether the connection is of no use any more.
pub(crate) fn is_broken(error: &RedisError) -> bool {
    error.is_io_error() || error.is_unrecoverable_error()
}

pub(crate) fn explain(error: &RedisError) -> ViewError {
    let text = error.to_string();
    match advice(error, &text) {
        Some(advice) => failed(&format!("{advice} ({text})")),
        None => failed(&text),
    }
}

/// What to do about a door that stays closed.
fn advice(error: &RedisError, text: &str) -> Option<&'static str> {
    let says = |word| text.contains(word);
    match error.code() {
        Some("WRONGPASS") => Some(PASSWORD),
        Some("NOAUTH") => Some("Redis wants a password: give one"),
        Some("NOPERM") => Some("Redis' ACL does not let this user do that: give it more rights"),
        _ if error.kind() == ErrorKind::AuthenticationFailed => Some(PASSWORD),
        _ if says("certificate") => Some(CERTIFICATE),
        _ if says("InvalidMessage") || says("corrupt message") => {
            Some("Redis does not speak TLS on this port: name its TLS port, or redis://")
        }
        _ => None,
    }
}

/// What happened, and what it means to whoever reads it.
pub(crate) fn failed(what: &str) -> ViewError {
    ViewError(format!("{what}; places and seats are safe in the log, ask again in a moment"))
}
