//! The exchange shop: its items, and the orders and awards that points bought.

use super::bulk::marks;
use super::lists::{AWARD, award};
use super::orders::{ORDER, order};
use super::projection::part;
use super::{Store, big, bits, get, number};
use app::ports::{ExchangeDesk, PortError, PortResult};
use app::rows::{AwardRow, OrderRow};
use async_trait::async_trait;
use domain::exchange::Item;
use domain::ids::{ItemId, OrderId, ShopperId};
use sea_orm::{DbErr, QueryResult, Value};

fn definition(item: &Item) -> Value {
    serde_json::to_string(&item.def).expect("invariant: a definition that was read can be written").into()
}

fn item(row: &QueryResult) -> Result<Item, DbErr> {
    let text: String = get(row, 3)?;
    Ok(Item {
        id: ItemId(big(row, 0)?),
        version: number(row, 1)?,
        retired: get::<i32>(row, 2)? != 0,
        def: serde_json::from_str(&text).map_err(|error| DbErr::Json(error.to_string()))?,
        created_at_ms: get(row, 4)?,
    })
}

#[async_trait]
impl ExchangeDesk for Store {
    async fn insert(&self, item: &Item) -> PortResult<()> {
        let sql = "INSERT INTO exchange_items (id, version, retired, definition, created_at) VALUES (?, ?, ?, ?, ?)";
        let mut values = vec![bits(item.id.0), i64::from(item.version).into(), i32::from(item.retired).into()];
        values.extend([definition(item), item.created_at_ms.into()]);
        self.durably(sql, values).await.map(|_| ())
    }

    async fn update(&self, item: &Item) -> PortResult<()> {
        let sql = "UPDATE exchange_items SET version = ?, retired = ?, definition = ? WHERE id = ? AND version = ?";
        let version = i64::from(item.version);
        let mut values = vec![version.into(), i32::from(item.retired).into(), definition(item)];
        values.extend([bits(item.id.0), (version - 1).into()]);
        match self.durably(sql, values).await? {
            1 => Ok(()),
            _ => Err(PortError::Stale("the item")),
        }
    }

    async fn items(&self) -> PortResult<Vec<Item>> {
        self.all("SELECT id, version, retired, definition, created_at FROM exchange_items ORDER BY id", vec![], item)
            .await
    }

    async fn exchanges(&self, shopper: ShopperId, before: u64, limit: u32) -> PortResult<Vec<OrderRow>> {
        let sql = format!("{ORDER} WHERE shopper = ? AND part = ? AND id < ? AND item <> 0 ORDER BY id DESC LIMIT ?");
        let values = vec![bits(shopper.0), part(shopper), bits(before), i64::from(limit).into()];
        self.all(&sql, values, order).await
    }

    async fn awards_of(&self, shopper: ShopperId, orders: &[OrderId]) -> PortResult<Vec<AwardRow>> {
        if orders.is_empty() {
            return Ok(Vec::new());
        }
        let sql =
            format!("{AWARD} WHERE order_id IN ({}) AND shopper = ? AND part = ? ORDER BY id", marks(orders.len()));
        let values = orders.iter().map(|order| bits(order.0)).chain([bits(shopper.0), part(shopper)]);
        self.all(&sql, values.collect(), award).await
    }
}
