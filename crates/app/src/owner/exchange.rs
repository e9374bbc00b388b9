//! The exchange shop: points for chances or a prize, in one record, so neither is ever had without the other.
//!
//! A prize that somebody else has to hand over (a coupon of a pool, the shop) is paid for with a hold. Handing over
//! settles it, in the award's own record; where nobody does in time, a record gives the points and the unit back and
//! closes the award. An award's key keeps the two apart.

use super::awards::{GIVEN_BACK, fulfil_key};
use super::escrow::Units;
use super::orders::{bytes, plain};
use super::work::{closed, declined};
use super::{LoadAsk, Owner, Step, answer, refuse, seen};
use crate::command::{Command, Once, Reply, Work};
use crate::error::Error;
use crate::keys::{KeyKind, Lookup, hash};
use crate::rows::{OrderRow, Projected};
use crate::runtime::Counters;
use crate::views::{OrderAwardView, OrderView};
use domain::account::Awaited;
use domain::award::AwardState;
use domain::exchange::{Bought, Goods, Item, NotForSale};
use domain::ids::{AwardId, CampaignId, ItemId, OrderId, ShopperId};
use domain::order::OrderKind;
use domain::points::Cause;
use domain::proposal::{Declined, Proposal};
use domain::record::{ExchangeEnded, Exchanged, Fact, Granted, KeyHash, Keyed, Record};
use smallvec::{SmallVec, smallvec};
use std::sync::Arc;

/// A key lives in the window in which it was used and in the next one: 30 to 60 days.
const KEY_WINDOW_MS: i64 = 30 * 86_400_000;

/// One item in memory: stock is `stock - sold - in flight` (R6, embedded).
pub(super) struct ItemSlot {
    pub item: Arc<Item>,
    pub counters: Counters,
    /// Units that the open batch has taken but that are not durable yet.
    pub in_flight: u64,
    /// What this log holds of the stock, where several share it.
    pub units: Option<Units>,
}

/// What a shopper asks of the shop.
#[derive(Debug, Clone, Copy)]
pub(super) struct ExchangeAsk {
    pub item: ItemId,
    /// Of the caller's key, whenever it is used.
    pub once: Once,
    pub quantity: u32,
}

fn not_for_sale(why: NotForSale) -> Error {
    let code = match why {
        NotForSale::Retired => "item_retired",
        NotForSale::NotStarted => "item_not_started",
        NotForSale::Over => "item_over",
        NotForSale::SoldOut => "sold_out",
        NotForSale::ShopperLimit => "item_limit_reached",
        NotForSale::TooMany => return Error::invalid("quantity_too_large", "quantity", why.to_string()),
    };
    Error::Conflict { code, detail: why.to_string() }
}

/// The caller's key in one window of time.
fn key_in(window: i64, key: &KeyHash) -> KeyHash {
    hash(KeyKind::Exchange, CampaignId(window.max(0).unsigned_abs()), key)
}

impl Owner {
    /// From here on this version is in the shop.
    pub(super) fn install_item(&mut self, item: Arc<Item>) {
        let (counters, old) = match self.items.remove(&item.id) {
            Some(old) => (old.counters, old.units),
            None => Default::default(),
        };
        let units = self.units_of(&item, &counters, old);
        self.items.insert(item.id, ItemSlot { item, counters, in_flight: 0, units });
    }

