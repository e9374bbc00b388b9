//! Records as rows: what projection makes of a ledger record, and what the lists read back.
//!
//! The same function maps a record that is already projected and one that is not, so a list that merges both cannot
//! tell them apart.

mod entry;
mod text;

pub use entry::EntryWinRow;
pub use text::{draw_in, wrap_draws};

use crate::ports::{NewDelivery, Position, PublicMessage, StoredAccount};
use crate::time::rfc3339;
use crate::timers::{DueKey, DueRow, due_of, undue_of};
use crate::views::OrderView;
use domain::award::AwardState;
use domain::chances::NEVER;
use domain::fairness::PointsReceipt;
use domain::ids::{AwardId, CampaignId, CodeUseId, DrawId, EntryId, ItemId, OrderId, ShopperId};
use domain::order::{OrderEvent, OrderKind, OrderState};
use domain::points::{Contra, Entry};
use domain::record::{Billed, Drawn, Exchanged, Fact, Granted, KeyHash, Keyed, Moved, Record};

#[derive(Debug, Clone)]
pub struct DrawRow {
    pub id: DrawId,
    pub shopper: ShopperId,
    pub campaign: CampaignId,
    pub n: u64,
    pub key: KeyHash,
    pub request: u64,
    /// The record whose answer holds this draw's object; see [`draw_in`].
    pub offset: u64,
    pub award: Option<AwardId>,
}

#[derive(Debug, Clone)]
pub struct AwardRow {
    pub id: AwardId,
    pub shopper: ShopperId,
    pub campaign: CampaignId,
    pub draw: DrawId,
    /// Where points bought it: the exchange order. Its campaign is then the item's id, and it has no draw.
    pub order: Option<OrderId>,
    pub rules: u32,
    pub prize: u16,
    pub points: u32,
    /// The state it was born in, and the one that it stands in now.
    pub birth: AwardState,
    pub state: AwardState,
    pub at_ms: i64,
    /// Until when it must be claimed, once it is granted.
    pub claim_by_ms: Option<i64>,
    /// The risk rule holds it back: nothing fulfils it by itself.
    pub held: bool,
}

/// A move of an award that an earlier record made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AwardMoved {
    pub shopper: ShopperId,
    pub award: AwardId,
    pub state: AwardState,
    pub at_ms: i64,
    pub claim_by_ms: Option<i64>,
}

impl AwardRow {
    /// The row after later moves, oldest first.
    pub fn after(mut self, moves: &[AwardMoved]) -> Self {
        for m in moves.iter().filter(|m| m.award == self.id) {
            self.state = m.state;
            self.claim_by_ms = m.claim_by_ms.or(self.claim_by_ms);
        }
        self
    }
}

#[derive(Debug, Clone)]
pub struct EntryRow {
    pub shopper: ShopperId,
    pub id: EntryId,
    pub amount: i64,
    pub balance: i64,
    pub contra: Contra,
    pub business_key: String,
    pub reason: String,
    pub expires_at_ms: Option<i64>,
    /// JSON of `domain::fairness::PointsReceipt`, where chance decided the amount.
    pub receipt: Option<String>,
    pub at_ms: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct OrderRow {
    pub id: OrderId,
    pub shopper: ShopperId,
    pub campaign: CampaignId,
    pub kind: OrderKind,
    pub state: OrderState,
    pub chances: u32,
    /// The order whose lot holds its chances: itself, unless it joined another one's.
    pub lot: OrderId,
    pub expires_at_ms: Option<i64>,
    /// What it costs in money, 0 where it costs none.
    pub price_cents: i64,
    pub pay_by_ms: Option<i64>,
    /// Until when a return takes unspent chances back.
    pub pending_until_ms: Option<i64>,
    /// Points that came along, or, below zero, that it cost.
    pub points: i64,
    pub streak: u32,
    /// Of an exchange order: what was bought, and how much of it.
    pub item: Option<ItemId>,
    pub quantity: u32,
    pub reason: String,
    pub at_ms: i64,
}

/// A new state of an order that has a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderMove {
    pub shopper: ShopperId,
    /// The order, and whichever orders lie in its lot.
    pub order: OrderId,
    pub state: OrderState,
    /// Where it was paid for: its lot, and when that expires.
    pub paid: Option<(OrderId, Option<i64>)>,
}

