//! Where the log and the view are, and how this process is let in there.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use clap::{Args, ValueEnum};
use kafka::KafkaConfig;
use redis_view::RedisConfig;

use crate::{certificates, secret_file};

/// Fewest replicas that must have a record, for a topic with three or more.
const MIN_INSYNC: u16 = 2;

/// Where log and view are.
#[derive(Debug, Clone, Args)]
pub(crate) struct StoreArgs {
    /// Bootstrap servers of Kafka, host:port[,…]
    #[arg(long, env = "TWINKLE_KAFKA")]
    kafka: Option<String>,
    /// Replication factor of the topics that are made
    #[arg(long, env = "TWINKLE_KAFKA_REPLICATION", default_value_t = 1)]
    kafka_replication: u16,
    #[command(flatten)]
    kafka_door: KafkaDoorArgs,
    /// `redis://[user@]host:port/`, or `rediss://…` for TLS; of a cluster any node, or several after commas
    #[arg(long, env = "TWINKLE_REDIS", hide_env_values = true)]
    redis: Option<String>,
    /// PEM file of the authority that signed Redis' certificate [default: those of the system]
    #[arg(long, env = "TWINKLE_REDIS_CA")]
    redis_ca: Option<PathBuf>,
    /// File with the password for Redis
    #[arg(long, env = "TWINKLE_REDIS_PASSWORD_FILE")]
    redis_password_file: Option<PathBuf>,
}

/// How the brokers let us in.
#[derive(Debug, Clone, Args)]
struct KafkaDoorArgs {
    /// TLS to the brokers
    #[arg(long, env = "TWINKLE_KAFKA_TLS", value_enum, default_value = "off")]
    kafka_tls: Switch,
    /// PEM file of the authority that signed the brokers' certificates [default: those of the system]
    #[arg(long, env = "TWINKLE_KAFKA_CA")]
    kafka_ca: Option<PathBuf>,
    /// PEM file of our own certificate, where the brokers ask for one
    #[arg(long, env = "TWINKLE_KAFKA_CERT")]
    kafka_cert: Option<PathBuf>,
    /// PEM file of its key
    #[arg(long, env = "TWINKLE_KAFKA_KEY")]
    kafka_key: Option<PathBuf>,
    /// How we say who we are, inside TLS
    #[arg(long, env = "TWINKLE_KAFKA_SASL", value_enum)]
    kafka_sasl: Option<Mechanism>,
    /// User name for the brokers
    #[arg(long, env = "TWINKLE_KAFKA_USERNAME")]
    kafka_username: Option<String>,
    /// File with its password
    #[arg(long, env = "TWINKLE_KAFKA_PASSWORD_FILE")]
    kafka_password_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    Off,
    On,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mechanism {
    Plain,
    #[value(name = "scram-sha-256")]
    ScramSha256,
    #[value(name = "scram-sha-512")]
    ScramSha512,
    /// The AWS role of this process, for Amazon MSK
    AwsMskIam,
}

/// Where the log and the view are.
#[derive(Debug, Clone)]
pub(crate) enum Stores {
    /// One process, one file.
    Embedded {
        data: PathBuf,
    },
    Distributed(Box<(KafkaConfig, RedisConfig)>),
}

impl Stores {
    /// For who only reads, and has no right to do more.
    pub(crate) fn read_only(mut self) -> Self {
        if let Self::Distributed(both) = &mut self {
            both.0.writes = false;
        }
        self
    }
}

#[cfg(feature = "msk-iam")]
impl Stores {
    /// The tokens that somebody has to keep fresh.
    pub(crate) fn tokens(&self) -> Option<kafka::Tokens> {
        match self {
            Self::Embedded { .. } => None,
            Self::Distributed(both) => both.0.security.tokens(),
        }
    }
}

impl StoreArgs {
    /// The certificates that files hold.
    pub(crate) fn certificates(&self) -> certificates::Files {
        let files = [
            ("TWINKLE_REDIS_CA", &self.redis_ca),
            ("TWINKLE_KAFKA_CA", &self.kafka_door.kafka_ca),
            ("TWINKLE_KAFKA_CERT", &self.kafka_door.kafka_cert),
        ];
        files.into_iter().filter_map(|(name, path)| Some((name, path.clone()?))).collect()
    }

    pub(crate) fn check(self, data: PathBuf) -> Result<Stores> {
        match (&self.kafka, &self.redis) {
            (None, None) => Ok(Stores::Embedded { data }),
            (Some(kafka), Some(redis)) => {
                let both = (self.kafka(kafka)?, self.redis(redis)?);
                Ok(Stores::Distributed(Box::new(both)))
            }
            (Some(_), None) => bail!(
                "TWINKLE_KAFKA is set but TWINKLE_REDIS is not: set both, or neither to run embedded"
            ),
            (None, Some(_)) => bail!(
                "TWINKLE_REDIS is set but TWINKLE_KAFKA is not: set both, or neither to run embedded"
            ),
        }
    }

    fn kafka(&self, bootstrap: &str) -> Result<KafkaConfig> {
        let mut config = KafkaConfig::new(bootstrap);
        config.replication = self.kafka_replication;
        config.min_insync = if config.replication > MIN_INSYNC { MIN_INSYNC } else { 1 };
        self.kafka_door.open(&mut config)?;
        Ok(config)
    }

