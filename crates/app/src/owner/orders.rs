//! Orders: how chances come to a shopper. The rules of what may follow what are `domain::order`'s; here are the refusals
//! that a caller can be told of, and the answers.

use super::work::{closed, declined};
use super::{LoadAsk, Owner, Step, answer, refuse, seen};
use crate::command::{Command, Once, OrderAsk, Reply, Work};
use crate::error::Error;
use crate::keys::{KeyKind, Lookup, hash};
use crate::rows::{OrderRow, billed_row, granted_row};
use crate::runtime::Runtime;
use crate::time::rfc3339;
use crate::views::{OrderView, RefundView};
use domain::campaign::{PointsRange, State};
use domain::fairness::CampaignSeed;
use domain::ids::{CampaignId, OrderId, ShopperId};
use domain::order::{OrderEvent, OrderKind, OrderState};
use domain::points::{Cause, Rolled};
use domain::proposal::Proposal;
use domain::record::{Fact, Granted, Keyed, RefundDue};
use rustc_hash::FxHashMap;
use smallvec::{SmallVec, smallvec};
use std::collections::VecDeque;
use std::sync::Arc;

/// Whose the orders are that wait for a payment and are in no record of the projection yet: the shop's server names an
/// order by its id alone.
#[derive(Default)]
pub(super) struct Billed {
    shoppers: FxHashMap<OrderId, ShopperId>,
    order: VecDeque<(u64, OrderId)>,
}

impl Billed {
    /// Notes a durable fact; those below `projected` are forgotten, since records know them.
    pub fn note(&mut self, fact: &Fact, shopper: ShopperId, offset: u64, projected: u64) {
        let Fact::Billed(billed) = fact else { return };
        while let Some((_, order)) = self.order.pop_front_if(|(offset, _)| *offset < projected) {
            self.shoppers.remove(&order);
        }
        self.shoppers.insert(billed.order, shopper);
        self.order.push_back((offset, billed.order));
    }

    pub fn whose(&self, order: OrderId) -> Option<ShopperId> {
        self.shoppers.get(&order).copied()
    }
}

/// What an operator grants.
pub(super) struct GrantAsk<'a> {
    pub campaign: CampaignId,
    pub once: Once,
    pub chances: u32,
    pub expires_at_ms: Option<i64>,
    pub reason: &'a str,
}

/// What a shop was paid.
pub(super) struct Payment<'a> {
    pub once: Once,
    /// The order as records or the ledger have it.
    pub order: &'a OrderRow,
    pub amount_cents: i64,
    pub payment: &'a str,
}

fn not_offered(what: &str) -> Error {
    Error::Conflict { code: "not_offered", detail: format!("this campaign {what}") }
}

pub(super) fn bytes(view: &OrderView) -> Vec<u8> {
    serde_json::to_vec(view).expect("invariant: a view can always be written as JSON")
}

/// An order of a kind with nothing special about it.
pub(super) fn plain(order: OrderId, runtime: &Runtime, kind: OrderKind, chances: u32, now_ms: i64) -> Granted {
    Granted {
        order,
        campaign: runtime.id,
        kind,
        chances,
        lot: order,
        expires_at_ms: runtime.rules.chances_expire(now_ms),
        reason: String::new(),
        points: 0,
        streak: 0,
        rebate: None,
    }
}

impl Owner {
    /// The row of the order that a proposal grants.
    pub(super) fn proposed(&self, id: ShopperId, proposal: &Proposal, order: OrderId) -> Option<OrderRow> {
        proposal.facts.iter().find_map(|fact| match fact {
            Fact::Granted(g) if g.order == order => Some(granted_row(id, self.now_ms, g)),
            _ => None,
        })
    }