impl OrderMove {
    /// Moves a row that it concerns.
    pub fn apply(&self, row: &mut OrderRow) {
        if row.shopper != self.shopper || (row.id != self.order && row.lot != self.order) {
            return;
        }
        row.state = self.state;
        if let Some((lot, expires_at_ms)) = self.paid {
            (row.lot, row.expires_at_ms) = (lot, expires_at_ms);
        }
    }
}

/// Money that the shop owes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundRow {
    pub id: EntryId,
    pub shopper: ShopperId,
    pub order: OrderId,
    pub campaign: CampaignId,
    pub amount_cents: i64,
    pub payment: String,
    pub reason: String,
    pub at_ms: i64,
}

/// A key that is not a draw's (those stand in the draws' own rows). The answer is the ledger's record at `offset`.
#[derive(Debug, Clone)]
pub struct AnswerRow {
    pub shopper: ShopperId,
    pub key: Keyed,
    pub offset: u64,
}

#[derive(Debug, Clone)]
pub struct BehaviourRow {
    pub shopper: ShopperId,
    pub key: KeyHash,
    pub at_ms: i64,
    /// `domain::behaviour::Behaviour` as JSON; still sealed when it comes from the ledger.
    pub payload: Vec<u8>,
}

/// All rows of one projected batch.
#[derive(Debug, Default)]
pub struct Projected {
    pub position: Position,
    pub accounts: Vec<StoredAccount>,
    pub draws: Vec<DrawRow>,
    pub awards: Vec<AwardRow>,
    pub award_moves: Vec<AwardMoved>,
    pub entry_wins: Vec<EntryWinRow>,
    /// Awards that are held back no more.
    pub reviewed: Vec<(ShopperId, AwardId)>,
    pub entries: Vec<EntryRow>,
    pub orders: Vec<OrderRow>,
    /// In the order in which they happened, after `orders`.
    pub order_moves: Vec<OrderMove>,
    pub refunds: Vec<RefundRow>,
    pub dues: Vec<DueRow>,
    /// Timers that are settled; written after `dues`.
    pub undue: Vec<DueKey>,
    /// Uses of codes that have their order.
    pub code_uses: Vec<(CodeUseId, OrderId)>,
    pub answers: Vec<AnswerRow>,
    pub behaviours: Vec<BehaviourRow>,
    /// Profiles that behaviours changed, as JSON.
    pub profiles: Vec<(ShopperId, String)>,
    pub counters: Vec<(CampaignId, String)>,
    /// Messages to the shop, and awards that somebody must fulfil.
    pub deliveries: Vec<NewDelivery>,
    /// Records without draws that live messages tell of.
    pub notices: Vec<Notice>,
    /// Shoppers of whom nothing is to be left; written last.
    pub erased: Vec<ShopperId>,
    /// What other programs are told before any of the rows is written.
    pub told: Vec<PublicMessage>,
}

/// A record that has something to tell its shopper, besides those of draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    pub shopper: ShopperId,
    pub offset: u64,
    pub at_ms: i64,
}

