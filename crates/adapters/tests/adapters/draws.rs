//! Draws: once per key, without holes, never more than there is.

use crate::harness::{FIRST, Rig, chances, draw, publish, refusal, shopper};
use app::Error;
use app::IfMatch;
use app::koi::Koi;
use app::owner::Limits;
use domain::account::Ban;
use domain::draw::BlacklistMode;
use domain::ids::{CampaignId, ShopperId};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use testkit::builders::{DAY_MS, NOON_MS, campaign, one_prize};

/// The commands whose replay is looked at: key, client seed, count.
const COMMANDS: [(&str, Option<&str>, Option<u8>); 4] =
    [("one", None, None), ("seeded", Some("my luck"), None), ("three", None, Some(3)), ("ten", Some(""), Some(10))];

async fn assert_replays(koi: &Koi, id: CampaignId, who: ShopperId, first: &[Vec<u8>], when: &str) {
    for ((key, seed, count), body) in COMMANDS.iter().zip(first) {
        let again = koi.draw(id, who, key, seed.map(str::to_owned), *count).await.unwrap();
        assert!(again.replayed && again.status == 201, "{key} {when}");
        assert_eq!(String::from_utf8_lossy(&again.body), String::from_utf8_lossy(body), "{key} {when}");
        for (other_seed, other_count) in
            [(Some("other"), *count), (*seed, Some(7)), (seed.map_or(Some(""), |_| None), *count)]
        {
            let other = koi.draw(id, who, key, other_seed.map(str::to_owned), other_count).await;
            assert_eq!(
                refusal(other),
                "idempotency_key_reused",
                "{key} with {other_seed:?} and {other_count:?} {when}"
            );
        }
    }
}

#[tokio::test]
async fn the_same_key_has_one_answer_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let id = rig.publish(campaign()).await;
    let who = rig.shopper("ada", id, 40).await;
    let mut first = Vec::new();
    for (key, seed, count) in COMMANDS {
        let answer = rig.koi.draw(id, who, key, seed.map(str::to_owned), count).await.unwrap();
        assert!(!answer.replayed && answer.status == 201);
        first.push(answer.body.to_vec());
    }
    assert_replays(&rig.koi, id, who, &first, "at once").await;
    rig = rig.reopen().await;
    assert_replays(&rig.koi, id, who, &first, "after a restart, unprojected").await;
    rig.project().await;
    assert_replays(&rig.koi, id, who, &first, "projected").await;
    rig = rig.reopen().await;
    assert_replays(&rig.koi, id, who, &first, "after a restart, projected").await;
    adapters::ledger::archive(&rig.data, i64::MAX, u64::MAX >> 1).unwrap();
    assert_replays(&rig.koi, id, who, &first, "archived").await;
    assert_eq!(chances(&rig.koi, id, who).await, (40, 15, 25), "nothing was drawn again");
    rig.stop().await;
}

#[tokio::test]
async fn an_evicted_account_comes_back_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { accounts: 1, ..Limits::default() };
    let mut rig = Rig::open_with(dir.path(), limits, NOON_MS).await;
    let id = rig.publish(campaign()).await;
    let names: Vec<String> = (0..6).map(|i| format!("shopper {i}")).collect();
    let mut shoppers = Vec::new();
    for name in &names {
        shoppers.push(rig.shopper(name, id, 50).await);
    }
    let mut bodies = vec![Vec::new(); shoppers.len()];
    for round in 0..5u64 {
        for (who, bodies) in shoppers.iter().zip(&mut bodies) {
            let answer = rig.koi.draw(id, *who, &format!("key {round}"), None, None).await.unwrap();
            let body: Value = serde_json::from_slice(&answer.body).unwrap();
            assert_eq!(body["n"], round + 1);
            bodies.push(answer.body.clone());
            // Looking at the others pushes this one out, once it is projected.
            if round % 2 == 0 {
                rig.project().await;
            }
        }
        for (who, bodies) in shoppers.iter().zip(&bodies) {
            for (earlier, body) in bodies.iter().enumerate() {
                let again = rig.koi.draw(id, *who, &format!("key {earlier}"), None, None).await.unwrap();
                assert!(again.replayed && again.body == *body, "key {earlier} in round {round}");
            }
            assert_eq!(chances(&rig.koi, id, *who).await, (50, round + 1, 49 - round));
        }
    }
    for name in &names {
        assert!(rig.koi.find_shopper(name).await.unwrap().is_some(), "names are found again too");
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_requests_draw_in_sequence() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path()).await;
    let id = rig.publish(campaign()).await;
    let who = rig.shopper("ada", id, 1_000).await;
    let mut running = tokio::task::JoinSet::new();
    for i in 0..100 {
        let koi = rig.koi.clone();
        running.spawn(async move { draw(&koi, id, who, &format!("key {i}")).await });
    }
    let mut ordinals = Vec::new();
    while let Some(done) = running.join_next().await {
        match done.unwrap() {
            Ok(body) => ordinals.push(body["n"].as_u64().unwrap()),
            Err(error) => assert!(matches!(error, Error::InFlight), "{error:?}"),
        }
    }
    ordinals.sort_unstable();
    assert_eq!(ordinals, (1..=ordinals.len() as u64).collect::<Vec<_>>(), "ordinals without holes");
    assert!(!ordinals.is_empty());
    let listed = rig.koi.draws(id, who, FIRST).await.unwrap();
    assert_eq!(listed.data.len(), ordinals.len(), "a refused draw was not made");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_requests_with_one_key_draw_once() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path()).await;
    let id = rig.publish(campaign()).await;
    let who = rig.shopper("ada", id, 1_000).await;
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let koi = rig.koi.clone();
        running.spawn(async move {
            loop {
                match koi.draw(id, who, "the key", None, Some(2)).await {
                    Err(Error::InFlight) => tokio::task::yield_now().await,
                    done => return done.unwrap().body,
                }
            }
        });
    }
    let mut bodies = BTreeSet::new();
    while let Some(body) = running.join_next().await {
        bodies.insert(body.unwrap().to_vec());
    }
    assert_eq!(bodies.len(), 1, "one answer");
    assert_eq!(chances(&rig.koi, id, who).await, (1_000, 2, 998), "one act");
    rig.stop().await;
}

