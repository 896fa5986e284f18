//! The role's part of the OpenAPI description.

use std::collections::BTreeMap;

use http_kit::openapi::problems;
use utoipa::{
    IntoParams, IntoResponses, OpenApi,
    openapi::{Content, Ref, RefOr, Response, ResponseBuilder},
};
use wire::{Code, Problem, problem::CONTENT_TYPE};

use crate::{reads, stream};

/// Query of what depends on the view.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SeenParam {
    /// The highest `offset` that a command of this browser was answered with.
    #[param(rename = "seen", value_type = u64, required = false)]
    pub(crate) _seen: Option<u64>,
}

const OF_EVERY_READ: [Code; 3] = [Code::UnknownEvent, Code::ViewUnknown, Code::Overloaded];

pub(crate) struct EventProblems;

impl IntoResponses for EventProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&OF_EVERY_READ)
    }
}

pub(crate) struct TicketProblems;

impl IntoResponses for TicketProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let own = [
            Code::NoTicket,
            Code::CookieMissing,
            Code::CookieInvalid,
            Code::CookieExpired,
            Code::HeaderMalformed,
        ];
        problems(&[&OF_EVERY_READ[..], &own].concat())
    }
}

pub(crate) struct StreamProblems;

impl IntoResponses for StreamProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let own = [
            Code::CookieInvalid,
            Code::CookieExpired,
            Code::OriginForbidden,
            Code::HeaderMalformed,
        ];
        let mut responses = problems(&[&OF_EVERY_READ[..], &own].concat());
        let no_socket = ResponseBuilder::new().description("Not a WebSocket's handshake");
        let content = Content::new(Some(Ref::from_schema_name("Problem")));
        let no_socket = no_socket.content(CONTENT_TYPE, content).build();
        responses.insert("426".to_owned(), no_socket.into());
        responses
    }
}

#[derive(OpenApi)]
#[openapi(
    paths(reads::event, reads::head, reads::ticket, reads::described_jwks, stream::stream),
    components(schemas(Problem)),
    tags(
        (name = "shopper", description = "What a shopper's browser or app does"),
        (name = "shop", description = "What the shop's own pages need"),
    )
)]
struct Description;

/// The calls of this role.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Description::openapi()
}
