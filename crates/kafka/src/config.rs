//! How to reach the brokers, and the settings of each kind of client.

use std::time::Duration;

use rdkafka::{ClientConfig, config::RDKafkaLogLevel};

use crate::bearer::Tokens;

/// Longest time a record may take to be acknowledged, in milliseconds.
pub const DELIVERY_TIMEOUT_MS_MAX: u32 = 5_000;
/// Most records under way at a time, whatever is configured.
pub const IN_FLIGHT_MAX: usize = 4_096;

const DELIVERY_TIMEOUT_MS_MIN: u32 = 500;
const IN_FLIGHT: usize = 512;
/// Most produce requests under way on a connection; more would end idempotence.
const REQUESTS_IN_FLIGHT_MAX: u32 = 5;
/// Largest batch of records, in bytes; below what our topics take (`MESSAGE_BYTES_MAX`).
const BATCH_BYTES_MAX: u32 = 1_000_000;
/// Largest batch that our topics take, in bytes: Kafka's own default, so that replication and
/// consumers of any kind are set up for it.
pub(crate) const MESSAGE_BYTES_MAX: u32 = 1_048_588;
const RECONNECT_MS: u32 = 50;
const RECONNECT_MS_MAX: u32 = 500;
const RETRY_MS_MAX: u32 = 500;
/// How long a topic that we know may be missing from the brokers' metadata.
const TOPIC_MISSING_MS_MAX: u32 = 2_000;
/// A broker that owes an answer for longer is dialled anew.
const SOCKET_TIMEOUT_MS: u32 = 6_000;
/// How long the broker holds a fetch while there is nothing new. It answers at the first byte, so a
/// long wait costs no latency and keeps idle readers cheap.
const FETCH_WAIT_MS: u32 = 500;
const FETCH_RETRY_MS: u32 = 100;
/// How long a commit waits for the group's coordinator to be found (the session timeout of a group
/// that has no members bounds nothing else).
const COMMIT_WAIT_MS: u32 = 6_000;
/// Pause of a fetch while the reader's queue is full.
const FETCH_QUEUE_PAUSE_MS: u32 = 5;
/// Records that a reader holds ahead, in KiB.
const READ_AHEAD_KIB: u32 = 8 * 1024;

/// Settings that can't work. Nothing was connected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the Kafka settings can't work: {0}")]
pub struct ConfigError(pub(crate) String);

/// How to reach Kafka and what to ask of it.
#[derive(Debug, Clone)]
pub struct KafkaConfig {
    /// Bootstrap servers, `host:port[,host:port…]`.
    pub bootstrap: String,
    pub security: Security,
    /// Replicas of the topics we create.
    pub replication: u16,
    /// Replicas that must have a record before it counts (`min.insync.replicas`).
    pub min_insync: u16,
    /// Longest time until a record is acknowledged or given up, in milliseconds; also the patience
    /// of every other call. At most [`DELIVERY_TIMEOUT_MS_MAX`].
    pub delivery_timeout_ms: u32,
    /// Most records under way at a time; one more is refused at once. At most [`IN_FLIGHT_MAX`].
    pub in_flight_max: usize,
    /// Whether anything will be written. Brokers refuse to number the records of who may write none,
    /// and librdkafka gives such a producer up with an error, again and again.
    pub writes: bool,
}

/// How the connection to the brokers is protected.
#[derive(Debug, Clone, Default)]
pub enum Security {
    /// Not at all: for brokers on the same machine or private network.
    #[default]
    Plain,
    #[cfg(feature = "tls")]
    Tls(Tls),
}

/// TLS towards the brokers, with SASL inside where wanted.
#[cfg(feature = "tls")]
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// PEM file of the authority that signed the brokers' certificates; the system's own if `None`.
    pub authority: Option<std::path::PathBuf>,
    /// Our own certificate, where brokers ask for one.
    pub certificate: Option<ClientCertificate>,
    pub sasl: Option<Sasl>,
}

/// PEM files of a client certificate and its key.
#[cfg(feature = "tls")]
#[derive(Debug, Clone)]
pub struct ClientCertificate {
    pub certificate: std::path::PathBuf,
    pub key: std::path::PathBuf,
}

