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

#[cfg(test)]
mod tests {
    use domain::{Epoch, EventState, Mode, Told};
    use http_kit::{Cookies, Origins, PublicUrl};
    use ports::{Generation, Head, SystemClock, memory::MemoryView};
    use tokio::sync::watch;
    use wire::{
        CookieKeys, PassKeys, format_key,
        view::{Progress, PublicDefinition, SharedValue},
    };

    use super::*;
    use crate::{Limits, Parts, meters::Meters};

    const TICKET: TicketId = TicketId([7; 16]);

    fn shared() -> SharedValue {
        let definition = PublicDefinition {
            title: [("en".to_owned(), "Pop-up".to_owned())].into(),
            mode: Mode::Fifo,
            time_zone: "UTC".into(),
            prequeue_at: None,
            opens_at: None,
            closes_at: None,
            return_url: None,
            seats_per_ticket: 1,
            slots: vec![],
        };
        let progress = Progress {
            from: 20,
            to: 21,
            at: 0,
            state: EventState::Open,
            serving: 0,
            total: 1,
            rate: 60,
            waiting: 1,
            admitted: 0,
            inside: 0,
            holding: 0,
            booked: 0,
            sold_out: false,
            slots: vec![],
        };
        SharedValue { salt: [0; 16], definition, progress, head: None }
    }

    fn gateway_and_hub() -> (Gateway, Arc<Hub>) {
        let public: PublicUrl = "http://127.0.0.1:8080".parse().unwrap();
        let (view, clock) = (Arc::new(MemoryView::default()), Arc::new(SystemClock));
        let keys = CookieKeys::parse(&format_key("k", &[7; 32])).unwrap();
        let gateway = Gateway::new(Parts {
            view: view.clone(),
            cookies: Cookies::new(keys, &public, clock.clone()),
            origins: Origins::new(&public, &[]),
            passes: PassKeys::parse(&format_key("p", &[9; 32])).unwrap(),
            issuer: "http://127.0.0.1:8080".to_owned(),
            clock: clock.clone(),
            limits: Limits::default(),
            stopped: watch::channel(false).1,
        });
        let generation = Generation { epoch: Epoch(1), counter: 1 };
        let head = Head { epoch: Epoch(1), generation, next: 21 };
        let event = "popup".parse().unwrap();
        let meters = Arc::new(Meters::default());
        (gateway, Hub::new(event, view, clock, meters, (head, shared())).0)
    }

    #[tokio::test]
    async fn a_reading_makes_what_waits_behind_it_old_news() {
        let (gateway, hub) = gateway_and_hub();
        let mut person = Person::new(&hub, TICKET);
        let (number, _) = person.first();
        let expired =
            TicketValue { position: 1, state: TicketState::Expired, ..Default::default() };
        hub.registry.put(number, Item::Present { ticket: TICKET, value: Some(expired), next: 64 });
        let told = [Outcome::Admitted { until: 1 }, Outcome::Expired];
        let told = told.map(|outcome| Told {
            address: None,
            ticket: Some(TICKET),
            seq: None,
            fresh: true,
            outcome,
        });
        hub.registry.tell(told.to_vec(), 64);
        hub.registry.tell(vec![Told { outcome: Outcome::Left, ..told[0].clone() }], 65);
        let frames = person.frames(Standing::default(), &gateway, &hub.event).unwrap_or_default();
        let said: Vec<What> = frames.into_iter().map(|frame| frame.what).collect();
        assert_eq!(said, [What::Expired, What::Left]);
    }
}
