//! The same commands as HTML forms, for pages without JavaScript.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Request},
    response::{IntoResponse, Response},
};
use domain::{Action, EventId};
use http::{HeaderMap, StatusCode, header};
use http_kit::{
    Ask, Payload, ProblemResponse,
    body::malformed,
    extract::{self, EventPath},
};
use wire::Code;

use crate::{
    api::{Api, Asked, Done},
    commands::{book_of, hold_of},
};

/// A form of the event's page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Join,
    Entry,
    Hold,
    Release,
    Book,
    Cancel,
    Leave,
}

impl Form {
    pub(crate) const ALL: [(Form, &str); 7] = [
        (Form::Join, "join"),
        (Form::Entry, "entry"),
        (Form::Hold, "hold"),
        (Form::Release, "release"),
        (Form::Book, "book"),
        (Form::Cancel, "cancel"),
        (Form::Leave, "leave"),
    ];
}

/// Takes a form and sends the browser back to the event's page, whatever came of it. Only a form of
/// another site, or of no event that can be, is answered with the problem itself.
pub(crate) async fn take(api: Arc<Api>, form: Form, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let event = EventPath::from_request_parts(&mut parts, &api).await;
    let EventPath(id) = match event {
        Ok(event) => event,
        Err(problem) => return problem.into_response(),
    };
    if api.origins.check(&parts.headers, Ask::Always).is_err() {
        return ProblemResponse::from(Code::OriginForbidden).into_response();
    }
    match Payload::read(&parts.headers, body).await {
        Ok(payload) => back(&id, carry_out(&api, form, &id, &parts.headers, &payload).await),
        Err(problem) => back(&id, Err(problem)),
    }
}

async fn carry_out(
    api: &Api,
    form: Form,
    id: &EventId,
    headers: &HeaderMap,
    payload: &Payload,
) -> Result<Done, ProblemResponse> {
    let event = api.event(id)?;
    let action = match form {
        Form::Join => {
            let attempt = number(payload, "attempt")?.unwrap_or(0);
            let attempt = u16::try_from(attempt).unwrap_or(u16::MAX);
            return api.joined(&event, api.join(&event, headers, attempt)?).await;
        }
        Form::Entry => Action::Enter,
        Form::Hold => {
            let slot = payload.field("slot").unwrap_or_default();
            let seats = payload.field("seats").and_then(|seats| seats.trim().parse().ok());
            hold_of(&slot, seats.unwrap_or(0))?
        }
        Form::Release => Action::Release,
        Form::Book => book_of(payload.field("reference").filter(|text| !text.is_empty()))?,
        Form::Cancel => Action::Cancel,
        Form::Leave => Action::Leave,
    };
    let seq = number(payload, "seq")?;
    api.act(&event, headers, Asked { action, seq, wait: None }).await
}

/// A whole number of the form; a field that is empty or not there has none.
fn number(payload: &Payload, name: &str) -> Result<Option<u32>, ProblemResponse> {
    match payload.field(name).filter(|text| !text.is_empty()) {
        Some(text) => match extract::parse_seq(&text) {
            Some(number) => Ok(Some(number)),
            None => Err(malformed(&format!("{name} takes a whole number"))),
        },
        None => Ok(None),
    }
}

/// 303 to the page: it shows the state from the command on, or what went wrong.
fn back(id: &EventId, result: Result<Done, ProblemResponse>) -> Response {
    let (location, cookie) = match result {
        Ok(done) => (format!("/e/{id}?seen={}", done.address.offset), done.cookie),
        Err(problem) => {
            let cookie = problem.header().filter(|(name, _)| *name == header::SET_COOKIE);
            let location = format!("/e/{id}?problem={}", problem.code().as_str());
            (location, cookie.map(|(_, value)| value.clone()))
        }
    };
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response();
    if let Some(cookie) = cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
