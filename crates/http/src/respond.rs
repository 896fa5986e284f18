//! Answers one request: checks its head, survives a panic, adds the headers every answer has.

use std::{
    convert::Infallible,
    future::{Future, ready},
    panic::{AssertUnwindSafe, catch_unwind},
};

use axum::{
    Router,
    response::{IntoResponse, Response},
};
use futures_util::{FutureExt, future::Either};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header};
use metrics::counter;
use tower::Service;
use wire::Code;

use crate::{
    meters,
    problem::ProblemResponse,
    settings::{HEAD_BYTES_MAX, HEADERS_MAX},
};

/// Set on every answer.
const ALWAYS: [(HeaderName, &str); 2] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Not `no-referrer`: browsers would then send forms with `Origin: null`.
    (header::REFERRER_POLICY, "same-origin"),
];

/// Set on answers that don't say otherwise.
const USUALLY: [(HeaderName, &str); 2] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
];

/// Two years, the usual span of a promise to stay with https.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000");

/// Adds the answers for addresses and methods that the routes don't have.
pub fn with_fallbacks(router: Router) -> Router {
    router
        .fallback(async || unrouted(Code::NotFound))
        .method_not_allowed_fallback(async || unrouted(Code::MethodNotAllowed))
}

fn unrouted(code: Code) -> ProblemResponse {
    meters::unrouted();
    ProblemResponse::from(code)
}

/// Hands the request over at once: each connection has room for this future, and it holds nothing of
/// the request.
pub(crate) fn respond<S, B>(
    mut service: S,
    request: Request<B>,
    https: bool,
) -> impl Future<Output = Response>
where
    S: Service<Request<B>, Response = Response, Error = Infallible>,
{
    let called = match check_head(&request) {
        Ok(()) => catch_unwind(AssertUnwindSafe(|| service.call(request))).map_err(|_| panicked()),
        Err(problem) => Err(problem.into_response()),
    };
    let answered = match called {
        Ok(answer) => {
            Either::Left(AssertUnwindSafe(answer).catch_unwind().map(|done| match done {
                Ok(Ok(response)) => response,
                Err(_) => panicked(),
            }))
        }
        Err(response) => Either::Right(ready(response)),
    };
    answered.map(move |mut response| {
        secure(response.headers_mut(), https);
        response
    })
}

/// The panic hook has told the log what it was; the client learns only that we failed.
fn panicked() -> Response {
    counter!("twinkle_http_panics_total").increment(1);
    ProblemResponse::from(Code::Internal).into_response()
}

fn check_head<B>(request: &Request<B>) -> Result<(), ProblemResponse> {
    let headers = request.headers();
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let lines = headers.iter().map(|(name, value)| name.as_str().len() + value.len());
    if headers.len() <= HEADERS_MAX && target + lines.sum::<usize>() <= HEAD_BYTES_MAX {
        return Ok(());
    }
    let detail = format!(
        "The head of a request may have {HEADERS_MAX} lines and {HEAD_BYTES_MAX} bytes at most. \
         Nothing changed. Clear the site's cookies if this goes on."
    );
    let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    Err(ProblemResponse::from(Code::HeaderMalformed).with_status(status).with_detail(detail))
}

fn secure(headers: &mut HeaderMap, https: bool) {
    headers.reserve(ALWAYS.len() + USUALLY.len() + 1);
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in USUALLY {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
}
