//! What a live edit may change: nothing against a shopper.

use crate::fixture::{definition, spring};
use domain::campaign::{against_shopper, flow_worsens};
use domain::flow::DEFAULT_FLOW;
use serde_json::{Value, json};

fn published() -> Value {
    let mut body = spring();
    body["flow"] = json!(DEFAULT_FLOW);
    body["limits"] = json!({"per_shopper": 10, "per_week": 5, "budget_cents": 1_000_000, "cooldown_seconds": 5});
    body["tiers"][0]["unlock_after"] = json!(5);
    body["tiers"][1]["guarantee_after"] = json!(50);
    body["chances"] = json!({"sign_in": 1, "per_purchase_cents": 10_000});
    body["spend_weights"] = json!([{"from_cents": 5_000, "weights": {"big": 200}}]);
    body["prizes"][0]["release"] = json!([{"at": "2026-03-01T00:00:00Z", "units": 100}]);
    body["prizes"][0]["substitute"] = json!("mug");
    body
}

#[test]
fn every_kind_of_edit() {
    let old = definition(published());
    let absent = Value::Null;
    #[rustfmt::skip]
    let table = [
        ("/name", json!("Summer"), ""),
        ("/ends_at", json!("2099-01-01T00:00:00Z"), ""),
        ("/ends_at", json!("2026-03-20T00:00:00Z"), "window_shorter"),
        ("/currency", json!("USD"), "window_shorter"),
        ("/prizes/0/stock", json!(501), ""),
        ("/prizes/0/stock", json!(499), "stock_lower"),
        ("/prizes/0/value_cents", json!(3899), "prize_worse"),
        ("/prizes/0/name", json!("Lesser thing"), "prize_worse"),
        ("/prizes/0/once", json!(true), "prize_worse"),
        ("/prizes/0/code", json!("jug"), "prize_removed"),
        ("/prizes/0/release", json!([{"at": "2026-02-01T00:00:00Z", "units": 100}]), ""),
        ("/prizes/0/release", json!([{"at": "2026-03-02T00:00:00Z", "units": 100}]), "stock_lower"),
        ("/prizes/0/substitute", absent.clone(), "promise_dropped"),
        ("/prizes/7/points/max", json!(101), ""),
        ("/prizes/7/points/max", json!(99), "prize_worse"),
        ("/tiers/0/slots", json!(3), "strategy_moved"),
        ("/tiers/0/unlock_after", json!(4), ""),
        ("/tiers/0/unlock_after", json!(6), "odds_worse"),
        ("/tiers/1/weight", json!(150), ""),
        ("/tiers/1/weight", json!(99), "odds_worse"),
        ("/tiers/0/weight", json!(6001), "odds_worse"),
        ("/tiers/1/guarantee_after", json!(49), ""),
        ("/tiers/1/guarantee_after", json!(51), "guarantee_weaker"),
        ("/tiers/1/guarantee_after", absent.clone(), "guarantee_weaker"),
        ("/pools/0/when", json!("n >= 4"), ""),
        ("/pools/0/when", json!("n >= 6"), "odds_worse"),
        ("/pools/0/when", json!("n >= 5 and when(\"now.hour > 3\")"), "pools_changed"),
        ("/spend_weights/0/weights/big", json!(300), ""),
        ("/spend_weights/0/weights/big", json!(199), "odds_worse"),
        ("/spend_weights/0/from_cents", json!(5_001), "odds_worse"),
        ("/limits/per_shopper", json!(11), ""),
        ("/limits/per_shopper", json!(9), "limits_tighter"),
        ("/limits/per_week", absent.clone(), ""),
        ("/limits/per_day", json!(100), "limits_tighter"),
        ("/limits/new_shoppers", json!(true), "limits_tighter"),
        ("/limits/cooldown_seconds", json!(6), "limits_tighter"),
        ("/limits/budget_cents", json!(999_999), "limits_tighter"),
        ("/chances/sign_in", json!(2), ""),
        ("/chances/sign_in", absent, "chances_fewer"),
        ("/chances/per_purchase_cents", json!(10_001), "chances_fewer"),
        ("/chances/points_price", json!(3), ""),
        ("/flow", json!("THEN(pool, draw)"), "guarantee_weaker promise_dropped promise_dropped promise_dropped promise_dropped"),
    ];
    for (pointer, value, want) in table {
        let mut body = published();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match body.pointer_mut(parent).unwrap() {
            Value::Array(list) => list[key.parse::<usize>().unwrap()] = value.clone(),
            other if value.is_null() => drop(other.as_object_mut().unwrap().remove(key)),
            other => drop(other.as_object_mut().unwrap().insert(key.to_owned(), value.clone())),
        }
        let new = definition(body);
        let errors = new.check().into_iter().filter(|f| f.severity == domain::campaign::Severity::Error).count();
        assert_eq!(errors, 0, "{pointer} becomes {value} and compiles: {:?}", new.check());
        let mut codes: Vec<&str> = against_shopper(&old, &new).iter().map(|worse| worse.code).collect();
        codes.sort_unstable();
        assert_eq!(codes.join(" "), want, "{pointer} becomes {value}: {:?}", against_shopper(&old, &new));
    }
}

