//! A client's connection: bytes, its place in the count of connections, and how long it may dawdle.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
    time::Instant,
};

use crate::settings::Settings;

/// The connection under a request, also after an upgrade.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    pace: Arc<Pace>,
    /// Counted until the last owner of the socket lets go of it, be it a WebSocket.
    _place: OwnedSemaphorePermit,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, pace: Arc<Pace>, place: OwnedSemaphorePermit) -> Self {
        Self { stream, pace, _place: place }
    }

    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            self.pace.bytes_came();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// No deadline: a request is being answered.
const NEVER: u64 = u64::MAX;

/// When a connection must have got further: a head must come in whole, a pause may not last for ever.
///
/// hyper's own timer would end pauses and heads after the same span, and arms anew for each request.
#[derive(Debug)]
pub(crate) struct Pace {
    start: Instant,
    head: Duration,
    idle: Duration,
    /// Milliseconds after `start`, or [`NEVER`].
    deadline_ms: AtomicU64,
    pausing: AtomicBool,
}

impl Pace {
    pub(crate) fn new(settings: &Settings) -> Self {
        let pace = Self {
            start: Instant::now(),
            head: settings.head,
            idle: settings.idle,
            deadline_ms: AtomicU64::new(0),
            pausing: AtomicBool::new(false),
        };
        pace.allow(pace.head);
        pace
    }

    fn bytes_came(&self) {
        if self.pausing.load(Relaxed) {
            self.pausing.store(false, Relaxed);
            self.allow(self.head);
        }
    }

    pub(crate) fn request_began(&self) {
        self.pausing.store(false, Relaxed);
        self.deadline_ms.store(NEVER, Relaxed);
    }

    pub(crate) fn request_ended(&self) {
        self.pausing.store(true, Relaxed);
        self.allow(self.idle);
    }

    fn allow(&self, span: Duration) {
        self.deadline_ms.store(self.in_ms(span), Relaxed);
    }

    /// Milliseconds after the connection began; [`NEVER`] while a request is being answered.
    pub(crate) fn deadline_ms(&self) -> u64 {
        self.deadline_ms.load(Relaxed)
    }

    /// When to look again: at the deadline, or after a while when there is none.
    pub(crate) fn look_again(&self) -> (u64, Instant) {
        let ms = match self.deadline_ms() {
            NEVER => self.in_ms(self.idle),
            ms => ms,
        };
        (ms, self.start + Duration::from_millis(ms))
    }

    pub(crate) fn overdue(&self) -> bool {
        self.deadline_ms() <= self.in_ms(Duration::ZERO)
    }

    fn in_ms(&self, span: Duration) -> u64 {
        u64::try_from((self.start.elapsed() + span).as_millis()).unwrap_or(NEVER - 1)
    }
}
