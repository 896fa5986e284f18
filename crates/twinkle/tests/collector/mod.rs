//! A collector that takes OTLP over HTTP in JSON and keeps the spans.

use std::sync::{Arc, Mutex};

use axum::{Json, Router, extract::State, routing::post};
use serde_json::{Value, json};

#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) name: String,
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    /// Roles of the process that it is from.
    pub(crate) roles: String,
}

pub(crate) struct Collector {
    port: u16,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let spans = Arc::new(Mutex::new(Vec::new()));
        let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&spans));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { port, spans }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        self.spans.lock().expect("unbroken").clone()
    }
}

async fn take(State(kept): State<Arc<Mutex<Vec<Span>>>>, Json(body): Json<Value>) -> Json<Value> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for resource in list(&body["resourceSpans"]) {
        let attributes = list(&resource["resource"]["attributes"]);
        let roles = attributes.iter().find(|attribute| attribute["key"] == "twinkle.roles");
        let roles = roles.map(|roles| text(&roles["value"]["stringValue"])).unwrap_or_default();
        for scope in list(&resource["scopeSpans"]) {
            let spans = list(&scope["spans"]);
            kept.lock().expect("unbroken").extend(spans.iter().map(|span| Span {
                name: text(&span["name"]),
                trace: text(&span["traceId"]),
                id: text(&span["spanId"]),
                parent: text(&span["parentSpanId"]),
                roles: roles.clone(),
            }));
        }
    }
    Json(json!({}))
}

/// Spans of these names, each the child of the one before.
pub(crate) fn chain(spans: &[Span], names: &[&str]) -> Option<Vec<Span>> {
    let (first, rest) = names.split_first()?;
    let begin = spans.iter().filter(|span| span.name == *first);
    begin.filter_map(|begin| follow(spans, vec![begin.clone()], rest)).next()
}

fn follow(spans: &[Span], chain: Vec<Span>, names: &[&str]) -> Option<Vec<Span>> {
    let Some((name, rest)) = names.split_first() else { return Some(chain) };
    let last = chain.last()?.id.clone();
    let next = spans.iter().filter(|span| span.name == *name && span.parent == last);
    next.filter_map(|next| follow(spans, [&chain[..], std::slice::from_ref(next)].concat(), rest))
        .next()
}
