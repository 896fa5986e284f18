//! Parts of a request that several roles read.

use axum::extract::{FromRequestParts, RawPathParams};
use domain::EventId;
use http::{HeaderMap, HeaderName, Uri, request::Parts};
use wire::Code;

use crate::problem::ProblemResponse;

/// The number that a shopper's client counts for its commands (R6).
pub const SEQ: HeaderName = HeaderName::from_static("twinkle-seq");

/// Chosen by the client for one request and all its repetitions.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Longest `Idempotency-Key`, in bytes.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 128;

/// The event of the path, `{event}` in the route; an id that can't be is an unknown event.
#[derive(Debug, Clone)]
pub struct EventPath(pub EventId);

impl<S: Send + Sync> FromRequestParts<S> for EventPath {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ProblemResponse> {
        let event = path_param(parts, state, "event").await.and_then(|text| text.parse().ok());
        event.map(Self).ok_or_else(|| Code::UnknownEvent.into())
    }
}

/// A parameter of the path; `None` also when it isn't UTF-8.
pub async fn path_param<S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
    name: &str,
) -> Option<String> {
    let params = RawPathParams::from_request_parts(parts, state).await.ok()?;
    params.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

/// The first value of a field of the query.
pub fn query(uri: &Uri, name: &str) -> Option<String> {
    let mut fields = form_urlencoded::parse(uri.query()?.as_bytes());
    fields.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// `?seen=`, the offset that a command was answered with, if there is one.
pub fn seen(uri: &Uri) -> Result<Option<u64>, ProblemResponse> {
    let Some(text) = query(uri, "seen") else { return Ok(None) };
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten();
    number.map(Some).ok_or_else(|| {
        let detail = "seen takes the offset that a command was answered with. Nothing changed.";
        ProblemResponse::from(Code::HeaderMalformed).with_detail(detail)
    })
}

/// `Twinkle-Seq`, if there is one.
pub fn seq(headers: &HeaderMap) -> Result<Option<u32>, ProblemResponse> {
    let Some(value) = headers.get(SEQ) else { return Ok(None) };
    let number = value.to_str().ok().and_then(parse_seq);
    number.map(Some).ok_or_else(|| {
        let detail = "Twinkle-Seq takes a whole number from 0 to 4294967295. Nothing changed.";
        ProblemResponse::from(Code::HeaderMalformed).with_detail(detail)
    })
}

/// Digits only: no sign, no blanks.
pub fn parse_seq(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// `Idempotency-Key`, if there is one.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, ProblemResponse> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let fits = (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&value.len());
    let key = value.to_str().ok().filter(|key| fits && key.bytes().all(|b| b.is_ascii_graphic()));
    key.map(Some).ok_or_else(|| {
        let detail = format!(
            "Idempotency-Key takes 1 to {IDEMPOTENCY_KEY_BYTES_MAX} visible ASCII characters. \
             Nothing changed."
        );
        ProblemResponse::from(Code::HeaderMalformed).with_detail(detail)
    })
}
