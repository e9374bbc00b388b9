//! The exchange shop, as operators stock it and shoppers buy in it.

use super::lists::merge;
use super::{Answer, Koi};
use crate::command::{Act, Once, Seen, Who, Work};
use crate::error::{Error, Result};
use crate::keys::{KeyKind, hash};
use crate::precondition::IfMatch;
use crate::rows::{OrderRow, Projected};
use crate::time::rfc3339;
use crate::views::{CouponsView, ItemView, OrderAwardView, OrderView, Page, PageAsk};
use domain::campaign::{Kind, Time};
use domain::exchange::{BadItem, Item, ItemDef};
use domain::ids::{CampaignId, ItemId, OrderId, ShopperId};
use rustc_hash::FxHashMap;
use std::sync::{Arc, PoisonError};

/// Items of the shop, retired ones included: all of them are in memory.
pub const ITEMS_MAX: usize = 10_000;

/// What an operator changes of an item; what it gives stays.
#[derive(Debug, Clone, Default)]
pub struct ItemEdit {
    pub name: Option<String>,
    pub price_points: Option<i64>,
    pub stock: Option<u64>,
    /// `Some(None)` lifts it.
    pub per_shopper: Option<Option<u32>>,
    pub starts_at: Option<Option<Time>>,
    pub ends_at: Option<Option<Time>>,
    pub hold_days: Option<Option<u32>>,
}

impl From<BadItem> for Error {
    fn from(bad: BadItem) -> Self {
        Error::invalid("invalid_body", bad.field, bad.detail)
    }
}

impl ItemEdit {
    fn apply(self, to: ItemDef) -> ItemDef {
        ItemDef {
            name: self.name.unwrap_or(to.name),
            price_points: self.price_points.unwrap_or(to.price_points),
            stock: self.stock.unwrap_or(to.stock),
            per_shopper: self.per_shopper.unwrap_or(to.per_shopper),
            starts_at: self.starts_at.unwrap_or(to.starts_at),
            ends_at: self.ends_at.unwrap_or(to.ends_at),
            hold_days: self.hold_days.unwrap_or(to.hold_days),
            ..to
        }
    }
}

fn view(item: &Item, sold: u64) -> ItemView {
    ItemView {
        id: item.id,
        state: if item.retired { "retired" } else { "active" },
        definition: item.def.clone(),
        sold,
        left: item.def.stock.saturating_sub(sold),
        created_at: rfc3339(item.created_at_ms),
        version: item.version,
    }
}

