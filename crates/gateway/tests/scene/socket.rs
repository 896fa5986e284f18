//! The browser's end of a stream.

use std::{net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        http::HeaderValue,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

use super::WAIT;

#[derive(Debug)]
pub struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    /// Opens a stream; the error holds the status of a refusal.
    pub async fn dial(
        address: SocketAddr,
        path: &str,
        cookie: Option<&str>,
        origin: Option<&str>,
    ) -> Result<Self, Error> {
        Self::over(TcpStream::connect(address).await.unwrap(), path, cookie, origin).await
    }

    pub async fn over(
        stream: TcpStream,
        path: &str,
        cookie: Option<&str>,
        origin: Option<&str>,
    ) -> Result<Self, Error> {
        let mut request = format!("ws://gateway{path}").into_client_request().unwrap();
        for (name, value) in [("cookie", cookie), ("origin", origin)] {
            if let Some(value) = value {
                request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
            }
        }
        client_async(request, stream).await.map(|(stream, _)| Self(stream))
    }

    /// The next text frame.
    pub async fn next(&mut self) -> Value {
        match self.next_message().await {
            Some(Ok(Message::Text(text))) => serde_json::from_str(&text).unwrap(),
            other => panic!("expected a frame, got {other:?}"),
        }
    }

    async fn next_message(&mut self) -> Option<Result<Message, Error>> {
        loop {
            let message = timeout(WAIT, self.0.next()).await.expect("a message comes in time");
            if !matches!(message, Some(Ok(Message::Ping(_) | Message::Pong(_)))) {
                return message;
            }
        }
    }

    /// The next frame of this type; other frames go by.
    pub async fn next_of(&mut self, kind: &str) -> Value {
        let search = async {
            loop {
                let frame = self.next().await;
                if frame["type"] == kind {
                    return frame;
                }
            }
        };
        let found = timeout(WAIT, search).await;
        found.unwrap_or_else(|_| panic!("no frame of type {kind} came"))
    }

    /// The next frame that is the shopper's own.
    pub async fn next_own(&mut self) -> Value {
        let search = async {
            loop {
                let frame = self.next().await;
                if !shared(&frame) {
                    return frame;
                }
            }
        };
        timeout(WAIT, search).await.expect("a frame of one's own comes in time")
    }

    /// All frames that come within a span.
    pub async fn during(&mut self, span: Duration) -> Vec<Value> {
        let mut frames = Vec::new();
        let _ = timeout(span, async {
            loop {
                frames.push(self.next().await);
            }
        })
        .await;
        frames
    }

    pub async fn send(&mut self, text: &str) -> Result<(), Error> {
        self.0.send(Message::text(text)).await
    }

    /// Closes from this side; the answer to it, if one came.
    pub async fn close(&mut self) -> Option<CloseFrame> {
        let frame = CloseFrame { code: CloseCode::Normal, reason: "bye".into() };
        self.0.send(Message::Close(Some(frame))).await.unwrap();
        self.end().await
    }

    /// Waits for the end; the close frame, if one came.
    pub async fn end(&mut self) -> Option<CloseFrame> {
        loop {
            match self.next_message().await {
                Some(Ok(Message::Close(frame))) => return frame,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// The connection beneath: nothing reads it, pings stay unanswered.
    pub fn deaf(&mut self) -> &mut TcpStream {
        self.0.get_mut()
    }
}

pub fn shared(frame: &Value) -> bool {
    let kind = frame["type"].as_str().unwrap_or_default();
    matches!(kind, "progress" | "seats" | "paused" | "resumed" | "sold_out" | "closed")
}

/// The types of frames, in order.
pub fn types(frames: &[Value]) -> Vec<&str> {
    frames.iter().map(|frame| frame["type"].as_str().unwrap_or_default()).collect()
}
