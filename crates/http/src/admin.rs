//! The second port: is it alive, is it ready, what did it count.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{StatusCode, header};

use crate::respond::with_fallbacks;

const UNBROKEN: &str = "nothing panics under this lock";

/// What must hold before traffic may come: all latches set.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<Mutex<Vec<Condition>>>);

#[derive(Debug)]
struct Condition {
    name: &'static str,
    met: bool,
    /// Why not, where that is known; never with a secret.
    why: Option<String>,
}

impl Readiness {
    /// Adds a condition, not met yet.
    pub fn latch(&self, name: &'static str) -> Latch {
        let mut latches = self.0.lock().expect(UNBROKEN);
        latches.push(Condition { name, met: false, why: None });
        Latch { readiness: self.clone(), index: latches.len() - 1 }
    }

    /// The conditions that are not met, each as `name` or `name (why)`.
    pub fn missing(&self) -> Vec<String> {
        let latches = self.0.lock().expect(UNBROKEN);
        let missing = latches.iter().filter(|condition| !condition.met);
        let text = |Condition { name, why, .. }: &Condition| match why {
            Some(why) => format!("{name} ({why})"),
            None => (*name).to_owned(),
        };
        missing.map(text).collect()
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
        self.put(met, None);
    }

    /// It is not met, and this is why.
    pub fn fails(&self, why: String) {
        self.put(false, Some(why));
    }

    fn put(&self, met: bool, why: Option<String>) {
        let condition = &mut self.readiness.0.lock().expect(UNBROKEN)[self.index];
        (condition.met, condition.why) = (met, why);
    }
}

/// Renders the metrics in Prometheus' text format.
pub type Render = Arc<dyn Fn() -> String + Send + Sync>;

/// `/livez`, `/readyz` and `/metrics`.
pub fn router(readiness: Readiness, render: Render) -> Router {
    let router = Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .with_state(readiness)
        .route("/metrics", get(metrics))
        .with_state(render);
    with_fallbacks(router)
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
