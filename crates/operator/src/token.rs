//! The operator's bearer token.

use std::sync::{Arc, PoisonError, RwLock};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, header};
use http_kit::ProblemResponse;
use metrics::counter;
use subtle::ConstantTimeEq;
use wire::Code;

/// Shortest token, in bytes: what a person makes up can be guessed.
pub const TOKEN_BYTES_MIN: usize = 16;

const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"twinkle operator\"");

/// The configured token; never shown. Clones share it.
#[derive(Clone)]
pub struct Token(Arc<RwLock<String>>);

/// A token that can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operator token must have at least {TOKEN_BYTES_MIN} visible ASCII characters")]
pub struct InvalidToken;

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidToken> {
        let text = checked(text.into())?;
        Ok(Self(Arc::new(RwLock::new(text))))
    }

    /// Takes another token, for all clones; one that can't be used changes nothing.
    pub fn replace(&self, text: &str) -> Result<(), InvalidToken> {
        let text = checked(text.to_owned())?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = text;
        Ok(())
    }

    fn check(&self, headers: &HeaderMap) -> Result<(), Code> {
        let given = headers.get(header::AUTHORIZATION).ok_or(Code::TokenMissing)?.as_bytes();
        let (scheme, token) = given.split_at_checked(7).ok_or(Code::TokenMissing)?;
        if !scheme.eq_ignore_ascii_case(b"bearer ") {
            return Err(Code::TokenMissing);
        }
        // Tells the token's length, which is no secret, and nothing else.
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let right = bool::from(known.as_bytes().ct_eq(token.trim_ascii()));
        if right { Ok(()) } else { Err(Code::TokenWrong) }
    }
}

fn checked(text: String) -> Result<String, InvalidToken> {
    let visible = text.bytes().all(|b| b.is_ascii_graphic());
    if visible && text.len() >= TOKEN_BYTES_MIN { Ok(text) } else { Err(InvalidToken) }
}

/// Lets a request through that carries the token.
pub(crate) async fn guard(State(token): State<Token>, request: Request, next: Next) -> Response {
    match token.check(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(code) => {
            counter!(crate::DENIED, "code" => code.as_str()).increment(1);
            let problem = ProblemResponse::from(code);
            problem.with_header(header::WWW_AUTHENTICATE, CHALLENGE).into_response()
        }
    }
}
