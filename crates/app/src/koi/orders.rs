//! Orders as shoppers and shops see them.

use super::lists::merge;
use super::{Answer, Koi};
use crate::command::{Once, OrderAsk, Seen, Who, Work};
use crate::error::{Error, Result};
use crate::keys::{KeyKind, hash, request_hash};
use crate::ports::Mark;
use crate::rows::{OrderRow, Projected};
use crate::runtime::Runtime;
use crate::time::rfc3339;
use crate::views::{OrderView, Page, PageAsk, RefundView};
use domain::account::Account;
use domain::ids::{CampaignId, OrderId, ShopperId};
use domain::order::{OrderEvent, OrderState, after};

/// What a shopper asks an order for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderInput {
    SignIn,
    Paid {
        quantity: u32,
    },
    Points {
        quantity: u32,
    },
    /// Came by another shopper's word, whose code it is.
    Referral {
        code: String,
    },
    Redeem {
        code: String,
    },
}

const UNKNOWN: Error = Error::NotFound { code: "order_unknown", detail: "no order of that id" };

/// The row as it stands by the unprojected records of its shopper.
pub(super) fn present(mut row: OrderRow, tail: &Projected) -> OrderRow {
    for moved in &tail.order_moves {
        moved.apply(&mut row);
    }
    row
}

/// What is shown of a row, by what its shopper's account holds.
pub(super) fn shown(row: &OrderRow, seen: &Seen) -> OrderView {
    shown_of(row, &seen.account, seen.now_ms)
}

/// What is shown of a row, by what its shopper's account holds.
pub(super) fn shown_of(row: &OrderRow, account: &Account, now_ms: i64) -> OrderView {
    let lots = account.enrolment(row.campaign).map(|e| &e.lots);
    let lot = lots.and_then(|lots| lots.get(row.lot)).filter(|lot| lot.expires_at_ms > now_ms);
    let left = lot.filter(|_| row.state == OrderState::Effective).map_or(0, |lot| lot.left);
    row.view(left.min(u64::from(row.chances)), now_ms)
}

impl Koi {
    /// Makes an order of a shopper: 201 with it, byte for byte the same under the same key.
    pub async fn order(
        &self,
        id: CampaignId,
        shopper: ShopperId,
        key: &str,
        input: OrderInput,
        request: &serde_json::Value,
    ) -> Result<Answer> {
        let runtime = self.known_campaign(id).await?;
        let ask = match input {
            OrderInput::SignIn => OrderAsk::SignIn,
            OrderInput::Paid { quantity } => OrderAsk::Paid { quantity },
            OrderInput::Points { quantity } => OrderAsk::Points { quantity },
            OrderInput::Referral { code } => {
                const NOBODY: Error = Error::NotFound { code: "code_unknown", detail: "nobody has this referral code" };
                OrderAsk::Referral { by: self.referrer(id, &code).ok_or(NOBODY)? }
            }
            OrderInput::Redeem { code } => OrderAsk::Redeem { codes: domain::code::meant(&code) },
        };
        let came_by = match ask {
            OrderAsk::Referral { by } => Some(by),
            _ => None,
        };
        let marks = self.marks_of(&runtime, &ask);
        let once = Once { hash: crate::order_key(id, key), request: crate::request_of(request) };
        let reply = self.ask(Who::Id(shopper), Work::Order { campaign: id, once, ask }).await?;
        let answer = self.answered(reply, None).await?;
        for mark in marks.into_iter().flatten() {
            drop(self.parts().hints.mark(mark, shopper));
        }
        if let Some(by) = came_by {
            // A timer does it where this fails: only the other shopper would wait.
            let reward = Work::Reward { campaign: id, referred: shopper };
            if let Err(error) = self.ask(Who::Id(by), reward).await {
                tracing::debug!(%error, "a referral's reward is left to its timer");
            }
        }
        Ok(answer)
    }

    /// What an order that is done says of its shopper to all nodes.
    fn marks_of(&self, runtime: &Runtime, ask: &OrderAsk) -> [Option<Mark>; 2] {
        let campaign = runtime.id;
        let signed_in = matches!(ask, OrderAsk::SignIn)
            .then(|| Mark::SignedIn { campaign, day: runtime.rules.local_day(self.now_ms()).number });
        let grants = match ask {
            OrderAsk::SignIn => runtime.rules.chances.sign_in.is_some(),
            OrderAsk::Points { .. } | OrderAsk::Redeem { .. } => true,
            // Only when it is paid; and who came by another's word may get nothing for it.
            OrderAsk::Paid { .. } | OrderAsk::Referral { .. } => false,
        };
        [signed_in, grants.then_some(Mark::Qualified { campaign })]
    }

    async fn own_order(&self, shopper: ShopperId, order: OrderId) -> Result<(OrderRow, Box<Seen>, Projected)> {
        let (seen, tail) = self.tail(shopper).await?;
        let row = match tail.orders.iter().find(|row| row.id == order) {
            Some(row) => row.clone(),
            None => self.parts().orders.order(order).await?.filter(|row| row.shopper == shopper).ok_or(UNKNOWN)?,
        };
        Ok((present(row, &tail), seen, tail))
    }