    /// An order of a shopper's own.
    pub(super) fn order(
        &mut self,
        id: ShopperId,
        command: Command,
        campaign: CampaignId,
        once: Once,
        ask: OrderAsk,
    ) -> Step {
        let Some(slot) = self.campaigns.get(&campaign) else { return refuse(command, Error::no_campaign()) };
        let runtime = slot.runtime.clone();
        if let Some(refusal) = closed(runtime.state_at(self.now_ms)) {
            return refuse(command, Error::Refused(refusal));
        }
        match ask {
            OrderAsk::SignIn => self.sign_in(id, command, &runtime, once),
            OrderAsk::Paid { quantity } => self.bill(id, command, &runtime, once, quantity),
            OrderAsk::Points { quantity } => self.buy(id, command, &runtime, once, quantity),
            OrderAsk::Referral { by } => self.referred(id, command, &runtime, once, by),
            OrderAsk::Redeem { codes } => self.claim(id, command, campaign, once, codes),
        }
    }

    fn done(&mut self, id: ShopperId, command: Command, once: Once, proposal: Proposal, order: OrderId) -> Step {
        let Some(row) = self.proposed(id, &proposal, order) else {
            return refuse(command, Error::Unavailable("the order was not made"));
        };
        let answer = bytes(&row.view(u64::from(row.chances), self.now_ms));
        let keys = smallvec![Keyed { hash: once.hash, request: once.request, status: 201 }];
        self.append_proposal(id, proposal, keys, answer, command)
    }

    /// An operator's grant.
    pub(super) fn grant(&mut self, id: ShopperId, command: Command, ask: &GrantAsk<'_>) -> Step {
        let Some(slot) = self.campaigns.get(&ask.campaign) else { return refuse(command, Error::no_campaign()) };
        let runtime = slot.runtime.clone();
        if matches!(runtime.state_at(self.now_ms), State::Ended | State::Archived) {
            let detail = "the campaign is over; it grants no chances".into();
            return refuse(command, Error::Conflict { code: "campaign_over", detail });
        }
        let order = self.order_id(id);
        let plain = plain(order, &runtime, OrderKind::Grant, ask.chances, self.now_ms);
        let expires_at_ms = ask.expires_at_ms.or(plain.expires_at_ms);
        let granted = Granted { expires_at_ms, reason: ask.reason.to_owned(), ..plain };
        let Some(mut proposal) = self.propose(id) else { return refuse(command, Error::no_shopper()) };
        match proposal.grant(granted) {
            Ok(()) => self.done(id, command, ask.once, proposal, order),
            Err(why) => refuse(command, declined(why)),
        }
    }

    /// A sign-in as an order: once a local day, whether it came as an order or as an event.
    fn sign_in(&mut self, id: ShopperId, command: Command, runtime: &Arc<Runtime>, once: Once) -> Step {
        let (campaign, offered) = (runtime.id, &runtime.rules.chances);
        if offered.sign_in.is_none() && offered.points_on_sign_in.is_none() && offered.streaks.is_empty() {
            return refuse(command, not_offered("gives nothing for signing in"));
        }
        let now_ms = self.now_ms;
        let Some(slot) = self.campaigns.get_mut(&campaign) else { return refuse(command, Error::no_campaign()) };
        let day = slot.day.day(&runtime.rules, now_ms);
        let act = hash(KeyKind::SignIn, campaign, &day.to_le_bytes());
        let Some(account) = self.accounts.get(&id) else { return refuse(command, Error::no_shopper()) };
        match seen(account, &command, &act) {
            Lookup::Known(_) => {
                let detail = "this shopper has signed in on the campaign's present day".into();
                return refuse(command, Error::Conflict { code: "already_signed_in", detail });
            }
            Lookup::Maybe => {
                let command = Command { work: Work::Order { campaign, once, ask: OrderAsk::SignIn }, ..command };
                return Step::Park(command, LoadAsk::Keys(id, vec![act]));
            }
            Lookup::Absent => {}
        }
        let Some(mut proposal) = self.propose(id) else { return refuse(command, Error::no_shopper()) };
        let order = self.sign_in_facts(id, &mut proposal, runtime, day);
        let Some(row) = self.proposed(id, &proposal, order) else {
            return refuse(command, Error::Unavailable("the order was not made"));
        };
        let answer = bytes(&row.view(u64::from(row.chances), now_ms));
        let keys = smallvec![
            Keyed { hash: once.hash, request: once.request, status: 201 },
            Keyed { hash: act, request: 0, status: 201 }
        ];
        self.append_proposal(id, proposal, keys, answer, command)
    }

