//! Packing, shedding, and clients that hang up.

use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use domain::{Address, Command, EventId};
use ports::{Appended, EventLog, LogError, LogReader, memory::MemoryLog};
use tokio::time::{Instant, sleep, timeout};
use wire::{Code, ticket::ticket_id};

use crate::world::{Answer, Gated, Hand, SALT, WAIT, World, event, join, request};

async fn until(what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(WAIT, wait).await.unwrap_or_else(|_| panic!("waited for {what}"));
}

async fn begun(gated: &Gated, count: u64) {
    until("appends", || gated.begun.load(Relaxed) >= count).await;
}

/// Every answer names the place of the caller's own join.
async fn assert_places(world: &World, answers: &[Answer]) {
    let records = world.records().await;
    let mut places = HashSet::new();
    for answer in answers {
        let address = answer.address();
        assert!(places.insert(address), "{address:?} was given twice");
        let record = &records[usize::try_from(address.offset).unwrap()];
        let command = Command::Join { ticket: answer.ticket(), previous: None };
        assert_eq!(record[usize::from(address.index)], command);
    }
    assert_eq!(records.iter().map(Vec::len).sum::<usize>(), answers.len());
}

#[tokio::test]
async fn many_at_once_share_few_records_and_each_learns_its_own_place() {
    let (world, gated) = World::gated(10_000).await;
    let first = world.spawn(join(&[]));
    begun(&gated, 1).await;
    let crowd: Vec<_> = (0..3_000).map(|_| world.spawn(join(&[]))).collect();
    begun(&gated, 3).await;
    gated.let_through.add_permits(1_000);
    let mut answers = vec![first.await.unwrap()];
    for one in crowd {
        answers.push(one.await.unwrap());
    }
    assert_places(&world, &answers).await;
    let records = world.records().await;
    let of_first = usize::try_from(answers[0].address().offset).unwrap();
    assert_eq!(records[of_first].len(), 1, "the first one waited for nobody");
    assert!(records.len() < 60, "{} records", records.len());
    assert!(records.iter().all(|record| record.len() <= 1_024));
}

#[tokio::test(start_paused = true)]
async fn one_after_the_other_goes_at_once_and_alone() {
    let world = World::new().await;
    let (mut answers, begun) = (Vec::new(), Instant::now());
    for _ in 0..20 {
        answers.push(world.send(join(&[])).await);
    }
    assert_eq!(begun.elapsed(), Duration::ZERO, "nobody waited for company");
    assert_places(&world, &answers).await;
    assert_eq!(world.records().await.len(), 20);
}

#[tokio::test]
async fn a_slow_log_gets_full_records_only() {
    let (world, gated) = World::gated(10_000).await;
    let mut crowd = Vec::new();
    for count in 1..=8 {
        crowd.push(world.spawn(join(&[])));
        begun(&gated, count).await;
    }
    for _ in 0..1_500 {
        crowd.push(world.spawn(join(&[])));
    }
    begun(&gated, 9).await;
    sleep(Duration::from_millis(50)).await;
    assert_eq!(gated.begun.load(Relaxed), 9, "what is not full waits");
    gated.let_through.add_permits(100);
    let mut answers = Vec::new();
    for one in crowd {
        answers.push(timeout(WAIT, one).await.expect("everybody is answered").unwrap());
    }
    assert_places(&world, &answers).await;
    let mut sizes: Vec<usize> = world.records().await.iter().map(Vec::len).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 1, 1, 1, 1, 1, 1, 1, 476, 1_024]);
}

#[tokio::test]
async fn long_commands_fill_a_record_by_their_bytes() {
    let (world, gated) = World::gated(10_000).await;
    // Each byte takes six in JSON.
    let body = serde_json::json!({"reference": "\u{1}".repeat(128)}).to_string();
    let browsers: Vec<_> = (0..1_000).map(|_| world.browser()).collect();
    let mut crowd = Vec::new();
    for (_, cookie) in &browsers {
        let headers = [&*format!("cookie: {cookie}")];
        let line = "PUT /api/v1/events/popup/booking";
        crowd.push(world.spawn(request(line, &headers, body.clone())));
    }
    gated.let_through.add_permits(1_000);
    let mut answers = Vec::new();
    for one in crowd {
        answers.push(timeout(WAIT, one).await.expect("everybody is answered").unwrap());
    }
    let records = world.records().await;
    for (answer, (browser, _)) in answers.iter().zip(browsers) {
        let Address { offset, index } = answer.address();
        let command = &records[usize::try_from(offset).unwrap()][usize::from(index)];
        let Command::Act { ticket, .. } = command else { panic!("{command:?}") };
        assert_eq!(*ticket, ticket_id(&SALT, &browser, 0));
    }
    assert!(records.len() >= 4, "{} records", records.len());
    assert_eq!(records.iter().map(Vec::len).sum::<usize>(), 1_000);
}

