//! Behaviour: each act once, and what it grants.

use crate::harness::{FIRST, Rig, chances, refusal};
use app::EventsView;
use app::koi::OrderInput;
use app::ports::Accounts;
use domain::behaviour::{Action, Behaviour, Item};
use domain::chances::EARLY_MAX;
use domain::fairness::{CampaignSeed, PointsReceipt};
use domain::ids::{CampaignId, ShopperId};
use serde_json::{Value, json};
use testkit::builders::{DAY_MS, NOON_MS, campaign, purchase, sign_in, view};

async fn send(rig: &Rig, events: Vec<(&str, Behaviour)>) -> (usize, usize) {
    let events = events.into_iter().map(|(shopper, behaviour)| Ok((shopper.to_owned(), behaviour))).collect();
    let EventsView { accepted, duplicates, rejected } = rig.koi.record_events(events).await.unwrap();
    assert!(rejected.is_empty());
    (accepted, duplicates)
}

async fn order(rig: &Rig, id: CampaignId, who: ShopperId, key: &str) -> Result<Value, app::Error> {
    let answer = rig.koi.order(id, who, key, OrderInput::SignIn, &json!({"kind": "sign_in"})).await?;
    Ok(serde_json::from_slice(&answer.body).unwrap())
}

#[tokio::test]
async fn a_repeated_behaviour_is_a_duplicate() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let both = || {
        vec![("ada", view("1", NOON_MS, "CUP")), ("bob", view("1", NOON_MS, "CUP")), ("ada", view("1", NOON_MS, "MUG"))]
    };
    assert_eq!(send(&rig, both()).await, (2, 1), "unique by shopper and id, also within a request");
    for new in ["2", "3", "4"] {
        assert_eq!(send(&rig, both()).await, (0, 3));
        assert_eq!(send(&rig, vec![("ada", view(new, NOON_MS, "CUP"))]).await, (1, 0), "a new one is new");
        rig = rig.reopen().await;
        assert_eq!(send(&rig, both()).await, (0, 3), "after a restart, unprojected");
        rig.project().await;
    }
    assert_eq!(rig.koi.profile("bob").await.unwrap()["shopper"], "bob");
    rig.stop().await;
}

#[tokio::test]
async fn a_shopper_with_thousands_of_unprojected_keys_repeats_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let id = rig.publish(campaign()).await;
    let batch = |from: usize| -> Vec<(&str, Behaviour)> {
        (from..from + 1_000)
            .map(|i| ("ada", purchase(&format!("e{i}"), &format!("o{i}"), NOON_MS, "CUP", 10_000)))
            .collect()
    };
    for from in (0..6_000).step_by(1_000) {
        assert_eq!(send(&rig, batch(from)).await, (1_000, 0));
    }
    let who = rig.koi.find_shopper("ada").await.unwrap().unwrap();
    assert_eq!(send(&rig, batch(0)).await, (0, 1_000), "the oldest keys are in no records yet");
    rig = rig.reopen().await;
    assert_eq!(send(&rig, batch(0)).await, (0, 1_000), "after a restart on a long tail");
    assert_eq!(chances(&rig.koi, id, who).await.0, 6_000);
    rig.project().await;
    assert_eq!(send(&rig, batch(1_000)).await, (0, 1_000), "projected");
    rig = rig.reopen().await;
    assert_eq!(send(&rig, batch(2_000)).await, (0, 1_000), "cold: more keys than are read at once");
    assert_eq!(chances(&rig.koi, id, who).await.0, 6_000);
    rig.stop().await;
}

