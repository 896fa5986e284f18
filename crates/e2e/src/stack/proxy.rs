//! A TCP proxy with a switch: what lies between a process and Kafka or Redis.

use std::{
    io,
    net::{Ipv4Addr, TcpListener as StdListener},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
    task::JoinHandle,
    time::sleep,
};
use twinkle_testbed::free_port;

const CHUNK_BYTES: usize = 16 * 1024;

/// How a wire is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    Whole,
    /// Whatever is said arrives so much later.
    Slow(Duration),
    /// Requests arrive, answers don't; connections stay open.
    Mute,
    /// Nothing arrives; connections stay open.
    Dead,
    /// Connections are reset, new ones too.
    Cut,
}

#[derive(Debug, Clone, Copy)]
struct State {
    wire: Wire,
    /// Port of 127.0.0.1 behind the proxy.
    upstream: u16,
    /// Raised to reset every connection.
    resets: u64,
}

/// A port that always leads to the same service, wherever that is just now. Clones share it.
#[derive(Debug, Clone)]
pub struct Proxy {
    pub port: u16,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: watch::Sender<State>,
    accepting: JoinHandle<()>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Proxy {
    /// Listens on a free port of 127.0.0.1.
    pub fn start(upstream: u16) -> Result<Self> {
        let port = free_port()?;
        let listener =
            StdListener::bind((Ipv4Addr::LOCALHOST, port)).context("the proxy's port")?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let (state, seen) = watch::channel(State { wire: Wire::Whole, upstream, resets: 0 });
        let accepting = tokio::spawn(accept(listener, seen));
        Ok(Self { port, inner: Arc::new(Inner { state, accepting }) })
    }

    pub fn set(&self, wire: Wire) {
        self.inner.state.send_modify(|state| {
            state.wire = wire;
            state.resets += u64::from(wire == Wire::Cut);
        });
    }

    /// Resets the connections that are open, and lets everything pass from now on.
    pub fn renew(&self) {
        self.set(Wire::Cut);
        self.set(Wire::Whole);
    }

    /// Leads to another port from now on; connections to the old one are reset.
    pub fn lead_to(&self, upstream: u16) {
        self.inner.state.send_modify(|state| {
            state.upstream = upstream;
            state.resets += 1;
        });
    }
}

async fn accept(listener: TcpListener, state: watch::Receiver<State>) {
    loop {
        // Out of descriptors for a moment: others may go.
        let Ok((client, _)) = listener.accept().await else {
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        tokio::spawn(carry(client, state.clone()));
    }
}

async fn carry(mut client: TcpStream, mut state: watch::Receiver<State>) {
    let State { wire, upstream, resets } = *state.borrow();
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, upstream)).await;
    let (Ok(mut server), true) = (server, wire != Wire::Cut) else {
        let _ = client.set_zero_linger();
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let reset = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        tokio::select! {
            _ = pump(from_client, to_server, false, state.clone()) => false,
            _ = pump(from_server, to_client, true, state.clone()) => false,
            _ = state.wait_for(|now| now.resets != resets) => true,
        }
    };
    if reset {
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
}

async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    answers: bool,
    mut state: watch::Receiver<State>,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = from.read(&mut chunk).await?;
        if read == 0 {
            return Ok(());
        }
        passage(&mut state, answers).await;
        to.write_all(&chunk[..read]).await?;
    }
}

/// Waits until the wire lets something pass.
async fn passage(state: &mut watch::Receiver<State>, answers: bool) {
    loop {
        let wire = state.borrow_and_update().wire;
        match wire {
            Wire::Whole | Wire::Cut => return,
            Wire::Mute if !answers => return,
            Wire::Slow(time) => return sleep(time).await,
            Wire::Mute | Wire::Dead => {
                if state.changed().await.is_err() {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, timeout};

    use super::*;

    const SOON: Duration = Duration::from_secs(10);
    const NOT_YET: Duration = Duration::from_millis(200);

    /// A service that answers each byte with the same, and counts what it heard.
    async fn echo() -> (u16, watch::Receiver<usize>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (count, heard) = watch::channel(0);
        let count = Arc::new(count);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let count = Arc::clone(&count);
                tokio::spawn(async move {
                    let mut byte = [0];
                    while client.read_exact(&mut byte).await.is_ok() {
                        count.send_modify(|count| *count += 1);
                        let _ = client.write_all(&byte).await;
                    }
                });
            }
        });
        (port, heard)
    }

    async fn says(stream: &mut TcpStream) -> io::Result<u8> {
        stream.write_all(&[7]).await?;
        stream.read_u8().await
    }

    #[tokio::test]
    async fn a_whole_and_a_slow_wire_pass_everything() {
        let proxy = Proxy::start(echo().await.0).unwrap();
        let mut client = TcpStream::connect(("127.0.0.1", proxy.port)).await.unwrap();
        assert_eq!(says(&mut client).await.unwrap(), 7);
        proxy.set(Wire::Slow(NOT_YET));
        let began = Instant::now();
        assert_eq!(says(&mut client).await.unwrap(), 7);
        assert!(began.elapsed() >= NOT_YET * 2, "there and back");
    }

    #[tokio::test]
    async fn a_mute_wire_lets_requests_pass_and_holds_the_answers() {
        let (port, mut heard) = echo().await;
        let proxy = Proxy::start(port).unwrap();
        let mut client = TcpStream::connect(("127.0.0.1", proxy.port)).await.unwrap();
        proxy.set(Wire::Mute);
        client.write_all(&[7]).await.unwrap();
        timeout(SOON, heard.wait_for(|heard| *heard == 1)).await.unwrap().unwrap();
        assert!(timeout(NOT_YET, client.read_u8()).await.is_err());
        proxy.set(Wire::Whole);
        assert_eq!(timeout(SOON, client.read_u8()).await.unwrap().unwrap(), 7);
    }

    #[tokio::test]
    async fn a_dead_wire_holds_both_and_a_renewed_one_loses_them() {
        let (port, heard) = echo().await;
        let proxy = Proxy::start(port).unwrap();
        let mut client = TcpStream::connect(("127.0.0.1", proxy.port)).await.unwrap();
        proxy.set(Wire::Dead);
        client.write_all(&[7]).await.unwrap();
        assert!(timeout(NOT_YET, client.read_u8()).await.is_err());
        proxy.renew();
        timeout(SOON, client.read_u8()).await.unwrap().unwrap_err();
        assert_eq!(*heard.borrow(), 0);
    }

    #[tokio::test]
    async fn a_cut_wire_resets_old_and_new_connections() {
        let proxy = Proxy::start(echo().await.0).unwrap();
        let mut old = TcpStream::connect(("127.0.0.1", proxy.port)).await.unwrap();
        assert_eq!(says(&mut old).await.unwrap(), 7);
        proxy.set(Wire::Cut);
        timeout(SOON, old.read_u8()).await.unwrap().unwrap_err();
        let mut new = TcpStream::connect(("127.0.0.1", proxy.port)).await.unwrap();
        timeout(SOON, says(&mut new)).await.unwrap().unwrap_err();
    }

    #[tokio::test]
    async fn a_moved_proxy_leads_elsewhere() {
        let (there, elsewhere) = (echo().await, echo().await);
        let proxy = Proxy::start(there.0).unwrap();
        proxy.lead_to(elsewhere.0);
        let mut client = TcpStream::connect(("127.0.0.1", proxy.port)).await.unwrap();
        assert_eq!(says(&mut client).await.unwrap(), 7);
        assert_eq!((*there.1.borrow(), *elsewhere.1.borrow()), (0, 1));
    }
}
