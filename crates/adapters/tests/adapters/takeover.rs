//! Two owners of one log on a real Kafka, over the same records: what the first has answered the second knows, and what the
//! first writes or says after it was deposed counts for nothing.

use crate::harness::{DEADLINE, Rig, assert_same_sight, chances, draw, publish, refusal, shopper, sight, within};
use crate::kafka::{next_part, topic};
use adapters::kafka::{Kafka, KafkaLedger, Options};
use adapters::records::Store;
use adapters::vault::Vault;
use app::Koi;
use app::owner::Limits;
use app::ports::{Ledger, Projection};
use domain::ids::{CampaignId, ShopperId};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use testkit::builders::{NOON_MS, campaign};
use testkit::clock::FakeClock;
use testkit::engines;

/// A process that claims the log: its own connection, its own ends of the shared records.
async fn node(data: &Path, records: &Store, part: u8) -> Rig {
    let options = Options { brokers: engines::kafka(), topic: topic().into(), ..Options::default() };
    let kafka = Kafka::connect(options).await.unwrap();
    let store = records.of_log(part);
    let position = store.position().await.unwrap();
    let clock = Arc::new(FakeClock::at(NOON_MS));
    let of_claim = clock.clone();
    let claim = move || KafkaLedger::claim(kafka, part, position, 0, of_claim);
    let ledger = tokio::task::spawn_blocking(claim).await.unwrap().unwrap_or_else(|error| panic!("{error}"));
    store.fence(ledger.claimed().unwrap().epoch).await.unwrap();
    let reader = Arc::new(ledger.reader());
    Rig::over(data, store, (Box::new(ledger), reader), Limits::default(), clock).await
}

async fn records(data: &Path) -> Store {
    Store::open(data, Vault::open(data).unwrap()).await.unwrap()
}

async fn last_drawn(rig: &Rig, id: CampaignId, who: ShopperId, key: &str) -> u64 {
    draw(&rig.koi, id, who, key).await.unwrap()["n"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_successor_knows_what_was_answered_and_the_deposed_says_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (store, part) = (records(dir.path()).await, next_part());
    let mut first = node(dir.path(), &store, part).await;
    let id = publish(&first.koi, campaign()).await;
    let who = shopper(&first.koi, "ada", id, 20).await;
    for key in ["k1", "k2"] {
        draw(&first.koi, id, who, key).await.unwrap();
    }
    first.project().await;
    let answered = first.koi.draw(id, who, "k3", Some("luck".into()), Some(3)).await.unwrap().body;
    let seen = sight(&first.koi, id, who).await;

    let mut second = node(dir.path(), &store, part).await;
    // Neither has the deposed one noticed, nor does it tell or write anything.
    assert_eq!(refusal(first.koi.me(id, who).await), "unavailable");
    assert_eq!(refusal(draw(&first.koi, id, who, "k4").await), "unavailable");
    assert!(first.project_some().await.is_err(), "a fence keeps it out of the records");

    assert_same_sight(&sight(&second.koi, id, who).await, &seen, "at the successor");
    let again = second.koi.draw(id, who, "k3", Some("luck".into()), Some(3)).await.unwrap();
    assert!(again.replayed && again.body == answered, "byte for byte");
    assert_eq!(last_drawn(&second, id, who, "k4").await, 6, "what the deposed one wrote is void");
    second.project().await;
    assert_eq!(chances(&second.koi, id, who).await, (20, 6, 14));
    let again = second.koi.draw(id, who, "k3", Some("luck".into()), Some(3)).await.unwrap();
    assert!(again.replayed && again.body == answered, "from the log, long after");

    // And back: the third owner is the first's process, with a new name.
    let third = node(dir.path(), &store, part).await;
    assert_eq!(refusal(second.koi.me(id, who).await), "unavailable");
    assert_eq!(last_drawn(&third, id, who, "k5").await, 7);
}

/// What shoppers were told, by shopper and key.
type Told = BTreeMap<(ShopperId, String), Vec<u8>>;

/// Draws under keys of its own until the owner no longer answers; the last key's fate is unknown then.
async fn draw_until_refused(koi: Koi, id: CampaignId, who: ShopperId, round: u32) -> (ShopperId, Told, Option<String>) {
    let mut told = Told::new();
    for i in 0..1_000 {
        let key = format!("r{round}-{i}");
        match koi.draw(id, who, &key, None, None).await {
            Ok(answer) => _ = told.insert((who, key), answer.body.to_vec()),
            Err(error) => {
                assert_eq!(error.code(), "unavailable");
                return (who, told, Some(key));
            }
        }
    }
    (who, told, None)
}

/// Every key has one result, ordinals are 1, 2, 3 … without holes or repeats, and there is nothing besides.
async fn assert_told(koi: &Koi, id: CampaignId, who: ShopperId, told: &Told) {
    let mine: Vec<_> = told.iter().filter(|((owner, _), _)| *owner == who).collect();
    let mut ordinals = Vec::new();
    for ((_, key), body) in &mine {
        let again = koi.draw(id, who, key, None, None).await.unwrap();
        assert!(again.replayed && again.body == **body, "{key} has one result");
        ordinals.push(serde_json::from_slice::<serde_json::Value>(body).unwrap()["n"].as_u64().unwrap());
    }
    ordinals.sort_unstable();
    assert_eq!(ordinals, (1..=mine.len() as u64).collect::<Vec<_>>());
    assert_eq!(chances(koi, id, who).await.1, mine.len() as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_takeover_under_load_loses_and_repeats_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (store, part) = (records(dir.path()).await, next_part());
    let mut rig = node(dir.path(), &store, part).await;
    let id = publish(&rig.koi, campaign()).await;
    let mut shoppers = Vec::new();
    for i in 0..8 {
        shoppers.push(shopper(&rig.koi, &format!("s{i}"), id, 1_000).await);
    }
    let mut told = Told::new();
    for round in 0..3 {
        let mut tasks = tokio::task::JoinSet::new();
        for who in &shoppers {
            tasks.spawn(draw_until_refused(rig.koi.clone(), id, *who, round));
        }
        let (one, before) = (shoppers[0], told.keys().filter(|(who, _)| *who == shoppers[0]).count() as u64);
        within(DEADLINE, "some draws", async || chances(&rig.koi, id, one).await.1 >= before + 10).await;
        let successor = node(dir.path(), &store, part).await;
        let mut unsure = Vec::new();
        while let Some(done) = tasks.join_next().await {
            let (who, answers, key) = done.unwrap();
            told.extend(answers);
            unsure.extend(key.map(|key| (who, key)));
        }
        assert!(!unsure.is_empty(), "the takeover came under load");
        rig = successor;
        for (who, key) in unsure {
            // Nobody knows whether it was drawn; afterwards it was, once.
            let answer = rig.koi.draw(id, who, &key, None, None).await.unwrap();
            told.insert((who, key), answer.body.to_vec());
        }
        rig.project_some().await.unwrap();
    }
    for who in shoppers {
        assert_told(&rig.koi, id, who, &told).await;
    }
}
