//! Three nodes under load, over and over something goes wrong, and every promise is kept: by the same account as `crash`.
//!
//! All nodes reach Kafka and the database through relays, so that each of these can be away, or lose what was sent, for all
//! nodes at once and for nobody else.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::engines;
use testkit::relay::{Mode, Relay};
use xtask::fixture::{shoppers, tight_campaign};
use xtask::http::Client;
use xtask::process::wait_for;

use super::cluster::{Cluster, Database};
use super::crash::choose;
use super::harness::{Dice, Koi, from_env, print_counters, unique};
use super::oracle::{Act, Attempt, Known, Meaning, Oracle, meaning};
use super::oracle_orders::{Open, order_campaign};
use super::oracle_shop::Shop;

const NODES: usize = 3;
/// Connections that each keep one request open.
const CALLERS: usize = 64;
/// Fewer than callers: some are served by two at once, at different nodes.
const SHOPPERS: usize = 40;
/// Acknowledged before something goes wrong, and again at every node before a round is over.
const BEFORE: u64 = 60;
const AFTER: u64 = 5;
/// Nobody waits longer for a node to acknowledge again: its takeover takes 10 s at most, and a caller's own wait as much.
const RECOVERED_WITHIN: Duration = Duration::from_secs(60);
/// A request may be open for so long before its caller gives it up and looks elsewhere.
const PATIENCE: Duration = Duration::from_secs(15);
/// A new campaign, with fresh stock to oversell, every so many rounds.
const ROUNDS_PER_CAMPAIGN: u64 = 6;
/// Rounds from which on each is checked at once, and faults last as long as they may.
const LONG: u64 = 10;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// SIGKILL of a node, which is started again afterwards.
    Kill,
    /// SIGSTOP of a node until others own its logs, then SIGCONT under load: an owner that does not know.
    Pause,
    /// Produced batches arrive and nobody hears of it.
    AnswersLost,
    /// Kafka is away.
    KafkaAway,
    /// The database is away.
    RecordsAway,
}

impl Fault {
    const ALL: [Self; 5] = [Self::Kill, Self::Pause, Self::AnswersLost, Self::KafkaAway, Self::RecordsAway];

    fn lasts(self, long: bool) -> Duration {
        Duration::from_secs(match (self, long) {
            (Self::Kill, _) => 0,
            (Self::Pause, true) => 30,
            (Self::Pause, false) => 9,
            (Self::AnswersLost, _) => 3,
            (Self::KafkaAway | Self::RecordsAway, true) => 20,
            (Self::KafkaAway | Self::RecordsAway, false) => 4,
        })
    }
}

#[test]
#[ignore = "minutes of three nodes: `cargo xtask test cluster_crash`"]
fn cluster_crash() {
    let rounds = from_env("KOI_ROUNDS", Fault::ALL.len() as u64);
    let seed = from_env("KOI_SEED", u64::from(std::process::id()));
    let mut test = Test::new(seed);
    let long = rounds >= LONG;
    for round in 0..rounds {
        test.round(round, long);
        if long {
            test.verify();
        }
    }
    test.verify();
    for at in 0..test.oracle.campaigns.len() {
        test.oracle.verify(&test.nodes[0], at);
    }
    print_counters("cluster_crash", &test.counters(rounds, seed));
    assert!(test.oracle.wrong.nothing(), "seed {seed}: {:#?}", test.oracle.wrong.examples);
}

struct Test {
    cluster: Cluster,
    nodes: Vec<Koi>,
    kafka: Relay,
    records: Relay,
    _database: Database,
    oracle: Oracle,
    dice: Dice,
    acknowledged: u64,
    recovered_ms_max: u64,
    faults: Vec<u64>,
}

/// What the callers of one round share.
struct Load<'a> {
    oracle: &'a Oracle,
    campaign: usize,
    addresses: &'a [SocketAddr],
    /// By node.
    acknowledged: Vec<AtomicU64>,
    stop: AtomicBool,
    attempts: Mutex<Vec<Attempt>>,
    unexpected: Mutex<Vec<String>>,
}

