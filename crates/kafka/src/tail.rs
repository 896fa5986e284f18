//! Follows one partition by assignment, from an explicit offset, without a group's rebalancing.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use domain::Millis;
use futures_util::FutureExt;
use ports::Trace;
use rdkafka::{
    Message, Offset, TopicPartitionList,
    config::FromClientConfigAndContext,
    consumer::{Consumer, StreamConsumer},
    error::KafkaError,
    message::BorrowedMessage,
    types::RDKafkaErrorCode as Code,
};
use tokio::{task::JoinHandle, time::sleep};
use tracing::debug;

use crate::{
    bearer,
    close::Closing,
    context::Context,
    failure::Failure,
    link::{Link, PARTITION, blocking},
    topics::Bounds,
    trace,
};

/// Most records in one batch.
const BATCH_RECORDS_MAX: usize = 512;
/// A batch ends with the record that reaches this size, in bytes.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Pause before a consumer seeks again, and between looks for an offset past the end.
const SEEK_PAUSE_MS: u64 = 100;

/// The consumer behind a tail; also commits what its event's owner has handled.
pub(crate) type TailConsumer = Closing<StreamConsumer<Context>>;

/// What a tail reads.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) topic: String,
    pub(crate) group: String,
    /// Offsets may be missing, as compaction leaves them; the end of the topic is told.
    pub(crate) compacted: bool,
}

/// One record of the topic.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) offset: u64,
    pub(crate) at: Millis,
    pub(crate) key: Option<Bytes>,
    pub(crate) value: Option<Bytes>,
}

/// What was there.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) entries: Vec<Entry>,
    /// Marks of the commands in these records that are traced.
    pub(crate) traces: Vec<Trace>,
    bytes: usize,
    /// The end of a compacted topic was reached.
    pub(crate) at_end: bool,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.entries.len() >= BATCH_RECORDS_MAX || self.bytes >= BATCH_BYTES_MAX
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty() && !self.at_end
    }

    fn push(&mut self, offset: u64, message: &BorrowedMessage<'_>) {
        let copy = |bytes: Option<&[u8]>| bytes.map(Bytes::copy_from_slice);
        let at = message.timestamp().to_millis().and_then(|at| Millis::try_from(at).ok());
        self.bytes += message.payload_len();
        self.traces.extend(trace::of(message));
        self.entries.push(Entry {
            offset,
            at: at.unwrap_or(0),
            key: copy(message.key()),
            value: copy(message.payload()),
        });
    }
}

/// Where the consumer stands.
enum Place {
    /// On the way to `next`, in a task of its own: it gets there however often waits are given up.
    Seeking(JoinHandle<Result<(), Failure>>),
    /// Reads at `next`.
    Set,
    /// The broker has another log than the one that was read.
    Gone(String),
}

/// Reads a topic's partition in order, every record once, across broker restarts.
pub(crate) struct Tail {
    source: Source,
    seek: Seek,
    consumer: Arc<TailConsumer>,
    next: u64,
    place: Place,
    /// A record was handed out already.
    delivered: bool,
    /// Came after records that were handed out first.
    held: Option<Failure>,
}

impl Tail {
    pub(crate) async fn open(link: Arc<Link>, source: Source, next: u64) -> Result<Self, Failure> {
        let consumer = Arc::new(open_consumer(&link, &source).await?);
        let seek = Seek { link, consumer: Arc::clone(&consumer), topic: source.topic.clone() };
        let place = Place::Seeking(tokio::spawn(seek.clone().run(next, Duration::ZERO)));
        Ok(Self { source, seek, consumer, next, place, delivered: false, held: None })
    }

    pub(crate) fn consumer(&self) -> &Arc<TailConsumer> {
        &self.consumer
    }

    /// Waits for something to be there. Cancel safe; after an error, asking again skips nothing.
    pub(crate) async fn batch(&mut self) -> Result<Batch, Failure> {
        let consumer = Arc::clone(&self.consumer);
        loop {
            if let Some(failure) = self.held.take() {
                return Err(failure);
            }
            self.arrive().await?;
            let mut batch = Batch::default();
            // From here on nothing waits: a dropped future has taken nothing.
            let mut received = Some(consumer.recv().await);
            while let Some(message) = received {
                if let Err(failure) = self.take(message, &mut batch) {
                    self.held = Some(failure);
                    break;
                }
                let more = !batch.is_full() && matches!(self.place, Place::Set);
                received = if more { consumer.recv().now_or_never() } else { None };
            }
            if !batch.is_empty() {
                return Ok(batch);
            }
        }
    }