#[tokio::test]
async fn a_day_is_signed_in_on_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let mut giving = campaign();
    giving["chances"]["points_on_sign_in"] = json!({"min": 3, "max": 4});
    let id = rig.publish(giving).await;
    let who = rig.shopper("ada", id, 0).await;
    let signed = async |rig: &Rig| rig.koi.me(id, who).await.unwrap().signed_in_today;
    assert!(!signed(&rig).await);

    let first = order(&rig, id, who, "k").await.unwrap();
    assert_eq!(
        (&first["kind"], &first["chances"], &first["state"]),
        (&"sign_in".into(), &1.into(), &"effective".into())
    );
    assert!((3..=4).contains(&first["points"].as_u64().unwrap()));
    assert_eq!(order(&rig, id, who, "k").await.unwrap(), first, "the same key again");
    assert_eq!(refusal(order(&rig, id, who, "other").await), "already_signed_in");
    assert_eq!(send(&rig, vec![("ada", sign_in("e1", NOON_MS))]).await, (1, 0), "the behaviour is kept");
    assert_eq!(chances(&rig.koi, id, who).await, (1, 0, 1), "an order and an event of one day are one act");
    assert!(signed(&rig).await);

    rig.set_time(NOON_MS + DAY_MS).await;
    assert!(!signed(&rig).await, "another day");
    assert_eq!(
        send(&rig, vec![("ada", sign_in("e2", NOON_MS + DAY_MS)), ("ada", sign_in("e3", NOON_MS + DAY_MS + 5))]).await,
        (2, 0)
    );
    assert_eq!(chances(&rig.koi, id, who).await, (2, 0, 2));
    for _ in 0..2 {
        assert_eq!(refusal(order(&rig, id, who, "k2").await), "already_signed_in", "an event and an order");
        rig = rig.reopen().await;
        assert!(signed(&rig).await);
        rig.project().await;
    }
    let points = rig.koi.points(who).await.unwrap().balance;
    assert!((6..=8).contains(&points), "points of two days: {points}");
    // Yesterday's day is signed in on too: an event that comes late grants nothing again.
    assert_eq!(send(&rig, vec![("ada", sign_in("late", NOON_MS))]).await, (1, 0));
    assert_eq!(chances(&rig.koi, id, who).await, (2, 0, 2));
    let other = rig.publish(campaign()).await;
    order(&rig, other, who, "k").await.unwrap();
    rig.stop().await;
}

fn items(prices: &[(i64, u32)]) -> Vec<Item> {
    let item = |(cents, quantity): &(i64, u32)| Item {
        sku: "CUP".into(),
        name: "Cup".into(),
        category: String::new(),
        price_cents: *cents,
        quantity: *quantity,
    };
    prices.iter().map(item).collect()
}

#[tokio::test]
async fn a_purchase_grants_once_per_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let mut windowed = campaign();
    windowed["starts_at"] = "2026-03-09T00:00:00Z".into();
    windowed["ends_at"] = "2026-03-12T00:00:00Z".into();
    let id = rig.publish(windowed).await;
    let who = rig.shopper("ada", id, 0).await;
    let buy = |event: &str, order: &str, at_ms: i64, prices: &[(i64, u32)]| Behaviour {
        id: event.into(),
        at_ms,
        action: Action::Purchase { order_id: order.into(), items: items(prices) },
    };
    let (mut granted, mut orders) = (0, 0);
    for (behaviour, chances_more, points_too) in [
        (buy("1", "A", NOON_MS, &[(25_000, 1)]), 2, true),
        (buy("1", "A", NOON_MS, &[(25_000, 1)]), 0, false),
        (buy("2", "A", NOON_MS, &[(90_000, 1)]), 0, false),
        (buy("3", "B", NOON_MS, &[(3_333, 3)]), 0, true),
        (buy("4", "C", NOON_MS, &[(3_000, 3), (1_000, 1)]), 1, true),
        (buy("5", "D", NOON_MS - 2 * DAY_MS, &[(99_000, 1)]), 0, false),
        (buy("6", "E", NOON_MS + 2 * DAY_MS, &[(99_000, 1)]), 0, false),
        (buy("7", "F", NOON_MS, &[(i64::MAX / 2, 1_000)]), 10_000, true),
        (
            Behaviour {
                id: "8".into(),
                at_ms: NOON_MS,
                action: Action::Return { order_id: "G".into(), items: items(&[(50_000, 1)]) },
            },
            0,
            false,
        ),
    ] {
        let points = rig.koi.points(who).await.unwrap().balance;
        let told = format!("{behaviour:?}");
        send(&rig, vec![("ada", behaviour)]).await;
        granted += chances_more;
        orders += u64::from(points_too);
        assert_eq!(chances(&rig.koi, id, who).await.0, granted, "after {told}");
        let won = rig.koi.points(who).await.unwrap().balance - points;
        assert!(if points_too { (1..=50).contains(&won) } else { won == 0 }, "{won} points for {told}");
    }
    rig = rig.reopen().await;
    rig.project().await;
    send(&rig, vec![("ada", buy("9", "C", NOON_MS, &[(90_000, 1)])), ("ada", buy("10", "H", NOON_MS, &[(10_000, 1)]))])
        .await;
    assert_eq!(chances(&rig.koi, id, who).await.0, granted + 1, "an order grants once, a new one too");
    let entries = rig.koi.point_entries(who, FIRST).await.unwrap().data;
    assert_eq!(entries.len() as u64, orders + 1);
    rig.koi.end(id).await.unwrap();
    send(&rig, vec![("ada", buy("11", "I", NOON_MS, &[(10_000, 1)]))]).await;
    assert_eq!(chances(&rig.koi, id, who).await.0, granted + 1, "an ended campaign grants nothing");
    rig.stop().await;
}

