//! Tokens of SASL/OAUTHBEARER: somebody else keeps them fresh, every client shows the one of now.

use std::{
    error::Error,
    ffi::{CString, c_char},
    ptr,
    sync::{Arc, PoisonError, RwLock},
    time::{SystemTime, UNIX_EPOCH},
};

use rdkafka::{
    bindings::rd_kafka_oauthbearer_set_token,
    client::{Client, OAuthToken},
    error::KafkaError,
    types::{RDKafkaErrorCode as Code, RDKafkaRespErr},
};

use crate::context::Context;

/// Brokers read who we are in the token itself; librdkafka wants a name for its own log.
const PRINCIPAL: &str = "twinkle";
/// Longest text of an error of librdkafka, in bytes.
const ERROR_BYTES_MAX: usize = 512;

/// A token and when it ends to let in.
#[derive(Clone)]
pub struct Token {
    pub text: String,
    pub until: SystemTime,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("until", &self.until).finish_non_exhaustive()
    }
}

/// The token of now, shared by all clients of a process.
#[derive(Clone, Default)]
pub struct Tokens(Arc<RwLock<Option<Token>>>);

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

impl Tokens {
    /// Every connection from now on shows this one. librdkafka asks for it anew when four fifths of
    /// the life of the one before are over: replace it well before.
    pub fn replace(&self, token: Token) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(token);
    }

    fn current(&self) -> Option<Token> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What librdkafka asks a client for.
pub(crate) fn answer(tokens: Option<&Tokens>) -> Result<OAuthToken, Box<dyn Error>> {
    let token = tokens.and_then(Tokens::current).ok_or("there is no token yet")?;
    let until = token.until.duration_since(UNIX_EPOCH)?.as_millis();
    Ok(OAuthToken {
        token: token.text,
        principal_name: PRINCIPAL.to_owned(),
        lifetime_ms: i64::try_from(until)?,
    })
}

/// Gives a client its token by hand: rdkafka answers only those that it polls for events.
#[allow(unsafe_code)]
pub(crate) fn show(client: &Client<Context>) -> Result<(), KafkaError> {
    let tokens = &client.context().tokens;
    if tokens.is_none() {
        return Ok(());
    }
    let token =
        answer(tokens.as_ref()).map_err(|error| KafkaError::ClientCreation(error.to_string()))?;
    let (Ok(text), Ok(principal)) = (CString::new(token.token), CString::new(PRINCIPAL)) else {
        return Err(KafkaError::ClientCreation("the token holds a zero byte".to_owned()));
    };
    let mut error: [c_char; ERROR_BYTES_MAX] = [0; ERROR_BYTES_MAX];
    // SAFETY: the client lives as long as the reference, the strings as long as the call, which
    // copies them; the buffer is as long as it is said to be.
    let code = unsafe {
        rd_kafka_oauthbearer_set_token(
            client.native_ptr(),
            text.as_ptr(),
            token.lifetime_ms,
            principal.as_ptr(),
            ptr::null_mut(),
            0,
            error.as_mut_ptr(),
            error.len(),
        )
    };
    match code {
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        code => Err(KafkaError::Global(Code::from(code))),
    }
}
