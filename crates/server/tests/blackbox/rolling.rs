//! A rolling upgrade: nodes are stopped and started one after the other under load, and nobody is told anything wrong. A node
//! that writes what others do not read keeps away.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::json;
use xtask::fixture::tight_campaign;
use xtask::http::Client;
use xtask::process::{free_address, run, wait_for};

use super::cluster::{Cluster, Database};
use super::harness::{COMMAND_WITHIN, Koi, draw, print_counters, told, unique};
use super::topics::Other;

/// Draws acknowledged before a node is stopped, and again before the next one is.
const BETWEEN: u64 = 40;
/// On a busy machine; a caller's own patience with one answer is on top.
const GOES_ON_WITHIN: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(15);
const CALLERS: usize = 6;

/// What a shopper was told: their ordinals by key.
type Heard = BTreeMap<String, u64>;

/// Draws again and again, each until it is answered: at the next node where one is away.
fn call(
    addresses: &[Mutex<std::net::SocketAddr>],
    campaign: &str,
    token: &str,
    done: &(AtomicU64, AtomicU64, AtomicBool),
) -> Heard {
    let (acknowledged, retried, stop) = done;
    let (mut heard, mut at) = (Heard::new(), 0);
    while !stop.load(Ordering::Acquire) {
        let key = unique("rolling");
        loop {
            let address = *addresses[at % addresses.len()].lock().expect("an address");
            let answer = Client::new(address).with_timeout(PATIENCE).send(&draw(campaign, token, &key));
            match answer {
                Ok(answer) if answer.status == 201 => {
                    heard.insert(key, answer.json()["n"].as_u64().expect("an ordinal"));
                    acknowledged.fetch_add(1, Ordering::AcqRel);
                    break;
                }
                // Nothing is known to have happened, or the first attempt still runs: the same key again.
                Ok(answer) if answer.status == 503 || answer.code() == "in_flight" => {}
                Ok(answer) => panic!("{}: {}", answer.status, answer.text()),
                // Its node has stopped.
                Err(_) => {}
            }
            retried.fetch_add(1, Ordering::AcqRel);
            at += 1;
        }
        at += 1;
    }
    heard
}

#[test]
fn nodes_are_upgraded_one_after_the_other_under_load() {
    let database = Database::new();
    let cluster = Cluster::new(Some(database.url()));
    let mut nodes: Vec<Koi> = ["rolling-one", "rolling-two"].iter().map(|name| cluster.node(name)).collect();
    let campaign = nodes[0].publish(&tight_campaign(100_000, 1_000));
    let tokens: Vec<String> = (0..CALLERS).map(|i| nodes[1].shopper(&campaign, &format!("s{i}"), 1_000_000)).collect();
    let addresses: Vec<Mutex<std::net::SocketAddr>> =
        nodes.iter().map(|node| Mutex::new(node.server.address)).collect();
    let done = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let restarts = AtomicUsize::new(0);
    let heard: Vec<Heard> = thread::scope(|scope| {
        let callers: Vec<_> =
            tokens.iter().map(|token| scope.spawn(|| call(&addresses, &campaign, token, &done))).collect();
        let stop = scopeguard(&done.2);
        for at in 0..nodes.len() {
            goes_on(&done.0);
            assert!(nodes[at].server.stop().expect("it stops").success(), "in good order");
            goes_on(&done.0);
            nodes[at].server = cluster.start(&nodes[at].data()).start().expect("the new binary starts");
            *addresses[at].lock().expect("an address") = nodes[at].server.address;
            restarts.fetch_add(1, Ordering::AcqRel);
        }
        goes_on(&done.0);
        drop(stop);
        callers.into_iter().map(|caller| caller.join().expect("no caller was told anything wrong")).collect()
    });
    for (token, heard) in tokens.iter().zip(&heard) {
        let mut ordinals: Vec<u64> = heard.values().copied().collect();
        ordinals.sort_unstable();
        let wanted: Vec<u64> = (1..=ordinals.len() as u64).collect();
        assert_eq!(ordinals, wanted, "no hole and no repeat");
        for node in &nodes {
            assert_eq!(node.draws(&campaign, token).len(), ordinals.len(), "what was told is there, and no more");
        }
    }
    let draws: usize = heard.iter().map(Heard::len).sum();
    nodes[0].report_of(&campaign, draws);
    let retried = done.1.load(Ordering::Acquire);
    print_counters(
        "rolling",
        &json!({"restarts": restarts.into_inner(), "draws": draws, "retried": retried, "wrong": 0}),
    );
}

/// Ends the callers however the test ends.
fn scopeguard(stop: &AtomicBool) -> impl Drop + '_ {
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
        }
    }
    Stop(stop)
}

/// Waits for so many more acknowledged draws.
fn goes_on(acknowledged: &AtomicU64) {
    let wanted = acknowledged.load(Ordering::Acquire) + BETWEEN;
    let more =
        wait_for(GOES_ON_WITHIN, "draws go on", || (acknowledged.load(Ordering::Acquire) >= wanted).then_some(()));
    more.expect("draws go on");
}

#[test]
fn a_node_stays_away_from_records_that_it_does_not_read() {
    let cluster = Cluster::new(None);
    // Makes the topics, and leaves.
    let mut koi = cluster.node("rolling-old");
    assert!(koi.server.stop().expect("it stops").success());
    // A node of another cluster stands for a newer one: it answers, and knows the same secret.
    let elsewhere = Cluster::new(None);
    let _newer = elsewhere.node("rolling-newer");
    let address = Other::of(&elsewhere).read("control")[0].1["address"].clone();
    let (brokers, topic) = cluster.topics();
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", brokers).create().expect("a producer");
    let told_by_it = json!({"epoch": 1_000, "node": 7, "address": address, "reads": 9, "writes": 9}).to_string();
    let control = format!("{topic}.control");
    let record = BaseRecord::to(&control).partition(0).key("3").payload(&told_by_it);
    producer.send(record).map_err(|(error, _)| error).expect("room in the queue");
    producer.flush(GOES_ON_WITHIN).expect("acknowledged");
    let start = cluster.start(&koi.data());
    let output = run(&mut start.command(free_address().expect("a port")).expect("a command"), COMMAND_WITHIN);
    let output = output.expect("koi ends");
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(String::from_utf8_lossy(&output.stderr).contains("writes records of version 9"), "{}", told(&output));
}
