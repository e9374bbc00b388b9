//! Pools and odds: the usual template, spend thresholds, guarantees; published odds are the odds used.

use crate::fixture::{SHOPPER, Shelves, campaign_seed, definition, rules, snapshot, spring};
use domain::campaign::{Definition, OddsOf, Rules, pools_by_draws};
use domain::draw::{BlacklistMode, Decision, Dry, Outcome, Person, Snapshot, Unit, admit, decide, forecast};
use domain::fairness::{Evidence, Receipt};
use domain::ids::ShopperId;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Four tiers, the usual flow and the usual pools.
fn usual() -> Value {
    let mut body = spring();
    body["tiers"] = json!([
        {"code": "small", "slots": 3, "weight": 6000, "value_cents": {"min": 0, "max": 3000}},
        {"code": "mid", "slots": 2, "weight": 2000, "value_cents": {"min": 3000, "max": 20_000}},
        {"code": "big", "slots": 2, "weight": 500, "value_cents": {"min": 20_000, "max": 200_000}},
        {"code": "points", "slots": 1, "weight": 3000, "prizes": ["pts", "few"]},
    ]);
    body.as_object_mut().unwrap().remove("flow");
    let plain: Definition = definition(body.clone());
    body["pools"] = serde_json::to_value(pools_by_draws(&plain)).unwrap();
    body
}

/// A draw by a shopper of one's own, with its receipt verified against the rules.
fn draw(rules: &Rules, shopper: u64, snapshot: &Snapshot<'_>, shelves: &Shelves) -> Outcome {
    let shopper = ShopperId(shopper);
    let strategy = rules.random_strategy(shopper);
    let snapshot = Snapshot { shopper, ..*snapshot };
    let seed = campaign_seed(9).draw_seed(rules.campaign, shopper, snapshot.n());
    assert_eq!(admit(rules, &strategy, &snapshot, 1), Ok(()));
    let shown = forecast(rules, &strategy, &snapshot, shelves);
    let Decision::Drawn(outcome) = decide(rules, &strategy, &snapshot, &mut seed.roll("x"), shelves) else {
        panic!("{snapshot:?} is refused");
    };
    assert_eq!(shown, Some(outcome.pool), "what `me` shows is what the draw rolls");
    let mut receipt = Vec::new();
    Evidence { rules, strategy: &strategy, shopper, n: snapshot.n(), seed: &seed, client_seed: "x", outcome: &outcome }
        .write_json(&mut receipt);
    Receipt::parse(&receipt).unwrap().verify_with_rules(rules).unwrap();
    outcome
}

fn tiers_hit(rules: &Rules, snapshot: &Snapshot<'_>) -> BTreeSet<String> {
    let code = |shopper| {
        rules.tiers[usize::from(draw(rules, shopper, snapshot, &Shelves::default()).hit_tier)].code.to_string()
    };
    (0..400).map(code).collect()
}

#[test]
fn the_usual_pools_open_with_the_draws() {
    let rules = rules(usual());
    let check = |snapshot: Snapshot<'_>, want: &[&str]| {
        let want: BTreeSet<String> = want.iter().map(|code| (*code).to_owned()).collect();
        assert_eq!(tiers_hit(&rules, &snapshot), want, "draw {} {:?}", snapshot.n(), snapshot.blacklist);
    };
    for n in [1, 5, 9] {
        check(snapshot(n - 1), &["small", "points"]);
    }
    for n in [10, 15, 19] {
        check(snapshot(n - 1), &["small", "mid", "points"]);
    }
    for n in [20, 49, 51, 1_000] {
        check(snapshot(n - 1), &["small", "mid", "big", "points"]);
    }
    check(snapshot(49), &["big", "mid"]);
    for n in [1, 10, 20, 50] {
        check(Snapshot { blacklist: Some(BlacklistMode::PointsOnly), ..snapshot(n - 1) }, &["points"]);
    }
}

#[test]
fn pools_follow_any_condition() {
    let mut body = usual();
    body["pools"] = json!([
        {"code": "vip", "when": "when(\"shopper.segment == 'vip' && profile.orders >= 2\")", "tiers": ["big"]},
        {"code": "other", "when": "n < 3 or when('size(shopper.tags) > 1')", "tiers": ["small"]},
        {"code": "rest", "tiers": ["points"]},
    ]);
    let rules = rules(body);
    assert!(rules.needs.person && rules.needs.expression);
    let person = |segment: &str, orders, tags: &[&str]| Person {
        segment: segment.to_owned(),
        orders,
        tags: tags.iter().map(|tag| (*tag).into()).collect(),
        ..domain::draw::NOBODY.clone()
    };
    for (used, person, want) in [
        (0, person("vip", 2, &[]), "vip"),
        (0, person("vip", 1, &[]), "other"),
        (2, person("vip", 1, &[]), "rest"),
        (2, person("", 9, &["a", "b"]), "other"),
    ] {
        let snapshot = Snapshot { person: &person, ..snapshot(used) };
        let outcome = draw(&rules, 5, &snapshot, &Shelves::default());
        assert_eq!(&*rules.pools[usize::from(outcome.pool)].code, want, "{person:?} after {used}");
    }
}

