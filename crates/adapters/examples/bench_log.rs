//! Times durable appends of 200-byte records by one owner, as the product does them: the embedded ledger, and Kafka behind
//! the same port (claim, acknowledgement by all in-sync replicas, read-back). Beside it what Kafka alone takes, for batch
//! sizes, linger and acks, after Hesse, Matthies and Uflacker, "How Fast Can We Insert?" (2020).
//!
//! `cargo xtask bench log --json` starts Kafka and runs it; by hand it reads KOI_TEST_KAFKA. One JSON object is printed.

#[cfg(feature = "kafka")]
fn main() {
    let result = kafka::run();
    println!("{result}");
}

#[cfg(not(feature = "kafka"))]
fn main() {
    eprintln!("this build leaves Kafka out: build with the feature `kafka`");
    std::process::exit(2);
}

#[cfg(feature = "kafka")]
mod kafka {
    use adapters::clock::SystemClock;
    use adapters::kafka::{Kafka, KafkaLedger, Options};
    use adapters::ledger::SqliteLedger;
    use app::ports::{Ledger, Marker, Position};
    use domain::ids::ShopperId;
    use domain::record::Record;
    use rdkafka::ClientConfig;
    use rdkafka::producer::{FutureProducer, FutureRecord};
    use serde_json::{Value, json};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    /// Bytes of a record, its length included.
    const RECORD_BYTES: usize = 200;
    /// Records of one append: a lone caller's, and what group commit makes of many.
    const BATCHES: [u32; 4] = [1, 16, 128, 1_024];
    /// How long each is measured, after a fifth of it to warm up.
    const EACH: Duration = Duration::from_secs(3);

    pub fn run() -> Value {
        let brokers =
            std::env::var("KOI_TEST_KAFKA").expect("KOI_TEST_KAFKA names Kafka; `cargo xtask bench log` sets it");
        let brokers = brokers.trim_start_matches("kafka://");
        let dir = tempfile::tempdir().expect("a directory");
        let mut embedded = SqliteLedger::open(dir.path()).expect("a ledger");
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let topic = format!("koi.bench.{:x}", app::random::word());
        let options = Options { brokers: brokers.into(), topic: topic.clone(), ..Options::default() };
        let kafka = runtime.block_on(Kafka::connect(options)).expect("Kafka");
        let mut log =
            KafkaLedger::claim(kafka, 0, Position::default(), 0, Arc::new(SystemClock)).expect("a log of one's own");
        let of = |ledger: &mut dyn Ledger| BATCHES.map(|batch| append(ledger, batch)).to_vec();
        let mut alone = Vec::new();
        for (acks, linger_ms) in [("all", 0), ("all", 1), ("all", 5), ("1", 0), ("0", 0)] {
            for batch in BATCHES {
                alone.push(runtime.block_on(produce(brokers, &topic, acks, linger_ms, batch)));
            }
        }
        json!({"record_bytes": RECORD_BYTES, "embedded": of(&mut embedded), "kafka": of(&mut log), "kafka_alone": alone})
    }

    /// `count` framed records of [`RECORD_BYTES`] each.
    fn frame(count: u32, marker: Marker) -> Vec<u8> {
        let mut data = Vec::new();
        for i in 0..u64::from(count) {
            let mut answer = Vec::new();
            loop {
                let record = Record {
                    epoch: marker.epoch,
                    owner: marker.owner,
                    part: 0,
                    at_ms: 1_800_000_000_000,
                    shopper: ShopperId(i),
                    keys: Default::default(),
                    facts: Default::default(),
                    answer: &answer,
                };
                let mut bytes = Vec::new();
                record.encode(&mut bytes);
                if bytes.len() + 4 >= RECORD_BYTES {
                    data.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
                    data.extend_from_slice(&bytes);
                    break;
                }
                answer.push(b'x');
            }
        }
        data
    }

    fn append(ledger: &mut dyn Ledger, batch: u32) -> Value {
        let mut times = Vec::new();
        let started = Instant::now();
        while started.elapsed() < EACH + EACH / 5 {
            let data = frame(batch, ledger.claimed().unwrap_or(Marker { epoch: 1, owner: 1 }));
            let from = Instant::now();
            ledger.append(&data, batch).expect("appended");
            if started.elapsed() > EACH / 5 {
                times.push(from.elapsed());
            }
            ledger.between_batches();
        }
        row(batch, times, json!({}))
    }

    async fn produce(brokers: &str, topic: &str, acks: &str, linger_ms: u32, batch: u32) -> Value {
        let producer: FutureProducer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("acks", acks)
            .set("linger.ms", linger_ms.to_string())
            .create()
            .expect("a producer");
        let data = frame(batch, Marker { epoch: 1, owner: 1 });
        let (mut times, started) = (Vec::new(), Instant::now());
        while started.elapsed() < EACH / 2 {
            let from = Instant::now();
            let record: FutureRecord<'_, (), _> = FutureRecord::to(topic).partition(1).payload(&data);
            producer.send(record, Duration::from_secs(5)).await.expect("produced");
            if started.elapsed() > EACH / 10 {
                times.push(from.elapsed());
            }
        }
        row(batch, times, json!({"acks": acks, "linger_ms": linger_ms}))
    }

    /// Records per second of time spent appending, and how long one append took.
    fn row(batch: u32, mut times: Vec<Duration>, mut row: Value) -> Value {
        times.sort_unstable();
        let spent: Duration = times.iter().sum();
        let at = |part: f64| {
            let place = ((times.len() as f64 * part) as usize).min(times.len().saturating_sub(1));
            times.get(place).map_or(0.0, |time| (time.as_secs_f64() * 1e6).round() / 1e3)
        };
        let rate = f64::from(batch) * times.len() as f64 / spent.as_secs_f64().max(1e-9);
        let shown = [
            ("batch", json!(batch)),
            ("appends", json!(times.len())),
            ("records_per_s", json!(rate.round())),
            ("p50_ms", json!(at(0.50))),
            ("p99_ms", json!(at(0.99))),
        ];
        for (name, value) in shown {
            row[name] = value;
        }
        row
    }
}
