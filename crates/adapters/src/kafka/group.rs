//! Who should own which log, as a consumer group suggests it. A suggestion is no more than that: the log decides (R2), and
//! two processes may both believe themselves suggested.
//!
//! The group subscribes to a topic of its own that has as many partitions as the ledger and never a message, so that
//! membership costs no fetches.

use super::client::{Kafka, KafkaError, lock};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::topic_partition_list::TopicPartitionList;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;

/// After so long without a sign of life a member's logs are suggested to others.
pub const SESSION: Duration = Duration::from_secs(6);
/// How often a member gives one.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How often the member's thread turns.
const TURN: Duration = Duration::from_millis(100);

/// The partitions that this process should own now.
pub type Suggested = BTreeSet<u8>;

/// Membership in the group of owners; leaving it, or being silent too long, suggests its logs to others.
pub struct Suggestions {
    suggested: watch::Receiver<Suggested>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

struct Member {
    now: Mutex<Suggested>,
    tell: watch::Sender<Suggested>,
}

impl Member {
    fn change(&self, list: &TopicPartitionList, comes: bool) {
        let mut now = lock(&self.now);
        for element in list.elements() {
            let Ok(part) = u8::try_from(element.partition()) else { continue };
            if comes {
                now.insert(part)
            } else {
                now.remove(&part)
            };
        }
        self.tell.send_replace(now.clone());
    }
}

impl ClientContext for Member {
    fn log(&self, _: RDKafkaLogLevel, fac: &str, message: &str) {
        tracing::debug!(fac, message, "kafka group");
    }
}

impl ConsumerContext for Member {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(list) = rebalance {
            self.change(list, false);
        }
    }

    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(list) = rebalance {
            self.change(list, true);
        }
    }
}

impl Suggestions {
    /// Joins the group of the ledger's owners.
    ///
    /// # Errors
    /// The group's topic cannot be made, or the client cannot be set up.
    pub async fn join(kafka: &Kafka) -> Result<Self, KafkaError> {
        let topic = kafka.make_owners_topic().await?;
        let (tell, suggested) = watch::channel(Suggested::new());
        let member = Member { now: Mutex::default(), tell };
        let consumer = kafka.member(&topic, SESSION, HEARTBEAT, member)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let work = move || {
            while !stopped.load(Ordering::Acquire) {
                if let Some(Err(error)) = consumer.poll(TURN) {
                    tracing::debug!(%error, "the group of owners");
                }
            }
            // Leaving at once suggests the logs to others at once.
            consumer.unsubscribe();
        };
        let thread =
            std::thread::Builder::new().name("koi-group".into()).spawn(work).map_err(|_| KafkaError::Client)?;
        Ok(Self { suggested, stop, thread: Some(thread) })
    }

    /// What is suggested now, and every change.
    pub fn watch(&self) -> watch::Receiver<Suggested> {
        self.suggested.clone()
    }
}

impl Drop for Suggestions {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}
