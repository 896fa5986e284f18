//! Workers over ports in memory: they fold, own, tick, project, and take over from each other.

mod counting;
mod world;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use domain::{Action, Command, EventState, Operation};
use ports::memory::{Call, Fault, Faults, MemoryFacts, MemoryLog, MemoryView};
use ports::{EventLog, Facts, LiveEvent, SystemClock, ViewReader, ViewWriter};
use wire::{
    Chain, KeySet, TicketState,
    head::Unverified,
    view::{LiveMessage, SharedValue},
};
use world::{World, join, signer, ticket};

#[tokio::test]
async fn a_join_gets_its_place_and_its_turn() {
    let world = World::new().await;
    let worker = world.worker(1);
    world.append(&[join(1), join(2)]).await;
    let progress = world.until("both admitted", |p| p.admitted == 2).await;
    assert_eq!((progress.total, progress.serving), (2, 2));
    let second = world.value(2).await.expect("a place");
    assert_eq!((second.position, second.state), (2, TicketState::Admitted));
    assert_eq!(world.value(3).await, None);
    worker.stop().await;
}

#[tokio::test]
async fn the_state_is_published_and_lag_tools_are_told() {
    let world = World::new().await;
    let worker = world.worker(1);
    world.append(&[join(1)]).await;
    world.until("a place", |p| p.total == 1).await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert!(world.log.committed(&world.id) > 0);
    let mut facts = world.facts.follow().await.expect("facts");
    let known = facts.next().await.expect("facts");
    let state = known.iter().find(|fact| fact.key == "event/state").expect("the state");
    assert!(String::from_utf8_lossy(&state.value).contains("open"));
    worker.stop().await;
}

#[tokio::test]
async fn another_worker_takes_over_from_a_dead_one() {
    let world = World::new().await;
    let first = world.worker(1);
    world.append(&[join(1)]).await;
    world.until("a place", |p| p.total == 1).await;
    let epoch = world.view.head(&world.id).await.expect("a view").expect("a head").epoch;
    let second = world.worker(2);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let head = world.view.head(&world.id).await.expect("a view").expect("a head");
    assert_eq!(head.epoch, epoch, "nobody takes an event from a living owner");
    first.kill();
    let mut live = world.view.listen(&world.id).await.expect("a view");
    world.append(&[join(2)]).await;
    let progress = world.until("the second place", |p| p.total == 2).await;
    assert_eq!(progress.total, 2);
    let head = world.view.head(&world.id).await.expect("a view").expect("a head");
    assert!(head.epoch > epoch);
    assert!(head.generation.epoch == epoch, "it went on where the first stopped");
    let LiveEvent::Message(first_of_second) = live.next().await else { panic!("nothing was lost") };
    let progress = LiveMessage::decode(&first_of_second).expect("a live message").progress;
    assert_eq!(progress.from, progress.to, "what the first told nobody is a gap to readers");
    second.stop().await;
}

#[tokio::test]
async fn a_wiped_view_is_built_anew() {
    let world = World::new().await;
    let worker = world.worker(1);
    let joins: Vec<Command> = (0..1_000).map(join).collect();
    for _ in 0..3 {
        world.append(&joins).await;
    }
    world.until("a thousand places", |p| p.total == 1_000).await;
    world.view.wipe();
    world.until("a thousand places again", |p| p.total == 1_000).await;
    for n in [0, 500, 999] {
        let value = world.value(n).await.expect("a place");
        assert_eq!(u64::from(value.position), n + 1);
    }
    worker.stop().await;
}

#[tokio::test]
async fn a_view_set_back_in_time_heals() {
    let world = World::new().await;
    let worker = world.worker(1);
    world.append(&[join(1)]).await;
    world.until("the first place", |p| p.total == 1).await;
    let old = world.view.snapshot();
    world.append(&[join(2)]).await;
    world.until("the second place", |p| p.total == 2).await;
    world.view.restore(&old);
    world.until("the second place again", |p| p.total == 2).await;
    assert_eq!(world.value(2).await.map(|value| value.position), Some(2));
    worker.stop().await;
}