    /// What a sign-in gives: the usual, and what the calendar adds for days in a row.
    pub(super) fn sign_in_facts(
        &mut self,
        id: ShopperId,
        proposal: &mut Proposal,
        runtime: &Runtime,
        day: i32,
    ) -> OrderId {
        let (campaign, offered) = (runtime.id, &runtime.rules.chances);
        let standing = proposal.account.enrolment(campaign);
        let later = standing.and_then(|e| e.signed_in) < Some(day);
        let streak = standing.map_or(1, |e| e.streak_on(day));
        // A day that is told late mends no row.
        let bonus = offered.bonus(streak).filter(|_| later);
        let order = self.order_id(id);
        let rolled =
            offered.points_on_sign_in.map(|range| roll(&runtime.seed, campaign, id, format!("sign_in|{day}"), range));
        let (usual, extra) = (rolled.as_ref().map_or(0, |(n, _)| *n), bonus.map_or(0, |b| b.points));
        let chances = offered.sign_in.unwrap_or(0).saturating_add(bonus.map_or(0, |b| b.chances));
        let plain = plain(order, runtime, OrderKind::SignIn, chances, self.now_ms);
        let streak = if later { streak } else { 0 };
        _ = proposal.push(Fact::SignedIn { campaign, day });
        _ = proposal.grant(Granted { points: i64::from(usual) + i64::from(extra), streak, ..plain });
        let expires = runtime.rules.points_expire(self.now_ms);
        if let Some((points, rolled)) = rolled.filter(|(points, _)| *points > 0) {
            let entry = self.entry_id(id);
            _ = proposal.credit(entry, i64::from(points), Cause::SignIn { campaign, day }, expires, Some(rolled));
        }
        if extra > 0 {
            let entry = self.entry_id(id);
            _ = proposal.credit(entry, i64::from(extra), Cause::Streak { campaign, day }, expires, None);
        }
        order
    }

    /// An order that waits for its payment.
    fn bill(&mut self, id: ShopperId, command: Command, runtime: &Runtime, once: Once, quantity: u32) -> Step {
        let Some(price) = runtime.rules.chances.paid_price_cents else {
            return refuse(command, not_offered("sells no chances"));
        };
        let Some(price_cents) = price.checked_mul(i64::from(quantity)) else {
            return refuse(command, Error::invalid("price_too_large", "quantity", "nobody can pay that much"));
        };
        let order = self.order_id(id);
        let pay_by_ms = self.now_ms.saturating_add(runtime.rules.chances.unpaid_ms());
        let billed = domain::record::Billed { order, campaign: runtime.id, chances: quantity, price_cents, pay_by_ms };
        let answer = bytes(&billed_row(id, self.now_ms, &billed).view(0, self.now_ms));
        let Some(mut proposal) = self.propose(id) else { return refuse(command, Error::no_shopper()) };
        if let Err(why) = proposal.bill(billed) {
            return refuse(command, declined(why));
        }
        let keys = smallvec![Keyed { hash: once.hash, request: once.request, status: 201 }];
        self.append_proposal(id, proposal, keys, answer, command)
    }

    /// Chances for points: both in one record, so neither is ever had without the other.
    fn buy(&mut self, id: ShopperId, command: Command, runtime: &Runtime, once: Once, quantity: u32) -> Step {
        let Some(price) = runtime.rules.chances.points_price else {
            return refuse(command, not_offered("gives no chances for points"));
        };
        let Some(mut proposal) = self.propose(id) else { return refuse(command, Error::no_shopper()) };
        let cost = price.saturating_mul(i64::from(quantity));
        let (order, entry) = (self.order_id(id), self.entry_id(id));
        let plain = plain(order, runtime, OrderKind::Points, quantity, self.now_ms);
        self.expire_points(id, &mut proposal);
        let done = proposal
            .spend(entry, cost, Cause::Order { order })
            .and_then(|()| proposal.grant(Granted { points: -cost, ..plain }));
        match done {
            Ok(()) => self.done(id, command, once, proposal, order),
            Err(why) => refuse(command, declined(why)),
        }
    }

