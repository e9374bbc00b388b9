//! Each rule of the usual flow, and flows that leave some out.

use crate::fixture::{NOON_MS, SHOWN, Shelves, describe, rules, seed_for, snapshot, spring, strategy};
use domain::campaign::State;
use domain::draw::{BlacklistMode, Decision, Path, Snapshot, Unit, admit, decide};
use serde_json::{Value, json};

#[test]
fn refusals_come_before_the_roll() {
    let mut body = spring();
    body["limits"] = json!({"per_shopper": 100, "per_day": 10});
    let rules = rules(body);
    let strategy = strategy(&rules, SHOWN);
    let check = |change: &dyn Fn(&mut Snapshot<'static>), want: Option<&str>| {
        let mut snapshot = snapshot(3);
        change(&mut snapshot);
        // A shelf that knows nothing: a refusal never asks it, so it cannot come after the roll.
        let shelf = Shelves((0..9).map(|ix| (domain::campaign::PrizeIx(ix), Unit::Unknown)).collect());
        let seed = seed_for(&rules, &strategy, 4, 0);
        let got = decide(&rules, &strategy, &snapshot, &mut seed.roll(""), &shelf);
        assert_eq!(describe(&rules, &got), want.unwrap_or("needs cup"), "{snapshot:?}");
        assert_eq!(
            admit(&rules, &strategy, &snapshot, 1).map_err(|refusal| refusal.code()),
            want.map_or(Ok(()), Err),
            "{snapshot:?}"
        );
    };
    check(&|_| {}, None);
    check(&|s| s.left = 0, Some("no_chances"));
    check(&|s| s.state = State::Draft, Some("campaign_unknown"));
    check(&|s| s.state = State::Paused, Some("campaign_paused"));
    check(&|s| s.state = State::Ended, Some("campaign_over"));
    check(&|s| s.state = State::Archived, Some("campaign_over"));
    check(&|s| s.state = State::Scheduled, None);
    check(&|s| s.now_ms = rules.starts_at_ms, None);
    check(&|s| s.now_ms = rules.starts_at_ms - 1, Some("campaign_not_started"));
    check(&|s| s.now_ms = rules.ends_at_ms - 1, None);
    check(&|s| s.now_ms = rules.ends_at_ms, Some("campaign_over"));
    check(&|s| s.blacklist = Some(BlacklistMode::Refuse), Some("blocked"));
    check(&|s| s.draws_today = 9, None);
    check(&|s| s.draws_today = 10, Some("limit_reached"));
    check(&|s| s.used = 100, Some("limit_reached"));
    check(&|s| (s.left, s.state) = (0, State::Paused), Some("campaign_paused"));
}

#[test]
fn several_draws_are_admitted_all_or_none() {
    let mut body = spring();
    body["limits"] = json!({"per_shopper": 20, "per_day": 6});
    let rules = rules(body);
    let strategy = strategy(&rules, SHOWN);
    for (used, left, today, count, want) in [
        (0, 10, 0, 6, Ok(())),
        (0, 10, 0, 7, Err("limit_reached")),
        (15, 10, 0, 5, Ok(())),
        (15, 10, 0, 6, Err("limit_reached")),
        (0, 3, 0, 3, Ok(())),
        (0, 3, 0, 4, Err("no_chances")),
    ] {
        let snapshot = Snapshot { left, draws_today: today, ..snapshot(used) };
        assert_eq!(
            admit(&rules, &strategy, &snapshot, count).map_err(|r| r.code()),
            want,
            "{used} {left} {today} {count}"
        );
    }
}

#[test]
fn a_draw_without_an_open_pool_is_not_qualified() {
    let mut body = spring();
    body["pools"] = json!([{"code": "late", "when": "n >= 20", "tiers": ["small"]}]);
    let rules = rules(body);
    let strategy = strategy(&rules, SHOWN);
    for (used, want) in [(18, "not_qualified"), (19, "late")] {
        let seed = domain::fairness::DrawSeed::new([1; 32]);
        let got = match decide(&rules, &strategy, &snapshot(used), &mut seed.roll(""), &Shelves::default()) {
            Decision::Drawn(outcome) => &*rules.pools[usize::from(outcome.pool)].code,
            Decision::Refused(refusal) => refusal.code(),
            Decision::Needs(_) => "needs",
        };
        assert_eq!(got, want, "after {used} draws");
    }
}

#[test]
fn slots_hit_give_what_they_show() {
    let rules = rules(spring());
    let strategy = strategy(&rules, SHOWN);
    for (n, slot, want) in [
        (1, 0, "cup/small/0 unlock stock"),
        (1, 3, "bag/small/3 unlock stock"),
        (1, 6, "pts/points/6 unlock stock"),
        (1, 7, "few/points/7 unlock stock"),
        (5, 8, "pts/points/8 unlock stock"),
        (11, 5, "lamp/big/5 unlock stock"),
        (11, 4, "kettle/big/4 unlock stock"),
        (10, 4, "cup/small/0 unlock:locked stock:skipped fallback:lower"),
    ] {
        let seed = seed_for(&rules, &strategy, n, slot);
        let got = decide(&rules, &strategy, &snapshot(n - 1), &mut seed.roll(""), &Shelves::default());
        assert_eq!(describe(&rules, &got), want, "slot {slot} at {n}");
    }
}