#[test]
fn flows_may_only_become_kinder() {
    let usual =
        "THEN(blacklist, limits.data('{\"per_day\": 5}'), pool, guarantee, draw, stock, IF(sold_out, fallback))";
    for (old, new, want) in [
        (usual, usual, ""),
        (usual, "THEN(blacklist,limits.data('{\"per_day\": 6}'),pool,guarantee,draw,stock,IF(sold_out,fallback))", ""),
        (usual, "THEN(limits.data('{\"per_day\": 5}'), pool, guarantee, draw, stock, fallback)", ""),
        (
            usual,
            "THEN(WHEN(blacklist, limits.data('{\"per_day\":5}')), pool, guarantee, draw, stock, IF(sold_out, fallback))",
            "",
        ),
        (usual, "THEN(CATCH(blacklist), pool, guarantee, draw, stock, IF(sold_out, fallback))", ""),
        (
            usual,
            "THEN(blacklist, limits.data('{\"per_day\": 4}'), pool, guarantee, draw, stock, IF(sold_out, fallback))",
            "flow_stricter",
        ),
        (
            usual,
            "THEN(blacklist, limits.data('{\"per_day\": 5, \"per_week\": 9}'), pool, guarantee, draw, stock, IF(sold_out, fallback))",
            "flow_stricter",
        ),
        (
            usual,
            "THEN(blacklist, limits.data('{\"per_day\": 5}'), risk, pool, guarantee, draw, stock, IF(sold_out, fallback))",
            "flow_stricter",
        ),
        (
            usual,
            "THEN(blacklist, limits.data('{\"per_day\": 5}'), when(\"shopper.level > 2\"), pool, guarantee, draw, stock, IF(sold_out, fallback))",
            "flow_stricter",
        ),
        (
            usual,
            "THEN(blacklist, limits.data('{\"per_day\": 5}'), pool, draw, stock, IF(sold_out, fallback))",
            "guarantee_weaker",
        ),
        (
            usual,
            "THEN(blacklist, limits.data('{\"per_day\": 5}'), pool, IF(first_draw, guarantee), draw, stock, IF(sold_out, fallback))",
            "guarantee_weaker",
        ),
        (usual, "THEN(blacklist, limits.data('{\"per_day\": 5}'), pool, guarantee, draw, stock)", "promise_dropped"),
        ("THEN(IF(first_draw, cooldown), pool, draw)", "THEN(cooldown, pool, draw)", "flow_stricter"),
        ("THEN(cooldown, pool, draw)", "THEN(IF(first_draw, cooldown), pool, draw)", ""),
        ("THEN(split, pool, draw)", "THEN(split.data('{\"shares\": [1, 3]}'), pool, draw)", ""),
        (
            "THEN(pool, draw, SWITCH(split).to(fallback.tag(\"a\"), stock.tag(\"b\")))",
            "THEN(pool, draw, SWITCH(split.data('{\"shares\": [1, 3]}')).to(fallback.tag(\"a\"), stock.tag(\"b\")))",
            "promise_dropped",
        ),
    ] {
        let codes: Vec<&str> = flow_worsens(old, new).iter().map(|worse| worse.code).collect();
        assert_eq!(codes.join(" "), want, "{old}\nto {new}");
    }
}

#[test]
fn what_takes_away_stays_before_what_makes_good_for_it() {
    let usual = "THEN(pool, draw, stock, IF(sold_out, fallback))";
    let whole = DEFAULT_FLOW;
    let without_stock = whole.replace("stock, ", "");
    let locked = "THEN(pool, draw, unlock, stock, IF(sold_out, fallback))";
    let once = "THEN(pool, draw, once, release, stock, IF(sold_out, THEN(substitute, fallback)))";
    let odds = "THEN(pool, weight, guarantee, draw)";
    let risk = |from: u32| format!("THEN(risk.data('{{\"refuse_from\": {from}}}'), pool, draw)");
    for (old, new, kinder) in [
        (usual, "THEN(pool, draw, fallback)", false),
        ("THEN(pool, draw, stock, fallback)", "THEN(pool, draw, fallback, stock)", false),
        (locked, "THEN(pool, draw, stock, IF(sold_out, fallback), unlock)", false),
        (locked, "THEN(pool, draw, stock, unlock, fallback)", true),
        (whole, &without_stock, false),
        (usual, "THEN(pool, draw, stock, fallback, stock)", false),
        (usual, "THEN(pool, draw, stock, fallback, budget)", false),
        (usual, "THEN(pool, draw, IF(sold_out, THEN(stock, fallback)))", false),
        (usual, "THEN(pool, draw, stock, IF(first_draw, fallback))", false),
        (usual, "THEN(pool, draw, stock, fallback)", true),
        (once, "THEN(pool, draw, stock, IF(sold_out, THEN(substitute, fallback)), once)", false),
        (once, "THEN(pool, draw, once, stock, IF(sold_out, THEN(substitute, fallback)), release)", false),
        (once, "THEN(pool, draw, release, once, stock, IF(sold_out, THEN(substitute, fallback)))", true),
        (once, "THEN(pool, draw, once, release, stock, IF(sold_out, THEN(fallback, substitute)))", false),
        ("THEN(pool, draw, stock, substitute)", "THEN(pool, draw, stock, fallback, substitute)", false),
        ("THEN(pool, draw, stock, substitute)", "THEN(pool, draw, stock, substitute, fallback)", true),
        (odds, "THEN(pool, guarantee, weight, draw)", false),
        ("THEN(pool, FOR(3).DO(stock), draw)", "THEN(pool, FOR(1).DO(stock), draw)", false),
        (&risk(10), &risk(90), true),
        (&risk(90), &risk(10), false),
    ] {
        let worse = flow_worsens(old, new);
        assert_eq!(worse.is_empty(), kinder, "{old}\nto {new}: {worse:?}");
    }
}
