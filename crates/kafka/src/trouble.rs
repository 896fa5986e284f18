//! Why the brokers turn us away, in words that say what to do about it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::{error::KafkaError, types::RDKafkaErrorCode as Code};

use crate::failure::Failure;

const NAME: &str = "the brokers refuse this user: check its name, its password (or the rights of its \
                    role) and the mechanism";
const CERTIFICATE: &str = "the broker's certificate is not trusted: it has run out, names another \
                           host, or is signed by another authority than the one configured";
const NO_TLS: &str =
    "the broker does not speak TLS on this port: name its TLS port, or turn TLS off";
const TLS: &str = "the broker seems to expect TLS on this port: turn TLS on, or name another port";
const NAMELESS: &str = "the broker seems to want a user: name a mechanism, a user and its password";
const HANDSHAKE: &str =
    "TLS failed: check the authority, and whether the broker wants a certificate of ours";

/// A connection that ends sooner was refused, in milliseconds.
const AT_ONCE_MS: u64 = 2_000;

/// The last refusal since something worked; shared by all clients of a process.
#[derive(Debug, Default)]
pub(crate) struct Trouble(Mutex<Option<String>>);

impl Trouble {
    /// Takes in what librdkafka says of a connection; its words never hold a secret.
    pub(crate) fn note(&self, error: &KafkaError, reason: &str) {
        self.set(error.rdkafka_error_code(), reason);
    }

    /// Takes in a line of its log: of a connection that is closed without a word it tells only there.
    pub(crate) fn heard(&self, facility: &str, text: &str) {
        if facility == "FAIL" {
            self.set(None, text);
        }
    }

    fn set(&self, code: Option<Code>, reason: &str) {
        if let Some(advice) = advice(code, reason) {
            *self.lock() = Some(format!("{advice} ({reason})"));
        }
    }

    /// A broker has answered.
    pub(crate) fn over(&self) {
        *self.lock() = None;
    }

    /// Adds why, where that is known.
    pub(crate) fn explain(&self, failure: Failure) -> Failure {
        match (failure, &*self.lock()) {
            (Failure::Unavailable(text), Some(cause)) => {
                Failure::Unavailable(format!("{text}: {cause}"))
            }
            (failure, _) => failure,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn advice(code: Option<Code>, reason: &str) -> Option<&'static str> {
    let says = |word| reason.contains(word);
    match code {
        Some(Code::Authentication | Code::SaslAuthenticationFailed) => Some(NAME),
        _ if says("certificate verify failed") => Some(CERTIFICATE),
        _ if says("PLAINTEXT broker") => Some(NO_TLS),
        _ if says("SSL alert") => Some(HANDSHAKE),
        _ if says("Disconnected") && says("APIVERSION_QUERY") => Some(TLS),
        _ if says(": ssl://") && says("Disconnected") && ended_at_once(reason) => Some(NAMELESS),
        Some(Code::SSL) => Some(HANDSHAKE),
        _ => None,
    }
}

/// `(after 8ms in state UP)`: the broker let us in and did not like the first thing it heard.
fn ended_at_once(reason: &str) -> bool {
    let after = reason.rsplit_once("(after ").map_or("", |(_, after)| after);
    let (ms, rest) = after.split_once("ms in state ").unwrap_or_default();
    rest.starts_with("UP") && ms.parse().is_ok_and(|ms: u64| ms < AT_ONCE_MS)
}