impl Projected {
    /// Adds the rows of one record at `offset`.
    pub fn take(&mut self, offset: u64, record: &Record<'_>) {
        let shopper = record.shopper;
        let mut drawn = false;
        for fact in &record.facts {
            match fact {
                Fact::Drawn(d) => {
                    drawn = true;
                    self.take_draw(offset, record, d);
                }
                Fact::Points(entry) => self.entries.push(entry_row(shopper, record.at_ms, entry)),
                Fact::Granted(g) => self.take_grant(shopper, record.at_ms, g),
                Fact::Billed(b) => self.orders.push(billed_row(shopper, record.at_ms, b)),
                Fact::OrderMoved(moved) => self.order_moves.extend(order_move(shopper, moved)),
                Fact::RefundDue(r) => self.refunds.push(RefundRow {
                    id: r.id,
                    shopper,
                    order: r.order,
                    campaign: r.campaign,
                    amount_cents: r.amount_cents,
                    payment: r.payment.clone(),
                    reason: r.reason.clone(),
                    at_ms: record.at_ms,
                }),
                Fact::Exchanged(e) => self.take_exchange(shopper, record.at_ms, e),
                Fact::ExchangeEnded(e) => {
                    let state = if e.given { OrderState::Used } else { OrderState::Closed };
                    self.order_moves.push(OrderMove { shopper, order: e.order, state, paid: None });
                }
                Fact::Redeemed { used, order } => self.code_uses.push((*used, *order)),
                Fact::AwardReviewed { award, .. } => self.reviewed.push((shopper, *award)),
                Fact::EntryWon(won) => self.take_entry(shopper, record.at_ms, won),
                Fact::AwardMoved { award, state } => {
                    let (award, state, at_ms) = (*award, *state, record.at_ms);
                    self.award_moves.push(AwardMoved { shopper, award, state, at_ms, claim_by_ms: None });
                }
                Fact::AwardClaimBy { award, at_ms } => self.take_deadline(*award, *at_ms),
                Fact::Behaved { key, at_ms, sealed } => {
                    self.behaviours.push(BehaviourRow { shopper, key: *key, at_ms: *at_ms, payload: sealed.clone() });
                }
                Fact::Owner { epoch, name } => (self.position.epoch, self.position.owner) = (*epoch, *name),
                Fact::Registered { .. }
                | Fact::SignedIn { .. }
                | Fact::Blacklisted { .. }
                | Fact::Unblacklisted { .. }
                | Fact::MomentWon { .. }
                | Fact::HoldSettled { .. }
                | Fact::Referred { .. }
                | Fact::Spent { .. }
                | Fact::Watched(_)
                | Fact::Item { .. }
                | Fact::Returned { .. }
                | Fact::CameBackEarly { .. }
                | Fact::EarlyReturnsMet { .. }
                | Fact::Erased
                | Fact::Campaign { .. } => {}
            }
            if *fact == Fact::Erased {
                self.erased.push(shopper);
            }
            self.dues.extend(due_of(shopper, record.at_ms, fact));
            self.undue.extend(undue_of(shopper, fact));
        }
        if !drawn && crate::live::tells(&record.facts) {
            self.notices.push(Notice { shopper, offset, at_ms: record.at_ms });
        }
        if !drawn {
            self.answers.extend(record.keys.iter().map(|key| AnswerRow { shopper, key: *key, offset }));
        }
    }

    fn take_grant(&mut self, shopper: ShopperId, at_ms: i64, g: &Granted) {
        if g.kind == OrderKind::Paid {
            // Its row was made when it was billed.
            let paid = Some((g.lot, g.expires_at_ms));
            self.order_moves.push(OrderMove { shopper, order: g.order, state: OrderState::Effective, paid });
            return;
        }
        self.orders.push(granted_row(shopper, at_ms, g));
    }

    /// Chances that points bought have their row by their grant; a prize's order has none yet.
    fn take_exchange(&mut self, shopper: ShopperId, at_ms: i64, e: &Exchanged) {
        if self.orders.last().is_none_or(|row| row.id != e.order) {
            let plain = order_row(shopper, e.order, CampaignId(0), OrderKind::Exchange, 0, at_ms);
            let state = if e.hold.is_some() { OrderState::Effective } else { OrderState::Used };
            self.orders.push(OrderRow { state, points: -e.points, ..plain });
        }
        if let Some(row) = self.orders.last_mut() {
            (row.item, row.quantity) = (Some(e.item), e.quantity);
        }
        self.awards.extend(e.awards.iter().map(|(id, state)| AwardRow {
            id: *id,
            shopper,
            campaign: CampaignId(e.item.0),
            draw: DrawId(0),
            order: Some(e.order),
            rules: e.version,
            prize: 0,
            points: 0,
            birth: *state,
            state: *state,
            at_ms,
            claim_by_ms: None,
            held: false,
        }));
    }

    /// A deadline stands in the record that grants its award, behind the win or the move.
    fn take_deadline(&mut self, award: AwardId, at_ms: i64) {
        if let Some(moved) = self.award_moves.last_mut().filter(|m| m.award == award) {
            moved.claim_by_ms = Some(at_ms);
        } else if let Some(row) = self.awards.iter_mut().rev().find(|a| a.id == award) {
            row.claim_by_ms = Some(at_ms);
        }
    }

    fn take_draw(&mut self, offset: u64, record: &Record<'_>, d: &Drawn) {
        if d.last {
            let (shopper, order) = (record.shopper, d.order);
            self.order_moves.push(OrderMove { shopper, order, state: OrderState::Used, paid: None });
        }
        let (key, request) = record.keys.first().map_or(([0; 16], 0), |k| (k.hash, k.request));
        self.draws.push(DrawRow {
            id: d.draw,
            shopper: record.shopper,
            campaign: d.campaign,
            n: d.n,
            key,
            request,
            offset,
            award: d.award.map(|(id, _)| id),
        });
        if let (Some((id, state)), Some(prize)) = (d.award, d.prize) {
            self.awards.push(AwardRow {
                id,
                shopper: record.shopper,
                campaign: d.campaign,
                draw: d.draw,
                order: None,
                rules: d.rules,
                prize,
                points: d.points,
                birth: state,
                state,
                at_ms: record.at_ms,
                claim_by_ms: None,
                held: d.held,
            });
        }
    }
}

