//! What a check finds, one change of a good campaign at a time.

use crate::fixture::{definition, spring};
use domain::campaign::{Definition, Severity};
use serde_json::{Value, json};

/// `code@field`, warnings with a `?` before.
fn found(body: Value) -> Vec<String> {
    let word = |f: domain::campaign::Finding| {
        let mark = if f.severity == Severity::Warning { "?" } else { "" };
        format!("{mark}{}@{}", f.code, f.field.unwrap_or_default())
    };
    definition(body).check().into_iter().map(word).collect()
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "spares every row of the tables an ampersand")]
fn check(pointer: &str, value: Value, want: &[&str]) {
    let mut body = spring();
    let (parent, key) = pointer.rsplit_once('/').unwrap_or(("", pointer));
    match body.pointer_mut(parent) {
        Some(Value::Array(list)) => list[key.parse::<usize>().unwrap()] = value.clone(),
        Some(Value::Object(map)) => drop(map.insert(key.to_owned(), value.clone())),
        _ => panic!("no {pointer}"),
    }
    assert_eq!(found(body), want, "{pointer} = {value}");
}

#[test]
fn the_fixture_is_nearly_clean() {
    assert_eq!(found(spring()), ["?tier_short@tiers[2]"], "three points slots, two points prizes");
}

/// The fixture's own warning comes with every change below.
const SHORT: &str = "?tier_short@tiers[2]";

#[test]
fn shape() {
    check("/name", json!(" "), &["name_empty@name", SHORT]);
    check("/name", json!("春".repeat(201)), &["name_too_long@name", SHORT]);
    check("/name", json!("春".repeat(200)), &[SHORT]);
    check("/name", json!("a\u{0}"), &["name_unprintable@name", SHORT]);
    check("/ends_at", json!("2026-03-01T00:00:00+08:00"), &["window_empty@ends_at", SHORT]);
    check("/currency", json!("cny"), &["currency_unknown@currency", SHORT]);
    check("/currency", json!("XXQ"), &["currency_unknown@currency", SHORT]);
    check("/time_zone", json!("Asia/Nowhere"), &["time_zone_unknown@time_zone", SHORT]);
    check("/prizes/1/code", json!("cup"), &["code_duplicate@prizes[1].code", SHORT]);
    check("/prizes/1/code", json!("a b"), &["code_invalid@prizes[1].code", SHORT]);
    check("/prizes/1/code", json!(""), &["code_invalid@prizes[1].code", SHORT]);
    check("/prizes/1/code", json!("x".repeat(65)), &["code_invalid@prizes[1].code", SHORT]);
    check("/prizes/1/code", json!("thanks"), &["code_reserved@prizes[1].code", SHORT]);
    check("/prizes/1/name", json!(""), &["name_empty@prizes[1].name", SHORT]);
    check("/prizes/1/category", json!("c".repeat(201)), &["name_too_long@prizes[1].category", SHORT]);
    check("/prizes/1/skus", json!(["a", ""]), &["sku_invalid@prizes[1].skus[1]", SHORT]);
    check("/prizes/1/stock", json!(0), &["?stock_zero@prizes[1].stock", SHORT]);
    check("/prizes/1/stock", json!(u64::MAX), &["stock_too_large@prizes[1].stock", SHORT]);
    check("/prizes/1/value_cents", json!(10_000), &[SHORT, "?prize_unused@prizes[1]"]);
    check("/prizes/1/claim_days", json!(0), &["claim_days_invalid@prizes[1].claim_days", SHORT]);
    check("/prizes/1/claim_days", json!(3_650), &[SHORT]);
    check("/claim_days", json!(3_651), &["claim_days_invalid@claim_days", SHORT]);
    check("/prizes/1/kind", json!("balance"), &[SHORT]);
}

