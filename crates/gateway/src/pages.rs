//! The shopper's page.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use domain::{EventId, EventState, Millis};
use http_kit::{
    ProblemResponse,
    extract::{EventPath, query},
};
use wire::{
    Browser, Code, TicketState, names, ticket,
    view::{SharedValue, Standing, TicketValue},
};

use crate::{
    Gateway,
    hub::{Hub, Unknown},
    look::Look,
    page::{self, PageModel, Place, Texts},
};

/// The page, made for this browser: with its state in it, so that it works without JavaScript.
pub(crate) async fn page(
    State(gateway): State<Arc<Gateway>>,
    event: Result<EventPath, ProblemResponse>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let accept = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let lang = page::choose(accept);
    let hub = match event {
        Ok(EventPath(event)) => gateway.hubs.get(&event).await,
        Err(_) => Err(Code::UnknownEvent),
    };
    match hub {
        Ok(hub) => shoppers_page(&gateway, &hub, lang, &headers, &uri).await,
        Err(code) => trouble(lang, code, &uri),
    }
}

async fn shoppers_page(
    gateway: &Gateway,
    hub: &Hub,
    lang: &'static Texts,
    headers: &HeaderMap,
    uri: &Uri,
) -> Response {
    let seen = query(uri, "seen").and_then(|seen| seen.parse().ok());
    let mut refused = None;
    let (place, cookie) = match gateway.cookies.read(headers) {
        Ok(browser) => {
            let (place, code) = own_place(gateway, hub, &browser, seen).await;
            // A form came back here: what the fold made of it is told on this page.
            refused = code.filter(|_| seen.is_some());
            (place, None)
        }
        Err(_) => (Place::None, Some(gateway.cookies.fresh().1)),
    };
    let problem =
        query(uri, "problem").and_then(|code| Code::parse(&code)).or(refused).map(problem);
    let latest = hub.latest();
    let now = signed(latest.value.progress.at);
    let event = event_model(&hub.event, &latest.value);
    let model = PageModel { lang, event, place, problem, seen, now };
    let mut response = html(StatusCode::OK, page::render(&model));
    if let Some(cookie) = cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// The page for when there is none.
fn trouble(lang: &'static Texts, code: Code, uri: &Uri) -> Response {
    let answer = ProblemResponse::from(code).into_response();
    let path = uri.path_and_query().map(http::uri::PathAndQuery::as_str);
    let retry = path.filter(|_| code.retryable());
    let mut response = html(answer.status(), page::render_trouble(lang, &problem(code), retry));
    if let Some(secs) = answer.headers().get(header::RETRY_AFTER) {
        response.headers_mut().insert(header::RETRY_AFTER, secs.clone());
    }
    response
}

fn html(status: StatusCode, body: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(page::CONTENT_SECURITY_POLICY)),
    ];
    (status, headers, body).into_response()
}

fn problem(code: Code) -> page::Problem {
    page::Problem { code: code.as_str().to_owned(), detail: code.detail().to_owned() }
}

/// Where the browser stands, and why its last numbered command was refused.
async fn own_place(
    gateway: &Gateway,
    hub: &Hub,
    browser: &Browser,
    seen: Option<u64>,
) -> (Place, Option<Code>) {
    match hub.own(browser, seen).await {
        Ok((Look { ticket, value: Some(value), .. }, standing)) => {
            let pass = value.until.and_then(|until| gateway.pass(&hub.event, ticket, until));
            let refused = value.last.and_then(|last| last.code);
            let held = Place::Held(page::Ticket {
                id: ticket::text(ticket),
                attempt: u32::from(value.attempt),
                last_seq: value.last.map_or(0, |last| last.seq),
                state: ticket_state(value, standing, pass),
            });
            (held, refused)
        }
        Ok(_) => (Place::None, None),
        Err(Unknown::NoHead | Unknown::RolledBack | Unknown::Unreachable | Unknown::Busy) => {
            (Place::Unknown, None)
        }
    }
}

fn ticket_state(value: TicketValue, standing: Standing, pass: Option<String>) -> page::TicketState {
    let until = value.until.map(signed);
    match (value.state, value.hold, value.booking) {
        (TicketState::Registered, ..) => page::TicketState::Registered,
        (TicketState::Admitted, ..) => {
            page::TicketState::Admitted { until: until.unwrap_or_default() }
        }
        (TicketState::Holding, Some(hold), _) => {
            let (slot, seats, ends) = (hold.slot.to_string(), hold.seats, signed(hold.until));
            page::TicketState::Holding {
                hold: page::Hold { slot, seats, until: ends },
                until,
                pass,
            }
        }
        (TicketState::Inside | TicketState::Holding, ..) => {
            page::TicketState::Inside { until: until.unwrap_or_default(), pass }
        }
        (TicketState::Booked, _, Some(booking)) => page::TicketState::Booked(page::Booking {
            number: names::booking(booking.id),
            slot: booking.slot.to_string(),
            seats: booking.seats,
            reference: booking.reference.as_deref().map(str::to_owned),
        }),
        (TicketState::Left, ..) => page::TicketState::Left,
        (TicketState::Expired, ..) => page::TicketState::Expired,
        (TicketState::Cancelled, ..) => page::TicketState::Cancelled,
        (TicketState::Waiting | TicketState::Booked, ..) => page::TicketState::Waiting {
            position: value.position,
            ahead: standing.ahead(value.position),
            eta_secs: standing.eta_secs(value.position),
        },
    }
}

fn event_model(id: &EventId, shared: &SharedValue) -> page::Event {
    let SharedValue { definition, progress, .. } = shared;
    let slot = |slot: &wire::view::PublicSlot| {
        let seats = progress.slots.iter().find(|seats| seats.id == slot.id);
        page::Slot {
            id: slot.id.to_string(),
            starts_at: signed(slot.starts_at),
            capacity: seats.map_or(0, |seats| seats.capacity),
            remaining: seats.map(wire::view::SlotProgress::remaining),
        }
    };
    page::Event {
        id: id.to_string(),
        titles: definition.title.clone().into_iter().collect(),
        state: event_state(progress.state),
        time_zone: definition.time_zone.clone(),
        opens_at: definition.opens_at.map(signed),
        return_url: definition.return_url.clone(),
        queue_only: definition.queue_only(),
        slots: definition.slots.iter().map(slot).collect(),
        seats_per_ticket: definition.seats_per_ticket,
        serving: progress.serving,
        total: progress.total,
        rate: progress.rate,
        sold_out: progress.sold_out,
    }
}

fn event_state(state: EventState) -> page::EventState {
    match state {
        EventState::Draft => page::EventState::Draft,
        EventState::Prequeue => page::EventState::Prequeue,
        EventState::Open => page::EventState::Open,
        EventState::Paused => page::EventState::Paused,
        EventState::Closed => page::EventState::Closed,
        EventState::Archived => page::EventState::Archived,
    }
}

/// The page counts in signed milliseconds.
fn signed(at: Millis) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX)
}