#[tokio::test]
async fn several_draws_are_all_or_none() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path()).await;
    let mut limited = campaign();
    limited["limits"] = json!({"per_day": 4});
    let id = rig.publish(limited).await;
    let who = rig.shopper("ada", id, 3).await;
    assert_eq!(refusal(rig.koi.draw(id, who, "five", None, Some(5)).await), "no_chances");
    assert_eq!(chances(&rig.koi, id, who).await, (3, 0, 3), "a refusal uses no chance");
    // A refusal is no result: the key is free.
    let three = rig.koi.draw(id, who, "five", None, Some(3)).await.unwrap();
    let three: Value = serde_json::from_slice(&three.body).unwrap();
    let told: Vec<_> = three["draws"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| (d["n"].as_u64().unwrap(), d["chances_left"].as_u64().unwrap()))
        .collect();
    assert_eq!(told, [(1, 2), (2, 1), (3, 0)]);
    rig.koi.grant(id, "ada", 9, "more", "gift", None).await.unwrap();
    assert_eq!(refusal(rig.koi.draw(id, who, "two", None, Some(2)).await), "limit_reached", "one is left today");
    assert_eq!(draw(&rig.koi, id, who, "one").await.unwrap()["n"], 4);
    rig.stop().await;
}

/// What fifty shoppers win of the one prize there is, all drawing at once.
async fn wins_of_fifty(prize: Value, limits: Value) -> (usize, Rig, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let mut only = one_prize(&prize);
    only["limits"] = limits;
    let id = rig.publish(only).await;
    let mut running = tokio::task::JoinSet::new();
    for i in 0..50 {
        let koi = rig.koi.clone();
        running.spawn(async move {
            let who = shopper(&koi, &format!("s{i}"), id, 2).await;
            let count = if i % 3 == 0 { Some(2) } else { None };
            let body = koi.draw(id, who, "k", None, count).await.unwrap().body;
            let body: Value = serde_json::from_slice(&body).unwrap();
            let draws = body["draws"].as_array().cloned().unwrap_or_else(|| vec![body.clone()]);
            let won = draws.iter().filter(|d| d["prize"]["code"] == "cup").count();
            for draw in &draws {
                assert_eq!(
                    draw["award"].is_object(),
                    draw["prize"]["code"] == "cup",
                    "each win makes an award: {draw}"
                );
            }
            won
        });
    }
    let mut won = 0;
    while let Some(done) = running.join_next().await {
        won += done.unwrap();
    }
    let report = rig.koi.report(id).await.unwrap();
    assert_eq!((report.prizes[0].won, report.draws), (won as u64, 67), "the report counts the same");
    // The counters are folded a second time, from the ledger, by projection and by a restart.
    rig.project().await;
    rig = rig.reopen().await;
    assert_eq!(rig.koi.report(id).await.unwrap().prizes[0].won, won as u64);
    (won, rig, dir)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stock_is_never_oversold() {
    for (stock, want) in [(3, 3), (1, 1), (500, 67)] {
        let (won, rig, _dir) = wins_of_fifty(json!({"stock": stock}), json!({})).await;
        assert_eq!(won, want, "of a stock of {stock}");
        rig.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_is_never_overspent() {
    for (budget, want) in [(4 * 1500, 4), (4 * 1500 + 1499, 4), (1499, 0)] {
        let (won, rig, _dir) = wins_of_fifty(json!({}), json!({"budget_cents": budget})).await;
        assert_eq!(won, want, "of a budget of {budget}");
        rig.stop().await;
    }
}

#[tokio::test]
async fn a_ban_bars_and_ends() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let (id, other) = (rig.publish(campaign()).await, rig.publish(campaign()).await);
    let who = rig.shopper("ada", id, 50).await;
    rig.koi.grant(other, "ada", 50, "first", "gift", None).await.unwrap();
    let ban = async |rig: &Rig, mode, campaign, until| {
        rig.koi.put_blacklist("ada", barred(mode, campaign, until), &IfMatch::Absent).await.unwrap()
    };

    ban(&rig, BlacklistMode::Refuse, Some(id), None).await;
    assert_eq!(refusal(draw(&rig.koi, id, who, "a").await), "blocked");
    draw(&rig.koi, other, who, "a").await.unwrap();
    rig = rig.reopen().await;
    assert_eq!(refusal(draw(&rig.koi, id, who, "a").await), "blocked", "a ban survives, unprojected");
    rig.project().await;
    rig = rig.reopen().await;
    assert_eq!(refusal(draw(&rig.koi, id, who, "a").await), "blocked", "and projected");
    rig.koi.delete_blacklist("ada", Some(id), &IfMatch::Absent).await.unwrap();
    draw(&rig.koi, id, who, "a").await.unwrap();

    ban(&rig, BlacklistMode::PointsOnly, None, None).await;
    for i in 0..12 {
        let body = draw(&rig.koi, id, who, &format!("p{i}")).await.unwrap();
        assert_eq!(body["prize"]["kind"], "points", "points only: {body}");
    }
    ban(&rig, BlacklistMode::Refuse, None, Some(NOON_MS + 1_000)).await;
    assert_eq!(refusal(draw(&rig.koi, other, who, "b").await), "blocked", "everywhere");
    rig.set_time(NOON_MS + 999).await;
    assert_eq!(refusal(draw(&rig.koi, other, who, "b").await), "blocked", "until its last millisecond");
    rig.set_time(NOON_MS + 1_000).await;
    draw(&rig.koi, other, who, "b").await.unwrap();
    assert_eq!(
        refusal(rig.koi.put_blacklist("nobody", barred(BlacklistMode::Refuse, None, None), &IfMatch::Absent).await),
        "shopper_unknown"
    );
    rig.stop().await;
}

#[tokio::test]
async fn only_an_open_campaign_is_drawn_from() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path()).await;
    let mut windowed = campaign();
    windowed["starts_at"] = "2026-03-11T00:00:00Z".into();
    windowed["ends_at"] = "2026-03-13T00:00:00Z".into();
    windowed["limits"] = json!({"per_day": 1, "per_shopper": 2});
    let draft = rig.koi.create_campaign(testkit::builders::definition(windowed.clone())).await.unwrap().id;
    let id = publish(&rig.koi, windowed).await;
    let who = rig.shopper("ada", id, 9).await;
    assert_eq!(rig.koi.draw(draft, who, "a", None, None).await.unwrap_err().code(), "campaign_unknown");
    let day = |days: i64| NOON_MS + days * DAY_MS;
    for (at, act, key, want) in [
        (day(0), None, "a", Err("campaign_not_started")),
        (day(1), None, "a", Ok(1)),
        (day(1), None, "b", Err("limit_reached")),
        (day(1), Some("pause"), "b", Err("campaign_paused")),
        (day(1), Some("pause"), "a", Ok(1)),
        (day(1), Some("resume"), "b", Err("limit_reached")),
        // The clock stands at noon in Shanghai: the day turns 12 hours later.
        (day(1) + DAY_MS / 2 - 1, None, "b", Err("limit_reached")),
        (day(1) + DAY_MS / 2, None, "b", Ok(2)),
        (day(2) + DAY_MS / 2, None, "c", Err("limit_reached")),
        (day(3), None, "c", Err("campaign_over")),
        (day(3), None, "b", Ok(2)),
        (day(3), Some("end"), "a", Ok(1)),
        (day(3), Some("resume"), "c", Err("campaign_over")),
    ] {
        rig.set_time(at).await;
        match act {
            Some("pause") => _ = rig.koi.pause(id).await.unwrap(),
            Some("resume") => _ = rig.koi.resume(id).await,
            Some(_) => _ = rig.koi.end(id).await.unwrap(),
            None => {}
        }
        let got = draw(&rig.koi, id, who, key).await;
        let got = got.map(|body| body["n"].as_u64().unwrap()).map_err(|error| error.code());
        assert_eq!(got, want, "key {key} after {act:?} at {}", (at - NOON_MS) as f64 / DAY_MS as f64);
    }
    assert_eq!(refusal(rig.koi.resume(id).await), "campaign_over", "an end is for good");
    rig.stop().await;
}

fn barred(mode: BlacklistMode, campaign: Option<CampaignId>, until_ms: Option<i64>) -> Ban {
    Ban { campaign, mode, until_ms, reason: "fraud".into() }
}
