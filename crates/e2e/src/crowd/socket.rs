//! One shopper's stream: connects, reconnects, checks every frame, passes personal ones on.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use anyhow::{Context, Result};
use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use tokio::{
    net::TcpStream,
    sync::{mpsc, watch},
    time::{Instant, sleep, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{
        Message,
        client::IntoClientRequest,
        http::{HeaderName, HeaderValue},
        protocol::WebSocketConfig,
    },
};

use super::{World, pulse::tick};
use crate::{
    calls::{Base, Role},
    dice::Dice,
    frames::{self, Frame, Personal},
    model::Line,
    moment,
};

const BUFFER_BYTES: usize = 4 * 1024;
const CONNECT_SECS_MAX: u64 = 10;
const TRAIL_MAX: usize = 6;
/// A healthy stream has a heartbeat each second; after this long without one it is dialled anew.
const SILENCE_SECS_MAX: u64 = 10;

/// "Service restart": come back (RFC 6455 and its registry).
pub const RESTART: u16 = 1012;
/// What stands for a close frame without a code (RFC 6455).
const NO_CODE: u16 = 1005;

pub type Ws = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What a shopper's socket knows, shared with the shopper.
#[derive(Debug, Default)]
pub struct Sight {
    pub line: Line,
    /// Remaining seats as last told.
    pub seats: BTreeMap<String, i64>,
    pub sold_out: bool,
    pub closed: bool,
    /// Whether a join was acknowledged: from then on "not in line" is false.
    pub in_line: bool,
    pub forgotten: Vec<String>,
    /// The last things heard about the own ticket, and where, for a report.
    pub trail: VecDeque<String>,
}

impl Sight {
    fn note(&mut self, text: String) {
        if self.trail.len() == TRAIL_MAX {
            self.trail.pop_front();
        }
        self.trail.push_back(format!("{} {text}", moment::to_text(moment::now())));
    }
}

/// The shopper's side of the socket.
#[derive(Debug)]
pub struct Socket {
    pub sight: Arc<Mutex<Sight>>,
    pub personal: mpsc::UnboundedReceiver<Personal>,
    /// Set: the offset to see at least, `None` = hang up for good.
    pub want: watch::Sender<Option<u64>>,
}

impl Socket {
    pub fn sight(&self) -> MutexGuard<'_, Sight> {
        locked(&self.sight)
    }
}

fn locked(sight: &Mutex<Sight>) -> MutexGuard<'_, Sight> {
    sight.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Dials a gateway's stream.
pub async fn dial(base: &Base, path: &str, cookie: Option<&str>, origin: &str) -> Result<Ws> {
    let mut request =
        format!("{}{path}", base.url.replacen("http", "ws", 1)).into_client_request()?;
    let mut set = |name: &'static str, value: &str| -> Result<()> {
        request.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_str(value)?);
        Ok(())
    };
    set("origin", origin)?;
    if let Some(cookie) = cookie {
        set("cookie", cookie)?;
    }
    let config = WebSocketConfig::default().read_buffer_size(BUFFER_BYTES).write_buffer_size(0);
    let dialled = connect_async_with_config(request, Some(config), true);
    let dialled = timeout(Duration::from_secs(CONNECT_SECS_MAX), dialled).await;
    Ok(dialled.context("no answer to the upgrade")??.0)
}

/// Opens the stream in a task of its own.
pub fn open(
    world: Arc<World>,
    cookie: String,
    seen: u64,
    drops_every: Option<Duration>,
    dice: Dice,
) -> Socket {
    let sight = Arc::new(Mutex::new(Sight { in_line: true, ..Sight::default() }));
    let (tell, personal) = mpsc::unbounded_channel();
    let (want, wanted) = watch::channel(Some(seen));
    let (told, sent_away) = (sight.clone(), false);
    let task = Task { world, cookie, sight: told, tell, wanted, drops_every, dice, sent_away };
    tokio::spawn(task.run());
    Socket { sight, personal, want }
}

struct Task {
    world: Arc<World>,
    cookie: String,
    sight: Arc<Mutex<Sight>>,
    tell: mpsc::UnboundedSender<Personal>,
    wanted: watch::Receiver<Option<u64>>,
    drops_every: Option<Duration>,
    dice: Dice,
    /// The last socket was closed with the word to come back.
    sent_away: bool,
}

