//! `publish`: every check between a draft and the public, with a campaign that fails it beside one that passes.

use crate::fixture::{NOON_MS, definition};
use domain::campaign::{Finding, Severity};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A campaign that nothing is found in: what every row below passes before its change.
fn clean() -> Value {
    let goods = |code: &str, value: i64| json!({"code": code, "name": code, "kind": "goods", "value_cents": value, "cost_cents": 100, "stock": 500});
    json!({
        "name": "Spring", "starts_at": "2026-03-01T00:00:00+08:00", "ends_at": "2026-04-01T00:00:00+08:00",
        "visible_from": "2026-02-20T00:00:00+08:00", "visible_until": "2026-04-10T00:00:00+08:00",
        "description": "Draw every day.", "claim_terms": "Within 30 days, by the form in the app.", "expected_draws": 1000,
        "prizes": [goods("cup", 3900), goods("kettle", 25_000),
            {"code": "pts", "name": "Points", "kind": "points", "points": {"min": 1, "max": 100}}],
        "tiers": [
            {"code": "small", "slots": 1, "weight": 400, "value_cents": {"min": 0, "max": 5000}},
            {"code": "big", "slots": 1, "weight": 100, "value_cents": {"min": 20_000, "max": 200_000}, "unlock_after": 10},
            {"code": "points", "slots": 1, "weight": 500, "prizes": ["pts"]},
        ],
        "pools": [{"code": "all", "when": "n >= 5", "tiers": ["small", "big", "points"]},
            {"code": "start", "tiers": ["small", "points"]}],
        "limits": {"per_shopper": 100, "budget_cents": 10_000_000},
        "chances": {"sign_in": 1},
    })
}

fn found(body: Value) -> Vec<Finding> {
    definition(body).check_publish(NOON_MS)
}

fn with(edits: &[(&str, Value)]) -> Value {
    let mut body = clean();
    for (pointer, value) in edits {
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        match body.pointer_mut(parent).unwrap_or_else(|| panic!("no {pointer}")) {
            Value::Array(list) if key == "-" => list.push(value.clone()),
            Value::Array(list) => list[key.parse::<usize>().unwrap()] = value.clone(),
            Value::Object(map) if value.is_null() => drop(map.remove(key)),
            Value::Object(map) => drop(map.insert(key.to_owned(), value.clone())),
            other => panic!("{pointer} is in {other}"),
        }
    }
    body
}

use Severity::{Error as E, Warning as W};

/// A code, its severity, the edits that bring it about, and what its detail says.
type Row = (&'static str, Severity, Vec<(&'static str, Value)>, &'static str);

fn one(pointer: &'static str, value: Value) -> Vec<(&'static str, Value)> {
    vec![(pointer, value)]
}

fn many(count: usize, mut one: impl FnMut(usize) -> Value) -> Value {
    (0..count).map(&mut one).collect()
}

fn prize(i: usize) -> Value {
    json!({"code": format!("p{i}"), "name": "p", "kind": "none"})
}

fn tier(i: usize) -> Value {
    json!({"code": format!("t{i}"), "slots": 1, "weight": 1_000_000_000, "prizes": ["pts"]})
}

