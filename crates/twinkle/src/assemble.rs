//! Which implementation stands behind each port: the only place that knows.

use std::sync::Arc;

use ::meters::{MeteredLog, MeteredReader, MeteredWriter};
use anyhow::{Context, Result};
use embedded::{Embedded, EmbeddedView};
use kafka::{KafkaFacts, KafkaLog};
use ports::{Clock, EventLog, Facts, LogKeeper, SystemClock, ViewReader, ViewWriter};
use redis_view::RedisView;

use crate::stores::Stores;

/// The world as the roles see it.
pub(crate) struct Ports {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) keeper: Arc<dyn LogKeeper>,
    pub(crate) facts: Arc<dyn Facts>,
    pub(crate) writer: Arc<dyn ViewWriter>,
    pub(crate) reader: Arc<dyn ViewReader>,
    pub(crate) clock: Arc<dyn Clock>,
    /// The view where it outlives the process.
    pub(crate) redis: Option<RedisView>,
}

/// Opens the data folder, or gets ready to talk to Kafka and Redis (which may be away for now).
pub(crate) async fn ports(stores: &Stores) -> Result<Ports> {
    #[cfg(feature = "msk-iam")]
    if let Some(tokens) = stores.tokens() {
        crate::msk::keep(tokens).await?;
    }
    let ports = connect(stores)?;
    Ok(Ports {
        log: Arc::new(MeteredLog::new(ports.log)),
        writer: Arc::new(MeteredWriter::new(ports.writer)),
        reader: Arc::new(MeteredReader::new(ports.reader)),
        ..ports
    })
}

fn connect(stores: &Stores) -> Result<Ports> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    match stores {
        Stores::Embedded { data } => {
            let Embedded { log, facts } = Embedded::open(data, clock.clone())?;
            let view = EmbeddedView::default();
            Ok(Ports {
                log: Arc::new(log.clone()),
                keeper: Arc::new(log),
                facts: Arc::new(facts),
                writer: Arc::new(view.clone()),
                reader: Arc::new(view),
                clock,
                redis: None,
            })
        }
        Stores::Distributed(both) => {
            let (kafka, redis) = &**both;
            let view = RedisView::connect(redis.clone()).context("TWINKLE_REDIS")?;
            let log = KafkaLog::connect(kafka.clone()).context("TWINKLE_KAFKA")?;
            Ok(Ports {
                log: Arc::new(log.clone()),
                keeper: Arc::new(log),
                facts: Arc::new(KafkaFacts::connect(kafka.clone()).context("TWINKLE_KAFKA")?),
                writer: Arc::new(view.clone()),
                reader: Arc::new(view.clone()),
                clock,
                redis: Some(view),
            })
        }
    }
}
