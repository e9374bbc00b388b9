//! One consumer follows all logs that are owned here and hands each log its messages, in order.

use super::client::{LOOK, Options, Quiet, lock, read_message, reader, unreachable_ledger};
use super::ledger::Event;
use app::ports::PortResult;
use crossbeam_channel::{Sender, TrySendError};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError as DriverError;
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rustc_hash::FxHashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the following thread looks whether it should end.
const TURN: Duration = Duration::from_millis(100);

type Feeds = FxHashMap<i32, Sender<Event>>;

pub(super) struct Follower {
    consumer: Arc<BaseConsumer<Quiet>>,
    topic: String,
    feeds: Arc<Mutex<Feeds>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    pub fn start(options: &Options) -> Result<Self, DriverError> {
        let consumer = Arc::new(reader(&options.brokers)?);
        let (feeds, stop) = (Arc::new(Mutex::new(Feeds::default())), Arc::new(AtomicBool::new(false)));
        let (topic, work) =
            (options.topic.clone(), (consumer.clone(), feeds.clone(), stop.clone(), options.topic.clone()));
        let thread = std::thread::Builder::new().name("koi-follower".into()).spawn(move || {
            let (consumer, feeds, stop, topic) = work;
            follow(&consumer, &topic, &feeds, &stop);
        });
        let thread = thread.map_err(|error| DriverError::ClientCreation(error.to_string()))?;
        Ok(Self { consumer, topic, feeds, stop, thread: Some(thread) })
    }

    /// From here on the messages of `part` from `from` on go to `to`, until [`Follower::leave`]. A receiver that falls
    /// behind by its channel's bound is left, and must ask again.
    pub fn follow(&self, part: u8, from: i64, to: Sender<Event>) -> Result<(), DriverError> {
        if lock(&self.feeds).insert(i32::from(part), to).is_some() {
            unassign(&self.consumer, &self.topic, i32::from(part));
        }
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic, i32::from(part), Offset::Offset(from))?;
        self.consumer.incremental_assign(&list)
    }

    /// Whether the messages of `part` still go where [`Follower::follow`] said.
    pub fn follows(&self, part: u8, to: &Sender<Event>) -> bool {
        lock(&self.feeds).get(&i32::from(part)).is_some_and(|known| known.same_channel(to))
    }

    /// Ends what [`Follower::follow`] began for `to`; one that took its place stays.
    pub fn leave(&self, part: u8, to: &Sender<Event>) {
        if self.follows(part, to) {
            lock(&self.feeds).remove(&i32::from(part));
            unassign(&self.consumer, &self.topic, i32::from(part));
        }
    }

    /// The log's end as its leader knows it now.
    pub fn end(&self, topic: &str, part: u8) -> PortResult<i64> {
        let marks = self.consumer.fetch_watermarks(topic, i32::from(part), LOOK);
        marks.map(|(_, end)| end).map_err(|error| unreachable_ledger(&error))
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

fn unassign(consumer: &BaseConsumer<Quiet>, topic: &str, part: i32) {
    let mut list = TopicPartitionList::new();
    list.add_partition(topic, part);
    if let Err(error) = consumer.incremental_unassign(&list) {
        tracing::debug!(%error, part, "a log was not followed");
    }
}

fn follow(consumer: &BaseConsumer<Quiet>, topic: &str, feeds: &Mutex<Feeds>, stop: &AtomicBool) {
    while !stop.load(Ordering::Acquire) {
        match consumer.poll(TURN) {
            None => {}
            // Brokers out of reach and the like pass; what matters is that messages come, and their absence is noticed.
            Some(Err(error)) => tracing::debug!(%error, "following the logs"),
            Some(Ok(message)) => {
                let part = message.partition();
                let Some(to) = lock(feeds).get(&part).cloned() else { continue };
                match to.try_send(read_message(&message)) {
                    Ok(()) => {}
                    // Nobody may hold up the other logs: this one's owner is idle or gone, and asks again if it lives.
                    Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                        lock(feeds).remove(&part);
                        unassign(consumer, topic, part);
                    }
                }
            }
        }
    }
}
