use super::crowd::{Member, Visit};
use super::*;
use domain::draw::{NOBODY, Person};
use serde_json::{Value, json};

const STARTS: &str = "2026-03-01T00:00:00+08:00";

fn definition(change: impl FnOnce(&mut Value)) -> Definition {
    let goods = |code: &str, value: i64, stock: u64| json!({"code": code, "name": code, "kind": "goods", "value_cents": value, "cost_cents": value / 2, "stock": stock});
    let mut body = json!({
        "name": "Spring", "starts_at": STARTS, "ends_at": "2026-03-31T00:00:00+08:00",
        "prizes": [goods("cup", 3_900, 300), goods("pen", 900, 1_000_000), goods("lamp", 30_000, 5),
                   {"code": "pts", "name": "Points", "kind": "points", "points": {"min": 1, "max": 9}}],
        "tiers": [{"code": "small", "slots": 2, "weight": 6_000, "value_cents": {"min": 1, "max": 5_000}},
                  {"code": "big", "slots": 1, "weight": 100, "value_cents": {"min": 20_000, "max": 200_000}},
                  {"code": "points", "slots": 1, "weight": 3_900, "prizes": ["pts"]}],
    });
    change(&mut body);
    serde_json::from_value(body).unwrap_or_else(|e| panic!("{e}"))
}

fn ask(definition: Definition, shoppers: u32, draws: u32) -> Ask {
    Ask { definition, crowd: Crowd::Synthetic { shoppers }, draws, seed: 7, threads: 1 }
}

fn played(ask: &Ask) -> RehearsalView {
    rehearse(ask, &AtomicBool::new(false)).unwrap_or_else(|e| panic!("{e}"))
}

fn text(view: &RehearsalView) -> String {
    serde_json::to_string(view).expect("writes")
}

#[test]
fn rounds_follow_from_the_draws() {
    for (draws, want) in
        [(1, 199), (20_100, 199), (20_101, 19), (210_526, 19), (444_444, 9), (444_445, 4), (5_000_000, 4)]
    {
        assert_eq!(rounds_of(draws), want, "{draws}");
    }
}

#[test]
fn the_same_seed_gives_the_same_whatever_the_threads() {
    let one = ask(definition(|_| {}), 50, 600);
    let first = text(&played(&one));
    assert_eq!(text(&played(&one)), first, "again");
    assert_eq!(text(&played(&Ask { threads: 3, ..one.clone() })), first, "on three threads");
    assert_ne!(text(&played(&Ask { seed: 8, ..one })), first, "another seed");
}

#[test]
fn stock_ends_at_its_time_and_odds_are_met() {
    let view = played(&ask(definition(|body| body["prizes"][0]["stock"] = json!(100)), 200, 1_500));
    assert_eq!((view.rounds, view.made.mean, view.refused.mean, view.refusals.len()), (199, 1_500.0, 0.0, 0));
    let prize = |code: &str| view.prizes.iter().find(|p| p.code == code).expect(code);
    // 1,500 draws at 0.6 of which half are cups: 450 are wanted of 100, which are gone after some 333 draws, two ninths of
    // the thirty days.
    let (cup, lamp, pen) = (prize("cup"), prize("lamp"), prize("pen"));
    let sold_out = cup.sold_out.as_ref().expect("sold out");
    assert_eq!((cup.won.mean, cup.won.interval_99.low, sold_out.share), (100.0, 100, 1.0));
    assert!(sold_out.at.as_str() > "2026-03-05" && sold_out.at.as_str() < "2026-03-12", "{sold_out:?}");
    assert!(sold_out.interval_90.low <= sold_out.at && sold_out.at <= sold_out.interval_90.high, "{sold_out:?}");
    assert_eq!((lamp.won.interval_99.high, lamp.sold_out.is_some()), (5, true), "15 are wanted of 5");
    assert!(pen.sold_out.is_none());

    let cost = cup.won.mean * 1_950.0 + pen.won.mean * 450.0 + lamp.won.mean * 15_000.0;
    assert!((cost - view.cost_cents.mean).abs() < 250.0, "{cost} and {:?}", view.cost_cents);
    for (tier, share) in view.tiers.iter().zip([0.6, 0.01, 0.39]) {
        let met: f64 = tier.met.parse().expect("decimal");
        assert_eq!(tier.promised, format!("{share:.6}"), "{}", tier.code);
        // 298,500 draws: 5 sigma is below 0.005.
        assert!((met - share).abs() < 0.005, "{} met {met}", tier.code);
    }
}

