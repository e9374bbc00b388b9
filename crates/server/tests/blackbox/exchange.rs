//! The exchange shop over HTTP: stocked by operators, bought in by shoppers, refused clearly.

use serde_json::{Value, json};
use xtask::fixture::{KEY, ample_campaign};
use xtask::http::{Answer, Call};

use super::harness::{Koi, assert_problem, unique};

fn item(koi: &Koi, body: &Value) -> Value {
    koi.must(&Call::post("/exchange/items", body).token(KEY))
}

fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap_or_default()
}

fn buy(koi: &Koi, item: &Value, token: &str, key: &str, body: &Value) -> Answer {
    koi.send(&Call::post(format!("/exchange/items/{}/orders", id(item)), body).token(token).key(key))
}

fn give(koi: &Koi, shopper: &str, points: i64) {
    let body = json!({"amount": points, "business_key": unique("gift"), "reason": "gift"});
    koi.must(&Call::post(format!("/shoppers/{shopper}/points"), &body).token(KEY));
}

fn balance(koi: &Koi, token: &str) -> i64 {
    koi.must(&Call::get("/points").token(token))["balance"].as_i64().unwrap_or(i64::MIN)
}

#[test]
fn points_buy_chances_and_goods() {
    let mut koi = Koi::start("exchange");
    let campaign = koi.publish(&ample_campaign());
    let token = koi.shopper(&campaign, "ada", 0);
    give(&koi, "ada", 300);
    let gives = json!({"chances": 2, "campaign_id": campaign});
    let chances = item(&koi, &json!({"name": "Two draws", "price_points": 50, "stock": 3, "gives": gives}));
    let mug = json!({"prize": {"code": "mug", "kind": "goods", "value_cents": 3900}});
    let mug = item(&koi, &json!({"name": "Mug", "price_points": 100, "stock": 1, "gives": mug}));
    let listed = koi.rows("/exchange/items", &token);
    assert_eq!(listed.iter().map(id).collect::<Vec<_>>(), [id(&mug), id(&chances)], "newest first");
    assert_eq!((&listed[1]["left"], &listed[1]["price_points"], &listed[1]["gives"]), (&json!(3), &json!(50), &gives));
    let first = buy(&koi, &chances, &token, "one", &json!({"quantity": 2}));
    let order = first.json();
    assert_eq!(
        (first.status, &order["kind"], &order["state"]),
        (201, &json!("exchange"), &json!("effective")),
        "{order}"
    );
    assert_eq!((&order["chances"], &order["price_points"], balance(&koi, &token)), (&json!(4), &json!(100), 200));
    assert_eq!(koi.me(&campaign, &token)["chances"]["left"], 4, "read your writes");
    let again = buy(&koi, &chances, &token, "one", &json!({"quantity": 2}));
    assert_eq!((again.body == first.body, again.header("idempotency-replayed")), (true, Some("true")));
    let other = buy(&koi, &chances, &token, "one", &json!({"quantity": 1}));
    assert_problem("another body", &other, 422, "idempotency_key_reused");
    assert_problem("too few left", &buy(&koi, &chances, &token, "two", &json!({"quantity": 2})), 409, "sold_out");
    let goods = buy(&koi, &mug, &token, "mug", &json!({})).json();
    assert_eq!((&goods["state"], &goods["awards"][0]["state"]), (&json!("used"), &json!("granted")), "{goods}");
    assert_problem("sold out", &buy(&koi, &mug, &token, "mug-2", &json!({})), 409, "sold_out");
    let award = goods["awards"][0]["id"].as_str().unwrap_or_default().to_owned();
    let address = json!({"address": {"name": "Ada", "phone": "1", "city": "上海", "street": "1 Rd"}});
    let claimed = koi.must(&Call::post(format!("/awards/{award}/claim"), &address).token(&token));
    assert_eq!((&claimed["state"], &claimed["prize"]["name"]), (&json!("claimed"), &json!("Mug")));
    assert_eq!(claimed["order_id"], goods["id"]);
    koi.restart();
    let shown = |order: &Value| koi.must(&Call::get(format!("/orders/{}", id(order))).token(&token));
    assert_eq!(shown(&order), order);
    assert_eq!(shown(&goods)["awards"][0]["state"], "claimed");
    assert_eq!(koi.rows("/exchange/orders", &token), [shown(&goods), shown(&order)]);
    assert_eq!(koi.rows("/exchange/items", &token)[0]["left"], 0);
    let entries = koi.rows("/points/entries", &token);
    let amounts: Vec<i64> = entries.iter().filter_map(|entry| entry["amount"].as_i64()).collect();
    assert_eq!((amounts, balance(&koi, &token)), (vec![-100, -100, 300], 100));
    let stranger = koi.shopper(&campaign, "bob", 0);
    assert_problem("no points", &buy(&koi, &chances, &stranger, "k", &json!({})), 409, "points_short");
    let hidden = koi.send(&Call::get(format!("/orders/{}", id(&order))).token(&stranger));
    assert_problem("another one's order", &hidden, 404, "order_unknown");
}

