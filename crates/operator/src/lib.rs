//! Role `operator`: makes events, edits them, takes them through their life, and tells how they do.
//!
//! The fold decides (R2): a call is appended, its outcome comes back over the live channel, and the
//! fact about a new definition is put only after the fold has agreed.

pub mod bodies;
mod calls;
mod description;
mod desk;
mod first;
mod token;

use std::sync::Arc;

use axum::{
    Router, middleware,
    routing::{get, patch, post, put},
};
use metrics::{Unit, describe_counter};

pub use calls::DEFINITION_BYTES_MAX;
pub use description::openapi;
pub use desk::Parts;
pub use token::{InvalidToken, TOKEN_BYTES_MIN, Token};

/// The role's routes; all of them need the token.
pub fn router(parts: Parts, token: Token) -> Router {
    let event = "/operator/v1/events/{event}";
    let at = |rest: &str| format!("{event}/{rest}");
    Router::new()
        .route("/operator/v1/events", get(calls::list))
        .route(event, put(calls::put).get(calls::show))
        .route(&at("open"), post(calls::open))
        .route(&at("pause"), post(calls::pause))
        .route(&at("resume"), post(calls::resume))
        .route(&at("close"), post(calls::close))
        .route(&at("archive"), post(calls::archive))
        .route(&at("admission"), patch(calls::admission))
        .route(&at("slots/{slot}"), patch(calls::capacity))
        .route(&at("stats"), get(calls::stats))
        .route_layer(middleware::from_fn_with_state(token, token::guard))
        .with_state(Arc::new(desk::Desk::new(parts)))
}

/// Describes the role's metrics to the recorder.
pub fn describe() {
    let (changes, denied) = ("twinkle_operator_changes_total", "twinkle_operator_denied_total");
    describe_counter!(changes, Unit::Count, "operator calls that reached the log, by result");
    describe_counter!(denied, Unit::Count, "operator calls without the right token");
}
