//! What every store of facts keeps.
//!
//! Other checks may put facts into the same store at the same time: each one looks at its own keys.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::task::JoinSet;

use super::{QUIET_MS, fresh_name, quiet, within};
use crate::{Fact, Facts, FactsReader, facts::KEY_BYTES_MAX};

fn fact(key: &str, n: usize) -> Fact {
    Fact { key: key.to_owned(), value: Bytes::from(n.to_string()) }
}

async fn put<F: Facts>(facts: &F, fact: &Fact) {
    within("a put", facts.put(&fact.key, fact.value.clone())).await.expect("put");
}

async fn follow<F: Facts>(facts: &F) -> Box<dyn FactsReader> {
    within("a reader", facts.follow()).await.expect("follow")
}

/// The facts of the next answer whose keys begin with `prefix`.
async fn next(reader: &mut dyn FactsReader, prefix: &str) -> Vec<Fact> {
    let mut facts = within("the next facts", reader.next()).await.expect("the next facts");
    facts.retain(|fact| fact.key.starts_with(prefix));
    facts
}

/// Our facts up to and including `last`.
async fn until(reader: &mut dyn FactsReader, prefix: &str, last: &Fact) -> Vec<Fact> {
    let mut seen = Vec::new();
    let all = async {
        while !seen.contains(last) {
            seen.extend(next(reader, prefix).await);
        }
    };
    within("the last fact put", all).await;
    seen
}

/// Only the last value of each key, in the order of these.
fn compacted(facts: &[Fact]) -> Vec<Fact> {
    let is_last = |n: usize, fact: &Fact| facts[n + 1..].iter().all(|later| later.key != fact.key);
    let kept = facts.iter().enumerate().filter(|(n, fact)| is_last(*n, fact));
    kept.map(|(_, fact)| fact.clone()).collect()
}

pub async fn the_first_answer_waits_for_nothing<F: Facts>(open: impl AsyncFn() -> F) {
    let facts = open().await;
    let mut reader = follow(&facts).await;
    let none = next(&mut *reader, &fresh_name()).await;
    assert_eq!(none, [], "nobody put a fact of that name");
}

pub async fn the_first_answer_holds_everything<F: Facts>(open: impl AsyncFn() -> F) {
    let (facts, prefix) = (open().await, fresh_name());
    let put_before: Vec<_> = (0..20).map(|n| fact(&format!("{prefix}-{n}"), n)).collect();
    for fact in &put_before {
        put(&facts, fact).await;
    }
    let mut reader = follow(&facts).await;
    assert_eq!(compacted(&next(&mut *reader, &prefix).await), put_before);
}

pub async fn the_first_answer_has_the_last_values<F: Facts>(open: impl AsyncFn() -> F) {
    let (facts, prefix) = (open().await, fresh_name());
    let (one, two) = (format!("{prefix}-1"), format!("{prefix}-2"));
    for fact in [fact(&one, 1), fact(&two, 1), fact(&one, 2), fact(&one, 3), fact(&two, 2)] {
        put(&facts, &fact).await;
    }
    let mut reader = follow(&facts).await;
    let seen = compacted(&next(&mut *reader, &prefix).await);
    assert_eq!(seen, [fact(&one, 3), fact(&two, 2)], "in the order in which they were put");
}

pub async fn changes_are_followed<F: Facts>(open: impl AsyncFn() -> F) {
    let (facts, key) = (open().await, fresh_name());
    put(&facts, &fact(&key, 0)).await;
    let mut reader = follow(&facts).await;
    assert_eq!(next(&mut *reader, &key).await.last(), Some(&fact(&key, 0)));
    for n in 1..20 {
        let change = fact(&key, n);
        put(&facts, &change).await;
        let seen = until(&mut *reader, &key, &change).await;
        assert_eq!(seen, [change], "one change, told once");
    }
}

