//! Three nodes under load, over and over something goes wrong, and every promise is kept: by the same account as `crash`.
//!
//! The engines are the test's own: they are killed and started again. Kafka is reached through a relay, which loses answers.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::engines::{KAFKA_RELAYED, of_tests as engines_of_tests};
use testkit::relay::{Mode, Relay};
use xtask::cluster::{self as engines, Engine, Signal};
use xtask::fixture::{shoppers, tight_campaign};
use xtask::http::Client;
use xtask::process::{Scratch, wait_for};

use super::cluster::Cluster;
use super::crash::choose;
use super::harness::{Dice, Koi, from_env, print_counters, scratch, unique};
use super::hints::tell;
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
    /// SIGKILL of Kafka, which is started again.
    KafkaStopped,
    /// The same of the proxy before the databases.
    ProxyStopped,
    /// The same of the databases.
    DatabaseStopped,
    /// Redis forgets everything, functions too.
    RedisEmptied,
    /// SIGKILL of Redis, which is started again empty or with whatever it once saved.
    RedisKilled,
    /// Redis comes back with a snapshot from before.
    RedisStale,
}

impl Fault {
    const ALL: [Self; 9] = [
        Self::Kill,
        Self::Pause,
        Self::AnswersLost,
        Self::KafkaStopped,
        Self::ProxyStopped,
        Self::DatabaseStopped,
        Self::RedisEmptied,
        Self::RedisKilled,
        Self::RedisStale,
    ];

    /// The engine that is killed and started again.
    fn stops(self) -> Option<Engine> {
        match self {
            Self::KafkaStopped => Some(Engine::Kafka),
            Self::ProxyStopped => Some(Engine::Proxy),
            Self::DatabaseStopped => Some(Engine::MariaDb),
            Self::RedisKilled | Self::RedisStale => Some(Engine::Redis),
            Self::Kill | Self::Pause | Self::AnswersLost | Self::RedisEmptied => None,
        }
    }

    fn lasts(self, long: bool) -> Duration {
        Duration::from_secs(match (self, long) {
            (Self::Kill | Self::RedisEmptied, _) => 0,
            (Self::Pause, true) => 30,
            (Self::Pause, false) => 9,
            (Self::AnswersLost | Self::RedisKilled | Self::RedisStale, _) => 3,
            (Self::KafkaStopped | Self::ProxyStopped | Self::DatabaseStopped, true) => 20,
            (Self::KafkaStopped | Self::ProxyStopped | Self::DatabaseStopped, false) => 3,
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
    engines: Engines,
    oracle: Oracle,
    dice: Dice,
    acknowledged: u64,
    recovered_ms_max: u64,
    faults: Vec<u64>,
}

/// What nodes stand on, all of it this test's own.
struct Engines {
    relay: Relay,
    all: engines::Cluster,
    // Removed when the engines have stopped.
    _dir: Scratch,
}

impl Engines {
    fn up() -> Self {
        let dir = scratch("crash-engines");
        // The jars are those of the engines that other tests share.
        let libraries = engines_of_tests();
        let all = engines::Cluster::new(dir.path()).with_libraries(libraries);
        all.up(&Engine::ALL, &mut |_| {}).expect("the engines start");
        let variables = all.variables();
        let relayed = variables.iter().find(|(name, _)| *name == KAFKA_RELAYED).expect("Kafka has a listener for it");
        Self { relay: Relay::start(&relayed.1), all, _dir: dir }
    }

    fn url(&self, engine: Engine) -> String {
        self.all.url(engine).expect("it was started")
    }

    /// A cluster of koi on them.
    fn cluster(&self) -> Cluster {
        let relayed = self.all.variables().into_iter().find(|(name, _)| *name == KAFKA_RELAYED);
        let brokers = relayed.and_then(|(_, at)| at.split_once('>').map(|(at, _)| at.to_owned()));
        let brokers = brokers.expect("LISTEN>TARGET");
        Cluster::at(brokers, Some(self.url(Engine::Proxy))).with_hints(self.url(Engine::Redis))
    }

    /// Lets a fault begin that is an engine's.
    fn strike(&self, fault: Fault) -> anyhow::Result<()> {
        match (fault, fault.stops()) {
            (Fault::RedisStale, _) => tell(&self.url(Engine::Redis), &["SAVE"]),
            (_, Some(engine)) => self.all.kill(engine, Signal::Kill)?,
            (Fault::AnswersLost, None) => self.relay.set(Mode::LoseAnswers),
            (Fault::RedisEmptied, None) => tell(&self.url(Engine::Redis), &["FLUSHALL", "FUNCTION FLUSH"]),
            _ => {}
        }
        Ok(())
    }

    /// Lets it end.
    fn heal(&self, fault: Fault) -> anyhow::Result<()> {
        if fault == Fault::AnswersLost {
            self.relay.set(Mode::Pass);
        }
        let Some(engine) = fault.stops() else { return Ok(()) };
        if fault == Fault::RedisStale {
            self.all.kill(engine, Signal::Kill)?;
        }
        self.all.start(engine)
    }
}

impl Drop for Engines {
    fn drop(&mut self) {
        _ = self.all.down(&mut |_| {});
    }
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
        let engines = Engines::up();
        let cluster = engines.cluster();
        let nodes: Vec<Koi> = (0..NODES).map(|i| cluster.node(&format!("crash-node-{i}"))).collect();
        let mut oracle = Oracle::default();
        let made = shoppers(nodes[0].server.address, "", "crash", SHOPPERS, 0, 8).expect("shoppers");
        oracle.shoppers = made;
        let faults = vec![0; Fault::ALL.len()];
        Self { cluster, nodes, engines, oracle, dice: Dice(seed), acknowledged: 0, recovered_ms_max: 0, faults }
    }

    fn round(&mut self, round: u64, long: bool) {
        if round.is_multiple_of(ROUNDS_PER_CAMPAIGN) {
            // A purchase whose answer was lost is sent again, and would count for the new campaign too.
            self.oracle.settle(&self.nodes[0]);
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
        let (oracle, nodes, engines) = (&self.oracle, &mut self.nodes, &self.engines);
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
                    _ => engines.strike(fault)?,
                }
                thread::sleep(fault.lasts(long));
                engines.heal(fault)?;
                let healed = Instant::now();
                match fault {
                    // The others take its logs over while it is gone.
                    Fault::Kill => load.recovered(|node| node != victim)?,
                    Fault::Pause => nodes[victim].server.signal("CONT")?,
                    _ => {}
                }
                if fault != Fault::Kill {
                    load.recovered(|_| true)?;
                }
                Ok(healed.elapsed())
            });
            load.stop.store(true, Ordering::SeqCst);
            // Whoever panics here must not leave a paused process behind that callers wait for.
            _ = nodes[victim].server.signal("CONT");
            if fault == Fault::AnswersLost {
                engines.relay.set(Mode::Pass);
            }
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
