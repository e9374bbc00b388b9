//! `POST /choices`: which group of products a shopper would rather buy.

use serde_json::{Value, json};
use xtask::fixture::KEY;
use xtask::http::Call;
use xtask::process::{from_now, wait_for};

use super::harness::{Koi, SETTLES_WITHIN};

fn ask(koi: &Koi, body: &Value) -> xtask::http::Answer {
    koi.send(&Call::post("/choices", body).token(KEY))
}

/// The answer's parts, checked: probabilities are decimal strings that add up to one, the choice has the largest.
fn answer(koi: &Koi, body: &Value) -> (String, f64, String) {
    let got = ask(koi, body);
    assert_eq!(got.status, 200, "{}", got.text());
    let got = got.json();
    let probabilities = got["probabilities"].as_object().expect("a map");
    let number = |p: &Value| p.as_str().and_then(|p| p.parse::<f64>().ok()).expect("a decimal string");
    let sum: f64 = probabilities.values().map(number).sum();
    assert!((sum - 1.0).abs() < 1e-9, "{got}");
    let choice = got["choice"].as_str().expect("an id").to_owned();
    let most = probabilities.values().map(number).fold(0.0, f64::max);
    assert_eq!(number(&probabilities[&choice]), most, "{got}");
    assert_eq!(got["source"], "model", "{got}");
    (choice, most, got["explanation"].as_str().expect("a text").to_owned())
}

/// The question of the thesis: phone, computer and what charges them, against four groups.
#[test]
fn names_alone_are_enough_in_an_empty_shop() {
    let koi = Koi::start("choices-names");
    let (choice, p, why) = answer(
        &koi,
        &json!({"history": ["苹果手机", "联想电脑", "充电器", "充电线"], "options": [
            {"id": "A", "items": ["炒锅", "菜刀", "砧板"]}, {"id": "B", "items": ["手机壳", "蓝牙耳机", "钢化膜"]},
            {"id": "C", "items": ["纸尿裤", "婴儿奶粉", "奶瓶"]}, {"id": "D", "items": ["衬衫", "牛仔裤", "运动鞋"]}]}),
    );
    assert!(choice == "B" && p > 0.5, "{choice} {p}");
    assert!(why.contains("手机壳") && !why.is_ascii(), "{why}");
    let (choice, _, why) = answer(
        &koi,
        &json!({"history": ["Apple phone", "Lenovo computer", "charger", "charging cable"], "options": [
            {"id": "A", "items": ["frying pan", "kitchen knife"]}, {"id": "B", "items": ["phone case", "earphones"]},
            {"id": "C", "items": ["diapers", "baby formula"]}, {"id": "D", "items": ["shirt", "jeans"]}]}),
    );
    assert_eq!(choice, "B");
    assert!(why.is_ascii() && why.contains("phone case"), "{why}");
}

#[test]
fn a_known_shopper_is_asked_by_id() {
    let koi = Koi::start("choices-known");
    let buy = |n: i64| {
        json!({"id": format!("b{n}"), "type": "purchase", "shopper": "ada", "at": from_now(-86_400 * n), "order_id": format!("o{n}"),
               "items": [{"sku": "1", "name": "green tea", "category": "tea", "price_cents": 500, "quantity": 1}]})
    };
    let events: Vec<Value> = (1..6).map(buy).collect();
    assert_eq!(koi.send(&Call::post("/events", &json!(events)).token(KEY)).status, 202);
    let body = json!({"shopper": "ada", "options": [{"id": "x", "items": ["diapers"]}, {"id": "y", "items": ["tea"]}]});
    let right = wait_for(SETTLES_WITHIN, "the purchases", || (answer(&koi, &body).0 == "y").then_some(()));
    right.unwrap_or_else(|error| panic!("{error}: {:?}", answer(&koi, &body)));
    let unknown = ask(&koi, &json!({"shopper": "nobody", "options": body["options"]}));
    assert_eq!((unknown.status, unknown.code()), (404, "shopper_unknown".into()));
}

#[test]
fn bad_questions_are_refused_and_large_ones_answered() {
    let koi = Koi::start("choices-bad");
    let two = json!([{"id": "A", "items": ["tea"]}, {"id": "B", "items": ["soap"]}]);
    let of = |n: usize, items: usize| -> Value {
        (0..n).map(|i| json!({"id": format!("o{i}"), "items": vec![format!("thing {i}"); items]})).collect()
    };
    for (name, body, status) in [
        ("neither", json!({"options": two}), 422),
        ("both", json!({"shopper": "a", "history": [], "options": two}), 422),
        ("no options", json!({"history": ["tea"], "options": []}), 422),
        ("an empty option", json!({"history": ["tea"], "options": [{"id": "A", "items": []}]}), 422),
        ("an empty name", json!({"history": [""], "options": two}), 422),
        (
            "same ids",
            json!({"history": [], "options": [{"id": "A", "items": ["x"]}, {"id": "A", "items": ["y"]}]}),
            422,
        ),
        ("an unknown field", json!({"history": [], "options": two, "x": 1}), 422),
        ("a number", json!({"history": [1], "options": two}), 422),
        ("1,001 options", json!({"history": [], "options": of(1_001, 1)}), 422),
        ("10,001 items", json!({"history": [], "options": of(1, 10_001)}), 422),
        ("no history", json!({"history": [], "options": two}), 200),
        ("unknown products", json!({"history": ["zzz"], "options": [{"id": "A", "items": ["qqq"]}]}), 200),
        ("1,000 options", json!({"history": ["tea"], "options": of(1_000, 1)}), 200),
        ("10,000 items", json!({"history": ["tea"], "options": of(1, 9_999)}), 200),
    ] {
        let got = ask(&koi, &body);
        assert_eq!(got.status, status, "{name}: {}", got.text());
    }
    assert_eq!(koi.send(&Call::post("/choices", &json!({"history": [], "options": two}))).status, 401);
}

/// A shop that has sold nothing has nothing to judge by, and says so.
#[test]
fn reliability_is_told_to_operators() {
    let koi = Koi::start("choices-reliability");
    let told = koi.must(&Call::get("/choices/reliability").token(KEY));
    assert_eq!((&told["n"], &told["learned_from"]), (&json!(0), &json!(0)), "{told}");
    assert_eq!(told["bins"].as_array().map(Vec::len), Some(15));
    assert_eq!(koi.send(&Call::get("/choices/reliability")).status, 401);
}
