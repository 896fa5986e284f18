//! Checks of the readers' side.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    ViewReader, ViewWriter, WriteEntry, WriteOutcome, all, begun, head, step, ticket, tickets,
    with_counter, within,
};
use crate::Write;

pub async fn tickets_come_in_the_order_asked<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let bench = begun(&open).await;
    let names: Vec<String> = (0..50).map(|n| format!("value {n}")).collect();
    let entries: Vec<_> = (0..).map(ticket).zip(names.iter().map(String::as_str)).collect();
    assert_eq!(bench.write(step(head(1, 5), 0, &entries)).await, WriteOutcome::Done);
    let asked = [49, 7, 1_000, 0, 7, 33, 2_000].map(ticket);
    let found = bench.values(&asked).await;
    assert_eq!(found, ["value 49", "value 7", "-", "value 0", "value 7", "value 33", "-"]);
    assert_eq!(bench.values(&[]).await, [""; 0]);
}

pub async fn tickets_come_with_the_head<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let bench = begun(&open).await;
    for next in 1..5 {
        let write = step(head(1, next), next - 1, &[(ticket(1), "a")]);
        assert_eq!(bench.write(write.clone()).await, WriteOutcome::Done);
        for asked in [&tickets(3)[..], &[]] {
            let answer = bench.reader.tickets(&bench.event, asked).await.expect("tickets");
            assert_eq!(answer.expect("a head").head, write.head);
        }
    }
}

pub async fn five_thousand_tickets_are_read_at_once<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let bench = begun(&open).await;
    let value = |n: u64| n.to_string();
    let entry = |n: u64| WriteEntry { ticket: ticket(n), value: Bytes::from(value(n)) };
    let entries = (0..5_000).filter(|n| n % 7 != 0).map(entry).collect();
    let write = Write { entries, ..step(head(1, 5), 0, &[]) };
    assert_eq!(bench.write(write).await, WriteOutcome::Done);
    let expected: Vec<_> =
        (0..5_000).map(|n| if n % 7 == 0 { "-".to_owned() } else { value(n) }).collect();
    assert!(bench.values(&tickets(5_000)).await == expected, "each ticket its own value");
}

pub async fn any_value_survives<W: ViewWriter, R: ViewReader>(open: impl AsyncFn() -> (W, R)) {
    let bench = begun(&open).await;
    let every_byte: Bytes = (0..=255).collect();
    let mut values = vec![every_byte.clone(), Bytes::from(vec![b'x'; 4_096])];
    values.extend((1..200_u8).map(|length| vec![length; length.into()].into()));
    let entry = |(n, value): (u64, &Bytes)| WriteEntry { ticket: ticket(n), value: value.clone() };
    let mut write = step(head(1, 5), 0, &[]);
    write.entries = (0..).zip(&values).map(entry).collect();
    write.shared = every_byte;
    assert_eq!(bench.write(write.clone()).await, WriteOutcome::Done);
    bench.stands_at(&write).await;
    let asked = tickets(values.len() as u64);
    let found = bench.reader.tickets(&bench.event, &asked).await.expect("tickets");
    let found: Vec<_> = found.expect("a head").values.into_iter().flatten().collect();
    assert!(found == values, "some value changed");
}

pub async fn tickets_of_like_ids_are_apart<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let bench = begun(&open).await;
    let mut like = tickets(0);
    for byte in 0..16 {
        for bit in 0..8 {
            let mut id = [0x5a; 16];
            id[byte] ^= 1 << bit;
            like.push(domain::TicketId(id));
        }
    }
    let names: Vec<String> = (0..like.len()).map(|n| n.to_string()).collect();
    let entries: Vec<_> = like.iter().copied().zip(names.iter().map(String::as_str)).collect();
    assert_eq!(bench.write(step(head(1, 5), 0, &entries)).await, WriteOutcome::Done);
    assert_eq!(bench.values(&like).await, names);
}

pub async fn events_are_apart<W: ViewWriter, R: ViewReader>(open: impl AsyncFn() -> (W, R)) {
    let (one, two) = (begun(&open).await, begun(&open).await);
    let write = step(head(1, 5), 0, &[(ticket(1), "one")]);
    assert_eq!(one.write(write.clone()).await, WriteOutcome::Done);
    two.stands_at(&step(head(1, 0), 0, &[])).await;
    assert_eq!(two.values(&[ticket(1)]).await, ["-"]);
    let rebuilt = step(with_counter(head(1, 9), 1), 0, &[(ticket(1), "two")]);
    assert_eq!(two.rebuild(rebuilt.clone()).await, WriteOutcome::Done);
    one.stands_at(&write).await;
    assert_eq!(one.values(&[ticket(1)]).await, ["one"]);
}

/// What a reader gets is never behind the head that it gets with it, also while rebuilds flip.
pub async fn readers_get_what_the_head_says<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    const STEPS: u64 = 60;
    let bench = begun(&open).await;
    let asked = tickets(100);
    let (reader, event) = (Arc::new(bench.reader), bench.event.clone());
    let (reading, tickets) = (Arc::clone(&reader), asked.clone());
    let watching = tokio::spawn(async move {
        let mut last = 0;
        while last < STEPS {
            last = compare(&*reading, &event, &tickets).await;
        }
    });
    for next in 1..=STEPS {
        let counter = u32::try_from(next / 4).expect("a counter");
        let write = step(with_counter(head(1, next), counter), next - 1, &[]);
        let value = next.to_string();
        let write = Write { entries: all(&asked, &value), shared: value.into(), ..write };
        let flips = next % 4 == 0;
        let writer = &bench.writer;
        let outcome = match flips {
            true => writer.rebuild(&bench.event, write).await,
            false => writer.write(&bench.event, write).await,
        };
        assert_eq!(outcome, Ok(WriteOutcome::Done), "step {next}");
    }
    within("the reader", watching).await.expect("the reader");
}

/// Compares one reading with its head; gives the head's `next`.
async fn compare<R: ViewReader>(
    reader: &R,
    event: &domain::EventId,
    tickets: &[domain::TicketId],
) -> u64 {
    let number = |bytes: &Bytes| String::from_utf8_lossy(bytes).parse().unwrap_or(0_u64);
    let shared = reader.shared(event).await.expect("shared").expect("never without a head");
    assert!(number(&shared.value) == shared.head.next || shared.head.next == 0, "{shared:?}");
    let found =
        reader.tickets(event, tickets).await.expect("tickets").expect("never without a head");
    let oldest = found.values.iter().map(|value| value.as_ref().map_or(0, number)).min();
    assert!(oldest >= Some(found.head.next), "{oldest:?} at {:?}", found.head);
    found.head.next
}