#[test]
fn tiers() {
    check("/tiers/0/slots", json!(0), &["slots_none@tiers[0].slots", SHORT]);
    check("/tiers/0/slots", json!(65), &["slots_too_many@tiers[0].slots", "?tier_short@tiers[0]", SHORT]);
    check("/tiers/2/slots", json!(u32::MAX), &["slots_too_many@tiers[2].slots", "slots_too_many@tiers", SHORT]);
    check("/tiers/0/weight", json!(1_000_000_001), &["weight_too_large@tiers[0].weight", SHORT]);
    check(
        "/tiers/0/value_cents",
        json!({"min": 5000, "max": 5000}),
        &[
            "band_empty@tiers[0].value_cents",
            "?tier_empty@tiers[0]",
            SHORT,
            "?prize_unused@prizes[0]",
            "?prize_unused@prizes[1]",
            "?prize_unused@prizes[2]",
            "?prize_unused@prizes[3]",
            "?prize_unused@prizes[4]",
        ],
    );
    check("/tiers/0/value_cents", json!({"min": 0, "max": 21_000}), &[SHORT, "?bands_overlap@tiers[1].value_cents"]);
    check(
        "/tiers/1/value_cents",
        json!({"min": 90_000, "max": 95_000}),
        &["?tier_empty@tiers[1]", SHORT, "?prize_unused@prizes[5]", "?prize_unused@prizes[6]"],
    );
    check("/tiers/2/prizes", json!(["pts", "ghost", "few"]), &["prize_unknown@tiers[2].prizes[1]", SHORT]);
    check("/tiers/2/prizes", json!(["pts", "pts", "few"]), &["prize_repeated@tiers[2].prizes[1]", SHORT]);
    check("/tiers/1/code", json!("small"), &["code_duplicate@tiers[1].code", SHORT, "tier_unknown@pools[0].tiers[1]"]);
    check(
        "/tiers",
        json!([]),
        &[
            "tiers_none@tiers",
            "?prize_unused@prizes[0]",
            "?prize_unused@prizes[1]",
            "?prize_unused@prizes[2]",
            "?prize_unused@prizes[3]",
            "?prize_unused@prizes[4]",
            "?prize_unused@prizes[5]",
            "?prize_unused@prizes[6]",
            "tier_unknown@pools[0].tiers[0]",
            "tier_unknown@pools[0].tiers[1]",
            "tier_unknown@pools[0].tiers[2]",
            "weights_zero@pools[0].tiers",
            "tier_unknown@pools[1].tiers[0]",
            "tier_unknown@pools[1].tiers[1]",
            "weights_zero@pools[1].tiers",
        ],
    );
}

#[test]
fn pools() {
    check("/pools/1/tiers", json!(["small", "ghost"]), &[SHORT, "tier_unknown@pools[1].tiers[1]"]);
    check("/pools/1/tiers", json!(["small", "small"]), &[SHORT, "tier_repeated@pools[1].tiers[1]"]);
    check("/pools/1/tiers", json!([]), &[SHORT, "pool_empty@pools[1].tiers"]);
    check("/pools/1/code", json!("all"), &[SHORT, "code_duplicate@pools[1].code"]);
    check("/pools/0/when", json!("n >> 3"), &[SHORT, "pool_condition_invalid@pools[0].when"]);
    check("/pools/1/when", json!("n < 3"), &[SHORT, "?pools_gap@pools"]);
    check("/pools/0/when", Value::Null, &[SHORT, "?pool_unreached@pools[1]"]);
    check("/flow", json!("THEN(draw)"), &[SHORT, "flow_invalid@flow"]);
    check(
        "/flow",
        json!("THEN(pool, draw)"),
        &[SHORT, "?flow_without_rule@flow", "?flow_without_rule@flow", "?flow_without_rule@flow"],
    );
    let mut body = spring();
    for tier in 0..3 {
        body["tiers"][tier]["weight"] = json!(0);
    }
    assert_eq!(
        found(body),
        [SHORT, "weights_zero@tiers", "weights_zero@pools[0].tiers", "weights_zero@pools[1].tiers"]
    );
    let mut body = spring();
    let tier = json!({"slots": 1, "weight": 1_000_000_000, "prizes": ["pts"]});
    body["tiers"] = (0..5)
        .map(|i| {
            let mut t = tier.clone();
            t["code"] = json!(format!("t{i}"));
            t
        })
        .collect();
    body["pools"] = json!([]);
    assert!(found(body).contains(&"weights_overflow@tiers".to_owned()));
}

