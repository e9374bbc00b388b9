//! A shopper's day: chances, draws, awards, points, and every refusal by its name.

use std::thread;

use serde_json::{Value, json};
use xtask::fixture::{KEY, must, tight_campaign};
use xtask::http::Call;
use xtask::process::{from_now, wait_for};

use super::harness::{Koi, SETTLES_WITHIN, assert_problem, draw, unique, won_by_prize};

#[test]
fn a_draw_has_what_the_contract_names() {
    let koi = Koi::start("draw-fields");
    let campaign = koi.publish(&tight_campaign(200, 5));
    let token = koi.shopper(&campaign, "ada", 0);
    let me = koi.me(&campaign, &token);
    assert_eq!(me["chances"], json!({"granted": 0, "used": 0, "left": 0}));
    assert_eq!(me["points"], 0);
    assert_eq!(me["strategy"]["slots"].as_array().map(Vec::len), Some(9));
    assert!(me["strategy"]["source"] == "random" || me["strategy"]["source"] == "personal", "{me}");
    assert_eq!(me["next_seed_hash"].as_str().map(str::len), Some(64), "hex of SHA-256: {me}");
    koi.shopper(&campaign, "ada", 30);
    for n in 1..=19 {
        let me = koi.me(&campaign, &token);
        let drawn = koi.send(&draw(&campaign, &token, &unique("day")));
        assert_eq!(drawn.status, 201, "{}", drawn.text());
        let drawn = drawn.json();
        for field in ["id", "campaign_id", "n", "slot", "pool", "prize", "award", "chances_left", "drawn_at", "receipt"]
        {
            assert!(drawn.get(field).is_some(), "a draw lacks {field}: {drawn}");
        }
        assert_eq!((drawn["n"].as_u64(), drawn["chances_left"].as_u64()), (Some(n), Some(30 - n)));
        assert_eq!(drawn["campaign_id"], campaign.as_str());
        let id = drawn["id"].as_str().expect("an id is a string");
        assert!(id.bytes().all(|byte| byte.is_ascii_digit()), "{id}");
        for field in ["code", "name", "kind"] {
            assert!(drawn["prize"][field].is_string(), "{drawn}");
        }
        assert_eq!(drawn["award"].is_null(), drawn["prize"]["kind"] == "none", "no award only for nothing: {drawn}");
        let slots = me["strategy"]["slots"].as_array().expect("slots");
        if let Some(slot) = slots.iter().find(|slot| slot["index"] == drawn["slot"]) {
            assert_eq!(slot["prize"]["code"], drawn["prize"]["code"], "the slot held what me had shown");
        }
    }
    let ten =
        koi.must(&Call::post(format!("/campaigns/{campaign}/draws"), &json!({"count": 10})).token(&token).key("ten"));
    let ordinals: Vec<u64> =
        ten["draws"].as_array().expect("draws").iter().filter_map(|draw| draw["n"].as_u64()).collect();
    assert_eq!(ordinals, (20..30).collect::<Vec<_>>());
    let all_or_none = Call::post(format!("/campaigns/{campaign}/draws"), &json!({"count": 2})).token(&token).key("two");
    assert_problem("two of one chance", &koi.send(&all_or_none), 409, "no_chances");
    assert_eq!(koi.me(&campaign, &token)["chances"], json!({"granted": 30, "used": 29, "left": 1}));
    check_lists(&koi, &campaign, &token);
}

/// Pages are newest first, without gaps or repeats, and awards match wins.
fn check_lists(koi: &Koi, campaign: &str, token: &str) {
    let path = format!("/campaigns/{campaign}/draws");
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = koi.must(&Call::get(format!("{path}?limit=7{cursor}")).token(token));
        let rows = page["data"].as_array().expect("data");
        assert!(rows.len() <= 7);
        paged.extend(rows.iter().map(|row| row["n"].as_u64().expect("n")));
        let Some(next) = page["next_cursor"].as_str() else { break };
        assert!(next.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{next}");
        cursor = format!("&cursor={next}");
    }
    assert_eq!(paged, (1..30).rev().collect::<Vec<_>>(), "newest first");
    let draws = koi.draws(campaign, token);
    let wins: Vec<&str> = draws.iter().filter_map(|draw| draw["award"]["id"].as_str()).collect();
    let awards = koi.rows("/awards", token);
    assert_eq!(
        awards.iter().filter_map(|award| award["id"].as_str()).collect::<Vec<_>>(),
        wins,
        "newest first, one a win"
    );
    let report = koi.report_of(campaign, draws.len());
    let won = won_by_prize(&draws);
    for prize in report["prizes"].as_array().expect("prizes") {
        let count = won.get(prize["code"].as_str().expect("code")).copied().unwrap_or(0);
        assert_eq!(prize["won"], count, "{prize}");
        if let Some(stock) = prize["stock"].as_u64() {
            assert_eq!(prize["left"], stock - count, "{prize}");
        }
    }
}