    /// Buys, or replays what was bought under the same key within 30 days.
    pub(super) fn exchange(&mut self, id: ShopperId, command: Command, ask: ExchangeAsk) -> Step {
        let window = self.now_ms.div_euclid(KEY_WINDOW_MS);
        let keys = [key_in(window, &ask.once.hash), key_in(window - 1, &ask.once.hash)];
        let Some(account) = self.accounts.get(&id) else { return refuse(command, Error::no_shopper()) };
        let found = keys.map(|key| seen(account, &command, &key));
        for one in found {
            match one {
                Lookup::Known(known) if known.request == ask.once.request => {
                    let (part, offset, status) = (id.partition(), known.offset, known.status);
                    return answer(command, Ok(Reply::Stored { part, offset, status }));
                }
                Lookup::Known(_) => return refuse(command, Error::KeyReused),
                Lookup::Maybe | Lookup::Absent => {}
            }
        }
        if found.contains(&Lookup::Maybe) {
            let ExchangeAsk { item, once, quantity } = ask;
            let doubtful = keys.into_iter().zip(found).filter(|(_, found)| *found == Lookup::Maybe);
            let doubtful = doubtful.map(|(key, _)| key).collect();
            let command = Command { work: Work::Exchange { item, once, quantity }, ..command };
            return Step::Park(command, LoadAsk::Keys(id, doubtful));
        }
        if let Some(lack) = self.items.get(&ask.item).and_then(|slot| slot.lacks(ask.quantity)) {
            let ExchangeAsk { item, once, quantity } = ask;
            return Step::Lack(Command { work: Work::Exchange { item, once, quantity }, ..command }, id, lack);
        }
        let key = Keyed { hash: keys[0], request: ask.once.request, status: 201 };
        match self.bought(id, &ask) {
            Ok((proposal, body)) => {
                if let Some(slot) = self.items.get_mut(&ask.item) {
                    slot.in_flight += u64::from(ask.quantity);
                }
                crate::failpoint::hit("item_taken");
                self.append_proposal(id, proposal, smallvec![key], body, command)
            }
            Err(error) => refuse(command, error),
        }
    }

    /// The facts of a purchase and the answer to it.
    fn bought(&mut self, id: ShopperId, ask: &ExchangeAsk) -> Result<(Proposal, Vec<u8>), Error> {
        let (now_ms, quantity) = (self.now_ms, ask.quantity);
        let slot = self.items.get(&ask.item).ok_or(Error::no_item())?;
        let item = slot.item.clone();
        let gone = slot.counters.sold + slot.in_flight;
        let by_all = match &slot.units {
            None => gone,
            // Of what several logs share, this one has so many at hand; the row was asked for more before.
            Some(units) => item.def.stock.saturating_sub(units.free(gone)),
        };
        let mut proposal = self.propose(id).ok_or(Error::no_shopper())?;
        let bought = Bought { by_all, by_shopper: proposal.account.bought_of(item.id), now_ms };
        let points = item.admit(quantity, bought).map_err(not_for_sale)?;
        self.expire_points(id, &mut proposal);
        let (order, entry) = (self.order_id(id), self.entry_id(id));
        let mut exchanged = Exchanged {
            order,
            item: item.id,
            version: item.version,
            quantity,
            points,
            awards: SmallVec::new(),
            hold: None,
        };
        let later = item.goods() == Goods::Later;
        exchanged.hold = later.then_some(entry);
        let paid = match exchanged.hold {
            Some(_) => proposal.hold(entry, points, &format!("exchange:{order}"), Some(item.hold_until_ms(now_ms))),
            None => proposal.spend(entry, points, Cause::Exchange { order }),
        };
        paid.map_err(declined)?;
        match item.goods() {
            Goods::Chances { campaign, chances } => {
                let granted = self.chances_for(campaign, order, chances.saturating_mul(quantity), points)?;
                proposal.grant(granted).map_err(declined)?;
            }
            Goods::AtOnce | Goods::Later => {
                let state = if later { AwardState::Granting } else { AwardState::Granted };
                let mut award = || (AwardId(self.ids.make(now_ms, id.partition())), state);
                exchanged.awards = (0..quantity).map(|_| award()).collect();
            }
        }
        let claim_by_ms = item.prize().and_then(|prize| prize.claim_by_ms(now_ms)).filter(|_| !later);
        let awards = exchanged.awards.clone();
        let mut push = |fact| proposal.push(fact).map_err(|broken| declined(broken.into()));
        push(Fact::Exchanged(Box::new(exchanged)))?;
        for (award, _) in &awards {
            if let Some(at_ms) = claim_by_ms {
                push(Fact::AwardClaimBy { award: *award, at_ms })?;
            }
        }
        let body = self.exchange_answer(id, &proposal)?;
        Ok((proposal, body))
    }

