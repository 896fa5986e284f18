//! Topics: made as the log needs them, and checked where they exist already.

use std::time::Duration;

use rdkafka::{
    admin::{
        AdminClient, AdminOptions, AlterConfig, ConfigResource, NewTopic, ResourceSpecifier,
        TopicReplication,
    },
    config::FromClientConfigAndContext,
    error::KafkaError,
    types::RDKafkaErrorCode as Code,
};
use tokio::time::{Instant, sleep};

use crate::{
    KafkaConfig, bearer,
    close::Closing,
    config::MESSAGE_BYTES_MAX,
    context::Context,
    failure::{Failure, denied},
    link::{Link, PARTITION, blocking},
};

/// Pause between looks for a topic that was just made, in milliseconds.
const APPEAR_POLL_MS: u64 = 20;

/// What a topic is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An event's log: nothing is ever deleted, the broker tells the time.
    Event,
    /// An event's log while it is made anew: its records keep the times that they had.
    Import,
    /// The facts: the last value of each key stays.
    Facts,
}

impl Kind {
    /// Settings without which the topic is of no use; an existing one must have them.
    fn vital(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Event => &[
                ("cleanup.policy", "delete"),
                ("retention.ms", "-1"),
                ("retention.bytes", "-1"),
                ("message.timestamp.type", "LogAppendTime"),
            ],
            Self::Import => &[
                ("cleanup.policy", "delete"),
                ("retention.ms", "-1"),
                ("retention.bytes", "-1"),
                ("message.timestamp.type", "CreateTime"),
            ],
            Self::Facts => &[("cleanup.policy", "compact")],
        }
    }

    /// Settings of a new topic beyond the vital ones.
    fn further(self, config: &KafkaConfig) -> Vec<(&'static str, String)> {
        let mut settings = vec![
            ("max.message.bytes", MESSAGE_BYTES_MAX.to_string()),
            ("min.insync.replicas", config.min_insync.to_string()),
            ("unclean.leader.election.enable", "false".to_owned()),
        ];
        if self == Self::Facts {
            // Compaction leaves the newest segment alone: an hour's worth at most stays unsorted.
            settings.push(("segment.ms", "3600000".to_owned()));
        }
        settings
    }

    /// What is wrong with an existing topic.
    fn check(self, found: &ConfigResource) -> Result<(), String> {
        let value = |name| found.get(name).and_then(|entry| entry.value.as_deref()).unwrap_or("");
        for &(name, wanted) in self.vital() {
            if value(name) != wanted {
                return Err(format!("{name} is {:?}, not {wanted:?}", value(name)));
            }
        }
        let largest = value("max.message.bytes").parse().unwrap_or(0_u32);
        if largest < MESSAGE_BYTES_MAX {
            return Err(format!("max.message.bytes is {largest}, below {MESSAGE_BYTES_MAX}"));
        }
        Ok(())
    }
}

/// What the brokers' metadata say of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Missing,
    /// There, but its partition has no leader yet.
    Electing,
    Ready {
        partitions: usize,
    },
}

/// The offsets of the first record and of the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) low: u64,
    pub(crate) high: u64,
}

/// The broker that was asked does not lead the partition, or has not heard of it yet.
fn is_elsewhere(error: &KafkaError) -> bool {
    let codes = [
        Code::NotLeaderForPartition,
        Code::LeaderNotAvailable,
        Code::UnknownTopicOrPartition,
        Code::UnknownPartition,
    ];
    error.rdkafka_error_code().is_some_and(|code| codes.contains(&code))
}

impl Link {
    pub(crate) async fn exists(&self, topic: &str) -> Result<bool, Failure> {
        Ok(self.look(topic).await? != Seen::Missing)
    }

