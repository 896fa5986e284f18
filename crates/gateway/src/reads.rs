//! What can be read: public facts, a shopper's own state, keys and files.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Uri, header};
use http_kit::{
    ProblemResponse,
    extract::{self, EventPath},
    openapi::EventParam,
};
use wire::{
    Code,
    body::{EventBody, HeadBody, TicketBody},
};

use crate::{
    Gateway,
    description::{EventProblems, SeenParam, TicketProblems},
    hub::Unknown,
    page::Asset,
};

/// How long the pass's keys may be kept, in seconds.
const JWKS_SECS: u32 = 300;

type Answer = Result<Response, ProblemResponse>;

impl From<Unknown> for Code {
    fn from(unknown: Unknown) -> Self {
        match unknown {
            Unknown::NoHead | Unknown::RolledBack | Unknown::Unreachable => Self::ViewUnknown,
            Unknown::Busy => Self::Overloaded,
        }
    }
}

/// Reads the public facts of an event.
#[utoipa::path(get, path = "/api/v1/events/{event}", tag = "shopper", params(EventParam),
    responses((status = 200, description = "What anyone may know", body = EventBody), EventProblems))]
pub(crate) async fn event(
    State(gateway): State<Arc<Gateway>>,
    EventPath(event): EventPath,
) -> Answer {
    let hub = gateway.hubs.get(&event).await?;
    Ok(json(hub.latest().facts(&event)))
}

/// Reads the signed head of the event's log.
///
/// It tells how far the log had come a few seconds ago, with a digest chain over all its records,
/// signed. Whoever keeps it can tell later whether any of them was changed.
#[utoipa::path(get, path = "/api/v1/events/{event}/head", tag = "shop", params(EventParam),
    responses((status = 200, description = "The last signed head", body = HeadBody), EventProblems))]
pub(crate) async fn head(
    State(gateway): State<Arc<Gateway>>,
    EventPath(event): EventPath,
) -> Answer {
    let hub = gateway.hubs.get(&event).await?;
    Ok(json(hub.log_head().ok_or(Code::ViewUnknown)?))
}

/// Reads the shopper's own state.
///
/// With `seen` (the offset that a command was answered with) the state is not older than that
/// command; if the view has not come so far, the answer is `view_unknown`: ask again.
#[utoipa::path(get, path = "/api/v1/events/{event}/ticket", tag = "shopper",
    params(EventParam, SeenParam),
    responses((status = 200, description = "The own state", body = TicketBody), TicketProblems))]
pub(crate) async fn ticket(
    State(gateway): State<Arc<Gateway>>,
    EventPath(event): EventPath,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let hub = gateway.hubs.get(&event).await?;
    let browser = gateway.cookies.read(&headers).map_err(|code| without_cookie(&gateway, code))?;
    let seen = extract::seen(&uri)?;
    let (look, standing) = hub.own(&browser, seen).await.map_err(Code::from)?;
    let value = look.value.ok_or(Code::NoTicket)?;
    let pass = |until| gateway.pass(&event, look.ticket, until);
    let body = TicketBody::new(look.ticket, &value, standing, pass);
    // Text and numbers always become JSON.
    Ok(json(serde_json::to_vec(&body).unwrap_or_default()))
}

/// Reads the public keys of the pass.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "shop",
    responses((status = 200, description = "A JSON Web Key Set (RFC 7517)",
        content_type = "application/json", body = Object)))]
#[allow(dead_code, reason = "it is answered with a text made once; here it is described")]
pub(crate) fn described_jwks() {}

/// The public keys of the pass, as they are sent.
pub(crate) async fn jwks(State(gateway): State<Arc<Gateway>>) -> impl IntoResponse {
    let cache = HeaderValue::try_from(format!("public, max-age={JWKS_SECS}"));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, cache.unwrap_or(HeaderValue::from_static("no-store"))),
        // The shop's pages may check passes in the browser.
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    ];
    (headers, gateway.passes.jwks().to_string())
}

/// A file of the page; its path changes with its content.
pub(crate) fn asset(asset: &'static Asset, headers: &HeaderMap) -> Response {
    let usual = [
        (header::CONTENT_TYPE, asset.content_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::VARY, "accept-encoding"),
    ];
    if takes_gzip(headers) {
        return (usual, [(header::CONTENT_ENCODING, "gzip")], asset.gzip.clone()).into_response();
    }
    (usual, asset.body).into_response()
}

/// Named, and not refused by `q=0`.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
    accepted.flat_map(|text| text.split(',')).any(|coding| {
        let (name, quality) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = quality.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0));
        name.trim() == "gzip" && !refused
    })
}

/// 401, with a cookie that will do next time.
pub(crate) fn without_cookie(gateway: &Gateway, code: Code) -> ProblemResponse {
    let (_, cookie) = gateway.cookies.fresh();
    ProblemResponse::from(code).with_header(header::SET_COOKIE, cookie)
}

fn json(body: impl IntoResponse) -> Response {
    let mut response = body.into_response();
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_goes_to_those_who_take_it() {
        let takes = |text: &'static str| {
            let accepted = [(header::ACCEPT_ENCODING, HeaderValue::from_static(text))];
            takes_gzip(&accepted.into_iter().collect())
        };
        assert!(takes("gzip") && takes("br, gzip;q=0.5, deflate"));
        assert!(
            !takes("br") && !takes("gzip;q=0") && !takes("br, gzip; q=0.0") && !takes("x-gzip")
        );
    }

    #[test]
    fn what_is_compressed_is_the_file() {
        use std::io::Read;
        for asset in crate::page::ASSETS.iter() {
            let mut text = String::new();
            flate2::read::GzDecoder::new(&asset.gzip[..]).read_to_string(&mut text).unwrap();
            assert_eq!(text, asset.body);
        }
    }
}