/// The code, whether it blocks, and what brings it about. `%` ends a row that says what exactly is told.
fn table() -> Vec<Row> {
    let goods = |edit: fn(&mut Value)| {
        let mut prize =
            json!({"code": "more", "name": "More", "kind": "goods", "value_cents": 4000, "cost_cents": 1, "stock": 5});
        edit(&mut prize);
        prize
    };
    let mut table = names_and_bounds(E);
    table.extend([
        ("window_empty", E, one("/ends_at", json!("2026-03-01T00:00:00+08:00")), "ends before it starts"),
        ("window_over", E, one("/ends_at", json!("2026-03-10T04:00:00Z")), "over already"),
        (
            "window_long",
            W,
            vec![("/ends_at", json!("2027-04-01T00:00:00Z")), ("/visible_until", Value::Null)],
            "longer than a year",
        ),
        ("visible_too_late", E, one("/visible_from", json!("2026-03-02T00:00:00Z")), "before they can see"),
        ("visible_too_short", E, one("/visible_until", json!("2026-03-30T00:00:00Z")), "after the campaign is hidden"),
        ("prizes_none", E, one("/prizes", json!([])), "no prizes"),
        ("tiers_none", E, one("/tiers", json!([])), "no tiers"),
        ("stock_zero", W, one("/prizes/0/stock", json!(0)), "cup is sold out"),
        ("stock_short", W, one("/expected_draws", json!(1_000_000)), "wins of the tier"),
        ("expected_cost_over_budget", W, one("/limits/budget_cents", json!(49_000)), "more than the budget of 49000"),
        ("budget_short", W, one("/limits/budget_cents", json!(99_999)), "more than the budget"),
        (
            "value_above_legal",
            E,
            vec![("/prizes/1/value_cents", json!(5_000_001)), ("/tiers/1/value_cents/max", json!(6_000_000))],
            "kettle is worth more than CNY 50,000",
        ),
        ("value_missing", W, one("/prizes/0/value_cents", json!(0)), "cup costs money"),
        ("claim_terms_missing", W, one("/claim_terms", json!(" \n")), "how and until when cup"),
        ("points_missing", E, one("/prizes/2/points", Value::Null), "pts is points"),
        ("points_misplaced", E, one("/prizes/0/points", json!({"min": 1, "max": 1})), "not of kind points"),
        ("points_range_invalid", E, one("/prizes/2/points", json!({"min": 5, "max": 4})), "5 to 4"),
        (
            "odds_or_quantity_missing",
            W,
            vec![
                ("/tiers/0/value_cents/min", json!(1)),
                ("/prizes/-", json!({"code": "few", "name": "Few", "kind": "points", "points": {"min": 1, "max": 1}})),
            ],
            "few is given as a substitute only",
        ),
        ("prize_unused", W, one("/prizes/-", goods(|p| p["value_cents"] = json!(9_000))), "more is in no tier"),
        ("prize_unknown", E, one("/tiers/2/prizes", json!(["pts", "ghost"])), "ghost"),
        ("prize_repeated", E, one("/tiers/2/prizes", json!(["pts", "pts"])), "pts twice"),
        ("tier_empty", W, one("/tiers/1/value_cents", json!({"min": 90_000, "max": 99_000})), "next lower one"),
        (
            "tier_empty",
            E,
            vec![
                ("/tiers/0/value_cents", json!({"min": 6_000, "max": 7_000})),
                ("/prizes/2", json!({"code": "pts", "name": "x", "kind": "none"})),
                ("/tiers/2/prizes", json!(["kettle"])),
                ("/tiers/2/weight", json!(1)),
            ],
            "stand in",
        ),
    ]);
    table.extend(pools_and_flow());
    table.extend(entries());
    table.extend(promises());
    table
}

fn pools_and_flow() -> Vec<Row> {
    vec![
        ("tier_short", W, one("/tiers/0/slots", json!(2)), "2 slots but 1 fitting"),
        ("tier_unreached", W, one("/pools/0/tiers", json!(["small", "points"])), "big is in no pool"),
        ("tier_unreached", W, one("/tiers/1/weight", json!(0)), "weight of 0"),
        ("unlock_unreached", W, one("/limits/per_shopper", json!(10)), "opens after 10 draws"),
        ("bands_overlap", W, one("/tiers/0/value_cents/max", json!(21_000)), "small and big overlap"),
        ("band_empty", E, one("/tiers/0/value_cents", json!({"min": 5, "max": 5})), "takes in no value"),
        (
            "weights_zero",
            E,
            vec![("/tiers/0/weight", json!(0)), ("/tiers/1/weight", json!(0)), ("/tiers/2/weight", json!(0))],
            "add up to 0",
        ),
        ("weights_overflow", E, vec![("/tiers", many(5, tier)), ("/pools", json!([]))], "more than 4294967295"),
        ("pool_empty", E, one("/pools/1/tiers", json!([])), "start has no tiers"),
        ("pool_unreached", W, one("/pools/0/when", Value::Null), "start is never reached"),
        ("pools_gap", W, one("/pools/1/when", json!("n < 3")), "every pool has a condition"),
        ("pool_condition_invalid", E, one("/pools/0/when", json!("n >> 3")), "line 1"),
        ("tier_unknown", E, one("/pools/1/tiers", json!(["small", "ghost"])), "ghost"),
        ("tier_repeated", E, one("/pools/1/tiers", json!(["small", "small"])), "small twice"),
        ("flow_invalid", E, one("/flow", json!("THEN(pool, draw,\n drow)")), "line 2, column 2"),
        ("flow_without_rule", W, one("/flow", json!("THEN(blacklist, window, limits, pool, draw, stock)")), "unlock"),
        ("limit_zero", E, one("/limits/per_day", json!(0)), "refuses every draw"),
        ("price_invalid", E, one("/chances/points_price", json!(0)), "a price is"),
    ]
}