/// Rules that look at the clock, the calendar, the count or the budget refuse and spend as they would in earnest.
#[test]
fn rules_refuse_and_budgets_end() {
    for (change, rule, detail, refused) in [
        (json!({"limits": {"per_shopper": 3}}), "limits", "the campaign's draws per shopper are used up", 700..=700),
        (json!({"limits": {"per_campaign": 250}}), "limits", "the campaign's draws are used up", 750..=750),
        // 1,000 tries of 100 shoppers on 30 days: some come twice on one day.
        (json!({"limits": {"per_day": 1}}), "limits", "today's draws are used up", 50..=250),
        (
            json!({"limits": {"new_shoppers": true}}),
            "limits",
            "the campaign is for new shoppers: this one registered before it started",
            500..=900,
        ),
        (
            json!({"flow": "THEN(window.data('{\"hours\": [{\"from\": \"20:00\", \"to\": \"23:59\"}]}'), pool, draw)"}),
            "window",
            "the campaign is not drawn from at this hour",
            600..=850,
        ),
        (
            json!({"limits": {"cooldown_seconds": 86_400}}),
            "cooldown",
            "the last draw was a moment ago; wait a little",
            50..=350,
        ),
    ] {
        let definition = definition(|body| {
            for (name, value) in change.as_object().expect("an object") {
                body[name] = value.clone();
            }
        });
        let view = played(&ask(definition, 100, 1_000));
        let share = view.refusals.first().unwrap_or_else(|| panic!("{change}: nothing is refused"));
        assert_eq!((share.rule, share.detail.as_str()), (rule, detail), "{change}");
        assert!(refused.contains(&(share.draws.mean as u64)), "{change}: {:?}", share.draws);
        assert!((view.made.mean + view.refused.mean - 1_000.0).abs() < 0.02, "{change}: each try is one or the other");
    }
    let cheap = definition(|body| body["limits"] = json!({"budget_cents": 20_000}));
    let view = played(&ask(cheap, 100, 1_000));
    assert_eq!(view.refused.mean, 0.0, "an empty budget refuses nobody");
    assert!(view.cost_cents.interval_99.high <= 20_000 && view.cost_cents.mean > 19_000.0, "{:?}", view.cost_cents);
}

#[test]
fn moments_and_releases_happen_at_their_times() {
    let timed = definition(|body| {
        let car =
            json!({"code": "car", "name": "Car", "kind": "goods", "value_cents": 1, "cost_cents": 7, "moments": 3});
        body["prizes"].as_array_mut().expect("prizes").push(car);
        body["prizes"][2]["release"] = json!([{"at": "2026-03-20T00:00:00+08:00", "units": 5}]);
    });
    let view = played(&ask(timed, 100, 2_000));
    let prize = |code: &str| view.prizes.iter().find(|p| p.code == code).expect(code);
    assert_eq!(prize("car").won.interval_90.low, 3, "every moment finds a draw behind it");
    let lamp = prize("lamp").sold_out.as_ref().expect("sold out");
    assert!(lamp.interval_90.low.as_str() >= "2026-03-19T16", "not before its release: {lamp:?}");
}

#[test]
fn a_recorded_crowd_keeps_its_order_people_and_spend() {
    let member =
        |segment: &str| Member { person: Person { segment: segment.into(), ..NOBODY.clone() }, registered_at_ms: None };
    let visit = |at_ms, member, spend_cents| Visit { at_ms, member, spend_cents };
    let crowd = Crowd::Recorded {
        members: vec![member("vip"), member("")],
        visits: vec![visit(1_000, 0, 0), visit(2_000, 1, 900), visit(5_000, 0, 0)],
    };
    let only_vips = definition(|body| {
        body["flow"] =
            json!("THEN(qualified.data('{\"segments\": [\"vip\"]}'), pool, draw, stock, IF(sold_out, fallback))");
    });
    let one = Ask { definition: only_vips, crowd, draws: 3, seed: 1, threads: 1 };
    let view = played(&one);
    assert_eq!((view.shoppers, view.made.mean, view.refused.mean), (2, 2.0, 1.0));
    let view = played(&Ask { draws: 3_000, ..one });
    assert!((view.made.mean - 2_000.0).abs() < 30.0, "two thirds of visits taken at random: {:?}", view.made);
}

#[test]
fn what_cannot_be_played_is_refused() {
    let good = ask(definition(|_| {}), 10, 10);
    let bad = definition(|body| body["tiers"] = json!([]));
    for (ask, want) in [
        (Ask { draws: 0, ..good.clone() }, "draws are 1 to 5000000"),
        (Ask { crowd: Crowd::Synthetic { shoppers: 0 }, ..good.clone() }, "shoppers are 1 to 1000000"),
        (
            Ask { crowd: Crowd::Recorded { members: vec![], visits: vec![] }, ..good.clone() },
            "shoppers are 1 to 1000000",
        ),
        (Ask { definition: bad, ..good.clone() }, "the campaign has errors: no tiers (tiers_none)"),
    ] {
        let refused = rehearse(&ask, &AtomicBool::new(false)).expect_err(want);
        assert!(refused.to_string().starts_with(want), "{refused}");
    }
    assert_eq!(rehearse(&good, &AtomicBool::new(true)).expect_err("stopped"), RehearseError::Stopped);
}