pub async fn a_waiting_reader_wakes<F: Facts>(open: impl AsyncFn() -> F) {
    let (facts, key) = (open().await, fresh_name());
    let mut reader = follow(&facts).await;
    next(&mut *reader, &key).await;
    let change = fact(&key, 1);
    let putting = async {
        tokio::time::sleep(Duration::from_millis(QUIET_MS)).await;
        put(&facts, &change).await;
    };
    let (seen, ()) = tokio::join!(until(&mut *reader, &key, &change), putting);
    assert_eq!(seen, [change]);
}

pub async fn the_same_value_again_is_a_change<F: Facts>(open: impl AsyncFn() -> F) {
    let (facts, key) = (open().await, fresh_name());
    let same = fact(&key, 1);
    put(&facts, &same).await;
    let mut reader = follow(&facts).await;
    assert_eq!(compacted(&next(&mut *reader, &key).await), std::slice::from_ref(&same));
    put(&facts, &same).await;
    assert_eq!(until(&mut *reader, &key, &same).await, [same]);
}

pub async fn without_a_change_a_reader_waits<F: Facts>(open: impl AsyncFn() -> F) {
    let (facts, key) = (open().await, fresh_name());
    put(&facts, &fact(&key, 1)).await;
    let mut reader = follow(&facts).await;
    next(&mut *reader, &key).await;
    let repeated = async {
        loop {
            let facts = reader.next().await.expect("the next facts");
            assert!(!facts.is_empty(), "only the first answer may be empty");
            if let Some(fact) = facts.into_iter().find(|fact| fact.key == key) {
                break fact;
            }
        }
    };
    quiet("a fact told twice", repeated).await;
}

pub async fn the_order_of_a_key_holds<F: Facts>(open: impl AsyncFn() -> F) {
    const COUNT: usize = 200;
    let (facts, key) = (Arc::new(open().await), fresh_name());
    let mut reader = follow(&*facts).await;
    let last = fact(&key, COUNT - 1);
    let (putting_facts, putting_key) = (Arc::clone(&facts), key.clone());
    let putting = tokio::spawn(async move {
        for n in 0..COUNT {
            put(&*putting_facts, &fact(&putting_key, n)).await;
        }
    });
    let seen = until(&mut *reader, &key, &last).await;
    let number = |fact: &Fact| String::from_utf8_lossy(&fact.value).parse::<usize>();
    let numbers: Vec<_> = seen.iter().map(|fact| number(fact).expect("a number")).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "never back: {numbers:?}");
    putting.await.expect("the writer");
}

pub async fn the_order_across_keys_holds<F: Facts>(open: impl AsyncFn() -> F) {
    let (facts, prefix) = (open().await, fresh_name());
    let mut reader = follow(&facts).await;
    next(&mut *reader, &prefix).await;
    let puts: Vec<_> = (0..30).map(|n| fact(&format!("{prefix}-{}", n * 7 % 5), n)).collect();
    for fact in &puts {
        put(&facts, fact).await;
    }
    let seen = until(&mut *reader, &prefix, &puts[29]).await;
    assert!(seen.is_sorted_by_key(|seen| puts.iter().position(|put| put == seen)), "{seen:?}");
    assert_eq!(compacted(&seen), compacted(&puts));
}

pub async fn many_keys_are_kept<F: Facts>(open: impl AsyncFn() -> F) {
    const COUNT: usize = 2_000;
    let (facts, prefix) = (Arc::new(open().await), fresh_name());
    let mut puts = JoinSet::new();
    for n in 0..COUNT {
        let (facts, fact) = (Arc::clone(&facts), fact(&format!("{prefix}-{n:04}"), n));
        puts.spawn(async move { put(&*facts, &fact).await });
        if puts.len() == 100 {
            puts.join_next().await.expect("a put").expect("a put");
        }
    }
    puts.join_all().await;
    let mut reader = follow(&*facts).await;
    let mut seen = compacted(&next(&mut *reader, &prefix).await);
    seen.sort_by(|a, b| a.key.cmp(&b.key));
    let all: Vec<_> = (0..COUNT).map(|n| fact(&format!("{prefix}-{n:04}"), n)).collect();
    assert!(seen == all, "{} of {COUNT} keys in the first answer", seen.len());
}

