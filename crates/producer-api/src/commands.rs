//! The calls of programs: JSON in, JSON out.

use std::{sync::Arc, time::Duration};

use axum::{
    BoxError,
    body::HttpBody,
    extract::{FromRequest, FromRequestParts, Request, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use domain::{Action, EventId, Outcome, command::REFERENCE_BYTES_MAX, definition};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header, request::Parts};
use http_kit::{
    Ask, Payload, ProblemResponse,
    body::malformed,
    body::must_be_json,
    extract::{self, EventPath},
    openapi::EventParam,
    outcomes::{Known, WAIT_SECS_MAX},
};
use wire::{
    Code, Problem,
    body::{AcceptedBody, BookingBody, HoldBody, JoinBody},
    facts::EventFacts,
    frame::Personal,
    pass::Pass,
    ticket,
};

use crate::{
    api::{Api, Asked, Done, Joining},
    description::{ActProblems, JoinParams, JoinProblems, SeqParam, WaitParam},
};

/// A call for an event that exists, from a page that may make it, with its body.
pub(crate) struct Call {
    event: Arc<EventFacts>,
    headers: HeaderMap,
    uri: Uri,
    payload: Payload,
}

impl FromRequest<Arc<Api>> for Call {
    type Rejection = ProblemResponse;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, ProblemResponse> {
        let (mut parts, body) = request.into_parts();
        let EventPath(id) = EventPath::from_request_parts(&mut parts, api).await?;
        Self::of_head(api, &id, parts)?.with_body(body).await
    }
}

impl Call {
    /// Checks what every call must be; it has no body yet.
    pub(crate) fn of_head(
        api: &Api,
        event: &EventId,
        head: Parts,
    ) -> Result<Self, ProblemResponse> {
        let event = api.event(event)?;
        let (headers, uri) = (head.headers, head.uri);
        api.origins.check(&headers, Ask::IfSaid).map_err(|_| Code::OriginForbidden)?;
        Ok(Self { event, headers, uri, payload: Payload(Bytes::new()) })
    }

    pub(crate) async fn with_body<B>(mut self, body: B) -> Result<Self, ProblemResponse>
    where
        B: HttpBody<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        self.payload = Payload::read(&self.headers, body).await?;
        must_be_json(&self.headers, &self.payload)?;
        Ok(self)
    }
}

pub(crate) type Answer = Result<Response, ProblemResponse>;

/// Joins the line of an event.
///
/// The same browser always gets the same ticket, however often it asks. Without a cookie the answer
/// sets one; a first call that may be repeated should carry an `Idempotency-Key` of at least 20
/// random characters, so that the repetition gets the same cookie and ticket.
#[utoipa::path(post, path = "/api/v1/events/{event}/tickets", tag = "shopper",
    params(EventParam, JoinParams),
    request_body(content = Option<JoinBody>, description = "Optional"),
    responses((status = 202, description = "In the log", body = AcceptedBody), JoinProblems))]
pub(crate) async fn join(State(api): State<Arc<Api>>, call: Call) -> Answer {
    let (event, joining) = joining(&api, call)?;
    joined(&api, &event, joining).await
}

/// Sends the join off. What is left of the request goes here, and does not lie around until the
/// answer: with thousands under way, what lies around is what the next one finds missing in the cache.
pub(crate) fn joining(
    api: &Api,
    call: Call,
) -> Result<(Arc<EventFacts>, Joining), ProblemResponse> {
    let body: JoinBody = call.payload.json_or_default()?;
    let joining = api.join(&call.event, &call.headers, body.attempt)?;
    Ok((call.event, joining))
}

/// Answers once it is durable.
pub(crate) async fn joined(api: &Api, event: &EventFacts, joining: Joining) -> Answer {
    let done = api.joined(event, joining).await?;
    let id = &event.id;
    let stream = format!("/api/v1/events/{id}/stream?seen={}", done.address.offset);
    Ok(accepted(done, Some(stream)))
}

/// Leaves the line.
#[utoipa::path(
    delete,
    path = "/api/v1/events/{event}/ticket",
    tag = "shopper",
    params(EventParam, SeqParam, WaitParam),
    responses(ActProblems)
)]
pub(crate) async fn leave(State(api): State<Arc<Api>>, call: Call) -> Answer {
    act(&api, &call, Action::Leave).await
}

/// Says "I am here": admitted → inside. With `wait` the answer has the pass.
#[utoipa::path(
    post,
    path = "/api/v1/events/{event}/entry",
    tag = "shopper",
    params(EventParam, SeqParam, WaitParam),
    responses(ActProblems)
)]
pub(crate) async fn enter(State(api): State<Arc<Api>>, call: Call) -> Answer {
    act(&api, &call, Action::Enter).await
}

/// Holds seats of a slot; seats held before are kept if these can't be had.
#[utoipa::path(put, path = "/api/v1/events/{event}/hold", tag = "shopper",
    params(EventParam, SeqParam, WaitParam), request_body = HoldBody, responses(ActProblems))]