/// Spend thresholds, guarantees, releases and substitutes.
fn promises() -> Vec<Row> {
    let step = |day: u32, units: u32| json!({"at": format!("2026-03-{day:02}T00:00:00Z"), "units": units});
    let table = |i: usize| json!({"from_cents": i + 1, "weights": {"big": 200}});
    let pool =
        |i: usize| json!({"code": format!("p{i}"), "when": format!("n == {i}"), "tiers": ["small", "big", "points"]});
    vec![
        ("spend_threshold_invalid", E, one("/spend_weights", json!([{"from_cents": 0, "weights": {}}])), "ascending"),
        ("spend_weights_too_many", E, one("/spend_weights", many(8, table)), "8 thresholds"),
        ("odds_too_many", E, vec![("/pools", many(32, pool)), ("/spend_weights", many(7, table))], "256 lists"),
        ("guarantee_invalid", E, one("/tiers/1/guarantee_after", json!(0)), "1 to 60000"),
        (
            "guarantee_unreached",
            E,
            vec![("/tiers/1/guarantee_after", json!(5)), ("/pools/0/tiers", json!(["small", "points"]))],
            "waits for ever",
        ),
        ("release_too_long", E, one("/prizes/0/release", many(367, |_| step(1, 500))), "367 steps"),
        ("release_disordered", E, one("/prizes/0/release", json!([step(9, 300), step(2, 300)])), "in order"),
        ("release_short", W, one("/prizes/0/release", json!([step(2, 5)])), "5 units are ever released"),
        ("substitute_itself", E, one("/prizes/0/substitute", json!("cup")), "stand in for itself"),
        ("substitute_poorer", W, one("/prizes/1/substitute", json!("cup")), "worth less than kettle"),
    ]
}

