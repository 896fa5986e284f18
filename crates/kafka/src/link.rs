//! The one client of a process that writes and asks; made anew when librdkafka gives it up.

use std::{
    error::Error,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use domain::Millis;
use ports::{Appended, Record, Trace};
use rdkafka::{
    ClientContext, Message,
    client::OAuthToken,
    config::{FromClientConfigAndContext, RDKafkaLogLevel},
    error::KafkaError,
    producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext},
    types::RDKafkaErrorCode,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tracing::{debug, error};

use crate::{
    KafkaConfig,
    bearer::{self, Tokens},
    context::{Context, log_line},
    failure::Failure,
    trace,
    trouble::Trouble,
};

/// All our topics have this one.
pub(crate) const PARTITION: i32 = 0;
/// How much longer than the delivery timeout a delivery report may take, in milliseconds.
const REPORT_MS_MAX: u64 = 1_000;
/// How long a poll for reports waits, in milliseconds; reports end the wait.
const POLL_MS: u64 = 1_000;
/// Most questions (metadata, offsets) under way at a time; each holds a thread while it waits.
const QUESTIONS_MAX: usize = 4;

/// Most records of an import under way at a time.
const IMPORT_IN_FLIGHT: usize = 256;

/// Tells where and when a record became durable.
type Report = oneshot::Receiver<Result<Appended, Failure>>;

/// Writes to the brokers and asks them things.
pub(crate) struct Link {
    pub(crate) config: KafkaConfig,
    current: Mutex<Option<Arc<Client>>>,
    questions: Arc<Semaphore>,
    pub(crate) trouble: Arc<Trouble>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Link {
    /// Checks the settings and starts the client; does not wait for a broker.
    pub(crate) fn new(config: KafkaConfig) -> Result<Arc<Self>, KafkaError> {
        let questions = Arc::new(Semaphore::new(QUESTIONS_MAX));
        let (current, trouble) = (Mutex::new(None), Arc::default());
        let link = Self { config, current, questions, trouble };
        link.client()?;
        Ok(Arc::new(link))
    }

    /// The client; a new one when there was none or librdkafka gave the old one up for good.
    fn client(&self) -> Result<Arc<Client>, KafkaError> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = current.as_ref().filter(|client| !client.is_broken()) {
            return Ok(Arc::clone(client));
        }
        let client = Arc::new(Client::start(&self.config, Arc::clone(&self.trouble))?);
        *current = Some(Arc::clone(&client));
        Ok(client)
    }

    /// For consumers and admin clients of the same brokers.
    pub(crate) fn context(&self) -> Context {
        Context { trouble: Arc::clone(&self.trouble), tokens: self.config.security.tokens() }
    }

    /// Appends to partition 0 of a topic that exists; answers after the delivery report.
    ///
    /// Dropping the future changes nothing: the record stays counted until its report is there.
    pub(crate) async fn append(
        &self,
        topic: &str,
        key: Option<&str>,
        value: &[u8],
        traces: &[Trace],
    ) -> Result<Appended, Failure> {
        let report = {
            let client = self.client().map_err(|error| Failure::of(&error))?;
            client.send(topic, key, value, None, traces)?
        };
        self.reported(report).await
    }

    /// Appends records with times of their own, in order; answers after the last delivery report.
    pub(crate) async fn append_all(
        &self,
        topic: &str,
        records: &[Record],
    ) -> Result<Vec<Appended>, Failure> {
        let client = self.client().map_err(|error| Failure::of(&error))?;
        let mut appended = Vec::with_capacity(records.len());
        for records in records.chunks(IMPORT_IN_FLIGHT.min(self.config.in_flight_max)) {
            let send =
                |record: &Record| client.send(topic, None, &record.bytes, Some(record.at), &[]);
            let reports = records.iter().map(send).collect::<Result<Vec<_>, _>>()?;
            for report in reports {
                appended.push(self.reported(report).await?);
            }
        }
        Ok(appended)
    }

    async fn reported(&self, report: Report) -> Result<Appended, Failure> {
        let patience = self.config.timeout() + Duration::from_millis(REPORT_MS_MAX);
        let answer = match tokio::time::timeout(patience, report).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Failure::unavailable("the client was closed meanwhile")),
            Err(_) => Err(Failure::unavailable("no broker answered in time")),
        };
        self.noted(answer)
    }

    /// Remembers that a broker answered, or says why none did.
    fn noted<T>(&self, answer: Result<T, Failure>) -> Result<T, Failure> {
        if answer.is_ok() {
            self.trouble.over();
        }
        answer.map_err(|failure| self.trouble.explain(failure))
    }

    /// Asks the brokers something with a call that blocks, on a thread made for that.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&rdkafka::client::Client<Deliveries>, Duration) -> Result<T, KafkaError>
        + Send
        + 'static,
    ) -> Result<T, Failure> {
        let client = self.client().map_err(|error| Failure::of(&error))?;
        let (patience, permit) =
            (self.config.timeout(), Arc::clone(&self.questions).acquire_owned());
        let answer = tokio::time::timeout(patience, async {
            let permit = permit.await;
            let asked = blocking(move || {
                let _permit = permit;
                question(client.producer.client(), patience)
            });
            asked.await?.map_err(|error| Failure::of(&error))
        });
        let answer = answer.await;
        let late = || Err(Failure::unavailable("no broker answered in time"));
        self.noted(answer.unwrap_or_else(|_| late()))
    }
}

/// Runs a call that blocks on a thread made for that.
pub(crate) async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let answer = tokio::task::spawn_blocking(call).await;
    answer.map_err(|error| Failure::ending(&error))
}

/// One producer of librdkafka with its bound.
struct Client {
    producer: Arc<BaseProducer<Deliveries>>,
    in_flight: Arc<Semaphore>,
}