impl Test {
    fn new(seed: u64) -> Self {
        let relayed = engines::find(engines::KAFKA_RELAYED);
        let kafka = Relay::start(&relayed);
        let brokers = relayed.split_once('>').expect("LISTEN>TARGET").0.to_owned();
        let database = Database::new();
        let (records, url) = database.relayed();
        let cluster = Cluster::at(brokers, Some(url));
        let nodes: Vec<Koi> = (0..NODES).map(|i| cluster.node(&format!("crash-node-{i}"))).collect();
        let mut oracle = Oracle::default();
        let made = shoppers(nodes[0].server.address, "", "crash", SHOPPERS, 0, 8).expect("shoppers");
        oracle.shoppers = made;
        let faults = vec![0; Fault::ALL.len()];
        Self {
            cluster,
            nodes,
            kafka,
            records,
            _database: database,
            oracle,
            dice: Dice(seed),
            acknowledged: 0,
            recovered_ms_max: 0,
            faults,
        }
    }

    fn round(&mut self, round: u64, long: bool) {
        if round.is_multiple_of(ROUNDS_PER_CAMPAIGN) {
            self.new_campaign();
        }
        let at = (round % Fault::ALL.len() as u64) as usize;
        let fault = Fault::ALL[at];
        self.faults[at] += 1;
        let victim = self.dice.below(NODES as u64) as usize;
        let attempts = self.under_load(fault, victim, long);
        self.oracle.attempts.extend(attempts);
    }

    fn new_campaign(&mut self) {
        let mut body = tight_campaign(60, 3);
        order_campaign(&mut body);
        let id = self.nodes[1].publish(&body);
        let shop = Shop::open(&self.nodes[2], &id);
        self.oracle.campaigns.push(Known::new(id, &body, shop));
    }

    fn under_load(&mut self, fault: Fault, victim: usize, long: bool) -> Vec<Attempt> {
        let seeds: Vec<u64> = (0..CALLERS).map(|_| self.dice.below(u64::MAX)).collect();
        let addresses: Vec<SocketAddr> = self.nodes.iter().map(|node| node.server.address).collect();
        let (oracle, nodes) = (&self.oracle, &mut self.nodes);
        let load = Load {
            oracle,
            campaign: oracle.campaigns.len() - 1,
            addresses: &addresses,
            acknowledged: (0..NODES).map(|_| AtomicU64::new(0)).collect(),
            stop: AtomicBool::new(false),
            attempts: Mutex::default(),
            unexpected: Mutex::default(),
        };
        let recovered = thread::scope(|scope| {
            for (caller, seed) in seeds.iter().enumerate() {
                let load = &load;
                scope.spawn(move || load.call(caller, Dice(*seed)));
            }
            let went = wait_for(RECOVERED_WITHIN, "load", || (load.total() >= BEFORE).then_some(()));
            let done = went.and_then(|()| {
                match fault {
                    Fault::Kill => nodes[victim].server.kill(),
                    Fault::Pause => nodes[victim].server.signal("STOP")?,
                    Fault::AnswersLost => self.kafka.set(Mode::LoseAnswers),
                    Fault::KafkaAway => self.kafka.set(Mode::Cut),
                    Fault::RecordsAway => self.records.set(Mode::Cut),
                }
                thread::sleep(fault.lasts(long));
                let healed = Instant::now();
                match fault {
                    // The others take its logs over while it is gone.
                    Fault::Kill => load.recovered(|node| node != victim)?,
                    Fault::Pause => nodes[victim].server.signal("CONT")?,
                    Fault::AnswersLost | Fault::KafkaAway => self.kafka.set(Mode::Pass),
                    Fault::RecordsAway => self.records.set(Mode::Pass),
                }
                if fault != Fault::Kill {
                    load.recovered(|_| true)?;
                }
                Ok(healed.elapsed())
            });
            load.stop.store(true, Ordering::SeqCst);
            // Whoever panics here must not leave a paused process behind that callers wait for.
            _ = nodes[victim].server.signal("CONT");
            self.kafka.set(Mode::Pass);
            self.records.set(Mode::Pass);
            done
        });
        let unexpected = load.unexpected.lock().expect("unpoisoned").clone();
        assert!(unexpected.is_empty(), "{fault:?}: answers that must never come: {unexpected:#?}");
        let recovered = recovered.unwrap_or_else(|error| panic!("{fault:?} of node {victim}: {error}"));
        self.recovered_ms_max = self.recovered_ms_max.max(recovered.as_millis() as u64);
        self.acknowledged += load.total();
        let attempts = load.attempts.into_inner().expect("no caller panicked");
        if fault == Fault::Kill {
            self.cluster.again(&mut self.nodes[victim]);
        }
        attempts
    }