#[test]
fn many_at_once_never_oversell_or_overdraw() {
    let koi = Koi::start("at-once");
    let campaign = koi.publish(&tight_campaign(40, 1));
    let tokens: Vec<String> = (0..16).map(|i| koi.shopper(&campaign, &format!("rush-{i}"), 30)).collect();
    thread::scope(|scope| {
        for (number, token) in tokens.iter().chain(&tokens).enumerate() {
            let (campaign, mut client) = (&campaign, koi.client());
            scope.spawn(move || {
                // Two callers for each shopper, who together ask for more than there is.
                for turn in 0..25 {
                    let key = format!("rush-{number}-{turn}");
                    let answer = client.send(&draw(campaign, token, &key)).expect("an answer");
                    let fine = answer.status == 201 || ["no_chances", "in_flight"].contains(&answer.code().as_str());
                    assert!(fine, "{} {}", answer.status, answer.text());
                }
            });
        }
    });
    let mut all = Vec::new();
    for token in &tokens {
        let rows = koi.draws(&campaign, token);
        let mut ordinals: Vec<u64> = rows.iter().filter_map(|row| row["n"].as_u64()).collect();
        ordinals.reverse();
        assert!(rows.len() <= 30 && ordinals.iter().copied().eq(1..=rows.len() as u64), "{ordinals:?}");
        all.extend(rows);
    }
    let stock = tight_campaign(40, 1);
    let won = won_by_prize(&all);
    for prize in stock["prizes"].as_array().expect("prizes") {
        let count = won.get(prize["code"].as_str().expect("code")).copied().unwrap_or(0);
        assert!(count <= prize["stock"].as_u64().unwrap_or(u64::MAX), "{prize}: won {count}");
    }
    assert!(
        won.get("big0").copied().unwrap_or(0) == 1 || all.len() < 300,
        "the big one goes in so many draws: {won:?}"
    );
}

#[test]
fn a_prize_sold_out_falls_back() {
    let koi = Koi::start("fallback");
    let mut body = tight_campaign(0, 0);
    body["prizes"] = json!([
        {"code": "one", "name": "One", "kind": "goods", "value_cents": 1_000, "cost_cents": 500, "stock": 1},
        {"code": "two", "name": "Two", "kind": "goods", "value_cents": 2_000, "cost_cents": 500, "stock": 1},
    ]);
    body["tiers"] = json!([{"code": "all", "slots": 2, "weight": 1, "value_cents": {"min": 0, "max": 5_000}}]);
    let campaign = koi.publish(&body);
    let token = koi.shopper(&campaign, "ada", 6);
    let mut codes: Vec<String> = (0..6)
        .map(|_| koi.must(&draw(&campaign, &token, &unique("fall"))))
        .map(|drawn| {
            assert_eq!(drawn["award"].is_null(), drawn["prize"]["kind"] == "none", "{drawn}");
            drawn["prize"]["code"].as_str().expect("a prize is never null").to_owned()
        })
        .collect();
    codes[..2].sort();
    assert_eq!(codes, ["one", "two", "thanks", "thanks", "thanks", "thanks"]);
}