    /// One look at the metadata, without retries for a topic that is not there.
    async fn look(&self, topic: &str) -> Result<Seen, Failure> {
        let topic = topic.to_owned();
        self.ask(move |client, patience| {
            let metadata = client.fetch_metadata(Some(&topic), patience)?;
            let Some(found) = metadata.topics().first() else { return Ok(Seen::Missing) };
            match found.error().map(Code::from) {
                Some(Code::UnknownTopicOrPartition) => Ok(Seen::Missing),
                Some(Code::LeaderNotAvailable) => Ok(Seen::Electing),
                Some(code) => Err(KafkaError::MetadataFetch(code)),
                None if found.partitions().iter().any(|partition| partition.leader() < 0) => {
                    Ok(Seen::Electing)
                }
                None => Ok(Seen::Ready { partitions: found.partitions().len() }),
            }
        })
        .await
    }

    /// Asks the leader of a topic that was there for its bounds; again, where another broker leads.
    pub(crate) async fn bounds(&self, topic: &str) -> Result<Bounds, Failure> {
        let topic = topic.to_owned();
        let ask = self.ask(move |client, patience| {
            let deadline = Instant::now() + patience;
            loop {
                match client.fetch_watermarks(&topic, PARTITION, patience) {
                    Err(error) if is_elsewhere(&error) && Instant::now() < deadline => {
                        std::thread::sleep(Duration::from_millis(APPEAR_POLL_MS));
                        // librdkafka keeps the word of a broker that had not heard of the topic
                        // yet, and asks nobody again by itself; a look of our own replaces it.
                        let _looked = client.fetch_metadata(Some(&topic), patience);
                    }
                    answer => return answer,
                }
            }
        });
        let (low, high) = ask.await?;
        match (u64::try_from(low), u64::try_from(high)) {
            (Ok(low), Ok(high)) => Ok(Bounds { low, high }),
            _ => Err(Failure::unavailable("the broker does not know the ends of its log")),
        }
    }

    /// Makes a topic; one that exists is left as it is and must fit.
    pub(crate) async fn create(&self, name: &str, kind: Kind) -> Result<(), Failure> {
        let created = self.try_create(name, kind).await;
        created.map_err(|failure| self.trouble.explain(failure))
    }

    async fn try_create(&self, name: &str, kind: Kind) -> Result<(), Failure> {
        let admin = self.admin().await?;
        // Who finds the topic needs no right to make it.
        if self.look(name).await? == Seen::Missing {
            self.make(&admin, name, kind).await?;
        }
        let partitions = self.appeared(name).await?;
        let found = self.describe(&admin, name).await?;
        let problem = if partitions == 1 {
            kind.check(&found).err()
        } else {
            Some(format!("it has {partitions} partitions, not 1"))
        };
        match problem {
            None => Ok(()),
            Some(problem) => Err(Failure::unavailable(format!(
                "topic {name} exists and can't be used: {problem}; change it or delete the topic"
            ))),
        }
    }

    /// Gives a topic that was made for an import the settings of an event's log; the records in it
    /// keep their times.
    pub(crate) async fn settle(&self, name: &str) -> Result<(), Failure> {
        let admin = self.admin().await?;
        let further = Kind::Event.further(&self.config);
        let further = further.iter().map(|(name, value)| (*name, value.as_str()));
        let mut settings = AlterConfig::new(ResourceSpecifier::Topic(name));
        for (name, value) in Kind::Event.vital().iter().copied().chain(further) {
            settings = settings.set(name, value);
        }
        let altered = admin.alter_configs([&settings], &self.options()).await;
        if let Some(Err((_, code))) =
            altered.map_err(|error| Failure::of(&error))?.into_iter().next()
        {
            let text = format!("the settings of topic {name} can't be changed: {code}");
            return Err(Failure::unavailable(text));
        }
        let deadline = Instant::now() + self.config.timeout();
        loop {
            match Kind::Event.check(&self.describe(&admin, name).await?) {
                Ok(()) => return Ok(()),
                Err(problem) if Instant::now() >= deadline => {
                    return Err(Failure::unavailable(format!("topic {name}: {problem}")));
                }
                Err(_) => sleep(Duration::from_millis(APPEAR_POLL_MS)).await,
            }
        }
    }

