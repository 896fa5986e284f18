//! What can go wrong with a broker, in the words of the ports.

use domain::EventId;
use ports::{FactsError, LogError};
use rdkafka::{error::KafkaError, types::RDKafkaErrorCode as Code};
use tokio::task::JoinError;

/// Why a call to Kafka failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Too much is under way already.
    Full,
    /// The broker knows no such topic.
    UnknownTopic,
    /// Anything else; the text says what, and what to do where that is known.
    Unavailable(String),
}

impl Failure {
    pub(crate) fn of(error: &KafkaError) -> Self {
        match error.rdkafka_error_code() {
            Some(Code::QueueFull) => Self::Full,
            Some(Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition) => {
                Self::UnknownTopic
            }
            Some(Code::MessageSizeTooLarge) => Self::Unavailable(
                "the broker refuses the record as too large: raise the topic's max.message.bytes"
                    .to_owned(),
            ),
            Some(
                code @ (Code::TopicAuthorizationFailed
                | Code::GroupAuthorizationFailed
                | Code::ClusterAuthorizationFailed),
            ) => Self::Unavailable(denied(code)),
            Some(code) => Self::Unavailable(code.to_string()),
            None => Self::Unavailable(error.to_string()),
        }
    }

    pub(crate) fn unavailable(text: impl Into<String>) -> Self {
        Self::Unavailable(text.into())
    }

    /// A task or thread that never finished.
    pub(crate) fn ending(error: &JoinError) -> Self {
        Self::Unavailable(format!("the process is ending: {error}"))
    }

    pub(crate) fn in_log(self, event: &EventId) -> LogError {
        match self {
            Self::Full => LogError::Full,
            Self::UnknownTopic => LogError::UnknownEvent(event.clone()),
            Self::Unavailable(text) => LogError::Unavailable(text),
        }
    }
}

/// What an answer means that only says no.
pub(crate) fn denied(code: Code) -> String {
    format!(
        "{code}: the ACLs of the brokers do not let this user do that; give it the rights of its \
         role (docs/security.md)"
    )
}

impl From<Failure> for FactsError {
    fn from(failure: Failure) -> Self {
        Self(match failure {
            Failure::Full => "too many are being written already; try again".to_owned(),
            Failure::UnknownTopic => format!("the topic {} is gone", crate::FACTS_TOPIC),
            Failure::Unavailable(text) => text,
        })
    }
}