    /// A shopper who came by another one's word. The other one's reward is a record of their own, set off by this one.
    fn referred(&mut self, id: ShopperId, command: Command, runtime: &Runtime, once: Once, by: ShopperId) -> Step {
        let (campaign, offered) = (runtime.id, &runtime.rules.chances);
        if offered.referral.is_none() && offered.referred.is_none() {
            return refuse(command, not_offered("gives nothing for bringing others"));
        }
        let Some(mut proposal) = self.propose(id) else { return refuse(command, Error::no_shopper()) };
        let standing = proposal.account.enrolment(campaign);
        let refusal = if by == id {
            Some(("referral_own", "nobody brings themselves"))
        } else if standing.is_some_and(|e| e.referred) {
            Some(("already_referred", "this shopper came by somebody's word already"))
        } else if standing.is_some_and(|e| e.used > 0) {
            Some(("already_drawn", "whoever has drawn in this campaign is not new to it"))
        } else {
            None
        };
        if let Some((code, detail)) = refusal {
            return refuse(command, Error::Conflict { code, detail: detail.into() });
        }
        let order = self.order_id(id);
        let plain = plain(order, runtime, OrderKind::Referral, offered.referred.unwrap_or(0), self.now_ms);
        let done = proposal.push(Fact::Referred { campaign, by }).map_err(Into::into);
        match done.and_then(|()| proposal.grant(plain)) {
            Ok(()) => self.done(id, command, once, proposal, order),
            Err(why) => refuse(command, declined(why)),
        }
    }

    /// Rewards a shopper for another one, once for each.
    pub(super) fn reward(
        &mut self,
        id: ShopperId,
        command: Command,
        campaign: CampaignId,
        referred: ShopperId,
    ) -> Step {
        let Some(runtime) = self.campaigns.get(&campaign).map(|slot| slot.runtime.clone()) else {
            return answer(command, Ok(Reply::Stale));
        };
        let over = matches!(runtime.state_at(self.now_ms), State::Ended | State::Archived);
        let Some(chances) = runtime.rules.chances.referral.filter(|n| *n > 0 && !over) else {
            return answer(command, Ok(Reply::Stale));
        };
        let key = hash(KeyKind::Referral, campaign, &referred.0.to_le_bytes());
        let Some(account) = self.accounts.get(&id) else { return refuse(command, Error::no_shopper()) };
        match seen(account, &command, &key) {
            Lookup::Known(_) => return answer(command, Ok(Reply::Stale)),
            Lookup::Maybe => {
                let command = Command { work: Work::Reward { campaign, referred }, ..command };
                return Step::Park(command, LoadAsk::Keys(id, vec![key]));
            }
            Lookup::Absent => {}
        }
        let order = self.order_id(id);
        let Some(mut proposal) = self.propose(id) else { return refuse(command, Error::no_shopper()) };
        match proposal.grant(plain(order, &runtime, OrderKind::Referral, chances, self.now_ms)) {
            Ok(()) => {
                let keys = smallvec![Keyed { hash: key, request: 0, status: 201 }];
                self.append_proposal(id, proposal, keys, Vec::new(), command)
            }
            Err(why) => refuse(command, declined(why)),
        }
    }

    /// Gives an unpaid order up, or an exchange that waits for a coupon.
    pub(super) fn cancel(&mut self, id: ShopperId, command: Command, campaign: CampaignId, order: OrderId) -> Step {
        let Some(mut proposal) = self.propose(id) else { return refuse(command, Error::no_shopper()) };
        if !proposal.close_unpaid(campaign, order, OrderEvent::Cancel) {
            return self.cancel_exchange(id, command, order);
        }
        self.append_proposal(id, proposal, SmallVec::new(), Vec::new(), command)
    }

