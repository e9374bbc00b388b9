//! Arms side by side: who keeps the random strategy, who sees personal ones, and what that was worth.

use serde_json::{Value, json};
use xtask::fixture::{KEY, tight_campaign};
use xtask::http::Call;
use xtask::process::{from_now, wait_for};

use super::harness::{Koi, SETTLES_WITHIN, assert_problem, draw};

const PEOPLE: usize = 60;

fn bought(id: &str, shopper: &str, at: &str) -> Value {
    json!({"id": id, "type": "purchase", "shopper": shopper, "at": at, "order_id": id,
           "items": [{"sku": "sku-1", "name": "cup", "category": "c1", "price_cents": 1_000, "quantity": 1}]})
}

#[test]
fn arms_are_measured_side_by_side() {
    let koi = Koi::start("arms");
    let mut body = tight_campaign(2_000, 5);
    body["composition"] = json!({"random_percent": 50, "explore_percent": 20});
    let campaign = koi.publish(&body);
    let names: Vec<String> = (0..PEOPLE).map(|n| format!("arm{n}")).collect();
    let before: Vec<Value> =
        names.iter().map(|name| bought(&format!("before-{name}"), name, &from_now(-86_400))).collect();
    koi.must(&Call::post("/events", &json!(before)).token(KEY));
    let tokens: Vec<String> = names.iter().map(|name| koi.shopper(&campaign, name, 1)).collect();
    let sources = || {
        let source = |token: &String| koi.me(&campaign, token)["strategy"]["source"] == "personal";
        tokens.iter().filter(|token| source(token)).count()
    };
    for token in &tokens {
        assert_eq!(koi.send(&draw(&campaign, token, "k")).status, 201);
    }
    let after: Vec<Value> =
        names.iter().step_by(3).map(|name| bought(&format!("after-{name}"), name, &from_now(600))).collect();
    koi.must(&Call::post("/events", &json!(after)).token(KEY));
    let insight =
        || koi.must(&Call::get(format!("/campaigns/{campaign}/report/insight")).token(KEY))["personalisation"].clone();
    let sum = |report: &Value, field: &str| -> u64 {
        report["arms"].as_array().into_iter().flatten().filter_map(|arm| arm[field].as_u64()).sum()
    };
    let whole = wait_for(SETTLES_WITHIN, "outcomes", || {
        Some(insight()).filter(|report| {
            sum(report, "shoppers") == PEOPLE as u64 && sum(report, "bought_after") == after.len() as u64
        })
    });
    let whole = whole.unwrap_or_else(|error| panic!("{error}: {}", insight()));
    let arms: Vec<&str> =
        whole["arms"].as_array().expect("arms").iter().filter_map(|arm| arm["arm"].as_str()).collect();
    assert_eq!(arms, ["random", "personal"], "{whole}");
    let lift = &whole["personal"][0];
    assert_eq!(lift["against"], "random");
    for estimate in [&lift["rate"], &lift["mean_spend_cents"], &whole["arms"][0]["rate"]] {
        let number = |name: &str| estimate[name].as_f64().unwrap_or(f64::NAN);
        assert!(number("low") <= number("value") && number("value") <= number("high"), "{whole}");
    }
    let personal = whole["arms"][1]["shoppers"].as_u64().expect("a count") as usize;
    wait_for(SETTLES_WITHIN, "personal strategies", || (sources() == personal).then_some(()))
        .unwrap_or_else(|error| panic!("{error}: {} of {personal}", sources()));
}

#[test]
fn arms_that_cannot_be_are_refused() {
    let koi = Koi::start("bad-arms");
    for (composition, status) in [
        (json!({"random_percent": 60, "popular_percent": 60}), 422),
        (json!({"random_percent": 300}), 422),
        (json!({"explore_percent": 101}), 422),
        (json!({"random": 5}), 422),
        (json!({"random_percent": -1}), 422),
    ] {
        let mut body = tight_campaign(1, 1);
        body["composition"] = composition.clone();
        let created = koi.send(&Call::post("/campaigns", &body).token(KEY));
        let answer = if created.status == 201 {
            let id = created.json()["id"].as_str().expect("an id").to_owned();
            koi.send(&Call::post(format!("/campaigns/{id}/publish"), &json!({})).token(KEY))
        } else {
            created
        };
        assert_problem(&composition.to_string(), &answer, status, "");
    }
}
