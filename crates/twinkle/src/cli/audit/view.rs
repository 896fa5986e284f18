//! What the view shows against the fold of the log.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use audit::Replay;
use domain::EventId;
use ports::ViewReader;
use wire::view::{SharedValue, TicketValue};

use crate::cli::sources::{LogSource, WAIT_SECS, bar};

/// Tickets compared at once.
const BATCH: usize = 1_000;
/// Most differences that are told.
const DIFFERENCES_MAX: usize = 20;
/// Pause between two looks at a view that is behind the log, in milliseconds.
const LOOK_MS: u64 = 200;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) compared: u32,
    pub(super) differences: Vec<String>,
}

/// Every ticket of the view against the fold at the very offset that the view stands at.
pub(super) async fn compare(
    replay: &mut Replay,
    log: &mut LogSource,
    view: &dyn ViewReader,
    id: &EventId,
) -> Result<Found> {
    wait_for_view(replay, view, id).await?;
    let mut found = Found::default();
    let all: Vec<_> = replay.event().order().tickets().map(|(_, ticket)| ticket.id).collect();
    let bar = bar("comparing", all.len() as u64);
    for ids in all.chunks(BATCH) {
        let seen = view.tickets(id, ids).await?.context("the view lost its head")?;
        go_on(replay, log, seen.head.next).await?;
        for (ticket, value) in ids.iter().zip(seen.values) {
            let Some((position, ..)) = replay.event().ticket(*ticket) else { continue };
            let expected = worker::values::ticket(replay.event(), position);
            let shown = value.map(|bytes| TicketValue::decode(&bytes)).transpose()?;
            found.compare(position, &expected, shown.as_ref());
        }
        bar.inc(ids.len() as u64);
    }
    bar.finish_and_clear();
    let shared = view.shared(id).await?.context("the view lost its head")?;
    go_on(replay, log, shared.head.next).await?;
    let shown = SharedValue::decode(&shared.value)?.progress;
    let mut expected = worker::values::progress(replay.event(), shown.from);
    (expected.to, expected.at, expected.rate) = (shown.to, shown.at, shown.rate);
    if shown != expected {
        found.differ(format!("the log says {expected:?}, the view {shown:?}"));
    }
    Ok(found)
}

/// Folds every record below `next`.
async fn go_on(replay: &mut Replay, log: &mut LogSource, next: u64) -> Result<()> {
    while replay.event().next() < next {
        replay.take(&log.next().await?)?;
    }
    Ok(())
}

async fn wait_for_view(replay: &Replay, view: &dyn ViewReader, id: &EventId) -> Result<()> {
    for _ in 0..WAIT_SECS * 1_000 / LOOK_MS {
        if let Ok(Some(shared)) = view.shared(id).await
            && shared.head.next >= replay.event().next()
        {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
    }
    bail!("the view does not catch up with the log")
}

impl Found {
    /// Deadlines are left out: the view tells them by the clock of the log, the fold in event time.
    fn compare(&mut self, position: u32, expected: &TicketValue, shown: Option<&TicketValue>) {
        self.compared += 1;
        let plain = |value: &TicketValue| {
            let mut value = value.clone();
            value.until = None;
            if let Some(hold) = &mut value.hold {
                hold.until = 0;
            }
            value
        };
        if shown.map(plain).as_ref() != Some(&plain(expected)) {
            self.differ(format!(
                "position {position}: the log says {expected:?}, the view {shown:?}"
            ));
        }
    }

    fn differ(&mut self, difference: String) {
        if self.differences.len() < DIFFERENCES_MAX {
            self.differences.push(difference);
        }
    }
}