#[test]
fn spend_rolls_by_the_table_of_the_highest_threshold() {
    let mut body = usual();
    body["spend_weights"] = json!([
        {"from_cents": 10_000, "weights": {"big": 5_000}},
        {"from_cents": 50_000, "weights": {"small": 1, "points": 1, "mid": 1, "big": 4_997}},
    ]);
    let rules = rules(body);
    assert_eq!(rules.pools.len(), 3 * rules.written_pools);
    for (spend_cents, step, big) in [
        (0, 0, "0.043478"),
        (9_999, 0, "0.043478"),
        (10_000, 1, "0.312500"),
        (49_999, 1, "0.312500"),
        (50_000, 2, "0.999400"),
    ] {
        let snapshot = Snapshot { spend_cents, ..snapshot(30) };
        let outcome = draw(&rules, 7, &snapshot, &Shelves::default());
        let pool = &rules.pools[usize::from(outcome.pool)];
        let want = if step == 0 { OddsOf::Pool } else { OddsOf::Spend { pool: 2, step } };
        assert_eq!((pool.of, &*pool.code), (want, "all"), "spent {spend_cents}");
        let slot = usize::from(rules.tiers[2].first_slot);
        let of_tier = f64::from(rules.tiers[2].slots) * pool.probabilities[slot].parse::<f64>().unwrap();
        assert!((of_tier - big.parse::<f64>().unwrap()).abs() < 2e-6, "spent {spend_cents}: {of_tier}");
    }
    // The odds met are those published, for everyone who spent as much.
    let snapshot = Snapshot { spend_cents: 20_000, ..snapshot(30) };
    let hits =
        (0..20_000).filter(|shopper| draw(&rules, *shopper, &snapshot, &Shelves::default()).hit_tier == 2).count();
    assert!((6_000..6_500).contains(&hits), "{hits} of 20,000 at 0.3125");
}

#[test]
fn a_guarantee_comes_when_it_is_due_and_waits_while_it_cannot() {
    let mut body = usual();
    body["tiers"][2]["guarantee_after"] = json!(15);
    body["tiers"][1]["guarantee_after"] = json!(5);
    let rules = rules(body);
    let dry = |big, mid| {
        let mut dry = Dry::default();
        dry.set(2, big);
        dry.set(1, mid);
        dry
    };
    let gone: Vec<(&str, Unit)> = ["kettle", "lamp"].map(|code| (code, Unit::SoldOut)).to_vec();
    for (used, dry, gone, points_only, want) in [
        (30, dry(14, 4), &[][..], false, None),
        (30, dry(15, 4), &[], false, Some("guarantee-big")),
        (30, dry(15, 5), &[], false, Some("guarantee-big")),
        (30, dry(14, 5), &[], false, Some("guarantee-mid")),
        (30, dry(15, 4), &gone, false, None),
        (30, dry(15, 5), &gone, false, Some("guarantee-mid")),
        (30, dry(900, 900), &[], true, None),
        // The pool of the 12th draw holds no first tier.
        (11, dry(15, 4), &[], false, None),
    ] {
        let blacklist = points_only.then_some(BlacklistMode::PointsOnly);
        let snapshot = Snapshot { dry, blacklist, ..snapshot(used) };
        for shopper in 0..50 {
            let outcome = draw(&rules, shopper, &snapshot, &Shelves::of(&rules, gone));
            let pool = &rules.pools[usize::from(outcome.pool)];
            let due = matches!(pool.of, OddsOf::Guarantee(_)).then_some(&*pool.code);
            assert_eq!(due, want, "after {used} draws, {gone:?}");
            if let OddsOf::Guarantee(tier) = pool.of {
                assert_eq!(outcome.tier, Some(tier), "a prize of the tier");
            }
        }
    }
}

#[test]
fn nobody_waits_longer_than_guaranteed() {
    let mut body = usual();
    body["pools"] = json!([]);
    body["tiers"][2]["guarantee_after"] = json!(20);
    body["tiers"][2]["weight"] = json!(1);
    let rules = rules(body);
    for shopper in 0..200 {
        let mut now = snapshot(0);
        let (mut waited, mut longest) = (0, 0);
        for _ in 0..100 {
            let outcome = draw(&rules, shopper, &now, &Shelves::default());
            waited = if outcome.tier == Some(2) { 0 } else { waited + 1 };
            longest = longest.max(waited);
            now = Snapshot { left: 10, ..now.after(0, outcome.prize, outcome.tier) };
        }
        assert_eq!(longest, 20, "shopper {shopper}");
    }
}

#[test]
fn receipts_of_other_odds_are_not_believed() {
    let mut body = usual();
    body["tiers"][2]["guarantee_after"] = json!(15);
    let rules = rules(body);
    let strategy = rules.random_strategy(SHOPPER);
    let seed = campaign_seed(9).draw_seed(rules.campaign, SHOPPER, 31);
    let now = snapshot(30);
    let Decision::Drawn(outcome) = decide(&rules, &strategy, &now, &mut seed.roll(""), &Shelves::default()) else {
        panic!("refused");
    };
    let mut text = Vec::new();
    Evidence {
        rules: &rules,
        strategy: &strategy,
        shopper: SHOPPER,
        n: 31,
        seed: &seed,
        client_seed: "",
        outcome: &outcome,
    }
    .write_json(&mut text);
    let honest = Receipt::parse(&text).unwrap();
    assert!(honest.verify_with_rules(&rules).is_ok());
    let guarantee = Receipt { pool: "guarantee-big".into(), tiers: vec![("big".into(), 1, 5, 2)], ..honest.clone() };
    let why = guarantee.verify_with_rules(&rules).unwrap_err().to_string();
    assert!(why.contains("pool"), "a guarantee that no rule gave: {why}");
    let weights = Receipt { tiers: vec![("big".into(), 1, 5, 2)], ..honest };
    assert!(weights.verify_with_rules(&rules).is_err());
}