#[test]
fn orders_points_and_claims() {
    let koi = Koi::start("orders");
    let campaign = koi.publish(&tight_campaign(200, 5));
    let token = koi.shopper(&campaign, "ada", 20);
    let sign_in = || {
        let (path, key) = (format!("/campaigns/{campaign}/orders"), unique("sign"));
        koi.send(&Call::post(path, &json!({"kind": "sign_in"})).token(&token).key(&key))
    };
    let order = sign_in();
    assert_eq!(order.status, 201, "{}", order.text());
    assert_eq!(order.json()["chances"], 1, "{}", order.text());
    assert!(order.json()["id"].is_string() && order.json()["state"].is_string(), "{}", order.text());
    assert_problem("the same day", &sign_in(), 409, "already_signed_in");
    assert_eq!(koi.me(&campaign, &token)["chances"]["granted"], 21);
    koi.must(
        &Call::post("/shoppers/ada/points", &json!({"amount": 50, "business_key": "p1", "reason": "gift"})).token(KEY),
    );
    let mut expected = 3 + 50;
    let mut goods = None;
    for _ in 0..21 {
        let drawn = koi.must(&draw(&campaign, &token, &unique("points")));
        if drawn["prize"]["kind"] == "points" {
            expected += 7;
        } else if drawn["prize"]["kind"] == "goods" {
            goods = drawn["award"]["id"].as_str().map(str::to_owned).or(goods);
        }
    }
    let balance = || koi.must(&Call::get("/points").token(&token))["balance"].as_i64();
    wait_for(SETTLES_WITHIN, "points", || (balance() == Some(expected)).then_some(())).expect("points arrive");
    let entries = koi.rows("/points/entries", &token);
    for field in ["id", "amount", "balance", "reason", "business_key", "at"] {
        assert!(entries.iter().all(|entry| entry.get(field).is_some()), "an entry lacks {field}: {:?}", entries[0]);
    }
    assert_eq!(entries.iter().filter_map(|entry| entry["amount"].as_i64()).sum::<i64>(), expected);
    let goods = goods.expect("21 draws win goods");
    let claimed = koi.send(&Call::post(format!("/awards/{goods}/claim"), &json!({})).token(&token).key("claim"));
    assert_eq!((claimed.status, claimed.json()["state"].as_str()), (200, Some("claimed")), "{}", claimed.text());
    let row = koi.rows("/awards", &token).into_iter().find(|award| award["id"] == goods.as_str()).expect("listed");
    assert_eq!(row["state"], "claimed");
}

#[test]
fn refusals_have_names_and_use_no_chance() {
    let koi = Koi::start("refusals");
    let live = koi.publish(&tight_campaign(200, 5));
    let token = koi.shopper(&live, "ada", 5);
    let refused = |what: &str, campaign: &str, status: u16, code: &str| {
        assert_problem(what, &koi.send(&draw(campaign, &token, &unique("no"))), status, code);
    };
    let act = |campaign: &str, verb: &str| {
        koi.must(&Call::post(format!("/campaigns/{campaign}/{verb}"), &json!({})).token(KEY))["state"].clone()
    };
    assert_eq!(act(&live, "pause"), "paused");
    refused("paused", &live, 409, "campaign_paused");
    assert_eq!(act(&live, "resume"), "live");
    let mut later = tight_campaign(200, 5);
    later["starts_at"] = json!(from_now(3_600));
    let later = koi.must(&Call::post("/campaigns", &later).token(KEY))["id"].as_str().expect("an id").to_owned();
    refused("a draft", &later, 404, "");
    assert_eq!(act(&later, "publish"), "scheduled");
    refused("before its window", &later, 409, "campaign_not_started");
    let mut limited = tight_campaign(200, 5);
    limited["limits"] = json!({"per_shopper": 2});
    let limited = koi.publish(&limited);
    koi.shopper(&limited, "ada", 5);
    let grant = |campaign: &str| {
        let body =
            json!({"shopper": "ada", "chances": 5, "business_key": format!("more-{campaign}"), "reason": "test"});
        koi.must(&Call::post(format!("/campaigns/{campaign}/grants"), &body).token(KEY));
    };
    grant(&limited);
    for _ in 0..2 {
        koi.must(&draw(&limited, &token, &unique("yes")));
    }
    refused("at the limit", &limited, 429, "limit_reached");
    let blacklist = |mode: Value| {
        koi.must(&Call::put("/shoppers/ada/blacklist", &json!({"mode": mode, "reason": "test"})).token(KEY))
    };
    blacklist(json!("refuse"));
    refused("on the blacklist", &live, 403, "blocked");
    blacklist(json!("points_only"));
    let drawn = koi.must(&draw(&live, &token, &unique("yes")));
    assert!(drawn["prize"]["kind"] == "points" || drawn["prize"]["kind"] == "none", "points only: {drawn}");
    assert!(koi.send(&Call::new("DELETE", "/shoppers/ada/blacklist").token(KEY)).ok());
    koi.must(&draw(&live, &token, &unique("yes")));
    assert_eq!(
        koi.me(&live, &token)["chances"],
        json!({"granted": 5, "used": 2, "left": 3}),
        "a refusal uses no chance"
    );
    assert_eq!(act(&live, "end"), "ended");
    refused("ended", &live, 410, "campaign_over");
    let mut client = koi.client();
    let over = must(&mut client, &Call::get(format!("/campaigns/{live}/draws")).token(&token)).expect("a list");
    assert_eq!(over["data"].as_array().map(Vec::len), Some(2), "draws of an ended campaign are still listed");
}
