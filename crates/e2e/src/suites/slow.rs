//! A request that takes its time: one that is under way when a process is told to end.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};

/// A join whose body comes in two halves, the second so much later; the status line of its answer.
pub async fn join(address: &str, event: &str, later: Duration) -> Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let body = r#"{"attempt":0}"#;
    let (first, second) = body.split_at(5);
    let head = format!(
        "POST /api/v1/events/{event}/tickets HTTP/1.1\r\nhost: 127.0.0.1\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{first}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    sleep(later).await;
    stream.write_all(second.as_bytes()).await.context("the second half can't be sent")?;
    let mut answer = vec![0; 4096];
    let read = stream.read(&mut answer).await.context("no answer")?;
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}
