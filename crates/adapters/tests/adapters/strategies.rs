//! From purchases to personal strategies, by the composition's own job.

use crate::harness::{DEADLINE, Rig, publish, within};
use adapters::embedded::{Options, import, open};
use adapters::import::Format;
use domain::ids::CampaignId;
use serde_json::json;
use std::fmt::Write;
use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;
use testkit::builders::{campaign, purchase};

/// Who buys what, in four tastes: shopper `i` buys the pair of goods `i % 4` at every visit.
async fn shop(data: &Path, shoppers: usize, visits: Range<usize>) {
    let mut text = String::from("shopper,order_id,at,sku,name,category,price,quantity\n");
    for i in 0..shoppers {
        for visit in visits.clone() {
            for half in 0..2 {
                let sku = format!("S{}{half}", i % 4);
                _ = writeln!(
                    text,
                    "p{i},o{i}-{visit},2026-01-{:02},{sku},Thing {sku},taste {},9.50,1",
                    visit * 7 + 1,
                    i % 4
                );
            }
        }
    }
    let file = data.parent().unwrap().join("purchases.csv");
    std::fs::write(&file, text).unwrap();
    let done = import(data, Format::Purchases, &file, false, &mut |_, _| ()).await;
    assert_eq!(done.unwrap_or_else(|error| panic!("{error}")).accepted as usize, shoppers * visits.len() * 2);
}

/// Prizes of all four tastes in one tier of four slots.
fn of_all_tastes() -> serde_json::Value {
    let mut whole = campaign();
    let prize = |i: usize| {
        let sku = format!("S{}{}", i % 4, i / 4);
        json!({"code": format!("prize-{sku}"), "name": format!("Thing {sku}"), "kind": "goods", "category": format!("taste {}", i % 4), "skus": [sku],
               "value_cents": 1000, "cost_cents": 500})
    };
    whole["prizes"] = (0..8).map(prize).collect();
    whole["tiers"] = json!([{"code": "things", "slots": 2, "weight": 1, "value_cents": {"min": 0, "max": 5000}}]);
    whole
}

async fn codes(koi: &app::Koi, id: CampaignId, name: &str) -> (&'static str, Vec<String>, usize) {
    let who = koi.find_shopper(name).await.unwrap().unwrap();
    let strategy = koi.me(id, who).await.unwrap().strategy;
    let reasons = strategy.slots.iter().filter(|s| s.reason.is_some()).count();
    (strategy.source, strategy.slots.into_iter().map(|s| s.prize.code).collect(), reasons)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imported_shoppers_get_personal_strategies() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    shop(&data, 40, 0..3).await;
    let embedded = open(&data, &Options::default()).await.unwrap();
    let koi = embedded.koi.clone();
    let id = publish(&koi, of_all_tastes()).await;
    within(DEADLINE, "a finished job", async || {
        let generation = koi.report(id).await.unwrap().generation;
        generation.done == 40 && generation.total == 40
    })
    .await;
    for (name, want) in [("p0", "S0"), ("p5", "S1"), ("p39", "S3")] {
        let (source, codes, reasons) = codes(&koi, id, name).await;
        assert_eq!(source, "personal", "{name}");
        assert!(codes.iter().any(|code| code.contains(want)), "{name} gets what they buy: {codes:?}");
        assert!(reasons > 0, "{name} is told why");
    }

    // A shopper who was never seen gets a random one at once, and a personal one for behaving.
    crate::harness::shopper(&koi, "new", id, 1).await;
    assert_eq!(codes(&koi, id, "new").await.0, "random");
    let bought = (0..3)
        .map(|i| Ok(("new".to_owned(), purchase(&format!("e{i}"), &format!("n{i}"), koi.now_ms() - i, "S20", 950))));
    koi.record_events(bought.collect()).await.unwrap();
    within(DEADLINE, "a personal strategy for who behaved", async || codes(&koi, id, "new").await.0 == "personal")
        .await;

    // They are drawn from, and they survive.
    let who = koi.find_shopper("new").await.unwrap().unwrap();
    let before = codes(&koi, id, "new").await;
    let drawn = crate::harness::draw(&koi, id, who, "k").await.unwrap();
    assert!(before.1.iter().any(|code| drawn["prize"]["code"] == *code.as_str()), "{drawn} is of {before:?}");
    drop(koi);
    embedded.close().await;
    let embedded = open(&data, &Options::default()).await.unwrap();
    assert_eq!(codes(&embedded.koi, id, "p5").await.0, "personal");
    embedded.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stale_strategies_are_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    shop(&data, 8, 0..3).await;
    let rig = Rig::open(&data).await;
    let id = rig.publish(of_all_tastes()).await;
    rig.koi.generate_strategies(Some(id), &|_, _| ()).await.unwrap();
    assert_eq!(rig.koi.report(id).await.unwrap().generation.stale, 0);
    rig.stop().await;
    // More of the past: no server is there to hear of it.
    shop(&data, 8, 3..4).await;
    let rig = Rig::open(&data).await;
    assert_eq!(rig.koi.report(id).await.unwrap().generation.stale, 8);
    rig.stop().await;
    let embedded = open(&data, &Options::default()).await.unwrap();
    within(DEADLINE, "fresh strategies", async || embedded.koi.report(id).await.unwrap().generation.stale == 0).await;
    embedded.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_job_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    shop(&data, 2_500, 0..3).await;
    let mut rig = Rig::open(&data).await;
    let id = rig.publish(campaign()).await;
    let first = tokio::sync::Notify::new();
    let progress = |_, _| first.notify_one();
    tokio::select! {
        _ = rig.koi.generate_strategies(Some(id), &progress) => panic!("2,500 shoppers are more than one chunk"),
        () = first.notified() => {}
    }
    let done = rig.koi.report(id).await.unwrap().generation.done;
    assert!(0 < done && done < 2_500, "{done}");
    rig = rig.reopen().await;
    for (round, want) in [done + 1_000, 1_000].into_iter().enumerate() {
        let heard = Mutex::new(Vec::new());
        let view =
            rig.koi.generate_strategies(None, &|done, total| heard.lock().unwrap().push((done, total))).await.unwrap();
        assert_eq!((view.done, view.total), (2_500, 2_500), "round {round}");
        let heard = heard.into_inner().unwrap();
        assert_eq!(
            heard.first(),
            Some(&(want, 2_500)),
            "round {round}: an interrupted job goes on, a finished one starts anew"
        );
        assert!(heard.is_sorted(), "progress only grows: {heard:?}");
    }
    let (source, ..) = codes(&rig.koi, id, "p2499").await;
    assert_eq!(source, "personal");
    rig.stop().await;
}