impl Client {
    fn start(config: &KafkaConfig, trouble: Arc<Trouble>) -> Result<Self, KafkaError> {
        let tokens = config.security.tokens();
        let context = Deliveries { broken: AtomicBool::new(false), trouble, tokens };
        let producer = BaseProducer::from_config_and_context(&config.producer(), context)?;
        let (producer, in_flight) =
            (Arc::new(producer), Arc::new(Semaphore::new(config.in_flight_max)));
        hear(Arc::downgrade(&producer))?;
        Ok(Self { producer, in_flight })
    }

    fn is_broken(&self) -> bool {
        self.producer.context().broken.load(Ordering::Relaxed)
    }

    /// Hands a record over; never blocks.
    fn send(
        &self,
        topic: &str,
        key: Option<&str>,
        value: &[u8],
        at: Option<Millis>,
        traces: &[Trace],
    ) -> Result<Report, Failure> {
        let permit = Arc::clone(&self.in_flight).try_acquire_owned().map_err(|_| Failure::Full)?;
        let (answer, report) = oneshot::channel();
        let mut record = BaseRecord::with_opaque_to(topic, Box::new(Delivery { answer, permit }))
            .partition(PARTITION)
            .payload(value);
        record.key = key;
        record.headers = trace::headers(traces);
        record.timestamp = at.and_then(|at| i64::try_from(at).ok());
        match self.producer.send(record) {
            Ok(()) => Ok(report),
            Err((error, _record)) => {
                self.producer.context().note(&error);
                Err(Failure::of(&error))
            }
        }
    }
}

/// Hears the reports of a producer on a thread of its own, until nobody holds the producer any more;
/// the thread then closes it, which waits for librdkafka's own threads.
///
/// rdkafka has a producer that does so, but each poll of it spins for its last millisecond, and it
/// polls ten times a second: a hundredth of a core in every process.
fn hear(producer: Weak<BaseProducer<Deliveries>>) -> Result<(), KafkaError> {
    let hear = move || {
        while let Some(producer) = producer.upgrade() {
            producer.poll(Duration::from_millis(POLL_MS));
        }
    };
    let thread = thread::Builder::new().name("kafka-reports".to_owned()).spawn(hear);
    thread.map(drop).map_err(|error| KafkaError::ClientCreation(error.to_string()))
}

/// A record under way: who waits for it, and its place among those under way.
pub(crate) struct Delivery {
    answer: oneshot::Sender<Result<Appended, Failure>>,
    permit: OwnedSemaphorePermit,
}

/// Hears the delivery reports, on the producer's own thread.
pub(crate) struct Deliveries {
    /// librdkafka takes no more records from this producer, ever.
    broken: AtomicBool,
    trouble: Arc<Trouble>,
    tokens: Option<Tokens>,
}

impl Deliveries {
    fn note(&self, error: &KafkaError) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal)
            && !self.broken.swap(true, Ordering::Relaxed)
        {
            error!("the Kafka producer can't go on and is replaced; records under way have failed");
        }
    }
}

impl ClientContext for Deliveries {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        bearer::answer(self.tokens.as_ref())
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.trouble.heard(facility, text);
        log_line(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.note(&error);
        self.trouble.note(&error, reason);
        debug!(target: "librdkafka", %error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<Delivery>;

    fn delivery(&self, report: &DeliveryResult<'_>, delivery: Box<Delivery>) {
        let Delivery { answer, permit } = *delivery;
        drop(permit);
        // Nobody waits any more where the future was dropped.
        let _ = answer.send(match report {
            Ok(message) => appended(message),
            Err((error, _)) => {
                self.note(error);
                Err(Failure::of(error))
            }
        });
    }
}

/// Where and when, as the broker said it.
fn appended(message: &impl Message) -> Result<Appended, Failure> {
    let offset = u64::try_from(message.offset()).ok();
    let at = message.timestamp().to_millis().and_then(|at| Millis::try_from(at).ok());
    match (offset, at) {
        (Some(offset), Some(at)) => Ok(Appended { offset, at }),
        // The answer to an older try was lost and the broker remembers no more than that it was.
        _ => Err(Failure::unavailable("the record was appended, but where is not known")),
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::{bindings::rd_kafka_test_fatal_error, types::RDKafkaRespErr};
    use testbed::Kafka;

    use super::*;
    use crate::topics::Kind;

    const TOPIC: &str = "twinkle.event.fatal";

    /// Makes the producer fail for good, as a sequence that the broker does not follow would.
    #[allow(unsafe_code)]
    fn break_for_good(client: &Client) {
        let code = RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
        let native = client.producer.client().native_ptr();
        // SAFETY: the client lives as long as the reference, the text is a constant.
        unsafe { rd_kafka_test_fatal_error(native, code, c"a test".as_ptr()) };
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_producer_that_failed_for_good_is_replaced() {
        let kafka = Kafka::start().expect("a broker");
        let link = Link::new(KafkaConfig::new(kafka.bootstrap())).expect("the settings work");
        link.create(TOPIC, Kind::Event).await.expect("create");
        let first = link.append(TOPIC, None, b"first", &[]).await.expect("append");

        let broken = link.client().expect("a client");
        break_for_good(&broken);
        let mut failed = 0;
        let second = loop {
            match link.append(TOPIC, None, b"second", &[]).await {
                Ok(appended) => break appended,
                Err(Failure::Unavailable(_)) if failed < 100 => failed += 1,
                Err(failure) => panic!("{failure:?} after {failed}"),
            }
        };
        assert_eq!(second.offset, first.offset + 1, "what failed was not appended");
        assert!(broken.is_broken() && !link.client().expect("a client").is_broken());
        assert_eq!(broken.in_flight.available_permits(), link.config.in_flight_max);
    }
}
