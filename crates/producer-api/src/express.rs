//! Joins ahead of the routes.
//!
//! Nearly all that this role gets in its busiest second are joins. On the way through the routes each
//! is boxed, matched and cloned some twenty times; here it goes straight to its handler. Whatever is
//! not plainly a join takes the routes, and the answers are the same.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use axum::{
    BoxError,
    body::HttpBody,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use domain::EventId;
use futures_util::future::{BoxFuture, Either};
use http::{Method, Request};
use http_kit::{ProblemResponse, RouteMeter};
use tower::{Layer, Service};
use wire::facts::EventFacts;

use crate::{
    api::{Api, Joining},
    commands::{Call, joined, joining},
};

/// The route of a join.
pub(crate) const JOIN: &str = "/api/v1/events/{event}/tickets";

const BEFORE_EVENT: &str = "/api/v1/events/";
const AFTER_EVENT: &str = "/tickets";

/// Lays [`Express`] around routes.
#[derive(Debug, Clone)]
pub struct ExpressLayer(Arc<Joins>);

#[derive(Debug)]
struct Joins {
    api: Arc<Api>,
    meter: RouteMeter,
}

impl ExpressLayer {
    pub(crate) fn new(api: Arc<Api>) -> Self {
        Self(Arc::new(Joins { api, meter: RouteMeter::new(JOIN, &Method::POST) }))
    }
}

impl<S> Layer<S> for ExpressLayer {
    type Service = Express<S>;

    fn layer(&self, routes: S) -> Express<S> {
        Express { joins: self.0.clone(), routes }
    }
}

/// Answers joins itself; the routes answer all else.
#[derive(Debug, Clone)]
pub struct Express<S> {
    joins: Arc<Joins>,
    routes: S,
}

impl<S, B> Service<Request<B>> for Express<S>
where
    S: Service<Request<B>, Response = Response, Error = Infallible>,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Either<BoxFuture<'static, Result<Response, Infallible>>, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.routes.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match joins(&request) {
            Some(event) => Either::Left(self.joins.clone().answer(&event, request)),
            None => Either::Right(self.routes.call(request)),
        }
    }
}

/// The event that a request joins, when it is plainly a join.
fn joins<B>(request: &Request<B>) -> Option<EventId> {
    let path = request.uri().path().strip_prefix(BEFORE_EVENT)?.strip_suffix(AFTER_EVENT)?;
    (request.method() == Method::POST).then(|| path.parse().ok())?
}

impl Joins {
    fn answer<B>(
        self: Arc<Self>,
        event: &EventId,
        request: Request<B>,
    ) -> BoxFuture<'static, Result<Response, Infallible>>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let begun = Instant::now();
        let (head, body) = request.into_parts();
        let call = Call::of_head(&self.api, event, head);
        if body.is_end_stream() {
            // All is there: the join is on its way before anything is kept.
            let sent = call.and_then(|call| joining(&self.api, call));
            return Box::pin(self.finish(begun, sent));
        }
        Box::pin(async move {
            let call = match call {
                Ok(call) => call.with_body(body).await,
                Err(problem) => Err(problem),
            };
            let sent = call.and_then(|call| joining(&self.api, call));
            self.finish(begun, sent).await
        })
    }

    async fn finish(
        self: Arc<Self>,
        begun: Instant,
        sent: Result<(Arc<EventFacts>, Joining), ProblemResponse>,
    ) -> Result<Response, Infallible> {
        let response = match sent {
            Ok((event, joining)) => joined(&self.api, &event, joining).await.into_response(),
            Err(problem) => problem.into_response(),
        };
        self.meter.answered(response.status(), begun.elapsed());
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(method: Method, path: &str) -> Option<String> {
        let request = Request::builder().method(method).uri(path).body(()).unwrap();
        joins(&request).map(|event| event.as_str().to_owned())
    }

    #[test]
    fn only_what_is_plainly_a_join_takes_the_short_cut() {
        let path = JOIN.replace("{event}", "popup");
        assert_eq!(joined(Method::POST, &path).as_deref(), Some("popup"));
        assert_eq!(joined(Method::POST, &format!("{path}?a=b")).as_deref(), Some("popup"));
        assert_eq!(joined(Method::GET, &path), None);
        for path in ["/api/v1/events/%70opup/tickets", "/api/v1/events//tickets", "/tickets"] {
            assert_eq!(joined(Method::POST, path), None, "{path}");
        }
        assert_eq!(joined(Method::POST, "/api/v1/events/popup/tickets/"), None);
        assert_eq!(joined(Method::POST, "/api/v1/events/popup/x/tickets"), None);
    }
}
