//! Points: nobody spends what is not there, whatever happens at once; what expires goes first.

use crate::harness::{FIRST, Rig, refusal};
use app::koi::OrderInput;
use app::{EntryView, Error};
use domain::fairness::PointsReceipt;
use domain::ids::ShopperId;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use testkit::builders::{DAY_MS, NOON_MS, campaign, purchase};

async fn entries(rig: &Rig, who: ShopperId) -> Vec<EntryView> {
    let (mut all, mut page) = (Vec::new(), FIRST);
    loop {
        let got = rig.koi.point_entries(who, page).await.unwrap();
        all.extend(got.data);
        match got.next_cursor {
            Some(cursor) => page.before = Some(cursor.parse().unwrap()),
            None => return all,
        }
    }
}

/// The statement adds up: each balance is the one below it and the amount, none is negative, no business key comes twice.
async fn check(rig: &Rig, who: ShopperId) -> i64 {
    let mut all = entries(rig, who).await;
    all.reverse();
    let mut balance = 0;
    for entry in &all {
        balance += entry.amount;
        assert_eq!(entry.balance, balance, "a running balance: {entry:?}");
        assert!(balance >= 0, "never below zero: {entry:?}");
    }
    let keys: BTreeSet<_> = all.iter().map(|e| e.business_key.as_str()).collect();
    assert_eq!(keys.len(), all.len(), "each business key once");
    assert_eq!(rig.koi.points(who).await.unwrap().balance, balance, "the balance is the sum of its entries");
    balance
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn points_of_64_spenders_are_never_below_zero() {
    const SPENDERS: usize = 64;
    const TRIES: usize = 8;
    const CREDIT: i64 = 1_000;
    let dir = tempfile::tempdir().unwrap();
    let rig = Arc::new(Rig::open(dir.path()).await);
    let mut selling = campaign();
    selling["chances"] = json!({"points_price": 30});
    let id = rig.publish(selling).await;
    let who = rig.shopper("ada", id, 0).await;
    rig.koi.add_points("ada", CREDIT, "first", "gift", None).await.unwrap();
    let mut running = tokio::task::JoinSet::new();
    for spender in 0..SPENDERS {
        let rig = rig.clone();
        running.spawn(async move {
            let (mut spent, mut refused) = (0, 0);
            for i in 0..TRIES {
                // Two spenders share each business key: only one of them spends under it.
                let (pair, amount) = (spender / 2, 7 + (i as i64));
                let done = if spender % 4 < 2 {
                    rig.koi
                        .add_points("ada", -amount, &format!("k{pair}-{i}"), "spent", None)
                        .await
                        .map(|a| (a, amount))
                } else {
                    let (key, input) = (format!("o{spender}-{i}"), OrderInput::Points { quantity: 1 });
                    rig.koi.order(id, who, &key, input, &json!(i)).await.map(|a| (a, 30))
                };
                match done {
                    Ok((answer, amount)) if answer.status == 201 => spent += amount,
                    Ok((answer, _)) => assert_eq!(answer.status, 200, "a repeat"),
                    Err(Error::Conflict { code: "points_short", .. }) => refused += 1,
                    Err(error) => panic!("{error:?}"),
                }
            }
            (spent, refused)
        });
    }
    let (mut spent, mut refused) = (0, 0);
    while let Some(done) = running.join_next().await {
        let (one, no) = done.unwrap();
        (spent, refused) = (spent + one, refused + no);
    }
    let mut rig = Arc::into_inner(rig).unwrap();
    let balance = check(&rig, who).await;
    assert_eq!(balance, CREDIT - spent, "what was acknowledged as spent is spent, once");
    assert!(balance < 30 && refused > 0, "there were more spenders than points: {balance} left, {refused} refused");
    let bought = rig.koi.me(id, who).await.unwrap().chances.granted;
    let sold = entries(&rig, who).await.iter().filter(|e| e.business_key.starts_with("order:")).count() as u64;
    assert_eq!(bought, sold, "each order has its entry and its chance");
    rig.project().await;
    rig = rig.reopen().await;
    assert_eq!(check(&rig, who).await, balance);
    let counters = json!({"test": "points", "spenders": SPENDERS, "spent": spent, "refused": refused, "left": balance,
                          "chances_bought": bought, "negative": 0});
    println!("{counters}");
    rig.stop().await;
}

#[tokio::test]
async fn points_expire_by_batches_oldest_first() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let who = rig.shopper("ada", rig.publish(campaign()).await, 0).await;
    let at = |days: i64| NOON_MS + days * DAY_MS;
    for (key, amount, expires) in
        [("a", 50, None), ("b", 10, Some(at(2))), ("c", 20, Some(at(1))), ("d", 5, Some(at(2)))]
    {
        rig.koi.add_points("ada", amount, key, "gift", expires).await.unwrap();
    }
    rig.koi.add_points("ada", -23, "s", "spent", None).await.unwrap();
    rig.project().await;
    rig.set_time(at(1)).await;
    assert_eq!(rig.koi.fire_due().await.unwrap(), 1, "the first batch was spent");
    assert_eq!(check(&rig, who).await, 62);
    rig = rig.reopen().await;
    rig.set_time(at(2)).await;
    // 12 points of the second batch are over though no timer said so yet: they cannot be spent.
    assert_eq!(refusal(rig.koi.add_points("ada", -51, "t", "spent", None).await), "points_short");
    rig.koi.add_points("ada", -40, "t", "spent", None).await.unwrap();
    assert_eq!(check(&rig, who).await, 10);
    assert_eq!(rig.koi.fire_due().await.unwrap(), 1, "and its timer finds nothing");
    let told: Vec<_> = entries(&rig, who).await.iter().take(2).map(|e| (e.amount, e.contra)).collect();
    assert_eq!(told, [(-40, "spent"), (-12, "expired")]);
    rig.koi.add_points("ada", 9, "u", "gift", Some(at(3))).await.unwrap();
    rig.project().await;
    rig.set_time(at(3)).await;
    assert_eq!(rig.koi.fire_due().await.unwrap(), 1);
    assert_eq!(check(&rig, who).await, 10, "a timer alone writes off, too");
    rig.project().await;
    assert_eq!(check(&rig.reopen().await, who).await, 10);
}

