//! Reading a topic that other programs write, in a group: a piece at a time, its effect first, then its dead letters, then
//! the offsets. Whatever goes wrong between them is repeated, and a repeat has no effect (a behaviour has its id, a
//! question one answer). A partition that goes to another member takes nothing along but what was committed.

use super::client::{LOOK, Quiet, client};
use super::topics::Topics;
use super::{KafkaError, MESSAGE_BYTES};
use app::ports::{Clock, Intake, PortError, PortResult, Unfit};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError as DriverError;
use rdkafka::message::{Message, OwnedMessage};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Messages of a piece: as many as one request of `POST /events` may have.
const PIECE: usize = 1_000;
/// How long a piece is gathered once there is something.
const GATHER: Duration = Duration::from_millis(20);
/// How often a wait looks whether it should end.
const TURN: Duration = Duration::from_millis(100);
/// How long the effect of a piece may take; well below the driver's bound of five minutes between two reads.
const TAKE: Duration = Duration::from_secs(60);
/// The wait before a piece that could not be taken is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// After so long without a sign of life a member's partitions go to others.
const SESSION_MS: &str = "6000";
const HEARTBEAT_MS: &str = "2000";

/// What is read, by whom, and who takes it.
pub struct Inflow {
    pub topic: String,
    pub group: String,
    pub intake: Arc<dyn Intake>,
}

/// A member of a group, reading on a thread of its own until it is dropped.
pub struct Inbox {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Inbox {
    /// Joins the group. Must be called within a runtime, which takes the effects.
    ///
    /// # Errors
    /// The client cannot be set up.
    pub fn open(topics: Arc<Topics>, inflow: Inflow, clock: Arc<dyn Clock>) -> Result<Self, KafkaError> {
        let stop = Arc::new(AtomicBool::new(false));
        let consumer = member(&topics, &inflow).map_err(|error| {
            tracing::error!(%error, topic = inflow.topic, "a group cannot be joined");
            KafkaError::Client
        })?;
        let runtime = tokio::runtime::Handle::current();
        let reader = Reader { topics, inflow, clock, consumer, runtime, stop: stop.clone(), failed: false };
        let thread = std::thread::Builder::new().name("koi-inbox".into()).spawn(move || reader.run());
        Ok(Self { stop, thread: Some(thread.map_err(|_| KafkaError::Client)?) })
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

fn member(topics: &Topics, inflow: &Inflow) -> Result<BaseConsumer<Quiet>, DriverError> {
    let consumer: BaseConsumer<Quiet> = client(topics.brokers())
        .set("group.id", &inflow.group)
        .set("session.timeout.ms", SESSION_MS)
        .set("heartbeat.interval.ms", HEARTBEAT_MS)
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("fetch.message.max.bytes", MESSAGE_BYTES.to_string())
        // What waits in the driver's queues, so that a long topic does not fill the memory.
        .set("queued.max.messages.kbytes", "16384")
        .create_with_context(Quiet)?;
    consumer.subscribe(&[&inflow.topic])?;
    Ok(consumer)
}

struct Reader {
    topics: Arc<Topics>,
    inflow: Inflow,
    clock: Arc<dyn Clock>,
    consumer: BaseConsumer<Quiet>,
    runtime: tokio::runtime::Handle,
    stop: Arc<AtomicBool>,
    /// The last piece could not be taken: said once.
    failed: bool,
}

impl Reader {
    fn run(mut self) {
        while !self.stopping() {
            let piece = self.gather();
            if piece.is_empty() {
                continue;
            }
            match self.settle(&piece) {
                Ok(()) => self.failed = false,
                Err(error) => {
                    if !std::mem::replace(&mut self.failed, true) {
                        tracing::warn!(%error, topic = self.inflow.topic, "messages wait until they can be taken");
                    }
                    self.go_back(&piece);
                    self.rest();
                }
            }
        }
        // Leaving at once gives the partitions to others at once.
        self.consumer.unsubscribe();
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    fn rest(&self) {
        let until = Instant::now() + AGAIN;
        while !self.stopping() && Instant::now() < until {
            std::thread::sleep(TURN);
        }
    }

    /// What there is, a piece at most; empty where nothing comes.
    fn gather(&self) -> Vec<OwnedMessage> {
        let (mut piece, mut wait, mut until) = (Vec::new(), TURN, None);
        while piece.len() < PIECE {
            match self.consumer.poll(wait) {
                None => break,
                Some(Err(error)) => {
                    tracing::debug!(%error, topic = self.inflow.topic, "reading a topic");
                    break;
                }
                Some(Ok(message)) => piece.push(message.detach()),
            }
            let end = *until.get_or_insert_with(|| Instant::now() + GATHER);
            wait = end.saturating_duration_since(Instant::now());
        }
        piece
    }

    /// Effect, dead letters, offsets, in this order.
    fn settle(&self, piece: &[OwnedMessage]) -> PortResult<()> {
        let values: Vec<Vec<u8>> = piece.iter().map(|m| m.payload().unwrap_or_default().to_vec()).collect();
        let taken = self.runtime.block_on(async { tokio::time::timeout(TAKE, self.inflow.intake.take(&values)).await });
        let verdicts = taken.map_err(|_| PortError::Unreachable("whoever takes messages"))??;
        let unfit: Vec<(&OwnedMessage, Unfit)> =
            piece.iter().zip(verdicts).filter_map(|(message, verdict)| Some((message, verdict.err()?))).collect();
        if !unfit.is_empty() {
            self.runtime.block_on(self.topics.bury(&unfit, self.clock.now_ms()))?;
        }
        metrics::counter!("koi_topics_taken_total").increment((piece.len() - unfit.len()) as u64);
        let mut reached = TopicPartitionList::new();
        for (part, (_, last)) in bounds(piece) {
            // The list was just made: no partition is in it twice.
            _ = reached.add_partition_offset(&self.inflow.topic, part, Offset::Offset(last + 1));
        }
        if let Err(error) = self.consumer.commit(&reached, CommitMode::Sync) {
            // Another member may have them by now, and takes them again; else the next commit says the same and more.
            tracing::debug!(%error, topic = self.inflow.topic, "offsets were not committed");
        }
        Ok(())
    }

    /// The same messages are read next. A member that cannot go back joins anew, and is where the last commit was: to
    /// read on would pass over them.
    fn go_back(&mut self, piece: &[OwnedMessage]) {
        let back = bounds(piece).into_iter().all(|(part, (first, _))| {
            self.consumer.seek(&self.inflow.topic, part, Offset::Offset(first), LOOK).is_ok()
        });
        if back {
            return;
        }
        match member(&self.topics, &self.inflow) {
            Ok(fresh) => self.consumer = fresh,
            Err(error) => {
                tracing::error!(%error, topic = self.inflow.topic, "a group cannot be joined again; its topic is read no more");
                self.stop.store(true, Ordering::Release);
            }
        }
    }
}

/// The first and the last offset of each partition.
fn bounds(piece: &[OwnedMessage]) -> BTreeMap<i32, (i64, i64)> {
    let mut bounds = BTreeMap::new();
    for message in piece {
        let at = message.offset();
        let (first, last) = bounds.entry(message.partition()).or_insert((at, at));
        (*first, *last) = (at.min(*first), at.max(*last));
    }
    bounds
}