    fn redis(&self, url: &str) -> Result<RedisConfig> {
        let mut config = RedisConfig::new(url);
        if let Some(path) = &self.redis_password_file {
            config.password = Some(secret_file::read(path, "TWINKLE_REDIS_PASSWORD_FILE")?);
        }
        if let Some(path) = &self.redis_ca {
            config.authority = Some(pem(path, "TWINKLE_REDIS_CA")?.into_bytes());
        }
        Ok(config)
    }
}

impl KafkaDoorArgs {
    /// Fails closed: what only makes sense inside TLS is refused without it.
    fn open(&self, config: &mut KafkaConfig) -> Result<()> {
        if self.kafka_tls == Switch::On {
            return self.open_tls(config);
        }
        let given = [
            ("TWINKLE_KAFKA_CA", self.kafka_ca.is_some()),
            ("TWINKLE_KAFKA_CERT", self.kafka_cert.is_some()),
            ("TWINKLE_KAFKA_KEY", self.kafka_key.is_some()),
            ("TWINKLE_KAFKA_SASL", self.kafka_sasl.is_some()),
            ("TWINKLE_KAFKA_USERNAME", self.kafka_username.is_some()),
            ("TWINKLE_KAFKA_PASSWORD_FILE", self.kafka_password_file.is_some()),
        ];
        if let Some((name, _)) = given.iter().find(|(_, given)| *given) {
            bail!("{name} is set but TWINKLE_KAFKA_TLS is off: set it on, or leave {name} out");
        }
        Ok(())
    }

    #[cfg(not(feature = "kafka-tls"))]
    fn open_tls(&self, _config: &mut KafkaConfig) -> Result<()> {
        bail!(
            "TWINKLE_KAFKA_TLS is on, but this build has no TLS to Kafka: build it with --features kafka-tls"
        )
    }

    #[cfg(feature = "kafka-tls")]
    fn open_tls(&self, config: &mut KafkaConfig) -> Result<()> {
        if let Some(path) = &self.kafka_ca {
            pem(path, "TWINKLE_KAFKA_CA")?;
        }
        let certificate = match (&self.kafka_cert, &self.kafka_key) {
            (Some(certificate), Some(key)) => {
                pem(certificate, "TWINKLE_KAFKA_CERT")?;
                pem(key, "TWINKLE_KAFKA_KEY")?;
                let (certificate, key) = (certificate.clone(), key.clone());
                Some(kafka::ClientCertificate { certificate, key })
            }
            (None, None) => None,
            _ => bail!("TWINKLE_KAFKA_CERT and TWINKLE_KAFKA_KEY go together: set both or neither"),
        };
        let authority = self.kafka_ca.clone();
        let sasl = self.sasl()?;
        config.security = kafka::Security::Tls(kafka::Tls { authority, certificate, sasl });
        Ok(())
    }

    #[cfg(feature = "kafka-tls")]
    fn sasl(&self) -> Result<Option<kafka::Sasl>> {
        let Some(mechanism) = self.kafka_sasl else {
            ensure!(
                self.kafka_username.is_none() && self.kafka_password_file.is_none(),
                "TWINKLE_KAFKA_USERNAME and TWINKLE_KAFKA_PASSWORD_FILE need TWINKLE_KAFKA_SASL"
            );
            return Ok(None);
        };
        let mechanism = match mechanism {
            Mechanism::AwsMskIam => return self.token().map(Some),
            Mechanism::Plain => kafka::SaslMechanism::Plain,
            Mechanism::ScramSha256 => kafka::SaslMechanism::ScramSha256,
            Mechanism::ScramSha512 => kafka::SaslMechanism::ScramSha512,
        };
        let (Some(username), Some(path)) = (&self.kafka_username, &self.kafka_password_file) else {
            bail!(
                "TWINKLE_KAFKA_SASL needs TWINKLE_KAFKA_USERNAME and TWINKLE_KAFKA_PASSWORD_FILE"
            );
        };
        let password = secret_file::read(path, "TWINKLE_KAFKA_PASSWORD_FILE")?;
        let username = username.clone();
        Ok(Some(kafka::Sasl::Password { mechanism, username, password }))
    }

    /// The token itself comes later, and again and again.
    #[cfg(feature = "kafka-tls")]
    fn token(&self) -> Result<kafka::Sasl> {
        ensure!(
            cfg!(feature = "msk-iam"),
            "TWINKLE_KAFKA_SASL is aws-msk-iam, but this build has no AWS in it: build it with --features msk-iam"
        );
        ensure!(
            self.kafka_username.is_none() && self.kafka_password_file.is_none(),
            "TWINKLE_KAFKA_SASL=aws-msk-iam takes no user and no password: the AWS role says who we are"
        );
        Ok(kafka::Sasl::Token(kafka::Tokens::default()))
    }
}

/// The text of a PEM file.
fn pem(path: &Path, name: &str) -> Result<String> {
    let text = secret_file::read(path, name)?;
    ensure!(
        text.contains("-----BEGIN "),
        "{} ({name}) is no PEM file: it has no line -----BEGIN …-----",
        path.display()
    );
    Ok(text)
}
