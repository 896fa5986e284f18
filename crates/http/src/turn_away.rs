//! What those get who come when all places for connections are taken.

use std::{sync::Arc, time::Duration};

use metrics::counter;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
    time::timeout,
};
use wire::{Code, Problem, problem::CONTENT_TYPE};

use crate::{jitter::jitter, problem::retry_secs};

/// Most connections that are being told; the next ones are just closed.
const TELLING_MAX: usize = 4_096;

/// Longest time to tell one, in milliseconds.
const TELL_MS: u64 = 1_000;

/// Most that is read of a request that won't be answered, in bytes.
const READ_BYTES_MAX: usize = 16 * 1024;

/// Answers 503 without looking at the request.
pub(crate) struct TurnAway {
    body: Arc<str>,
    places: Arc<Semaphore>,
}

impl Default for TurnAway {
    fn default() -> Self {
        let body = serde_json::to_string(&Problem::new(Code::Overloaded)).unwrap_or_default();
        Self { body: body.into(), places: Arc::new(Semaphore::new(TELLING_MAX)) }
    }
}

impl TurnAway {
    pub(crate) fn answer(&self, stream: TcpStream) {
        counter!("twinkle_http_connections_turned_away_total").increment(1);
        let Ok(place) = self.places.clone().try_acquire_owned() else { return };
        let body = self.body.clone();
        tokio::spawn(async move {
            let _ = timeout(Duration::from_millis(TELL_MS), tell(stream, &body)).await;
            drop(place);
        });
    }
}

async fn tell(mut stream: TcpStream, body: &str) -> std::io::Result<()> {
    let secs = jitter(retry_secs(Code::Overloaded).unwrap_or(1..=1));
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: {CONTENT_TYPE}\r\n\
         content-length: {length}\r\nretry-after: {secs}\r\nconnection: close\r\n\r\n{body}"
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    // Closing with the request unread would reset the connection, and the answer might be lost.
    let mut left = [0; 1_024];
    let mut read = 0;
    while read < READ_BYTES_MAX {
        match stream.read(&mut left).await? {
            0 => break,
            count => read += count,
        }
    }
    Ok(())
}
