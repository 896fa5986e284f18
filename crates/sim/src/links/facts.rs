use async_trait::async_trait;
use bytes::Bytes;
use ports::{Fact, Facts, FactsError, FactsReader, memory::MemoryFacts};
use tokio::time::{Instant, sleep_until};

use crate::life::{Life, Store};

/// The facts through a process's connection.
#[derive(Clone)]
pub(crate) struct SimFacts {
    pub(crate) life: Life,
    pub(crate) facts: MemoryFacts,
}

#[async_trait]
impl Facts for SimFacts {
    async fn put(&self, key: &str, value: Bytes) -> Result<(), FactsError> {
        let fate = self.life.go(Store::Facts, "put").await.map_err(FactsError)?;
        self.life.note(format_args!("puts {key}"));
        self.facts.put(key, value).await?;
        self.life.back("put", fate).await.map_err(FactsError)
    }

    async fn follow(&self) -> Result<Box<dyn FactsReader>, FactsError> {
        let fate = self.life.go(Store::Facts, "follow").await.map_err(FactsError)?;
        let reader = self.facts.follow().await?;
        self.life.back("follow", fate).await.map_err(FactsError)?;
        Ok(Box::new(Reader { life: self.life.clone(), reader, came: None }))
    }
}

struct Reader {
    life: Life,
    reader: Box<dyn FactsReader>,
    came: Option<(Instant, Vec<Fact>)>,
}

#[async_trait]
impl FactsReader for Reader {
    async fn next(&mut self) -> Result<Vec<Fact>, FactsError> {
        if self.came.is_none() {
            let facts = self.reader.next().await?;
            let delay = self.life.sky.roll(|dice, weather| dice.millis(0, weather.slow_ms + 1));
            self.came = Some((Instant::now() + delay, facts));
        }
        let at = self.came.as_ref().map_or_else(Instant::now, |came| came.0);
        sleep_until(at).await;
        self.life.awake().await;
        Ok(self.came.take().map(|came| came.1).unwrap_or_default())
    }
}
