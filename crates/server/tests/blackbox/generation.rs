//! Strategies made by several nodes: each walks the shoppers of its own logs, and where one dies another goes on.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::engines;
use xtask::fixture::{KEY, metric, tight_campaign};
use xtask::http::Call;
use xtask::process::{from_now, wait_for};

use super::cluster::{Cluster, Database};
use super::harness::{Koi, unique};
use super::topics::Other;

const SHOPPERS: usize = 200;
/// A takeover, a fit and a walk on a busy machine.
const WITHIN: Duration = Duration::from_secs(90);
const REDIS: &str = "KOI_TEST_REDIS";

fn walked(koi: &Koi) -> f64 {
    let text = koi.send(&Call::get("/metrics")).text().into_owned();
    metric(&text, "koi_walked_shoppers_total", "").unwrap_or(0.0)
}

/// Waits until each of two nodes owns logs.
fn shared_out(other: &Other) {
    let out = wait_for(WITHIN, "both nodes to own logs", || {
        let newest: BTreeMap<String, Value> = other.read("control").into_iter().collect();
        let mut logs: BTreeMap<String, usize> = BTreeMap::new();
        newest.values().for_each(|told| *logs.entry(told["address"].to_string()).or_default() += 1);
        let mut counts: Vec<usize> = logs.into_values().collect();
        counts.sort_unstable();
        // A node that died may still be told of for a log or two.
        (counts.iter().rev().take(2).sum::<usize>() >= 62
            && counts.iter().rev().nth(1).is_some_and(|count| *count >= 16))
        .then_some(())
    });
    out.expect("both nodes own logs");
}

fn done(koi: &Koi, campaign: &str) {
    let mut last = Value::Null;
    let done = wait_for(WITHIN, "all strategies", || {
        let answer = koi.send(&Call::get(format!("/campaigns/{campaign}/report")).token(KEY));
        last = answer.json()["generation"].clone();
        (answer.status == 200 && last["done"] == last["total"] && last["total"] == SHOPPERS).then_some(())
    });
    done.unwrap_or_else(|error| panic!("{error}: {last}"));
}

#[test]
fn nodes_share_the_walk_and_one_goes_on_where_another_died() {
    let (database, redis, prefix) = (Database::new(), engines::find(REDIS), unique("koi-generation"));
    let cluster = Cluster::new(Some(database.url()));
    let hints = [("KOI__HINTS__URL", redis.as_str()), ("KOI__HINTS__PREFIX", prefix.as_str())];
    let (first, mut second) = (cluster.node_with("share-one", &hints), cluster.node_with("share-two", &hints));
    let other = Other::of(&cluster);
    let bought = |i: usize| {
        json!({"id": format!("e{i}"), "type": "purchase", "shopper": format!("s{i}"), "at": from_now(-3_600), "order_id": format!("o{i}"),
            "items": [{"sku": format!("k{}", i % 7), "name": "thing", "category": format!("c{}", i % 6), "price_cents": 1_000, "quantity": 1}]})
    };
    let events: Vec<Value> = (0..SHOPPERS).map(bought).collect();
    assert_eq!(first.must(&Call::post("/events", &json!(events)).token(KEY))["accepted"], SHOPPERS);
    shared_out(&other);
    let campaign = second.publish(&tight_campaign(1_000, 5));
    done(&first, &campaign);
    let (one, two) = (walked(&first), walked(&second));
    assert!(one > 0.0 && two > 0.0, "each walked its share: {one} and {two}");
    assert!(one + two >= SHOPPERS as f64, "together all of them: {one} and {two}");

    // The second dies with a page of its share composed and not stored.
    second.server.kill();
    let dying: Vec<(&str, &str)> = hints.iter().copied().chain([("KOI_FAILPOINT", "share")]).collect();
    let start = dying.iter().fold(cluster.start(&second.data()), |start, (name, value)| start.env(name, *value));
    second.server = start.start().expect("the node starts again");
    shared_out(&other);
    let campaign = first.publish(&tight_campaign(1_000, 5));
    second.server.wait(WITHIN).expect("it dies in its share");
    done(&first, &campaign);
    assert!(walked(&first) >= one + SHOPPERS as f64, "the survivor walked the rest too");
}
