//! [`ExchangeDesk`]: items are kept by version, orders and their awards are read back as they were told.

use crate::builders::Story;
use app::ports::{ExchangeDesk, Orders, PortError, Projection};
use domain::award::AwardState;
use domain::exchange::{Item, ItemDef};
use domain::ids::{AwardId, EntryId, ItemId, OrderId, ShopperId};
use domain::order::OrderState;
use domain::points::{Cause, Contra, Entry};
use domain::record::{ExchangeEnded, Exchanged, Fact};

const ALL: u64 = i64::MAX as u64;

fn item(id: u64, name: &str) -> Item {
    let text = format!(
        r#"{{"name": "{name}", "price_points": 50, "stock": 3, "per_shopper": 2, "starts_at": "2026-01-01T00:00:00.5Z",
            "gives": {{"prize": {{"kind": "coupon", "name": "锦鲤", "value_cents": 100}}}}}}"#
    );
    let def: ItemDef = serde_json::from_str(&text).expect("a definition");
    Item { id: ItemId(id), version: 1, retired: false, def, created_at_ms: 7 }
}

/// Items survive as they are, and only the next version takes the place of one.
pub async fn keeps_items<R: ExchangeDesk>(open: impl AsyncFn() -> R) {
    let store = open().await;
    for item in [item(9, "Mug"), item(5, "Code")] {
        store.insert(&item).await.expect("stored");
    }
    assert!(store.insert(&item(9, "Other")).await.is_err(), "an id is one item's");
    let retired = Item { version: 2, retired: true, ..item(5, "Code") };
    store.update(&retired).await.expect("stored");
    assert_eq!(store.update(&retired).await, Err(PortError::Stale("the item")));
    assert_eq!(store.update(&Item { version: 4, ..item(9, "Mug") }).await, Err(PortError::Stale("the item")));
    drop(store);
    assert_eq!(open().await.items().await, Ok(vec![retired, item(9, "Mug")]), "oldest first");
}

/// What a shopper pays for one unit, held.
fn held(story: &mut Story, shopper: ShopperId, order: u64) -> (EntryId, Fact) {
    let id = EntryId(story.new_id(shopper));
    let cause = Cause::Held { purpose: format!("exchange:{order}"), until_ms: Some(9_000) };
    let balance = story.account(shopper).points - 50;
    let entry = Entry { id, amount: -50, balance, contra: Contra::Held, expires_at_ms: None, cause, rolled: None };
    (id, Fact::Points(entry))
}

/// Exchange orders and their awards come back, each with what it bought, and end as they were told.
pub async fn lists_exchanges<R: ExchangeDesk + Orders + Projection>(open: impl AsyncFn() -> R) {
    let store = open().await;
    let mut story = Story::default();
    let (ada, bob) = (story.register("ada"), story.register("bob"));
    story.points(ada, 500, "gift");
    let mut orders = Vec::new();
    for (quantity, waits) in [(2u32, false), (1, true), (1, true)] {
        let order = OrderId(story.new_id(ada));
        let (hold, fact) = held(&mut story, ada, order.0);
        let state = if waits { AwardState::Granting } else { AwardState::Granted };
        let awards = (0..quantity).map(|_| (AwardId(story.new_id(ada)), state)).collect();
        let exchanged =
            Exchanged { order, item: ItemId(9), version: 3, quantity, points: 50, awards, hold: waits.then_some(hold) };
        let told = exchanged.clone();
        story.facts(ada, vec![fact, Fact::Exchanged(Box::new(exchanged))]);
        orders.push((told, hold));
    }
    store.apply(story.rows()).await.expect("applied");
    let listed = store.exchanges(ada, ALL, 9).await.expect("readable");
    let want: Vec<OrderId> = orders.iter().rev().map(|(told, _)| told.order).collect();
    assert_eq!(listed.iter().map(|row| row.id).collect::<Vec<_>>(), want, "newest first");
    assert_eq!(store.exchanges(ada, want[1].0, 9).await.map(|rows| rows.len()), Ok(1));
    assert_eq!(store.exchanges(bob, ALL, 9).await.map(|rows| rows.len()), Ok(0));
    let states = |rows: &[app::rows::OrderRow]| rows.iter().map(|row| row.state).collect::<Vec<_>>();
    assert_eq!(states(&listed), [OrderState::Effective, OrderState::Effective, OrderState::Used]);
    assert_eq!((listed[2].item, listed[2].quantity, listed[2].points), (Some(ItemId(9)), 2, -50));
    let awards = store.awards_of(ada, &want).await.expect("readable");
    assert_eq!(awards.len(), 4);
    assert!(awards.iter().all(|a| a.order.is_some_and(|order| want.contains(&order)) && a.campaign.0 == 9));
    assert_eq!(store.awards_of(bob, &want).await.map(|rows| rows.len()), Ok(0), "nobody else's");
    // One is handed over, one is given back.
    for (at, given) in [(1, true), (2, false)] {
        let (told, hold) = &orders[at];
        let award = told.awards[0].0;
        let ended = Fact::ExchangeEnded(ExchangeEnded { order: told.order, item: ItemId(9), award, given });
        let state = if given { AwardState::Granted } else { AwardState::Expired };
        let first = if given {
            Fact::HoldSettled { hold: *hold }
        } else {
            let id = EntryId(story.new_id(ada));
            let (balance, cause) = (story.account(ada).points + 50, Cause::Released { hold: *hold });
            let (amount, contra, expires_at_ms, rolled) = (50, Contra::Held, None, None);
            Fact::Points(Entry { id, amount, balance, contra, expires_at_ms, cause, rolled })
        };
        story.facts(ada, vec![first, Fact::AwardMoved { award, state }, ended]);
    }
    store.apply(story.rows()).await.expect("applied");
    let listed = store.exchanges(ada, ALL, 9).await.expect("readable");
    assert_eq!(states(&listed), [OrderState::Closed, OrderState::Used, OrderState::Used]);
    let ended = store.awards_of(ada, &want[..2]).await.expect("readable");
    assert_eq!(ended.iter().map(|a| a.state).collect::<Vec<_>>(), [AwardState::Granted, AwardState::Expired]);
    assert_eq!(store.order(want[0]).await.map(|row| row.map(|row| row.state)), Ok(Some(OrderState::Closed)));
    assert_eq!(story.account(ada).bought_of(ItemId(9)), 3, "what was given back is not bought");
}
