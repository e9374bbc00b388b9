//! A flow edited while shoppers draw: no draw fails, every good edit decides from then on, a bad one changes nothing, and
//! every receipt verifies against the rules of the version that it names.

use crate::harness::{FIRST, Rig, publish, refusal};
use app::Error;
use app::IfMatch;
use app::ports::Campaigns;
use domain::campaign::{Definition, Rules};
use domain::fairness::Receipt;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use testkit::builders::campaign;

const CLIENTS: usize = 64;
const EDITS: u32 = 200;
const DEADLINE: Duration = Duration::from_secs(120);

/// The usual chain with a split whose shares differ in every edit, so that every edit changes who is in which group.
fn flow(edit: u32) -> String {
    format!(
        "checks = WHEN(blacklist, window, limits);\nTHEN(checks, split.data('{{\"shares\": [{}, 100]}}'), pool, draw, unlock, stock, IF(sold_out, fallback))",
        edit + 1
    )
}

/// Every tenth edit is broken, each in another way.
fn broken(edit: u32) -> String {
    match edit / 10 % 4 {
        0 => "THEN(pool, draw".to_owned(),
        1 => "THEN(pool, stock, draw)".to_owned(),
        2 => format!("THEN(pool, draw, s{edit})"),
        _ => "THEN(cooldown.data('{\"seconds\": []}'), pool, draw)".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_take_effect_at_the_next_draw() {
    let folder = tempfile::tempdir().unwrap();
    let rig = Rig::open(folder.path()).await;
    let mut body = campaign();
    body["flow"] = json!(flow(0));
    let id = publish(&rig.koi, body).await;
    let (done, newest) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let who = rig.shopper(&format!("shopper-{client}"), id, 1_000_000).await;
        let (koi, done, newest) = (rig.koi.clone(), done.clone(), newest.clone());
        clients.spawn(async move {
            let (mut receipts, mut draws) = (BTreeMap::<u32, Value>::new(), 0u64);
            while !done.load(Ordering::Acquire) {
                let answer = koi.draw(id, who, &format!("{client}-{draws}"), None, None).await;
                let answer = answer.unwrap_or_else(|error| panic!("draw {draws} of client {client} failed: {error}"));
                let drawn: Value = serde_json::from_slice(&answer.body).unwrap();
                draws += 1;
                assert_eq!(drawn["n"], draws, "ordinals have no holes");
                let version = drawn["receipt"]["rules"].as_u64().unwrap() as u32;
                newest.fetch_max(version, Ordering::AcqRel);
                receipts.entry(version).or_insert_with(|| drawn["receipt"].clone());
            }
            (receipts, draws)
        });
    }
    let until = Instant::now() + DEADLINE;
    let mut version = rig.koi.flow(id).await.unwrap().version;
    for edit in 1..=EDITS {
        if edit % 10 == 0 {
            let Err(Error::Flow(errors)) = rig.koi.put_flow(id, &IfMatch::Absent, broken(edit)).await else {
                panic!("edit {edit} is broken and was taken");
            };
            assert!(errors[0].line > 0 && errors[0].column > 0);
            assert_eq!(rig.koi.flow(id).await.unwrap().version, version, "a bad edit changes nothing");
            continue;
        }
        let put = rig.koi.put_flow(id, &IfMatch::Absent, flow(edit)).await.unwrap_or_else(|e| panic!("{edit}: {e}"));
        assert!(put.version > version, "edit {edit} is a new version");
        version = put.version;
        while newest.load(Ordering::Acquire) < version {
            assert!(Instant::now() < until, "no draw by version {version} in time");
            tokio::task::yield_now().await;
        }
    }
    done.store(true, Ordering::Release);
    let (mut seen, mut draws) = (BTreeSet::new(), 0);
    while let Some(client) = clients.join_next().await {
        let (receipts, of_client) = client.unwrap();
        draws += of_client;
        for (version, receipt) in receipts {
            let stored = Campaigns::rules(rig.store(), id, version)
                .await
                .unwrap()
                .unwrap_or_else(|| panic!("no rules {version}"));
            let definition: Definition = serde_json::from_str(&stored.definition).unwrap();
            let rules = Rules::compile(id, version, &definition).unwrap();
            let receipt = Receipt::parse(receipt.to_string().as_bytes()).unwrap();
            receipt.verify_with_rules(&rules).unwrap_or_else(|error| panic!("version {version}: {error}"));
            seen.insert((version, receipt.rules_hash));
        }
    }
    let hashes: BTreeSet<&String> = seen.iter().map(|(_, hash)| hash).collect();
    assert_eq!(hashes.len(), seen.len(), "every version has a hash of its own, and one");
    assert!(seen.len() >= 50, "only {} versions seen", seen.len());
    let counters = json!({"test": "hot_reload", "clients": CLIENTS, "edits": EDITS, "draws": draws, "failed_draws": 0,
                          "versions_seen": seen.len(), "receipts_verified": seen.len()});
    println!("{counters}");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_edit_may_not_be_against_the_shopper() {
    let folder = tempfile::tempdir().unwrap();
    let rig = Rig::open(folder.path()).await;
    let id = rig.publish(campaign()).await;
    let before = rig.koi.flow(id).await.unwrap();
    for worse in [
        "THEN(blacklist, window, limits, cooldown, risk, pool, weight, guarantee, draw, unlock, once, release, stock)",
        "THEN(blacklist, window, limits.data('{\"per_day\": 1}'), pool, weight, guarantee, draw, stock, IF(sold_out, THEN(substitute, fallback)))",
        "THEN(blacklist, window, limits, when('shopper.level > 3'), pool, weight, guarantee, draw, stock, IF(sold_out, THEN(substitute, fallback)))",
    ] {
        assert_eq!(
            refusal(rig.koi.put_flow(id, &IfMatch::Absent, worse.to_owned()).await),
            "against_shopper",
            "{worse}"
        );
        let after = rig.koi.flow(id).await.unwrap();
        assert_eq!(
            (after.flow, after.version, after.rules_hash),
            (before.flow.clone(), before.version, before.rules_hash.clone())
        );
    }
    // A pause makes no version of the rules.
    rig.koi.pause(id).await.unwrap();
    rig.koi.resume(id).await.unwrap();
    assert_eq!(rig.koi.flow(id).await.unwrap().version, before.version);
    let kinder = before.flow.replace("risk, ", "");
    assert_eq!(rig.koi.put_flow(id, &IfMatch::Absent, kinder).await.unwrap().version, before.version + 1);
    assert_eq!(refusal(rig.koi.put_flow(id, &IfMatch::version(before.etag), before.flow).await), "stale");
    let who = rig.shopper("ada", id, 3).await;
    assert_eq!(rig.koi.draws(id, who, FIRST).await.unwrap().data.len(), 0);
    rig.stop().await;
}
