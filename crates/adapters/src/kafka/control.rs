//! Where each log's owner is: nodes tell it on a compacted topic, one key a log, and every node follows it. What is read
//! there is a guess by which requests are sent; the logs alone decide (R2).

use super::client::{Kafka, KafkaError, LOOK, Quiet, client, lock, reader};
use app::ports::{PortError, PortResult};
use domain::ids::PARTITIONS;
use domain::record::{READS, VERSION};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How often the following thread looks whether it should end.
const TURN: Duration = Duration::from_millis(100);
/// How long reading what was told before may take at the start.
const CATCH_UP: Duration = Duration::from_secs(20);
/// How long telling may take.
const TELL: Duration = Duration::from_secs(5);

/// What a node tells of one log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Of the owner's marker: what is told of a lower one is old.
    pub epoch: u32,
    /// The process: an address alone may be that of a process before.
    pub node: u64,
    /// `host:port` of its listener for other nodes.
    pub address: String,
    /// The newest version of the ledger's records that it reads, and the one that it writes.
    #[serde(default = "first_version")]
    pub reads: u8,
    #[serde(default = "first_version")]
    pub writes: u8,
}

/// Of nodes that did not tell yet.
fn first_version() -> u8 {
    1
}

/// Why a node may not own logs beside another one now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Apart {
    #[error(
        "the node at {address} reads records up to version {reads} and this koi writes version {writes}; stop or upgrade that node"
    )]
    Behind { address: String, reads: u8, writes: u8 },
    #[error(
        "the node at {address} writes records of version {writes} and this koi reads up to version {reads}; run a newer koi"
    )]
    Ahead { address: String, reads: u8, writes: u8 },
}

impl Told {
    /// What a node of this build tells.
    pub fn of(epoch: u32, node: u64, address: String) -> Self {
        Self { epoch, node, address, reads: READS, writes: VERSION }
    }

    /// Whether a build that reads and writes such versions can own logs beside this node: each must read what the other
    /// one writes, since either may own any log next.
    pub fn beside(&self, reads: u8, writes: u8) -> Result<(), Apart> {
        let address = || self.address.clone();
        if self.writes > reads {
            Err(Apart::Ahead { address: address(), reads, writes: self.writes })
        } else if writes > self.reads {
            Err(Apart::Behind { address: address(), reads: self.reads, writes })
        } else {
            Ok(())
        }
    }
}

/// What is known of each log.
#[derive(Default)]
struct Board {
    told: Mutex<Vec<Option<Told>>>,
    changes: watch::Sender<u64>,
}

impl Board {
    fn take(&self, part: u8, told: Told) {
        let mut all = lock(&self.told);
        all.resize(usize::from(PARTITIONS), None);
        let Some(place) = all.get_mut(usize::from(part)) else { return };
        if place.as_ref().is_none_or(|known| known.epoch < told.epoch) {
            *place = Some(told);
            drop(all);
            self.changes.send_modify(|count| *count += 1);
        }
    }
}

/// A node's end of the topic.
pub struct Control {
    board: Arc<Board>,
    producer: FutureProducer,
    topic: String,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Control {
    /// Follows the topic, made where there is none; returns when all that was told before is known.
    ///
    /// # Errors
    /// [`KafkaError`]; another attempt may succeed.
    pub async fn join(kafka: &Kafka) -> Result<Self, KafkaError> {
        let topic = kafka.make_control_topic().await?;
        let brokers = kafka.options().brokers.clone();
        let failed = |error| {
            tracing::error!(%error, "the control topic cannot be followed");
            KafkaError::Client
        };
        let consumer = reader(&brokers).map_err(failed)?;
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&topic, 0, Offset::Beginning).map_err(failed)?;
        consumer.assign(&list).map_err(failed)?;
        let producer = client(&brokers).set("acks", "all").set("linger.ms", "1").create().map_err(failed)?;
        let (board, stop) = (Arc::new(Board::default()), Arc::new(AtomicBool::new(false)));
        let (known, caught_up) = tokio::sync::oneshot::channel();
        let (of_thread, name) = ((board.clone(), stop.clone()), topic.clone());
        let work = move || follow(&consumer, &name, &of_thread.0, &of_thread.1, known);
        let thread =
            std::thread::Builder::new().name("koi-control".into()).spawn(work).map_err(|_| KafkaError::Client)?;
        let control = Self { board, producer, topic, stop, thread: Some(thread) };
        match tokio::time::timeout(CATCH_UP, caught_up).await {
            Ok(Ok(())) => Ok(control),
            _ => Err(KafkaError::Unreachable(brokers)),
        }
    }

