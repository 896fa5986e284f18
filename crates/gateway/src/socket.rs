//! One socket: the shared frames as they come, and its shopper's own.
//!
//! A task a socket, no timer while all goes well: the loop that sends the shared frames also wakes it
//! for pings, for the end of its patience, and for frames that the connection does not take at once.

pub(crate) mod end;
mod person;

use std::{
    future::pending,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use domain::mutants::{Mutant, on};
use futures_util::{SinkExt, StreamExt, future::BoxFuture, poll};
use http_kit::jitter::jitter;
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::{Instant, Sleep, sleep, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{self, Message, Utf8Bytes},
};
use wire::{
    Browser,
    frame::{Personal, What},
};

use crate::{
    Gateway,
    hub::{
        Following, Hub, Unknown,
        frames::Shown,
        line::{Line, LineIo, Sent},
    },
    limits::WRITE_SECS_MAX,
    look::Look,
    socket::{end::End, person::Person},
};

/// A browser's WebSocket.
pub(crate) type Ws = WebSocketStream<LineIo>;

/// Who listens, and what they have seen elsewhere.
pub(crate) struct Listener {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) hub: Arc<Hub>,
    /// `None`: a browser without a cookie.
    pub(crate) browser: Option<Browser>,
    pub(crate) seen: Option<u64>,
    pub(crate) place: OwnedSemaphorePermit,
}

pub(crate) struct Socket {
    gateway: Arc<Gateway>,
    hub: Arc<Hub>,
    line: Arc<Line>,
    following: Following,
    /// Nothing goes out before; then the whole state does.
    opened: bool,
    /// `None`: a browser without a cookie.
    person: Option<Person>,
    /// Finds the browser's ticket; `None` once it is found, or until the next heartbeat.
    look: Option<BoxFuture<'static, Result<Option<Look>, Unknown>>>,
    heard_at: Instant,
    pinged_at: Instant,
    close_at: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
}

impl Socket {
    pub(crate) fn new(listener: Listener, line: Arc<Line>) -> Self {
        let Listener { gateway, hub, browser, seen, place } = listener;
        let person = browser.map(|browser| Person::new(&hub, hub.first_ticket(&browser)));
        let number = person.as_ref().map(Person::first);
        let now = Instant::now();
        let following = hub.follow(line.clone());
        gateway.meters.sockets.increment(1);
        let socket = Self {
            look: Some(Box::pin(prepare(hub.clone(), following.reached(), number, seen))),
            gateway,
            hub,
            line,
            following,
            opened: false,
            person,
            heard_at: now,
            pinged_at: now,
            close_at: None,
            _place: place,
        };
        socket.wake_later();
        // The process may have been told to end meanwhile.
        socket.line.wake();
        socket
    }

    /// Serves the socket to its end.
    #[allow(clippy::manual_async_fn, reason = "an `async fn` keeps room for its arguments twice")]
    pub(crate) fn run(mut self: Box<Self>, mut ws: Ws) -> impl Future<Output = ()> + Send {
        async move {
            let end = match self.serve(&mut ws).await {
                Err(end) => end,
                Ok(never) => match never {},
            };
            self.line.take_over();
            Box::pin(end::close(&mut ws, end)).await;
        }
    }

    async fn serve(&mut self, ws: &mut Ws) -> Result<std::convert::Infallible, End> {
        loop {
            // What was put by before the ticket was found may be older than what the browser has seen.
            let known = self.opened && self.person.as_ref().is_some_and(Person::known);
            // Whatever the browser sends comes last: a flood of it must not hold its frames up.
            tokio::select! {
                biased;
                () = due(&mut self.close_at) => return Err(End::Drained),
                () = self.line.woken() => self.beat(ws).await?,
                look = found(&mut self.look) => Box::pin(self.found(ws, look)).await?,
                () = came(self.person.as_ref()), if known => self.tell(ws).await?,
                message = ws.next() => self.take(message)?,
            }
        }
    }

    /// Nothing is expected from the browser: what it says only shows that it is there.
    fn take(&mut self, message: Option<Result<Message, tungstenite::Error>>) -> Result<(), End> {
        self.heard_at = Instant::now();
        match message {
            Some(Ok(Message::Close(_))) | None => Err(End::Gone),
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(End::of(&error)),
        }
    }

    /// Sees to what the loop that sends shared frames could not.
    async fn beat(&mut self, ws: &mut Ws) -> Result<(), End> {
        let now = Instant::now();
        if now.duration_since(self.heard_at) >= self.gateway.limits.silence {
            return Err(End::Silent);
        }
        if now.duration_since(self.pinged_at) >= self.gateway.limits.ping {
            self.pinged_at = now;
            write(ws, [Message::Ping(Bytes::new())]).await?;
        }
        let shown = self.following.shown();
        if shown.draining && self.close_at.is_none() {
            let window = u64::try_from(self.gateway.limits.drain.as_millis()).unwrap_or(u64::MAX);
            self.close_at = Some(Box::pin(sleep(Duration::from_millis(jitter(0..=window)))));
        }
        if self.opened {
            self.show(ws, &shown).await?;
            self.look_again();
        }
        self.wake_later();
        Ok(())
    }

