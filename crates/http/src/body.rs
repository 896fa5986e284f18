//! Request bodies: bounded in size and time.

use std::{pin::pin, task::Poll, time::Duration};

use axum::{
    BoxError,
    body::HttpBody,
    extract::{FromRequest, Request},
};
use bytes::Bytes;
use futures_util::poll;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use wire::Code;

use crate::{problem::ProblemResponse, settings::BODY_SECS};

/// Largest body of a shopper's command, in bytes.
pub const COMMAND_BYTES_MAX: usize = 16 * 1024;

const JSON: &str = "application/json";

/// Longest part of a parser's complaint that an answer repeats, in bytes.
const COMPLAINT_BYTES_MAX: usize = 200;

/// A whole body of at most `MAX` bytes that came within [`BODY_SECS`].
#[derive(Debug, Clone)]
pub struct Payload<const MAX: usize = COMMAND_BYTES_MAX>(pub Bytes);

impl<S: Sync, const MAX: usize> FromRequest<S> for Payload<MAX> {
    type Rejection = ProblemResponse;

    async fn from_request(request: Request, _: &S) -> Result<Self, ProblemResponse> {
        let (parts, body) = request.into_parts();
        Self::read(&parts.headers, body).await
    }
}

fn too_large(max: usize) -> ProblemResponse {
    let detail = format!("This call takes {max} bytes at most. Nothing changed. Send less.");
    ProblemResponse::from(Code::BodyTooLarge).with_detail(detail)
}

impl<const MAX: usize> Payload<MAX> {
    pub async fn read<B>(headers: &HeaderMap, body: B) -> Result<Self, ProblemResponse>
    where
        B: HttpBody<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let length = headers.get(header::CONTENT_LENGTH);
        let length = length.and_then(|text| text.to_str().ok()?.parse::<u64>().ok());
        if length.is_some_and(|length| length > MAX as u64) {
            return Err(too_large(MAX));
        }
        if body.is_end_stream() {
            return Ok(Self(Bytes::new()));
        }
        // Boxed: requests without a body would carry the room for it.
        Box::pin(Self::collect(body)).await
    }

    async fn collect<B>(body: B) -> Result<Self, ProblemResponse>
    where
        B: HttpBody<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let mut whole = pin!(Limited::new(body, MAX).collect());
        let whole = match poll!(whole.as_mut()) {
            Poll::Ready(whole) => Ok(whole),
            // Few bodies are not there with their head. Boxed, since a timer is large.
            Poll::Pending => Box::pin(timeout(Duration::from_secs(BODY_SECS), whole)).await,
        };
        match whole {
            Ok(Ok(body)) => Ok(Self(body.to_bytes())),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(MAX)),
            Ok(Err(_)) => Err(Code::BodyMalformed.into()),
            Err(_) => {
                let detail = format!("The body did not come within {BODY_SECS} s. Send it again.");
                Err(ProblemResponse::from(Code::BodyMalformed).with_detail(detail))
            }
        }
    }

    /// A JSON object. (A struct could be read from an array, too, which nobody means.)
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ProblemResponse> {
        if self.0.trim_ascii_start().first() != Some(&b'{') {
            return Err(malformed("a JSON object is expected"));
        }
        serde_json::from_slice(&self.0).map_err(|error| malformed(&error.to_string()))
    }

    /// As [`json`](Self::json); no body at all, or `null`, stands for the default.
    pub fn json_or_default<T: DeserializeOwned + Default>(&self) -> Result<T, ProblemResponse> {
        if matches!(self.0.trim_ascii(), b"" | b"null") { Ok(T::default()) } else { self.json() }
    }

    /// The first value of a field of a form.
    pub fn field(&self, name: &str) -> Option<String> {
        let mut fields = form_urlencoded::parse(&self.0);
        fields.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

/// Refuses a body that says of itself to be something else than JSON.
///
/// Pages of other sites can send a few plain types without asking; JSON is not among them.
pub fn must_be_json(headers: &HeaderMap, payload: &Payload) -> Result<(), ProblemResponse> {
    let kind = headers.get(header::CONTENT_TYPE).filter(|_| !payload.0.is_empty());
    let json = |kind: &str| kind.split(';').next().is_some_and(|kind| kind.trim() == JSON);
    match kind {
        Some(kind) if !kind.to_str().is_ok_and(json) => {
            Err(malformed(&format!("its Content-Type must be {JSON}")))
        }
        _ => Ok(()),
    }
}

/// A body that can't be read, with what the parser says of it.
pub fn malformed(complaint: &str) -> ProblemResponse {
    let end = complaint.floor_char_boundary(COMPLAINT_BYTES_MAX);
    let detail = format!("The body can't be read: {}. Nothing changed.", &complaint[..end]);
    ProblemResponse::from(Code::BodyMalformed).with_detail(detail)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, convert::Infallible};

    use axum::body::Body;
    use futures_util::stream;

    use super::*;

    async fn read<const MAX: usize>(body: Body) -> Result<Bytes, Code> {
        let payload = Payload::<MAX>::from_request(Request::new(body), &()).await;
        payload.map(|Payload(bytes)| bytes).map_err(|problem| problem.code())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_given_up() {
        let never = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        assert_eq!(read::<10>(never).await, Err(Code::BodyMalformed));
    }

    #[tokio::test]
    async fn a_body_counts_by_its_bytes_and_not_by_what_it_says_of_itself() {
        let chunks = |count| stream::iter(vec![Ok::<_, Infallible>("12345"); count]);
        assert_eq!(read::<10>(Body::from_stream(chunks(2))).await, Ok("1234512345".into()));
        assert_eq!(read::<9>(Body::from_stream(chunks(2))).await, Err(Code::BodyTooLarge));
    }

    #[test]
    fn the_complaint_about_a_body_is_short_and_whole() {
        let long = format!("{{\"attempt\": \"{}\"}}", "ü".repeat(5_000));
        let error = Payload::<100_000>(long.into()).json::<BTreeMap<String, u8>>().unwrap_err();
        assert_eq!(error.code(), Code::BodyMalformed);
        let none = Payload::<10>(Bytes::new());
        assert_eq!(none.json_or_default::<u8>().unwrap(), 0);
        assert!(none.json::<BTreeMap<String, u8>>().is_err());
        assert!(Payload::<10>("[]".into()).json::<Vec<u8>>().is_err());
        assert!(Payload::<10>(" {\"a\":1}".into()).json::<BTreeMap<String, u8>>().is_ok());
    }

    #[test]
    fn a_body_that_says_to_be_no_json_is_refused() {
        let refused = |kind: &'static str, body: &'static str| {
            let headers = [(header::CONTENT_TYPE, http::HeaderValue::from_static(kind))];
            must_be_json(&headers.into_iter().collect(), &Payload(body.into())).is_err()
        };
        assert!(refused("text/plain", "{}"));
        assert!(refused("application/jsonx", "{}"));
        assert!(!refused("text/plain", ""));
        assert!(!refused("application/json; charset=utf-8", "{}"));
        assert!(must_be_json(&HeaderMap::new(), &Payload("{}".into())).is_ok());
    }

    #[test]
    fn a_form_gives_its_fields_decoded() {
        let form = Payload::<100>("slot=11%3A00&seats=2&slot=x&name=a+b".into());
        assert_eq!(form.field("slot").as_deref(), Some("11:00"));
        assert_eq!(form.field("name").as_deref(), Some("a b"));
        assert_eq!(form.field("seq"), None);
    }
}
