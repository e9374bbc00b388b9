//! Compiled rules: tiers, days, strategies.

use crate::fixture::{CAMPAIGN, SHOWN, definition, rules, spring, strategy};
use domain::campaign::{LocalDay, Rules};
use domain::ids::ShopperId;
use serde_json::json;
use std::collections::HashSet;

#[test]
fn tiers_hold_their_band_and_what_they_name() {
    let rules = rules(spring());
    let codes = |tier: usize| rules.tiers[tier].candidates.iter().map(|ix| &*rules.prize(*ix).code).collect::<Vec<_>>();
    assert_eq!(codes(0), ["cup", "mug", "pen", "bag", "hat"], "points are worth 0 but named elsewhere");
    assert_eq!(codes(1), ["kettle", "lamp"]);
    assert_eq!(codes(2), ["pts", "few"]);
    let lower = |tier: usize| &*rules.tiers[tier].lower;
    assert_eq!((lower(0), lower(1), lower(2)), (&[2][..], &[0, 2][..], &[][..]));
    assert_eq!((rules.slot_count(), rules.tiers[1].slot_range()), (9, 4..6));
}

#[test]
fn band_ends_are_exclusive() {
    let mut body = spring();
    body["prizes"][0]["value_cents"] = json!(5000);
    body["prizes"][1]["value_cents"] = json!(4999);
    let rules = rules(body);
    let small = &rules.tiers[0].candidates;
    assert!(!small.contains(&rules.prize_by_code("cup").unwrap()));
    assert!(small.contains(&rules.prize_by_code("mug").unwrap()));
}

#[test]
fn errors_do_not_compile_and_warnings_do() {
    let mut body = spring();
    body["tiers"][0]["slots"] = json!(0);
    let findings = Rules::compile(CAMPAIGN, 1, &definition(body)).unwrap_err();
    assert_eq!(findings.iter().map(|f| f.code).collect::<Vec<_>>(), ["slots_none"]);
}

#[test]
fn days_are_those_of_the_zone() {
    let check = |zone: &str, now: &str, number: i32, starts: &str, hours: i64| {
        let mut body = spring();
        body["time_zone"] = json!(zone);
        let ms = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let want = LocalDay { number, starts_ms: ms(starts), ends_ms: ms(starts) + hours * 3_600_000 };
        assert_eq!(rules(body).local_day(ms(now)), want, "{zone} {now}");
    };
    check("Asia/Shanghai", "2026-03-10T15:59:59.999Z", 20_522, "2026-03-09T16:00:00Z", 24);
    check("Asia/Shanghai", "2026-03-10T16:00:00Z", 20_523, "2026-03-10T16:00:00Z", 24);
    check("UTC", "1969-12-31T23:00:00Z", -1, "1969-12-31T00:00:00Z", 24);
    check("America/New_York", "2026-03-08T12:00:00Z", 20_520, "2026-03-08T05:00:00Z", 23);
    check("America/New_York", "2026-11-01T12:00:00Z", 20_758, "2026-11-01T04:00:00Z", 25);
    let far = rules(spring()).local_day(i64::MAX);
    assert!(far.starts_ms <= far.ends_ms, "a mad clock is no panic");
    rules(spring()).local_day(i64::MIN);
}

#[test]
fn templates_fit_repeat_and_differ() {
    let rules = rules(spring());
    let mut kinds = HashSet::new();
    for shopper in 0..2_000 {
        let strategy = rules.random_strategy(ShopperId(shopper));
        assert!(strategy.fits(&rules));
        assert_eq!(strategy, rules.random_strategy(ShopperId(shopper)), "the same at every look");
        for tier in &rules.tiers[..2] {
            let shown: HashSet<_> = strategy.slots[tier.slot_range()].iter().map(|s| s.prize).collect();
            assert_eq!(shown.len(), usize::from(tier.slots), "no prize twice where there are enough");
        }
        kinds.insert(format!("{:?}", strategy.slots));
    }
    assert!(kinds.len() > 400, "{} different templates of 480", kinds.len());
    let mut first = [0; 5];
    (0..5_000).for_each(|shopper| first[rules.random_strategy(ShopperId(shopper)).slots[0].prize.ix()] += 1);
    assert!(first.iter().all(|n| (850..1150).contains(n)), "every prize is as likely in the first slot: {first:?}");
}

#[test]
fn strategies_that_do_not_fit_are_told() {
    let rules = rules(spring());
    let good = strategy(&rules, SHOWN);
    let mut short = good.clone();
    short.slots = short.slots[..8].into();
    let mut alien = good.clone();
    alien.slots[0].prize = good.slots[4].prize;
    let mut moved = good;
    moved.slots[0].tier = 1;
    for bad in [short, alien, moved] {
        assert!(!bad.fits(&rules));
    }
}