fn bought(event: &str, order: &str, at_ms: i64, cents: i64) -> Behaviour {
    let action = Action::Purchase { order_id: order.into(), items: items(&[(cents, 1)]) };
    Behaviour { id: event.into(), at_ms, action }
}

fn back(event: &str, order: &str, at_ms: i64, cents: i64) -> Behaviour {
    let action = Action::Return { order_id: order.into(), items: items(&[(cents, 1)]) };
    Behaviour { id: event.into(), at_ms, action }
}

/// A campaign of three days that a purchase gives chances and points by chance.
fn windowed() -> Value {
    let mut windowed = campaign();
    windowed["starts_at"] = "2026-03-09T00:00:00Z".into();
    windowed["ends_at"] = "2026-03-12T00:00:00Z".into();
    windowed["chances"] = json!({"per_purchase_cents": 10_000, "points_on_purchase": {"min": 1, "max": 1_000_000}});
    windowed
}

#[tokio::test]
async fn what_was_bought_within_a_campaign_counts_after_its_end() {
    const HOUR_MS: i64 = 3_600_000;
    let window_end = NOON_MS + 44 * HOUR_MS;
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let (id, run_out) = (rig.publish(windowed()).await, rig.publish(windowed()).await);
    let mut tickets = windowed();
    tickets["prizes"].as_array_mut().unwrap().push(json!({"code": "car", "name": "Car", "kind": "goods",
        "value_cents": 100_000, "cost_cents": 100_000, "claim_days": 7}));
    tickets["entry"] = json!({"tickets": "chances", "prize": "car", "winners": 1});
    let raffle = rig.publish(tickets).await;
    let who = rig.shopper("ada", id, 0).await;
    rig.koi.acting("operator:ann").end(id).await.unwrap();
    rig.koi.end(raffle).await.unwrap();
    let view = rig.koi.campaign(id).await.unwrap();
    assert_eq!(
        (view.ended_at.as_deref(), view.ended_by.as_deref()),
        (Some("2026-03-10T04:00:00.000Z"), Some("operator:ann"))
    );
    rig.set_time(window_end + 240 * HOUR_MS).await;
    rig.koi.end(run_out).await.unwrap();

    // Chances in each: ended by an act at noon, run out, and one whose chances are tickets, ended at noon. Points in each.
    let (mut granted, mut paid) = ([0; 3], [0; 3]);
    for (number, (at_ms, chances_more, pays)) in [
        (NOON_MS - 1, [2, 2, 0], [1, 1, 1]),
        (NOON_MS, [0, 2, 0], [0, 1, 0]),
        (window_end - 1, [0, 2, 0], [0, 1, 0]),
        (window_end, [0; 3], [0; 3]),
        (NOON_MS - 29 * HOUR_MS, [0; 3], [0; 3]),
    ]
    .into_iter()
    .enumerate()
    {
        send(&rig, vec![("ada", bought(&format!("e{number}"), &format!("o{number}"), at_ms, 25_000))]).await;
        for (place, campaign) in [id, run_out, raffle].into_iter().enumerate() {
            (granted[place], paid[place]) = (granted[place] + chances_more[place], paid[place] + pays[place]);
            let (granted_now, ..) = chances(&rig.koi, campaign, who).await;
            assert_eq!(granted_now, granted[place], "campaign {place} after purchase {number}");
        }
        let entries = rig.koi.point_entries(who, FIRST).await.unwrap().data;
        assert_eq!(entries.len(), paid.iter().sum::<usize>(), "after purchase {number}");
    }
    assert_eq!(refusal(crate::harness::draw(&rig.koi, id, who, "late").await), "campaign_over", "granted, not drawn");

    // The receipt shows which seed decided; that one is public when nothing is granted any more.
    rig.project().await;
    let entries = serde_json::to_value(rig.koi.point_entries(who, FIRST).await.unwrap().data).unwrap();
    let hidden = rig.koi.published_rules(id).await.unwrap();
    assert_eq!((hidden.late_seed, hidden.campaign_seed.is_some()), (None, true));
    rig.koi.archive(id).await.unwrap();
    rig = rig.reopen().await;
    let rules = rig.koi.published_rules(id).await.unwrap();
    let seed = |hex: Option<String>| CampaignSeed::new(hex::decode(hex.unwrap()).unwrap().try_into().unwrap());
    let (late, early) = (seed(rules.late_seed), seed(rules.campaign_seed));
    assert_eq!(hex::encode(late.commitment()), rules.late_seed_hash);
    let receipts = entries.as_array().unwrap().iter().map(|entry| entry["receipt"].to_string());
    let own = receipts.map(|text| PointsReceipt::parse(text.as_bytes()).unwrap()).find(|r| r.campaign == id).unwrap();
    assert_eq!(own.label, "late_purchase|o0");
    assert_eq!(own.verify_with_seed(&late), Ok(own.points.0));
    assert!(own.verify_with_seed(&early).is_err(), "the seed that was public decides nothing more");
    let before = chances(&rig.koi, id, who).await;
    send(&rig, vec![("ada", bought("e9", "o9", NOON_MS - 1, 25_000))]).await;
    assert_eq!(chances(&rig.koi, id, who).await, before, "an archived campaign grants nothing");
    rig.stop().await;
}

