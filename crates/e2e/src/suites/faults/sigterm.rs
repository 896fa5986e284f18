//! Every process is replaced in turn: requests under way finish, sockets are closed and move on.

use std::{sync::atomic::Ordering, time::Duration};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::block_in_place,
    time::sleep,
};

use super::{Seen, moves_on, sale, sale_goes_on};
use crate::{event, report::Report, stack::Stack, suites::crowds::Running};

/// An event beside the sale: its line may get anybody.
const ASIDE: &str = "aside";
/// When a request that is under way at SIGTERM goes on, after it began.
const HALF_WAY_MS: u64 = 1_000;
const SIGNAL_AFTER_MS: u64 = 400;

/// The log stands still for at most so long.
const STANDS_MS: i64 = 4_000;

pub async fn run(stack: &mut Stack, report: &mut Report, seed: u64, seen: &mut Seen) -> Result<()> {
    event::open(stack, ASIDE, &event::definition(1, 10)).await?;
    let running = sale(STANDS_MS).start(stack, seed).await?;
    sale_goes_on(&running, report, Duration::from_secs(5)).await;
    for i in 0..stack.servers.len() {
        replace(stack, i, &running, report).await?;
        sale_goes_on(&running, report, Duration::from_secs(2)).await;
    }
    moves_on(&running, report, "the replacement of every process").await?;
    running.finish(stack, report, seen).await.map(drop)
}

async fn replace(
    stack: &mut Stack,
    i: usize,
    running: &Running,
    report: &mut Report,
) -> Result<()> {
    let server = &mut stack.servers[i];
    let (name, role) = (server.name.clone(), server.role.clone());
    report.note(format!("SIGTERM {name}"));
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let pulse = running.pulse();
    let (torn, closed) = (count(&pulse.torn), count(&pulse.closed));
    let under_way = (role == "api").then(|| tokio::spawn(slow_join(server.port)));
    sleep(Duration::from_millis(SIGNAL_AFTER_MS)).await;

    server.out_of_rotation();
    let ended = block_in_place(|| server.terminate());
    let verdict = match ended {
        Ok(status) if status.code() == Some(0) => vec![],
        Ok(status) => vec![format!("it ended with {status}")],
        Err(error) => vec![error.to_string()],
    };
    report.judge(format!("{name} ends with 0 in time after SIGTERM"), verdict);
    if let Some(under_way) = under_way {
        let answer = under_way.await?;
        let fine = answer.as_ref().is_ok_and(|status| status.contains(" 202 "));
        report.check(format!("a request under way at {name} finishes ({answer:?})"), fine);
    }
    if role == "gateway" {
        let (torn, closed) = (count(&pulse.torn) - torn, count(&pulse.closed) - closed);
        report.check(format!("{name} closes its sockets ({closed} closed)"), closed > 0);
        report.same(format!("sockets torn by {name} without a close frame"), torn, 0);
    }
    block_in_place(|| stack.servers[i].start_again())
}

/// A join whose body comes in two halves; the status line of its answer.
async fn slow_join(port: u16) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let body = r#"{"attempt":0}"#;
    let (first, second) = body.split_at(5);
    let head = format!(
        "POST /api/v1/events/{ASIDE}/tickets HTTP/1.1\r\nhost: 127.0.0.1\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{first}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    sleep(Duration::from_millis(HALF_WAY_MS)).await;
    stream.write_all(second.as_bytes()).await.context("the second half can't be sent")?;
    let mut answer = vec![0; 4096];
    let read = stream.read(&mut answer).await.context("no answer")?;
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}
