//! Role `api`: everything that appends to an event's log on behalf of a shopper.
//!
//! It needs the log and the facts about events, and no view: losing Redis doesn't stop joins (R10).

mod api;
mod commands;
mod description;
mod express;
mod flight;
mod forms;
pub mod gate;
mod meters;
pub mod packer;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    routing::{delete, post, put},
};

pub use crate::meters::METERS;
pub use api::{ATTEMPTS_MAX, Parts};
pub use description::openapi;
pub use express::{Express, ExpressLayer};

use crate::{api::Api, forms::Form};

/// The role's routes, and the short cut to be laid around them. To be called within a runtime.
pub fn router(parts: Parts) -> (Router, ExpressLayer) {
    let api = Arc::new(Api::new(parts));
    let mut router = Router::new()
        .route(express::JOIN, post(commands::join))
        .route("/api/v1/events/{event}/ticket", delete(commands::leave))
        .route("/api/v1/events/{event}/entry", post(commands::enter))
        .route("/api/v1/events/{event}/hold", put(commands::hold).delete(commands::release))
        .route("/api/v1/events/{event}/booking", put(commands::book).delete(commands::cancel));
    for (form, name) in Form::ALL {
        let take =
            move |State(api): State<Arc<Api>>, request: Request| forms::take(api, form, request);
        router = router.route(&format!("/e/{{event}}/{name}"), post(take));
    }
    (router.with_state(api.clone()), ExpressLayer::new(api))
}