#[tokio::test]
async fn points_by_chance_come_with_receipts_that_hold() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let mut giving = campaign();
    giving["chances"] = json!({
        "sign_in": 1, "points_on_sign_in": {"min": 1, "max": 1_000_000}, "points_on_purchase": {"min": 1, "max": 10},
        "points_by_spend": [{"from_cents": 10_000, "min": 100, "max": 200}, {"from_cents": 5_000, "min": 20, "max": 30}],
        "points_valid_days": 3,
    });
    let id = rig.publish(giving).await;
    let who = rig.shopper("ada", id, 0).await;
    rig.koi.order(id, who, "k", OrderInput::SignIn, &json!(0)).await.unwrap();
    for (order, cents) in [("o1", 4_999), ("o2", 5_000), ("o3", 10_000)] {
        let event = purchase(order, order, NOON_MS, "CUP", cents);
        rig.koi.record_events(vec![Ok(("ada".to_owned(), event))]).await.unwrap();
    }
    for _ in 0..2 {
        let mut all = entries(&rig, who).await;
        all.reverse();
        let ranges = [(1, 1_000_000), (1, 10), (20, 30), (100, 200)];
        assert_eq!(all.len(), ranges.len());
        for (entry, (min, max)) in all.iter().zip(ranges) {
            let receipt = PointsReceipt::parse(entry.receipt.as_ref().unwrap().get().as_bytes()).unwrap();
            assert_eq!(receipt.verify().map(i64::from), Ok(entry.amount));
            assert_eq!((receipt.points.1, receipt.points.2, receipt.shopper), (min, max, who));
            assert!(entry.expires_at.is_some());
        }
        rig.project().await;
    }
    let seed = rig.koi.end(id).await.unwrap().campaign_seed.unwrap();
    let seed: [u8; 32] = hex::decode(seed).unwrap().try_into().unwrap();
    for entry in entries(&rig, who).await {
        let receipt = PointsReceipt::parse(entry.receipt.unwrap().get().as_bytes()).unwrap();
        let seed = domain::fairness::CampaignSeed::new(seed);
        assert!(receipt.verify_with_seed(&seed).is_ok(), "the revealed seed gives every receipt's: {receipt:?}");
    }
    rig.stop().await;
}
