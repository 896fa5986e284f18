//! The operator's calls.

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequestParts, State},
    response::{IntoResponse, Response},
};
use domain::{
    Definition, EventId, Operation, SlotId,
    definition::{CAPACITY_MAX, InvalidDefinition},
};
use http::{StatusCode, request::Parts};
use http_kit::{
    Payload, ProblemResponse,
    extract::{EventPath, path_param},
    openapi::EventParam,
};
use wire::{
    Code,
    definition::{DefinitionBody, parse_json},
    names,
    view::SharedValue,
};

use crate::{
    bodies::{AcceptedBody, AdmissionPatch, CapacityPatch, EventsBody, OperatorEvent, StatsBody},
    description::{EditProblems, ReadProblems, SlotParam, StatsProblems, StepProblems},
    desk::{Decision, Desk},
};

/// Largest definition, in bytes: below what one record of the log takes.
pub const DEFINITION_BYTES_MAX: usize = 128 * 1024;

type Answer = Result<Response, ProblemResponse>;
type At = State<Arc<Desk>>;

/// Makes an event, or edits it all or nothing. The same again changes nothing.
#[utoipa::path(put, path = "/operator/v1/events/{event}", tag = "operator", security(("operator" = [])),
    params(EventParam), request_body = DefinitionBody,
    responses((status = 201, description = "Made", body = OperatorEvent), EditProblems))]
pub(crate) async fn put(
    State(desk): At,
    EventPath(id): EventPath,
    payload: Payload<DEFINITION_BYTES_MAX>,
) -> Answer {
    let definition = parse_json(&payload.0).map_err(|error| invalid(&error.to_string()))?;
    let decision = desk.put(&id, definition).await?;
    answer(&desk, &id, decision)
}

/// All events.
#[utoipa::path(get, path = "/operator/v1/events", tag = "operator", security(("operator" = [])),
    responses((status = 200, description = "In the order of their ids", body = EventsBody), ReadProblems))]
pub(crate) async fn list(State(desk): At) -> Json<EventsBody> {
    let events = desk.parts.directory.list();
    Json(EventsBody { events: events.iter().map(|event| OperatorEvent::new(event)).collect() })
}

/// One event with its whole definition.
#[utoipa::path(get, path = "/operator/v1/events/{event}", tag = "operator", security(("operator" = [])), params(EventParam),
    responses((status = 200, description = "The event", body = OperatorEvent), ReadProblems))]
pub(crate) async fn show(State(desk): At, EventPath(id): EventPath) -> Answer {
    Ok(Json(OperatorEvent::new(&*desk.event(&id).await?)).into_response())
}

macro_rules! steps {
    ($($(#[doc = $doc:literal])+ $name:ident $path:literal $operation:ident)+) => {
        $(
            $(#[doc = $doc])+
            #[utoipa::path(post, path = $path, tag = "operator", security(("operator" = [])), params(EventParam),
                responses(StepProblems))]
            pub(crate) async fn $name(State(desk): At, EventPath(id): EventPath) -> Answer {
                let decision = desk.step(&id, Operation::$operation).await?;
                answer(&desk, &id, decision)
            }
        )+
    };
}

steps! {
    /// Opens an event: people are let in from now on.
    open "/operator/v1/events/{event}/open" Open
    /// Stops letting people in; joins and those inside go on.
    pause "/operator/v1/events/{event}/pause" Pause
    /// Lets people in again.
    resume "/operator/v1/events/{event}/resume" Resume
    /// Ends an event: no more joins, entries and holds.
    close "/operator/v1/events/{event}/close" Close
    /// Puts a closed event away for good; its id is never used again.
    archive "/operator/v1/events/{event}/archive" Archive
}

/// Changes how fast and how many are let in; what is left out stays.
#[utoipa::path(patch, path = "/operator/v1/events/{event}/admission", tag = "operator", security(("operator" = [])),
    params(EventParam), request_body = AdmissionPatch, responses(EditProblems))]
