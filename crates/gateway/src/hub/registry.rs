//! Which sockets are whose, and what waits to be told to each.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::{Outcome, TicketId, Told};
use tokio::sync::Notify;
use wire::view::TicketValue;

use crate::limits::INBOX_MAX;

/// Something for one ticket's sockets.
#[derive(Debug)]
pub(crate) enum Item {
    /// An outcome of the live channel; `to` is the end of the span that it belongs to.
    Told { ticket: TicketId, outcome: Outcome, seq: Option<u32>, to: u64 },
    /// What the view holds, read anew when it stood at `next`.
    Present { ticket: TicketId, value: Option<TicketValue>, next: u64 },
}

impl Item {
    /// The item covers the log up to here.
    pub(crate) fn next(&self) -> u64 {
        match self {
            Self::Told { to, .. } => *to,
            Self::Present { next, .. } => *next,
        }
    }
}

/// Too much waits for a socket: it reads too slowly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overflow;

/// What waits for one socket.
pub(crate) struct Inbox {
    items: Mutex<Result<Vec<Arc<Item>>, Overflow>>,
    came: Notify,
}

impl Inbox {
    fn new() -> Self {
        Self { items: Mutex::new(Ok(Vec::new())), came: Notify::new() }
    }

    fn put(&self, item: Arc<Item>) {
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *items {
            Ok(waiting) if waiting.len() < INBOX_MAX => waiting.push(item),
            items => *items = Err(Overflow),
        }
        self.came.notify_one();
    }

    /// Waits for something. Cancel safe.
    pub(crate) async fn came(&self) {
        self.came.notified().await;
    }

    /// Takes what is there.
    pub(crate) fn take(&self) -> Result<Vec<Arc<Item>>, Overflow> {
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *items {
            Ok(waiting) => Ok(std::mem::take(waiting)),
            Err(overflow) => Err(*overflow),
        }
    }
}

struct Slot {
    inbox: Arc<Inbox>,
    /// The browser's first ticket, then those of later attempts.
    tickets: Vec<TicketId>,
}

#[derive(Default)]
struct Slots {
    last: u64,
    by_number: BTreeMap<u64, Slot>,
    by_ticket: HashMap<TicketId, Vec<u64>>,
}

/// The sockets of an event that have a browser.
#[derive(Default)]
pub(crate) struct Registry(Mutex<Slots>);

impl Registry {
    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().by_number.is_empty()
    }

    /// Adds a socket under its browser's first ticket, whether there is one or not.
    pub(crate) fn add(&self, ticket: TicketId) -> (u64, Arc<Inbox>) {
        let inbox = Arc::new(Inbox::new());
        let mut slots = self.lock();
        slots.last += 1;
        let number = slots.last;
        slots.by_number.insert(number, Slot { inbox: inbox.clone(), tickets: Vec::new() });
        slots.bind(number, ticket);
        (number, inbox)
    }

    /// From now on the socket hears of this ticket, too.
    pub(crate) fn bind(&self, number: u64, ticket: TicketId) {
        self.lock().bind(number, ticket);
    }

    pub(crate) fn remove(&self, number: u64) {
        let mut slots = self.lock();
        let Some(slot) = slots.by_number.remove(&number) else { return };
        for ticket in slot.tickets {
            slots.unbind(number, ticket);
        }
    }

    /// The sockets with the ticket that counts for each.
    pub(crate) fn all(&self) -> Vec<(u64, TicketId)> {
        let slots = self.lock();
        let latest = |(number, slot): (&u64, &Slot)| Some((*number, *slot.tickets.last()?));
        slots.by_number.iter().filter_map(latest).collect()
    }

    /// Gives something to one socket.
    pub(crate) fn put(&self, number: u64, item: Item) {
        if let Some(slot) = self.lock().by_number.get(&number) {
            slot.inbox.put(Arc::new(item));
        }
    }

    /// Hands out what was told; `to` is the end of the span that it belongs to.
    pub(crate) fn tell(&self, told: Vec<Told>, to: u64) {
        let mut slots = self.lock();
        for told in told {
            // An answer of before concerns only the one who asked, who got it there.
            let Some(ticket) = told.ticket.filter(|_| told.fresh) else { continue };
            let Some(numbers) = slots.by_ticket.get(&ticket) else { continue };
            if let Outcome::Followed { next } = told.outcome {
                for number in numbers.clone() {
                    slots.bind(number, next);
                }
                continue;
            }
            let Told { outcome, seq, .. } = told;
            let item = Arc::new(Item::Told { ticket, outcome, seq, to });
            for number in numbers {
                if let Some(slot) = slots.by_number.get(number) {
                    slot.inbox.put(item.clone());
                }
            }
        }
    }
}

impl Slots {
    fn bind(&mut self, number: u64, ticket: TicketId) {
        let Some(slot) = self.by_number.get_mut(&number) else { return };
        if slot.tickets.contains(&ticket) {
            return;
        }
        // The first and the latest are enough: nothing new is said of those between.
        if slot.tickets.len() > 1 {
            let between = slot.tickets.split_off(1);
            slot.tickets.push(ticket);
            for old in between {
                self.unbind(number, old);
            }
        } else {
            slot.tickets.push(ticket);
        }
        self.by_ticket.entry(ticket).or_default().push(number);
    }

    fn unbind(&mut self, number: u64, ticket: TicketId) {
        if let Some(numbers) = self.by_ticket.get_mut(&ticket) {
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                self.by_ticket.remove(&ticket);
            }
        }
    }
}