    fn take(
        &mut self,
        message: Result<BorrowedMessage<'_>, KafkaError>,
        batch: &mut Batch,
    ) -> Result<(), Failure> {
        let message = match message {
            Ok(message) => message,
            Err(KafkaError::PartitionEOF(_)) => {
                batch.at_end = true;
                return Ok(());
            }
            Err(error) => return self.judge(&error),
        };
        let offset = u64::try_from(message.offset()).unwrap_or(0);
        if offset > self.next && !self.source.compacted {
            self.seek_again();
            return Err(Failure::unavailable(format!(
                "the broker gave record {offset} of {} where {} was due; it is asked again",
                self.source.topic, self.next
            )));
        }
        if offset >= self.next {
            batch.push(offset, &message);
            self.next = offset + 1;
            self.delivered = true;
        }
        Ok(())
    }

    /// Says what an error of the consumer means.
    fn judge(&mut self, error: &KafkaError) -> Result<(), Failure> {
        match error.rdkafka_error_code() {
            // It reconnects by itself. In an outage these pile up by the hundred: were each an
            // error, readers would work through them long after the broker is back.
            Some(
                Code::AllBrokersDown
                | Code::BrokerTransportFailure
                | Code::Resolve
                | Code::OperationTimedOut,
            ) => {
                debug!(topic = self.source.topic, %error, "reading goes on");
                Ok(())
            }
            Some(Code::AutoOffsetReset) if self.delivered => {
                let text = format!(
                    "the broker's log {} is another than the one read up to {}: records were lost \
                     there; read it anew from the start",
                    self.source.topic, self.next
                );
                self.place = Place::Gone(text.clone());
                Err(Failure::Unavailable(text))
            }
            Some(Code::AutoOffsetReset) => {
                self.seek_again();
                Ok(())
            }
            // librdkafka has dropped what it couldn't read and would go on behind it.
            Some(Code::BadMessage) => {
                self.seek_again();
                Err(Failure::of(error))
            }
            _ => Err(Failure::of(error)),
        }
    }

    /// Waits until the consumer stands at `next`.
    async fn arrive(&mut self) -> Result<(), Failure> {
        let arrived = match &mut self.place {
            Place::Set => return Ok(()),
            Place::Gone(text) => return Err(Failure::Unavailable(text.clone())),
            Place::Seeking(seeking) => seeking.await,
        };
        let arrived = arrived.unwrap_or_else(|error| Err(Failure::ending(&error)));
        match arrived {
            Ok(()) => self.place = Place::Set,
            Err(_) => self.seek_again(),
        }
        arrived
    }

    fn seek_again(&mut self) {
        let pause = Duration::from_millis(SEEK_PAUSE_MS);
        self.place = Place::Seeking(tokio::spawn(self.seek.clone().run(self.next, pause)));
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        if let Place::Seeking(seeking) = &self.place {
            seeking.abort();
        }
    }
}

/// Puts a consumer where it has to read.
#[derive(Clone)]
struct Seek {
    link: Arc<Link>,
    consumer: Arc<TailConsumer>,
    topic: String,
}

impl Seek {
    /// Assigns the partition at `next`, once the log reaches that far.
    async fn run(self, next: u64, pause: Duration) -> Result<(), Failure> {
        sleep(pause).await;
        loop {
            let Bounds { low, high } = self.link.bounds(&self.topic).await?;
            if next < low {
                return Err(Failure::unavailable(format!(
                    "records {next} to {low} of {} are gone from the broker: check its retention",
                    self.topic
                )));
            }
            if next <= high {
                return self.assign(next).await;
            }
            sleep(Duration::from_millis(SEEK_PAUSE_MS)).await;
        }
    }

    async fn assign(self, next: u64) -> Result<(), Failure> {
        let offset = Offset::Offset(i64::try_from(next).unwrap_or(i64::MAX));
        let assigned = blocking(move || {
            let mut partitions = TopicPartitionList::new();
            partitions.add_partition_offset(&self.topic, PARTITION, offset)?;
            self.consumer.assign(&partitions)
        });
        assigned.await?.map_err(|error| Failure::of(&error))
    }
}

async fn open_consumer(link: &Link, source: &Source) -> Result<TailConsumer, Failure> {
    let settings = link.config.consumer(&source.group, source.compacted);
    let context = link.context();
    let consumer = blocking(move || {
        let consumer = StreamConsumer::from_config_and_context(&settings, context)?;
        bearer::show(consumer.client())?;
        Ok(Closing::new(consumer))
    });
    consumer.await?.map_err(|error: KafkaError| Failure::of(&error))
}