#[test]
fn items_are_edited_and_retired() {
    let koi = Koi::start("exchange-edit");
    let campaign = koi.publish(&ample_campaign());
    let token = koi.shopper(&campaign, "ada", 0);
    give(&koi, "ada", 1_000);
    let body = json!({"name": "Mug", "price_points": 10, "stock": 1, "gives": {"prize": {"kind": "goods"}}});
    let mug = item(&koi, &body);
    let path = format!("/exchange/items/{}", id(&mug));
    let edit = |body: &Value, tag: &str| {
        let call = Call::new("PATCH", path.as_str()).bytes(body.to_string().into_bytes()).token(KEY);
        koi.send(&if tag.is_empty() { call } else { call.header("If-Match", tag) })
    };
    let tag = koi.send(&Call::get(path.as_str()).token(KEY)).header("etag").unwrap_or_default().to_owned();
    let edited = edit(&json!({"price_points": 20, "stock": 5, "per_shopper": 2}), &tag);
    assert_eq!((edited.status, &edited.json()["price_points"]), (200, &json!(20)), "{}", edited.text());
    assert_problem("a stale edit", &edit(&json!({"stock": 9}), &tag), 412, "stale");
    for (what, body) in [
        ("what it gives", json!({"gives": {"prize": {"kind": "coupon"}}})),
        ("no price", json!({"price_points": 0})),
        ("a stock below nothing", json!({"stock": -1})),
    ] {
        assert_problem(what, &edit(&body, ""), 422, "invalid_body");
    }
    assert_eq!(buy(&koi, &mug, &token, "k", &json!({"quantity": 2})).json()["price_points"], 40);
    assert_problem("a limit", &buy(&koi, &mug, &token, "l", &json!({})), 409, "item_limit_reached");
    assert_eq!(edit(&json!({"per_shopper": null}), "").json()["per_shopper"], Value::Null);
    assert_eq!(buy(&koi, &mug, &token, "l", &json!({})).status, 201);
    let retired = koi.must(&Call::post(format!("{path}/retire"), &json!({})).token(KEY));
    assert_eq!((&retired["state"], &retired["sold"]), (&json!("retired"), &json!(3)));
    assert_problem("retired", &buy(&koi, &mug, &token, "m", &json!({})), 409, "item_retired");
    assert!(koi.rows("/exchange/items", &token).is_empty(), "shoppers see what they can buy");
    assert_eq!(koi.rows("/exchange/items", KEY).len(), 1, "operators see all");
}

#[test]
fn bad_items_and_orders_are_refused_by_field() {
    let koi = Koi::start("exchange-bad");
    let campaign = koi.publish(&ample_campaign());
    let token = koi.shopper(&campaign, "ada", 0);
    let good = json!({"name": "Mug", "price_points": 10, "stock": 1, "gives": {"prize": {"kind": "goods"}}});
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    for (body, code, field) in [
        (with("name", json!("")), "invalid_body", "name"),
        (with("price_points", json!(0)), "invalid_body", "price_points"),
        (with("price_points", json!("ten")), "invalid_body", "price_points"),
        (with("stock", json!(-1)), "invalid_body", "stock"),
        (with("stock", Value::Null), "invalid_body", "stock"),
        (with("gives", json!({})), "invalid_body", "gives"),
        (with("gives", json!({"chances": 1})), "invalid_body", "gives"),
        (with("gives", json!({"chances": 1, "campaign_id": "7"})), "campaign_unknown", "gives.campaign_id"),
        (with("gives", json!({"prize": {"kind": "points"}})), "invalid_body", "gives.prize.kind"),
        (with("colour", json!("red")), "invalid_body", "colour"),
    ] {
        let answer = koi.send(&Call::post("/exchange/items", &body).token(KEY));
        assert_problem(&body.to_string(), &answer, 422, code);
        assert_eq!(answer.json()["field"], field, "{body}");
    }
    assert!(koi.rows("/exchange/items", KEY).is_empty(), "nothing was stored");
    let refused = koi.send(&Call::post("/exchange/items", &good).token(&token));
    assert_problem("a shopper stocks no shop", &refused, 403, "forbidden");
    let mug = item(&koi, &good);
    let path = format!("/exchange/items/{}/orders", id(&mug));
    let keyless = koi.send(&Call::post(path.as_str(), &json!({})).token(&token));
    assert_problem("no key", &keyless, 400, "idempotency_key_required");
    for body in [json!({"quantity": 0}), json!({"quantity": "two"}), json!({"count": 1}), json!([])] {
        assert_problem(&body.to_string(), &buy(&koi, &mug, &token, "k", &body), 422, "invalid_body");
    }
    let unknown = json!({"id": "7"});
    assert_problem("no such item", &buy(&koi, &unknown, &token, "k", &json!({})), 404, "item_unknown");
    assert_problem("no points", &buy(&koi, &mug, &token, "k", &json!({})), 409, "points_short");
}
