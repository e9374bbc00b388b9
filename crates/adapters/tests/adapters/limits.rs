//! A hundred requests at once against every kind of limit: exactly the limit passes.

use crate::harness::{Rig, publish, shopper};
use app::Error;
use app::koi::Koi;
use domain::ids::{CampaignId, ShopperId};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use testkit::builders::{DAY_MS, NOON_MS, campaign, one_prize};

const AT_ONCE: usize = 100;
const LIMIT: u32 = 37;

/// A hundred draws at once by the shoppers in turn: how many were made, and the refusals by code. A shopper's second
/// draw at a time is refused as in flight and asks again.
async fn storm(
    koi: &Koi,
    id: CampaignId,
    shoppers: &[ShopperId],
    round: &str,
) -> (usize, BTreeMap<&'static str, usize>) {
    let mut running = tokio::task::JoinSet::new();
    for i in 0..AT_ONCE {
        let (koi, shopper, key) = (koi.clone(), shoppers[i % shoppers.len()], format!("{round}-{i}"));
        running.spawn(async move {
            loop {
                match koi.draw(id, shopper, &key, None, None).await {
                    Ok(answer) => return Ok(answer),
                    Err(Error::InFlight) => tokio::task::yield_now().await,
                    Err(error) => return Err(error.code()),
                }
            }
        });
    }
    let (mut made, mut refused) = (0, BTreeMap::new());
    while let Some(done) = running.join_next().await {
        match done.unwrap() {
            Ok(_) => made += 1,
            Err(code) => *refused.entry(code).or_insert(0) += 1,
        }
    }
    (made, refused)
}

fn with(limits: Value) -> Value {
    let mut body = campaign();
    body["limits"] = limits;
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_the_limit_passes() {
    let folder = tempfile::tempdir().unwrap();
    let rig = Rig::open(folder.path()).await;
    let limit = LIMIT as usize;
    // The limit, how many shoppers draw, how many draws pass, and what the others are told.
    for (name, body, shoppers, passes, code) in [
        ("per_shopper", with(json!({"per_shopper": LIMIT})), 1, limit, "limit_reached"),
        ("per_day", with(json!({"per_day": LIMIT})), 1, limit, "limit_reached"),
        ("per_week", with(json!({"per_week": LIMIT})), 1, limit, "limit_reached"),
        ("per_campaign", with(json!({"per_campaign": LIMIT})), AT_ONCE, limit, "limit_reached"),
        ("cooldown", with(json!({"cooldown_seconds": 60})), 5, 5, "limit_reached"),
        ("new_shoppers", with(json!({"new_shoppers": true})), 2, AT_ONCE, ""),
        ("per shopper, five of them", with(json!({"per_shopper": 7})), 5, 35, "limit_reached"),
    ] {
        let id = rig.publish(body).await;
        let mut ids = Vec::new();
        for i in 0..shoppers {
            ids.push(rig.shopper(&format!("{name}-{i}"), id, AT_ONCE as u32).await);
        }
        let (made, refused) = storm(&rig.koi, id, &ids, name).await;
        let others = AT_ONCE - passes;
        let want: BTreeMap<&str, usize> = if others > 0 { [(code, others)].into() } else { BTreeMap::new() };
        assert_eq!((made, refused), (passes, want), "{name}");
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_over_all_campaigns_count_all_campaigns() {
    let folder = tempfile::tempdir().unwrap();
    let rig = Rig::open(folder.path()).await;
    for name in ["global", "global_per_day"] {
        let (one, other) = (rig.publish(with(json!({}))).await, rig.publish(with(json!({name: LIMIT}))).await);
        let id = shopper(&rig.koi, name, one, 10).await;
        rig.koi.grant(other, name, AT_ONCE as u32, "second", "gift", None).await.unwrap();
        let (elsewhere, _) = storm(&rig.koi, one, &[id], "one").await;
        assert_eq!(elsewhere, 10);
        let (made, refused) = storm(&rig.koi, other, &[id], "other").await;
        assert_eq!((made, refused["limit_reached"]), (LIMIT as usize - 10, AT_ONCE - (LIMIT as usize - 10)), "{name}");
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn days_and_weeks_begin_anew_and_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(folder.path()).await;
    let id = publish(&rig.koi, with(json!({"per_day": 3, "per_week": 5}))).await;
    let who = rig.shopper("ada", id, 1_000).await;
    // 2026-03-10 is a Tuesday in Shanghai.
    for (day, want) in [(0, 3), (1, 2), (2, 0), (5, 0), (6, 3), (13, 3)] {
        rig.set_time(NOON_MS + day * DAY_MS).await;
        let (made, _) = storm(&rig.koi, id, &[who], &format!("day {day}")).await;
        assert_eq!(made, want, "on day {day}");
        if day == 6 {
            rig.project().await;
        }
        if day == 1 || day == 6 {
            rig = rig.reopen().await;
        }
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn units_released_over_time_and_prizes_won_once() {
    let folder = tempfile::tempdir().unwrap();
    let rig = Rig::open(folder.path()).await;
    let later = "2026-03-12T04:00:00Z";
    let released = json!({"stock": 60, "release": [{"at": "2026-03-01T00:00:00Z", "units": LIMIT}, {"at": later, "units": 60 - LIMIT}]});
    let cups = |awards: &[app::AwardView]| awards.iter().filter(|award| award.prize.code == "cup").count();
    for (name, body, first, in_all) in
        [("release", one_prize(&released), LIMIT as usize, 60), ("once", one_prize(&json!({"once": true})), 1, 1)]
    {
        rig.set_time(NOON_MS).await;
        let id = rig.publish(body).await;
        let who = rig.shopper(name, id, 1_000).await;
        assert_eq!(
            storm(&rig.koi, id, &[who], "now").await.0,
            AT_ONCE,
            "a prize that is not to be had refuses nothing"
        );
        let awards = rig.koi.awards(who, crate::harness::FIRST).await.unwrap();
        assert_eq!(cups(&awards.data), first, "{name}");
        rig.set_time(NOON_MS + 3 * DAY_MS).await;
        assert_eq!(storm(&rig.koi, id, &[who], "later").await.0, AT_ONCE);
        let awards = rig.koi.awards(who, crate::harness::FIRST).await.unwrap();
        assert_eq!(cups(&awards.data), in_all, "{name} later");
    }
    rig.stop().await;
}
