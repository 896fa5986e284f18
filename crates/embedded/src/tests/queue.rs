//! The queue in front of the writer is bounded.

use std::{future::poll_fn, task::Poll};

use bytes::Bytes;
use ports::{EventLog, LogError, log::RECORD_BYTES_MAX};

use super::{ledger::open, platter::Platter};
use crate::writer::{QUEUE_BYTES_MAX, QUEUE_JOBS_MAX};

/// Appends `count` records of `size` bytes while the disk does not move; gives the answers.
async fn appends_at_a_stuck_disk(count: usize, size: usize) -> Vec<Result<u64, LogError>> {
    let platter = Platter::default();
    let store = open(&platter).expect("open");
    let event = "popup".parse().expect("an event id");
    let log = &store.log;
    log.create(&event).await.expect("create");
    let stuck = platter.hold();
    let (mut waiting, mut answers) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let mut append = log.append(&event, Bytes::from(vec![7; size]));
        // Asked once, an append is either refused or in the queue.
        match poll_fn(|context| Poll::Ready(append.as_mut().poll(context))).await {
            Poll::Ready(answer) => answers.push(answer),
            Poll::Pending => waiting.push(append),
        }
    }
    drop(stuck);
    for append in waiting {
        answers.push(append.await);
    }
    let mut answers: Vec<_> =
        answers.into_iter().map(|answer| answer.map(|appended| appended.offset)).collect();
    answers.sort_by_key(|answer| answer.as_ref().map_or(u64::MAX, |offset| *offset));
    answers
}

fn check(answers: &[Result<u64, LogError>], least: usize) {
    let taken = answers.iter().take_while(|answer| answer.is_ok()).count();
    assert!(taken >= least, "{taken} taken");
    assert!(taken < answers.len(), "a queue without a bound");
    let offsets = answers[..taken].iter().map(|answer| answer.clone().unwrap_or_default());
    assert!(offsets.eq(0..taken as u64), "each taken one has its place");
    assert!(answers[taken..].iter().all(|answer| *answer == Err(LogError::Full)));
}

#[tokio::test]
async fn a_queue_full_of_jobs_refuses_more() {
    check(&appends_at_a_stuck_disk(QUEUE_JOBS_MAX + 2_000, 1).await, QUEUE_JOBS_MAX);
}

#[tokio::test]
async fn a_queue_full_of_bytes_refuses_more() {
    let fits = QUEUE_BYTES_MAX / RECORD_BYTES_MAX;
    check(&appends_at_a_stuck_disk(fits + 100, RECORD_BYTES_MAX).await, fits);
}
