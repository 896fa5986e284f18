//! The role's part of the OpenAPI description.

use std::collections::BTreeMap;

use http_kit::openapi::problems;
use utoipa::{
    IntoParams, IntoResponses, OpenApi, PartialSchema,
    openapi::{Content, RefOr, Response, ResponseBuilder},
};
use wire::{
    Code, Problem,
    body::AcceptedBody,
    frame::{Personal, What},
};

use crate::commands;

/// Headers of a join.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct JoinParams {
    /// For a first call without a cookie: at least 20 random characters, the same on every try.
    #[param(rename = "Idempotency-Key", value_type = String, pattern = "^[!-~]{1,128}$", required = false)]
    pub(crate) _key: Option<String>,
}

/// Header of a ticket's command.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct SeqParam {
    /// Number of the command, counted by the client: equal → the stored answer, lower → `stale_seq`.
    #[param(rename = "Twinkle-Seq", value_type = u32, maximum = 4_294_967_295_u64, required = false)]
    pub(crate) _seq: Option<u32>,
}

/// Query of a ticket's command.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WaitParam {
    /// Wait so long for the outcome, 5 s at most: `2s`, `500ms`.
    #[param(rename = "wait", value_type = String, pattern = "^[0-9]{1,9}(s|ms)$", required = false)]
    pub(crate) _wait: Option<String>,
}

const OF_EVERY_CALL: [Code; 7] = [
    Code::UnknownEvent,
    Code::EventArchived,
    Code::OriginForbidden,
    Code::BodyMalformed,
    Code::BodyTooLarge,
    Code::HeaderMalformed,
    Code::Overloaded,
];

pub(crate) struct JoinProblems;

impl IntoResponses for JoinProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let own =
            [Code::EventNotOpen, Code::CookieInvalid, Code::CookieExpired, Code::LogUnavailable];
        problems(&[&OF_EVERY_CALL[..], &own].concat())
    }
}

/// The answers of a command; the conflicts only with `wait`.
pub(crate) struct ActProblems;

impl IntoResponses for ActProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let own = [
            Code::CookieMissing,
            Code::CookieInvalid,
            Code::CookieExpired,
            Code::LogUnavailable,
            Code::EventNotOpen,
            Code::NoTicket,
            Code::TicketEnded,
            Code::NotAdmitted,
            Code::NotInside,
            Code::TurnExpired,
            Code::WindowOver,
            Code::UnknownSlot,
            Code::BadSeats,
            Code::NotEnoughSeats,
            Code::NoHold,
            Code::HoldExpired,
            Code::AlreadyBooked,
            Code::NoBooking,
            Code::StaleSeq,
        ];
        let mut responses = problems(&[&OF_EVERY_CALL[..], &own].concat());
        let accepted = answer::<AcceptedBody>("In the log");
        let known = answer::<Personal>("What became of it, with `wait`");
        responses.extend([("202".to_owned(), accepted), ("200".to_owned(), known)]);
        responses
    }
}

fn answer<T: PartialSchema>(text: &str) -> RefOr<Response> {
    let content = Content::new(Some(T::schema()));
    ResponseBuilder::new().description(text).content("application/json", content).build().into()
}

#[derive(OpenApi)]
#[openapi(
    paths(
        commands::join,
        commands::leave,
        commands::enter,
        commands::hold,
        commands::release,
        commands::book,
        commands::cancel,
    ),
    components(schemas(Problem, Personal, What)),
    tags((name = "shopper", description = "What a shopper's browser or app does"))
)]
struct Description;

/// The calls of this role.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Description::openapi()
}