    /// The chances of an order, where their campaign is open.
    fn chances_for(&self, campaign: CampaignId, order: OrderId, chances: u32, points: i64) -> Result<Granted, Error> {
        let runtime = &self.campaigns.get(&campaign).ok_or(Error::no_campaign())?.runtime;
        match closed(runtime.state_at(self.now_ms)) {
            Some(refusal) => Err(Error::Refused(refusal)),
            None => {
                let plain = plain(order, runtime, OrderKind::Exchange, chances, self.now_ms);
                Ok(Granted { points: -points, ..plain })
            }
        }
    }

    /// The order as lists will show it: its row is made of the same facts.
    fn exchange_answer(&self, id: ShopperId, proposal: &Proposal) -> Result<Vec<u8>, Error> {
        let mut rows = Projected::default();
        let facts = proposal.facts.iter().cloned().collect();
        let (epoch, owner, part) = (self.marker.epoch, self.marker.owner, id.partition());
        let (at_ms, keys) = (self.now_ms, SmallVec::new());
        rows.take(0, &Record { epoch, owner, part, at_ms, shopper: id, keys, facts, answer: &[] });
        let row: OrderRow = rows.orders.pop().ok_or(Error::Unavailable("the order was not made"))?;
        let awards = rows.awards.iter().map(|award| OrderAwardView { id: award.id, state: award.state }).collect();
        let view = OrderView { awards, ..row.view(u64::from(row.chances), self.now_ms) };
        Ok(bytes(&view))
    }

    /// What handing an award over means for the exchange that waits for it, in the record that says so.
    pub(super) fn handed_over(&self, id: ShopperId, award: AwardId) -> SmallVec<[Fact; 2]> {
        let account = self.accounts.get(&id).map(|slot| &slot.account);
        let Some(awaited) = account.and_then(|a| a.awaited.iter().find(|w| w.award == award)) else {
            return SmallVec::new();
        };
        let Awaited { order, item, award, hold } = *awaited;
        smallvec![Fact::HoldSettled { hold }, Fact::ExchangeEnded(ExchangeEnded { order, item, award, given: true })]
    }

    /// Gives an exchange's points and its unit back, and closes its award. Whoever comes to hand it over is refused.
    pub(super) fn give_back(&mut self, id: ShopperId, command: Command, awaited: Awaited) -> Step {
        let Some(mut proposal) = self.propose(id) else { return refuse(command, Error::no_shopper()) };
        let Awaited { order, item, award, hold } = awaited;
        let entry = self.entry_id(id);
        let moved = Fact::AwardMoved { award, state: AwardState::Expired };
        let ended = Fact::ExchangeEnded(ExchangeEnded { order, item, award, given: false });
        let done = proposal
            .release(entry, hold)
            .and_then(|()| Ok(proposal.push(moved)?))
            .and_then(|()| Ok(proposal.push(ended)?));
        match done {
            Ok(()) => {
                crate::failpoint::hit("giving_back");
                metrics::counter!("koi_exchange_given_back_total").increment(1);
                let key = Keyed { hash: fulfil_key(award), request: GIVEN_BACK, status: 200 };
                self.append_proposal(id, proposal, smallvec![key], Vec::new(), command)
            }
            Err(Declined::NoHold) => answer(command, Ok(Reply::Stale)),
            Err(why) => refuse(command, declined(why)),
        }
    }

    /// Gives up an exchange that waits for a coupon. What the shop hands over may be on its way: that stands.
    pub(super) fn cancel_exchange(&mut self, id: ShopperId, command: Command, order: OrderId) -> Step {
        let account = self.accounts.get(&id).map(|slot| &slot.account);
        let awaited = account.and_then(|a| a.awaited.iter().find(|w| w.order == order)).copied();
        let coupon = |a: &Awaited| {
            let prize = self.items.get(&a.item).and_then(|slot| slot.item.prize());
            prize.is_some_and(|prize| prize.kind == domain::campaign::PrizeKind::Coupon)
        };
        match awaited.filter(coupon) {
            Some(awaited) => self.give_back(id, command, awaited),
            None => answer(command, Ok(Reply::Stale)),
        }
    }
}
