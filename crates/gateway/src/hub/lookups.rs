//! Looks tickets up: whatever is asked while one call is under way goes in the next one together.

use std::sync::Arc;

use domain::TicketId;
use ports::view::ENTRIES_PER_CALL_MAX;
use tokio::sync::{mpsc, oneshot};
use wire::view::TicketValue;

use super::{Hub, Unknown};

/// What the view holds of one ticket.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) value: Option<TicketValue>,
    /// The view stood here.
    pub(crate) next: u64,
}

/// A ticket somebody asks for.
pub(crate) struct Ask {
    ticket: TicketId,
    answer: oneshot::Sender<Result<Found, Unknown>>,
}

impl Hub {
    /// What the view holds of a ticket now.
    pub(crate) async fn lookup(&self, ticket: TicketId) -> Result<Found, Unknown> {
        let (answer, answered) = oneshot::channel();
        self.asks.try_send(Ask { ticket, answer }).map_err(|_| Unknown::Busy)?;
        answered.await.unwrap_or(Err(Unknown::Busy))
    }
}

/// Answers until nobody can ask any more.
pub(crate) async fn serve(hub: Arc<Hub>, mut asked: mpsc::Receiver<Ask>) {
    let mut asks = Vec::new();
    while asked.recv_many(&mut asks, ENTRIES_PER_CALL_MAX).await > 0 {
        asks.retain(|ask| !ask.answer.is_closed());
        let tickets: Vec<TicketId> = asks.iter().map(|ask| ask.ticket).collect();
        if tickets.is_empty() {
            continue;
        }
        let read = hub.read_tickets(&tickets).await;
        for (i, ask) in asks.drain(..).enumerate() {
            let found = match &read {
                Ok(read) => {
                    decode(read.values.get(i)).map(|value| Found { value, next: read.head.next })
                }
                Err(unknown) => Err(*unknown),
            };
            // Fails when the one who asked has gone.
            let _ = ask.answer.send(found);
        }
    }
}

/// Reads a ticket's value; what can't be read is not "no ticket".
pub(crate) fn decode(value: Option<&Option<bytes::Bytes>>) -> Result<Option<TicketValue>, Unknown> {
    match value {
        None => Err(Unknown::Unreachable),
        Some(None) => Ok(None),
        Some(Some(bytes)) => TicketValue::decode(bytes).map(Some).map_err(|error| {
            tracing::error!(%error, "a ticket's value can't be read");
            Unknown::Unreachable
        }),
    }
}
