//! The facts on one disk.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use ports::{Facts, FactsError, FactsReader, facts::KEY_BYTES_MAX};
use tokio::sync::oneshot;

use crate::{
    store::Store,
    writer::{Job, Refused, Writer},
};

/// Facts on one disk; all of them are in memory too.
#[derive(Debug, Clone)]
pub struct EmbeddedFacts {
    store: Arc<Store>,
    writer: Arc<Writer>,
}

impl EmbeddedFacts {
    pub(crate) fn new(store: Arc<Store>, writer: Arc<Writer>) -> Self {
        Self { store, writer }
    }
}

fn unavailable(why: &str) -> FactsError {
    FactsError(why.to_owned())
}

#[async_trait]
impl Facts for EmbeddedFacts {
    async fn put(&self, key: &str, value: Bytes) -> Result<(), FactsError> {
        if key.len() > KEY_BYTES_MAX {
            return Err(FactsError(format!("a key of {} bytes is too long", key.len())));
        }
        let (done, answer) = oneshot::channel();
        let job = Job::Put { key: key.to_owned(), value, done };
        self.writer.send(job).map_err(|refused| match refused {
            Refused::Full => unavailable("too much is under way already; nothing was put"),
            Refused::Gone => unavailable("the writer has ended; start the process again"),
        })?;
        let answer = answer.await.map_err(|_| unavailable("the writer has ended"))?;
        answer.map_err(FactsError)
    }

    async fn follow(&self) -> Result<Box<dyn FactsReader>, FactsError> {
        self.store.facts().follow().await
    }
}
