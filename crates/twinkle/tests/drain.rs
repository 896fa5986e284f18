//! SIGTERM: probes see it first, then the doors close, and sockets are sent away a few at a time.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use futures_util::StreamExt;
use reqwest::StatusCode;
use testbed::{Product, terminate};
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::{connect_async, tungstenite::Message};

const SOCKETS: usize = 30;
const DRAIN_SECS: u64 = 6;
/// "Service restart" (RFC 6455 and its registry): come back.
const RESTART: u16 = 1012;
/// How long anything may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn start() -> Product {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("drain");
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).expect("a folder");
    let data = folder.join("data").to_str().expect("a path").to_owned();
    let env = [("TWINKLE_DATA", data), ("TWINKLE_DRAIN_SECS", DRAIN_SECS.to_string())]
        .map(|(name, value)| (name.to_owned(), value));
    let bin = Path::new(env!("CARGO_BIN_EXE_twinkle"));
    let mut product = Product::start(bin, "all", 0, &env, &folder).expect("it starts");
    product.wait_ready().expect("ready");
    product
}

async fn join(port: u16) -> Option<StatusCode> {
    let url = format!("http://127.0.0.1:{port}/api/v1/events/popup/tickets");
    reqwest::Client::new().post(url).send().await.ok().map(|answer| answer.status())
}

/// When the socket was closed, and with which code.
async fn closed(port: u16) -> (Instant, Option<u16>) {
    let url = format!("ws://127.0.0.1:{port}/api/v1/events/popup/stream");
    let (mut socket, _) = connect_async(url).await.expect("a socket");
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Close(frame) = message {
            return (Instant::now(), frame.map(|frame| frame.code.into()));
        }
    }
    (Instant::now(), None)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_see_the_end_before_anything_closes() {
    let mut product = start();
    let port = product.port;
    let begun = Instant::now();
    while join(port).await != Some(StatusCode::ACCEPTED) {
        assert!(begun.elapsed() < PATIENCE, "the sample event takes no joins");
        sleep(Duration::from_millis(50)).await;
    }
    let sockets: Vec<_> = (0..SOCKETS).map(|_| tokio::spawn(closed(port))).collect();
    let open = || product.metric("twinkle_gateway_sockets", "").unwrap_or(0.0);
    while open() < SOCKETS as f64 {
        assert!(begun.elapsed() < PATIENCE, "{} sockets are open", open());
        sleep(Duration::from_millis(50)).await;
    }

    let told = Instant::now();
    terminate(product.pid()).expect("SIGTERM");
    while !matches!(product.admin("/readyz"), Ok((503, _))) {
        assert!(told.elapsed() < PATIENCE, "readiness does not turn");
        sleep(Duration::from_millis(10)).await;
    }
    let (_, said) = product.admin("/readyz").expect("an answer");
    assert!(said.contains("accepting"), "{said}");
    assert_eq!(join(port).await, Some(StatusCode::ACCEPTED), "the doors are open for a moment yet");
    assert!(sockets.iter().all(|socket| !socket.is_finished()), "and so are the sockets");

    let mut ends = Vec::new();
    for socket in sockets {
        let (at, code) = timeout(PATIENCE, socket).await.expect("in time").expect("a socket's end");
        assert_eq!(code, Some(RESTART));
        ends.push(at);
        if ends.len() == 1 {
            assert_eq!(product.admin("/livez").map(|(status, _)| status).ok(), Some(200));
        }
    }
    let (first, last) = (ends.iter().min().expect("ends"), ends.iter().max().expect("ends"));
    let spread = *last - *first;
    assert!(spread > Duration::from_secs(1), "no crowd comes back at once: {spread:?}");
    assert!(product.terminate().expect("an end").success());
    assert!(told.elapsed() < Duration::from_secs(DRAIN_SECS + 5), "{:?}", told.elapsed());
}
