//! The accept loop over real sockets: what a client sees who is slow, rude, or one too many.

use std::{net::SocketAddr, time::Duration};

use axum::{
    Router,
    routing::{get, post},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
    time::{sleep, timeout},
};
use twinkle_http::{Drained, Payload, Settings, listen, serve, with_fallbacks};

/// Longest wait for something that must happen.
const WAIT: Duration = Duration::from_secs(10);

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Drained>,
}

fn router() -> Router {
    Router::new()
        .route("/hello", get(async || "hello"))
        .route("/slow", get(async || sleep(Duration::from_millis(300)).await))
        .route("/stuck", get(async || sleep(WAIT).await))
        .route(
            "/boom",
            get(async || {
                if true {
                    panic!("the secret is tulip")
                }
            }),
        )
        .route("/echo", post(async |Payload(body): Payload| body))
}

/// Settings with spans short enough to wait for.
fn brisk() -> Settings {
    Settings {
        connections_max: 8,
        head: Duration::from_millis(300),
        idle: Duration::from_millis(900),
        drain: Duration::from_millis(600),
        https: false,
    }
}

fn start(settings: Settings) -> Server {
    start_with(router(), settings)
}

fn start_with(router: Router, settings: Settings) -> Server {
    let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async { drop(stopped.await) };
    let ended = tokio::spawn(serve(listener, with_fallbacks(router), settings, shutdown));
    Server { address, stop, ended }
}

impl Server {
    async fn open(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes on a new connection and reads until the server closes it.
    async fn ask(&self, bytes: &[u8]) -> String {
        let mut stream = self.open().await;
        stream.write_all(bytes).await.unwrap();
        to_end(&mut stream).await
    }

    async fn stop(self) -> Drained {
        drop(self.stop);
        timeout(WAIT, self.ended).await.expect("the server ends").unwrap()
    }
}

async fn to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset after the answer also ends it.
    let _ = timeout(WAIT, stream.read_to_end(&mut bytes)).await.expect("the server closes");
    String::from_utf8(bytes).unwrap()
}

/// Reads one answer with a short body and leaves the connection open.
async fn one(stream: &mut TcpStream) -> String {
    let mut bytes = vec![0; 4_096];
    let count = timeout(WAIT, stream.read(&mut bytes)).await.expect("an answer").unwrap();
    bytes.truncate(count);
    String::from_utf8(bytes).unwrap()
}

fn get_line(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n").into_bytes()
}

#[track_caller]
fn assert_problem(answer: &str, status: u16, code: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    assert!(answer.contains("content-type: application/problem+json\r\n"), "{answer}");
    assert!(answer.contains(&format!("\"code\":\"{code}\"")), "{answer}");
    assert!(answer.contains(&format!("\"status\":{status}")), "{answer}");
}

#[tokio::test]
async fn an_answer_has_the_headers_that_keep_browsers_careful() {
    let server = start(brisk());
    let answer = server.ask(&get_line("/hello")).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("hello"), "{answer}");
    for line in [
        "x-content-type-options: nosniff",
        "referrer-policy: same-origin",
        "cache-control: no-store",
        "content-security-policy: default-src 'none'; frame-ancestors 'none'",
    ] {
        assert!(answer.contains(&format!("{line}\r\n")), "{line} in {answer}");
    }
    assert!(!answer.contains("strict-transport-security"), "{answer}");
    let secure = start(Settings { https: true, ..brisk() });
    let answer = secure.ask(&get_line("/hello")).await;
    assert!(answer.contains("strict-transport-security: max-age="), "{answer}");
}

#[tokio::test]
async fn errors_of_the_server_itself_are_problems() {
    let server = start(brisk());
    assert_problem(&server.ask(&get_line("/nowhere")).await, 404, "not_found");
    let answer = server.ask(&get_line("/echo")).await;
    assert_problem(&answer, 405, "method_not_allowed");
    assert!(answer.contains("allow: POST\r\n"), "{answer}");
}

#[tokio::test]
async fn a_panic_is_a_problem_that_tells_nothing() {
    let server = start(brisk());
    let answer = server.ask(&get_line("/boom")).await;
    assert_problem(&answer, 500, "internal");
    assert!(!answer.contains("tulip"), "{answer}");
    assert!(server.ask(&get_line("/hello")).await.ends_with("hello"));
}

