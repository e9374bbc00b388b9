//! Orders, what is owed back for them, and the timers that stand beside: what projection writes of them, and reads.

use super::bulk::Table;
use super::connection::Tx;
use super::projection::part;
use super::{Store, big, bits, get, number, statement};
use app::ports::{Orders, PortResult};
use app::rows::{OrderMove, OrderRow, Projected, RefundRow};
use async_trait::async_trait;
use domain::ids::{CampaignId, EntryId, ItemId, OrderId, ShopperId};
use domain::order::{OrderKind, OrderState};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};

const ORDERS: Table = Table {
    insert: "INSERT OR IGNORE INTO orders (id, part, shopper, campaign, kind, state, chances, lot, expires_at, price_cents, pay_by,
             pending_until, points, streak, item, quantity, reason, at)",
    columns: 18,
    conflict: "",
};
const REFUNDS: Table = Table {
    insert: "INSERT OR IGNORE INTO refunds (id, part, shopper, campaign, order_id, amount_cents, payment, reason, at)",
    columns: 9,
    conflict: "",
};

/// Writes what a batch brings of orders: new ones first, then how they moved.
pub(super) async fn write(to: &Tx, batch: &mut Projected) -> Result<(), DbErr> {
    let mut values = Vec::with_capacity(batch.orders.len() * ORDERS.columns);
    for o in std::mem::take(&mut batch.orders) {
        values.extend([bits(o.id.0), part(o.shopper), bits(o.shopper.0), bits(o.campaign.0), o.kind.word().into()]);
        values.extend([o.state.word().into(), i64::from(o.chances).into(), bits(o.lot.0), o.expires_at_ms.into()]);
        values.extend([o.price_cents.into(), o.pay_by_ms.into(), o.pending_until_ms.into(), o.points.into()]);
        values.extend([i64::from(o.streak).into(), bits(o.item.map_or(0, |item| item.0))]);
        values.extend([i64::from(o.quantity).into(), o.reason.into(), o.at_ms.into()]);
    }
    ORDERS.write(to, values).await?;
    for moved in &batch.order_moves {
        move_order(to, moved).await?;
    }
    let mut values = Vec::with_capacity(batch.refunds.len() * REFUNDS.columns);
    for r in std::mem::take(&mut batch.refunds) {
        values.extend([bits(r.id.0), part(r.shopper), bits(r.shopper.0), bits(r.campaign.0), bits(r.order.0)]);
        values.extend([r.amount_cents.into(), r.payment.into(), r.reason.into(), r.at_ms.into()]);
    }
    REFUNDS.write(to, values).await?;
    super::timers::write(to, batch).await
}

async fn move_order(to: &Tx, moved: &OrderMove) -> Result<(), DbErr> {
    let OrderMove { shopper, order, state, paid } = *moved;
    if let Some((lot, expires_at_ms)) = paid {
        let sql = "UPDATE orders SET state = ?, lot = ?, expires_at = ? WHERE id = ? AND shopper = ? AND part = ?";
        let mut values = vec![state.word().into(), bits(lot.0), expires_at_ms.into(), bits(order.0), bits(shopper.0)];
        values.push(part(shopper));
        return to.execute_raw(statement(sql, values)).await.map(|_| ());
    }
    let values = || vec![state.word().into(), bits(order.0), bits(shopper.0), part(shopper)];
    to.execute_raw(statement("UPDATE orders SET state = ? WHERE id = ? AND shopper = ? AND part = ?", values()))
        .await?;
    // Those that joined it: an index of its own, nearly always empty.
    let joined = "UPDATE orders SET state = ? WHERE lot = ? AND lot <> id AND shopper = ? AND part = ?";
    to.execute_raw(statement(joined, values())).await.map(|_| ())
}

pub(super) const ORDER: &str =
    "SELECT id, shopper, campaign, kind, state, chances, lot, expires_at, price_cents, pay_by, pending_until, points,
                     streak, item, quantity, reason, at FROM orders";

pub(super) fn order(row: &QueryResult) -> Result<OrderRow, DbErr> {
    let word = |at| get::<String>(row, at);
    Ok(OrderRow {
        id: OrderId(big(row, 0)?),
        shopper: ShopperId(big(row, 1)?),
        campaign: CampaignId(big(row, 2)?),
        kind: OrderKind::parse(&word(3)?).ok_or_else(|| DbErr::Type("no order's kind".into()))?,
        state: OrderState::parse(&word(4)?).ok_or_else(|| DbErr::Type("no order's state".into()))?,
        chances: number(row, 5)?,
        lot: OrderId(big(row, 6)?),
        expires_at_ms: get(row, 7)?,
        price_cents: get(row, 8)?,
        pay_by_ms: get(row, 9)?,
        pending_until_ms: get(row, 10)?,
        points: get(row, 11)?,
        streak: number(row, 12)?,
        item: Some(big(row, 13)?).filter(|id| *id != 0).map(ItemId),
        quantity: number(row, 14)?,
        reason: get(row, 15)?,
        at_ms: get(row, 16)?,
    })
}

#[async_trait]
impl Orders for Store {
    async fn order(&self, id: OrderId) -> PortResult<Option<OrderRow>> {
        let part = i32::from(id.partition());
        self.one(&format!("{ORDER} WHERE id = ? AND part = ?"), vec![bits(id.0), part.into()], order).await
    }

    async fn orders(
        &self,
        shopper: ShopperId,
        campaign: CampaignId,
        before: u64,
        limit: u32,
    ) -> PortResult<Vec<OrderRow>> {
        let sql =
            format!("{ORDER} WHERE shopper = ? AND part = ? AND id < ? AND campaign = ? ORDER BY id DESC LIMIT ?");
        let values = vec![bits(shopper.0), part(shopper), bits(before), bits(campaign.0), i64::from(limit).into()];
        self.all(&sql, values, order).await
    }

    async fn refunds(&self, campaign: CampaignId, before: u64, limit: u32) -> PortResult<Vec<RefundRow>> {
        let sql = "SELECT id, shopper, order_id, amount_cents, payment, reason, at FROM refunds
                   WHERE campaign = ? AND id < ? ORDER BY id DESC LIMIT ?";
        let row = |row: &QueryResult| {
            Ok(RefundRow {
                id: EntryId(big(row, 0)?),
                shopper: ShopperId(big(row, 1)?),
                order: OrderId(big(row, 2)?),
                campaign,
                amount_cents: get(row, 3)?,
                payment: get(row, 4)?,
                reason: get(row, 5)?,
                at_ms: get(row, 6)?,
            })
        };
        self.all(sql, vec![bits(campaign.0), bits(before), i64::from(limit).into()], row).await
    }
}