impl Task {
    async fn run(mut self) {
        loop {
            let Some(seen) = *self.wanted.borrow_and_update() else { return };
            if self.wanted.has_changed().is_err() {
                return;
            }
            let seen = seen.max(locked(&self.sight).line.seen.saturating_sub(1));
            let path = self.world.path(&format!("/stream?seen={seen}"));
            let base = self.world.caller.base(Role::Gateway, &Method::GET, &path);
            let origin = &self.world.caller.origin;
            if let Ok(ws) = dial(&base, &path, Some(&self.cookie), origin).await {
                tick(&self.world.pulse.connects);
                if std::mem::take(&mut self.sent_away) {
                    tick(&self.world.pulse.came_back);
                }
                {
                    let mut sight = locked(&self.sight);
                    sight.line.connected();
                    sight.note(format!("at {}", base.url));
                }
                if self.listen(ws, &base.url).await {
                    return;
                }
            }
            sleep(self.dice.millis(100, 800)).await;
        }
    }

    /// Reads until the socket ends; true = hung up for good.
    async fn listen(&mut self, mut ws: Ws, url: &str) -> bool {
        // A view that has not come to what this browser has seen says nothing yet.
        let mut opened = false;
        let drop_at = self.drops_every.map(|every| Instant::now() + every);
        loop {
            let drop_in = drop_at.map_or(Duration::MAX, |at| at - Instant::now());
            let limit = drop_in.min(Duration::from_secs(SILENCE_SECS_MAX));
            tokio::select! {
                changed = self.wanted.changed() => {
                    if changed.is_err() || self.wanted.borrow().is_none() {
                        let _ = timeout(Duration::from_secs(1), ws.close(None)).await;
                        return true;
                    }
                }
                message = timeout(limit, ws.next()) => match message {
                    Err(_) => {
                        if opened && drop_at.is_none_or(|at| at > Instant::now()) {
                            self.world.pulse.wrong(format!(
                                "a stream was silent for {SILENCE_SECS_MAX} s"
                            ));
                        }
                        return false;
                    }
                    Ok(Some(Ok(Message::Text(text)))) => {
                        opened = true;
                        self.heard(text.as_str());
                    }
                    Ok(Some(Ok(Message::Close(frame)))) => {
                        let code = frame.map_or(NO_CODE, |frame| frame.code.into());
                        self.world.pulse.ended(url, Some(code));
                        if code == RESTART {
                            tick(&self.world.pulse.sent_away);
                            self.sent_away = true;
                        }
                        let _ = timeout(Duration::from_secs(1), ws.flush()).await;
                        return false;
                    }
                    Ok(Some(Ok(_))) => {}
                    Ok(None | Some(Err(_))) => {
                        self.world.pulse.ended(url, None);
                        return false;
                    }
                }
            }
        }
    }

    fn heard(&mut self, text: &str) {
        self.world.pulse.frames.fetch_add(1, Ordering::Relaxed);
        let frame = frames::read(text);
        let mut sight = locked(&self.sight);
        match frame {
            Err(error) => sight.line.fault(error),
            Ok(Frame::Progress(progress)) => sight.line.progress(&progress),
            Ok(Frame::Seats { span, slots }) => {
                sight.line.shared(span);
                if let Some((slot, left)) = slots.iter().find(|(_, left)| **left < 0) {
                    sight.line.fault(format!("{left} seats remain of slot {slot}"));
                }
                // Slots that did not change may be left out.
                sight.seats.extend(slots);
                sight.sold_out = sight.seats.values().all(|left| *left == 0);
            }
            Ok(Frame::Notice { kind, span }) => {
                sight.line.shared(span);
                sight.closed |= kind == "closed";
            }
            Ok(Frame::Personal(personal)) => {
                if personal.kind == "none" && sight.in_line {
                    sight.forgotten.push("the stream said `none`".to_owned());
                }
                if let (Some(position), Some(ahead)) = (personal.position, personal.ahead) {
                    sight.line.waiting(position, ahead);
                }
                sight.note(format!("{} {:?}", personal.kind, personal.seq));
                let _ = self.tell.send(personal);
            }
        }
    }
}