/// How we say who we are, inside TLS.
#[cfg(feature = "tls")]
#[derive(Clone)]
pub enum Sasl {
    /// A name and a secret.
    Password { mechanism: SaslMechanism, username: String, password: String },
    /// A token that is replaced again and again (OAUTHBEARER).
    Token(Tokens),
}

#[cfg(feature = "tls")]
impl std::fmt::Debug for Sasl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Password { mechanism, username, password: _ } => f
                .debug_struct("Password")
                .field("mechanism", mechanism)
                .field("username", username)
                .finish_non_exhaustive(),
            Self::Token(tokens) => f.debug_tuple("Token").field(tokens).finish(),
        }
    }
}

/// How the secret is shown to the brokers.
#[cfg(feature = "tls")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaslMechanism {
    Plain,
    ScramSha256,
    ScramSha512,
}

impl KafkaConfig {
    /// One broker without replication or protection; change the fields for anything else.
    pub fn new(bootstrap: impl Into<String>) -> Self {
        Self {
            bootstrap: bootstrap.into(),
            security: Security::default(),
            replication: 1,
            min_insync: 1,
            delivery_timeout_ms: DELIVERY_TIMEOUT_MS_MAX,
            in_flight_max: IN_FLIGHT,
            writes: true,
        }
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let timeouts = DELIVERY_TIMEOUT_MS_MIN..=DELIVERY_TIMEOUT_MS_MAX;
        let problem = if self.bootstrap.trim().is_empty() {
            "no bootstrap server is named".to_owned()
        } else if self.min_insync == 0 || self.min_insync > self.replication {
            format!("min_insync is {} of {} replicas", self.min_insync, self.replication)
        } else if !timeouts.contains(&self.delivery_timeout_ms) {
            format!("delivery_timeout_ms is {}, not in {timeouts:?}", self.delivery_timeout_ms)
        } else if !(1..=IN_FLIGHT_MAX).contains(&self.in_flight_max) {
            format!("in_flight_max is {}, not in 1..={IN_FLIGHT_MAX}", self.in_flight_max)
        } else {
            return Ok(());
        };
        Err(ConfigError(problem))
    }

    /// The patience of every call.
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.delivery_timeout_ms.into())
    }

    /// What all clients share.
    pub(crate) fn client(&self) -> ClientConfig {
        // Before librdkafka does it in its way: OpenSSL then stays whole until the process has ended.
        // Torn down at exit, it would take threads with it that are still closing a connection.
        #[cfg(feature = "tls")]
        openssl_sys::init();
        let mut client = ClientConfig::new();
        client
            .set("bootstrap.servers", &self.bootstrap)
            .set("client.id", "twinkle")
            .set("allow.auto.create.topics", "false")
            .set("topic.metadata.propagation.max.ms", TOPIC_MISSING_MS_MAX.to_string())
            .set("socket.keepalive.enable", "true")
            .set("socket.timeout.ms", SOCKET_TIMEOUT_MS.to_string())
            .set("reconnect.backoff.ms", RECONNECT_MS.to_string())
            .set("reconnect.backoff.max.ms", RECONNECT_MS_MAX.to_string())
            .set("retry.backoff.max.ms", RETRY_MS_MAX.to_string());
        // Its log says why a connection ended.
        client.set_log_level(RDKafkaLogLevel::Info);
        self.security.apply(&mut client);
        client
    }

    /// Idempotent, acknowledged by all replicas in sync, bounded, in order.
    pub(crate) fn producer(&self) -> ClientConfig {
        // Our own bound comes first: librdkafka forgets a record a little later than we do.
        let queue = self.in_flight_max * 2;
        let queue_kib = queue * ports::log::RECORD_BYTES_MAX / 1024;
        let mut client = self.client();
        client
            .set("enable.idempotence", self.writes.to_string())
            .set("acks", "all")
            .set("linger.ms", "0")
            .set("batch.size", BATCH_BYTES_MAX.to_string())
            .set("max.in.flight.requests.per.connection", REQUESTS_IN_FLIGHT_MAX.to_string())
            .set("message.timeout.ms", self.delivery_timeout_ms.to_string())
            .set("request.timeout.ms", self.delivery_timeout_ms.to_string())
            .set("queue.buffering.max.messages", queue.to_string())
            .set("queue.buffering.max.kbytes", queue_kib.to_string());
        client
    }

    /// Reads by assignment; the group only names the offsets that it commits.
    pub(crate) fn consumer(&self, group: &str, tell_end: bool) -> ClientConfig {
        let mut client = self.client();
        client
            .set("group.id", group)
            .set("session.timeout.ms", COMMIT_WAIT_MS.to_string())
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_uncommitted")
            .set("check.crcs", "true")
            .set("enable.partition.eof", tell_end.to_string())
            .set("fetch.wait.max.ms", FETCH_WAIT_MS.to_string())
            .set("fetch.error.backoff.ms", FETCH_RETRY_MS.to_string())
            .set("fetch.queue.backoff.ms", FETCH_QUEUE_PAUSE_MS.to_string())
            .set("queued.max.messages.kbytes", READ_AHEAD_KIB.to_string());
        client
    }
}

