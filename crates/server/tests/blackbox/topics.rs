//! Topics that other programs read and write, on a real Kafka: what koi tells of is as its schemas say, what others write is
//! taken once, and what cannot be taken is a dead letter that can be replayed.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::{Value, json};
use testkit::schema;
use xtask::fixture::{KEY, tight_campaign};
use xtask::http::Call;
use xtask::process::{from_now, run, wait_for};

use super::cluster::{Cluster, Database};
use super::harness::{COMMAND_WITHIN, Koi, binary, draw, told};

/// What other programs hear comes within this on a busy machine, groups that form anew included.
const HEARD_WITHIN: Duration = Duration::from_secs(60);
/// One look at a topic.
const LOOK: Duration = Duration::from_secs(10);

/// Another program at a cluster's topics.
pub struct Other {
    brokers: String,
    prefix: String,
    producer: BaseProducer,
}

impl Other {
    pub fn of(cluster: &Cluster) -> Self {
        let (brokers, prefix) = cluster.topics();
        let producer = ClientConfig::new().set("bootstrap.servers", brokers).set("acks", "all").create();
        Self { brokers: brokers.to_owned(), prefix: prefix.to_owned(), producer: producer.expect("a producer") }
    }

    /// Writes messages by key; returns when they are durable.
    pub fn write(&self, topic: &str, messages: &[(String, Vec<u8>)]) {
        let topic = format!("{}.{topic}", self.prefix);
        for (key, value) in messages {
            let record = BaseRecord::to(&topic).key(key.as_bytes()).payload(value);
            self.producer.send(record).map_err(|(error, _)| error).expect("room in the queue");
        }
        self.producer.flush(HEARD_WITHIN).expect("what was written is acknowledged");
    }

    /// All messages of a topic so far, in the order of each key, as key and value.
    pub fn read(&self, topic: &str) -> Vec<(String, Value)> {
        let topic = format!("{}.{topic}", self.prefix);
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.brokers)
            .set("group.id", "none")
            .set("enable.auto.commit", "false")
            .create()
            .expect("a consumer");
        let metadata = consumer.fetch_metadata(Some(&topic), LOOK).expect("the topic is known");
        let (mut places, mut left) = (TopicPartitionList::new(), 0);
        for partition in metadata.topics()[0].partitions() {
            let (low, high) = consumer.fetch_watermarks(&topic, partition.id(), LOOK).expect("its bounds");
            places.add_partition_offset(&topic, partition.id(), Offset::Beginning).expect("a place");
            left += high - low;
        }
        consumer.assign(&places).expect("assigned");
        let mut all = Vec::new();
        while left > 0 {
            let message = consumer.poll(LOOK).expect("a message in time").expect("no error");
            let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
            let value = serde_json::from_str(&text(message.payload())).unwrap_or(Value::Null);
            all.push((text(message.key()), value));
            left -= 1;
        }
        all
    }

    /// The same once `enough` says so.
    pub fn read_until(&self, topic: &str, enough: impl Fn(&[(String, Value)]) -> bool) -> Vec<(String, Value)> {
        let mut last = Vec::new();
        let read = wait_for(HEARD_WITHIN, topic, || {
            last = self.read(topic);
            enough(&last).then(|| last.clone())
        });
        read.unwrap_or_else(|error| panic!("{error}: {last:#?}"))
    }
}

fn schema_of(topic: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/schemas/{topic}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("a schema")).expect("JSON")
}

/// Every message is as its schema says, and keyed by its shopper.
fn assert_as_said(topic: &str, messages: &[(String, Value)]) {
    let schema = schema_of(topic);
    for (key, message) in messages {
        schema::check(&schema, message).unwrap_or_else(|error| panic!("{topic}: {error}: {message}"));
        if let Some(shopper) = message.get("shopper") {
            assert_eq!(shopper, key.as_str(), "{topic}");
        }
    }
}

fn purchase(id: &str, shopper: &str) -> (String, Vec<u8>) {
    let event = json!({"version": 1, "id": id, "type": "purchase", "shopper": shopper, "at": from_now(0), "order_id": format!("o-{id}"),
        "items": [{"sku": "22423", "name": "cake stand", "category": "kitchen", "price_cents": 10_000, "quantity": 1}]});
    schema::check(&schema_of("behaviour"), &event).expect("as documented");
    (shopper.to_owned(), event.to_string().into_bytes())
}

fn granting_campaign() -> Value {
    let mut body = tight_campaign(10_000, 50);
    body["chances"] = json!({"per_purchase_cents": 10_000});
    body
}

fn granted(koi: &Koi, campaign: &str, token: &str) -> u64 {
    koi.me(campaign, token)["chances"]["granted"].as_u64().unwrap_or(0)
}

fn ids<'a>(messages: impl IntoIterator<Item = &'a (String, Value)>) -> BTreeSet<String> {
    messages.into_iter().filter_map(|(_, m)| m["data"]["id"].as_str().map(str::to_owned)).collect()
}