/// Names, codes and numbers out of bounds.
fn names_and_bounds(e: Severity) -> Vec<Row> {
    let long = "x".repeat(201);
    vec![
        ("name_empty", e, one("/name", json!(" ")), "empty"),
        ("name_too_long", e, one("/prizes/0/name", json!(long)), "200"),
        ("name_unprintable", e, one("/name", json!("a\u{0}")), "control"),
        ("text_too_long", e, one("/description", json!("x".repeat(10_001))), "10000"),
        ("currency_unknown", e, one("/currency", json!("cny")), "ISO 4217"),
        ("time_zone_unknown", e, one("/time_zone", json!("Asia/Nowhere")), "IANA"),
        ("prizes_too_many", e, one("/prizes", many(10_001, prize)), "10000"),
        ("tiers_too_many", e, one("/tiers", many(33, tier)), "32"),
        ("pools_too_many", e, one("/pools", many(33, |i| json!({"code": format!("p{i}"), "tiers": ["small"]}))), "32"),
        ("code_invalid", e, one("/prizes/0/code", json!("a b")), "letters"),
        ("code_duplicate", e, one("/prizes/1/code", json!("cup")), "prizes[0]"),
        ("code_reserved", e, one("/prizes/0/code", json!("thanks")), "thanks"),
        ("skus_too_many", e, one("/prizes/0/skus", many(1_001, |i| json!(i.to_string()))), "1000"),
        ("sku_invalid", e, one("/prizes/0/skus", json!([""])), "printable"),
        ("stock_too_large", e, one("/prizes/0/stock", json!(1_000_000_001)), "1000000000"),
        ("slots_none", e, one("/tiers/0/slots", json!(0)), "no slots"),
        ("slots_too_many", e, one("/tiers/0/slots", json!(65)), "64"),
        ("weight_too_large", e, one("/tiers/0/weight", json!(1_000_000_001)), "1000000000"),
        ("amount_negative", e, one("/prizes/0/cost_cents", json!(-1)), "below 0"),
        ("amount_too_large", e, one("/prizes/0/cost_cents", json!(i64::MAX)), "more than"),
        ("chances_too_many", e, one("/chances/sign_in", json!(1_001)), "1000"),
        ("moments_invalid", e, one("/prizes/0/moments", json!(0)), "1 to 10000"),
        ("moments_with_stock", e, one("/prizes/0/moments", json!(1)), "leave out stock"),
        ("moments_of_kind", e, one("/prizes/2/moments", json!(1)), "only coupons"),
        (
            "moments_in_tier",
            e,
            vec![
                ("/prizes/0/stock", Value::Null),
                ("/prizes/0/moments", json!(1)),
                ("/tiers/0/prizes", json!(["cup"])),
            ],
            "in no tier",
        ),
        (
            "balance_empty",
            e,
            vec![("/prizes/0/kind", json!("balance")), ("/prizes/0/value_cents", json!(0))],
            "above 0",
        ),
        ("claim_days_invalid", e, one("/claim_days", json!(0)), "1 to 3650"),
        (
            "composition_invalid",
            e,
            one("/composition", json!({"random_percent": 60, "popular_percent": 50})),
            "more than 100 percent",
        ),
        ("duration_invalid", e, one("/chances/valid_days", json!(0)), "1 to 3650"),
        (
            "steps_too_many",
            e,
            one("/chances/streaks", json!(vec![json!({"days": 1, "chances": 1}); 65])),
            "more than 64",
        ),
        ("streak_invalid", e, one("/chances/streaks", json!([{"days": 0, "chances": 1}])), "each length once"),
        (
            "step_doubled",
            e,
            one(
                "/chances/points_by_spend",
                json!([{"from_cents": 1, "min": 1, "max": 2}, {"from_cents": 1, "min": 3, "max": 4}]),
            ),
            "another range",
        ),
        ("expected_draws_too_many", e, one("/expected_draws", json!(u64::MAX)), "more than"),
    ]
}

/// What is wrong with an entry drawing.
fn entries() -> Vec<Row> {
    vec![
        ("entry_places_invalid", E, raffle(&[("/entry/winners", json!(0))]), "1 to 10000"),
        ("entry_places_invalid", E, raffle(&[("/entry/alternates", json!(10_000))]), "1 to 10000"),
        ("prize_unknown", E, raffle(&[("/entry/prize", json!("ghost"))]), "ghost"),
        ("entry_of_kind", E, raffle(&[("/entry/prize", json!("pts"))]), "only coupons"),
        ("entry_with_stock", E, raffle(&[("/entry/prize", json!("cup"))]), "leave out stock"),
        ("entry_in_tier", E, raffle(&[("/tiers/0/prizes", json!(["car"]))]), "in no tier"),
        ("entry_without_deadline", W, raffle(&[("/entry/alternates", json!(1))]), "no winner of car"),
    ]
}