    fn verify(&mut self) {
        let at = self.dice.below(NODES as u64) as usize;
        self.oracle.settle(&self.nodes[at]);
        let last = self.oracle.campaigns.len() - 1;
        self.oracle.verify(&self.nodes[(at + 1) % NODES], last);
        self.oracle.verify_accounts(&self.nodes[(at + 2) % NODES]);
        assert!(self.oracle.wrong.nothing(), "{:#?}", self.oracle.wrong.examples);
    }

    fn counters(&self, rounds: u64, seed: u64) -> Value {
        let mut counters = json!({
            "rounds": rounds, "nodes": NODES, "clients": CALLERS, "acknowledged": self.acknowledged,
            "attempts": self.oracle.attempts.len(), "recovered_ms_max": self.recovered_ms_max, "seed": seed,
        });
        let fields = counters.as_object_mut().expect("an object");
        for (fault, count) in Fault::ALL.iter().zip(&self.faults) {
            fields.insert(format!("{fault:?}").to_lowercase(), json!(count));
        }
        fields.extend(self.oracle.wrong.fields());
        counters
    }
}

impl Load<'_> {
    fn total(&self) -> u64 {
        self.acknowledged.iter().map(|count| count.load(Ordering::SeqCst)).sum()
    }

    /// Waits until every node of some has acknowledged anew.
    fn recovered(&self, of: impl Fn(usize) -> bool) -> anyhow::Result<()> {
        let now = || self.acknowledged.iter().map(|count| count.load(Ordering::SeqCst)).collect::<Vec<_>>();
        let before = now();
        wait_for(RECOVERED_WITHIN, "every node to acknowledge again", || {
            let all = now().iter().zip(&before).enumerate().all(|(node, (a, b))| !of(node) || a - b >= AFTER);
            all.then_some(())
        })
    }

    /// Sends one request after the other, at a node of its own, or the next where that one is gone.
    fn call(&self, caller: usize, mut dice: Dice) {
        let who = caller % SHOPPERS;
        let (name, token) = &self.oracle.shoppers[who];
        let campaign = (self.campaign, &self.oracle.campaigns[self.campaign]);
        let (mut awards, mut orders, mut mine) = (Vec::new(), Open::default(), Vec::new());
        let mut at = caller % NODES;
        let mut client = Client::new(self.addresses[at]).with_timeout(PATIENCE);
        let mut first = true;
        while !self.stop.load(Ordering::SeqCst) {
            let act = if std::mem::take(&mut first) {
                Act::Grant(6)
            } else {
                choose(&mut dice, &mut awards, &mut orders, &campaign.1.shop)
            };
            let mut attempt = Attempt::new(act, who, name, campaign, unique("cluster"));
            match attempt.send(&mut client, token) {
                Err(_) => {
                    at = (at + 1) % NODES;
                    client = Client::new(self.addresses[at]).with_timeout(PATIENCE);
                    thread::sleep(Duration::from_millis(20));
                }
                Ok(answer) => match meaning(&answer) {
                    Ok(Meaning::Done) => {
                        self.acknowledged[at].fetch_add(1, Ordering::SeqCst);
                        awards.extend(answer.json()["award"]["id"].as_str().map(str::to_owned));
                        attempt.answer = Some(answer.body);
                        orders.note(&attempt);
                    }
                    Ok(Meaning::Refused) => attempt.refused = true,
                    Ok(Meaning::Again) => thread::sleep(Duration::from_millis(5)),
                    Err(told) => self.unexpected.lock().expect("unpoisoned").push(format!("{attempt:?}: {told}")),
                },
            }
            mine.push(attempt);
        }
        self.attempts.lock().expect("unpoisoned").extend(mine);
    }
}
