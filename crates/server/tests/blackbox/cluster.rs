//! The real `koi` on a real Kafka: one node keeps what it said through its own death, several share the shoppers.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use testkit::engines;
use xtask::fixture::{KEY, tight_campaign};
use xtask::http::Call;
use xtask::process::{Start, run, wait_for};

use super::harness::{COMMAND_WITHIN, Koi, draw, scratch, start_in, told, unique};

/// A cluster of its own: a topic, and a key that its nodes share.
pub struct Cluster {
    brokers: String,
    topic: String,
    records: Option<String>,
    hints: Option<String>,
}

/// A database of its own on the real server, dropped at the end.
pub struct Database {
    /// `USER:PASSWORD@HOST:PORT`.
    server: String,
    name: String,
}

impl Database {
    /// An empty one.
    pub fn new() -> Self {
        let url = engines::find(engines::MYSQL);
        let (server, _) = url.trim_start_matches("mysql://").rsplit_once('/').expect("mysql://SERVER/DATABASE");
        let name = format!("koi_{}", unique("blackbox").replace('-', "_"));
        let database = Self { server: server.to_owned(), name };
        database.say("CREATE DATABASE");
        database
    }

    /// Where nodes reach it.
    pub fn url(&self) -> String {
        format!("mysql://{}/{}", self.server, self.name)
    }

    fn say(&self, what: &str) {
        let (who, place) = self.server.rsplit_once('@').expect("USER:PASSWORD@HOST:PORT");
        let ((user, password), (host, port)) =
            (who.split_once(':').expect("a password"), place.rsplit_once(':').expect("a port"));
        let mut client = Command::new("mariadb");
        client.args([format!("-h{host}"), format!("-P{port}"), format!("-u{user}"), format!("-p{password}")]);
        let output = run(client.args(["-e", &format!("{what} {}", self.name)]), COMMAND_WITHIN).expect("mariadb");
        assert!(output.status.success(), "{}", told(&output));
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.say("DROP DATABASE");
        }
    }
}

/// A takeover takes 10 s at most while the engines answer; whatever waits on top is this busy machine's.
const TAKEOVER: Duration = Duration::from_secs(30);

/// The first node makes the tables, which takes a proxy long.
const FIRST_START: Duration = Duration::from_secs(180);

/// 32 bytes in hex, the same in the data directories of all nodes.
const MASTER_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

impl Cluster {
    /// One that no other test uses. `records`: where its nodes share them.
    pub fn new(records: Option<String>) -> Self {
        Self::at(engines::kafka(), records)
    }

    /// The same at other brokers.
    pub fn at(brokers: String, records: Option<String>) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_millis();
        Self { brokers, topic: unique(&format!("koi.test.{now:x}")), records, hints: None }
    }

    /// The same with a Redis that its nodes share.
    pub fn with_hints(self, url: String) -> Self {
        Self { hints: Some(url), ..self }
    }

    /// Where its topics are, and what their names start with.
    pub fn topics(&self) -> (&str, &str) {
        (&self.brokers, &self.topic)
    }

    /// How a node on `data` is started.
    pub fn start(&self, data: &Path) -> Start {
        let start = start_in(data)
            .env("KOI__LEDGER__KIND", "kafka")
            .env("KOI__LEDGER__BROKERS", self.brokers.as_str())
            .env("KOI__LEDGER__TOPIC", self.topic.as_str())
            .env("KOI__LEDGER__REPLICATION", "1")
            .env("KOI__LEDGER__MIN_INSYNC", "1")
            .env("KOI__CLUSTER__LISTEN", "127.0.0.1:0");
        let engines = [("KOI__RECORDS__URL", &self.records), ("KOI__HINTS__URL", &self.hints)];
        let named = engines.into_iter().filter_map(|(name, url)| Some((name, url.as_deref()?)));
        named.fold(start, |start, (name, url)| start.env(name, url))
    }

    /// A new node, ready: every log has an owner that it knows.
    pub fn node(&self, name: &str) -> Koi {
        self.node_with(name, &[])
    }

    /// The same with environment variables.
    pub fn node_with(&self, name: &str, envs: &[(&str, &str)]) -> Koi {
        let dir = scratch(name);
        fs::create_dir_all(dir.join("data")).expect("a data directory");
        fs::write(dir.join("data/master.key"), MASTER_KEY).expect("a master key");
        let start = envs.iter().fold(self.start(&dir.join("data")), |start, (name, value)| start.env(name, *value));
        let server = start.start_within(FIRST_START).expect("a node starts");
        Koi { server, dir }
    }

    /// The node again, after its process has gone.
    pub fn again(&self, node: &mut Koi) {
        node.server.kill();
        node.server = self.start(&node.data()).start().expect("the node starts again");
    }
}

/// What shoppers see, field by field.
fn sight(koi: &Koi, campaign: &str, token: &str) -> Value {
    json!({
        "chances": koi.me(campaign, token)["chances"],
        "draws": koi.draws(campaign, token),
        "points": koi.must(&Call::get("/points").token(token))["balance"],
        "awards": koi.rows("/awards", token).len(),
    })
}