fn of_type<'a>(messages: &'a [(String, Value)], kind: &str) -> Vec<&'a (String, Value)> {
    messages.iter().filter(|(_, message)| message["type"] == kind).collect()
}

#[test]
fn what_happens_is_told_as_the_schemas_say() {
    let cluster = Cluster::new(None);
    let koi = cluster.node("topics-out");
    let other = Other::of(&cluster);
    let campaign = koi.publish(&tight_campaign(1_000, 5));
    let token = koi.shopper(&campaign, "ada", 6);
    let sign_in = json!({"kind": "sign_in"});
    koi.must(&Call::post(format!("/campaigns/{campaign}/orders"), &sign_in).token(&token).key("s"));
    for n in 0..6 {
        assert_eq!(koi.send(&draw(&campaign, &token, &format!("k{n}"))).status, 201);
    }
    koi.must(&Call::put("/shoppers/ada/blacklist", &json!({"mode": "points_only", "reason": "x"})).token(KEY));
    // A campaign is told as it is when it is told: what it no longer is need not be heard.
    let live = |all: &[(String, Value)]| all.iter().any(|(key, m)| *key == campaign && m["data"]["state"] == "live");
    other.read_until("config", live);
    koi.must(&Call::post(format!("/campaigns/{campaign}/pause"), &json!({})).token(KEY));

    let shown = koi.draws(&campaign, &token);
    let wanted: BTreeSet<String> = shown.iter().filter_map(|d| d["id"].as_str().map(str::to_owned)).collect();
    let draws = other.read_until("draws", |all| ids(all).is_superset(&wanted));
    assert_as_said("draws", &draws);
    for (_, message) in &draws {
        let same = shown.iter().find(|draw| draw["id"] == message["data"]["id"]).expect("a draw of ada's");
        // By now an award may stand elsewhere than when the draw was answered.
        for member in ["n", "campaign_id", "prize", "receipt", "chances_left"] {
            assert_eq!(message["data"][member], same[member], "{member}");
        }
    }
    let won: BTreeSet<String> = shown.iter().filter_map(|d| d["award"]["id"].as_str().map(str::to_owned)).collect();
    let awards = other.read_until("awards", |all| ids(of_type(all, "award.created")).is_superset(&won));
    assert_as_said("awards", &awards);
    assert!(of_type(&awards, "award.created").iter().all(|(_, m)| m["data"]["prize"]["code"].is_string()));
    let points = other.read_until("points", |all| !all.is_empty());
    assert_as_said("points", &points);
    let orders = other.read_until("orders", |all| of_type(all, "order.created").len() >= 2);
    assert_as_said("orders", &orders);
    let notices = other.read_until("notices", |all| {
        ["shopper.registered", "shopper.signed_in", "shopper.blocked"].iter().all(|kind| !of_type(all, kind).is_empty())
    });
    assert_as_said("notices", &notices);
    let config = other.read_until("config", |all| all.iter().any(|(_, m)| m["data"]["state"] == "paused"));
    assert_as_said("config", &config);
    assert!(config.iter().all(|(_, m)| m["data"]["flow"].is_string() && m["data"]["rules_hash"].is_string()));

    assert_eq!(koi.send(&Call::new("DELETE", "/shoppers/ada").token(KEY)).status / 100, 2);
    let notices = other.read_until("notices", |all| !of_type(all, "shopper.erased").is_empty());
    assert!(of_type(&notices, "shopper.erased").iter().all(|(key, _)| key == "ada"), "by the name they had");
    assert_as_said("notices", &notices);
}

