//! What was bought inside the window decides the odds, and those are the published ones.

use serde_json::{Value, json};
use xtask::fixture::{KEY, ample_campaign};
use xtask::http::Call;
use xtask::process::from_now;

use super::harness::{Koi, draw};

fn event(kind: &str, id: &str, order: &str, at: &str, cents: i64) -> Value {
    json!({"id": id, "type": kind, "shopper": "ada", "at": at, "order_id": order,
           "items": [{"sku": "s", "name": "cake stand", "category": "kitchen", "price_cents": cents, "quantity": 1}]})
}

fn send(koi: &Koi, event: &Value) {
    let answer = koi.send(&Call::post("/events", event).token(KEY));
    assert_eq!(answer.status, 202, "{}", answer.text());
}

/// The probability of all slots of a tier in the next draw, as `me` has it.
fn share(koi: &Koi, campaign: &str, token: &str, tier: &str) -> f64 {
    let me = koi.me(campaign, token);
    let slots = me["strategy"]["slots"].as_array().expect("slots").clone();
    let of_tier = slots.iter().filter(|slot| slot["tier"] == tier);
    of_tier.map(|slot| slot["probability"].as_str().and_then(|p| p.parse::<f64>().ok()).expect("a number")).sum()
}

#[test]
fn spend_thresholds_decide_the_odds() {
    let koi = Koi::start("spend");
    let mut body = ample_campaign();
    // From 100.00 on nothing but mid is hit.
    let only_mid = json!({"small": 0, "mid": 10, "big": 0, "points": 0});
    body["spend_weights"] = json!([{"from_cents": 10_000, "weights": only_mid}]);
    let draft = koi.must(&Call::post("/campaigns", &body).token(KEY))["id"].as_str().expect("an id").to_owned();
    assert_eq!(koi.report(&draft)["tiers"][1]["promised"], "0.090000", "of a draft");
    let campaign = koi.publish(&body);
    let rules = koi.must(&Call::get(format!("/campaigns/{campaign}/rules")));
    let published = &rules["spend_odds"][0];
    assert_eq!(published["from_cents"], 10_000, "{rules}");
    let odds = published["pools"][0]["odds"].as_array().expect("odds");
    let mid = odds.iter().find(|odds| odds["tier"] == "mid").expect("mid");
    assert_eq!(mid["probability"], "1.000000");
    let promised = |tier: &str| {
        let report = koi.report(&campaign);
        let tiers = report["tiers"].as_array().expect("tiers").clone();
        tiers.into_iter().find(|row| row["code"] == tier).map(|row| row["promised"].clone())
    };
    assert_eq!(promised("mid"), Some(json!("0.090000")), "before any draw");
    let token = koi.shopper(&campaign, "ada", 5);
    let rows = [
        ("purchase", "e1", "o1", -5, 9_999, 0.09, "below the threshold"),
        ("purchase", "e2", "o2", -4, 1, 1.0, "reaches it"),
        ("return", "e3", "o2", -3, 1, 0.09, "a return lowers it"),
        ("return", "e4", "o9", -3, 9_999, 0.09, "a return of what was not bought here"),
        ("purchase", "e5", "o3", -86_400, 50_000, 0.09, "outside the window"),
        ("purchase", "e6", "o1", -2, 50_000, 0.09, "an order counts once"),
        ("purchase", "e7", "o4", -1, 1, 1.0, "reaches it again: the return above took nothing"),
    ];
    for (kind, id, order, at, cents, expected, why) in rows {
        send(&koi, &event(kind, id, order, &from_now(at), cents));
        let share = share(&koi, &campaign, &token, "mid");
        assert!((share - expected).abs() < 1e-4, "{why}: {share}");
    }
    for key in ["a", "b", "c"] {
        let drawn = koi.must(&draw(&campaign, &token, key));
        let prize = drawn["prize"]["code"].as_str().unwrap_or_default();
        assert!(prize.starts_with("mid"), "the odds shown are the odds used: {drawn}");
    }
}

#[test]
fn a_purchase_just_inside_the_window_grants_before_it_opens_here() {
    let koi = Koi::start("skew");
    let mut body = ample_campaign();
    body["starts_at"] = json!(from_now(120));
    body["chances"] = json!({"per_purchase_cents": 100});
    let campaign = koi.must(&Call::post("/campaigns", &body).token(KEY))["id"].as_str().expect("an id").to_owned();
    let published = koi.must(&Call::post(format!("/campaigns/{campaign}/publish"), &json!({})).token(KEY));
    assert_eq!(published["state"], "scheduled", "{published}");
    let token = koi.shopper(&campaign, "ada", 0);
    for (id, at, granted) in [("before", 60, 0), ("inside", 130, 2)] {
        send(&koi, &event("purchase", id, id, &from_now(at), 200));
        assert_eq!(koi.me(&campaign, &token)["chances"]["granted"], granted, "{id}");
    }
    let answer = koi.send(&Call::get("/metrics"));
    assert!(answer.text().contains("koi_queue_depth"), "what waits is told");
}
