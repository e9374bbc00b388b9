//! What all logs of a process share: the topic, one producer, one consumer that follows the logs owned here, and a few
//! consumers that read what lies far back.

use super::MESSAGE_BYTES;
use super::follower::Follower;
use crate::kafka::ledger::Event;
use app::ports::{PortError, PortResult};
use crossbeam_channel::Sender;
use domain::ids::PARTITIONS;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError as DriverError, RDKafkaErrorCode};
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a look at the log's end, or the making of a topic, may take.
pub(super) const LOOK: Duration = Duration::from_secs(2);
/// How long topics may take to be made at the start.
pub(super) const MAKE: Duration = Duration::from_secs(20);

/// The `[kafka]` part of the config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// `host:port`, several with commas between.
    pub brokers: String,
    /// The name of the ledger's topic.
    pub topic: String,
    /// Replicas of the ledger; in production 3.
    pub replication: i32,
    /// Replicas that must hold a record before it counts; in production 2.
    pub min_insync: i32,
}

impl Default for Options {
    fn default() -> Self {
        Self { brokers: "127.0.0.1:9092".into(), topic: "koi.ledger".into(), replication: 1, min_insync: 1 }
    }
}

/// Why the ledger's topic cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KafkaError {
    #[error("Kafka at {0} does not answer; is it running, and may this machine reach it?")]
    Unreachable(String),
    #[error("the topic {topic} has {found} partitions, not {wanted}; shoppers would be sent to other logs")]
    Partitions { topic: String, found: usize, wanted: usize },
    #[error("the topic {0} cannot be made; may this user make topics, and are there as many brokers as replicas?")]
    Topic(String),
    #[error("the Kafka client cannot be set up; see the log")]
    Client,
}

/// A connection to Kafka; cheap to clone.
#[derive(Clone)]
pub struct Kafka {
    inner: Arc<Inner>,
}

struct Inner {
    options: Options,
    /// A log's messages go through one of them.
    producers: Vec<Mutex<Writer>>,
    follower: Follower,
    /// Consumers that read single places, when none of them is at work.
    idle: Mutex<Vec<BaseConsumer<Quiet>>>,
}

type Writer = ThreadedProducer<Reports>;

/// Producers of a process. One keeps five requests under way to a broker, since more could change their order, and a
/// request carries one log's batch: with a single producer dozens of logs would wait for each other.
const WRITERS: u8 = 4;

/// Tells a log what became of its message.
struct Reports;

/// Whose message it is.
pub(super) struct Ticket {
    pub sequence: u64,
    pub to: Sender<Event>,
}

impl ClientContext for Reports {
    fn log(&self, _: RDKafkaLogLevel, fac: &str, message: &str) {
        tracing::debug!(fac, message, "kafka producer");
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<Ticket>) {
        let (failed, at) = match result {
            Ok(message) => (None, message.offset()),
            Err((error, _)) => (Some(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)), -1),
        };
        // A full channel loses the report: its batch then counts as in doubt, which is safe.
        _ = ticket.to.try_send(Event::Acked { sequence: ticket.sequence, failed, at });
    }
}

/// The driver's words belong to the debug log.
pub(super) struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, _: RDKafkaLogLevel, fac: &str, message: &str) {
        tracing::debug!(fac, message, "kafka consumer");
    }

    fn error(&self, error: DriverError, reason: &str) {
        tracing::debug!(%error, reason, "kafka consumer");
    }
}

impl ConsumerContext for Quiet {}

pub(super) fn client(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("socket.nagle.disable", "true")
        // After an outage the brokers are looked for often: the wait is a shopper's.
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "500")
        .set("topic.metadata.refresh.fast.interval.ms", "100")
        .set_log_level(RDKafkaLogLevel::Warning);
    config
}

fn writer(brokers: &str) -> Result<Writer, DriverError> {
    client(brokers)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        // A log has one batch under way, so there is nothing to wait for.
        .set("linger.ms", "0")
        .set("message.max.bytes", MESSAGE_BYTES.to_string())
        // Beyond it the owner has long settled the batch by a marker.
        .set("message.timeout.ms", "6000")
        .set("request.timeout.ms", "3000")
        .set("retry.backoff.ms", "50")
        .create_with_context(Reports)
}