/// The clean campaign with an entry drawing that nothing is wrong with, and changes of it.
fn raffle(changes: &[(&'static str, Value)]) -> Vec<(&'static str, Value)> {
    let car = json!({"code": "car", "name": "Car", "kind": "goods", "value_cents": 1, "cost_cents": 1});
    let entry = json!({"tickets": "draws", "prize": "car", "winners": 2});
    [("/prizes/-", car), ("/entry", entry)].into_iter().chain(changes.iter().cloned()).collect()
}

#[test]
fn publish_checks_each_fail_and_pass() {
    assert_eq!(found(clean()), [], "the campaign that passes all");
    assert_eq!(found(with(&raffle(&[]))), [], "and one with an entry drawing");
    let mut checks = 0;
    for (code, severity, edits, says) in table() {
        let pointer = edits[0].0;
        let all = found(with(&edits));
        let hit = all.iter().find(|f| f.code == code && f.severity == severity);
        let hit = hit.unwrap_or_else(|| panic!("{code} is not found at {pointer}: {all:?}"));
        assert!(hit.detail.contains(says), "{code} says {:?}, not {says:?}", hit.detail);
        assert!(hit.field.is_some(), "{code} says where");
        checks += 1;
    }
    println!("{{\"test\":\"publish\",\"rows\":{checks}}}");
}

/// Whoever adds a check adds a row.
#[test]
fn publish_table_knows_every_code() {
    let sources = [
        include_str!("../../src/campaign/check/money.rs"),
        include_str!("../../src/campaign/check/policy.rs"),
        include_str!("../../src/campaign/check/pools.rs"),
        include_str!("../../src/campaign/check/promises.rs"),
        include_str!("../../src/campaign/check/shape.rs"),
    ];
    let mut codes = BTreeSet::new();
    for source in sources {
        for call in source.split("findings.").skip(1) {
            let Some(rest) = call.strip_prefix("error(").or_else(|| call.strip_prefix("warn(")) else { continue };
            if let Some(code) = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next()) {
                codes.insert(code);
            }
        }
    }
    let rows: BTreeSet<&str> = table().into_iter().map(|(code, ..)| code).collect();
    let missing: Vec<_> = codes.difference(&rows).collect();
    assert!(codes.len() > 40 && missing.is_empty(), "no row for {missing:?}, of {} codes", codes.len());
}

/// The contract's own full body can be published: where no prize fits a tier, the next lower one stands in.
#[test]
fn publish_takes_the_contracts_sample() {
    let sample = json!({"name": "Spring", "starts_at": "2026-03-01T00:00:00Z", "ends_at": "2026-04-01T00:00:00Z", "currency": "CNY", "time_zone": "Asia/Shanghai",
        "prizes": [{"code": "cup", "name": "Cup", "kind": "goods", "category": "kitchen", "skus": ["22423"], "value_cents": 3900, "cost_cents": 1500, "stock": 500},
            {"code": "pts", "name": "Points", "kind": "points", "points": {"min": 1, "max": 100}}],
        "tiers": [{"code": "small", "slots": 4, "weight": 6000, "value_cents": {"min": 0, "max": 5000}},
            {"code": "big", "slots": 1, "weight": 100, "value_cents": {"min": 20_000, "max": 200_000}, "unlock_after": 10},
            {"code": "points", "slots": 1, "weight": 3000, "prizes": ["pts"]}],
        "pools": [{"code": "all", "when": "n >= 20", "tiers": ["small", "big", "points"]}, {"code": "start", "tiers": ["small", "points"]}],
        "flow": "THEN(blacklist, window, limits, pool, draw, unlock, stock, IF(sold_out, fallback))",
        "limits": {"per_shopper": 100, "per_day": 10, "budget_cents": 5_000_000},
        "chances": {"sign_in": 1, "per_purchase_cents": 10_000, "points_price": 50, "paid_price_cents": 100,
            "points_on_sign_in": {"min": 1, "max": 10}, "points_on_purchase": {"min": 1, "max": 50}}});
    let errors: Vec<Finding> = found(sample.clone()).into_iter().filter(|f| f.severity == Severity::Error).collect();
    assert_eq!(errors, []);
    let rules = crate::fixture::rules(sample);
    let big = &rules.tiers[1];
    let shown: Vec<&str> = big.candidates.iter().map(|ix| &*rules.prize(*ix).code).collect();
    assert_eq!((&*big.code, shown), ("big", vec!["cup"]), "it shows what it gives");
}