#[tokio::test]
async fn a_head_that_is_too_large_is_told_so() {
    let server = start(brisk());
    let long =
        format!("GET /hello HTTP/1.1\r\nconnection: close\r\nx: {}\r\n\r\n", "x".repeat(17_000));
    assert_problem(&server.ask(long.as_bytes()).await, 431, "header_malformed");
    let many = format!("GET /hello HTTP/1.1\r\nconnection: close\r\n{}\r\n", "x: y\r\n".repeat(70));
    assert_problem(&server.ask(many.as_bytes()).await, 431, "header_malformed");
    let huge = format!("GET /hello HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(100_000));
    let answer = server.ask(huge.as_bytes()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    assert!(server.ask(&get_line("/hello")).await.ends_with("hello"));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_told_so() {
    let server = start(brisk());
    let said =
        b"POST /echo HTTP/1.1\r\nhost: t\r\nconnection: close\r\ncontent-length: 1000000\r\n\r\n";
    assert_problem(&server.ask(said).await, 413, "body_too_large");
    let mut chunked =
        b"POST /echo HTTP/1.1\r\nhost: t\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
            .to_vec();
    for _ in 0..5 {
        chunked.extend_from_slice(b"1000\r\n");
        chunked.extend_from_slice(&[b'x'; 4_096]);
        chunked.extend_from_slice(b"\r\n");
    }
    assert_problem(&server.ask(&chunked).await, 413, "body_too_large");
}

#[tokio::test]
async fn half_a_head_is_closed_and_bytes_now_and_then_do_not_help() {
    let server = start(Settings { idle: WAIT * 3, ..brisk() });
    let mut silent = server.open().await;
    let mut half = server.open().await;
    half.write_all(b"GET /hello HT").await.unwrap();
    let mut trickle = server.open().await;
    let trickling = async {
        while trickle.write_all(b"x").await.is_ok() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    assert_eq!(to_end(&mut silent).await, "");
    assert_eq!(to_end(&mut half).await, "");
    timeout(WAIT, trickling).await.expect("the trickling connection is closed");
}

#[tokio::test]
async fn half_a_second_head_is_closed_before_an_idle_connection_is() {
    let server = start(Settings { idle: WAIT * 3, ..brisk() });
    let mut stream = server.open().await;
    stream.write_all(b"GET /hello HTTP/1.1\r\nhost: t\r\n\r\n").await.unwrap();
    assert!(one(&mut stream).await.ends_with("hello"));
    stream.write_all(b"GET /he").await.unwrap();
    assert_eq!(to_end(&mut stream).await, "");
}

#[tokio::test]
async fn a_connection_is_kept_while_it_idles_for_a_while_and_then_closed() {
    let server = start(brisk());
    let mut stream = server.open().await;
    for _ in 0..3 {
        stream.write_all(b"GET /hello HTTP/1.1\r\nhost: t\r\n\r\n").await.unwrap();
        assert!(one(&mut stream).await.ends_with("hello"));
        // Longer than a head may take.
        sleep(Duration::from_millis(400)).await;
    }
    assert_eq!(to_end(&mut stream).await, "");
}

#[tokio::test]
async fn a_slow_answer_is_no_slow_client() {
    let server = start(Settings {
        head: Duration::from_millis(50),
        idle: Duration::from_millis(100),
        ..brisk()
    });
    assert!(server.ask(&get_line("/slow")).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn one_too_many_is_told_at_once_and_a_freed_place_serves_again() {
    let server = start(Settings { connections_max: 2, ..brisk() });
    let mut first = server.open().await;
    first.write_all(b"GET /hello HTTP/1.1\r\nhost: t\r\n\r\n").await.unwrap();
    assert!(one(&mut first).await.ends_with("hello"));
    let mut second = server.open().await;
    second.write_all(b"GET /hello HTTP/1.1\r\nhost: t\r\n\r\n").await.unwrap();
    assert!(one(&mut second).await.ends_with("hello"));
    let answer = server.ask(&get_line("/hello")).await;
    assert_problem(&answer, 503, "overloaded");
    assert!(answer.contains("retry-after: "), "{answer}");
    drop(first);
    timeout(WAIT, async {
        while !server.ask(&get_line("/hello")).await.ends_with("hello") {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("the place is free again");
}

#[tokio::test]
async fn shutting_down_ends_what_is_under_way_and_takes_nothing_new() {
    let server = start(brisk());
    let address = server.address;
    let mut idle = server.open().await;
    idle.write_all(b"GET /hello HTTP/1.1\r\nhost: t\r\n\r\n").await.unwrap();
    assert!(one(&mut idle).await.ends_with("hello"));
    let mut slow = server.open().await;
    slow.write_all(b"GET /slow HTTP/1.1\r\nhost: t\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(50)).await;
    assert_eq!(server.stop().await, Drained::All);
    let answer = to_end(&mut slow).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.contains("connection: close"),
        "{answer}"
    );
    assert_eq!(to_end(&mut idle).await, "");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn what_does_not_end_in_time_is_cut_off_and_counted() {
    let server = start(brisk());
    let mut stuck = server.open().await;
    stuck.write_all(&get_line("/stuck")).await.unwrap();
    sleep(Duration::from_millis(50)).await;
    assert_eq!(server.stop().await, Drained::CutOff(1));
    assert_eq!(to_end(&mut stuck).await, "");
}

#[tokio::test]
async fn an_upgraded_connection_keeps_its_place_until_it_is_dropped() {
    let (hold, held) = oneshot::channel::<()>();
    let held = std::sync::Arc::new(tokio::sync::Mutex::new(Some(held)));
    let upgrade = async move |request: axum::extract::Request| {
        let held = held.lock().await.take().expect("one upgrade");
        tokio::spawn(async move {
            let upgraded = hyper::upgrade::on(request).await.unwrap();
            drop(held.await);
            drop(upgraded);
        });
        (http::StatusCode::SWITCHING_PROTOCOLS, [("connection", "upgrade"), ("upgrade", "test")])
    };
    let router = router().route("/upgrade", get(upgrade));
    let server = start_with(router, Settings { connections_max: 1, ..brisk() });
    let mut socket = server.open().await;
    let ask = b"GET /upgrade HTTP/1.1\r\nhost: t\r\nconnection: upgrade\r\nupgrade: test\r\n\r\n";
    socket.write_all(ask).await.unwrap();
    assert!(one(&mut socket).await.starts_with("HTTP/1.1 101 "));
    // Longer than any connection may idle: an upgraded one is not the server's to end.
    sleep(Duration::from_millis(1_200)).await;
    assert_problem(&server.ask(&get_line("/hello")).await, 503, "overloaded");
    drop(hold);
    assert_eq!(to_end(&mut socket).await, "");
    timeout(WAIT, async {
        while !server.ask(&get_line("/hello")).await.ends_with("hello") {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("the place is free again");
}
