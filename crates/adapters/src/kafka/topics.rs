//! Topics that other programs read and write (docs/topics.md): their names, how they are made, and the writing end.

use super::client::{LOOK, MAKE, Options, Quiet, client, lock, reader};
use super::{KafkaError, MESSAGE_BYTES};
use app::ports::{PortError, PortResult, PublicMessage, PublicTopic, Publisher};
use async_trait::async_trait;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError as DriverError, RDKafkaErrorCode};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use serde::{Deserialize, Serialize};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Messages sent before their acknowledgements are waited for: with one such piece from each of 64 logs the driver's
/// queue has room left.
const PIECE: usize = 1_000;
/// How long a piece may take; beyond it nobody knows, and it is told again.
const TELL: Duration = Duration::from_secs(10);

/// `[topics]`: what other programs read and write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TopicsOptions {
    /// What their names start with; empty: the ledger's topic without `.ledger` at its end.
    pub prefix: String,
    /// Whether draws, awards, points, orders, notices and configuration are told.
    pub facts: bool,
    /// Whether behaviour is taken.
    pub behaviour: bool,
    /// Partitions of a topic that is made; one that is there keeps its own.
    pub partitions: u16,
    /// How long messages stay, likewise.
    pub retention_hours: u32,
}

impl Default for TopicsOptions {
    fn default() -> Self {
        Self { prefix: String::new(), facts: true, behaviour: true, partitions: 8, retention_hours: 168 }
    }
}

impl TopicsOptions {
    /// What is wrong with it.
    pub fn wrong(&self) -> Option<&'static str> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if self.prefix.len() > 200 || !self.prefix.chars().all(fits) {
            return Some("prefix is at most 200 letters, digits, dots, underscores and hyphens");
        }
        if !(1..=1_000).contains(&self.partitions) {
            return Some("partitions is 1 to 1000");
        }
        if !(1..=87_600).contains(&self.retention_hours) {
            return Some("retention_hours is 1 to 87600");
        }
        None
    }

    /// How topics are called beside a ledger.
    pub fn names(&self, ledger: &str) -> Names {
        let own = ledger.strip_suffix(".ledger").filter(|rest| !rest.is_empty()).unwrap_or(ledger);
        Names { prefix: if self.prefix.is_empty() { own.to_owned() } else { self.prefix.clone() } }
    }
}

/// How the topics are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    prefix: String,
}

impl Names {
    fn of(&self, word: &str) -> String {
        format!("{}.{word}", self.prefix)
    }

    pub fn public(&self, topic: PublicTopic) -> String {
        self.of(topic.word())
    }

    pub fn behaviour(&self) -> String {
        self.of("behaviour")
    }

    pub fn questions(&self) -> String {
        self.of("advice.questions")
    }

    pub fn answers(&self) -> String {
        self.of("advice.answers")
    }

    pub fn dead_letters(&self) -> String {
        self.of("dead-letters")
    }

    /// Those that other programs write: a dead letter goes back to one of them.
    pub fn written_by_others(&self) -> [String; 2] {
        [self.behaviour(), self.answers()]
    }

    /// The group of consumers that share a topic for a purpose.
    pub fn group(&self, purpose: &str) -> String {
        self.of(&format!("group.{purpose}"))
    }
}

/// The writing end of all topics.
pub struct Topics {
    brokers: String,
    pub names: Names,
    producer: Mutex<FutureProducer>,
}

/// A message on its way to a topic.
pub(super) struct Outgoing<'a> {
    pub topic: &'a str,
    pub key: Option<&'a [u8]>,
    pub value: &'a [u8],
}

fn writer(brokers: &str) -> Result<FutureProducer, DriverError> {
    client(brokers)
        // What was tried twice is there once, and in order.
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("linger.ms", "5")
        .set("message.max.bytes", MESSAGE_BYTES.to_string())
        .set("message.timeout.ms", "6000")
        .set("request.timeout.ms", "3000")
        .create()
}