/// A consumer that reads where it is told: no group, no commits.
pub(super) fn reader(brokers: &str) -> Result<BaseConsumer<Quiet>, DriverError> {
    client(brokers)
        // Demanded by the driver; without a subscription it means nothing.
        .set("group.id", "koi.none")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("isolation.level", "read_uncommitted")
        // A fetch is answered the moment something is there; the wait only bounds how long a new log waits for its turn.
        .set("fetch.min.bytes", "1")
        .set("fetch.wait.max.ms", "100")
        .set("fetch.error.backoff.ms", "20")
        .set("fetch.message.max.bytes", MESSAGE_BYTES.to_string())
        .set("receive.message.max.bytes", (MESSAGE_BYTES * 8).to_string())
        .create_with_context(Quiet)
}

/// Whatever a thread that panicked left in a lock here is whole: values are replaced, never changed half.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Kafka {
    /// Connects, makes the ledger's topic where there is none, and checks that it has a partition for each of ours.
    ///
    /// # Errors
    /// [`KafkaError`]; another attempt may succeed.
    pub async fn connect(options: Options) -> Result<Self, KafkaError> {
        let failed = |error| {
            tracing::error!(%error, "the Kafka client cannot be set up");
            KafkaError::Client
        };
        make_topic(&options, &options.topic, Shape::LOGS).await?;
        let follower = Follower::start(&options).map_err(failed)?;
        let producers = (0..WRITERS).map(|_| writer(&options.brokers).map(Mutex::new));
        let producers = producers.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        Ok(Self { inner: Arc::new(Inner { options, producers, follower, idle: Mutex::default() }) })
    }

    pub(super) fn follower(&self) -> &Follower {
        &self.inner.follower
    }

    /// Hands a message to the producer. An error says that it surely was not sent.
    pub(super) fn send(&self, part: u8, key: &[u8; 16], data: &[u8], ticket: Ticket) -> Result<(), RDKafkaErrorCode> {
        let producer = lock(self.producer(part)).clone();
        let record = BaseRecord::with_opaque_to(&self.inner.options.topic, Box::new(ticket));
        let mut record = record.partition(i32::from(part)).key(key).payload(data);
        if let Some(parent) = app::trace::of_thread() {
            // Whoever reads the log elsewhere goes on with the trace.
            let text = parent.text();
            record = record.headers(OwnedHeaders::new().insert(Header { key: app::trace::HEADER, value: Some(&text) }));
        }
        let sent = producer.send(record);
        sent.map_err(|(error, _)| error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail))
    }

    fn producer(&self, part: u8) -> &Mutex<Writer> {
        &self.inner.producers[usize::from(part) % self.inner.producers.len()]
    }

    /// After an error: a producer that can no longer keep its order is replaced by a new one.
    pub(super) fn mend(&self, part: u8) {
        let mut producer = lock(self.producer(part));
        if let Some((code, _)) = producer.client().fatal_error() {
            tracing::warn!(%code, "the producer is replaced");
            match writer(&self.inner.options.brokers) {
                Ok(fresh) => *producer = fresh,
                Err(error) => tracing::error!(%error, "no new producer"),
            }
        }
    }

    /// The log's end as its leader knows it now: the offset of the next message.
    pub(super) fn end(&self, part: u8) -> PortResult<i64> {
        self.inner.follower.end(&self.inner.options.topic, part)
    }

    /// Runs `read` with a consumer of its own, not assigned to anything.
    pub(super) fn with_reader<T>(
        &self,
        read: impl FnOnce(&BaseConsumer<Quiet>, &str) -> PortResult<T>,
    ) -> PortResult<T> {
        /// Consumers kept for the next reader.
        const IDLE: usize = 4;
        let idle = lock(&self.inner.idle).pop();
        let consumer = match idle {
            Some(consumer) => consumer,
            None => reader(&self.inner.options.brokers).map_err(|error| unreachable_ledger(&error))?,
        };
        let result = read(&consumer, &self.inner.options.topic);
        if consumer.unassign().is_ok() {
            let mut idle = lock(&self.inner.idle);
            if idle.len() < IDLE {
                idle.push(consumer);
            }
        }
        result
    }
}

pub(super) fn unreachable_ledger(error: &DriverError) -> PortError {
    tracing::warn!(%error, "the ledger could not be read");
    PortError::Unreachable("the ledger")
}

/// Copies what a message holds.
pub(super) fn read_message(message: &impl Message) -> Event {
    let key = message.key().and_then(|key| key.try_into().ok());
    Event::Read { message: message.offset(), key, data: message.payload().unwrap_or_default().to_vec() }
}

