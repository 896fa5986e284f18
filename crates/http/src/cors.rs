//! What browsers let pages of other origins read.

use std::time::Duration;

use http::{HeaderValue, Method, header};
use tower_http::cors::CorsLayer;

use crate::{
    extract::{IDEMPOTENCY_KEY, SEQ},
    origin::Origins,
};

/// How long a browser remembers what it may do, in seconds.
const REMEMBER_SECS: u64 = 600;

impl Origins {
    /// Lets the pages of further origins call with the cookie; `None` where there are none.
    ///
    /// This only opens answers to them: which page may send a command is decided by
    /// [`check`](Self::check).
    pub fn cors(&self) -> Option<CorsLayer> {
        let further: Vec<HeaderValue> =
            self.further().iter().filter_map(|origin| origin.parse().ok()).collect();
        (!further.is_empty()).then(|| {
            CorsLayer::new()
                .allow_origin(further)
                .allow_credentials(true)
                .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
                .allow_headers([header::CONTENT_TYPE, IDEMPOTENCY_KEY, SEQ])
                .expose_headers([header::RETRY_AFTER])
                .max_age(Duration::from_secs(REMEMBER_SECS))
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, routing::put};
    use http::{Request, Response};
    use tower::ServiceExt;

    use super::*;

    fn origins(further: &[&str]) -> Origins {
        let further: Vec<_> = further.iter().map(|url| url.parse().unwrap()).collect();
        Origins::new(&"https://wait.shop.example".parse().unwrap(), &further)
    }

    async fn preflight(origins: &Origins, origin: &str) -> Response<Body> {
        let router = Router::new().route("/", put(async || ""));
        let router = match origins.cors() {
            Some(cors) => router.layer(cors),
            None => router,
        };
        let request = Request::options("/")
            .header(header::ORIGIN, origin)
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "PUT")
            .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "twinkle-seq");
        router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    fn allowed(response: &Response<Body>) -> Option<&str> {
        response.headers().get(header::ACCESS_CONTROL_ALLOW_ORIGIN)?.to_str().ok()
    }

    #[tokio::test]
    async fn only_configured_pages_may_read_answers() {
        let origins = origins(&["https://shop.example"]);
        let shop = preflight(&origins, "https://shop.example").await;
        assert_eq!(allowed(&shop), Some("https://shop.example"));
        assert_eq!(shop.headers()[header::ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        assert_eq!(allowed(&preflight(&origins, "https://evil.example").await), None);
        assert_eq!(allowed(&preflight(&origins, "null").await), None);
    }

    #[test]
    fn without_further_origins_nothing_is_opened() {
        assert!(origins(&[]).cors().is_none());
    }
}
