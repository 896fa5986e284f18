//! The second port: is it alive, is it ready, what did it count.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{StatusCode, header};

const UNBROKEN: &str = "nothing panics under this lock";

/// What must hold before traffic may come: all latches set.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<Mutex<Vec<(&'static str, bool)>>>);

impl Readiness {
    /// Adds a condition, not met yet.
    pub fn latch(&self, name: &'static str) -> Latch {
        let mut latches = self.0.lock().expect(UNBROKEN);
        latches.push((name, false));
        Latch { readiness: self.clone(), index: latches.len() - 1 }
    }

    /// The names of the conditions that are not met.
    pub fn missing(&self) -> Vec<&'static str> {
        let latches = self.0.lock().expect(UNBROKEN);
        latches.iter().filter(|(_, met)| !met).map(|(name, _)| *name).collect()
    }
}

/// One condition of [`Readiness`].
#[derive(Debug, Clone)]
pub struct Latch {
    readiness: Readiness,
    index: usize,
}

impl Latch {
    pub fn set(&self, met: bool) {
        self.readiness.0.lock().expect(UNBROKEN)[self.index].1 = met;
    }
}

/// Renders the metrics in Prometheus' text format.
pub type Render = Arc<dyn Fn() -> String + Send + Sync>;

/// `/livez`, `/readyz` and `/metrics`.
pub fn router(readiness: Readiness, render: Render) -> Router {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .with_state(readiness)
        .route("/metrics", get(metrics))
        .with_state(render)
}

async fn readyz(State(readiness): State<Readiness>) -> Response {
    let missing = readiness.missing();
    if missing.is_empty() {
        return "ok\n".into_response();
    }
    let text = format!("not ready: {}\n", missing.join(", "));
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}

async fn metrics(State(render): State<Render>) -> Response {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], render()).into_response()
}