/// Each order of the same items.
fn orders_of<T: Clone>(all: &[T]) -> Vec<Vec<T>> {
    if all.is_empty() {
        return vec![Vec::new()];
    }
    let mut orders = Vec::new();
    for (at, first) in all.iter().enumerate() {
        let others: Vec<T> = all[..at].iter().chain(&all[at + 1..]).cloned().collect();
        orders.extend(orders_of(&others).into_iter().map(|rest| [&[first.clone()][..], &rest].concat()));
    }
    orders
}

#[tokio::test]
async fn it_does_not_matter_what_is_told_first() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let mut counting = windowed();
    counting["chances"]["points_on_purchase"] = json!({"min": 5, "max": 5});
    counting["chances"]["return_window_days"] = 1.into();
    counting["spend_weights"] = json!([{"from_cents": 1_000_000, "weights": {"small": 60}}]);
    let id = rig.publish(counting).await;
    let told = [
        bought("p1", "A", NOON_MS, 55_000),
        back("r1", "A", NOON_MS + 1, 10_000),
        back("r2", "A", NOON_MS + 2, 6_000),
        bought("p2", "B", NOON_MS - 5, 20_000),
        back("r3", "B", NOON_MS + 3 * DAY_MS, 20_000),
    ];
    let orders = orders_of(&told);
    assert_eq!(orders.len(), 120);
    let shoppers: Vec<String> = (0..orders.len()).map(|n| format!("s{n}")).collect();
    for (shopper, order) in shoppers.iter().zip(&orders) {
        // The first half as one request, the rest one by one.
        let (together, single) = order.split_at(2);
        send(&rig, together.iter().map(|act| (shopper.as_str(), act.clone())).collect()).await;
        for act in single {
            send(&rig, vec![(shopper.as_str(), act.clone())]).await;
        }
    }
    rig.project().await;
    let total = async |rig: &Rig, shopper: &str| {
        let who = rig.koi.find_shopper(shopper).await.unwrap().unwrap();
        let stored = Accounts::by_ids(rig.store(), &[who]).await.unwrap();
        let standing = stored[0].account.enrolment(id).unwrap().clone();
        let me = rig.koi.me(id, who).await.unwrap();
        let mut profile = rig.koi.profile(shopper).await.unwrap();
        // Who it is, and how that compares with everybody else here.
        for relative in ["shopper", "rfm", "persona"] {
            profile[relative] = Value::Null;
        }
        let chances = (me.chances.granted, me.chances.taken_back, me.chances.left);
        (chances, standing.tally.spend_cents, standing.early.len(), me.points, profile)
    };
    let first = total(&rig, "s0").await;
    // 55,000 less 16,000 deserve three of five; the return after its window lowers what was spent and takes no chance.
    assert_eq!((first.0, first.1, first.2, first.3), ((7, 2, 5), 39_000, 0, 10));
    for (shopper, order) in shoppers.iter().zip(&orders) {
        let told: Vec<&str> = order.iter().map(|act| act.id.as_str()).collect();
        assert_eq!(total(&rig, shopper).await, first, "told as {told:?}");
    }
    rig.stop().await;
}

#[tokio::test]
async fn returns_that_meet_no_purchase_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let id = rig.publish(windowed()).await;
    let who = rig.shopper("ada", id, 0).await;
    let returns = (0..=EARLY_MAX).map(|n| ("ada", back(&format!("r{n}"), &format!("o{n}"), NOON_MS, 10_000)));
    send(&rig, returns.collect()).await;
    rig.project().await;
    let stored = Accounts::by_ids(rig.store(), &[who]).await.unwrap();
    assert_eq!(stored[0].account.enrolment(id).unwrap().early.len(), EARLY_MAX);
    // The one that waited longest made way, the next one did not.
    send(&rig, vec![("ada", bought("p0", "o0", NOON_MS, 10_000)), ("ada", bought("p1", "o1", NOON_MS, 10_000))]).await;
    assert_eq!(chances(&rig.koi, id, who).await, (2, 0, 1));
    rig.stop().await;
}
