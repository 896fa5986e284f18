//! One browser's connection, which two write to: its socket's task what is the browser's own, and the
//! lane's loop the shared frames, whose bytes are made once. Each writes whole frames only.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::Notify,
    time::Instant,
};
use wire::view::Standing;

use super::frames::Frames;

/// The shared frames that went out last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) number: u64,
    pub(crate) to: u64,
    pub(crate) standing: Standing,
}

impl Sent {
    pub(crate) fn of(frames: &Frames) -> Self {
        Self { number: frames.number, to: frames.to, standing: frames.standing }
    }
}

/// A connection.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<I: AsyncRead + AsyncWrite + Send + Unpin> Io for I {}

struct State<I: ?Sized> {
    /// `None` while the loop must leave the socket alone: before its first frames, and while its
    /// task sends shared frames itself.
    sent: Option<Sent>,
    /// The task has a frame that the connection has not taken whole.
    torn: bool,
    /// The end of what the loop sent and the connection has not taken.
    rest: Bytes,
    /// From then on the task wants to be woken with the frames.
    due: Instant,
    io: I,
}

pub(crate) struct Line<I: ?Sized = dyn Io> {
    wake: Notify,
    state: Mutex<State<I>>,
}

impl Line {
    /// The loop leaves it alone until it is [handed over](Self::hand_back).
    pub(crate) fn new(io: impl Io + 'static) -> Arc<Self> {
        let (sent, torn, rest, due) = (None, false, Bytes::new(), Instant::now());
        let state = Mutex::new(State { sent, torn, rest, due, io });
        Arc::new(Line { wake: Notify::new(), state })
    }

    fn lock(&self) -> MutexGuard<'_, State<dyn Io + 'static>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends these frames if the socket has had all before and takes them at once, else its task is
    /// woken to see to it. Returns how many went out.
    pub(crate) fn tell(&self, frames: &Frames, now: Instant) -> usize {
        let mut state = self.lock();
        let told = state.tell(frames);
        if told.is_none() || !state.rest.is_empty() || state.due <= now {
            self.wake();
        }
        told.unwrap_or_default()
    }

    /// The task has something to look at.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Waits for that. Cancel safe.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// When the task wants to be woken next.
    pub(crate) fn wake_at(&self, due: Instant) {
        self.lock().due = due;
    }

    /// How the line stood when frames went out last.
    pub(crate) fn standing(&self) -> Standing {
        self.lock().sent.map(|sent| sent.standing).unwrap_or_default()
    }

    /// From now on only the task sends shared frames; those that went out last.
    pub(crate) fn take_over(&self) -> Option<Sent> {
        self.lock().sent.take()
    }

    /// The loop goes on from here.
    pub(crate) fn hand_back(&self, sent: Sent) {
        self.lock().sent = Some(sent);
    }
}

impl State<dyn Io> {
    /// `None`: the task must send them.
    fn tell(&mut self, frames: &Frames) -> Option<usize> {
        let Some(sent) = self.sent else { return Some(0) };
        if self.torn || !self.rest.is_empty() {
            return None;
        }
        let (bytes, count) = match frames.number.checked_sub(sent.number)? {
            0 => (&frames.beat_bytes, 1),
            1 => (&frames.news_bytes, frames.news.len()),
            _ => return None,
        };
        // Nobody waits for room: the task asks again under its own name.
        let mut context = Context::from_waker(Waker::noop());
        match Pin::new(&mut self.io).poll_write(&mut context, bytes) {
            Poll::Ready(Ok(taken)) => {
                self.rest = bytes.slice(taken..);
                self.sent = Some(Sent::of(frames));
                Some(count)
            }
            Poll::Ready(Err(_)) | Poll::Pending => None,
        }
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.rest.is_empty() {
            let taken = ready!(Pin::new(&mut self.io).poll_write(cx, &self.rest))?;
            if taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.rest.advance(taken);
        }
        Poll::Ready(Ok(()))
    }
}

/// The task's end of a line. What it is given to write are whole frames, or the rest of some.
pub(crate) struct LineIo(pub(crate) Arc<Line>);

