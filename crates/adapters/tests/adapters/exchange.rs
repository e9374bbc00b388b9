//! The exchange shop through the owner: points and what they buy are one record, stock is exact, and what nobody hands
//! over comes back.

use crate::harness::{DEADLINE, FIRST, Rig, chances, refusal, within};
use app::IfMatch;
use app::fulfil::{Engine, Options};
use app::koi::ItemEdit;
use app::ports::{CouponPools, Fulfilment, Letter, Undelivered};
use app::{AwardState, Error, ItemView};
use async_trait::async_trait;
use domain::exchange::ItemDef;
use domain::ids::{CampaignId, ItemId, OrderId, ShopperId};
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::builders::{DAY_MS, NOON_MS, campaign};

async fn item(rig: &Rig, price: i64, stock: u64, gives: Value) -> ItemView {
    let body = json!({"name": "Thing", "price_points": price, "stock": stock, "gives": gives});
    let def: ItemDef = serde_json::from_value(body).unwrap();
    rig.koi.create_item(def).await.unwrap()
}

async fn buy(rig: &Rig, item: ItemId, who: ShopperId, key: &str, quantity: u32) -> Result<(Value, bool), Error> {
    let answer = rig.koi.exchange(item, who, key, quantity, &json!({"quantity": quantity})).await?;
    assert_eq!(answer.status, 201);
    Ok((serde_json::from_slice(&answer.body).unwrap(), answer.replayed))
}

async fn give(rig: &Rig, name: &str, points: i64) -> ShopperId {
    let (view, _) = rig.koi.put_shopper(name, Default::default()).await.unwrap();
    rig.koi.add_points(name, points, "gift", "gift", None).await.unwrap();
    view.id
}

fn id_of(order: &Value) -> OrderId {
    order["id"].as_str().unwrap().parse().unwrap()
}

/// Balance and what is held.
async fn purse(rig: &Rig, who: ShopperId) -> (i64, i64) {
    let points = rig.koi.points(who).await.unwrap();
    (points.balance, points.held)
}

