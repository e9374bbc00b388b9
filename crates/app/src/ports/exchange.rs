//! What the exchange shop needs of the world: its items, and the orders that bought them.

use super::PortResult;
use crate::rows::{AwardRow, OrderRow};
use async_trait::async_trait;
use domain::exchange::Item;
use domain::ids::{OrderId, ShopperId};

/// Items and exchange orders.
#[async_trait]
pub trait ExchangeDesk: Send + Sync {
    /// Stores a new item; durable when it returns.
    async fn insert(&self, item: &Item) -> PortResult<()>;
    /// Replaces the item of version `item.version - 1`, else `Stale`; durable when it returns.
    async fn update(&self, item: &Item) -> PortResult<()>;
    /// All of them, retired ones included, oldest first.
    async fn items(&self) -> PortResult<Vec<Item>>;
    /// A shopper's exchange orders, newest first, only those below `before`.
    async fn exchanges(&self, shopper: ShopperId, before: u64, limit: u32) -> PortResult<Vec<OrderRow>>;
    /// The awards that a shopper's orders brought, by id.
    async fn awards_of(&self, shopper: ShopperId, orders: &[OrderId]) -> PortResult<Vec<AwardRow>>;
}
