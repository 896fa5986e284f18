//! What every store of facts keeps.

use bytes::Bytes;

use super::{fresh_name, within};
use crate::{Fact, Facts};

pub async fn the_first_answer_holds_everything<F: Facts>(open: impl AsyncFn() -> F) {
    let (facts, key) = (open().await, fresh_name());
    facts.put(&key, Bytes::from_static(b"1")).await.expect("put");
    let mut reader = facts.follow().await.expect("follow");
    let first = within("the first answer", reader.next()).await.expect("the first answer");
    assert!(first.contains(&Fact { key, value: Bytes::from_static(b"1") }), "{first:?}");
}
