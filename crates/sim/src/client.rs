//! HTTP and WebSocket over connections that exist in memory only, and lose what they carry.

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body};
use futures_util::StreamExt;
use http::{Method, Request};
use http_body_util::BodyExt;
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use serde_json::Value;
use tokio::{
    io::{DuplexStream, duplex},
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};
use tower::ServiceExt;

use crate::site::Process;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(8);
/// Room of a connection, in bytes: a browser that does not read fills it soon.
const CONNECTION_BYTES: usize = 16 * 1024;

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

/// One request.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<Value>,
}

/// Asks a process; `None`: nobody knows whether it was done.
pub(crate) async fn ask(process: &Arc<Process>, call: Call) -> Option<Answer> {
    let life = &process.life;
    let (delay, lost, lost_back) = life.sky.roll(|dice, w| {
        (
            dice.millis(0, w.usual_ms + 1),
            dice.permille(w.refused / 3),
            dice.permille(w.reply_lost / 3),
        )
    });
    sleep(delay).await;
    if lost || life.is_dead() {
        sleep(delay).await;
        return None;
    }
    let router = process.router.clone()?;
    // By itself: a browser that goes away does not stop what it asked for.
    let answer = tokio::spawn(perform(router, call));
    let answer = tokio::select! {
        biased;
        () = life.death() => None,
        answer = timeout(PATIENCE, answer) => answer.ok().and_then(Result::ok).flatten(),
    };
    sleep(delay).await;
    answer.filter(|_| !lost_back)
}

async fn perform(router: Router, call: Call) -> Option<Answer> {
    let mut request = Request::builder().method(call.method).uri(&call.path);
    for (name, value) in &call.headers {
        request = request.header(*name, value);
    }
    let body = match &call.body {
        Some(body) => {
            request = request.header("content-type", "application/json");
            Body::from(body.to_string())
        }
        None => Body::empty(),
    };
    let response = router.oneshot(request.body(body).ok()?).await.ok()?;
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.ok()?.to_bytes();
    Some(Answer { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
}

/// A browser's end of a stream.
pub(crate) struct Stream {
    process: Arc<Process>,
    socket: WebSocketStream<DuplexStream>,
}

impl Stream {
    /// Opens a stream; the error is the status of a refusal, 0 when there was no answer.
    pub(crate) async fn open(
        process: &Arc<Process>,
        path: &str,
        cookie: &str,
    ) -> Result<Self, u16> {
        let router = process.router.clone().ok_or(0_u16)?;
        let (ours, theirs) = duplex(CONNECTION_BYTES);
        let service = TowerToHyperService::new(router);
        tokio::spawn(async move {
            let connection = http1::Builder::new().serve_connection(TokioIo::new(theirs), service);
            // Fails when the browser goes away.
            let _ = connection.with_upgrades().await;
        });
        let mut request = format!("ws://gateway{path}").into_client_request().map_err(|_| 0_u16)?;
        let value = HeaderValue::from_str(cookie).map_err(|_| 0_u16)?;
        request.headers_mut().insert("cookie", value);
        let opened = tokio::select! {
            biased;
            () = process.life.death() => return Err(0),
            opened = timeout(PATIENCE, client_async(request, ours)) => opened.map_err(|_| 0_u16)?,
        };
        match opened {
            Ok((socket, _)) => Ok(Self { process: process.clone(), socket }),
            Err(tokio_tungstenite::tungstenite::Error::Http(refusal)) => {
                Err(refusal.status().as_u16())
            }
            Err(_) => Err(0),
        }
    }

    /// The next frame; `None`: the stream has ended. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            let message = tokio::select! {
                biased;
                () = self.process.life.death() => return None,
                message = self.socket.next() => message?,
            };
            match message {
                Ok(Message::Text(text)) => return serde_json::from_str(&text).ok(),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }
}
