//! Errors as answers: `application/problem+json`, with `Retry-After` where trying again helps.

use std::ops::RangeInclusive;

use axum::response::{IntoResponse, Response};
use domain::Refusal;
use http::{HeaderName, HeaderValue, StatusCode, header};
use wire::{Code, Problem, problem::CONTENT_TYPE};

use crate::jitter::jitter;

/// An answer that is an error.
#[derive(Debug)]
pub struct ProblemResponse {
    problem: Box<Problem>,
    header: Option<(HeaderName, HeaderValue)>,
}

impl ProblemResponse {
    pub fn code(&self) -> Code {
        self.problem.code
    }

    /// The header added with [`with_header`](Self::with_header).
    pub fn header(&self) -> Option<&(HeaderName, HeaderValue)> {
        self.header.as_ref()
    }

    /// Replaces the code's own sentence by one that knows more.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.problem.detail = detail.into();
        self
    }

    /// Another status than the code's own.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.problem.status = status.as_u16();
        self
    }

    /// Adds one header, such as a fresh cookie.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some((name, value));
        self
    }
}

impl From<Problem> for ProblemResponse {
    fn from(problem: Problem) -> Self {
        Self { problem: Box::new(problem), header: None }
    }
}

impl From<Code> for ProblemResponse {
    fn from(code: Code) -> Self {
        Problem::new(code).into()
    }
}

impl From<Refusal> for ProblemResponse {
    fn from(refusal: Refusal) -> Self {
        Problem::from(refusal).into()
    }
}

impl IntoResponse for ProblemResponse {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status);
        // A problem is text and numbers, which always become JSON.
        let body = serde_json::to_vec(&self.problem).unwrap_or_default();
        let mut response =
            (status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        if let Some(range) = retry_secs(self.problem.code) {
            headers.insert(header::RETRY_AFTER, jitter(range).into());
        }
        if let Some((name, value)) = self.header {
            headers.insert(name, value);
        }
        response
    }
}

/// When to come back, in seconds: a span, so that all who were turned away don't return at once.
pub(crate) fn retry_secs(code: Code) -> Option<RangeInclusive<u64>> {
    match code {
        Code::Overloaded => Some(1..=5),
        Code::LogUnavailable => Some(2..=6),
        Code::ViewUnknown => Some(1..=3),
        Code::TooManyRequests => Some(2..=10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_tried_again_says_when_and_not_always_the_same() {
        for code in Code::ALL.iter().copied() {
            let answer = || ProblemResponse::from(code).into_response();
            let response = answer();
            assert_eq!(response.status().as_u16(), code.status());
            assert_eq!(response.headers()[header::CONTENT_TYPE], CONTENT_TYPE);
            let busy = matches!(code.status(), 429 | 503);
            assert_eq!(response.headers().contains_key(header::RETRY_AFTER), busy, "{code:?}");
            let mut waits = (0..100).map(|_| answer().headers().get(header::RETRY_AFTER).cloned());
            assert_eq!(
                waits.any(|wait| wait.as_ref() != response.headers().get("retry-after")),
                busy
            );
        }
    }
}
