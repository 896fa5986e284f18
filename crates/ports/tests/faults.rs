//! Faults on purpose do what they say, and nothing else.

use bytes::Bytes;
use domain::{Epoch, EventId, TicketId};
use twinkle_ports::{
    Clock, EventLog, Fact, Facts, Generation, Head, LiveEvent, LogError, ManualClock, Record,
    ViewReader, ViewWriter, Write, WriteEntry, WriteOutcome,
    memory::{Call, Fault, Faults, MemoryFacts, MemoryLog, MemoryView},
};

/// Waits for what happens at once, so that a test fails rather than waits for ever.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    let patience = std::time::Duration::from_secs(10);
    tokio::time::timeout(patience, future).await.expect("an answer in 10 s")
}

fn event() -> EventId {
    "popup".parse().expect("an event id")
}

/// What a log holds after "a" met the fault and "b" met none, with the answer to "a".
async fn log_after(fault: Fault) -> (Result<u64, LogError>, Vec<(u64, Bytes)>) {
    let log = MemoryLog::with_faults(ManualClock::at(7), Faults::once(Call::Append, fault));
    log.create(&event()).await.expect("create");
    let first = log.append(&event(), Bytes::from_static(b"a")).await;
    log.append(&event(), Bytes::from_static(b"b")).await.expect("the fault is used up");
    let mut reader = log.read(&event(), 0).await.expect("read");
    let records = soon(reader.next()).await.expect("next");
    (
        first.map(|appended| appended.offset),
        records.into_iter().map(|r| (r.offset, r.bytes)).collect(),
    )
}

