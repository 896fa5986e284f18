//! The stream: `GET …/stream`, a WebSocket.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    response::Response,
};
use http::StatusCode;
use http_kit::{
    Ask, ProblemResponse,
    extract::{self, EventPath},
    openapi::EventParam,
};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        handshake::server::create_response_with_body,
        protocol::{Role, WebSocketConfig},
    },
};
use wire::Code;

use crate::{
    Gateway,
    description::{SeenParam, StreamProblems},
    hub::line::{Line, LineIo},
    limits::{MESSAGE_BYTES_MAX, READ_BUFFER_BYTES, WRITE_BUFFER_BYTES, WRITE_BUFFER_BYTES_MAX},
    reads,
    socket::{Listener, Socket},
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
    mut request: Request,
) -> Result<Response, ProblemResponse> {
    let headers = request.headers();
    // Browsers always name the page that opens a WebSocket. Who names none is a program that holds
    // its cookie itself, so there is nobody's cookie to misuse.
    gateway.origins.check(headers, Ask::IfSaid).map_err(|_| Code::OriginForbidden)?;
    let hub = gateway.hubs.get(&event).await?;
    let browser = match gateway.cookies.read(headers) {
        Ok(browser) => Some(browser),
        Err(Code::CookieMissing) => None,
        Err(code) => return Err(reads::without_cookie(&gateway, code)),
    };
    let seen = extract::seen(request.uri())?;
    let answer = create_response_with_body(&request, Body::empty).map_err(|_| not_a_socket())?;
    let upgrade = hyper::upgrade::on(&mut request);
    let place = gateway.sockets.clone().try_acquire_owned().map_err(|_| Code::Overloaded)?;
    tokio::spawn(listen(upgrade, Listener { gateway, hub, browser, seen, place }));
    Ok(answer)
}

/// Serves the socket once the connection is its own; a browser that left before gets none.
async fn listen(upgrade: OnUpgrade, listener: Listener) {
    let Ok(io) = upgrade.await else { return };
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    // What our own server wraps its connections in is of no use any more, and costs memory.
    let (line, read) = match io.downcast::<TokioIo<http_kit::socket::Socket>>() {
        Ok(parts) => (Line::new(parts.io.into_inner()), parts.read_buf.to_vec()),
        Err(io) => (Line::new(TokioIo::new(io)), Vec::new()),
    };
    let io = LineIo(line.clone());
    let ws = WebSocketStream::from_partially_read(io, read, Role::Server, Some(config)).await;
    // A task of its own: this one's room for the upgrade is given back.
    tokio::spawn(Box::new(Socket::new(listener, line)).run(ws));
}

fn not_a_socket() -> ProblemResponse {
    let detail = "This address takes a WebSocket (RFC 6455) only. Nothing changed.";
    ProblemResponse::from(Code::HeaderMalformed)
        .with_status(StatusCode::UPGRADE_REQUIRED)
        .with_detail(detail)
        .with_header(http::header::UPGRADE, http::HeaderValue::from_static("websocket"))
}