#[test]
fn points_come_from_the_roll_and_stay_in_range() {
    let rules = rules(spring());
    let strategy = strategy(&rules, "cup mug pen bag kettle lamp pts few pts");
    let mut seen = std::collections::BTreeSet::new();
    for i in 0..3_000u32 {
        let seed = domain::fairness::DrawSeed::new(std::array::from_fn(|at| (i >> (8 * (at % 4))) as u8));
        let Decision::Drawn(outcome) =
            decide(&rules, &strategy, &snapshot(0), &mut seed.roll("x"), &Shelves::default())
        else {
            panic!("{i} is refused");
        };
        match outcome.prize.map(|prize| &*rules.prize(prize).code) {
            Some("pts") => assert!((1..=100).contains(&outcome.points) && seen.insert(outcome.points) | true),
            Some("few") => assert_eq!(outcome.points, 5),
            _ => assert_eq!(outcome.points, 0),
        }
    }
    assert!(seen.contains(&1) && seen.contains(&100), "both ends are reached: {seen:?}");
}

#[test]
fn the_same_arguments_decide_the_same_after_units_came() {
    let rules = rules(spring());
    let strategy = strategy(&rules, SHOWN);
    let seed = seed_for(&rules, &strategy, 1, 1);
    let mut roll = seed.roll("");
    let unknown = Shelves::of(&rules, &[("mug", Unit::Unknown)]);
    assert_eq!(describe(&rules, &decide(&rules, &strategy, &snapshot(0), &mut roll, &unknown)), "needs mug");
    for (unit, want) in [
        (Unit::Free, "mug/small/1 unlock stock"),
        (Unit::SoldOut, "cup/small/0 unlock stock:sold_out fallback:tier"),
        (Unit::Free, "mug/small/1 unlock stock"),
    ] {
        let shelf = Shelves::of(&rules, &[("mug", unit)]);
        assert_eq!(describe(&rules, &decide(&rules, &strategy, &snapshot(0), &mut roll, &shelf)), want);
    }
}

#[test]
fn flows_that_leave_rules_out_never_give_what_is_not_there() {
    let draw = |flow: &str, n: u32, slot: u8, unit: Unit, change: &dyn Fn(&mut Snapshot<'static>)| {
        let mut body: Value = spring();
        body["flow"] = json!(flow);
        let rules = rules(body);
        let strategy = strategy(&rules, SHOWN);
        let seed = seed_for(&rules, &strategy, n, slot);
        let mut snapshot = snapshot(n - 1);
        change(&mut snapshot);
        let shelf = Shelves::of(&rules, &[("cup", unit)]);
        describe(&rules, &decide(&rules, &strategy, &snapshot, &mut seed.roll(""), &shelf))
    };
    let none = |_: &mut Snapshot<'static>| {};
    for (flow, n, slot, unit, want) in [
        ("THEN(pool, draw)", 1, 0, Unit::Free, "cup/small/0 pool draw"),
        ("THEN(pool, draw)", 1, 0, Unit::SoldOut, "thanks/-/- pool draw thanks"),
        ("THEN(pool, draw)", 1, 0, Unit::Unknown, "needs cup"),
        ("THEN(pool, draw, stock)", 1, 0, Unit::SoldOut, "thanks/-/- pool draw stock:sold_out thanks"),
        ("THEN(pool, draw, unlock)", 5, 4, Unit::Free, "thanks/-/- pool draw unlock:locked thanks"),
        ("THEN(pool, draw)", 5, 4, Unit::Free, "kettle/big/4 pool draw"),
        ("THEN(pool, draw, fallback)", 1, 0, Unit::Free, "cup/small/0 pool draw fallback:idle"),
        (
            "THEN(pool, draw, stock, IF(sold_out, fallback, unlock))",
            1,
            0,
            Unit::Free,
            "cup/small/0 pool draw stock unlock",
        ),
        (
            "THEN(pool, draw, stock, IF(sold_out, fallback, unlock))",
            1,
            0,
            Unit::SoldOut,
            "mug/small/1 pool draw stock:sold_out fallback:tier",
        ),
    ] {
        assert_eq!(draw(flow, n, slot, unit, &none), want, "{flow}");
    }
    let points_only = |s: &mut Snapshot<'static>| s.blacklist = Some(BlacklistMode::PointsOnly);
    assert_eq!(
        draw("THEN(blacklist, pool, draw)", 1, 0, Unit::Free, &points_only),
        "pts/-/6 blacklist:points_only pool draw points"
    );
    let outside = |s: &mut Snapshot<'static>| s.now_ms = NOON_MS * 2;
    assert_eq!(draw("THEN(pool, draw)", 1, 0, Unit::Free, &outside), "cup/small/0 pool draw", "no window, no refusal");
    let broke = |s: &mut Snapshot<'static>| s.left = 0;
    assert_eq!(draw("THEN(pool, draw)", 1, 0, Unit::Free, &broke), "no_chances");
}

#[test]
fn a_long_path_is_cut_and_decides_the_same() {
    let mut body = spring();
    body["flow"] = json!(format!("THEN(pool, draw{})", ", stock".repeat(100)));
    let rules = rules(body);
    let strategy = strategy(&rules, SHOWN);
    let seed = seed_for(&rules, &strategy, 1, 2);
    let Decision::Drawn(outcome) = decide(&rules, &strategy, &snapshot(0), &mut seed.roll(""), &Shelves::default())
    else {
        panic!("refused");
    };
    assert_eq!(outcome.path.steps().len(), Path::BOUND);
    let mut text = Vec::new();
    outcome.path.write_json(&mut text);
    assert!(text.ends_with(b"stock ...\""));
    assert_eq!(outcome.slot, Some(2));
}