fn records(records: &[(u64, &'static str)]) -> Vec<(u64, Bytes)> {
    records.iter().map(|(offset, bytes)| (*offset, Bytes::from(*bytes))).collect()
}

#[tokio::test]
async fn an_append_that_is_refused_did_not_happen() {
    let (answer, found) = log_after(Fault::Refused).await;
    assert!(matches!(answer, Err(LogError::Unavailable(_))), "{answer:?}");
    assert_eq!(found, records(&[(0, "b")]));
}

#[tokio::test]
async fn an_append_to_a_full_log_did_not_happen() {
    assert_eq!(log_after(Fault::Full).await, (Err(LogError::Full), records(&[(0, "b")])));
}

#[tokio::test]
async fn an_append_whose_answer_is_lost_happened() {
    let (answer, found) = log_after(Fault::ReplyLost).await;
    assert!(matches!(answer, Err(LogError::Unavailable(_))), "{answer:?}");
    assert_eq!(found, records(&[(0, "a"), (1, "b")]));
}

#[tokio::test]
async fn a_duplicated_append_happened_twice() {
    let found = log_after(Fault::Duplicated).await;
    assert_eq!(found, (Ok(0), records(&[(0, "a"), (1, "a"), (2, "b")])));
}

#[tokio::test]
async fn an_append_after_a_gap_is_further_on() {
    assert_eq!(log_after(Fault::Gap).await, (Ok(1), records(&[(1, "a"), (2, "b")])));
}

#[tokio::test]
async fn records_have_the_time_of_the_clock_even_backwards() {
    let clock = ManualClock::at(1_000);
    let log = MemoryLog::new(clock.clone());
    log.create(&event()).await.expect("create");
    let mut times = Vec::new();
    for step in [0, 0, 5] {
        clock.advance(step);
        times.push(log.append(&event(), Bytes::new()).await.expect("append").at);
    }
    clock.set(10);
    times.push(log.append(&event(), Bytes::new()).await.expect("append").at);
    assert_eq!((times, clock.now()), (vec![1_000, 1_000, 1_005, 10], 10));
}

#[tokio::test]
async fn a_reader_refused_once_skips_nothing() {
    for fault in [Fault::Refused, Fault::ReplyLost] {
        let log =
            MemoryLog::with_faults(ManualClock::at(7), Faults::once(Call::NextRecords, fault));
        log.create(&event()).await.expect("create");
        log.append(&event(), Bytes::from_static(b"a")).await.expect("append");
        let mut reader = log.read(&event(), 0).await.expect("read");
        assert!(matches!(soon(reader.next()).await, Err(LogError::Unavailable(_))));
        let record = Record { offset: 0, at: 7, bytes: Bytes::from_static(b"a") };
        assert_eq!(soon(reader.next()).await, Ok(vec![record]));
    }
}

#[tokio::test]
async fn a_commit_can_be_seen() {
    let log = MemoryLog::new(ManualClock::at(7));
    assert_eq!(log.committed(&event()), 0);
    log.create(&event()).await.expect("create");
    log.commit(&event(), 12).await.expect("commit");
    assert_eq!(log.committed(&event()), 12);
}

#[tokio::test]
async fn a_put_may_be_refused_or_its_answer_lost() {
    for (fault, found) in [(Fault::Refused, 0), (Fault::ReplyLost, 1)] {
        let facts = MemoryFacts::with_faults(Faults::once(Call::Put, fault));
        facts.put("popup", Bytes::new()).await.expect_err("on purpose");
        let mut reader = facts.follow().await.expect("follow");
        let first = soon(reader.next()).await.expect("next");
        assert_eq!(first.len(), found, "{fault:?}");
    }
}

/// The write to `next`, named after it; one entry for each ticket below `entries`.
fn write(generation: u32, next: u64, entries: u16) -> Write {
    let generation = Generation { epoch: Epoch(1), counter: generation };
    let ticket = |n: u16| TicketId(u128::from(n).to_be_bytes());
    let entry = |n| WriteEntry { ticket: ticket(n), value: next.to_string().into() };
    Write {
        head: Head { epoch: Epoch(1), generation, next },
        from: next.saturating_sub(1),
        shared: next.to_string().into(),
        entries: (0..entries).map(entry).collect(),
        live: next.to_string().into(),
    }
}

async fn next_of(view: &MemoryView) -> Option<u64> {
    view.head(&event()).await.expect("head").map(|head| head.next)
}

#[tokio::test]
async fn a_write_may_be_refused_or_its_answer_lost() {
    for (fault, next) in [(Fault::Refused, 0), (Fault::ReplyLost, 1)] {
        let view = MemoryView::with_faults(Faults::once(Call::Write, fault));
        view.rebuild(&event(), write(0, 0, 0)).await.expect("rebuild");
        view.write(&event(), write(0, 1, 1)).await.expect_err("on purpose");
        assert_eq!(next_of(&view).await, Some(next), "{fault:?}");
        let again = view.write(&event(), write(0, 1, 1)).await;
        assert_eq!(again, Ok(WriteOutcome::Done), "{fault:?}");
        assert_eq!(next_of(&view).await, Some(1), "{fault:?}");
    }
}

#[tokio::test]
async fn a_live_message_may_reach_nobody() {
    let view = MemoryView::with_faults(Faults::once(Call::Write, Fault::LiveDropped));
    view.rebuild(&event(), write(0, 0, 0)).await.expect("rebuild");
    let mut listener = view.listen(&event()).await.expect("listen");
    for next in 1..=2 {
        assert_eq!(view.write(&event(), write(0, next, 1)).await, Ok(WriteOutcome::Done));
    }
    assert_eq!(soon(listener.next()).await, LiveEvent::Message("2".into()));
    view.disconnect();
    assert_eq!(soon(listener.next()).await, LiveEvent::Lost);
}

#[tokio::test]
async fn a_wiped_view_knows_nothing_until_it_is_rebuilt() {
    let view = MemoryView::default();
    view.rebuild(&event(), write(0, 0, 0)).await.expect("rebuild");
    let mut listener = view.listen(&event()).await.expect("listen");
    view.wipe();
    assert_eq!(next_of(&view).await, None);
    assert_eq!(view.shared(&event()).await, Ok(None));
    assert_eq!(view.write(&event(), write(0, 1, 1)).await, Ok(WriteOutcome::Unexpected));
    assert_eq!(view.rebuild(&event(), write(1, 1, 1)).await, Ok(WriteOutcome::Done));
    assert_eq!(soon(listener.next()).await, LiveEvent::Message("1".into()), "listeners stay");
}

#[tokio::test]
async fn a_view_put_back_must_be_rebuilt() {
    let view = MemoryView::default();
    view.rebuild(&event(), write(0, 0, 3)).await.expect("rebuild");
    let older = view.snapshot();
    assert_eq!(view.write(&event(), write(0, 1, 2)).await, Ok(WriteOutcome::Done));
    view.restore(&older);
    assert_eq!(next_of(&view).await, Some(0));
    let tickets = [TicketId(1_u128.to_be_bytes())];
    let found = view.tickets(&event(), &tickets).await.expect("tickets").expect("a head");
    assert_eq!(found.values, [Some("0".into())]);
    assert_eq!(view.write(&event(), write(0, 2, 1)).await, Ok(WriteOutcome::Unexpected));
    assert_eq!(view.rebuild(&event(), write(0, 2, 1)).await, Ok(WriteOutcome::Unexpected));
    assert_eq!(view.rebuild(&event(), write(1, 2, 1)).await, Ok(WriteOutcome::Done));
}

#[tokio::test]
async fn a_rebuild_that_loses_what_it_built_is_unexpected() {
    let (view, event) = (MemoryView::default(), event());
    view.rebuild(&event, write(0, 0, 0)).await.expect("rebuild");
    let older = view.snapshot();
    let losses: [&dyn Fn(); 2] = [&|| view.wipe(), &|| view.restore(&older)];
    for (counter, lose) in (1..).zip(losses) {
        let meanwhile = async { lose() };
        // On one thread the loss comes when the rebuild yields, after its first part.
        let (outcome, ()) =
            tokio::join!(biased; view.rebuild(&event, write(counter, 5, 3_000)), meanwhile);
        assert_eq!(outcome, Ok(WriteOutcome::Unexpected), "loss {counter}");
    }
    assert_eq!(next_of(&view).await, Some(0));
    assert_eq!(view.rebuild(&event, write(9, 5, 3_000)).await, Ok(WriteOutcome::Done));
}

#[tokio::test]
async fn a_torn_write_leaves_values_but_no_head() {
    let view = MemoryView::with_faults(Faults::once(Call::Write, Fault::Torn));
    view.rebuild(&event(), write(0, 0, 4)).await.expect("rebuild");
    let tickets: Vec<_> = (0..4_u128).map(|n| TicketId(n.to_be_bytes())).collect();
    view.write(&event(), write(0, 1, 4)).await.expect_err("on purpose");
    let found = view.tickets(&event(), &tickets).await.expect("tickets").expect("a head");
    let values = ["1", "1", "0", "0"].map(|value| Some(value.into()));
    assert_eq!((found.head.next, &found.values[..]), (0, &values[..]));
    assert_eq!(view.write(&event(), write(0, 1, 4)).await, Ok(WriteOutcome::Done), "again");
}

#[tokio::test]
async fn a_rebuild_that_is_taken_over_midway_is_fenced() {
    let (view, event) = (MemoryView::default(), event());
    view.rebuild(&event, write(0, 0, 1)).await.expect("rebuild");
    let mut takeover = write(0, 1, 1);
    takeover.head.epoch = Epoch(2);
    let (rebuilt, written) = tokio::join!(biased; view.rebuild(&event, write(1, 5, 3_000)), view.write(&event, takeover));
    assert_eq!((rebuilt, written), (Ok(WriteOutcome::Fenced), Ok(WriteOutcome::Done)));
    assert_eq!(next_of(&view).await, Some(1));
}

#[tokio::test]
async fn facts_in_memory_keep_one_value_a_key() {
    let facts = MemoryFacts::default();
    for value in ["1", "2", "3"] {
        facts.put("popup", value.into()).await.expect("put");
    }
    let first = soon(facts.follow().await.expect("follow").next()).await.expect("next");
    assert_eq!(first, [Fact { key: "popup".to_owned(), value: "3".into() }]);
}

#[tokio::test]
async fn readers_see_the_old_generation_until_the_flip() {
    let (view, event) = (MemoryView::default(), event());
    view.rebuild(&event, write(0, 0, 1)).await.expect("rebuild");
    let meanwhile = async {
        let shared = view.shared(&event).await.expect("shared").expect("a head");
        assert_eq!((shared.head.next, shared.value), (0, "0".into()));
    };
    let (outcome, ()) = tokio::join!(biased; view.rebuild(&event, write(1, 5, 3_000)), meanwhile);
    assert_eq!((outcome, next_of(&view).await), (Ok(WriteOutcome::Done), Some(5)));
}

#[tokio::test]
async fn of_two_rebuilds_at_once_the_newer_one_stays() {
    let view = MemoryView::default();
    view.rebuild(&event(), write(0, 0, 1)).await.expect("rebuild");
    let (event, older, newer) = (event(), write(1, 5, 2_500), write(2, 5, 500));
    let (older, newer) =
        tokio::join!(biased; view.rebuild(&event, older), view.rebuild(&event, newer));
    assert_eq!((older, newer), (Ok(WriteOutcome::Unexpected), Ok(WriteOutcome::Done)));
    let generation = view.head(&event).await.expect("head").expect("a head").generation;
    assert_eq!(generation.counter, 2);
}