impl Koi {
    /// An item, retired or not.
    pub(crate) fn item(&self, id: ItemId) -> Option<Arc<Item>> {
        self.inner.items.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Puts a new item into the shop.
    pub async fn create_item(&self, def: ItemDef) -> Result<ItemView> {
        let def = def.checked()?;
        if let Some(campaign) = def.gives.campaign_id
            && matches!(self.campaign(campaign).await, Err(Error::NotFound { .. }))
        {
            return Err(Error::invalid("campaign_unknown", "gives.campaign_id", "no campaign of that id"));
        }
        let _one_at_a_time = self.inner.acts.lock().await;
        if self.inner.items.read().unwrap_or_else(PoisonError::into_inner).len() >= ITEMS_MAX {
            let detail = format!("the shop holds {ITEMS_MAX} items, retired ones included");
            return Err(Error::Conflict { code: "items_too_many", detail });
        }
        let id = ItemId(self.make_id().await?);
        let item = Item { id, version: 1, retired: false, def, created_at_ms: self.now_ms() };
        self.parts().exchange.insert(&item).await?;
        self.confirm_item(item).await
    }

    /// Changes an item; what was bought keeps its price.
    pub async fn edit_item(&self, id: ItemId, if_match: &IfMatch, edit: ItemEdit) -> Result<ItemView> {
        self.change_item(id, if_match, |item| Ok(Item { def: edit.apply(item.def).checked()?, ..item })).await
    }

    /// Takes an item out of the shop for good; doing it again shows it retired.
    pub async fn retire_item(&self, id: ItemId, if_match: &IfMatch) -> Result<ItemView> {
        self.change_item(id, if_match, |item| Ok(Item { retired: true, ..item })).await
    }

    async fn change_item(
        &self,
        id: ItemId,
        if_match: &IfMatch,
        change: impl FnOnce(Item) -> Result<Item>,
    ) -> Result<ItemView> {
        let _one_at_a_time = self.inner.acts.lock().await;
        // What is stored, not what is in memory: an earlier edit may have been stored and not confirmed.
        let stored = self.parts().exchange.items().await?.into_iter().find(|item| item.id == id);
        let stored = stored.ok_or(Error::no_item())?;
        if_match.check_version(stored.version)?;
        let changed = change(stored.clone())?;
        if changed == stored && self.item(id).is_some_and(|item| *item == stored) {
            let sold = self.units_sold().await?.get(&id).copied().unwrap_or(0);
            return Ok(view(&stored, sold));
        }
        let changed = Item { version: stored.version + 1, ..changed };
        if changed.def.stock < stored.def.stock {
            // Taken out before there are fewer, put in when there are more: see `confirm_item`.
            self.set_item_stock(&changed).await?;
        }
        self.parts().exchange.update(&changed).await?;
        self.confirm_item(changed).await
    }

    /// Waits until the owner has read the item's act back (R9). A crash in between is mended at the next start, which
    /// sends the acts of all items again; a 503 by the next edit.
    async fn confirm_item(&self, item: Item) -> Result<ItemView> {
        let item = Arc::new(item);
        self.set_item_stock(&item).await?;
        self.tell_owners(Act::Item(item.clone())).await?;
        self.show_item(item.clone());
        let sold = self.units_sold().await?.get(&item.id).copied().unwrap_or(0);
        Ok(view(&item, sold))
    }

    /// The shop's items, newest first. `all`: those too that shoppers cannot buy any more.
    pub async fn items(&self, all: bool, page: PageAsk) -> Result<Page<ItemView>> {
        let (sold, now_ms) = (self.units_sold().await?, self.now_ms());
        let before = page.before.unwrap_or(u64::MAX);
        let shown = |item: &&Arc<Item>| {
            let over = item.retired || item.def.ends_at.is_some_and(|at| now_ms >= at.as_ms());
            item.id.0 < before && (all || !over)
        };
        let rows: Vec<Arc<Item>> = {
            let items = self.inner.items.read().unwrap_or_else(PoisonError::into_inner);
            items.values().filter(shown).cloned().collect()
        };
        let (rows, next_cursor) = merge(rows, Vec::new(), page.limit, |item| item.id.0);
        let data = rows.iter().map(|item| view(item, sold.get(&item.id).copied().unwrap_or(0)));
        Ok(Page { data: data.collect(), next_cursor })
    }

    /// One item.
    pub async fn get_item(&self, id: ItemId) -> Result<ItemView> {
        let item = self.item(id).ok_or(Error::no_item())?;
        Ok(view(&item, self.units_sold().await?.get(&id).copied().unwrap_or(0)))
    }

    /// Buys: 201 with the order, byte for byte the same under the same key for 30 days.
    pub async fn exchange(
        &self,
        item: ItemId,
        shopper: ShopperId,
        key: &str,
        quantity: u32,
        request: &serde_json::Value,
    ) -> Result<Answer> {
        self.item(item).ok_or(Error::no_item())?;
        let once = Once {
            hash: hash(KeyKind::Exchange, CampaignId(item.0), key.as_bytes()),
            request: crate::request_of(request),
        };
        let reply = self.ask(Who::Id(shopper), Work::Exchange { item, once, quantity }).await?;
        self.answered(reply, None).await
    }

    /// A shopper's exchange orders, newest first.
    pub async fn exchanges(&self, shopper: ShopperId, page: PageAsk) -> Result<Page<OrderView>> {
        let (seen, tail) = self.tail(shopper).await?;
        let before = page.before.unwrap_or(u64::MAX);
        let limit = page.limit + 1;
        let stored = self.parts().exchange.exchanges(shopper, before.min(i64::MAX as u64), limit).await?;
        let fresh: Vec<OrderRow> =
            tail.orders.iter().filter(|row| row.item.is_some() && row.id.0 < before).cloned().collect();
        let (rows, next_cursor) = merge(fresh, stored, page.limit, |row| row.id.0);
        Ok(Page { data: self.shown_orders(shopper, rows, &seen, &tail).await?, next_cursor })
    }

    /// Orders as they stand, with the awards that they brought.
    pub(super) async fn shown_orders(
        &self,
        shopper: ShopperId,
        rows: Vec<OrderRow>,
        seen: &Seen,
        tail: &Projected,
    ) -> Result<Vec<OrderView>> {
        let bought: Vec<OrderId> = rows.iter().filter(|row| row.item.is_some()).map(|row| row.id).collect();
        let mut awards: FxHashMap<OrderId, Vec<OrderAwardView>> = FxHashMap::default();
        if !bought.is_empty() {
            let stored = self.parts().exchange.awards_of(shopper, &bought).await?;
            let fresh = tail.awards.iter().filter(|a| a.order.is_some_and(|order| bought.contains(&order))).cloned();
            let (all, _) = merge(fresh, stored, u32::MAX, |award| award.id.0);
            for award in all.into_iter().rev().map(|award| award.after(&tail.award_moves)) {
                let of_order = awards.entry(award.order.unwrap_or_default()).or_default();
                of_order.push(OrderAwardView { id: award.id, state: award.state });
            }
        }
        let shown = |row: OrderRow| {
            let awards = awards.remove(&row.id).unwrap_or_default();
            OrderView { awards, ..super::orders::shown(&super::orders::present(row, tail), seen) }
        };
        Ok(rows.into_iter().map(shown).collect())
    }

    /// Adds codes to the pool of an item that gives coupons; orders that wait for one are fulfilled.
    pub async fn add_item_coupons(&self, id: ItemId, codes: Vec<String>) -> Result<CouponsView> {
        let prize = self.coupon_prize(id)?;
        self.fill_pool(CampaignId(id.0), &prize, codes).await
    }

    /// How many codes the pool of an item holds.
    pub async fn item_coupons(&self, id: ItemId) -> Result<CouponsView> {
        let prize = self.coupon_prize(id)?;
        self.pool_view(CampaignId(id.0), &prize).await
    }

    fn coupon_prize(&self, id: ItemId) -> Result<String> {
        let item = self.item(id).ok_or(Error::no_item())?;
        match &item.def.gives.prize {
            Some(prize) if prize.kind == Kind::Coupon => Ok(prize.code.clone()),
            _ => {
                let detail = "the item gives no coupons; only those come from a pool".into();
                Err(Error::Conflict { code: "prize_not_coupon", detail })
            }
        }
    }
}