#[tokio::test]
async fn what_can_not_be_read_is_skipped_or_stops_the_owner() {
    let world = World::new().await;
    let worker = world.worker(1);
    world.append_raw(b"no pack at all").await;
    world.append(&[join(1)]).await;
    world.until("the place after it", |p| p.total == 1).await;
    world.append_raw(br#"{"v":999,"c":[]}"#).await;
    world.append(&[join(2)]).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let progress = world.progress().await.expect("a view");
    assert_eq!(progress.total, 1, "an unknown version is never guessed at");
    worker.stop().await;
}

#[tokio::test]
async fn commands_of_shoppers_reach_the_view() {
    let world = World::new().await;
    let worker = world.worker(1);
    world.append(&[join(1)]).await;
    world.until("a turn", |p| p.admitted == 1).await;
    let act = |seq, action| Command::Act { ticket: ticket(1), seq: Some(seq), action };
    let slot = "a".parse().expect("an id");
    world.append(&[act(1, Action::Enter), act(2, Action::Hold { slot, seats: 2 })]).await;
    let progress = world.until("a hold", |p| p.holding == 1).await;
    assert_eq!((progress.slots[0].held, progress.slots[0].remaining()), (2, 48));
    world.append(&[act(3, Action::Book { reference: Some("order-1".into()) })]).await;
    world.until("a booking", |p| p.booked == 1).await;
    let value = world.value(1).await.expect("a ticket");
    let booking = value.booking.expect("a booking");
    assert_eq!((booking.seats, booking.reference.as_deref()), (2, Some("order-1")));
    assert_eq!(value.last.map(|last| (last.seq, last.code)), Some((3, None)));
    worker.stop().await;
}

/// Every third call or so goes wrong one way or the other.
fn unlucky(calls: &'static [Call], faults: &'static [Fault]) -> Faults {
    let mut count = 0_usize;
    Faults::plan(move |call, _| {
        if !calls.contains(&call) {
            return None;
        }
        count += 1;
        count.is_multiple_of(3).then(|| faults[(count / 3) % faults.len()])
    })
}

#[tokio::test]
async fn faults_of_log_and_view_lose_nothing() {
    let log = unlucky(&[Call::Append, Call::NextRecords], &[Fault::ReplyLost, Fault::Refused]);
    let view = unlucky(
        &[Call::Write, Call::Head, Call::Rebuild],
        &[Fault::Refused, Fault::ReplyLost, Fault::LiveDropped],
    );
    let world = World::with_faults(log, view).await;
    let workers = [world.worker(1), world.worker(2)];
    for n in 0..60 {
        world.append(&[join(n)]).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world.until("sixty places", |p| p.total == 60).await;
    for n in 0..60 {
        let position = world.value(n).await.map(|value| u64::from(value.position));
        assert_eq!(position, Some(n + 1));
    }
    for worker in workers {
        worker.stop().await;
    }
}

/// The chain over all records below `next`, reckoned anew.
async fn chain_of(world: &World, next: u64) -> Chain {
    let mut reader = world.log.read(&world.id, 0).await.expect("the log");
    let mut chain = Chain::start(&world.id);
    let mut records = reader.next().await.expect("records").into_iter();
    for offset in 0..next {
        let record = match records.next() {
            Some(record) => record,
            None => {
                records = reader.next().await.expect("records").into_iter();
                records.next().expect("a record")
            }
        };
        assert_eq!(record.offset, offset);
        chain.link(record.offset, record.at, &record.bytes);
    }
    chain
}

/// The head among the facts.
async fn head_fact(world: &World) -> Option<String> {
    let mut facts = world.facts.follow().await.expect("facts");
    let known = facts.next().await.expect("facts");
    let head = known.into_iter().find(|fact| fact.key == "event/head")?;
    Some(String::from_utf8(head.value.to_vec()).expect("text"))
}

#[tokio::test]
async fn the_owner_signs_what_the_log_holds() {
    let world = World::new().await;
    let worker = world.worker(1);
    world.append(&[join(1), join(2)]).await;
    world.until("two places", |p| p.total == 2).await;
    let text = head_fact(&world).await.expect("the first head is signed at once");
    let keys = KeySet::from(&signer().keys);
    let head = Unverified::read(&text).expect("a head").verify(&keys).expect("ours").clone();
    assert_eq!((&head.event, head.chain), (&world.id, chain_of(&world, head.next).await));

    for operation in [Operation::Close, Operation::Archive] {
        world.append(&[Command::Operate(operation)]).await;
    }
    world.until("the end", |p| p.state == EventState::Archived).await;
    let end = world.log.end(&world.id).await.expect("the end");
    let last = async {
        loop {
            let text = head_fact(&world).await.expect("a head");
            let head = Unverified::read(&text).expect("a head").head;
            if head.next == end {
                return head;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let last = tokio::time::timeout(Duration::from_secs(3), last).await.expect("it comes at once");
    assert_eq!(last.chain, chain_of(&world, end).await, "the last head covers everything");
    let shared = world.view.shared(&world.id).await.expect("a view").expect("a head");
    let shown = SharedValue::decode(&shared.value).expect("a value").head.expect("a log head");
    assert_eq!(Unverified::read(&shown).expect("a head").head, last, "readers are shown the same");
    worker.stop().await;
}

#[tokio::test]
async fn a_worker_with_nothing_to_do_rests() {
    let (turns, away) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (count, gone) = (turns.clone(), away.clone());
    let log = Faults::plan(move |call, _| {
        count.fetch_add(usize::from(call == Call::NextRecords), Relaxed);
        None
    });
    let facts = Faults::plan(move |call, _| {
        (call == Call::Put && gone.load(Relaxed)).then_some(Fault::Refused)
    });
    let log = MemoryLog::with_faults(SystemClock, log);
    let world = World::with(log, MemoryView::default(), MemoryFacts::with_faults(facts)).await;
    let worker = world.worker(1);
    world.append(&[join(1)]).await;
    world.until("a place", |p| p.total == 1).await;
    away.store(true, Relaxed);
    world.append(&[Command::Operate(Operation::Close)]).await;
    world.append(&[Command::Operate(Operation::Archive)]).await;
    world.until("the end", |p| p.state == EventState::Archived).await;
    let before = turns.load(Relaxed);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let turns = turns.load(Relaxed) - before;
    assert!(turns < 1_000, "{turns} turns in a second, in which there was a fact to put again");
    worker.stop().await;
}

#[tokio::test]
async fn an_idle_event_that_is_asked_something_gets_an_owner_soon() {
    let world = World::new().await;
    let first = world.worker(1);
    world.append(&[join(1)]).await;
    world.until("a turn", |p| p.admitted == 1).await;
    world.append(&[Command::Act { ticket: ticket(1), seq: None, action: Action::Leave }]).await;
    world.append(&[join(2), Command::Operate(Operation::Close)]).await;
    world.until("an idle event", |p| p.state == EventState::Closed && p.admitted == 0).await;
    let second = world.worker(2);
    // Longer than the event stays busy, and shorter than an idle owner may be silent.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let epoch = world.view.head(&world.id).await.expect("a view").expect("a head").epoch;
    first.kill();
    let asked = tokio::time::Instant::now();
    world.append(&[Command::Act { ticket: ticket(2), seq: None, action: Action::Leave }]).await;
    let left = |value: Option<wire::view::TicketValue>| value.map(|value| value.state);
    while left(world.value(2).await) != Some(TicketState::Left) {
        assert!(asked.elapsed() < Duration::from_secs(9), "nobody drives the event");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let head = world.view.head(&world.id).await.expect("a view").expect("a head");
    assert!(head.epoch > epoch, "another owns it now");
    second.stop().await;
}