/// The order as its own look-up, its list and the award's list show it: state, and its awards' states.
async fn stands(rig: &Rig, who: ShopperId, order: &Value) -> (String, Vec<AwardState>) {
    loop {
        let shown = rig.koi.get_order(who, id_of(order)).await.unwrap();
        let listed = rig.koi.exchanges(who, FIRST).await.unwrap().data;
        let awards = rig.koi.awards(who, FIRST).await.unwrap().data;
        let value = serde_json::to_value(&shown).unwrap();
        // Fulfilment at work may move it between these reads, some few times in all: what moved is read again.
        if serde_json::to_value(rig.koi.get_order(who, id_of(order)).await.unwrap()).unwrap() != value {
            continue;
        }
        let listed = listed.iter().find(|row| row.id == shown.id).unwrap();
        assert_eq!(serde_json::to_value(listed).unwrap(), value, "a list shows the order");
        for award in &shown.awards {
            let of_list = awards.iter().find(|a| a.id == award.id).unwrap();
            assert_eq!((of_list.state, of_list.order_id), (award.state, Some(shown.id)));
        }
        return (shown.state.to_owned(), shown.awards.iter().map(|a| a.state).collect());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_exchanges_for_the_points_of_two() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let id = rig.publish(campaign()).await;
    let shop = item(&rig, 50, 9, json!({"chances": 3, "campaign_id": id})).await;
    let who = give(&rig, "ada", 100).await;
    let keys: Vec<String> = (0..10).map(|i| format!("k{i}")).collect();
    let all = futures_util::future::join_all(keys.iter().map(|key| buy(&rig, shop.id, who, key, 1))).await;
    let done: Vec<usize> = (0..10).filter(|at| all[*at].is_ok()).collect();
    assert_eq!(done.len(), 2, "{all:?}");
    let order = all[done[0]].as_ref().unwrap().0.clone();
    assert!(all.into_iter().enumerate().all(|(at, got)| done.contains(&at) || refusal(got) == "points_short"));
    assert_eq!((purse(&rig, who).await, chances(&rig.koi, id, who).await), ((0, 0), (6, 0, 6)));
    assert_eq!(
        (&order["kind"], &order["state"], &order["price_points"], &order["chances"], &order["quantity"]),
        (&json!("exchange"), &json!("effective"), &json!(50), &json!(3), &json!(1))
    );
    for reopened in [false, true] {
        if reopened {
            rig.project().await;
            rig = rig.reopen().await;
        }
        assert_eq!(buy(&rig, shop.id, who, &keys[done[0]], 1).await.unwrap(), (order.clone(), true));
        assert_eq!(refusal(buy(&rig, shop.id, who, &keys[done[0]], 2).await), "idempotency_key_reused");
        assert_eq!(serde_json::to_value(rig.koi.get_order(who, id_of(&order)).await.unwrap()).unwrap(), order);
        assert_eq!(rig.koi.get_item(shop.id).await.unwrap().left, 7);
    }
    assert_eq!(rig.koi.orders(id, who, FIRST).await.unwrap().data.len(), 2, "they are orders of the campaign too");
    let entries = rig.koi.point_entries(who, FIRST).await.unwrap().data;
    assert_eq!(entries.iter().map(|e| e.amount).sum::<i64>(), 0);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_is_exact_and_goods_are_there_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let shop = item(&rig, 10, 7, json!({"prize": {"kind": "goods", "value_cents": 3900, "claim_days": 2}})).await;
    let mut shoppers = Vec::new();
    for i in 0..5 {
        shoppers.push(give(&rig, &format!("s{i}"), 1_000).await);
    }
    let asks = (0..30).map(|i| {
        let (rig, who) = (&rig, shoppers[i % 5]);
        async move { buy(rig, shop.id, who, &format!("k{i}"), 1 + i as u32 % 2).await }
    });
    let all = futures_util::future::join_all(asks).await;
    let units: u64 = all.iter().flatten().map(|(order, _)| order["quantity"].as_u64().unwrap()).sum();
    assert!((6..=7).contains(&units), "{units} of 7");
    assert!(all.iter().any(Result::is_err));
    assert!(all.into_iter().filter(Result::is_err).all(|got| refusal(got) == "sold_out"));
    rig.project().await;
    rig = rig.reopen().await;
    let left = rig.koi.get_item(shop.id).await.unwrap();
    assert_eq!((left.sold, left.left), (units, 7 - units));
    let who = give(&rig, "ada", 1_000).await;
    assert_eq!(refusal(buy(&rig, shop.id, who, "k", 2).await), "sold_out");
    let more = ItemEdit { stock: Some(20), per_shopper: Some(Some(3)), ..ItemEdit::default() };
    assert_eq!(refusal(rig.koi.edit_item(shop.id, &IfMatch::version(9), more.clone()).await), "stale");
    assert_eq!(rig.koi.edit_item(shop.id, &IfMatch::version(1), more).await.unwrap().version, 2);
    let (order, _) = buy(&rig, shop.id, who, "k", 2).await.unwrap();
    let granted = AwardState::Granted;
    assert_eq!(stands(&rig, who, &order).await, ("used".into(), vec![granted, granted]));
    let award = rig.koi.awards(who, FIRST).await.unwrap().data.remove(0);
    assert_eq!((&*award.prize.name, award.campaign_id, award.claim_by.is_some()), ("Thing", None, true));
    let address = json!({"name": "Ada", "city": "上海"}).to_string();
    assert_eq!(rig.koi.claim(who, award.id, Some(address)).await.unwrap().state, AwardState::Claimed);
    assert_eq!(refusal(buy(&rig, shop.id, who, "l", 2).await), "item_limit_reached");
    assert_eq!(refusal(buy(&rig, shop.id, who, "l", 11).await), "quantity_too_large");
    assert_eq!(rig.koi.retire_item(shop.id, &IfMatch::Absent).await.unwrap().state, "retired");
    assert_eq!(refusal(buy(&rig, shop.id, who, "l", 1).await), "item_retired");
    assert!(rig.koi.items(false, FIRST).await.unwrap().data.is_empty());
    assert_eq!(rig.koi.items(true, FIRST).await.unwrap().data.len(), 1);
    rig.stop().await;
}

struct Nobody;

#[async_trait]
impl Fulfilment for Nobody {
    async fn hand_over(&self, _: Letter<'_>) -> Result<(), Undelivered> {
        Err(Undelivered("status_500".into()))
    }

    fn check_url(&self, _: &str) -> Result<(), &'static str> {
        Ok(())
    }
}

fn start(rig: &Rig) -> tokio::task::AbortHandle {
    let options =
        Options { first_retry_ms: 0, longest_retry_ms: 0, scan_seconds: 1, jitter_seed: 3, ..Options::default() };
    tokio::spawn(Engine::new(rig.koi.clone(), Arc::new(Nobody), &options).run()).abort_handle()
}

