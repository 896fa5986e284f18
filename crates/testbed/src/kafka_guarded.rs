//! A Kafka broker that wants proof: TLS and a password at one door, a certificate at another, and
//! ACLs behind both.

use std::path::PathBuf;

use anyhow::Result;

use crate::home::Home;
use crate::{Authority, Kafka, Validity, free_port};

/// Users by name and password, of SCRAM-SHA-256, SCRAM-SHA-512 and PLAIN alike. The first may do
/// anything, and so may whoever shows the certificate `client`; the others what ACLs say.
pub const USERS: [(&str, &str); 4] = [
    ("admin", "password-of-admin"),
    ("api", "password-of-api"),
    ("worker", "password-of-worker"),
    ("operator", "password-of-operator"),
];

/// A running broker with certificates beside its data. On drop it is killed and all are removed.
#[derive(Debug)]
pub struct GuardedKafka {
    /// Its own port is without any guard and for the broker's tools: whoever comes there may do all.
    pub kafka: Kafka,
    folder: PathBuf,
    sasl: u16,
    mtls: u16,
    expired: u16,
}

impl GuardedKafka {
    /// Starts a fresh broker and waits until it serves.
    ///
    /// # Errors
    /// As [`Kafka::start`].
    pub fn start() -> Result<Self> {
        Self::start_for(&USERS.map(|(name, password)| (name.to_owned(), password.to_owned())))
    }

    /// As [`GuardedKafka::start`], with other users by name and password; none of them may do all.
    ///
    /// # Errors
    /// As [`Kafka::start`].
    pub fn start_for(users: &[(String, String)]) -> Result<Self> {
        let home = Home::temporary("kafka")?;
        let folder = home.path().to_owned();
        let authority = Authority::new(&folder, "authority")?;
        authority.issue("broker", Validity::Good)?;
        authority.issue("client", Validity::Good)?;
        authority.issue("expired", Validity::Expired)?;
        Authority::new(&folder, "stranger")?.issue("stranger-client", Validity::Good)?;
        let (sasl, mtls, expired) = (free_port()?, free_port()?, free_port()?);
        let ports = [free_port()?, free_port()?, sasl, mtls, expired];
        let settings =
            |plain: &str| format!("{plain}{}", guard(&folder.display().to_string(), ports, users));
        let kafka = Kafka::start_with(home, ports[0], ports[1], settings, &scram(users))?;
        Ok(Self { kafka, folder, sasl, mtls, expired })
    }

    /// `host:port` of the door for passwords, over TLS.
    #[must_use]
    pub fn sasl(&self) -> String {
        format!("127.0.0.1:{}", self.sasl)
    }

    /// `host:port` of the door for client certificates.
    #[must_use]
    pub fn mtls(&self) -> String {
        format!("127.0.0.1:{}", self.mtls)
    }

    /// `host:port` of a door whose certificate has run out.
    #[must_use]
    pub fn expired(&self) -> String {
        format!("127.0.0.1:{}", self.expired)
    }

    /// A PEM file: `authority.pem`, `client.pem`, `client.key`, or of a `stranger`.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

fn scram(users: &[(String, String)]) -> Vec<String> {
    let mechanisms = ["SCRAM-SHA-256", "SCRAM-SHA-512"];
    let users = users.iter().flat_map(|(name, password)| {
        mechanisms.map(|mechanism| format!("{mechanism}=[name={name},password={password}]"))
    });
    users.flat_map(|user| ["--add-scram".to_owned(), user]).collect()
}

fn guard(
    folder: &str,
    [plain, controller, sasl, mtls, expired]: [u16; 5],
    users: &[(String, String)],
) -> String {
    let plain_users: String =
        users.iter().map(|(name, password)| format!(" user_{name}=\"{password}\"")).collect();
    let module = "org.apache.kafka.common.security";
    format!(
        "listeners=PLAINTEXT://127.0.0.1:{plain},CONTROLLER://127.0.0.1:{controller},\
SASL://127.0.0.1:{sasl},MTLS://127.0.0.1:{mtls},EXPIRED://127.0.0.1:{expired}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_SSL,MTLS:SSL,EXPIRED:SSL
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:admin;User:CN=client
ssl.keystore.type=PEM
ssl.keystore.location={folder}/broker.both.pem
ssl.truststore.type=PEM
ssl.truststore.location={folder}/authority.pem
listener.name.expired.ssl.keystore.type=PEM
listener.name.expired.ssl.keystore.location={folder}/expired.both.pem
listener.name.mtls.ssl.client.auth=required
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER
listener.name.sasl.oauthbearer.connections.max.reauth.ms=3600000
listener.name.sasl.plain.sasl.jaas.config={module}.plain.PlainLoginModule required{plain_users};
listener.name.sasl.scram-sha-256.sasl.jaas.config={module}.scram.ScramLoginModule required;
listener.name.sasl.scram-sha-512.sasl.jaas.config={module}.scram.ScramLoginModule required;
listener.name.sasl.oauthbearer.sasl.jaas.config={module}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"broker\";
"
    )
}
