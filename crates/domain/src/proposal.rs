//! A record in the making: facts for one account, each folded as soon as it is proposed, so that the next one is decided
//! by what the earlier ones leave. Pure: time and ids are arguments.

use crate::account::{Account, Broken, UNPAID_MAX};
use crate::chances::{EarlyReturn, NEVER};
use crate::ids::{CampaignId, EntryId, OrderId};
use crate::order::OrderEvent;
use crate::points::{Cause, Contra, Entry, HOLDS_MAX, Rolled, apply};
use crate::record::{Billed, Fact, Granted, Moved};
use smallvec::SmallVec;

/// Why something is not proposed. Nothing was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Declined {
    #[error("the balance would fall below zero")]
    PointsShort,
    #[error("the balance would become too large")]
    PointsTooMany,
    #[error("too many of this shopper's points are set aside already: at most {HOLDS_MAX} at a time")]
    TooManyHolds,
    #[error("points are set aside for this already")]
    HeldAlready,
    #[error("no points are set aside for this")]
    NoHold,
    #[error("too many orders wait for their payment: at most {UNPAID_MAX}")]
    TooManyUnpaid,
    #[error("{0}")]
    Broken(&'static str),
}

impl From<Broken> for Declined {
    fn from(broken: Broken) -> Self {
        Declined::Broken(broken.0)
    }
}

/// An account with facts on top of it that are in no record yet.
#[derive(Debug, Clone)]
pub struct Proposal {
    pub account: Account,
    pub facts: SmallVec<[Fact; 2]>,
}

impl Proposal {
    /// Nothing proposed yet.
    pub fn new(account: &Account) -> Self {
        Self { account: account.clone(), facts: SmallVec::new() }
    }

    /// Proposes a fact.
    ///
    /// # Errors
    /// Where it does not continue the account.
    pub fn push(&mut self, fact: Fact) -> Result<(), Broken> {
        self.account.fold(&fact)?;
        self.facts.push(fact);
        Ok(())
    }

    /// Writes off chances of a campaign whose time is over.
    pub fn expire_chances(&mut self, campaign: CampaignId, now_ms: i64) {
        for fact in due_chances(&self.account, campaign, now_ms) {
            _ = self.push(fact);
        }
    }

    /// Grants an order's chances; its lot is chosen here.
    ///
    /// # Errors
    /// Where a paid order does not wait, or another one does.
    pub fn grant(&mut self, granted: Granted) -> Result<(), Declined> {
        let expires = granted.expires_at_ms.unwrap_or(NEVER);
        let lots = self.account.enrolment(granted.campaign).map(|e| &e.lots);
        let lot = lots.map_or(granted.order, |lots| lots.home(granted.order, expires));
        let rebate = granted.rebate.filter(|_| lot == granted.order);
        Ok(self.push(Fact::Granted(Box::new(Granted { lot, rebate, ..granted })))?)
    }

    /// Makes an order that waits for its payment.
    ///
    /// # Errors
    /// `TooManyUnpaid`.
    pub fn bill(&mut self, billed: Billed) -> Result<(), Declined> {
        if self.account.unpaid.len() >= UNPAID_MAX {
            return Err(Declined::TooManyUnpaid);
        }
        Ok(self.push(Fact::Billed(billed))?)
    }

    /// Closes an order that waits for its payment; says whether there was one.
    pub fn close_unpaid(&mut self, campaign: CampaignId, order: OrderId, event: OrderEvent) -> bool {
        self.push(Fact::OrderMoved(Moved { order, campaign, event, chances: 0, cents: 0 })).is_ok()
    }

    /// Takes back what a return of `cents` makes undeserved and is not spent yet. Says how many chances that were.
    pub fn take_back(&mut self, campaign: CampaignId, source: u64, cents: i64, at_ms: i64) -> u64 {
        let lot = self.account.enrolment(campaign).and_then(|e| e.lots.rebate(source)).copied();
        let Some((lot, rebate)) = lot.and_then(|lot| Some((lot, lot.rebate?))) else { return 0 };
        if at_ms >= rebate.until_ms || cents <= 0 {
            return 0;
        }
        let reduced = rebate.reduced_to(rebate.cents.saturating_sub(cents));
        let chances = u64::from(rebate.granted - reduced.granted).min(lot.left);
        let event = if chances == lot.left { OrderEvent::TakeBack } else { OrderEvent::Reduce };
        let moved = Moved { order: lot.order, campaign, event, chances, cents: reduced.cents };
        if self.push(Fact::OrderMoved(moved)).is_ok() { chances } else { 0 }
    }

    /// Keeps what came back of a purchase that is not told yet.
    pub fn keep_return(&mut self, campaign: CampaignId, early: EarlyReturn) {
        if early.cents > 0 {
            // A fold of it refuses nothing.
            _ = self.push(Fact::CameBackEarly { campaign, early });
        }
    }

