//! The accept loop: bounded connections, bounded patience, an orderly end.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use axum::response::Response;
use futures_util::FutureExt;
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use metrics::{counter, gauge};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::{sleep, sleep_until, timeout},
};
use tower::Service;

use crate::{
    respond::respond,
    settings::{READ_BYTES_MAX, Settings},
    socket::{Pace, Socket},
    turn_away::TurnAway,
};

/// Pause after an `accept` that failed (out of files, mostly), in milliseconds.
const ACCEPT_RETRY_MS: u64 = 50;

/// Longest wait for tasks to end once they have been told to, in milliseconds.
const ABORT_MS: u64 = 500;

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// All connections ended in time.
    All,
    /// So many were still open at the deadline and were cut off.
    CutOff(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Serving,
    Draining,
    Ending,
}

/// What answers requests: routes, mostly.
pub trait Answers:
    Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Answers for S where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// Serves HTTP/1.1 until `shutdown` is ready, then lets requests under way end.
///
/// Upgraded connections count as open until their socket is dropped; whoever holds them must end
/// them on the same shutdown, or the drain lasts until its deadline.
pub async fn serve(
    listener: TcpListener,
    service: impl Answers,
    settings: Settings,
    shutdown: impl Future<Output = ()>,
) -> Drained {
    let places = Arc::new(Semaphore::new(settings.connections_max));
    let (phase, phases) = watch::channel(Phase::Serving);
    let server = Server { service, settings, phases, turn_away: TurnAway::default() };
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = shutdown.as_mut() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => server.admit(stream, &places),
                Err(error) => accept_failed(&error).await,
            },
        }
    }
    drop(listener);
    drain(&phase, &places, &server.settings).await
}

async fn accept_failed(error: &std::io::Error) {
    counter!("twinkle_http_accept_errors_total").increment(1);
    tracing::warn!(%error, "a connection can't be accepted");
    sleep(Duration::from_millis(ACCEPT_RETRY_MS)).await;
}

async fn drain(phase: &watch::Sender<Phase>, places: &Semaphore, settings: &Settings) -> Drained {
    let all = u32::try_from(settings.connections_max).unwrap_or(u32::MAX);
    phase.send_replace(Phase::Draining);
    if timeout(settings.drain, places.acquire_many(all)).await.is_ok() {
        return Drained::All;
    }
    let open = settings.connections_max - places.available_permits();
    phase.send_replace(Phase::Ending);
    let _ = timeout(Duration::from_millis(ABORT_MS), places.acquire_many(all)).await;
    Drained::CutOff(open)
}

struct Server<S> {
    service: S,
    settings: Settings,
    phases: watch::Receiver<Phase>,
    turn_away: TurnAway,
}

impl<S: Answers> Server<S> {
    /// Gives the connection a task of its own, or turns it away.
    fn admit(&self, stream: TcpStream, places: &Arc<Semaphore>) {
        let Ok(place) = places.clone().try_acquire_owned() else {
            return self.turn_away.answer(stream);
        };
        let pace = Arc::new(Pace::new(&self.settings));
        let socket = Socket::new(stream, pace.clone(), place);
        let (service, phases) = (self.service.clone(), self.phases.clone());
        let https = self.settings.https;
        tokio::spawn(async move {
            let open = gauge!("twinkle_http_connections");
            open.increment(1);
            drive(socket, service, pace, phases, https).await;
            open.decrement(1);
        });
    }
}

enum Step {
    Over,
    /// The deadline came nearer than the timer stands.
    Sooner,
}

/// Serves one connection to its end, its deadline, or the end of the server.
async fn drive(
    socket: Socket,
    service: impl Answers,
    pace: Arc<Pace>,
    mut phases: watch::Receiver<Phase>,
    https: bool,
) {
    let service = service_fn(|request: Request<Incoming>| {
        pace.request_began();
        let pace = pace.clone();
        respond(service.clone(), request, https).map(move |response| {
            pace.request_ended();
            Ok::<_, Infallible>(response)
        })
    });
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(READ_BYTES_MAX)
        // Answers are small: copied behind their head they go out in a plain write.
        .writev(false)
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let (mut armed, at) = pace.look_again();
    let mut timer = pin!(sleep_until(at));
    loop {
        let step = poll_fn(|cx| match connection.as_mut().poll(cx) {
            Poll::Ready(_) => Poll::Ready(Step::Over),
            Poll::Pending if pace.deadline_ms() < armed => Poll::Ready(Step::Sooner),
            Poll::Pending => Poll::Pending,
        });
        tokio::select! {
            biased;
            step = step => match step {
                Step::Over => return,
                Step::Sooner => {}
            },
            () = timer.as_mut() => if pace.overdue() {
                counter!("twinkle_http_connections_timed_out_total").increment(1);
                return;
            },
            Ok(()) = phases.changed() => match *phases.borrow_and_update() {
                Phase::Serving => {}
                Phase::Draining => connection.as_mut().graceful_shutdown(),
                Phase::Ending => return,
            },
        }
        let at;
        (armed, at) = pace.look_again();
        timer.as_mut().reset(at);
    }
}
