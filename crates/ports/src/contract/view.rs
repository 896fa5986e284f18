//! What every view keeps (R5): the bench that its checks share.

use bytes::Bytes;
use domain::{Epoch, EventId, TicketId};

use super::{fresh_event, within};
use crate::{
    Generation, Head, LiveEvent, LiveReader, Shared, ViewReader, ViewWriter, Write, WriteEntry,
    WriteOutcome,
};

mod live;
mod reads;
mod rebuilds;
mod writes;

pub use live::*;
pub use reads::*;
pub use rebuilds::*;
pub use writes::*;

/// A view with a fresh event, its writer's side and its readers' side.
struct Bench<W, R> {
    writer: W,
    reader: R,
    event: EventId,
}

/// A view that knows nothing of the event.
async fn empty<W: ViewWriter, R: ViewReader>(open: &impl AsyncFn() -> (W, R)) -> Bench<W, R> {
    let (writer, reader) = open().await;
    Bench { writer, reader, event: fresh_event() }
}

/// A view that stands at `head(1, 0)`: "shared 1.0", no tickets.
async fn begun<W: ViewWriter, R: ViewReader>(open: &impl AsyncFn() -> (W, R)) -> Bench<W, R> {
    let bench = empty(open).await;
    assert_eq!(bench.rebuild(step(head(1, 0), 0, &[])).await, WriteOutcome::Done);
    bench
}

/// The head of epoch `epoch`'s first generation.
fn head(epoch: u64, next: u64) -> Head {
    let epoch = Epoch(epoch);
    Head { epoch, generation: Generation { epoch, counter: 0 }, next }
}

fn with_counter(head: Head, counter: u32) -> Head {
    Head { generation: Generation { counter, ..head.generation }, ..head }
}

/// A write to `head` that builds on `from`, with a shared value and a live message named after it.
fn step(head: Head, from: u64, entries: &[(TicketId, &str)]) -> Write {
    let name = format!("{} {} at {}", head.epoch.0, head.generation, head.next);
    let entry = |(ticket, value): &(TicketId, &str)| entry(*ticket, value);
    let entries = entries.iter().map(entry).collect();
    let (shared, live) = (format!("shared {name}").into(), format!("live {name}").into());
    Write { head, from, shared, entries, live }
}

fn entry(ticket: TicketId, value: &str) -> WriteEntry {
    WriteEntry { ticket, value: Bytes::from(value.to_owned()) }
}

/// The ticket of number `n`. Its bytes are spread as those of real ids are.
fn ticket(n: u64) -> TicketId {
    let spread = |seed: u64| (n + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    let mut id = [0; 16];
    id[..8].copy_from_slice(&spread(1).to_be_bytes());
    id[8..].copy_from_slice(&spread(1 << 40).wrapping_mul(0xd6e8_feb8_6659_fd93).to_be_bytes());
    TicketId(id)
}

fn tickets(count: u64) -> Vec<TicketId> {
    (0..count).map(ticket).collect()
}

/// As many entries as there are tickets, all with the same value.
fn all(tickets: &[TicketId], value: &str) -> Vec<WriteEntry> {
    tickets.iter().map(|ticket| entry(*ticket, value)).collect()
}

impl<W: ViewWriter, R: ViewReader> Bench<W, R> {
    async fn write(&self, write: Write) -> WriteOutcome {
        within("a write", self.writer.write(&self.event, write)).await.expect("write")
    }

    async fn rebuild(&self, write: Write) -> WriteOutcome {
        within("a rebuild", self.writer.rebuild(&self.event, write)).await.expect("rebuild")
    }

    async fn head(&self) -> Option<Head> {
        within("the head", self.writer.head(&self.event)).await.expect("head")
    }

    async fn shared(&self) -> Option<Shared> {
        within("the shared value", self.reader.shared(&self.event)).await.expect("shared")
    }

    /// The values of tickets as text, "-" for none, of a view that has a head.
    async fn values(&self, tickets: &[TicketId]) -> Vec<String> {
        let answer = within("tickets", self.reader.tickets(&self.event, tickets)).await;
        let values = answer.expect("tickets").expect("a head").values;
        let text = |value: Bytes| String::from_utf8_lossy(&value).into_owned();
        values.into_iter().map(|value| value.map_or("-".to_owned(), text)).collect()
    }

    async fn listen(&self) -> Box<dyn LiveReader> {
        within("a listener", self.reader.listen(&self.event)).await.expect("listen")
    }

    /// Sees to it that the view stands exactly where `write` left it.
    async fn stands_at(&self, write: &Write) {
        assert_eq!(self.head().await, Some(write.head));
        let shared = Shared { head: write.head, value: write.shared.clone() };
        assert_eq!(self.shared().await, Some(shared));
    }
}

/// The next message; a `Lost` in between is allowed.
async fn hear(listener: &mut dyn LiveReader) -> Bytes {
    let message = async {
        loop {
            if let LiveEvent::Message(message) = listener.next().await {
                break message;
            }
        }
    };
    within("a live message", message).await
}

/// Sees to it that the next message is the one of `write`.
async fn hears(listener: &mut dyn LiveReader, write: &Write) {
    assert_eq!(hear(listener).await, write.live);
}
