//! Behaviour: each act once, and what it grants.

use crate::harness::{FIRST, Rig, chances, refusal};
use app::EventsView;
use app::koi::OrderInput;
use domain::behaviour::{Action, Behaviour, Item};
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
