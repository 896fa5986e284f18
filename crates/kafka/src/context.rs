//! What librdkafka has to say goes to the log of the process.

use std::{error::Error, sync::Arc};

use rdkafka::{
    ClientContext, TopicPartitionList,
    client::OAuthToken,
    config::RDKafkaLogLevel as Level,
    consumer::ConsumerContext,
    error::{KafkaError, KafkaResult},
};
use tracing::{debug, error, warn};

use crate::{
    bearer::{self, Tokens},
    trouble::Trouble,
};

/// The context of consumers and admin clients.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) trouble: Arc<Trouble>,
    pub(crate) tokens: Option<Tokens>,
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        bearer::answer(self.tokens.as_ref())
    }

    fn log(&self, level: Level, facility: &str, text: &str) {
        self.trouble.heard(facility, text);
        log_line(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.trouble.note(&error, reason);
        debug!(target: "librdkafka", %error, reason);
    }
}

impl ConsumerContext for Context {
    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        if let Err(error) = result {
            debug!(%error, "a commit for the lag tools failed; the next one makes up for it");
        }
    }
}

/// Passes a line of librdkafka on.
pub(crate) fn log_line(level: Level, facility: &str, text: &str) {
    match level {
        // "CONFWARN" tells producers that a setting is a consumer's; the one we set works for both.
        // A lost connection is an "error" there; here every call says so by itself.
        _ if matches!(facility, "CONFWARN" | "FAIL") => {
            debug!(target: "librdkafka", facility, text);
        }
        Level::Emerg | Level::Alert | Level::Critical => {
            error!(target: "librdkafka", facility, text);
        }
        Level::Error | Level::Warning => warn!(target: "librdkafka", facility, text),
        Level::Notice | Level::Info | Level::Debug => {
            debug!(target: "librdkafka", facility, text);
        }
    }
}
