use super::*;
use crate::baskets::Builder;
use crate::fit::Options;
use domain::ids::ShopperId;

/// Wednesday, 2026-04-01, 12:00 in Shanghai.
const NOW_MS: i64 = 1_775_016_000_000;

fn bought(days_ago: i64, hour: i64, order: &str, items: &str) -> Behaviour {
    let item = |text: &str| {
        let (rest, category) = text.split_once(':').unwrap_or((text, ""));
        let (sku, price) = rest.split_once('@').unwrap_or((rest, "100"));
        Item {
            sku: sku.into(),
            name: format!("the {sku}"),
            category: category.into(),
            price_cents: price.parse().expect("a price"),
            quantity: 1,
        }
    };
    let items = items.split_whitespace().map(item).collect();
    let at_ms = NOW_MS - days_ago * DAY_MS + (hour - 12) * 3_600_000;
    Behaviour { id: order.into(), at_ms, action: Action::Purchase { order_id: order.into(), items } }
}

fn looked(days_ago: i64, hour: i64, action: Action) -> Behaviour {
    Behaviour { id: format!("{days_ago}{hour}"), at_ms: NOW_MS - days_ago * DAY_MS + (hour - 12) * 3_600_000, action }
}

fn persona(acts: &[Behaviour], fitted: Option<&Fitted>) -> Persona {
    let mut profile = Profile::default();
    acts.iter().for_each(|act| profile.fold(act));
    Persona::of(Sources { profile: &profile, acts, fitted, time_zone: "Asia/Shanghai", now_ms: NOW_MS })
}

/// A shop in which tea costs 400 as a rule.
fn shop() -> Fitted {
    let mut builder = Builder::default();
    for shopper in 2..12 {
        builder.add(ShopperId(shopper), &bought(40, 9, "o", "tea@400:tea cup@900:kitchen"));
    }
    Fitted::fit(builder.build(), Options::default())
}

#[test]
fn a_history_says_all_this() {
    let acts = [
        bought(200, 20, "1", "tea@300:tea pan@5000:kitchen"),
        bought(170, 21, "2", "tea@310:tea jug@2000:kitchen"),
        looked(140, 20, Action::Search { query: "tea".into() }),
        looked(140, 20, Action::View { sku: "tea".into() }),
        bought(140, 21, "3", "tea@420:tea"),
        bought(20, 20, "4", "tea@290:tea lamp@3000:lights"),
        bought(6, 20, "5", "bulb@500:lights bulb2@700:lights"),
        looked(1, 9, Action::View { sku: "cup".into() }),
    ];
    let fitted = shop();
    let got = persona(&acts, Some(&fitted));
    let taste = |category: &str| got.tastes.iter().find(|taste| taste.category == category).expect("bought").trend;
    assert_eq!((taste("lights"), taste("kitchen")), (Trend::Rising, Trend::Falling));
    assert!((got.tastes.iter().map(|taste| taste.share).sum::<f64>() - 1.0).abs() < 1e-3);
    assert_eq!(got.price_sensitivity, Some(0.75), "three of four below the usual price");
    let tea = got.willingness_to_pay.iter().find(|pays| pays.category == "tea").expect("four lines");
    assert_eq!((tea.lines, tea.median_cents, tea.high_cents), (4, 310, 420));
    assert_eq!(got.repeat_cycles.len(), 1);
    assert_eq!((got.repeat_cycles[0].sku.as_str(), got.repeat_cycles[0].days), ("tea", 30));
    let times = got.favourite_times.as_ref().expect("five orders");
    assert_eq!((times.hour, times.time_zone.as_str()), (19, "Asia/Shanghai"));
    assert_eq!(got.channel, Some(Channel::Direct), "four of five came by nothing else");
    assert_eq!(got.interests, [Shown { sku: "cup".into(), name: "the cup".into(), because: "viewed" }]);
    assert_eq!((got.buys_within_30_days, got.churn_risk), (None, None), "ten shoppers are too few to tell");
    assert_eq!(got.rfm.expect("bought").recency, 5);
    let en = &got.persona.en;
    for part in [
        "5 orders",
        "5 days ago",
        "lights (more of late)",
        "the tea again about every 30 days",
        "3.10",
        "Watches prices",
        "between 19:00 and 22:00",
    ] {
        assert!(en.contains(part), "{part}: {en}");
    }
    let zh = &got.persona.zh;
    for part in
        ["共下单 5 次", "lights（上升）", "约每 30 天回购一次the tea", "对价格敏感", "19:00 至 22:00", "通常直接购买"]
    {
        assert!(zh.contains(part), "{part}: {zh}");
    }
}

#[test]
fn little_says_little() {
    let nothing = persona(&[], None);
    assert_eq!((nothing.rfm, nothing.channel), (None, None));
    assert_eq!(
        (nothing.persona.zh.as_str(), nothing.persona.en.as_str()),
        ("还没有购买记录。", "Has bought nothing yet.")
    );
    let one = persona(&[bought(3, 10, "1", "a")], Some(&shop()));
    assert!(one.tastes.is_empty() && one.willingness_to_pay.is_empty() && one.repeat_cycles.is_empty());
    assert_eq!((one.price_sensitivity, &one.favourite_times), (None, &None));
    assert!(
        one.persona.en.contains("1 order worth 1.00 net of returns, the last one 3 days ago"),
        "{}",
        one.persona.en
    );
}

#[test]
fn odd_histories_are_read() {
    let far = |at_ms| Behaviour { at_ms, ..bought(0, 12, "x", "a@1:k") };
    let same = bought(10, 20, "s", "a@9223372036854775807:k a:k a:k");
    for acts in [
        vec![far(i64::MIN), far(i64::MAX), far(0)],
        vec![same.clone(), same.clone(), same],
        vec![bought(-5, 12, "later", "a:k b:k c:k")],
    ] {
        let got = persona(&acts, Some(&shop()));
        assert!(serde_json::to_value(&got).is_ok() && got.rfm.is_some(), "{got:?}");
    }
    let searched = [
        looked(2, 9, Action::Search { query: "a".into() }),
        looked(2, 10, Action::View { sku: "a".into() }),
        bought(2, 11, "1", "a"),
    ];
    assert_eq!(persona(&searched, None).channel, Some(Channel::Search));
    assert_eq!(persona(&searched[1..], None).channel, Some(Channel::Browse));
}
