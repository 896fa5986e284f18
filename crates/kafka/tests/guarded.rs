//! TLS, passwords and certificates against a real broker; what goes wrong says why.
#![cfg(feature = "tls")]

mod shared;

use std::time::{Duration, Instant, SystemTime};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::EventId;
use ports::{EventLog, Facts};
use shared::guarded;
use testbed::USERS;
use twinkle_kafka::{
    ClientCertificate, KafkaConfig, KafkaFacts, KafkaLog, Sasl, SaslMechanism, Security, Tls,
    Token, Tokens,
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

/// What each role is given: a user, a resource, its operations. docs/security.md has the same table.
const RIGHTS: [(&str, [&str; 2], &[&str]); 9] = [
    ("api", FACTS, &["Describe", "DescribeConfigs", "Read"]),
    ("api", EVENTS, &["Describe", "Write"]),
    ("worker", FACTS, &["Describe", "DescribeConfigs", "Read", "Write"]),
    ("worker", EVENTS, &["Describe", "Read", "Write"]),
    ("worker", GROUPS, &["Describe", "Read"]),
    ("operator", FACTS, &["Create", "Describe", "DescribeConfigs", "Read", "Write"]),
    ("operator", EVENTS, &["Create", "Describe", "DescribeConfigs", "Read", "Write"]),
    ("api", GROUPS, &["Describe"]),
    ("operator", GROUPS, &["Describe"]),
];
const FACTS: [&str; 2] = ["--topic", "twinkle.events"];
const EVENTS: [&str; 2] = ["--topic", "twinkle.event."];
const GROUPS: [&str; 2] = ["--group", "twinkle"];

fn give_rights() {
    std::thread::scope(|scope| {
        for (user, resource, operations) in RIGHTS {
            scope.spawn(move || {
                let user = format!("User:{user}");
                let mut args = vec!["--add", "--allow-principal", &user];
                args.extend(resource);
                args.extend([
                    "--resource-pattern-type",
                    if resource == FACTS { "literal" } else { "prefixed" },
                ]);
                operations.iter().for_each(|operation| args.extend(["--operation", operation]));
                let done = guarded().kafka.tool("org.apache.kafka.tools.AclCommand", &args);
                done.expect("the broker takes the rule");
            });
        }
    });
}

fn as_role(name: &str) -> (KafkaLog, KafkaFacts) {
    let (name, password) = *USERS.iter().find(|user| user.0 == name).expect("a user");
    let tls = with_password(SaslMechanism::ScramSha512, name, password);
    let config = config(&guarded().sasl(), tls);
    let log = KafkaLog::connect(config.clone()).expect("the settings work");
    (log, KafkaFacts::connect(config).expect("the settings work"))
}

async fn follows(facts: &KafkaFacts) {
    let mut reader = facts.follow().await.expect("it may follow");
    tokio::time::timeout(BOUND, reader.next()).await.expect("in time").expect("facts");
}

/// Refused by an ACL, and told so.
fn denied<T, E: std::fmt::Display>(what: &str, answer: Result<T, E>) {
    let text = answer.err().unwrap_or_else(|| panic!("{what} is allowed")).to_string();
    assert!(text.contains("the ACLs of the brokers"), "{what}: {text}");
}

#[tokio::test]
async fn each_role_works_with_its_rights_and_no_more() {
    tokio::task::spawn_blocking(give_rights).await.expect("rules");
    let (log, facts) = as_role("operator");
    let event: EventId = "of-roles".parse().expect("an id");
    log.create(&event).await.expect("the operator makes topics");
    log.append(&event, "define".into()).await.expect("the operator appends");
    let mut reader = log.read(&event, 0).await.expect("the operator reads what it appended");
    tokio::time::timeout(BOUND, reader.next()).await.expect("in time").expect("records");
    drop(reader);
    facts.put("of-roles", "{}".into()).await.expect("the operator puts facts");
    follows(&facts).await;

    let (log, facts) = as_role("worker");
    follows(&facts).await;
    facts.put("of-roles/state", "{}".into()).await.expect("the worker puts facts");
    log.append(&event, "tick".into()).await.expect("the worker appends");
    let mut reader = log.read(&event, 0).await.expect("the worker reads");
    tokio::time::timeout(BOUND, reader.next()).await.expect("in time").expect("records");
    log.commit(&event, 1).await.expect("the worker commits");
    drop(reader);
    let another = "of-nobody".parse().expect("an id");
    denied("making a topic as worker", log.create(&another).await);

    let (log, facts) = as_role("api");
    follows(&facts).await;
    log.append(&event, "join".into()).await.expect("the api appends");
    denied("putting a fact as api", facts.put("of-roles", "{}".into()).await);
    denied("making a topic as api", log.create(&another).await);
    let mut reader = log.read(&event, 0).await.expect("reading begins");
    let read = tokio::time::timeout(BOUND, reader.next()).await.expect("in time");
    denied("reading an event as api", read);
}

/// A token without a signature, as brokers take it that were told no authority of tokens.
fn token(lives: Duration) -> Token {
    let seconds = |time: SystemTime| {
        time.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs_f64()
    };
    let (now, until) = (SystemTime::now(), SystemTime::now() + lives);
    let claims = format!(r#"{{"sub":"admin","iat":{},"exp":{}}}"#, seconds(now), seconds(until));
    let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    let text = format!("{}.{}.", part(r#"{"alg":"none"}"#), part(&claims));
    Token { text, until }
}

fn with_token(tokens: &Tokens) -> KafkaConfig {
    let tls = Tls { sasl: Some(Sasl::Token(tokens.clone())), ..trusting("authority.pem") };
    config(&guarded().sasl(), tls)
}

mod log_with_a_token {
    use super::*;

    ports::log_contract!({
        let tokens = Tokens::default();
        tokens.replace(token(Duration::from_secs(600)));
        async move || KafkaLog::connect(with_token(&tokens)).expect("the settings work")
    });
}

/// The broker ends a connection whose token has run out; ours shows a newer one before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_outlive_their_tokens() {
    // librdkafka asks for a token after 80 % of its life and shows it after 90 %, to the second.
    const LIFE: Duration = Duration::from_secs(24);
    let tokens = Tokens::default();
    tokens.replace(token(LIFE));
    let log = KafkaLog::connect(with_token(&tokens)).expect("the settings work");
    let event: EventId = "of-tokens".parse().expect("an id");
    log.create(&event).await.expect("create");
    let mut reader = log.read(&event, 0).await.expect("a reader");
    let started = Instant::now();
    let mut records = 0;
    while started.elapsed() < LIFE + LIFE / 4 {
        tokens.replace(token(LIFE));
        log.append(&event, "still here".into()).await.expect("append");
        records += 1;
        let read = tokio::time::timeout(BOUND, reader.next()).await.expect("in time");
        read.expect("the reader goes on");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(log.end(&event).await, Ok(records));
}

#[tokio::test]
async fn a_token_that_has_run_out_or_is_not_there_is_told() {
    let none = Tokens::default();
    refused(with_token(&none), &["there is no token yet"]).await;
    let old = Tokens::default();
    old.replace(token(Duration::from_secs(1)));
    tokio::time::sleep(Duration::from_secs(2)).await;
    refused(with_token(&old), &["token"]).await;
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