pub(crate) async fn admission(
    State(desk): At,
    EventPath(id): EventPath,
    payload: Payload,
) -> Answer {
    let patch: AdmissionPatch = payload.json()?;
    let turn = desk.turn(&id).await?;
    let event = desk.event(&id).await?;
    let rules = patch.over(event.definition.admission);
    let new = Definition { admission: rules, ..event.definition.clone() };
    new.check().map_err(|error: InvalidDefinition| invalid(&error.to_string()))?;
    let decision = desk.edit(turn, event, Operation::Admission(rules), new).await?;
    answer(&desk, &id, decision)
}

/// Changes the number of seats of a slot.
#[utoipa::path(patch, path = "/operator/v1/events/{event}/slots/{slot}", tag = "operator", security(("operator" = [])),
    params(EventParam, SlotParam), request_body = CapacityPatch, responses(EditProblems))]
pub(crate) async fn capacity(
    State(desk): At,
    EventPath(id): EventPath,
    SlotPath(slot): SlotPath,
    payload: Payload,
) -> Answer {
    let CapacityPatch { capacity } = payload.json()?;
    let capacity = u32::try_from(capacity).ok().filter(|capacity| *capacity <= CAPACITY_MAX);
    let capacity =
        capacity.ok_or_else(|| invalid(&format!("capacity: takes 0 to {CAPACITY_MAX}")))?;
    let turn = desk.turn(&id).await?;
    let event = desk.event(&id).await?;
    let mut new = event.definition.clone();
    new.slots.iter_mut().filter(|at| at.id == slot).for_each(|at| at.capacity = capacity);
    let decision = desk.edit(turn, event, Operation::Capacity { slot, capacity }, new).await?;
    answer(&desk, &id, decision)
}

/// How far an event has come, as the view shows it.
#[utoipa::path(get, path = "/operator/v1/events/{event}/stats", tag = "operator", security(("operator" = [])),
    params(EventParam),
    responses((status = 200, description = "Counts", body = StatsBody), StatsProblems))]
pub(crate) async fn stats(State(desk): At, EventPath(id): EventPath) -> Answer {
    desk.event(&id).await?;
    let shared = desk.parts.view.shared(&id).await.map_err(|error| {
        tracing::warn!(event = %id, %error, "stats can't be read");
        Code::ViewUnknown
    })?;
    let shared = shared.ok_or(Code::ViewUnknown)?;
    let value = SharedValue::decode(&shared.value).map_err(|error| {
        tracing::error!(event = %id, %error, "the view's shared value can't be read");
        Code::ViewUnknown
    })?;
    Ok(Json(StatsBody::new(&id, &shared.head, &value.progress)).into_response())
}

/// The slot of the path, `{slot}` in the route.
pub(crate) struct SlotPath(SlotId);

impl<S: Send + Sync> FromRequestParts<S> for SlotPath {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ProblemResponse> {
        let slot = path_param(parts, state, "slot").await.and_then(|text| text.parse().ok());
        slot.map(Self).ok_or_else(|| Code::UnknownSlot.into())
    }
}

fn invalid(complaint: &str) -> ProblemResponse {
    let detail = format!("The definition is not valid. {complaint}. Nothing changed.");
    ProblemResponse::from(Code::DefinitionInvalid).with_detail(detail)
}

/// 201 or 200 with the event as it is now, 202 while the fold has not decided.
fn answer(desk: &Desk, id: &EventId, decision: Decision) -> Answer {
    match decision {
        Decision::Made(event) => {
            Ok((StatusCode::CREATED, Json(OperatorEvent::new(&event))).into_response())
        }
        Decision::Done(state) => {
            let state = names::event_state(state).to_owned();
            let event = desk.parts.directory.get(id).ok_or(Code::UnknownEvent)?;
            let event = OperatorEvent { state, ..OperatorEvent::new(&event) };
            Ok(Json(event).into_response())
        }
        Decision::Open(address) => {
            Ok((StatusCode::ACCEPTED, Json(AcceptedBody::new(id, address))).into_response())
        }
    }
}