#[test]
fn money() {
    check(
        "/prizes/0/value_cents",
        json!(-1),
        &[SHORT, "?prize_unused@prizes[0]", "amount_negative@prizes[0].value_cents"],
    );
    check("/prizes/0/cost_cents", json!(i64::MAX), &[SHORT, "amount_too_large@prizes[0].cost_cents"]);
    check("/prizes/5/value_cents", json!(5_000_001), &["?tier_short@tiers[1]", SHORT, "?prize_unused@prizes[5]"]);
    check("/prizes/7/points", json!({"min": 5, "max": 4}), &[SHORT, "points_range_invalid@prizes[7].points"]);
    check("/prizes/7/points", json!({"min": -1, "max": 4}), &[SHORT, "points_range_invalid@prizes[7].points"]);
    check(
        "/prizes/7/points",
        json!({"min": 1, "max": 1_000_000_001}),
        &[SHORT, "points_range_invalid@prizes[7].points"],
    );
    check("/prizes/7/points", Value::Null, &[SHORT, "points_missing@prizes[7].points"]);
    check("/prizes/0/points", json!({"min": 1, "max": 1}), &[SHORT, "points_misplaced@prizes[0].points"]);
    check(
        "/limits",
        json!({"per_day": 0, "per_shopper": 0}),
        &[SHORT, "limit_zero@limits.per_shopper", "limit_zero@limits.per_day"],
    );
    check(
        "/limits",
        json!({"budget_cents": -1}),
        &[SHORT, "amount_negative@limits.budget_cents", "?budget_short@limits.budget_cents"],
    );
    check("/limits", json!({"budget_cents": 13_000}), &[SHORT, "?budget_short@limits.budget_cents"]);
    check("/limits", json!({"budget_cents": 16_100_000}), &[SHORT]);
    check("/limits", json!({"budget_cents": 16_099_999}), &[SHORT, "?budget_short@limits.budget_cents"]);
    check("/chances", json!({"sign_in": 1001}), &[SHORT, "chances_too_many@chances.sign_in"]);
    check("/chances", json!({"per_purchase_cents": 0}), &[SHORT, "price_invalid@chances.per_purchase_cents"]);
    check("/chances", json!({"points_price": -3}), &[SHORT, "price_invalid@chances.points_price"]);
    check(
        "/chances",
        json!({"points_on_sign_in": {"min": 2, "max": 1}}),
        &[SHORT, "points_range_invalid@chances.points_on_sign_in"],
    );
}

#[test]
fn defaults_are_those_of_the_contract() {
    let got: Definition = definition(
        json!({"name": "a", "starts_at": "2026-03-01T00:00:00Z", "ends_at": "2026-03-02T00:00:00Z",
        "prizes": [{"code": "a", "name": "a", "kind": "none"}], "tiers": [{"code": "a", "slots": 1, "weight": 1, "prizes": ["a"]}]}),
    );
    assert_eq!(got.check(), []);
    assert_eq!((&*got.currency, &*got.time_zone, got.strict, got.pools.len()), ("CNY", "Asia/Shanghai", false, 0));
    let canonical = String::from_utf8(got.canonical()).unwrap();
    assert_eq!(
        canonical,
        r#"{"name":"a","starts_at":"2026-03-01T00:00:00Z","ends_at":"2026-03-02T00:00:00Z","currency":"CNY","time_zone":"Asia/Shanghai","prizes":[{"code":"a","name":"a","kind":"none","value_cents":0,"cost_cents":0}],"tiers":[{"code":"a","slots":1,"weight":1,"prizes":["a"]}],"pools":[],"flow":"THEN(blacklist, window, limits, cooldown, risk, pool, weight, guarantee, draw, unlock, once, release, stock, IF(sold_out, THEN(substitute, fallback)))","limits":{},"chances":{},"strict":false}"#
    );
    assert_eq!(
        serde_json::from_str::<Definition>(&canonical).unwrap().hash(),
        got.hash(),
        "what was written reads back"
    );
}

#[test]
fn unknown_fields_and_wrong_types_are_refused() {
    for (pointer, value) in [
        ("/colour", json!("red")),
        ("/prizes/0/colour", json!("red")),
        ("/tiers/0/odds", json!(1)),
        ("/limits", json!({"per_year": 1})),
        ("/name", json!(3)),
        ("/tiers/0/weight", json!(-1)),
        ("/tiers/0/weight", json!(1.5)),
        ("/prizes/0/stock", json!(1e30)),
        ("/prizes/0/kind", json!("car")),
        ("/starts_at", json!("yesterday")),
    ] {
        let mut body = spring();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(key.to_owned(), value);
        assert!(serde_json::from_value::<Definition>(body).is_err(), "{pointer}");
    }
    for field in ["name", "starts_at", "ends_at", "prizes", "tiers"] {
        let mut body = spring();
        body.as_object_mut().unwrap().remove(field);
        assert!(serde_json::from_value::<Definition>(body).is_err(), "without {field}");
    }
}