#[test]
fn one_node_keeps_everything_through_its_death() {
    let cluster = Cluster::new(None);
    let mut koi = cluster.node("one-node");
    let campaign = koi.publish(&tight_campaign(1_000, 5));
    let tokens: Vec<String> = (0..12).map(|i| koi.shopper(&campaign, &format!("s{i}"), 3)).collect();
    let mut answers = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        for n in 0..2 {
            let key = format!("k{i}-{n}");
            let answer = koi.send(&draw(&campaign, token, &key));
            assert_eq!(answer.status, 201, "{}", answer.text());
            assert_eq!(answer.json()["n"], n + 1);
            answers.push((token, key, answer.body));
        }
    }
    let events = json!([
        {"id": "e1", "shopper": "s0", "type": "purchase", "at": xtask::process::from_now(-1), "order_id": "o1",
         "items": [{"sku": "a", "price_cents": 100, "quantity": 1}]},
        {"id": "e2", "shopper": "new-one", "type": "view", "at": xtask::process::from_now(-1), "sku": "a"},
    ]);
    let taken = koi.must(&Call::post("/events", &events).token(KEY));
    assert_eq!((&taken["accepted"], &taken["duplicates"]), (&json!(2), &json!(0)));
    assert_eq!(koi.report_of(&campaign, 24)["draws"], 24);
    let seen: Vec<Value> = tokens.iter().map(|token| sight(&koi, &campaign, token)).collect();

    cluster.again(&mut koi);
    for (token, key, body) in &answers {
        let again = koi.send(&draw(&campaign, token, key));
        assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")), "{}", again.text());
        assert!(again.body == *body, "byte for byte");
    }
    let after: Vec<Value> = tokens.iter().map(|token| sight(&koi, &campaign, token)).collect();
    assert_eq!(after, seen);
    let taken = koi.must(&Call::post("/events", &events).token(KEY));
    assert_eq!((&taken["accepted"], &taken["duplicates"]), (&json!(0), &json!(2)));
    for token in &tokens {
        assert_eq!(koi.send(&draw(&campaign, token, "third")).json()["n"], 3);
        let refused = koi.send(&draw(&campaign, token, "fourth"));
        assert_eq!((refused.status, refused.code().as_str()), (409, "no_chances"));
    }
    assert!(koi.server.stop().expect("it stops").success(), "in good order");
}

/// Every shopper's draws through every node, one after the other; each node forwards what it does not own.
fn draw_everywhere(nodes: &[&Koi], campaign: &str, tokens: &[String], round: usize) -> Vec<Vec<u8>> {
    let one = |(i, token): (usize, &String)| {
        let key = format!("r{round}-{i}");
        let first = nodes[(i + round) % nodes.len()].send(&draw(campaign, token, &key));
        assert_eq!((first.status, first.header("idempotency-replayed")), (201, None), "{}", first.text());
        assert_eq!(first.json()["n"], round as u64 + 1, "ordinals go on, whichever node is asked");
        for node in nodes {
            let again = node.send(&draw(campaign, token, &key));
            assert!(again.body == first.body, "byte for byte at every node: {}", again.text());
            assert_eq!(again.header("idempotency-replayed"), Some("true"));
        }
        first.body
    };
    tokens.iter().enumerate().map(one).collect()
}

#[test]
fn any_node_serves_any_shopper_and_survives_another_ones_death() {
    let database = Database::new();
    let cluster = Cluster::new(Some(database.url()));
    let (mut first, second) = (cluster.node("first"), cluster.node("second"));
    let campaign = first.publish(&tight_campaign(1_000, 5));
    let tokens: Vec<String> = (0..10).map(|i| second.shopper(&campaign, &format!("s{i}"), 5)).collect();
    let mut told = draw_everywhere(&[&first, &second], &campaign, &tokens, 0);
    assert_eq!(first.report(&campaign)["draws"], 10, "of all owners");
    assert_eq!(second.report(&campaign)["draws"], 10);
    // What one node pauses is paused at all.
    second.must(&Call::post(format!("/campaigns/{campaign}/pause"), &json!({})).token(KEY));
    for (node, token) in [&first, &second].into_iter().zip(&tokens) {
        assert_eq!(node.send(&draw(&campaign, token, "paused")).code(), "campaign_paused");
    }
    first.must(&Call::post(format!("/campaigns/{campaign}/resume"), &json!({})).token(KEY));
    told.extend(draw_everywhere(&[&first, &second], &campaign, &tokens, 1));

    first.server.kill();
    let killed = Instant::now();
    for token in &tokens {
        let answered = wait_for(TAKEOVER, "the survivor to answer", || {
            let answer = second.send(&draw(&campaign, token, "after"));
            (answer.status == 201).then_some(answer.json()["n"].clone())
        });
        assert_eq!(answered.expect("an answer"), 3);
    }
    println!("{}", json!({"test": "takeover", "takeover_ms": killed.elapsed().as_millis() as u64}));
    for (at, token) in tokens.iter().enumerate() {
        assert_eq!(second.draws(&campaign, token).len(), 3, "nothing lost, nothing twice");
        let again = second.send(&draw(&campaign, token, &format!("r1-{at}")));
        assert!(again.body == told[tokens.len() + at], "what the dead one said stands");
    }
    cluster.again(&mut first);
    for token in &tokens {
        assert_eq!(sight(&first, &campaign, token), sight(&second, &campaign, token));
    }
}

#[test]
fn what_is_configured_wrong_is_said_in_a_sentence() {
    let dir = scratch("cluster-wrong");
    let cluster = Cluster::new(None);
    let address = xtask::process::free_address().expect("a port");
    for (name, value, want) in [
        ("KOI__LEDGER__TOPIC", "no topic", "topic"),
        ("KOI__LEDGER__MIN_INSYNC", "9", "min_insync"),
        ("KOI__LEDGER__KIND", "paper", "KOI__LEDGER__KIND"),
        ("KOI__CLUSTER__LISTEN", "192.0.2.1:1", "listen for other nodes"),
    ] {
        let start = cluster.start(&dir.join("data")).env(name, value);
        let output = run(&mut start.command(address).expect("a command"), COMMAND_WITHIN);
        let output = output.expect("koi ends");
        assert!(!output.status.success(), "{name}: {}", told(&output));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(want), "{name}: {said}");
    }
}