    /// Takes off a purchase that was just granted what had come back of it before it was told: the same as if that came
    /// now. `counts_spend` where the purchase's spend was counted.
    pub fn meet_returns(&mut self, campaign: CampaignId, source: u64, counts_spend: bool) {
        let waiting = self.account.enrolment(campaign).map(|e| e.early.iter().filter(|early| early.source == source));
        let waiting: SmallVec<[EarlyReturn; 2]> = waiting.into_iter().flatten().copied().collect();
        if waiting.is_empty() {
            return;
        }
        for early in waiting {
            self.take_back(campaign, source, early.cents, early.at_ms);
            if counts_spend {
                self.count_spend(campaign, -early.cents);
            }
        }
        _ = self.push(Fact::EarlyReturnsMet { campaign, source });
    }

    /// Writes off points whose time is over.
    pub fn expire_points(&mut self, now_ms: i64, mut id: impl FnMut() -> EntryId) {
        while let Some(batch) = self.account.purse.batches().first().copied().filter(|b| b.expires_at_ms <= now_ms) {
            let cause = Cause::Expired { at_ms: batch.expires_at_ms };
            if self.entry(id(), -batch.left, Contra::Expired, cause, None, None).is_err() {
                return;
            }
        }
    }

    /// Counts what a purchase inside a campaign's window came to, or with a minus what came back of it.
    pub fn count_spend(&mut self, campaign: CampaignId, cents: i64) {
        if cents != 0 {
            // A fold of it refuses nothing.
            _ = self.push(Fact::Spent { campaign, cents });
        }
    }

    /// Credits points.
    ///
    /// # Errors
    /// `PointsTooMany`.
    pub fn credit(
        &mut self,
        id: EntryId,
        amount: i64,
        cause: Cause,
        expires_at_ms: Option<i64>,
        rolled: Option<Rolled>,
    ) -> Result<(), Declined> {
        self.entry(id, amount, Contra::Issued, cause, expires_at_ms, rolled)
    }

    /// Spends points; [`Proposal::expire_points`] comes first.
    ///
    /// # Errors
    /// `PointsShort`.
    pub fn spend(&mut self, id: EntryId, amount: i64, cause: Cause) -> Result<(), Declined> {
        self.entry(id, amount.checked_neg().ok_or(Declined::PointsShort)?, Contra::Spent, cause, None, None)
    }

    /// Sets points aside for `purpose`: they leave the balance and cannot be spent otherwise until settled or released.
    /// The hold's id is the entry's. [`Proposal::expire_points`] comes first.
    ///
    /// # Errors
    /// `PointsShort`, `TooManyHolds`, `HeldAlready`.
    pub fn hold(&mut self, id: EntryId, amount: i64, purpose: &str, until_ms: Option<i64>) -> Result<(), Declined> {
        if self.account.purse.hold_for(purpose).is_some() {
            return Err(Declined::HeldAlready);
        }
        if self.account.purse.holds().len() >= HOLDS_MAX {
            return Err(Declined::TooManyHolds);
        }
        let cause = Cause::Held { purpose: purpose.to_owned(), until_ms };
        self.entry(id, amount.checked_neg().ok_or(Declined::PointsShort)?, Contra::Held, cause, None, None)
    }

    /// What was set aside is spent for good.
    ///
    /// # Errors
    /// `NoHold`: settled or released already.
    pub fn settle(&mut self, hold: EntryId) -> Result<(), Declined> {
        self.push(Fact::HoldSettled { hold }).map_err(|_| Declined::NoHold)
    }

    /// What was set aside comes back, each point with the expiry it had.
    ///
    /// # Errors
    /// `NoHold`: settled or released already.
    pub fn release(&mut self, id: EntryId, hold: EntryId) -> Result<(), Declined> {
        let amount = self.account.purse.hold(hold).ok_or(Declined::NoHold)?.amount;
        self.entry(id, amount, Contra::Held, Cause::Released { hold }, None, None)
    }

    fn entry(
        &mut self,
        id: EntryId,
        amount: i64,
        contra: Contra,
        cause: Cause,
        expires_at_ms: Option<i64>,
        rolled: Option<Rolled>,
    ) -> Result<(), Declined> {
        let refused = if amount < 0 { Declined::PointsShort } else { Declined::PointsTooMany };
        let balance = apply(self.account.points, amount).ok_or(refused)?;
        let rolled = rolled.map(Box::new);
        Ok(self.push(Fact::Points(Entry { id, amount, balance, contra, expires_at_ms, cause, rolled }))?)
    }
}

/// The facts that write off a campaign's chances whose time is over.
pub fn due_chances(account: &Account, campaign: CampaignId, now_ms: i64) -> SmallVec<[Fact; 2]> {
    let lots = account.enrolment(campaign).map(|e| e.lots.due(now_ms)).into_iter().flatten();
    let expire = |lot: &crate::chances::Lot| {
        let cents = lot.rebate.map_or(0, |r| r.cents);
        Fact::OrderMoved(Moved { order: lot.order, campaign, event: OrderEvent::Expire, chances: lot.left, cents })
    };
    lots.map(expire).collect()
}
