//! What a change of published rules means for shoppers.

use crate::fixture::{definition, spring};
use domain::campaign::compare::{Effect, compare, worst};
use serde_json::{Value, json};

/// The spring campaign as published: with everything that a change could touch.
fn published() -> Value {
    let mut body = spring();
    body["prizes"][0]["stock"] = json!(100);
    body["limits"] =
        json!({"per_shopper": 10, "budget_cents": 1_000_000, "cooldown_seconds": 60, "new_shoppers": true});
    body["claim_days"] = json!(3);
    body["prizes"][0]["claim_days"] = json!(7);
    body["tiers"][1]["guarantee_after"] = json!(30);
    body["tiers"][0]["unlock_after"] = json!(5);
    body["chances"] = json!({"sign_in": 1, "per_purchase_cents": 10_000, "points_on_sign_in": {"min": 1, "max": 10}});
    body
}

#[test]
fn every_kind_of_change() {
    use Effect::{Against, Favours, Neutral};
    #[rustfmt::skip]
    has_effects([
        ("/name", json!("Summer"), Neutral, "name"),
        ("/strict", json!(true), Neutral, "strict"),
        ("/prizes/0/skus", json!(["a"]), Neutral, "prizes[0].skus"),
        ("/prizes/0/category", json!("garden"), Neutral, "prizes[0].category"),
        ("/flow", json!("THEN(blacklist,window,limits,pool,draw,unlock,stock,IF(sold_out,fallback))"), Neutral, "flow"),
        ("/ends_at", json!("2099-01-01T00:00:00Z"), Favours, "ends_at"),
        ("/ends_at", json!("2000-01-01T00:00:00Z"), Against, "ends_at"),
        ("/starts_at", json!("2000-01-01T00:00:00Z"), Favours, "starts_at"),
        ("/starts_at", json!("2099-01-01T00:00:00Z"), Against, "starts_at"),
        ("/prizes/0/stock", json!(101), Favours, "prizes[0].stock"),
        ("/prizes/0/stock", Value::Null, Favours, "prizes[0].stock"),
        ("/prizes/0/stock", json!(99), Against, "prizes[0].stock"),
        ("/prizes/0/name", json!("Lesser thing"), Against, "prizes[0].name"),
        ("/prizes/0/code", json!("other"), Against, "prizes[0].code"),
        ("/prizes/0/value_cents", json!(1), Against, "prizes[0].value_cents"),
        ("/prizes/0/cost_cents", json!(1), Favours, "prizes[0].cost_cents"),
        ("/prizes/0/cost_cents", json!(1_000_000), Against, "prizes[0].cost_cents"),
        ("/prizes/7/points/max", json!(1_000_000), Favours, "prizes[7].points.max"),
        ("/prizes/7/points/max", json!(0), Against, "prizes[7].points.max"),
        ("/tiers/0/weight", json!(1), Against, "tiers[0].weight"),
        ("/tiers/0/slots", json!(1), Against, "tiers[0].slots"),
        ("/tiers/0/unlock_after", json!(4), Favours, "tiers[0].unlock_after"),
        ("/tiers/0/unlock_after", Value::Null, Favours, "tiers[0].unlock_after"),
        ("/tiers/0/unlock_after", json!(6), Against, "tiers[0].unlock_after"),
        ("/pools/0/tiers", json!(["small"]), Against, "pools[0].tiers[1]"),
        ("/pools/0/when", json!("n > 100"), Against, "pools[0].when"),
        ("/flow", json!("THEN(pool, draw)"), Against, "flow"),
        ("/currency", json!("USD"), Against, "currency"),
        ("/time_zone", json!("Asia/Tokyo"), Against, "time_zone"),
    ]);
}