    /// Deletes a topic and waits until it is gone; without one nothing happens.
    pub(crate) async fn delete(&self, name: &str) -> Result<(), Failure> {
        let admin = self.admin().await?;
        let deleted = admin.delete_topics(&[name], &self.options()).await;
        match deleted.map_err(|error| Failure::of(&error))?.into_iter().next() {
            Some(Ok(_) | Err((_, Code::UnknownTopicOrPartition))) => {}
            other => {
                let text = format!("topic {name} can't be deleted: {other:?}");
                return Err(Failure::unavailable(text));
            }
        }
        let deadline = Instant::now() + self.config.timeout();
        while self.exists(name).await? {
            if Instant::now() >= deadline {
                return Err(Failure::unavailable(format!("topic {name} is still there")));
            }
            sleep(Duration::from_millis(APPEAR_POLL_MS)).await;
        }
        Ok(())
    }

    async fn admin(&self) -> Result<Closing<AdminClient<Context>>, Failure> {
        let client = self.config.client();
        let context = self.context();
        let admin = blocking(move || {
            let admin = AdminClient::from_config_and_context(&client, context)?;
            bearer::show(admin.inner())?;
            Ok(Closing::new(admin))
        });
        admin.await?.map_err(|error: KafkaError| Failure::of(&error))
    }

    fn options(&self) -> AdminOptions {
        let patience = self.config.timeout();
        AdminOptions::new().request_timeout(Some(patience)).operation_timeout(Some(patience))
    }

    async fn make(
        &self,
        admin: &AdminClient<Context>,
        name: &str,
        kind: Kind,
    ) -> Result<(), Failure> {
        let further = kind.further(&self.config);
        let replication = TopicReplication::Fixed(self.config.replication.into());
        let mut topic = NewTopic::new(name, 1, replication);
        topic.config.extend_from_slice(kind.vital());
        topic.config.extend(further.iter().map(|(name, value)| (*name, value.as_str())));
        let made = admin.create_topics([&topic], &self.options()).await;
        match made.map_err(|error| Failure::of(&error))?.into_iter().next() {
            Some(Ok(_) | Err((_, Code::TopicAlreadyExists))) => Ok(()),
            Some(Err((_, code @ Code::TopicAuthorizationFailed))) => {
                Err(Failure::unavailable(format!("topic {name} can't be made: {}", denied(code))))
            }
            Some(Err((_, code))) => {
                Err(Failure::unavailable(format!("topic {name} can't be made: {code}")))
            }
            None => Err(Failure::unavailable(format!("no answer about topic {name}"))),
        }
    }

    /// Waits until the metadata show the topic with a leader; answers the number of partitions.
    async fn appeared(&self, name: &str) -> Result<usize, Failure> {
        let deadline = Instant::now() + self.config.timeout();
        loop {
            if let Seen::Ready { partitions } = self.look(name).await? {
                return Ok(partitions);
            }
            if Instant::now() >= deadline {
                return Err(Failure::unavailable(format!("topic {name} has no leader yet")));
            }
            sleep(Duration::from_millis(APPEAR_POLL_MS)).await;
        }
    }

    /// The settings of a topic that has appeared; other brokers may hear of it a moment later.
    async fn describe(
        &self,
        admin: &AdminClient<Context>,
        name: &str,
    ) -> Result<ConfigResource, Failure> {
        let deadline = Instant::now() + self.config.timeout();
        loop {
            let topic = [ResourceSpecifier::Topic(name)];
            let found = admin.describe_configs(&topic, &self.options()).await;
            match found.map_err(|error| Failure::of(&error))?.into_iter().next() {
                Some(Ok(found)) if !found.entries.is_empty() => return Ok(found),
                // rdkafka does not pass on that a broker knows no such topic: it has no settings then.
                Some(Ok(_) | Err(Code::UnknownTopicOrPartition)) if Instant::now() < deadline => {}
                other => {
                    let text = format!("the settings of topic {name} can't be read: {other:?}");
                    return Err(Failure::unavailable(text));
                }
            }
            sleep(Duration::from_millis(APPEAR_POLL_MS)).await;
        }
    }
}
