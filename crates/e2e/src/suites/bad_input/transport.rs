//! Requests that are broken as such: bodies, headers, paths, bytes, frames.

use std::{collections::BTreeSet, time::Duration};

use anyhow::Result;
use futures_util::{SinkExt, StreamExt, future::try_join_all};
use reqwest::Method;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::{EVENT, Scene, refused};
use crate::{
    calls::{Answer, Role, send},
    raw,
    report::Report,
};

const MEGABYTE: usize = 1024 * 1024;
/// Half-sent headers must be closed after so long at most.
const HALF_SENT_SECS_MAX: u64 = 15;
const CLOSE_SECS_MAX: u64 = 5;
const RAW_SECS_MAX: u64 = 3;

pub async fn check(scene: &Scene, report: &mut Report) -> Result<()> {
    bodies(scene, report).await;
    large_body(scene, report).await?;
    headers(scene, report).await;
    addresses(scene, report).await;
    bytes(scene, report).await?;
    frames(scene, report).await
}

/// A command of the one inside, with any body and content type.
async fn with_body(scene: &Scene, path: &str, kind: &str, body: String) -> Result<Answer> {
    let method = if path == "/tickets" { Method::POST } else { Method::PUT };
    let request = scene.caller.raw(Role::Api, method, &scene.inside.path(path));
    let request = request.header("origin", &scene.caller.origin).header("content-type", kind);
    let request = request.header("cookie", scene.inside.cookie.clone().unwrap_or_default());
    send(request.body(body)).await
}

