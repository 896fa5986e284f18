//! One description of the whole HTTP API, made from the roles' own.

use axum::{Json, Router, routing::get};
use utoipa::openapi::{Info, License, OpenApi};

/// The merged description.
pub(crate) fn description() -> OpenApi {
    let mut all = producer_api::openapi();
    all.merge(gateway::openapi());
    all.merge(operator::openapi());
    let mut info = Info::new("Twinkle", env!("CARGO_PKG_VERSION"));
    info.description = Some("Virtual waiting room and time-slot reservations.".to_owned());
    info.license = Some(License::new("Apache-2.0"));
    all.info = info;
    all
}

/// `GET /api/openapi.json`.
pub(crate) fn router() -> Router {
    let description = description();
    Router::new().route("/api/openapi.json", get(async move || Json(description.clone())))
}
