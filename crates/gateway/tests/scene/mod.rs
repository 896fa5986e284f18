//! A gateway on a real port, over a view in memory that a pretended owner writes.

#![allow(dead_code, unreachable_pub, reason = "each test uses its part")]

pub mod owner;
pub mod socket;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, http::Request};
use http_body_util::BodyExt;
use http_kit::{Cookies, Origins, PublicUrl, Settings, listen, serve};
use ports::{
    SystemClock,
    memory::{Faults, MemoryView},
};
use serde_json::Value;
use tokio::sync::watch;
use tower::ServiceExt;
use twinkle_gateway::{Limits, Parts, router};
use wire::{Browser, CookieKeys, PassKeys, format_key};

pub use owner::Owner;
pub use socket::Socket;

/// Longest wait for what must happen.
pub const WAIT: Duration = Duration::from_secs(10);

/// The address that the service thinks it has.
pub const ORIGIN: &str = "http://127.0.0.1:8080";

pub const EVENT_PATH: &str = "/api/v1/events/popup";

/// Seconds since the epoch at which test cookies end.
const COOKIE_ENDS: u64 = 99_999_999_999;

pub fn cookie_keys() -> CookieKeys {
    CookieKeys::parse(&format_key("k", &[7; 32])).unwrap()
}

pub fn browser(number: u16) -> Browser {
    let mut bytes = [0xb0; 16];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    Browser::from_random(bytes)
}

pub fn cookie(browser: &Browser) -> String {
    format!("twinkle={}", cookie_keys().sign(browser, COOKIE_ENDS))
}

/// The gateway under test and all around it.
pub struct Scene {
    pub view: MemoryView,
    pub owner: Owner,
    pub router: Router,
    pub stop: watch::Sender<bool>,
    address: Option<SocketAddr>,
}

/// What a request was answered with.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: axum::http::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Scene {
    /// An open event with two slots that the view knows.
    pub async fn new() -> Self {
        Self::with(Limits::default(), Faults::default()).await
    }

    pub async fn with(limits: Limits, faults: Faults) -> Self {
        let scene = Self::empty(limits, faults);
        scene.owner.build().await;
        scene
    }

    /// Nothing is in the view yet.
    pub fn empty(limits: Limits, faults: Faults) -> Self {
        let view = MemoryView::with_faults(faults);
        let clock = Arc::new(SystemClock);
        let public: PublicUrl = ORIGIN.parse().unwrap();
        let (stop, stopped) = watch::channel(false);
        let router = router(Parts {
            view: Arc::new(view.clone()),
            cookies: Cookies::new(cookie_keys(), &public, clock.clone()),
            origins: Origins::new(&public, &["https://shop.example".parse().unwrap()]),
            passes: PassKeys::parse(&format_key("p", &[9; 32])).unwrap(),
            issuer: ORIGIN.to_owned(),
            clock,
            limits,
            stopped,
        });
        Self { owner: Owner::new(view.clone()), view, router, stop, address: None }
    }

    /// Serves on a real port from now on.
    pub fn serve(&mut self) -> SocketAddr {
        *self.address.get_or_insert_with(|| {
            let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
            let address = listener.local_addr().unwrap();
            let settings = Settings::default();
            tokio::spawn(serve(listener, self.router.clone(), settings, std::future::pending()));
            address
        })
    }

    /// A socket of a browser, or of one without a cookie.
    pub async fn socket(&mut self, browser: Option<&Browser>) -> Socket {
        self.socket_at("/stream", browser).await
    }

    pub async fn socket_at(&mut self, rest: &str, browser: Option<&Browser>) -> Socket {
        let cookie = browser.map(cookie);
        let address = self.serve();
        Socket::dial(address, &format!("{EVENT_PATH}{rest}"), cookie.as_deref(), Some(ORIGIN))
            .await
            .expect("the stream opens")
    }

    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).expect("all answers are text");
        Answer { status: parts.status.as_u16(), headers: parts.headers, text }
    }

    /// What a browser reads of its own state.
    pub async fn own(&self, rest: &str, browser: &Browser) -> Answer {
        self.get(&format!("{EVENT_PATH}{rest}"), &[("cookie", &cookie(browser))]).await
    }
}