pub async fn two_followers_see_the_same<F: Facts>(open: impl AsyncFn() -> F) {
    let (facts, prefix) = (open().await, fresh_name());
    let mut early = follow(&facts).await;
    next(&mut *early, &prefix).await;
    let puts: Vec<_> = (0..10).map(|n| fact(&format!("{prefix}-{n}"), n)).collect();
    for fact in &puts[..5] {
        put(&facts, fact).await;
    }
    let mut late = follow(&facts).await;
    for fact in &puts[5..] {
        put(&facts, fact).await;
    }
    assert_eq!(until(&mut *early, &prefix, &puts[9]).await, puts);
    assert_eq!(until(&mut *late, &prefix, &puts[9]).await, puts);
}

pub async fn a_wait_given_up_skips_nothing<F: Facts>(open: impl AsyncFn() -> F) {
    const COUNT: usize = 100;
    let (facts, prefix) = (Arc::new(open().await), fresh_name());
    let mut reader = follow(&*facts).await;
    let puts: Vec<_> = (0..COUNT).map(|n| fact(&format!("{prefix}-{n}"), n)).collect();
    let (putting_facts, to_put) = (Arc::clone(&facts), puts.clone());
    let putting = tokio::spawn(async move {
        for fact in &to_put {
            put(&*putting_facts, fact).await;
        }
    });
    let mut seen: Vec<Fact> = Vec::new();
    let reading = async {
        for round in 0_u64.. {
            let patience = Duration::from_micros(50 * (round % 40));
            if let Ok(facts) = tokio::time::timeout(patience, reader.next()).await {
                seen.extend(facts.expect("the next facts"));
            } else if seen.contains(&puts[COUNT - 1]) {
                break;
            }
        }
    };
    within("all facts between waits given up", reading).await;
    putting.await.expect("the writer");
    seen.retain(|fact| fact.key.starts_with(&prefix));
    assert_eq!(seen, puts);
}

pub async fn any_bytes_survive<F: Facts>(open: impl AsyncFn() -> F) {
    let (facts, key) = (open().await, fresh_name());
    let value: Bytes = (0..=255).collect();
    let fact = Fact { key: key.clone(), value };
    put(&facts, &fact).await;
    assert_eq!(compacted(&next(&mut *follow(&facts).await, &key).await), [fact]);
}

pub async fn the_longest_key_fits<F: Facts>(open: impl AsyncFn() -> F) {
    let facts = open().await;
    let mut key = fresh_name();
    key.extend(std::iter::repeat_n('k', KEY_BYTES_MAX - key.len()));
    put(&facts, &fact(&key, 1)).await;
    assert_eq!(next(&mut *follow(&facts).await, &key).await, [fact(&key, 1)]);
}

pub async fn a_longer_key_is_refused<F: Facts>(open: impl AsyncFn() -> F) {
    let (facts, name) = (open().await, fresh_name());
    let mut key = name.clone();
    key.extend(std::iter::repeat_n('k', KEY_BYTES_MAX + 1 - name.len()));
    let put = within("a put", facts.put(&key, Bytes::from_static(b"1"))).await;
    assert!(put.is_err(), "a key of {} bytes", key.len());
    assert_eq!(next(&mut *follow(&facts).await, &name).await, [], "nothing was put");
}

pub async fn facts_opened_again_are_the_same<F: Facts>(open: impl AsyncFn() -> F) {
    let (facts, prefix) = (open().await, fresh_name());
    let (one, two) = (format!("{prefix}-1"), format!("{prefix}-2"));
    for fact in [fact(&one, 1), fact(&two, 1), fact(&one, 2)] {
        put(&facts, &fact).await;
    }
    drop(facts);
    let facts = open().await;
    let mut reader = follow(&facts).await;
    let seen = compacted(&next(&mut *reader, &prefix).await);
    assert_eq!(seen, [fact(&two, 1), fact(&one, 2)], "in the order in which they were put");
    put(&facts, &fact(&two, 2)).await;
    assert_eq!(until(&mut *reader, &prefix, &fact(&two, 2)).await, [fact(&two, 2)]);
}