impl Topics {
    /// Makes the topics that are not there.
    ///
    /// # Errors
    /// [`KafkaError`]; another attempt may succeed.
    pub async fn open(kafka: &Options, options: &TopicsOptions) -> Result<Self, KafkaError> {
        let names = options.names(&kafka.topic);
        make(kafka, options, &names).await?;
        let producer = writer(&kafka.brokers).map_err(|error| {
            tracing::error!(%error, "the producer of topics cannot be set up");
            KafkaError::Client
        })?;
        Ok(Self { brokers: kafka.brokers.clone(), names, producer: Mutex::new(producer) })
    }

    pub(super) fn brokers(&self) -> &str {
        &self.brokers
    }

    /// Puts questions, by their ids, to whoever reads their topic; returns when they are durable there.
    pub async fn ask(&self, questions: &[(String, String)]) -> PortResult<()> {
        let topic = self.names.questions();
        let outgoing: Vec<Outgoing<'_>> = questions
            .iter()
            .map(|(id, message)| Outgoing { topic: &topic, key: Some(id.as_bytes()), value: message.as_bytes() })
            .collect();
        self.send(&outgoing).await
    }

    /// Returns when all of it is durable.
    pub(super) async fn send(&self, all: &[Outgoing<'_>]) -> PortResult<()> {
        for piece in all.chunks(PIECE) {
            self.send_piece(piece).await.inspect_err(|_| self.mend())?;
        }
        Ok(())
    }

    async fn send_piece(&self, piece: &[Outgoing<'_>]) -> PortResult<()> {
        const AWAY: PortError = PortError::Unreachable("the topics");
        let producer = lock(&self.producer).clone();
        let mut sent = Vec::with_capacity(piece.len());
        for message in piece {
            let mut record = FutureRecord::<[u8], [u8]>::to(message.topic).payload(message.value);
            record.key = message.key;
            sent.push(producer.send_result(record).map_err(|(error, _)| {
                tracing::warn!(%error, topic = message.topic, "a message was not sent");
                AWAY
            })?);
        }
        let until = tokio::time::Instant::now() + TELL;
        for report in sent {
            match tokio::time::timeout_at(until, report).await {
                Ok(Ok(Ok(_))) => {}
                Ok(Ok(Err((error, _)))) => {
                    tracing::warn!(%error, "a message was not acknowledged");
                    return Err(AWAY);
                }
                _ => return Err(AWAY),
            }
        }
        Ok(())
    }

    /// After an error: a producer that can no longer keep its order is replaced.
    fn mend(&self) {
        let mut producer = lock(&self.producer);
        if let Some((code, _)) = producer.client().fatal_error() {
            tracing::warn!(%code, "the producer of topics is replaced");
            match writer(&self.brokers) {
                Ok(fresh) => *producer = fresh,
                Err(error) => tracing::error!(%error, "no new producer"),
            }
        }
    }
}

#[async_trait]
impl Publisher for Topics {
    async fn publish(&self, messages: Vec<PublicMessage>) -> PortResult<()> {
        let names = PublicTopic::ALL.map(|topic| (topic, self.names.public(topic)));
        let name = |of: PublicTopic| names.iter().find(|(topic, _)| *topic == of).map_or("", |(_, name)| name);
        let outgoing: Vec<Outgoing<'_>> = messages
            .iter()
            .map(|m| Outgoing { topic: name(m.topic), key: Some(m.key.as_bytes()), value: m.value.as_bytes() })
            .collect();
        self.send(&outgoing).await?;
        metrics::counter!("koi_topics_told_total").increment(messages.len() as u64);
        Ok(())
    }
}

/// A topic as it is made.
struct Made {
    name: String,
    partitions: i32,
    /// Only the newest message of a key counts, and stays.
    compacted: bool,
}

fn all(options: &TopicsOptions, names: &Names) -> Vec<Made> {
    let plain = |name: String| Made { name, partitions: options.partitions.into(), compacted: false };
    let mut all: Vec<Made> = [names.behaviour(), names.questions(), names.answers()].into_iter().map(plain).collect();
    all.push(Made { partitions: 1, ..plain(names.dead_letters()) });
    for topic in PublicTopic::ALL {
        let config = topic == PublicTopic::Config;
        let whole = plain(names.public(topic));
        all.push(if config { Made { partitions: 1, compacted: true, ..whole } } else { whole });
    }
    all
}

async fn make(kafka: &Options, options: &TopicsOptions, names: &Names) -> Result<(), KafkaError> {
    let admin: AdminClient<DefaultClientContext> = client(&kafka.brokers).create().map_err(|_| KafkaError::Client)?;
    let (min_insync, bytes) = (kafka.min_insync.to_string(), MESSAGE_BYTES.to_string());
    let retention = (i64::from(options.retention_hours) * 3_600_000).to_string();
    let all = all(options, names);
    let new: Vec<NewTopic<'_>> = all
        .iter()
        .map(|made| {
            let topic = NewTopic::new(&made.name, made.partitions, TopicReplication::Fixed(kafka.replication));
            let topic = topic.set("min.insync.replicas", &min_insync).set("max.message.bytes", &bytes);
            let topic = topic.set("unclean.leader.election.enable", "false");
            if made.compacted {
                topic.set("cleanup.policy", "compact")
            } else {
                topic.set("cleanup.policy", "delete").set("retention.ms", &retention)
            }
        })
        .collect();
    let within = AdminOptions::new().operation_timeout(Some(MAKE)).request_timeout(Some(MAKE));
    let results = admin.create_topics(&new, &within).await;
    let results = results.map_err(|_| KafkaError::Unreachable(kafka.brokers.clone()))?;
    for result in results {
        if let Err((name, code)) = result
            && code != RDKafkaErrorCode::TopicAlreadyExists
        {
            tracing::error!(%code, topic = name, "a topic cannot be made");
            return Err(KafkaError::Topic(name));
        }
    }
    let (brokers, wanted) = (kafka.brokers.clone(), all.into_iter().map(|made| made.name).collect());
    let waited = tokio::task::spawn_blocking(move || wait_for_leaders(&brokers, wanted));
    waited.await.map_err(|_| KafkaError::Client)?
}

/// A topic just made becomes known to all brokers a moment later.
fn wait_for_leaders(brokers: &str, mut wanted: Vec<String>) -> Result<(), KafkaError> {
    let unreachable = || KafkaError::Unreachable(brokers.to_owned());
    let consumer: rdkafka::consumer::BaseConsumer<Quiet> = reader(brokers).map_err(|_| KafkaError::Client)?;
    let until = Instant::now() + MAKE;
    while let Some(name) = wanted.last() {
        let metadata = consumer.fetch_metadata(Some(name), LOOK).map_err(|_| unreachable())?;
        let topic = metadata.topics().first().filter(|topic| topic.error().is_none());
        let led = topic.is_some_and(|topic| {
            !topic.partitions().is_empty() && topic.partitions().iter().all(|partition| partition.leader() >= 0)
        });
        if led {
            wanted.pop();
        } else if Instant::now() > until {
            return Err(unreachable());
        } else {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_ledger_unless_a_prefix_is_given() {
        for (ledger, prefix, want) in [
            ("koi.ledger", "", "koi.draws"),
            ("koi.ledger", "shop", "shop.draws"),
            ("east", "", "east.draws"),
            (".ledger", "", ".ledger.draws"),
        ] {
            let options = TopicsOptions { prefix: prefix.into(), ..TopicsOptions::default() };
            assert_eq!(options.names(ledger).public(PublicTopic::Draws), want, "{ledger} {prefix}");
        }
    }

    #[test]
    fn what_is_no_setting_is_said() {
        let good = TopicsOptions::default();
        for (options, ok) in [
            (good.clone(), true),
            (TopicsOptions { prefix: "a topic".into(), ..good.clone() }, false),
            (TopicsOptions { partitions: 0, ..good.clone() }, false),
            (TopicsOptions { retention_hours: 0, ..good }, false),
        ] {
            assert_eq!(options.wrong().is_none(), ok, "{options:?}");
        }
    }
}
