//! What one browser has been told of its ticket.

use std::sync::Arc;

use domain::{
    Address, EventId, Hold, Millis, Outcome, TicketId,
    mutants::{Mutant, on},
};
use wire::{
    TicketState,
    frame::{Personal, What},
    view::{Standing, TicketValue},
};

use crate::{
    Gateway,
    hub::{
        Hub,
        registry::{Inbox, Item},
    },
    look::Look,
    socket::end::End,
};

/// The state that a browser was told last.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Known {
    Nothing,
    NoTicket,
    Registered,
    Waiting(u32),
    Admitted(Millis),
    Inside(Millis),
    Held(Hold),
    Booked(Address),
    Left,
    Expired,
    Cancelled,
}

impl Known {
    fn of_value(value: Option<&TicketValue>) -> Self {
        let Some(value) = value else { return Self::NoTicket };
        let until = value.until.unwrap_or_default();
        match (value.state, &value.hold, &value.booking) {
            (TicketState::Registered, ..) => Self::Registered,
            (TicketState::Admitted, ..) => Self::Admitted(until),
            (TicketState::Holding, Some(hold), _) => Self::Held(hold.clone()),
            (TicketState::Inside | TicketState::Holding, ..) => Self::Inside(until),
            (TicketState::Booked, _, Some(booking)) => Self::Booked(booking.id),
            (TicketState::Left, ..) => Self::Left,
            (TicketState::Expired, ..) => Self::Expired,
            (TicketState::Cancelled, ..) => Self::Cancelled,
            (TicketState::Waiting | TicketState::Booked, ..) => Self::Waiting(value.position),
        }
    }

    /// The state after an outcome; `None` if it changes none.
    fn of_outcome(outcome: &Outcome) -> Option<Self> {
        match outcome {
            Outcome::Waiting { position } => Some(Self::Waiting(*position)),
            Outcome::Admitted { until } => Some(Self::Admitted(*until)),
            Outcome::Inside { until } | Outcome::Released { until, .. } => {
                Some(Self::Inside(*until))
            }
            Outcome::Held { hold } => Some(Self::Held(hold.clone())),
            Outcome::Booked { booking } => Some(Self::Booked(booking.id)),
            Outcome::Cancelled => Some(Self::Cancelled),
            Outcome::Left => Some(Self::Left),
            Outcome::Expired => Some(Self::Expired),
            Outcome::Followed { .. }
            | Outcome::Refused { .. }
            | Outcome::Operated { .. }
            | Outcome::Owned { .. } => None,
        }
    }

    fn has_ticket(&self) -> bool {
        !matches!(self, Self::Nothing | Self::NoTicket)
    }
}

/// A socket's browser.
pub(crate) struct Person {
    hub: Arc<Hub>,
    number: u64,
    inbox: Arc<Inbox>,
    first: TicketId,
    ticket: TicketId,
    known: Known,
    /// What the log says below this offset has been told.
    told: u64,
}

impl Person {
    /// Registers the browser's socket under its first ticket.
    pub(crate) fn new(hub: &Arc<Hub>, first: TicketId) -> Self {
        let (number, inbox) = hub.registry.add(first);
        let hub = hub.clone();
        Self { hub, number, inbox, first, ticket: first, known: Known::Nothing, told: 0 }
    }

    /// Its number in the registry, and its first ticket.
    pub(crate) fn first(&self) -> (u64, TicketId) {
        (self.number, self.first)
    }

    /// The browser has been told its state, or that it has no ticket.
    pub(crate) fn known(&self) -> bool {
        self.known != Known::Nothing
    }

    /// Waits for something to tell.
    pub(crate) async fn came(&self) {
        self.inbox.came().await;
    }

    /// The frame of the present state.
    pub(crate) fn begin(
        &mut self,
        look: &Look,
        standing: Standing,
        gateway: &Gateway,
        event: &EventId,
    ) -> Personal {
        self.ticket = look.ticket;
        self.known = Known::of_value(look.value.as_ref());
        self.told = look.next;
        present(look.ticket, look.value.as_ref(), standing, gateway, event)
    }

    /// The frames of what waits; an error if it was too much.
    pub(crate) fn frames(
        &mut self,
        standing: Standing,
        gateway: &Gateway,
        event: &EventId,
    ) -> Result<Vec<Personal>, End> {
        let items = self.inbox.take().map_err(|_| End::Slow)?;
        let frames = items.iter().filter_map(|item| {
            // One after the other: a reading of the view makes what waits behind it old news.
            let news = item.next() > self.told || on(Mutant::OldNewsTold);
            news.then(|| self.frame(item, standing, gateway, event)).flatten()
        });
        Ok(frames.collect())
    }

    fn frame(
        &mut self,
        item: &Item,
        standing: Standing,
        gateway: &Gateway,
        event: &EventId,
    ) -> Option<Personal> {
        match item {
            Item::Told { ticket, outcome, seq, .. } => {
                let known = Known::of_outcome(outcome);
                // A value of the view can be ahead of its head: what was told since is older news.
                let back = matches!(outcome, Outcome::Waiting { .. }) && self.known.has_ticket();
                if back && *ticket == self.ticket {
                    return None;
                }
                self.ticket = *ticket;
                if let Some(known) = known {
                    self.known = known;
                }
                let pass = |until| gateway.pass(event, *ticket, until);
                Personal::of(outcome, *seq, standing, pass)
            }
            Item::Present { ticket, value, next } => {
                self.told = self.told.max(*next);
                let known = Known::of_value(value.as_ref());
                // Nobody who was in line is told that they are not (R5).
                let lost = known == Known::NoTicket && self.known.has_ticket();
                if lost || (known == self.known && *ticket == self.ticket) {
                    return None;
                }
                (self.ticket, self.known) = (*ticket, known);
                Some(present(*ticket, value.as_ref(), standing, gateway, event))
            }
        }
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        self.hub.registry.remove(self.number);
    }
}

fn present(
    ticket: TicketId,
    value: Option<&TicketValue>,
    standing: Standing,
    gateway: &Gateway,
    event: &EventId,
) -> Personal {
    match value {
        Some(value) => {
            Personal::present(value, standing, |until| gateway.pass(event, ticket, until))
        }
        None => Personal::new(What::None),
    }
}
