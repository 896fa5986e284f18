//! The role's part of the OpenAPI description.

use std::collections::BTreeMap;

use http_kit::openapi::problems;
use utoipa::{
    IntoParams, IntoResponses, Modify, OpenApi, PartialSchema,
    openapi::{
        Content, RefOr, Response, ResponseBuilder,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use wire::{Code, Problem};

use crate::{
    bodies::{AcceptedBody, OperatorEvent},
    calls,
};

/// The slot of the path.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct SlotParam {
    /// The slot's id.
    #[param(rename = "slot", pattern = "^[a-z0-9-]{1,48}$", example = "1100")]
    pub(crate) _slot: String,
}

const OF_EVERY_CALL: [Code; 2] = [Code::TokenMissing, Code::TokenWrong];

const OF_CHANGES: [Code; 4] =
    [Code::EventArchived, Code::WrongState, Code::Overloaded, Code::LogUnavailable];

type Responses = BTreeMap<String, RefOr<Response>>;

fn of(own: &[&[Code]]) -> Responses {
    problems(&[&OF_EVERY_CALL[..], &own.concat()].concat())
}

fn with_decision(mut responses: Responses) -> Responses {
    let done = answer::<OperatorEvent>("The event as it is now");
    let open = answer::<AcceptedBody>("In the log, not decided in time");
    responses.extend([("200".to_owned(), done), ("202".to_owned(), open)]);
    responses
}

fn answer<T: PartialSchema>(text: &str) -> RefOr<Response> {
    let content = Content::new(Some(T::schema()));
    ResponseBuilder::new().description(text).content("application/json", content).build().into()
}

pub(crate) struct ReadProblems;

impl IntoResponses for ReadProblems {
    fn responses() -> Responses {
        of(&[&[Code::UnknownEvent]])
    }
}

pub(crate) struct StatsProblems;

impl IntoResponses for StatsProblems {
    fn responses() -> Responses {
        of(&[&[Code::UnknownEvent, Code::ViewUnknown]])
    }
}

pub(crate) struct StepProblems;

impl IntoResponses for StepProblems {
    fn responses() -> Responses {
        with_decision(of(&[&[Code::UnknownEvent], &OF_CHANGES]))
    }
}

pub(crate) struct EditProblems;

impl IntoResponses for EditProblems {
    fn responses() -> Responses {
        let own = [
            Code::UnknownEvent,
            Code::UnknownSlot,
            Code::CapacityBelowSold,
            Code::DefinitionInvalid,
            Code::BodyMalformed,
            Code::BodyTooLarge,
            Code::ViewUnknown,
        ];
        with_decision(of(&[&own, &OF_CHANGES]))
    }
}

struct BearerToken;

impl Modify for BearerToken {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = description.components.get_or_insert_default();
        components.add_security_scheme("operator", SecurityScheme::Http(scheme));
    }
}

#[derive(OpenApi)]
#[openapi(
    paths(
        calls::put,
        calls::list,
        calls::show,
        calls::open,
        calls::pause,
        calls::resume,
        calls::close,
        calls::archive,
        calls::admission,
        calls::capacity,
        calls::stats,
    ),
    components(schemas(Problem)),
    modifiers(&BearerToken),
    tags((name = "operator", description = "What the operator does, with the bearer token"))
)]
struct Description;

/// The calls of this role.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Description::openapi()
}
