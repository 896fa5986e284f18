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
use meters::{Meter, count};
use metrics::counter;

use wire::Code;

pub use calls::DEFINITION_BYTES_MAX;
pub use description::openapi;
pub use desk::Parts;
pub use token::{InvalidToken, TOKEN_BYTES_MIN, Token};

/// The role's routes; all of them need the token.
pub fn router(parts: Parts, token: Token) -> Router {
    let event = "/operator/v1/events/{event}";
    let at = |rest: &str| format!("{event}/{rest}");
    for result in ["done", "refused", "open"] {
        drop(counter!(CHANGES, "result" => result));
    }
    for code in [Code::TokenMissing, Code::TokenWrong] {
        drop(counter!(DENIED, "code" => code.as_str()));
    }
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

/// The role's metrics.
pub const METERS: &[Meter] = &[
    count(CHANGES, "calls", "result", "Operator calls that reached the log"),
    count(DENIED, "calls", "code", "Operator calls without the right token"),
];

const CHANGES: &str = "twinkle_operator_changes_total";
const DENIED: &str = "twinkle_operator_denied_total";