fn replay(cluster: &Cluster, koi: &Koi, more: &[&str]) -> Value {
    let mut command = Command::new(binary());
    let (brokers, topic) = cluster.topics();
    command.args(["topics", "replay", "--json"]).args(more).current_dir(koi.data());
    command.env("KOI__LEDGER__KIND", "kafka").env("KOI__LEDGER__BROKERS", brokers).env("KOI__LEDGER__TOPIC", topic);
    command.env("KOI__LEDGER__REPLICATION", "1").env("KOI__LEDGER__MIN_INSYNC", "1");
    let output = run(&mut command, COMMAND_WITHIN).expect("it ends");
    assert!(output.status.success(), "{}", told(&output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", told(&output)))
}

#[test]
fn behaviour_of_a_topic_is_taken_once_and_nonsense_is_a_dead_letter() {
    let cluster = Cluster::new(None);
    let koi = cluster.node("topics-in");
    let other = Other::of(&cluster);
    let campaign = koi.publish(&granting_campaign());
    let token = koi.shopper(&campaign, "ada", 0);
    let plain = |text: &str| ("ada".to_owned(), text.as_bytes().to_vec());
    let newer = json!({"version": 2, "id": "n", "kind": "purchase"}).to_string();
    let teleport = json!({"id": "t", "type": "teleport", "shopper": "ada", "at": from_now(0)}).to_string();
    other.write(
        "behaviour",
        &[
            purchase("e1", "ada"),
            plain("nonsense {"),
            ("ada".to_owned(), vec![0xff, 0, 1]),
            plain(&newer),
            purchase("e1", "ada"),
            plain(&teleport),
            purchase("e2", "ada"),
        ],
    );
    let all = wait_for(HEARD_WITHIN, "both purchases", || (granted(&koi, &campaign, &token) == 2).then_some(()));
    all.unwrap_or_else(|error| panic!("{error}: {}", koi.me(&campaign, &token)));
    // The same over HTTP is the same act.
    let mut same: Value = serde_json::from_slice(&purchase("e1", "ada").1).expect("JSON");
    same.as_object_mut().expect("an object").remove("version");
    let again = koi.must(&Call::post("/events", &same).token(KEY));
    assert_eq!((&again["accepted"], &again["duplicates"]), (&json!(0), &json!(1)));

    let letters = other.read_until("dead-letters", |all| all.len() >= 4);
    assert_as_said("dead-letters", &letters);
    let codes: Vec<&str> = letters.iter().filter_map(|(_, letter)| letter["code"].as_str()).collect();
    assert_eq!(codes, ["invalid", "invalid", "version_newer", "type_unknown"], "one partition, one key: in order");
    assert_eq!((&letters[2].1["value"], &letters[2].1["key"]), (&json!(newer), &json!("ada")));
    assert_eq!(letters[1].1["value_base64"], "/wAB");

    let seen = replay(&cluster, &koi, &["--dry-run"]);
    assert_eq!(
        seen,
        json!({"letters": 4, "replayed": 0, "skipped": 0,
        "codes": {"invalid": 2, "type_unknown": 1, "version_newer": 1}})
    );
    assert_eq!(replay(&cluster, &koi, &["--limit", "1"])["replayed"], 1);
    assert_eq!(replay(&cluster, &koi, &["--limit", "3"])["replayed"], 3, "from where the last one ended");
    let letters = other.read_until("dead-letters", |all| all.len() >= 8);
    assert_eq!(letters[6].1["value"], json!(newer), "the same bytes came again, and are a letter again");
    // A letter is written by whoever writes there: it names no other topic.
    let foreign = json!({"version": 1, "id": "x", "at": from_now(0), "topic": format!("{}.draws", cluster.topics().1),
        "partition": 0, "offset": 0, "code": "x", "detail": "", "value": "{}"});
    other.write("dead-letters", &[("x".to_owned(), foreign.to_string().into_bytes())]);
    let last = replay(&cluster, &koi, &[]);
    assert_eq!((&last["replayed"], &last["skipped"]), (&json!(4), &json!(1)), "{last}");
    assert_eq!(granted(&koi, &campaign, &token), 2);
}

#[test]
fn a_killed_node_loses_no_message_and_takes_none_twice() {
    const EACH: usize = 30;
    let database = Database::new();
    let cluster = Cluster::new(Some(database.url()));
    let (first, second) = (cluster.node("topics-first"), cluster.node("topics-second"));
    let other = Other::of(&cluster);
    let campaign = second.publish(&granting_campaign());
    let names: Vec<String> = (0..10).map(|i| format!("s{i}")).collect();
    let tokens: Vec<String> = names.iter().map(|name| second.shopper(&campaign, name, 0)).collect();
    let part = |from: usize| -> Vec<(String, Vec<u8>)> {
        let of =
            |name: &String| (from..from + EACH / 2).map(|n| purchase(&format!("{name}-{n}"), name)).collect::<Vec<_>>();
        names.iter().flat_map(of).collect()
    };
    other.write("behaviour", &part(0));
    let begun = wait_for(HEARD_WITHIN, "the first acts", || {
        tokens.iter().any(|token| granted(&second, &campaign, token) > 0).then_some(())
    });
    begun.expect("behaviour is taken");
    other.write("behaviour", &part(EACH / 2));
    let drawn: BTreeSet<String> = (0..tokens.len())
        .filter_map(|at| {
            let answer = first.send(&draw(&campaign, &tokens[at], "before"));
            (answer.status == 201).then(|| answer.json()["id"].as_str().unwrap_or_default().to_owned())
        })
        .collect();
    let mut first = first;
    first.server.kill();
    for (name, token) in names.iter().zip(&tokens) {
        let all = wait_for(HEARD_WITHIN, "every act once", || {
            let answer = second.send(&Call::get(format!("/campaigns/{campaign}/me")).token(token));
            (answer.status == 200 && answer.json()["chances"]["granted"] == EACH).then_some(())
        });
        all.unwrap_or_else(|error| panic!("{error}: {name} {}", second.me(&campaign, token)));
    }
    let draws = other.read_until("draws", |all| ids(all).is_superset(&drawn));
    assert_as_said("draws", &draws);
    // What came twice came with the same id.
    let places: BTreeSet<&str> = draws.iter().filter_map(|(_, m)| m["id"].as_str()).collect();
    assert_eq!(places.len(), ids(&draws).len());
    assert_eq!(other.read("dead-letters").len(), 0);
}
