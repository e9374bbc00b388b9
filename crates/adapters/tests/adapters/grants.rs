//! Chances and points under the shop's own keys.

use crate::harness::{FIRST, Rig, chances, refusal};
use app::Answer;
use serde_json::Value;
use testkit::builders::campaign;

fn told(answer: &Answer) -> (u16, Value) {
    assert!(!answer.replayed, "a business key is no Idempotency-Key");
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

#[tokio::test]
async fn a_business_key_grants_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let (id, other) = (rig.publish(campaign()).await, rig.publish(campaign()).await);
    let who = rig.shopper("ada", id, 0).await;
    rig.shopper("bob", id, 0).await;
    let (status, order) = told(&rig.koi.grant(id, "ada", 3, "k", "gift", None).await.unwrap());
    assert_eq!((status, &order["chances"], &order["state"]), (201, &3.into(), &"effective".into()));
    for round in 0..3 {
        assert_eq!(
            told(&rig.koi.grant(id, "ada", 3, "k", "gift", None).await.unwrap()),
            (200, order.clone()),
            "round {round}"
        );
        for (chances, reason) in [(4, "gift"), (3, "other")] {
            assert_eq!(refusal(rig.koi.grant(id, "ada", chances, "k", reason, None).await), "business_key_reused");
        }
        match round {
            0 => rig = rig.reopen().await,
            1 => rig.project().await,
            _ => {}
        }
    }
    assert_eq!(chances(&rig.koi, id, who).await, (3, 0, 3));
    // The key is the shopper's within the campaign.
    assert_eq!(told(&rig.koi.grant(other, "ada", 5, "k", "gift", None).await.unwrap()).0, 201);
    assert_eq!(told(&rig.koi.grant(id, "bob", 5, "k", "gift", None).await.unwrap()).0, 201);
    assert_eq!(refusal(rig.koi.grant(id, "nobody", 5, "k", "gift", None).await), "shopper_unknown");
    let order: domain::ids::OrderId = order["id"].as_str().unwrap().parse().unwrap();
    for (draws, state) in [(0, "effective"), (2, "effective"), (1, "used")] {
        for i in 0..draws {
            rig.koi.draw(id, who, &format!("{state}{i}"), None, None).await.unwrap();
        }
        assert_eq!(rig.koi.get_order(who, order).await.unwrap().state, state);
    }
    rig.koi.end(id).await.unwrap();
    assert_eq!(refusal(rig.koi.grant(id, "ada", 1, "late", "gift", None).await), "campaign_over");
    assert_eq!(
        told(&rig.koi.grant(id, "ada", 3, "k", "gift", None).await.unwrap()).0,
        200,
        "what was granted stays told"
    );
    rig.stop().await;
}

#[tokio::test]
async fn points_never_fall_below_zero() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let id = rig.publish(campaign()).await;
    let who = rig.shopper("ada", id, 0).await;
    let mut balance = 0;
    for (amount, key, want) in [
        (-1, "a", Err("points_short")),
        (10, "a", Ok((201, 10))),
        (10, "a", Ok((200, 10))),
        (11, "a", Err("business_key_reused")),
        (-11, "b", Err("points_short")),
        (-10, "b", Ok((201, 0))),
        (-10, "b", Ok((200, 0))),
        (i64::MAX, "c", Ok((201, i64::MAX))),
        (1, "d", Err("points_too_many")),
        (i64::MIN, "d", Err("points_short")),
        (-i64::MAX, "d", Ok((201, 0))),
        (10, "a", Ok((200, 10))),
    ] {
        let got = rig.koi.add_points("ada", amount, key, "because", None).await;
        let got = got.map(|answer| told(&answer)).map(|(status, body)| (status, body["balance"].as_i64().unwrap()));
        assert_eq!(got.map_err(|error| error.code()), want, "{amount} under {key} on {balance}");
        if let Ok((201, after)) = want {
            balance = after;
        }
        assert_eq!(rig.koi.points(who).await.unwrap().balance, balance);
    }
    for project in [false, true] {
        if project {
            rig.project().await;
        }
        let entries = rig.koi.point_entries(who, FIRST).await.unwrap().data;
        let told: Vec<_> = entries.iter().map(|e| (e.amount, e.balance, e.business_key.as_str())).collect();
        assert_eq!(told, [(-i64::MAX, 0, "d"), (i64::MAX, i64::MAX, "c"), (-10, 0, "b"), (10, 10, "a")]);
    }
    rig.stop().await;
}