    /// One order of a shopper.
    pub async fn get_order(&self, shopper: ShopperId, order: OrderId) -> Result<OrderView> {
        let (row, seen, tail) = self.own_order(shopper, order).await?;
        self.one_shown(shopper, row, &seen, &tail).await
    }

    async fn one_shown(&self, shopper: ShopperId, row: OrderRow, seen: &Seen, tail: &Projected) -> Result<OrderView> {
        self.shown_orders(shopper, vec![row], seen, tail).await?.pop().ok_or(UNKNOWN)
    }

    /// A shopper's orders in a campaign, newest first.
    pub async fn orders(&self, id: CampaignId, shopper: ShopperId, page: PageAsk) -> Result<Page<OrderView>> {
        self.known_campaign(id).await?;
        let (seen, tail) = self.tail(shopper).await?;
        let before = page.before.unwrap_or(u64::MAX);
        let stored = self.parts().orders.orders(shopper, id, before.min(i64::MAX as u64), page.limit + 1).await?;
        let fresh: Vec<OrderRow> =
            tail.orders.iter().filter(|row| row.campaign == id && row.id.0 < before).cloned().collect();
        let (rows, next_cursor) = merge(fresh, stored, page.limit, |row| row.id.0);
        Ok(Page { data: self.shown_orders(shopper, rows, &seen, &tail).await?, next_cursor })
    }

    /// Gives up an order that waits for its payment, or for its coupon. Doing it again shows it closed.
    pub async fn cancel_order(&self, shopper: ShopperId, order: OrderId) -> Result<OrderView> {
        let (row, ..) = self.own_order(shopper, order).await?;
        let waits = row.item.is_some() && row.state == OrderState::Effective;
        if row.state == OrderState::PendingPayment || waits {
            self.ask(Who::Id(shopper), Work::Cancel { campaign: row.campaign, order }).await?;
        }
        // Read again: a payment or a timer may have been faster.
        let (row, seen, tail) = self.own_order(shopper, order).await?;
        match after(row.state, OrderEvent::Cancel) {
            Err(no) if row.state != OrderState::Closed => {
                Err(Error::Conflict { code: "order_not_cancellable", detail: no.to_string() })
            }
            _ => self.one_shown(shopper, row, &seen, &tail).await,
        }
    }

    /// An order by its id alone, as the shop's server names it.
    async fn any_order(&self, order: OrderId) -> Result<OrderRow> {
        if let Some(shopper) = self.whose_order(order).await? {
            return Ok(self.own_order(shopper, order).await?.0);
        }
        let orders = &self.parts().orders;
        let mut found = orders.order(order).await?;
        if found.is_none() {
            self.projected().await;
            found = orders.order(order).await?;
        }
        let shopper = found.ok_or(UNKNOWN)?.shopper;
        Ok(self.own_order(shopper, order).await?.0)
    }

    /// Tells that the shop was paid for an order, once per `payment`: 200 with the order, and with what is owed back
    /// where it takes no payment any more. `amount_cents` is the order's price where it is not given.
    pub async fn pay_order(&self, order: OrderId, payment: Option<&str>, amount_cents: Option<i64>) -> Result<Answer> {
        let row = self.any_order(order).await?;
        if row.price_cents == 0 {
            let detail = format!("an order of kind {} is not paid for", row.kind.word());
            return Err(Error::Conflict { code: "order_not_payable", detail });
        }
        let amount_cents = amount_cents.unwrap_or(row.price_cents);
        let payment = payment.unwrap_or("");
        let key = [order.0.to_string().as_bytes(), b"|", payment.as_bytes()].concat();
        let once = Once {
            hash: hash(KeyKind::Payment, row.campaign, &key),
            request: request_hash(&[&amount_cents.to_le_bytes()]),
        };
        let who = Who::Id(row.shopper);
        let work = Work::Pay { once, order: Box::new(row), amount_cents, payment: payment.into() };
        let reply = self.ask(who, work).await?;
        let mut answer = self.answered(reply, Some(200)).await?;
        // The payment's id is no Idempotency-Key: the header belongs to the latter.
        answer.replayed = false;
        Ok(answer)
    }

    /// What the shop owes back for payments that came too late, newest first.
    pub async fn refunds(&self, id: CampaignId, page: PageAsk) -> Result<Page<RefundView>> {
        self.known_campaign(id).await?;
        self.projected().await;
        let before = page.before.unwrap_or(i64::MAX as u64).min(i64::MAX as u64);
        let stored = self.parts().orders.refunds(id, before, page.limit + 1).await?;
        let shoppers: Vec<ShopperId> = stored.iter().map(|row| row.shopper).collect();
        let names = self.parts().accounts.by_ids(&shoppers).await?;
        let name = |id: ShopperId| {
            let found = names.iter().find(|stored| stored.account.id == id);
            found.map(|stored| stored.account.external_id.clone())
        };
        let (rows, next_cursor) = merge([], stored, page.limit, |row| row.id.0);
        let data = rows.into_iter().map(|row| RefundView {
            id: row.id,
            order_id: row.order,
            campaign_id: row.campaign,
            shopper: name(row.shopper),
            payment_id: row.payment,
            amount_cents: row.amount_cents,
            reason: row.reason,
            at: rfc3339(row.at_ms),
        });
        Ok(Page { data: data.collect(), next_cursor })
    }
}
