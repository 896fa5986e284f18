//! What is in a cluster before the chart comes: guarded Kafka and Redis, their users, Secrets.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use twinkle_testbed::{GuardedKafka, GuardedRedis};

use super::{
    manifests::{KafkaTopic, KafkaUser, Manifests, Resource},
    secrets::Store,
};
use crate::{dice::Dice, stack::Secrets};

/// Names of Secrets and their keys, as whoever prepares the cluster chooses them and the values of the
/// chart repeat them. A Kafka user's has the name of the user.
const KEYS: &str = "twinkle-keys";
const KAFKA_AUTHORITY: [&str; 2] = ["twinkle-cluster-ca-cert", "ca.crt"];
const REDIS_AUTHORITY: [&str; 2] = ["valkey-ca", "ca.crt"];
const REDIS: [&str; 2] = ["valkey", "password"];
/// Settings that one broker cannot have.
const OF_SEVERAL_BROKERS: &str = "min.insync.replicas";

/// Everything around the pods. Killed and removed on drop.
#[derive(Debug)]
pub struct Parts {
    pub kafka: GuardedKafka,
    pub redis: GuardedRedis,
    pub secrets: Store,
}

impl Parts {
    /// Starts them with exactly the users, rights and topics of the manifests.
    pub fn start(manifests: &Manifests, keys: &mut Secrets, dice: &mut Dice) -> Result<Self> {
        let mut secrets = Store::default();
        let mut users = Vec::new();
        for KafkaUser { metadata, .. } in &manifests.users {
            let password = keys.password(dice);
            secrets.put(&metadata.name, "password", password.clone());
            users.push((metadata.name.clone(), password));
        }
        for (key, value) in keys.files() {
            secrets.put(KEYS, key, value);
        }
        let (kafka, redis) = (GuardedKafka::start_for(&users)?, GuardedRedis::start()?);
        for ([name, key], file) in [
            (KAFKA_AUTHORITY, kafka.file("authority.pem")),
            (REDIS_AUTHORITY, redis.file("authority.pem")),
        ] {
            secrets.put(name, key, std::fs::read(file).context("no certificate")?);
        }
        secrets.put(REDIS[0], REDIS[1], GuardedRedis::USER.1);
        keys.passwords.push(GuardedRedis::USER.1.to_owned());
        prepare(&kafka, manifests)?;
        Ok(Self { kafka, redis, secrets })
    }
}

/// Rules and topics, each by a tool of the broker's own, side by side.
fn prepare(kafka: &GuardedKafka, manifests: &Manifests) -> Result<()> {
    let rules = rules(&manifests.users);
    std::thread::scope(|scope| {
        let rules = rules.iter().map(|rule| scope.spawn(move || give(kafka, rule)));
        let topics = manifests.topics.iter().map(|topic| scope.spawn(move || make(kafka, topic)));
        let tools: Vec<_> = rules.chain(topics).collect();
        tools.into_iter().try_for_each(|tool| match tool.join() {
            Ok(done) => done,
            Err(_) => anyhow::bail!("a tool of the broker broke"),
        })
    })
}

type Rule<'a> = ((&'a Resource, &'a [String]), Vec<&'a str>);

/// Who may do what, those with the same rights together.
fn rules(users: &[KafkaUser]) -> Vec<Rule<'_>> {
    let mut all: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for user in users {
        for acl in &user.spec.authorization.acls {
            let right = (&acl.resource, acl.operations.as_slice());
            all.entry(right).or_default().push(&user.metadata.name);
        }
    }
    all.into_iter().collect()
}

fn give(kafka: &GuardedKafka, ((resource, operations), names): &Rule<'_>) -> Result<()> {
    let kind = format!("--{}", resource.kind);
    let pattern = if resource.pattern_type == "prefix" { "prefixed" } else { "literal" };
    let mut args = vec!["--add", &kind, &resource.name, "--resource-pattern-type", pattern];
    let names: Vec<_> = names.iter().map(|name| format!("User:{name}")).collect();
    args.extend(names.iter().flat_map(|name| ["--allow-principal", name]));
    args.extend(operations.iter().flat_map(|operation| ["--operation", operation.as_str()]));
    kafka.kafka.tool("org.apache.kafka.tools.AclCommand", &args).map(drop)
}

fn make(kafka: &GuardedKafka, KafkaTopic { spec }: &KafkaTopic) -> Result<()> {
    let partitions = spec.partitions.to_string();
    let mut args = vec!["--create", "--topic", &spec.topic_name, "--partitions", &partitions];
    let settings = spec.config.iter().filter(|(name, _)| *name != OF_SEVERAL_BROKERS);
    let plain = |value: &serde_json::Value| value.to_string().trim_matches('"').to_owned();
    let settings: Vec<_> =
        settings.map(|(name, value)| format!("{name}={}", plain(value))).collect();
    args.extend(settings.iter().flat_map(|setting| ["--config", setting]));
    kafka.kafka.tool("org.apache.kafka.tools.TopicCommand", &args).map(drop)
}
