//! The ledger on a real Kafka against the suites of its port.

use adapters::clock::SystemClock;
use adapters::kafka::{ClaimError, Kafka, KafkaLedger, KafkaReader, Options, Suggestions};
use app::ports::{Ledger, LedgerReader, Position};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use testkit::conformance::ledger::{self, Engine};
use testkit::conformance::shared_ledger;
use testkit::engines;
use testkit::relay::{Mode, Relay};

/// One topic for all tests of this process, and a log of its own for each.
pub fn topic() -> &'static str {
    static TOPIC: OnceLock<String> = OnceLock::new();
    TOPIC.get_or_init(|| format!("koi.test.{:x}", app::random::word()))
}

fn connect(brokers: &str) -> Kafka {
    let options = Options { brokers: brokers.into(), topic: topic().into(), ..Options::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(Kafka::connect(options)).unwrap_or_else(|error| panic!("{error}"))
}

/// A log that no other test of this process uses.
pub fn next_part() -> u8 {
    static NEXT: AtomicU8 = AtomicU8::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A log; every end has a connection of its own, as every process has.
struct Log {
    part: u8,
    brokers: String,
}

impl Log {
    fn new() -> Self {
        Self { part: next_part(), brokers: engines::kafka() }
    }

    fn claim(&self) -> Result<KafkaLedger, ClaimError> {
        KafkaLedger::claim(connect(&self.brokers), self.part, Position::default(), 0, Arc::new(SystemClock))
    }
}

impl Engine for Log {
    fn open(&self) -> Box<dyn Ledger> {
        Box::new(self.claim().unwrap_or_else(|error| panic!("{error}")))
    }

    fn reader(&self) -> Box<dyn LedgerReader> {
        Box::new(KafkaReader::new(connect(&engines::kafka()), self.part))
    }
}

#[test]
fn the_ledger_on_kafka_keeps_what_was_appended() {
    ledger::keeps_what_was_appended(&Log::new());
}

#[test]
fn the_ledger_on_kafka_is_read_from_anywhere() {
    ledger::reads_from_anywhere(&Log::new());
}

#[test]
fn a_higher_marker_takes_the_log_over() {
    shared_ledger::a_higher_marker_takes_over(&Log::new());
}

#[test]
fn reads_are_told_only_while_the_log_is_ones_own() {
    shared_ledger::reads_need_the_log(&Log::new());
}

#[test]
fn what_is_in_doubt_is_settled_by_a_marker() {
    let relayed = engines::find(engines::KAFKA_RELAYED);
    let relay = Relay::start(&relayed);
    let brokers = relayed.split_once('>').unwrap().0;
    // A cable that is cut after the request arrived, one that is cut before, one that is gone for a while.
    for (mode, fault) in [
        (Mode::LoseAnswers, Duration::from_secs(4)),
        (Mode::LoseRequests, Duration::from_secs(4)),
        (Mode::LoseRequests, Duration::from_secs(9)),
        (Mode::Cut, Duration::from_secs(5)),
    ] {
        let log = Log { brokers: brokers.into(), ..Log::new() };
        shared_ledger::doubt_is_settled(&log, &|| relay.set(mode), &|| relay.set(Mode::Pass), fault);
    }
}

#[test]
fn an_unreadable_record_stops_its_log() {
    let log = Log::new();
    let spoil = || {
        let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", engines::kafka()).create().unwrap();
        let nonsense = BaseRecord::to(topic()).partition(i32::from(log.part)).key("k").payload("nonsense");
        producer.send(nonsense).map_err(|(error, _)| error).unwrap();
        producer.flush(Duration::from_secs(10)).unwrap();
    };
    let claim_fails = || matches!(log.claim(), Err(ClaimError::Unreadable { .. }));
    shared_ledger::stops_at_what_cannot_be_read(&log, &spoil, &claim_fails);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_suggests_every_log_to_one_of_its_members() {
    let options = Options { brokers: engines::kafka(), topic: format!("{}.group", topic()), ..Options::default() };
    let kafka = Kafka::connect(options).await.unwrap();
    let first = Suggestions::join(&kafka).await.unwrap();
    let second = Suggestions::join(&kafka).await.unwrap();
    let (mut one, mut two) = (first.watch(), second.watch());
    let shared = async {
        loop {
            let (a, b) = (one.borrow_and_update().clone(), two.borrow_and_update().clone());
            if a.len() + b.len() == 64 && a.len() == 32 && a.is_disjoint(&b) {
                return;
            }
            tokio::select! { _ = one.changed() => {}, _ = two.changed() => {} }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), shared).await.expect("each has half of them");
    let left = std::time::Instant::now();
    tokio::task::spawn_blocking(move || drop(first)).await.unwrap();
    let all = async {
        while two.borrow_and_update().len() < 64 {
            two.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(10), all).await.expect("the other has all when one leaves");
    assert!(left.elapsed() < Duration::from_secs(10));
}
