//! How sockets end.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::{
    Message,
    error::{CapacityError, Error},
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use super::Ws;
use crate::{limits::CLOSE_SECS_MAX, meters::Meters};

/// Why a socket ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The browser went away.
    Gone,
    /// It sent more than it may.
    TooLarge,
    /// It sent what is no WebSocket.
    Garbled,
    /// It read too slowly: more waited for it than is kept.
    Slow,
    /// It took nothing at all.
    Stuck,
    /// It said nothing for too long.
    Silent,
    /// The process ends.
    Drained,
}

impl End {
    pub(crate) const ALL: [Self; 7] = [
        Self::Gone,
        Self::TooLarge,
        Self::Garbled,
        Self::Slow,
        Self::Stuck,
        Self::Silent,
        Self::Drained,
    ];

    /// What it means that a message could not be read.
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::Capacity(CapacityError::MessageTooLong { .. }) => Self::TooLarge,
            Error::Protocol(_) | Error::Utf8(_) | Error::Capacity(_) => Self::Garbled,
            _ => Self::Gone,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::TooLarge => "too_large",
            Self::Garbled => "garbled",
            Self::Slow => "slow",
            Self::Stuck => "stuck",
            Self::Silent => "silent",
            Self::Drained => "drained",
        }
    }

    fn frame(self) -> Option<(CloseCode, &'static str)> {
        match self {
            Self::TooLarge => Some((CloseCode::Size, "the message is too large")),
            Self::Garbled => Some((CloseCode::Protocol, "the message can't be read")),
            Self::Slow => Some((CloseCode::Again, "too slow: connect again")),
            Self::Silent => Some((CloseCode::Away, "no sign of life")),
            Self::Drained => Some((CloseCode::Restart, "connect again")),
            Self::Gone | Self::Stuck => None,
        }
    }
}

/// Says goodbye, and waits a little for the other side to hear it.
pub(crate) async fn close(ws: &mut Ws, end: End) {
    Meters::closed(end.name());
    let patience = Duration::from_secs(CLOSE_SECS_MAX);
    let Some((code, reason)) = end.frame() else {
        if end == End::Gone {
            // Reading on sends the answer to a close frame (RFC 6455, 5.5.1).
            drop(timeout(patience, ws.next()).await);
        }
        return;
    };
    let frame = CloseFrame { code, reason: reason.into() };
    let _ = timeout(patience, async {
        ws.send(Message::Close(Some(frame))).await?;
        while let Some(message) = ws.next().await {
            if message.is_err() {
                // Unread bytes would turn the end into a reset and the goodbye might be lost.
                sleep(patience).await;
            }
        }
        Ok::<(), Error>(())
    })
    .await;
}