    /// A payment: in time it grants the order's chances; money for an order that takes none any more is owed back.
    pub(super) fn pay(&mut self, id: ShopperId, command: Command, paid: &Payment<'_>) -> Step {
        let (row, now_ms) = (paid.order, self.now_ms);
        let Some(mut proposal) = self.propose(id) else { return refuse(command, Error::no_shopper()) };
        let runtime = self.campaigns.get(&row.campaign).map(|slot| slot.runtime.clone());
        let open = runtime.filter(|r| !matches!(r.state_at(now_ms), State::Ended | State::Archived));
        let waiting = proposal.account.unpaid.iter().find(|u| u.order == row.id).copied();
        let mut view = match (waiting, open) {
            (Some(unpaid), Some(runtime)) if now_ms < unpaid.pay_by_ms => {
                if paid.amount_cents != unpaid.price_cents {
                    let detail = format!("the order costs {} minor units", unpaid.price_cents);
                    return refuse(command, Error::Conflict { code: "amount_mismatch", detail });
                }
                let granted = plain(row.id, &runtime, OrderKind::Paid, unpaid.chances, now_ms);
                let expires_at_ms = granted.expires_at_ms;
                if let Err(why) = proposal.grant(granted) {
                    return refuse(command, declined(why));
                }
                let now = OrderRow { state: OrderState::Effective, expires_at_ms, ..row.clone() };
                now.view(u64::from(unpaid.chances), now_ms)
            }
            (waiting, _) => {
                if waiting.is_some() {
                    proposal.close_unpaid(row.campaign, row.id, OrderEvent::TimeOut);
                }
                let refund = RefundDue {
                    id: self.entry_id(id),
                    order: row.id,
                    campaign: row.campaign,
                    amount_cents: paid.amount_cents,
                    payment: paid.payment.to_owned(),
                    reason: "the order takes no payment any more".to_owned(),
                };
                let shown = refund_view(&refund, now_ms);
                let lot = proposal.account.enrolment(row.campaign).and_then(|e| e.lots.get(row.id));
                let state = match (row.state, lot) {
                    (_, Some(_)) => OrderState::Effective,
                    (OrderState::PendingPayment, None) => OrderState::Closed,
                    (state, None) => state,
                };
                let left = lot.map_or(0, |lot| lot.left.min(u64::from(row.chances)));
                _ = proposal.push(Fact::RefundDue(Box::new(refund)));
                let now = OrderRow { state, ..row.clone() };
                OrderView { refund: Some(shown), ..now.view(left, now_ms) }
            }
        };
        view.pay_by = row.pay_by_ms.map(rfc3339);
        let keys = smallvec![Keyed { hash: paid.once.hash, request: paid.once.request, status: 200 }];
        self.append_proposal(id, proposal, keys, bytes(&view), command)
    }
}

fn refund_view(refund: &RefundDue, now_ms: i64) -> RefundView {
    RefundView {
        id: refund.id,
        order_id: refund.order,
        campaign_id: refund.campaign,
        shopper: None,
        payment_id: refund.payment.clone(),
        amount_cents: refund.amount_cents,
        reason: refund.reason.clone(),
        at: rfc3339(now_ms),
    }
}

/// A uniform number of points from a campaign's seed, and what its receipt needs.
pub(super) fn roll(
    seed: &CampaignSeed,
    campaign: CampaignId,
    shopper: ShopperId,
    label: String,
    range: PointsRange,
) -> (u32, Rolled) {
    let seed = seed.points_seed(campaign, shopper, &label);
    let (min, max) = (u32::try_from(range.min).unwrap_or(0), u32::try_from(range.max).unwrap_or(0));
    let rolled = Rolled { campaign, label, seed: *seed.reveal(), min, max };
    (seed.between(min, max), rolled)
}
