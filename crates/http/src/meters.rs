//! What the server counts: connections, and each route's requests.
//!
//! The handles of a route are made when it is first called and stay with it: a request looks up
//! nothing and makes no label.

use std::{
    convert::Infallible,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::{
    extract::{MatchedPath, Request},
    response::Response,
};
use futures_util::future::BoxFuture;
use http::{Method, StatusCode};
use meters::{Meter, count, gauge, histogram};
use metrics::{Counter, Histogram, SharedString};
use tower::{Layer, Service};

/// Every server's metrics.
pub const METERS: &[Meter] = &[
    gauge("twinkle_http_connections", "connections", "", "Open connections, sockets among them"),
    count(
        "twinkle_http_connections_turned_away_total",
        "connections",
        "",
        "Connections answered 503 because all places were taken",
    ),
    count(
        "twinkle_http_connections_timed_out_total",
        "connections",
        "",
        "Connections closed because nothing came in time",
    ),
    count("twinkle_http_accept_errors_total", "connections", "", "Connections that were not taken"),
    count("twinkle_http_panics_total", "requests", "", "Requests that ended in a panic"),
    count(
        "twinkle_http_requests_total",
        "requests",
        "route, method, status",
        "Requests answered, by class of status",
    ),
    histogram(
        "twinkle_http_request_seconds",
        "seconds",
        "route, method",
        "Time from a request's head to its answer's head, with `?wait=` what was waited",
    ),
];

/// The label of what has no route.
const NO_ROUTE: &str = "none";
const REQUESTS: &str = "twinkle_http_requests_total";
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Counts a request that no route takes.
pub(crate) fn unrouted() {
    metrics::counter!(REQUESTS, "route" => NO_ROUTE, "method" => NO_ROUTE, "status" => "4xx")
        .increment(1);
}

/// Counts the requests of each route it is laid upon.
#[derive(Debug, Clone, Copy, Default)]
pub struct CountRequests;

impl<S> Layer<S> for CountRequests {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted { inner, route: Arc::default() }
    }
}

/// A route that counts.
#[derive(Clone)]
pub struct Counted<S> {
    inner: S,
    route: Arc<OnceLock<RouteMeter>>,
}

impl<S> std::fmt::Debug for Counted<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counted").finish_non_exhaustive()
    }
}

/// What is counted of one route.
pub struct RouteMeter {
    answered: [Counter; CLASSES.len()],
    seconds: Histogram,
}

impl std::fmt::Debug for RouteMeter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RouteMeter").finish_non_exhaustive()
    }
}

impl RouteMeter {
    fn of(request: &Request) -> Self {
        let path = request.extensions().get::<MatchedPath>();
        // A GET's route takes HEAD, too.
        let head = request.method() == Method::HEAD;
        let method = if head { &Method::GET } else { request.method() };
        Self::new(path.map_or(NO_ROUTE, MatchedPath::as_str), method)
    }

    /// Counts as [`CountRequests`] does for the route of this path.
    pub fn new(path: &str, method: &Method) -> Self {
        let path: SharedString = path.to_owned().into();
        let method: SharedString = method.as_str().to_owned().into();
        let answered = CLASSES.map(|class| {
            let (route, method) = (path.clone(), method.clone());
            metrics::counter!(REQUESTS, "route" => route, "method" => method, "status" => class)
        });
        let seconds = metrics::histogram!(
            "twinkle_http_request_seconds", "route" => path, "method" => method
        );
        Self { answered, seconds }
    }

    /// One more request was answered.
    pub fn answered(&self, status: StatusCode, took: Duration) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(counter) = self.answered.get(class) {
            counter.increment(1);
        }
        self.seconds.record(took);
    }
}

impl<S> Service<Request> for Counted<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let begun = Instant::now();
        self.route.get_or_init(|| RouteMeter::of(&request));
        let (route, answer) = (Arc::clone(&self.route), self.inner.call(request));
        Box::pin(async move {
            let response = answer.await?;
            if let Some(route) = route.get() {
                route.answered(response.status(), begun.elapsed());
            }
            Ok(response)
        })
    }
}
