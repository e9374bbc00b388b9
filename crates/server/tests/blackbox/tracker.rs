//! Segment's HTTP API at the root: what a shop's tracker sends, unchanged.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use xtask::fixture::{KEY, tight_campaign};
use xtask::http::{Answer, Call};
use xtask::process::{from_now, wait_for};

use super::harness::{Koi, SETTLES_WITHIN, assert_problem};

fn basic(user: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:")))
}

fn send(koi: &Koi, path: &str, body: &Value) -> Answer {
    koi.send(&Call::post(path, body).header("Authorization", &basic(KEY)))
}

#[track_caller]
fn taken(koi: &Koi, path: &str, body: &Value) {
    let answer = send(koi, path, body);
    assert_eq!((answer.status, answer.json()), (200, json!({"success": true})), "{body}: {}", answer.text());
}

fn order(message: &str, order: &str, price: &Value) -> Value {
    json!({"type": "track", "userId": "ada", "messageId": message, "event": "Order Completed", "timestamp": from_now(-5),
           "context": {"ip": "203.0.113.7"}, "properties": {"order_id": order, "currency": "CNY", "revenue": 1,
           "products": [{"product_id": "7", "sku": "22423", "name": "cake stand", "category": "kitchen", "price": price, "quantity": 2}]}})
}

fn profile(koi: &Koi, of: impl Fn(&Value) -> bool) -> Value {
    let profile = || koi.send(&Call::get("/shoppers/ada/profile").token(KEY)).json();
    let settled = wait_for(SETTLES_WITHIN, "the profile", || Some(profile()).filter(|profile| of(profile)));
    settled.unwrap_or_else(|error| panic!("{error}: {}", profile()))
}

#[test]
fn a_tracker_works_unchanged() {
    let koi = Koi::start("tracker");
    let mut body = tight_campaign(200, 5);
    body["chances"] = json!({"per_purchase_cents": 1_000});
    let campaign = koi.publish(&body);
    taken(&koi, "/v1/track", &order("m1", "o1", &json!(19.99)));
    let token = koi.shopper(&campaign, "ada", 0);
    assert_eq!(koi.me(&campaign, &token)["chances"]["granted"], 3, "of 39.98, at once");
    // The same message again, alone and in a batch with one that is new.
    taken(&koi, "/v1/track", &order("m1", "o1", &json!(19.99)));
    let view = json!({"type": "track", "userId": "ada", "event": "Product Viewed", "properties": {"sku": "22423"}});
    let search =
        json!({"type": "track", "userId": "ada", "event": "Products Searched", "properties": {"query": "蛋糕"}});
    let review = json!({"type": "track", "userId": "ada", "event": "Product Reviewed", "properties": {"product_id": "22423", "rating": 5}});
    let other = json!({"type": "track", "userId": "ada", "event": "Coupon Applied", "properties": {"coupon_id": 4}});
    let page = json!({"type": "page", "anonymousId": "v"});
    let all =
        json!([order("m1", "o1", &json!(19.99)), order("m2", "o2", &json!("0.1")), view, search, review, other, page]);
    taken(&koi, "/v1/batch", &json!({"batch": all, "sentAt": from_now(0)}));
    let known = profile(&koi, |profile| profile["orders"] == 2 && profile["reviews"] == 1);
    assert_eq!(
        (&known["spend_cents"], &known["views"], &known["searches"]),
        (&json!(3_998 + 20), &json!(1), &json!(1))
    );
    // A refund of a part, then of the rest; neither counts twice.
    let refund = |message: &str, products: Value| json!({"userId": "ada", "messageId": message, "event": "Order Refunded", "properties": {"order_id": "o1", "products": products}});
    taken(&koi, "/v1/track", &refund("r1", json!([{"sku": "22423", "price": 19.99}])));
    for _ in 0..2 {
        taken(&koi, "/v1/track", &refund("r2", json!([])));
    }
    let mut unknown = refund("r3", json!([]));
    unknown["properties"]["order_id"] = json!("before koi");
    taken(&koi, "/v1/track", &unknown);
    let known = profile(&koi, |profile| profile["spend_cents"] == 20);
    assert_eq!(known["returns"], 1, "of one order");
}

#[test]
fn identify_registers() {
    let koi = Koi::start("identify");
    let tell = |traits: Value| {
        taken(&koi, "/v1/identify", &json!({"userId": "ada", "traits": traits, "timestamp": from_now(0)}))
    };
    tell(json!({"name": "Ada", "plan": "gold", "createdAt": "2020-01-01T00:00:00Z", "level": 3}));
    tell(json!({"plan": null, "level": 4, "city": "杭州"}));
    let known = koi.must(&Call::put("/shoppers/ada", &json!({})).token(KEY));
    assert_eq!(known["name"], "Ada");
    assert_eq!(known["registered_at"], "2020-01-01T00:00:00.000Z");
    let attributes = &known["attributes"];
    assert_eq!(
        (&attributes["level"], &attributes["city"], &attributes["plan"]),
        (&json!(4), &json!("杭州"), &Value::Null)
    );
}

#[test]
fn bad_messages_change_nothing() {
    let koi = Koi::start("bad-tracker");
    let good = order("m1", "o1", &json!(1));
    let negative = order("m2", "o2", &json!(-1));
    for (what, path, body, status, code) in [
        ("no shopper", "/v1/track", json!({"event": "Product Viewed"}), 422, "invalid_body"),
        ("a negative price", "/v1/track", negative.clone(), 422, "invalid_body"),
        ("one of two", "/v1/batch", json!({"batch": [good, negative]}), 422, "invalid_body"),
        ("no batch", "/v1/batch", json!([]), 422, "invalid_body"),
        ("traits that are none", "/v1/identify", json!({"userId": "ada", "traits": []}), 422, "invalid_body"),
        (
            "huge traits",
            "/v1/identify",
            json!({"userId": "ada", "traits": {"a": "x".repeat(20_000)}}),
            422,
            "invalid_body",
        ),
    ] {
        assert_problem(what, &send(&koi, path, &body), status, code);
    }
    let text = good.to_string();
    let raw = |authorization: Option<&str>, body: &[u8]| {
        let call = Call::new("POST", "/v1/track").bytes(body.to_vec());
        koi.send(&match authorization {
            Some(value) => call.header("Authorization", value),
            None => call,
        })
    };
    let with_password = format!("Basic {}", STANDARD.encode(format!("{KEY}:secret")));
    for (what, authorization, status) in [
        ("no key", None, 401),
        ("a wrong key", Some(basic("koi_sk_wrong")), 401),
        ("a bearer", Some(format!("Bearer {KEY}")), 401),
        ("a password", Some(with_password), 401),
    ] {
        let answer = raw(authorization.as_deref(), text.as_bytes());
        assert_problem(what, &answer, status, "");
        assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"koi\""), "{what}");
    }
    assert_problem("no JSON", &raw(Some(basic(KEY).as_str()), b"{"), 400, "bad_json");
    let key = koi.must(&Call::post("/api/v1/api-keys", &json!({"name": "other", "scopes": ["shoppers"]})).token(KEY));
    let other = key["key"].as_str().or(key["secret"].as_str()).expect("a key").to_owned();
    assert_problem("another scope", &raw(Some(basic(&other).as_str()), text.as_bytes()), 403, "forbidden");
    assert_eq!(koi.send(&Call::get("/shoppers/ada/profile").token(KEY)).status, 404, "nobody was made");
}