impl Kafka {
    /// The topic by which the group of owners divides the logs: as many partitions, and never a message.
    pub(super) async fn make_owners_topic(&self) -> Result<String, KafkaError> {
        let topic = format!("{}.owners", self.inner.options.topic);
        make_topic(&self.inner.options, &topic, Shape::LOGS).await?;
        Ok(topic)
    }

    /// The topic by which nodes tell each other where they are: the newest message of each key is all that counts.
    pub(super) async fn make_control_topic(&self) -> Result<String, KafkaError> {
        let topic = format!("{}.control", self.inner.options.topic);
        make_topic(&self.inner.options, &topic, Shape { partitions: 1, cleanup: "compact" }).await?;
        Ok(topic)
    }

    pub fn options(&self) -> &Options {
        &self.inner.options
    }

    /// A member of a group that subscribes to `topic` and is given it piece by piece, so that whoever keeps a piece is
    /// not disturbed.
    pub(super) fn member<C: ConsumerContext>(
        &self,
        topic: &str,
        session: Duration,
        heartbeat: Duration,
        context: C,
    ) -> Result<BaseConsumer<C>, KafkaError> {
        let consumer: Result<BaseConsumer<C>, DriverError> = client(&self.inner.options.brokers)
            .set("group.id", format!("{topic}.group"))
            .set("session.timeout.ms", session.as_millis().to_string())
            .set("heartbeat.interval.ms", heartbeat.as_millis().to_string())
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "latest")
            .create_with_context(context);
        let consumer = consumer.and_then(|consumer| consumer.subscribe(&[topic]).map(|()| consumer));
        consumer.map_err(|error| {
            tracing::error!(%error, "the group of owners cannot be joined");
            KafkaError::Client
        })
    }
}

/// What a topic is like.
#[derive(Clone, Copy)]
struct Shape {
    partitions: usize,
    cleanup: &'static str,
}

impl Shape {
    const LOGS: Self = Self { partitions: PARTITIONS as usize, cleanup: "delete" };
}

async fn make_topic(options: &Options, name: &str, shape: Shape) -> Result<(), KafkaError> {
    let refused = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, topic = name, "a topic cannot be made");
        KafkaError::Topic(name.to_owned())
    };
    let admin: AdminClient<DefaultClientContext> =
        client(&options.brokers).create().map_err(|error| refused(&error))?;
    let (min_insync, bytes) = (options.min_insync.to_string(), MESSAGE_BYTES.to_string());
    let topic = NewTopic::new(name, shape.partitions as i32, TopicReplication::Fixed(options.replication))
        .set("min.insync.replicas", &min_insync)
        .set("unclean.leader.election.enable", "false")
        .set("cleanup.policy", shape.cleanup)
        // Answers are read here for as long as their keys live, so nothing leaves by itself.
        .set("retention.ms", "-1")
        .set("retention.bytes", "-1")
        .set("max.message.bytes", &bytes);
    let made =
        admin.create_topics([&topic], &AdminOptions::new().operation_timeout(Some(MAKE)).request_timeout(Some(MAKE)));
    let made = made.await.map_err(|_| KafkaError::Unreachable(options.brokers.clone()))?;
    if let Some(Err((_, code))) = made.first()
        && *code != RDKafkaErrorCode::TopicAlreadyExists
    {
        return Err(refused(code));
    }
    let (options, name) = (options.clone(), name.to_owned());
    let counted = tokio::task::spawn_blocking(move || count_partitions(&options, &name, shape.partitions));
    counted.await.map_err(|_| KafkaError::Client)?
}

fn count_partitions(options: &Options, name: &str, wanted: usize) -> Result<(), KafkaError> {
    let unreachable = || KafkaError::Unreachable(options.brokers.clone());
    let consumer = reader(&options.brokers).map_err(|_| KafkaError::Client)?;
    let until = std::time::Instant::now() + MAKE;
    loop {
        let metadata = consumer.fetch_metadata(Some(name), LOOK).map_err(|_| unreachable())?;
        let topic = metadata.topics().first().filter(|topic| topic.error().is_none());
        // A topic just made becomes known to all brokers a moment later.
        let led = topic.map(|t| t.partitions().iter().filter(|p| p.leader() >= 0).count());
        match (topic.map(|t| t.partitions().len()), led) {
            (Some(found), _) if found != wanted && found != 0 => {
                return Err(KafkaError::Partitions { topic: name.to_owned(), found, wanted });
            }
            (Some(found), Some(led)) if found != 0 && led == found => return Ok(()),
            _ if std::time::Instant::now() > until => return Err(unreachable()),
            _ => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}
