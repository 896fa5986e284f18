//! TLS, passwords and certificates against a real broker; what goes wrong says why.
#![cfg(feature = "tls")]

mod shared;

use std::time::{Duration, Instant};

use domain::EventId;
use ports::{EventLog, Facts};
use shared::guarded;
use testbed::USERS;
use twinkle_kafka::{
    ClientCertificate, KafkaConfig, KafkaFacts, KafkaLog, Sasl, SaslMechanism, Security, Tls,
};

/// The patience of a call that is to fail.
const PATIENCE_MS: u32 = 3_000;
/// A call ends within this, whatever is wrong.
const BOUND: Duration = Duration::from_secs(10);

fn trusting(authority: &str) -> Tls {
    Tls { authority: Some(guarded().file(authority)), ..Tls::default() }
}

fn with_password(mechanism: SaslMechanism, name: &str, password: &str) -> Tls {
    let sasl = Sasl::Password { mechanism, username: name.into(), password: password.into() };
    Tls { sasl: Some(sasl), ..trusting("authority.pem") }
}

fn admin(mechanism: SaslMechanism) -> KafkaConfig {
    let (name, password) = USERS[0];
    config(&guarded().sasl(), with_password(mechanism, name, password))
}

fn with_certificate(name: &str) -> Tls {
    let file = |end| guarded().file(&format!("{name}.{end}"));
    let (certificate, key) = (file("pem"), file("key"));
    Tls { certificate: Some(ClientCertificate { certificate, key }), ..trusting("authority.pem") }
}

fn config(bootstrap: &str, tls: Tls) -> KafkaConfig {
    let mut config = KafkaConfig::new(bootstrap);
    config.security = Security::Tls(tls);
    config
}

mod log_with_scram {
    use super::*;

    ports::log_contract!({
        let config = admin(SaslMechanism::ScramSha512);
        async move || KafkaLog::connect(config.clone()).expect("the settings work")
    });
}

mod facts_with_a_certificate {
    use super::*;

    ports::facts_contract!({
        let config = config(&guarded().mtls(), with_certificate("client"));
        async move || KafkaFacts::connect(config.clone()).expect("the settings work")
    });
}

#[tokio::test]
async fn every_mechanism_lets_in_who_knows_the_password() {
    use SaslMechanism::{Plain, ScramSha256, ScramSha512};
    for mechanism in [Plain, ScramSha256, ScramSha512] {
        let log = KafkaLog::connect(admin(mechanism)).expect("the settings work");
        let event: EventId = format!("by-{mechanism:?}").to_lowercase().parse().expect("an id");
        log.create(&event).await.expect("create");
        log.append(&event, "hello".into()).await.expect("append");
        assert_eq!(log.end(&event).await, Ok(1));
    }
}

/// Fails within bounds with all of these words, and without a secret.
async fn refused(mut config: KafkaConfig, words: &[&str]) {
    let started = Instant::now();
    config.delivery_timeout_ms = PATIENCE_MS;
    let log = KafkaLog::connect(config.clone()).expect("the settings work");
    let facts = KafkaFacts::connect(config).expect("the settings work");
    let event = "refused".parse().expect("an id");
    let (create, end, follow) = tokio::join!(log.create(&event), log.end(&event), facts.follow());
    let create = create.expect_err("no way in").to_string();
    let end = end.expect_err("no way in").to_string();
    let follow = follow.err().expect("no way in").to_string();
    assert!(started.elapsed() < BOUND, "{:?}", started.elapsed());
    for text in [create, end, follow] {
        assert!(words.iter().all(|word| text.contains(word)), "{text:?} lacks some of {words:?}");
        assert!(!text.contains("password-of") && !text.contains("guess"), "{text}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_told() {
    use SaslMechanism::{Plain, ScramSha512};
    let words = ["refuse this user", "check its name, its password"];
    for mechanism in [Plain, ScramSha512] {
        let wrong = with_password(mechanism, "admin", "a wild guess");
        refused(config(&guarded().sasl(), wrong), &words).await;
    }
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_told() {
    let tls = Tls { authority: Some(guarded().file("stranger.pem")), ..with_certificate("client") };
    refused(config(&guarded().mtls(), tls), &["is not trusted", "another authority"]).await;
}

#[tokio::test]
async fn a_certificate_that_has_run_out_is_told() {
    let tls = trusting("authority.pem");
    refused(config(&guarded().expired(), tls), &["is not trusted", "has run out"]).await;
}

#[tokio::test]
async fn a_missing_certificate_of_ours_is_told() {
    let tls = trusting("authority.pem");
    refused(config(&guarded().mtls(), tls), &["certificate of ours"]).await;
}

#[tokio::test]
async fn a_certificate_of_ours_that_the_broker_does_not_trust_is_told() {
    refused(config(&guarded().mtls(), with_certificate("stranger-client")), &["TLS failed"]).await;
}

#[tokio::test]
async fn plaintext_to_a_port_of_tls_is_told() {
    refused(KafkaConfig::new(guarded().sasl()), &["expect TLS", "turn TLS on"]).await;
}

#[tokio::test]
async fn a_missing_name_is_told() {
    let tls = trusting("authority.pem");
    refused(config(&guarded().sasl(), tls), &["want a user"]).await;
}

#[tokio::test]
async fn tls_to_a_port_of_plaintext_is_told() {
    let plain = guarded().kafka.bootstrap();
    refused(config(plain, trusting("authority.pem")), &["does not speak TLS"]).await;
}
