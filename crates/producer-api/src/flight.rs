//! A record on its way to the log, and those who wait for it to land.

use std::sync::OnceLock;

use ports::LogError;
use tokio::sync::Notify;
use wire::Code;

/// One record's way; shared by all whose commands are in it. Nobody who stops waiting holds it up.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    /// The record's offset, or why it has none.
    landed: OnceLock<Result<u64, Code>>,
    arrivals: Notify,
}

impl Flight {
    /// Waits for the record's offset.
    pub(crate) async fn landed(&self) -> Result<u64, Code> {
        let arrival = self.arrivals.notified();
        if let Some(landed) = self.landed.get() {
            return *landed;
        }
        arrival.await;
        self.landed.get().copied().unwrap_or(Err(Code::LogUnavailable))
    }

    /// Tells all who wait; the first word counts.
    pub(crate) fn land(&self, result: Result<u64, Code>) {
        if self.landed.set(result).is_ok() {
            self.arrivals.notify_waiters();
        }
    }
}

/// What a failed append means to those whose commands were in the record.
pub(crate) fn code_of(error: &LogError) -> Code {
    match error {
        LogError::Full => Code::Overloaded,
        // The facts speak of the event, so its log is missing and not the event.
        LogError::Unavailable(_) | LogError::UnknownEvent(_) => Code::LogUnavailable,
        LogError::TooLarge(_) => Code::Internal,
    }
}