async fn bodies(scene: &Scene, report: &mut Report) {
    const JSON: &str = "application/json";
    let bad = [
        ("malformed JSON", "/hold", JSON, "{\"slot\":"),
        ("no JSON at all", "/hold", JSON, "slot=s0"),
        ("an empty body", "/hold", JSON, ""),
        ("a field missing", "/hold", JSON, r#"{"slot":"s0"}"#),
        ("a field of the wrong type", "/hold", JSON, r#"{"slot":"s0","seats":"two"}"#),
        ("half a seat", "/hold", JSON, r#"{"slot":"s0","seats":1.5}"#),
        ("an array", "/hold", JSON, "[]"),
        ("a wrong content type", "/hold", "text/plain", r#"{"slot":"s0","seats":1}"#),
        ("a join with malformed JSON", "/tickets", JSON, "{"),
        ("a join with a negative attempt", "/tickets", JSON, r#"{"attempt":-1}"#),
    ];
    for (what, path, kind, body) in bad {
        let answer = with_body(scene, path, kind, body.to_owned()).await;
        refused(report, what, &answer, 400, "body_malformed");
    }
    let long = format!(r#"{{"reference":"{}"}}"#, "x".repeat(129));
    let answer = with_body(scene, "/booking", JSON, long).await;
    refused(report, "a reference of 129 bytes", &answer, 400, "body_malformed");
}

/// A client that has sent everything before it reads is told, and not just cut off.
async fn large_body(scene: &Scene, report: &mut Report) -> Result<()> {
    let body = format!(r#"{{"slot":"{}","seats":1}}"#, "s".repeat(MEGABYTE));
    let request = format!(
        "PUT {} HTTP/1.1\r\nhost: a\r\ncookie: {}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        scene.inside.path("/hold"),
        scene.inside.cookie.as_deref().unwrap_or_default(),
        body.len()
    );
    let url = scene.caller.bases.pick(Role::Api).url.clone();
    let said = raw::send(&url, request.as_bytes(), Duration::from_secs(RAW_SECS_MAX)).await?;
    let told = said.statuses() == [413] && said.text.contains(r#""code":"body_too_large""#);
    report.check(format!("a body of 1 MB gets 413 body_too_large: {said:?}"), told);
    Ok(())
}

async fn headers(scene: &Scene, report: &mut Report) {
    let long = "k".repeat(129);
    let bad = [
        ("a seq that is no number", "twinkle-seq", "one"),
        ("a negative seq", "twinkle-seq", "-1"),
        ("a seq above 2^32", "twinkle-seq", "4294967296"),
        ("an empty idempotency key", "idempotency-key", ""),
        ("an idempotency key of 129 characters", "idempotency-key", long.as_str()),
    ];
    for (what, name, value) in bad {
        let path = scene.inside.path("/hold");
        let request = scene.caller.raw(Role::Api, Method::DELETE, &path);
        let request = request.header("origin", &scene.caller.origin).header(name, value);
        let request = request.header("cookie", scene.inside.cookie.clone().unwrap_or_default());
        refused(report, what, &send(request).await, 400, "header_malformed");
    }
}

async fn addresses(scene: &Scene, report: &mut Report) {
    let caller = &scene.caller;
    let call = async |role: Role, method: &Method, path: &str| {
        let request = caller.raw(role, method.clone(), path).header("origin", &caller.origin);
        send(request.header("cookie", scene.inside.cookie.clone().unwrap_or_default())).await
    };
    let (get, post, put) = (Method::GET, Method::POST, Method::PUT);
    for (role, method, path) in [
        (Role::Gateway, &get, "/api/v1/events/nope"),
        (Role::Gateway, &get, "/api/v1/events/nope/ticket"),
        (Role::Api, &post, "/api/v1/events/nope/tickets"),
        (Role::Api, &post, "/api/v1/events/nope/entry"),
        (Role::Gateway, &get, "/api/v1/events/NOT%20AN%20ID"),
        (Role::Api, &post, "/api/v1/events/NOT%20AN%20ID/tickets"),
    ] {
        let answer = call(role, method, path).await;
        refused(report, &format!("unknown event, {method} {path}"), &answer, 404, "unknown_event");
    }
    for role in [Role::Api, Role::Gateway, Role::Operator] {
        let answer = call(role, &get, "/no/such/path").await;
        refused(report, &format!("an unknown path at {role:?}"), &answer, 404, "not_found");
    }
    let (hold, facts) = (scene.inside.path("/hold"), scene.inside.path(""));
    for (role, method, path) in [
        (Role::Api, &Method::PATCH, hold.as_str()),
        (Role::Gateway, &Method::PATCH, facts.as_str()),
        (Role::Operator, &Method::PATCH, "/operator/v1/events"),
    ] {
        let answer = call(role, method, path).await;
        let what = format!("an unknown method, {method} {path}");
        refused(report, &what, &answer, 405, "method_not_allowed");
        let allow = answer.ok().and_then(|answer| answer.header("allow").map(str::to_owned));
        report.check(format!("{what} names the ones there are"), allow.is_some());
    }
    let answer = call(Role::Gateway, &put, &scene.inside.path("/ticket?seen=never")).await;
    report.check("a PUT of one's own state is no call", answer.is_ok_and(|a| a.status >= 400));
    let answer = call(Role::Gateway, &get, &scene.inside.path("/ticket?seen=never")).await;
    refused(report, "a `seen` that is no offset", &answer, 400, "header_malformed");
}

async fn bytes(scene: &Scene, report: &mut Report) -> Result<()> {
    let urls = [Role::Api, Role::Gateway, Role::Operator]
        .map(|role| scene.caller.bases.of(role)[0].url.clone());
    let urls = BTreeSet::from(urls);
    let half = format!("GET /api/v1/events/{EVENT} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-half: ");
    let limit = Duration::from_secs(HALF_SENT_SECS_MAX + 5);
    let halves = urls.iter().map(|url| raw::send(url, half.as_bytes(), limit));
    for (url, said) in urls.iter().zip(try_join_all(halves).await?) {
        let fine = said.closed && said.took.as_secs() <= HALF_SENT_SECS_MAX;
        report.check(format!("half-sent headers are closed in time at {url}: {said:?}"), fine);
    }
    for url in &urls {
        let garbage = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 not http\r\n\r\n";
        refused_bytes(report, url, "garbage", garbage, &[400]).await?;
        let two = "GET /.well-known/nothing HTTP/1.1\r\nhost: a\r\n\r\n\x00\x01 garbage\r\n\r\n";
        refused_bytes(report, url, "garbage after a request", two.as_bytes(), &[400, 404]).await?;
        let head = |line: &str| format!("{line}\r\nhost: a\r\n\r\n");
        let long_url = head(&format!("GET /{} HTTP/1.1", "a".repeat(100_000)));
        let status = [400, 414, 431];
        refused_bytes(report, url, "a URL of 100 kB", long_url.as_bytes(), &status).await?;
        let long_header = head(&format!("GET / HTTP/1.1\r\nx-long: {}", "a".repeat(100_000)));
        refused_bytes(report, url, "a header of 100 kB", long_header.as_bytes(), &status).await?;
        let many = head(&format!("GET / HTTP/1.1{}", "\r\nx-a: b".repeat(2_000)));
        refused_bytes(report, url, "2,000 headers", many.as_bytes(), &status).await?;
        let both = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\
                    transfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
        let said = raw::send(url, both.as_bytes(), Duration::from_secs(RAW_SECS_MAX)).await?;
        let answered = said.statuses().len();
        report.check(format!("two lengths at {url}: {said:?}"), answered <= 1 || said.closed);
    }
    Ok(())
}

async fn refused_bytes(
    report: &mut Report,
    url: &str,
    what: &str,
    bytes: &[u8],
    statuses: &[u16],
) -> Result<()> {
    let said = raw::send(url, bytes, Duration::from_secs(RAW_SECS_MAX)).await?;
    let told = said.statuses();
    // A peer that floods may be cut off without a word; anything told must be a refusal.
    let fine = told.iter().all(|status| statuses.contains(status)) && said.closed;
    let start: String = said.text.chars().take(200).collect();
    report.check(format!("{what} is refused: {told:?}, closed {}, {start}", said.closed), fine);
    Ok(())
}

async fn frames(scene: &Scene, report: &mut Report) -> Result<()> {
    let mut ws = scene.inside.stream().await?.into_ws();
    for small in ["hello", "{}", r#"{"type":"hold","slot":"s0","seats":1}"#] {
        ws.send(Message::text(small)).await?;
    }
    let heard = timeout(Duration::from_secs(CLOSE_SECS_MAX), ws.next()).await;
    report.check("unknown small frames are ignored", matches!(heard, Ok(Some(Ok(_)))));
    let sent = ws.send(Message::text("x".repeat(MEGABYTE))).await;
    let ended = timeout(Duration::from_secs(CLOSE_SECS_MAX), async {
        loop {
            match ws.next().await {
                None | Some(Err(_) | Ok(Message::Close(_))) => return,
                Some(Ok(_)) => {}
            }
        }
    });
    let ended = ended.await.is_ok();
    report.check(format!("a frame of 1 MB ends the connection (sent {sent:?})"), ended);
    Ok(())
}