#[tokio::test]
async fn joins_are_shed_before_the_commands_of_people_in_line() {
    let (world, gated) = World::gated(8).await;
    let cookie = format!("cookie: {}", world.browser().1);
    let leave = || request("DELETE /api/v1/events/popup/ticket", &[&cookie], "");
    let joins: Vec<_> = (0..6).map(|_| world.spawn(join(&[]))).collect();
    begun(&gated, 1).await;
    sleep(Duration::from_millis(20)).await;
    world.send(join(&[])).await.problem(Code::Overloaded);
    let leaves: Vec<_> = (0..2).map(|_| world.spawn(leave())).collect();
    sleep(Duration::from_millis(20)).await;
    world.send(leave()).await.problem(Code::Overloaded);
    world.send(join(&[])).await.problem(Code::Overloaded);
    gated.let_through.add_permits(100);
    for one in joins.into_iter().chain(leaves) {
        one.await.unwrap().accepted();
    }
    world.send(join(&[])).await.accepted();
    let commands: usize = world.records().await.iter().map(Vec::len).sum();
    assert_eq!(commands, 9, "what was shed is not in the log");
}

#[tokio::test]
async fn who_hangs_up_takes_nobody_along() {
    let (world, gated) = World::gated(8).await;
    let first = world.spawn(join(&[]));
    begun(&gated, 1).await;
    let hung_up = world.spawn(join(&[]));
    let stays = world.spawn(join(&[]));
    begun(&gated, 2).await;
    hung_up.abort();
    assert!(hung_up.await.is_err_and(|error| error.is_cancelled()));
    gated.let_through.add_permits(100);
    first.await.unwrap().accepted();
    let place = stays.await.unwrap();
    assert_eq!(world.records().await[1].len(), 2, "both went");
    let Command::Join { ticket, .. } = world.command(place.address()).await else { panic!() };
    assert_eq!(ticket, place.ticket());
    let more: Vec<_> = (0..6).map(|_| world.spawn(join(&[]))).collect();
    for one in more {
        one.await.unwrap().accepted();
    }
}

/// A log that panics at first.
struct Panics {
    log: MemoryLog,
    left: std::sync::atomic::AtomicU64,
}

#[async_trait]
impl EventLog for Panics {
    async fn create(&self, event: &EventId) -> Result<(), LogError> {
        self.log.create(event).await
    }

    async fn append(&self, event: &EventId, record: Bytes) -> Result<Appended, LogError> {
        let left = self.left.load(Relaxed);
        self.left.store(left.saturating_sub(1), Relaxed);
        assert!(left == 0, "on purpose");
        self.log.append(event, record).await
    }

    async fn end(&self, event: &EventId) -> Result<u64, LogError> {
        self.log.end(event).await
    }

    async fn read(&self, event: &EventId, offset: u64) -> Result<Box<dyn LogReader>, LogError> {
        self.log.read(event, offset).await
    }

    async fn commit(&self, event: &EventId, next: u64) -> Result<(), LogError> {
        self.log.commit(event, next).await
    }
}

#[tokio::test]
async fn a_log_that_panics_leaves_nobody_waiting() {
    let log = MemoryLog::new(Hand::default());
    let panics = Panics { log: log.clone(), left: 20.into() };
    let world = World::over(Arc::new(panics), log, 8).await;
    for _ in 0..20 {
        let answer = timeout(WAIT, world.send(join(&[]))).await.expect("an answer");
        answer.problem(Code::LogUnavailable);
    }
    world.send(join(&[])).await.accepted();
    assert_eq!(world.log.end(&event()).await, Ok(1));
}
