//! The order in which a fallback looks: the tier, lower tiers, points, thanks.

use crate::fixture::{SHOWN, Shelves, describe, rules, seed_for, snapshot, spring, strategy};
use domain::draw::{BlacklistMode, Snapshot, Unit, decide};
use serde_json::json;

const SMALL: [&str; 5] = ["cup", "mug", "pen", "bag", "hat"];

#[track_caller]
fn check(n: u32, slot: u8, gone: &[&str], change: impl Fn(&mut Snapshot), want: &str) {
    let mut body = spring();
    for prize in body["prizes"].as_array_mut().unwrap() {
        prize["stock"] = json!(9);
    }
    let rules = rules(body);
    let strategy = strategy(&rules, SHOWN);
    let seed = seed_for(&rules, &strategy, n, slot);
    let named: Vec<(&str, Unit)> = gone.iter().map(|code| (*code, Unit::SoldOut)).collect();
    let mut snapshot = snapshot(n - 1);
    change(&mut snapshot);
    let got = decide(&rules, &strategy, &snapshot, &mut seed.roll(""), &Shelves::of(&rules, &named));
    assert_eq!(describe(&rules, &got), want, "slot {slot} at {n} without {gone:?}");
}

fn same(_: &mut Snapshot) {}

#[test]
fn within_the_tier_shown_prizes_come_first() {
    let path = "unlock stock:sold_out fallback:tier";
    check(1, 2, &["pen"], same, &format!("cup/small/0 {path}"));
    check(1, 2, &["pen", "cup"], same, &format!("mug/small/1 {path}"));
    check(1, 2, &["cup", "mug", "pen", "bag"], same, &format!("hat/small/- {path}"));
    check(11, 4, &["kettle"], same, &format!("lamp/big/5 {path}"));
}

#[test]
fn then_lower_tiers_then_points_then_thanks() {
    let path = "unlock stock:sold_out";
    check(11, 4, &["kettle", "lamp"], same, &format!("cup/small/0 {path} fallback:lower"));
    check(1, 0, &SMALL, same, &format!("pts/points/6 {path} fallback:lower"));
    let all_goods = [&SMALL[..], &["kettle", "lamp"]].concat();
    check(11, 4, &[&all_goods[..], &["pts"]].concat(), same, &format!("few/points/7 {path} fallback:lower"));
    check(11, 4, &[&all_goods[..], &["pts", "few"]].concat(), same, &format!("thanks/-/- {path} fallback:thanks"));
}

#[test]
fn a_locked_tier_gives_nothing_of_its_own() {
    check(5, 4, &[], same, "cup/small/0 unlock:locked stock:skipped fallback:lower");
    check(5, 5, &SMALL, same, "pts/points/6 unlock:locked stock:skipped fallback:lower");
}

#[test]
fn shoppers_on_points_only_get_points() {
    let mode = |s: &mut Snapshot| s.blacklist = Some(BlacklistMode::PointsOnly);
    let path = "blacklist:points_only window limits pool draw unlock";
    check(1, 0, &[], mode, &format!("pts/-/6 {path} stock:sold_out fallback:points"));
    check(1, 0, &["pts"], mode, &format!("few/-/7 {path} stock:sold_out fallback:points"));
    check(1, 7, &[], mode, &format!("few/points/7 {path} stock"));
    check(1, 0, &["pts", "few"], mode, &format!("thanks/-/- {path} stock:sold_out fallback:thanks"));
}

#[test]
fn what_the_budget_cannot_pay_is_sold_out() {
    let left = |cents| move |s: &mut Snapshot| s.budget_left_cents = Some(cents);
    check(1, 0, &[], left(1500), "cup/small/0 unlock stock");
    check(1, 0, &[], left(1499), "pen/small/2 unlock stock:sold_out fallback:tier");
    check(1, 0, &[], left(0), "pts/points/6 unlock stock:sold_out fallback:lower");
    check(11, 4, &[], left(13_000), "kettle/big/4 unlock stock");
    check(1, 0, &[], left(-5), "pts/points/6 unlock stock:sold_out fallback:lower");
}

#[test]
fn nothing_is_no_consolation() {
    let mut body = spring();
    body["prizes"] = json!([
        {"code": "cup", "name": "Cup", "kind": "goods", "value_cents": 900, "stock": 1},
        {"code": "void", "name": "Nothing", "kind": "none"},
        {"code": "pts", "name": "Points", "kind": "points", "points": {"min": 3, "max": 3}},
    ]);
    body["tiers"] = json!([
        {"code": "win", "slots": 1, "weight": 1, "prizes": ["cup"]},
        {"code": "lose", "slots": 1, "weight": 1, "prizes": ["void"]},
    ]);
    body["pools"] = json!([]);
    let rules = rules(body);
    let strategy = strategy(&rules, "cup void");
    let shelf = Shelves::of(&rules, &[("cup", Unit::SoldOut)]);
    for (slot, want) in [(0, "pts/-/- unlock stock:sold_out fallback:points"), (1, "void/lose/1 unlock stock")] {
        let seed = seed_for(&rules, &strategy, 1, slot);
        assert_eq!(describe(&rules, &decide(&rules, &strategy, &snapshot(0), &mut seed.roll(""), &shelf)), want);
    }
}
