//! Sockets that are rude, slow or one too many, and the end of the process.

mod scene;

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use domain::{Outcome, Refusal};
use ports::memory::Faults;
use scene::{
    EVENT_PATH, ORIGIN, Scene, Socket, WAIT, browser, cookie,
    owner::{Step, ticket, told},
};
use socket2::{Domain, Type};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::tungstenite::{Error, protocol::frame::coding::CloseCode};
use twinkle_gateway::Limits;

fn status(refusal: Result<Socket, Error>) -> u16 {
    match refusal {
        Err(Error::Http(response)) => response.status().as_u16(),
        other => panic!("it was not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_stream_is_opened_by_our_pages_or_by_programs() {
    let mut scene = Scene::new().await;
    let address = scene.serve();
    let own = cookie(&browser(1));
    let path = format!("{EVENT_PATH}/stream");
    let dial = async |path: &str, cookie: &str, origin| {
        Socket::dial(address, path, Some(cookie), origin).await
    };
    for origin in [Some(ORIGIN), Some("https://shop.example"), Some("http://localhost:8080"), None]
    {
        dial(&path, &own, origin).await.unwrap_or_else(|error| panic!("{origin:?}: {error}"));
    }
    for origin in ["https://evil.example", "null", "https://shop.example.evil.example"] {
        assert_eq!(status(dial(&path, &own, Some(origin)).await), 403, "{origin}");
    }
    assert_eq!(status(dial(&path, "twinkle=garbage", Some(ORIGIN)).await), 401);
    assert_eq!(status(dial("/api/v1/events/nope/stream", &own, Some(ORIGIN)).await), 404);
    assert_eq!(scene.own("/stream", &browser(1)).await.status, 426, "a GET is no socket");
}

#[tokio::test]
async fn small_talk_is_ignored_and_speeches_end_it() {
    let mut scene = Scene::new().await;
    let mut socket = scene.socket(None).await;
    for small in ["hello", "{}", &"x".repeat(4_096)] {
        socket.send(small).await.unwrap();
    }
    assert_eq!(socket.next_own().await["type"], "none");
    socket.next_of("progress").await;
    socket.send(&"x".repeat(4_097)).await.unwrap();
    assert_eq!(socket.end().await.expect("a close frame").code, CloseCode::Size);

    let mut socket = scene.socket(None).await;
    let sent = socket.send(&"x".repeat(1_000_000)).await;
    let end = timeout(WAIT, socket.end()).await.expect("it ends");
    assert!(end.is_none_or(|frame| frame.code == CloseCode::Size), "{sent:?}");
}

#[tokio::test]
async fn a_goodbye_is_answered() {
    let mut scene = Scene::new().await;
    let mut socket = scene.socket(None).await;
    socket.next_of("progress").await;
    assert_eq!(socket.close().await.expect("an answer").code, CloseCode::Normal);
}

#[tokio::test]
async fn what_comes_together_with_the_handshake_is_heard() {
    let mut scene = Scene::new().await;
    let mut stream = TcpStream::connect(scene.serve()).await.unwrap();
    let handshake = format!(
        "GET {EVENT_PATH}/stream HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    // A goodbye (1000) under a mask of zeros.
    let goodbye = [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8];
    stream.write_all(&[handshake.as_bytes(), &goodbye].concat()).await.unwrap();
    let mut heard = Vec::new();
    let end = timeout(Duration::from_secs(5), stream.read_to_end(&mut heard)).await;
    end.expect("the service hangs up").unwrap();
    assert!(heard.ends_with(&[0x88, 0x02, 0x03, 0xe8]), "{heard:?}");
}

#[tokio::test]
async fn one_too_many_is_told_to_come_back() {
    let limits = Limits { sockets_max: 2, ..Limits::default() };
    let mut scene = Scene::with(limits, Faults::default()).await;
    let first = scene.socket(None).await;
    let _second = scene.socket(None).await;
    let address = scene.serve();
    let path = format!("{EVENT_PATH}/stream");
    assert_eq!(status(Socket::dial(address, &path, None, Some(ORIGIN)).await), 503);
    drop(first);
    let again = async {
        while Socket::dial(address, &path, None, Some(ORIGIN)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(WAIT, again).await.expect("a place is free again");
}

#[tokio::test]
async fn who_lets_too_much_pile_up_is_sent_away() {
    let mut scene = Scene::new().await;
    let (shopper, other) = (browser(1), browser(2));
    scene.owner.join(&shopper).await;
    let mut socket = scene.socket(Some(&shopper)).await;
    let mut bystander = scene.socket(Some(&other)).await;
    assert_eq!(socket.next_own().await["type"], "waiting");
    let refused = || told(ticket(&shopper), Outcome::Refused { refusal: Refusal::NotAdmitted });
    let flood = (0..100).map(|_| refused()).collect();
    scene.owner.step(Step { tickets: vec![], told: flood }).await;
    assert_eq!(socket.end().await.expect("a close frame").code, CloseCode::Again);
    scene.owner.join(&other).await;
    assert_eq!(bystander.next_own().await["type"], "none");
    assert_eq!(bystander.next_own().await["type"], "waiting", "others are not concerned");
}

/// A connection that takes little before it blocks: small segments keep the buffers small.
async fn narrow(address: SocketAddr) -> TcpStream {
    let socket = socket2::Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_tcp_mss(536).unwrap();
    socket.set_recv_buffer_size(2_048).unwrap();
    socket.connect(&address.into()).unwrap();
    socket.set_nonblocking(true).unwrap();
    TcpStream::from_std(socket.into()).unwrap()
}

#[tokio::test]
async fn who_takes_nothing_is_given_up_and_holds_nobody_up() {
    let mut scene = Scene::new().await;
    scene.owner.slots(500);
    scene.owner.tick().await;
    let address = scene.serve();
    let tcp = narrow(address).await;
    let path = format!("{EVENT_PATH}/stream");
    let mut stuck = Socket::over(tcp, &path, None, Some(ORIGIN)).await.unwrap();
    let mut lively = scene.socket(None).await;
    let begun = Instant::now();
    let mut sold = 0;
    // Large frames fill the buffers of the one who does not read.
    while begun.elapsed() < Duration::from_secs(13) {
        sold += 1;
        scene.owner.change(|progress| progress.slots[sold % 500].sold += 1);
        scene.owner.tick().await;
        let frame = lively.next_of("seats").await;
        assert_eq!(frame["slots"].as_object().unwrap().len(), 500);
    }
    let read_to_end = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(1..) = stuck.deaf().read(&mut buffer).await {}
    };
    timeout(Duration::from_secs(3), read_to_end).await.expect("the service has hung up");
}

#[tokio::test]
async fn who_is_silent_is_given_up_and_who_answers_pings_is_not() {
    let limits = Limits {
        ping: Duration::from_millis(500),
        silence: Duration::from_millis(2_500),
        ..Limits::default()
    };
    let mut scene = Scene::with(limits, Faults::default()).await;
    let mut silent = scene.socket(None).await;
    let mut alive = scene.socket(None).await;
    let begun = Instant::now();
    let heard = alive.during(Duration::from_millis(4_500)).await;
    assert!(heard.len() >= 4, "{heard:?}");
    let mut buffer = vec![0; 64 * 1024];
    let read_to_end = async { while let Ok(1..) = silent.deaf().read(&mut buffer).await {} };
    timeout(Duration::from_secs(3), read_to_end).await.expect("the service has hung up");
    assert!(begun.elapsed() > Duration::from_millis(2_500));
    assert!(!alive.during(Duration::from_millis(1_500)).await.is_empty());
}

#[tokio::test]
async fn at_the_end_everyone_is_sent_on_spread_over_the_window() {
    let limits = Limits { drain: Duration::from_secs(2), ..Limits::default() };
    let mut scene = Scene::with(limits, Faults::default()).await;
    let mut sockets = Vec::new();
    for number in 0..60 {
        sockets.push(scene.socket(Some(&browser(number))).await);
    }
    let begun = Instant::now();
    scene.stop.send_replace(true);
    let ends = sockets.into_iter().map(|mut socket| async move {
        let end = socket.end().await.expect("a close frame");
        assert_eq!(end.code, CloseCode::Restart);
        begun.elapsed()
    });
    let mut ends = futures_util::future::join_all(ends).await;
    ends.sort();
    assert!(*ends.last().unwrap() < Duration::from_secs(4), "{ends:?}");
    let spread = *ends.last().unwrap() - ends[0];
    assert!(spread > Duration::from_millis(800), "{ends:?}");
}
