//! Bytes that no HTTP client would send.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

/// What a server said to raw bytes.
#[derive(Debug)]
pub struct Said {
    pub text: String,
    /// It closed the connection by itself within the time.
    pub closed: bool,
    pub took: Duration,
}

impl Said {
    /// Status codes of all answers on the connection.
    pub fn statuses(&self) -> Vec<u16> {
        let parts = self.text.split("HTTP/1.1 ").skip(1);
        parts.filter_map(|part| part.get(..3)?.parse().ok()).collect()
    }
}

/// Host and port of a base such as `http://127.0.0.1:8080`.
fn address(url: &str) -> &str {
    url.strip_prefix("http://").unwrap_or(url)
}

/// Sends `bytes` and reads until the server closes or `limit` is over.
pub async fn send(url: &str, bytes: &[u8], limit: Duration) -> Result<Said> {
    let mut stream = TcpStream::connect(address(url)).await.context("cannot connect")?;
    let began = Instant::now();
    // The server may close before it has read everything.
    let _ = timeout(limit, stream.write_all(bytes)).await;
    let mut answer = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    let mut closed = false;
    while let Some(left) = limit.checked_sub(began.elapsed()) {
        match timeout(left, stream.read(&mut buffer)).await {
            Err(_) => break,
            Ok(Ok(0) | Err(_)) => {
                closed = true;
                break;
            }
            Ok(Ok(read)) => answer.extend_from_slice(&buffer[..read]),
        }
    }
    let text = String::from_utf8_lossy(&answer).into_owned();
    Ok(Said { text, closed, took: began.elapsed() })
}