pub(crate) async fn hold(State(api): State<Arc<Api>>, call: Call) -> Answer {
    let HoldBody { slot, seats } = call.payload.json()?;
    let action = hold_of(&slot, seats)?;
    act(&api, &call, action).await
}

/// Gives held seats back.
#[utoipa::path(
    delete,
    path = "/api/v1/events/{event}/hold",
    tag = "shopper",
    params(EventParam, SeqParam, WaitParam),
    responses(ActProblems)
)]
pub(crate) async fn release(State(api): State<Arc<Api>>, call: Call) -> Answer {
    act(&api, &call, Action::Release).await
}

/// Completes the reservation of the held seats.
#[utoipa::path(put, path = "/api/v1/events/{event}/booking", tag = "shopper",
    params(EventParam, SeqParam, WaitParam),
    request_body(content = Option<BookingBody>, description = "Optional"),
    responses(ActProblems))]
pub(crate) async fn book(State(api): State<Arc<Api>>, call: Call) -> Answer {
    let BookingBody { reference } = call.payload.json_or_default()?;
    let action = book_of(reference)?;
    act(&api, &call, action).await
}

/// Cancels the reservation; its seats return.
#[utoipa::path(
    delete,
    path = "/api/v1/events/{event}/booking",
    tag = "shopper",
    params(EventParam, SeqParam, WaitParam),
    responses(ActProblems)
)]
pub(crate) async fn cancel(State(api): State<Arc<Api>>, call: Call) -> Answer {
    act(&api, &call, Action::Cancel).await
}

/// Seats outside what any ticket may hold are refused here, the rest is the fold's to decide.
pub(crate) fn hold_of(slot: &str, seats: i64) -> Result<Action, ProblemResponse> {
    let slot = slot.parse().map_err(|_| Code::UnknownSlot)?;
    let seats = u32::try_from(seats)
        .ok()
        .filter(|seats| (1..=definition::SEATS_PER_TICKET_MAX).contains(seats));
    Ok(Action::Hold { slot, seats: seats.ok_or(Code::BadSeats)? })
}

pub(crate) fn book_of(reference: Option<String>) -> Result<Action, ProblemResponse> {
    if reference.as_ref().is_some_and(|reference| reference.len() > REFERENCE_BYTES_MAX) {
        return Err(malformed(&format!("reference takes {REFERENCE_BYTES_MAX} bytes at most")));
    }
    Ok(Action::Book { reference: reference.map(Into::into) })
}

async fn act(api: &Api, call: &Call, action: Action) -> Answer {
    let seq = extract::seq(&call.headers)?;
    let wait = wait(&call.uri)?;
    let done = api.act(&call.event, &call.headers, Asked { action, seq, wait }).await?;
    match &done.known {
        Some(known) => outcome(api, &call.event.id, &done, known),
        None => Ok(accepted(done, None)),
    }
}

/// `?wait=2s` or `?wait=500ms`; longer than [`WAIT_SECS_MAX`] is cut.
fn wait(uri: &Uri) -> Result<Option<Duration>, ProblemResponse> {
    let Some(text) = extract::query(uri, "wait") else { return Ok(None) };
    let span = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(ms), _) => extract::parse_seq(ms).map(|ms| Duration::from_millis(ms.into())),
        (None, Some(secs)) => extract::parse_seq(secs).map(|s| Duration::from_secs(s.into())),
        (None, None) => None,
    };
    let span = span.map(|span| span.min(Duration::from_secs(WAIT_SECS_MAX)));
    span.map(Some).ok_or_else(|| {
        let detail = "wait takes a span such as 2s or 500ms. Nothing changed.";
        ProblemResponse::from(Code::HeaderMalformed).with_detail(detail)
    })
}

/// The outcome that was waited for: the personal frame, or its problem.
fn outcome(api: &Api, event: &EventId, done: &Done, known: &Known) -> Answer {
    let Known { told, standing } = known;
    if let Outcome::Refused { refusal } = told.outcome {
        return Err(Problem::from(refusal).into());
    }
    let pass = |until: u64| {
        let ticket = told.ticket.unwrap_or(done.ticket);
        let (expires, issuer) = (until / 1_000, Some(api.issuer.as_str()));
        Some(api.passes.sign(&Pass { event, ticket, jti: ticket, expires, issuer }))
    };
    match Personal::of(&told.outcome, told.seq, *standing, pass) {
        Some(frame) => Ok(json(StatusCode::OK, frame.text())),
        None => Ok(json(StatusCode::ACCEPTED, accepted_text(done, None))),
    }
}

fn accepted(done: Done, stream: Option<String>) -> Response {
    let mut response = json(StatusCode::ACCEPTED, accepted_text(&done, stream));
    if let Some(cookie) = done.cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

fn accepted_text(done: &Done, stream: Option<String>) -> String {
    let (ticket, address) = (ticket::text(done.ticket), done.address);
    let body = AcceptedBody { ticket, offset: address.offset, index: address.index, stream };
    // Text and numbers always become JSON.
    serde_json::to_string(&body).unwrap_or_default()
}

fn json(status: StatusCode, text: String) -> Response {
    let mut response = (status, text).into_response();
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