#[test]
fn every_kind_of_change_to_a_bound() {
    use Effect::{Against, Favours};
    #[rustfmt::skip]
    has_effects([
        ("/limits/per_shopper", json!(11), Favours, "limits.per_shopper"),
        ("/limits/per_shopper", Value::Null, Favours, "limits.per_shopper"),
        ("/limits/per_shopper", json!(9), Against, "limits.per_shopper"),
        ("/limits/per_day", json!(1), Against, "limits.per_day"),
        ("/limits/cooldown_seconds", json!(59), Favours, "limits.cooldown_seconds"),
        ("/limits/cooldown_seconds", Value::Null, Favours, "limits.cooldown_seconds"),
        ("/limits/cooldown_seconds", json!(61), Against, "limits.cooldown_seconds"),
        ("/limits/new_shoppers", json!(false), Favours, "limits.new_shoppers"),
        ("/tiers/1/guarantee_after", json!(20), Favours, "tiers[1].guarantee_after"),
        ("/tiers/1/guarantee_after", json!(31), Against, "tiers[1].guarantee_after"),
        ("/tiers/1/guarantee_after", Value::Null, Against, "tiers[1].guarantee_after"),
        ("/tiers/2/guarantee_after", json!(30), Against, "tiers[2].guarantee_after"),
        ("/claim_days", json!(30), Favours, "claim_days"),
        ("/claim_days", Value::Null, Favours, "claim_days"),
        ("/claim_days", json!(2), Against, "claim_days"),
        ("/prizes/0/claim_days", json!(8), Favours, "prizes[0].claim_days"),
        ("/prizes/0/claim_days", json!(6), Against, "prizes[0].claim_days"),
        ("/prizes/0/claim_days", Value::Null, Against, "prizes[0].claim_days"),
        ("/limits/budget_cents", json!(1_000_001), Favours, "limits.budget_cents"),
        ("/limits/budget_cents", json!(5), Against, "limits.budget_cents"),
        ("/chances/sign_in", json!(2), Favours, "chances.sign_in"),
        ("/chances/sign_in", Value::Null, Against, "chances.sign_in"),
        ("/chances/per_purchase_cents", json!(9_999), Favours, "chances.per_purchase_cents"),
        ("/chances/per_purchase_cents", json!(10_001), Against, "chances.per_purchase_cents"),
        ("/chances/per_purchase_cents", Value::Null, Against, "chances.per_purchase_cents"),
        ("/chances/points_price", json!(5), Favours, "chances.points_price"),
        ("/chances/points_on_sign_in/min", json!(2), Favours, "chances.points_on_sign_in.min"),
        ("/chances/points_on_sign_in", Value::Null, Against, "chances.points_on_sign_in"),
        ("/chances/points_on_purchase", json!({"min": 1, "max": 2}), Favours, "chances.points_on_purchase"),
    ]);
}

/// Each row: what becomes what, which effect that has, and under which field it is told.
fn has_effects<const N: usize>(table: [(&str, Value, Effect, &str); N]) {
    let old = definition(published());
    for (pointer, value, effect, field) in table {
        let mut body = published();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = body.pointer_mut(parent).unwrap();
        match parent {
            Value::Array(list) => list[key.parse::<usize>().unwrap()] = value.clone(),
            other if value.is_null() => drop(other.as_object_mut().unwrap().remove(key)),
            other => drop(other.as_object_mut().unwrap().insert(key.to_owned(), value.clone())),
        }
        let changes = compare(&old, &definition(body));
        assert!(changes.iter().any(|change| change.field == field), "{pointer}: {changes:?}");
        assert_eq!(worst(&changes), effect, "{pointer} becomes {value}: {changes:?}");
    }
}

#[test]
fn the_same_is_no_change_and_the_worst_counts() {
    let old = definition(published());
    assert_eq!(compare(&old, &old), []);
    assert_eq!(worst(&[]), Effect::Neutral);
    let mut body = published();
    body["prizes"][0]["stock"] = json!(1_000);
    body["tiers"][1]["weight"] = json!(1);
    assert_eq!(worst(&compare(&old, &definition(body))), Effect::Against, "more stock does not pay for worse odds");
    let mut body = published();
    body["prizes"].as_array_mut().unwrap().pop();
    assert_eq!(worst(&compare(&old, &definition(body))), Effect::Against, "a prize was taken away");
}

#[test]
fn what_changes_nothing_for_anyone_may_go_or_be_written_out() {
    let full = "THEN(blacklist,pool,weight,guarantee,draw,stock,IF(sold_out,fallback))";
    let bare = "THEN(blacklist,pool,draw,stock,IF(sold_out,fallback))";
    let tiers = json!(["small", "big", "points"]);
    let pool = json!([{"code": "all", "tiers": tiers}]);
    for (from, to, promised, effect) in [
        (json!({"flow": full}), json!({"flow": bare}), false, Effect::Favours),
        (json!({"flow": full}), json!({"flow": bare}), true, Effect::Against),
        (json!({"pools": []}), json!({"pools": pool}), false, Effect::Neutral),
        (json!({"pools": []}), json!({"pools": [{"code": "all", "tiers": ["small"]}]}), false, Effect::Against),
        (
            json!({"pools": []}),
            json!({"pools": [{"code": "all", "when": "n > 2", "tiers": tiers}]}),
            false,
            Effect::Against,
        ),
    ] {
        let with = |members: &Value| {
            let mut body = spring();
            if promised {
                body["tiers"][1]["guarantee_after"] = json!(30);
            }
            body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            definition(body)
        };
        let changes = compare(&with(&from), &with(&to));
        assert_eq!(worst(&changes), effect, "{from} to {to}: {changes:?}");
    }
}