impl AsyncRead for LineIo {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0.lock().io).poll_read(cx, buf)
    }
}

impl AsyncWrite for LineIo {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock();
        state.torn = true;
        ready!(state.poll_rest(cx))?;
        let taken = ready!(Pin::new(&mut state.io).poll_write(cx, buf))?;
        state.torn = taken < buf.len();
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.lock();
        ready!(state.poll_rest(cx))?;
        Pin::new(&mut state.io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.lock();
        ready!(state.poll_rest(cx))?;
        Pin::new(&mut state.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::{super::frames::tests::progress, *};

    /// A line that takes so many bytes before somebody reads, and has shown the first frames.
    fn line(room: usize) -> (Arc<Line>, DuplexStream, Frames) {
        let (ours, theirs) = duplex(room);
        let line = Line::new(ours);
        line.wake_at(Instant::now() + Duration::from_secs(60));
        let frames = Frames::first(&progress(10, 1, 0));
        line.hand_back(Sent::of(&frames));
        (line, theirs, frames)
    }

    fn was_woken(line: &Line) -> bool {
        line.woken().now_or_never().is_some()
    }

    #[tokio::test]
    async fn who_has_had_all_gets_news_and_heartbeats_without_its_task() {
        let (line, mut theirs, first) = line(4_096);
        let news = first.next(&progress(20, 2, 20));
        assert_eq!(line.tell(&first, Instant::now()), 1);
        assert_eq!(line.tell(&news, Instant::now()), news.news.len());
        assert!(!was_woken(&line));
        let mut read = vec![0; first.beat_bytes.len() + news.news_bytes.len()];
        theirs.read_exact(&mut read).await.unwrap();
        assert_eq!(read, [&first.beat_bytes[..], &news.news_bytes].concat());
        assert_eq!(line.take_over().map(|sent| sent.to), Some(20));
    }

    #[tokio::test]
    async fn who_missed_frames_or_waits_for_its_time_is_woken() {
        let (line, _theirs, first) = line(4_096);
        let later = first.next(&progress(20, 2, 0)).next(&progress(30, 3, 0));
        assert_eq!(line.tell(&later, Instant::now()), 0);
        assert!(was_woken(&line));
        line.wake_at(Instant::now());
        assert_eq!(line.tell(&first, Instant::now()), 1);
        assert!(was_woken(&line));
    }

    #[tokio::test]
    async fn whom_the_task_serves_is_left_alone() {
        let (line, _theirs, first) = line(4_096);
        let sent = line.take_over().unwrap();
        assert_eq!((line.tell(&first, Instant::now()), was_woken(&line)), (0, false));
        line.hand_back(sent);
        assert_eq!(line.tell(&first, Instant::now()), 1);
    }

    /// Reads some: now there is room.
    async fn take(theirs: &mut DuplexStream, all: &mut Vec<u8>) {
        let mut some = [0; 7];
        let count = theirs.read(&mut some).await.unwrap();
        all.extend_from_slice(&some[..count]);
    }

    #[tokio::test]
    async fn no_frame_is_put_inside_another() {
        let (line, mut theirs, first) = line(50);
        let beat = first.beat_bytes.len();
        assert_eq!(line.tell(&first, Instant::now()), 1);
        assert!(was_woken(&line), "the rest is the task's");
        let mut all = Vec::new();
        take(&mut theirs, &mut all).await;
        assert_eq!(line.tell(&first, Instant::now()), 0, "before the rest");
        let mut io = LineIo(line.clone());
        let own = [b'o'; 100];
        let mut writing = Box::pin(async move {
            io.write_all(&own).await.unwrap();
            io.flush().await.unwrap();
        });
        while writing.as_mut().now_or_never().is_none() {
            take(&mut theirs, &mut all).await;
            assert_eq!(line.tell(&first, Instant::now()), 0, "in the midst of a frame");
        }
        drop((writing, line));
        theirs.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, [&first.beat_bytes[..], &own].concat());
        assert_eq!(all.len(), beat + own.len());
    }
}
