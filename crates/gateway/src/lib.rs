//! Role `gateway`: the page, what anyone may read, a shopper's own state, and the stream.
//!
//! It reads the view and nothing else: never the log. The view may vanish or go back at any moment;
//! then the last frames stay, nobody is let in, and nobody is told that they are not in line (R5).

mod description;
mod hub;
mod hubs;
mod limits;
mod look;
mod meters;
pub mod page;
mod pages;
mod reads;
mod socket;
mod stream;

use std::sync::Arc;

use axum::{Router, routing::get};
use domain::{EventId, Millis, TicketId};
use http::HeaderMap;
use http_kit::{Cookies, Origins};
use ports::{Clock, ViewReader};
use tokio::sync::watch;
use wire::{PassKeys, pass::Pass};

pub use crate::meters::METERS;
pub use description::openapi;
pub use limits::Limits;

use crate::{hubs::Hubs, meters::Meters};

/// What the role needs.
#[derive(Clone)]
pub struct Parts {
    pub view: Arc<dyn ViewReader>,
    pub cookies: Cookies,
    pub origins: Origins,
    pub passes: PassKeys,
    /// Public address of the service, for the pass.
    pub issuer: String,
    pub clock: Arc<dyn Clock>,
    pub limits: Limits,
    /// True: sockets are closed, spread over [`Limits::drain`].
    pub stopped: watch::Receiver<bool>,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// The role.
pub(crate) struct Gateway {
    pub(crate) hubs: Arc<Hubs>,
    pub(crate) cookies: Cookies,
    pub(crate) origins: Origins,
    pub(crate) limits: Limits,
    pub(crate) meters: Arc<Meters>,
    pub(crate) sockets: Arc<tokio::sync::Semaphore>,
    pub(crate) passes: PassKeys,
    issuer: String,
}

/// The role's routes. To be called within a runtime.
pub fn router(parts: Parts) -> Router {
    let gateway = Gateway::new(parts);
    let mut router = Router::new()
        .route("/e/{event}", get(pages::page))
        .route("/api/v1/events/{event}", get(reads::event))
        .route("/api/v1/events/{event}/head", get(reads::head))
        .route("/api/v1/events/{event}/ticket", get(reads::ticket))
        .route("/api/v1/events/{event}/stream", get(stream::stream))
        .route("/.well-known/jwks.json", get(reads::jwks));
    for asset in page::ASSETS.iter() {
        router = router
            .route(&asset.path, get(async |headers: HeaderMap| reads::asset(asset, &headers)));
    }
    router.with_state(Arc::new(gateway))
}

impl Gateway {
    fn new(parts: Parts) -> Self {
        let meters = Arc::new(Meters::default());
        Self {
            hubs: Hubs::new(parts.view, parts.clock, parts.stopped, meters.clone()),
            cookies: parts.cookies,
            origins: parts.origins,
            sockets: Arc::new(tokio::sync::Semaphore::new(parts.limits.sockets_max)),
            limits: parts.limits,
            meters,
            passes: parts.passes,
            issuer: parts.issuer,
        }
    }

    /// The pass of a ticket that is inside until then; the same from every process.
    pub(crate) fn pass(&self, event: &EventId, ticket: TicketId, until: Millis) -> Option<String> {
        let (expires, issuer) = (until / 1_000, Some(self.issuer.as_str()));
        Some(self.passes.sign(&Pass { event, ticket, jti: ticket, expires, issuer }))
    }
}
