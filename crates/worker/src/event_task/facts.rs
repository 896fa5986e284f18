//! What the owner says of the event among the facts.

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::sleep;
use tracing::warn;
use wire::facts::{StateFact, head_key, state_key};

use super::{EventTask, RETRY_MS};

impl EventTask {
    pub(super) fn put_fact_if_due(&mut self) {
        let at = self.event.defined_at();
        if self.putting.is_some() || self.fact_at == Some(at) || self.event.definition().is_none() {
            return;
        }
        let value = StateFact::new(self.event.state(), at, self.event.definition()).encode();
        self.putting = Some(self.put(state_key(&self.id), value, at));
    }

    pub(super) fn put_head_if_due(&mut self) {
        if self.putting_head.is_some() {
            return;
        }
        let Some((next, head)) = self.heads.unput() else { return };
        self.putting_head = Some(self.put(head_key(&self.id), head.into(), next));
    }

    /// Puts a fact; tells `what` once it stands, and nothing if it has to be put again.
    fn put<T: Send + 'static>(
        &self,
        key: String,
        value: Vec<u8>,
        what: T,
    ) -> BoxFuture<'static, Option<T>> {
        let facts = self.worker.facts.clone();
        Box::pin(async move {
            match facts.put(&key, value.into()).await {
                Ok(()) => Some(what),
                Err(error) => {
                    warn!(key, %error, "a fact about an event was not published");
                    sleep(Duration::from_millis(RETRY_MS)).await;
                    None
                }
            }
        })
    }
}
