//! Finds what the view says of a browser.

use std::time::Duration;

use domain::TicketId;
use wire::{
    Browser,
    ticket::ticket_id,
    view::{Standing, TicketValue},
};

use crate::{
    hub::{Hub, Unknown},
    limits::{ATTEMPTS_MAX, REACH_MS},
};

/// The ticket that counts for a browser.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    pub(crate) ticket: TicketId,
    /// `None`: there is none.
    pub(crate) value: Option<TicketValue>,
    /// The view stood here.
    pub(crate) next: u64,
}

impl Hub {
    /// The first ticket of a browser at this event.
    pub(crate) fn first_ticket(&self, browser: &Browser) -> TicketId {
        ticket_id(&self.latest().value.salt, browser, 0)
    }

    /// Follows a browser's tickets to the one that counts; `found` hears of each further one before
    /// it is looked up.
    pub(crate) async fn look(
        &self,
        first: TicketId,
        found: impl Fn(TicketId),
    ) -> Result<Look, Unknown> {
        let mut ticket = first;
        for _ in 0..ATTEMPTS_MAX {
            let read = self.lookup(ticket).await?;
            match read.value.as_ref().and_then(|value| value.next) {
                Some(next) => {
                    found(next);
                    ticket = next;
                }
                None => return Ok(Look { ticket, value: read.value, next: read.next }),
            }
        }
        Err(Unknown::Unreachable)
    }

    /// The ticket of a browser, once all below `seen` and `seen` itself is known, with how the line
    /// stands: never behind what the ticket was read with, so that `ahead` grows for nobody.
    pub(crate) async fn own(
        &self,
        browser: &Browser,
        seen: Option<u64>,
    ) -> Result<(Look, Standing), Unknown> {
        let patience = Duration::from_millis(REACH_MS);
        if let Some(seen) = seen {
            self.reached(seen.saturating_add(1), patience).await?;
        }
        let look = self.look(self.first_ticket(browser), |_| {}).await?;
        self.reached(look.next, patience).await?;
        Ok((look, self.latest().value.progress.standing()))
    }
}