/// A new order's row with nothing special about it.
pub fn order_row(
    shopper: ShopperId,
    id: OrderId,
    campaign: CampaignId,
    kind: OrderKind,
    chances: u32,
    at_ms: i64,
) -> OrderRow {
    OrderRow {
        id,
        shopper,
        campaign,
        kind,
        state: OrderState::Effective,
        chances,
        lot: id,
        expires_at_ms: None,
        price_cents: 0,
        pay_by_ms: None,
        pending_until_ms: None,
        points: 0,
        streak: 0,
        item: None,
        quantity: 0,
        reason: String::new(),
        at_ms,
    }
}

/// The row of an order that is granted at once.
pub fn granted_row(shopper: ShopperId, at_ms: i64, g: &Granted) -> OrderRow {
    OrderRow {
        state: if g.chances > 0 { OrderState::Effective } else { OrderState::Used },
        lot: g.lot,
        expires_at_ms: g.expires_at_ms,
        pending_until_ms: g.rebate.map(|r| r.until_ms).filter(|until| *until != NEVER),
        points: g.points,
        streak: g.streak,
        reason: g.reason.clone(),
        ..order_row(shopper, g.order, g.campaign, g.kind, g.chances, at_ms)
    }
}

/// The row of an order that waits for its payment.
pub fn billed_row(shopper: ShopperId, at_ms: i64, b: &Billed) -> OrderRow {
    OrderRow {
        state: OrderState::PendingPayment,
        price_cents: b.price_cents,
        pay_by_ms: Some(b.pay_by_ms),
        ..order_row(shopper, b.order, b.campaign, OrderKind::Paid, b.chances, at_ms)
    }
}

impl OrderRow {
    /// What the shopper sees of it while `left` of its chances can be drawn.
    pub fn view(&self, left: u64, now_ms: i64) -> OrderView {
        let positive = |amount: i64| (amount > 0).then_some(amount);
        OrderView {
            id: self.id,
            campaign_id: (self.campaign.0 != 0).then_some(self.campaign),
            kind: self.kind.word(),
            state: self.state.word(),
            chances: self.chances,
            left,
            created_at: rfc3339(self.at_ms),
            expires_at: self.expires_at_ms.map(rfc3339),
            price_cents: positive(self.price_cents),
            pay_by: self.pay_by_ms.map(rfc3339),
            price_points: positive(-self.points),
            points: positive(self.points),
            streak: (self.streak > 0).then_some(self.streak),
            pending: self.pending_until_ms.map(|until| now_ms < until && self.state == OrderState::Effective),
            pending_until: self.pending_until_ms.map(rfc3339),
            item_id: self.item,
            quantity: self.item.map(|_| self.quantity),
            awards: Vec::new(),
            reason: (!self.reason.is_empty()).then(|| self.reason.clone()),
            refund: None,
        }
    }
}

fn order_move(shopper: ShopperId, moved: &Moved) -> Option<OrderMove> {
    let state = match moved.event {
        OrderEvent::Expire => OrderState::Expired,
        OrderEvent::Cancel | OrderEvent::TimeOut | OrderEvent::TakeBack => OrderState::Closed,
        _ => return None,
    };
    Some(OrderMove { shopper, order: moved.order, state, paid: None })
}

fn entry_row(shopper: ShopperId, at_ms: i64, entry: &Entry) -> EntryRow {
    let amount = u32::try_from(entry.amount).unwrap_or(0);
    let receipt = entry.rolled.as_ref().map(|rolled| PointsReceipt::of(shopper, amount, rolled));
    EntryRow {
        shopper,
        id: entry.id,
        amount: entry.amount,
        balance: entry.balance,
        contra: entry.contra,
        business_key: entry.business_key(),
        reason: entry.cause.reason().to_owned(),
        expires_at_ms: entry.expires_at_ms,
        receipt: receipt.and_then(|receipt| serde_json::to_string(&receipt).ok()),
        at_ms,
    }
}
