//! Behaviour that is odd or far too much: an answer or a clear 4xx, in bounded time.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use xtask::fixture::KEY;
use xtask::http::Call;
use xtask::process::{from_now, wait_for};

use super::harness::{Koi, SETTLES_WITHIN, assert_problem, from_env};

/// No question of this file takes longer.
const WITHIN: Duration = Duration::from_secs(30);

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let done = work();
    assert!(started.elapsed() < WITHIN, "{what} took {:?}", started.elapsed());
    done
}

fn purchase(id: &str, items: &Value) -> Value {
    json!({"id": id, "type": "purchase", "shopper": "odd", "at": from_now(-60), "order_id": id, "items": items})
}

#[test]
fn odd_shoppers_and_products_are_answered() {
    let koi = Koi::start("odd-shoppers");
    let get = |path: &str| koi.must(&Call::get(path).token(KEY));
    koi.must(&Call::put("/shoppers/new", &json!({})).token(KEY));
    let profile = get("/shoppers/new/profile");
    assert_eq!((&profile["orders"], &profile["rfm"], &profile["tastes"]), (&json!(0), &Value::Null, &json!([])));
    assert_eq!(get("/shoppers/new/recommendations")["data"], json!([]), "nobody has bought anything yet");
    let item = |n: usize| json!({"sku": format!("p{n}"), "name": format!("thing {n}"), "price_cents": 100});
    let acts = json!([
        purchase("a", &json!((0..20).map(item).collect::<Vec<_>>())),
        {"id": "v", "type": "view", "shopper": "new", "at": from_now(-5), "sku": "nobody sells this"},
        {"id": "s", "type": "search", "shopper": "new", "at": from_now(-5), "query": "没有这种东西 ~~~ \u{1f600}"},
    ]);
    koi.must(&Call::post("/events", &acts).token(KEY));
    let shown = || get("/shoppers/new/recommendations?limit=5")["data"].as_array().expect("a list").len();
    wait_for(SETTLES_WITHIN, "what is popular", || (shown() == 5).then_some(())).expect("for who has no history");
}

#[test]
fn odd_events_are_refused_by_name() {
    let koi = Koi::start("odd-events");
    let rejected = |event: Value| {
        let answer = koi.must(&Call::post("/events", &event).token(KEY));
        (answer["accepted"].clone(), answer["rejected"][0]["code"].clone())
    };
    let line = |price: i64| json!({"sku": "a", "price_cents": price});
    for (what, event, code) in [
        ("a negative price", purchase("a", &json!([line(-1)])), "items_invalid"),
        ("ten thousand items", purchase("b", &json!(vec![line(1); 10_000])), "items_invalid"),
        ("no items", purchase("c", &json!([])), "items_invalid"),
        ("the future", json!({"id": "d", "type": "sign_in", "shopper": "odd", "at": from_now(90_000)}), "at_in_future"),
    ] {
        assert_eq!(timed(what, || rejected(event)), (json!(0), json!(code)), "{what}");
    }
    assert_eq!(koi.send(&Call::get("/shoppers/odd/profile").token(KEY)).status, 404, "nobody was made");
}

#[test]
fn odd_choices_are_answered_or_refused() {
    let koi = Koi::start("odd-choices");
    let ask = |options: &Value| {
        koi.send(&Call::post("/choices", &json!({"history": ["苹果手机"], "options": options})).token(KEY))
    };
    let option = |n: usize| json!({"id": format!("o{n}"), "items": [format!("thing {n}")]});
    for (what, options) in [
        ("an empty option", json!([{"id": "A", "items": []}, option(1)])),
        ("no options", json!([])),
        ("a nameless item", json!([{"id": "A", "items": [""]}, option(1)])),
    ] {
        let answer = ask(&options);
        assert!((400..500).contains(&answer.status), "{what}: {}", answer.text());
        assert_problem(what, &answer, answer.status, "");
    }
    let many = timed("a thousand options", || ask(&json!((0..1_000).map(option).collect::<Vec<_>>())));
    assert!(many.status == 200 || (400..500).contains(&many.status), "{}", many.text());
}

/// One shopper with very many events; `KOI_EVENTS` makes it a million.
#[test]
fn a_shopper_with_very_many_events() {
    const EVERY: usize = 1_000;
    let events = usize::try_from(from_env("KOI_EVENTS", 10_000)).expect("a count");
    let koi = Koi::start("house-account");
    let act = |n: usize| match n % 3 {
        0 => purchase(
            &format!("e{n}"),
            &json!([{"sku": format!("p{}", n % 5_000), "name": "thing", "category": format!("c{}", n % 200), "price_cents": 100}]),
        ),
        1 => {
            json!({"id": format!("e{n}"), "type": "view", "shopper": "odd", "at": from_now(-60), "sku": format!("p{}", n % 5_000)})
        }
        _ => {
            json!({"id": format!("e{n}"), "type": "search", "shopper": "odd", "at": from_now(-60), "query": format!("thing {n}")})
        }
    };
    let mut client = koi.client();
    for start in (0..events).step_by(EVERY) {
        let batch: Vec<Value> = (start..(start + EVERY).min(events)).map(act).collect();
        let answer = client.send(&Call::post("/events", &json!(batch)).token(KEY)).expect("an answer");
        assert_eq!(answer.status, 202, "{}", answer.text());
    }
    let profile = || timed("the profile", || koi.must(&Call::get("/shoppers/odd/profile").token(KEY)));
    let whole = wait_for(SETTLES_WITHIN * 6, "all of it", || {
        Some(profile()).filter(|profile| profile["orders"] == events.div_ceil(3))
    });
    let whole = whole.unwrap_or_else(|error| panic!("{error}: {}", profile()["orders"]));
    assert!(whole.to_string().len() < 200_000, "a profile stays small");
    timed("recommendations", || koi.must(&Call::get("/shoppers/odd/recommendations?limit=20").token(KEY)));
}