impl Security {
    /// The tokens that our clients show, if they show any.
    pub fn tokens(&self) -> Option<Tokens> {
        match self {
            #[cfg(feature = "tls")]
            Self::Tls(Tls { sasl: Some(Sasl::Token(tokens)), .. }) => Some(tokens.clone()),
            _ => None,
        }
    }

    fn apply(&self, client: &mut ClientConfig) {
        match self {
            Self::Plain => {
                client.set("security.protocol", "plaintext");
            }
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.apply(client),
        }
    }
}

#[cfg(feature = "tls")]
impl Tls {
    fn apply(&self, client: &mut ClientConfig) {
        let protocol = if self.sasl.is_some() { "sasl_ssl" } else { "ssl" };
        client.set("security.protocol", protocol);
        if let Some(authority) = &self.authority {
            client.set("ssl.ca.location", authority.to_string_lossy());
        }
        if let Some(ClientCertificate { certificate, key }) = &self.certificate {
            client.set("ssl.certificate.location", certificate.to_string_lossy());
            client.set("ssl.key.location", key.to_string_lossy());
        }
        match &self.sasl {
            Some(Sasl::Password { mechanism, username, password }) => {
                client.set("sasl.mechanism", mechanism.name());
                client.set("sasl.username", username).set("sasl.password", password);
            }
            Some(Sasl::Token(_)) => {
                client.set("sasl.mechanism", "OAUTHBEARER");
            }
            None => {}
        }
    }
}

#[cfg(feature = "tls")]
impl SaslMechanism {
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

#[cfg(all(test, feature = "tls"))]
mod tests {
    use super::*;
    use crate::KafkaLog;

    fn config(mechanism: SaslMechanism, authority: Option<&str>) -> KafkaConfig {
        let (username, password) = ("twinkle".to_owned(), "kept to ourselves".to_owned());
        let mut config = KafkaConfig::new("127.0.0.1:9");
        config.security = Security::Tls(Tls {
            authority: authority.map(Into::into),
            certificate: None,
            sasl: Some(Sasl::Password { mechanism, username, password }),
        });
        config
    }

    #[tokio::test]
    async fn each_mechanism_is_built_in() {
        use SaslMechanism::{Plain, ScramSha256, ScramSha512};
        for mechanism in [Plain, ScramSha256, ScramSha512] {
            KafkaLog::connect(config(mechanism, None)).expect("the settings work");
        }
    }

    #[tokio::test]
    async fn an_authority_that_is_not_there_is_refused() {
        let config = config(SaslMechanism::Plain, Some("/nowhere/authority.pem"));
        KafkaLog::connect(config).expect_err("no such file");
    }

    #[tokio::test]
    async fn the_password_is_not_shown() {
        let log = KafkaLog::connect(config(SaslMechanism::Plain, None)).expect("it works");
        let shown = format!("{log:?}");
        assert!(shown.contains("twinkle") && !shown.contains("kept to ourselves"), "{shown}");
    }
}