/// Projects until the order stands there.
async fn until(rig: &mut Rig, who: ShopperId, order: &Value, state: &str, award: AwardState) {
    let deadline = std::time::Instant::now() + DEADLINE;
    loop {
        rig.project().await;
        let now = stands(rig, who, order).await;
        if now == (state.into(), vec![award]) {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{now:?}, not {state} and {award:?}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_hands_over_comes_back_and_what_is_handed_over_stays_paid() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let shop = item(&rig, 40, 3, json!({"prize": {"code": "c", "kind": "coupon"}})).await;
    let who = give(&rig, "ada", 120).await;
    assert_eq!(refusal(buy(&rig, shop.id, who, "two", 2).await), "quantity_too_large");
    let mut orders = Vec::new();
    for key in ["first", "second", "third"] {
        orders.push(buy(&rig, shop.id, who, key, 1).await.unwrap().0);
    }
    assert_eq!(refusal(buy(&rig, shop.id, who, "none", 1).await), "sold_out");
    assert_eq!(purse(&rig, who).await, (0, 120), "held, not spent");
    assert_eq!(stands(&rig, who, &orders[0]).await, ("effective".into(), vec![AwardState::Granting]));
    let engine = start(&rig);
    until(&mut rig, who, &orders[0], "effective", AwardState::Failed).await;
    // One is given up, one gets its coupon, for one nobody has any in time.
    let closed = rig.koi.cancel_order(who, id_of(&orders[2])).await.unwrap();
    assert_eq!((closed.state, closed.awards[0].state), ("closed", AwardState::Expired));
    assert_eq!(rig.koi.cancel_order(who, id_of(&orders[2])).await.unwrap().state, "closed", "again");
    assert_eq!((purse(&rig, who).await, rig.koi.get_item(shop.id).await.unwrap().left), ((40, 80), 1));
    rig.koi.add_item_coupons(shop.id, vec!["C-1".into()]).await.unwrap();
    within(DEADLINE, "the coupon", async || purse(&rig, who).await == (40, 40)).await;
    // Which of the two that wait gets it is not promised.
    let first = stands(&rig, who, &orders[0]).await.0 == "used";
    let (handed, waits) = if first { (&orders[0], &orders[1]) } else { (&orders[1], &orders[0]) };
    assert_eq!(stands(&rig, who, handed).await, ("used".into(), vec![AwardState::Granted]));
    assert_eq!(refusal(rig.koi.cancel_order(who, id_of(handed)).await), "order_not_cancellable");
    let codes: Vec<String> =
        rig.koi.awards(who, FIRST).await.unwrap().data.into_iter().filter_map(|a| a.coupon_code).collect();
    assert_eq!(codes, ["C-1"], "only what was handed over shows its code");
    until(&mut rig, who, waits, "effective", AwardState::Failed).await;
    engine.abort();
    rig.project().await;
    rig.set_time(NOON_MS + 7 * DAY_MS - 1).await;
    assert_eq!(rig.koi.fire_due().await.unwrap(), 0);
    rig.set_time(NOON_MS + 7 * DAY_MS).await;
    assert_eq!(rig.koi.fire_due().await.unwrap(), 1);
    assert_eq!(stands(&rig, who, waits).await, ("closed".into(), vec![AwardState::Expired]));
    assert_eq!((purse(&rig, who).await, rig.koi.get_item(shop.id).await.unwrap().left), ((80, 0), 2));
    // A coupon that comes later finds the award closed.
    rig.project().await;
    rig.koi.add_item_coupons(shop.id, vec!["C-2".into()]).await.unwrap();
    rig = rig.reopen().await;
    let engine = start(&rig);
    let (order, _) = buy(&rig, shop.id, who, "fourth", 1).await.unwrap();
    until(&mut rig, who, &order, "used", AwardState::Granted).await;
    assert_eq!(stands(&rig, who, waits).await, ("closed".into(), vec![AwardState::Expired]));
    assert_eq!(CouponPools::count(rig.store(), CampaignId(shop.id.0), "c").await.unwrap(), (0, 2));
    assert_eq!((purse(&rig, who).await, rig.koi.get_item(shop.id).await.unwrap().left), ((40, 0), 1));
    engine.abort();
    rig.stop().await;
}

#[tokio::test]
async fn keys_live_for_thirty_days() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let shop = item(&rig, 10, 99, json!({"prize": {"kind": "goods"}})).await;
    let who = give(&rig, "ada", 100).await;
    let (order, _) = buy(&rig, shop.id, who, "k", 1).await.unwrap();
    for days in [1, 15, 30] {
        rig.set_time(NOON_MS + days * DAY_MS).await;
        assert_eq!(buy(&rig, shop.id, who, "k", 1).await.unwrap(), (order.clone(), true), "day {days}");
        rig.project().await;
        rig = rig.reopen().await;
    }
    rig.set_time(NOON_MS + 61 * DAY_MS).await;
    let (later, replayed) = buy(&rig, shop.id, who, "k", 1).await.unwrap();
    assert!(!replayed && later["id"] != order["id"], "another order by then");
    rig.stop().await;
}