    /// Tells every node of a log's owner.
    ///
    /// # Errors
    /// `Unreachable`; it may have been told all the same.
    pub async fn tell(&self, part: u8, told: &Told) -> PortResult<()> {
        let value = serde_json::to_vec(told).map_err(|_| PortError::Damaged("a node's address"))?;
        let key = part.to_string();
        let record = FutureRecord::to(&self.topic).partition(0).key(&key).payload(&value);
        let sent = tokio::time::timeout(TELL, self.producer.send(record, TELL)).await;
        match sent {
            Ok(Ok(_)) => {
                // Known here at once: this node need not wait for its own word.
                self.board.take(part, told.clone());
                Ok(())
            }
            _ => Err(PortError::Unreachable("the control topic")),
        }
    }

    /// What was told of a log last.
    pub fn told(&self, part: u8) -> Option<Told> {
        lock(&self.board.told).get(usize::from(part)).cloned().flatten()
    }

    /// Owners beside whom this build may not own logs, as far as was told; some may be gone.
    pub fn apart(&self) -> Vec<Apart> {
        let told = lock(&self.board.told);
        let mut apart: Vec<Apart> =
            told.iter().flatten().filter_map(|told| told.beside(READS, VERSION).err()).collect();
        apart.dedup();
        apart
    }

    /// Changes with everything that is told.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.board.changes.subscribe()
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

fn follow(
    consumer: &BaseConsumer<Quiet>,
    topic: &str,
    board: &Board,
    stop: &AtomicBool,
    known: tokio::sync::oneshot::Sender<()>,
) {
    let (mut known, mut end, mut next) = (Some(known), None, 0);
    let until = Instant::now() + CATCH_UP;
    while !stop.load(Ordering::Acquire) {
        match consumer.poll(TURN) {
            None => {}
            Some(Err(error)) => tracing::debug!(%error, "following the control topic"),
            Some(Ok(message)) => {
                next = message.offset() + 1;
                let part = message.key().and_then(|key| std::str::from_utf8(key).ok()?.parse().ok());
                let told = message.payload().and_then(|value| serde_json::from_slice(value).ok());
                match (part, told) {
                    (Some(part), Some(told)) => board.take(part, told),
                    // A newer koi, or somebody else: requests find their way without.
                    _ => tracing::warn!(offset = message.offset(), "a message of the control topic cannot be read"),
                }
            }
        }
        if known.is_some() {
            end = end.or_else(|| consumer.fetch_watermarks(topic, 0, LOOK).ok().map(|(_, end)| end));
            // A compacted topic may end in offsets that are no more: then the consumer stands at the end without a message.
            let stands = consumer.position().ok().and_then(|list| {
                list.elements().first().and_then(|place| place.offset().to_raw()).filter(|offset| *offset >= 0)
            });
            let at_end = end.is_some_and(|end| next >= end || stands.is_some_and(|at| at >= end) || end == 0);
            if at_end && let Some(known) = known.take() {
                _ = known.send(());
            }
            if Instant::now() > until {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lower_epoch_is_never_taken_back() {
        let board = Board::default();
        let changes = board.changes.subscribe();
        let told = |epoch| Told::of(epoch, 1, "127.0.0.1:1".into());
        board.take(3, told(2));
        board.take(3, told(1));
        board.take(64, told(9));
        assert_eq!(lock(&board.told)[3], Some(told(2)));
        assert_eq!(*changes.borrow(), 1, "only what is new is told on");
    }
    #[test]
    fn each_node_must_read_what_the_others_write() {
        let node = |reads, writes| Told { reads, writes, ..Told::of(1, 1, "a:1".into()) };
        let behind = Apart::Behind { address: "a:1".into(), reads: 1, writes: 2 };
        let ahead = Apart::Ahead { address: "a:1".into(), reads: 1, writes: 2 };
        for (there, (reads, writes), want) in [
            (node(1, 1), (1, 1), Ok(())),
            // The first release that reads version 2 joins, node by node.
            (node(1, 1), (2, 1), Ok(())),
            (node(2, 1), (1, 1), Ok(())),
            // The one that writes it comes once all read it, and whoever does not read it stays away.
            (node(2, 1), (2, 2), Ok(())),
            (node(2, 2), (2, 1), Ok(())),
            (node(1, 1), (2, 2), Err(behind)),
            (node(2, 2), (1, 1), Err(ahead)),
        ] {
            assert_eq!(there.beside(reads, writes), want, "{there:?} and {reads}, {writes}");
        }
        let old: Told = serde_json::from_str(r#"{"epoch": 1, "node": 2, "address": "a:1"}"#).unwrap();
        assert_eq!((old.reads, old.writes), (1, 1), "one from before nodes told");
    }
}
