//! The stream: `GET …/stream`, a WebSocket.

use std::sync::Arc;

use axum::{
    extract::{State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    response::Response,
};
use http::{HeaderMap, StatusCode, Uri};
use http_kit::{
    Ask, ProblemResponse,
    extract::{self, EventPath},
    openapi::EventParam,
};
use wire::Code;

use crate::{
    Gateway,
    description::{SeenParam, StreamProblems},
    limits::{MESSAGE_BYTES_MAX, READ_BUFFER_BYTES, WRITE_BUFFER_BYTES, WRITE_BUFFER_BYTES_MAX},
    reads,
    socket::Socket,
};

/// Follows an event live, over a WebSocket.
///
/// Text frames, each a JSON object with its `type` first. Shared ones (`progress`, `seats`, `paused`,
/// `resumed`, `sold_out`, `closed`) are the same for all and say which span of the log they cover;
/// the others are the shopper's own state. Frames of unknown types are to be ignored. On connect the
/// whole state comes; `progress` comes each second at least.
#[utoipa::path(get, path = "/api/v1/events/{event}/stream", tag = "shopper",
    params(EventParam, SeenParam),
    responses((status = 101, description = "The stream"), StreamProblems))]
pub(crate) async fn stream(
    State(gateway): State<Arc<Gateway>>,
    EventPath(event): EventPath,
    headers: HeaderMap,
    uri: Uri,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ProblemResponse> {
    // Browsers always name the page that opens a WebSocket. Who names none is a program that holds
    // its cookie itself, so there is nobody's cookie to misuse.
    gateway.origins.check(&headers, Ask::IfSaid).map_err(|_| Code::OriginForbidden)?;
    let hub = gateway.hubs.get(&event).await?;
    let browser = match gateway.cookies.read(&headers) {
        Ok(browser) => Some(browser),
        Err(Code::CookieMissing) => None,
        Err(code) => return Err(reads::without_cookie(&gateway, code)),
    };
    let seen = extract::seen(&uri)?;
    let upgrade = upgrade.map_err(|_| not_a_socket())?;
    let place = gateway.sockets.clone().try_acquire_owned().map_err(|_| Code::Overloaded)?;
    let socket = Box::new(Socket::new(gateway, hub, browser.as_ref(), seen, place));
    Ok(upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX)
        .on_upgrade(|ws| socket.run(ws)))
}

fn not_a_socket() -> ProblemResponse {
    let detail = "This address takes a WebSocket (RFC 6455) only. Nothing changed.";
    ProblemResponse::from(Code::HeaderMalformed)
        .with_status(StatusCode::UPGRADE_REQUIRED)
        .with_detail(detail)
        .with_header(http::header::UPGRADE, http::HeaderValue::from_static("websocket"))
}