    /// The next ping is due then, or the end of patience, or a ticket is to be looked for again.
    fn wake_later(&self) {
        let limits = &self.gateway.limits;
        let due = (self.pinged_at + limits.ping).min(self.heard_at + limits.silence);
        let known = self.person.as_ref().is_none_or(Person::known);
        let searches = self.opened && !known;
        self.line.wake_at(if searches { Instant::now() } else { due });
    }

    /// Looks for the ticket again if the view could not tell.
    fn look_again(&mut self) {
        let Some(person) = self.person.as_ref().filter(|person| !person.known()) else { return };
        if self.look.is_none() {
            let reached = self.following.reached();
            let look = prepare(self.hub.clone(), reached, Some(person.first()), None);
            self.look = Some(Box::pin(look));
        }
    }

    /// Sends what is new of the shared frames and has not gone out yet: the news, or all after a gap.
    async fn show(&mut self, ws: &mut Ws, shown: &Shown) -> Result<(), End> {
        let frames = &shown.frames;
        let meters = &self.gateway.meters;
        let texts = match self.line.take_over() {
            None => frames.whole().to_vec(),
            Some(sent) if sent.number >= frames.number => {
                self.line.hand_back(sent);
                Vec::new()
            }
            Some(sent) if sent.number + 1 == frames.number => frames.news.clone(),
            Some(sent) => {
                meters.skipped_frames.increment(frames.number - sent.number - 1);
                frames.whole_since(sent.to)
            }
        };
        let news = !texts.is_empty();
        meters.shared_frames.increment(texts.len() as u64);
        write(ws, texts.into_iter().map(Message::Text)).await?;
        if news {
            self.line.hand_back(Sent::of(frames));
        }
        Ok(())
    }

    /// The first look has ended, or one after it.
    async fn found(&mut self, ws: &mut Ws, look: Result<Option<Look>, Unknown>) -> Result<(), End> {
        self.look = None;
        if !self.opened {
            self.opened = true;
            let shown = self.following.shown();
            self.show(ws, &shown).await?;
        }
        let frame = match (look, &mut self.person) {
            (Ok(Some(look)), Some(person)) => {
                person.begin(&look, self.line.standing(), &self.gateway, &self.hub.event)
            }
            (Ok(_), None) => Personal::new(What::None),
            (Err(_), _) if on(Mutant::UnknownIsAbsent) => Personal::new(What::None),
            // The last frame stays; the next heartbeat looks again.
            _ => {
                self.wake_later();
                return Ok(());
            }
        };
        self.gateway.meters.personal_frames.increment(1);
        write(ws, [Message::Text(frame.text().into())]).await
    }

    /// Sends what waits in the inbox.
    async fn tell(&mut self, ws: &mut Ws) -> Result<(), End> {
        let Some(person) = &mut self.person else { return Ok(()) };
        let frames = person.frames(self.line.standing(), &self.gateway, &self.hub.event)?;
        self.gateway.meters.personal_frames.increment(frames.len() as u64);
        let text = |frame: Personal| Message::Text(Utf8Bytes::from(frame.text()));
        write(ws, frames.into_iter().map(text)).await
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.gateway.meters.sockets.decrement(1);
    }
}

/// Waits until the frames cover all that the browser has seen, then finds its ticket, then waits
/// until the frames cover that, too: so no frame on this socket is behind one on another before.
async fn prepare(
    hub: Arc<Hub>,
    mut reached: watch::Receiver<u64>,
    ticket: Option<(u64, domain::TicketId)>,
    seen: Option<u64>,
) -> Result<Option<Look>, Unknown> {
    if let Some(seen) = seen {
        // Fails only when the hub is gone.
        let _ = reached.wait_for(|reached| *reached > seen).await;
    }
    let Some((number, first)) = ticket else { return Ok(None) };
    let look = hub.look(first, |next| hub.registry.bind(number, next)).await?;
    let _ = reached.wait_for(|reached| *reached >= look.next).await;
    Ok(Some(look))
}

async fn came(person: Option<&Person>) {
    match person {
        Some(person) => person.came().await,
        None => pending().await,
    }
}

async fn found<T>(look: &mut Option<BoxFuture<'static, T>>) -> T {
    match look {
        Some(look) => look.await,
        None => pending().await,
    }
}

async fn due(close_at: &mut Option<Pin<Box<Sleep>>>) {
    match close_at {
        Some(at) => at.await,
        None => pending().await,
    }
}

/// Writes messages together; a browser that does not take them in time is given up.
async fn write(ws: &mut Ws, messages: impl IntoIterator<Item = Message>) -> Result<(), End> {
    let all = async {
        for message in messages {
            ws.feed(message).await?;
        }
        ws.flush().await
    };
    let mut all = pin!(all);
    let written = match poll!(all.as_mut()) {
        Poll::Ready(written) => Ok(written),
        // Boxed: only a slow browser needs a clock, and every socket would carry the room for it.
        Poll::Pending => Box::pin(timeout(Duration::from_secs(WRITE_SECS_MAX), all)).await,
    };
    match written {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(End::Gone),
        Err(_) => Err(End::Stuck),
    }
}
