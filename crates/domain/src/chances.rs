//! Chance lots: what is left of each order's chances, in the order in which they are spent.

use crate::ids::OrderId;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The expiry of what never expires.
pub const NEVER: i64 = i64::MAX;

/// Lots of one enrolment. An account is held in memory and rewritten by projection, so it must stay small; beyond the
/// bound a new order's chances join another order's lot, whose expiry never falls by it.
pub const LOTS_MAX: usize = 1_024;

/// Returns of one enrolment that wait for their purchase. Most never meet one, since what they take back was bought before
/// the campaign; beyond the bound the one that waits longest makes way.
pub const EARLY_MAX: usize = 64;

fn never() -> i64 {
    NEVER
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_never(at: &i64) -> bool {
    *at == NEVER
}

/// What a purchase's chances were given for, so that a return can take them back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rebate {
    /// Hash of the shop's order id, unique within shopper and campaign.
    #[serde(rename = "s")]
    pub source: u64,
    /// What the purchase comes to after its returns, minor units.
    #[serde(rename = "c")]
    pub cents: i64,
    /// One chance per full amount of this, minor units; above 0.
    #[serde(rename = "p")]
    pub per_cents: i64,
    /// Chances that it still stands for, spent ones included.
    #[serde(rename = "g")]
    pub granted: u32,
    /// A return that comes later takes nothing back. Facts hold it in a form that can leave nothing out.
    #[serde(rename = "u")]
    pub until_ms: i64,
}

impl Rebate {
    /// The rebate after goods of `cents` in all remain bought.
    pub fn reduced_to(self, cents: i64) -> Rebate {
        let deserved = u32::try_from(cents.max(0) / self.per_cents.max(1)).unwrap_or(u32::MAX);
        Rebate { cents: cents.max(0), granted: self.granted.min(deserved), ..self }
    }
}

/// A return that was told before its purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlyReturn {
    /// Hash of the shop's order id, as a [`Rebate`] has it.
    #[serde(rename = "s")]
    pub source: u64,
    /// What came back, minor units.
    #[serde(rename = "c")]
    pub cents: i64,
    /// When it came back, Unix milliseconds.
    #[serde(rename = "a")]
    pub at_ms: i64,
}

/// What is left of one order's chances, and of those that joined it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lot {
    #[serde(rename = "o")]
    pub order: OrderId,
    /// Above 0.
    #[serde(rename = "l")]
    pub left: u64,
    /// Unix milliseconds, exclusive: from then on it cannot be drawn.
    #[serde(rename = "e", default = "never", skip_serializing_if = "is_never")]
    pub expires_at_ms: i64,
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub rebate: Option<Rebate>,
}

/// One draw's chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spend {
    /// The order whose lot gives it.
    pub order: OrderId,
    /// Whether it is the lot's last.
    pub last: bool,
}

/// Live lots, oldest expiry first, then oldest order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lots(VecDeque<Lot>);

impl Lots {
    pub fn iter(&self) -> impl Iterator<Item = &Lot> {
        self.0.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The lot of an order.
    pub fn get(&self, order: OrderId) -> Option<&Lot> {
        self.0.iter().find(|lot| lot.order == order)
    }

    /// The lot of a purchase.
    pub fn rebate(&self, source: u64) -> Option<&Lot> {
        self.0.iter().find(|lot| lot.rebate.is_some_and(|r| r.source == source))
    }

    /// Lots whose time is over at `now_ms`.
    pub fn due(&self, now_ms: i64) -> impl Iterator<Item = &Lot> {
        self.0.iter().take_while(move |lot| lot.expires_at_ms <= now_ms)
    }

    /// Which lot takes the chances of a new order: its own, or, where there are [`LOTS_MAX`], the first that does not
    /// expire before them, else the last.
    pub fn home(&self, order: OrderId, expires_at_ms: i64) -> OrderId {
        if self.0.len() < LOTS_MAX {
            return order;
        }
        let later = self.0.iter().find(|lot| lot.expires_at_ms >= expires_at_ms);
        later.or_else(|| self.0.back()).map_or(order, |lot| lot.order)
    }

    /// Adds chances to the lot of `home`, which is made where it is not there; an expiry is only ever put off.
    pub fn add(&mut self, home: OrderId, chances: u32, expires_at_ms: i64, rebate: Option<Rebate>) {
        let fresh = Lot { order: home, left: u64::from(chances), expires_at_ms, rebate };
        let lot = match self.0.iter().position(|lot| lot.order == home).and_then(|at| self.0.remove(at)) {
            Some(lot) => {
                Lot { left: lot.left + fresh.left, expires_at_ms: lot.expires_at_ms.max(expires_at_ms), ..lot }
            }
            None => fresh,
        };
        let key = (lot.expires_at_ms, lot.order);
        let at = self.0.partition_point(|other| (other.expires_at_ms, other.order) < key);
        self.0.insert(at, lot);
    }

    /// The next `count` chances as they would be spent at `now_ms`; fewer where fewer are left.
    pub fn spends(&self, now_ms: i64, count: usize) -> impl Iterator<Item = Spend> {
        let live = self.0.iter().skip_while(move |lot| lot.expires_at_ms <= now_ms);
        let each = live.flat_map(|lot| (1..=lot.left).map(|i| Spend { order: lot.order, last: i == lot.left }));
        each.take(count)
    }

    /// Spends a chance of the first lot, which must be the one named. Says whether it was its last.
    pub fn spend(&mut self, order: OrderId) -> Option<bool> {
        let lot = self.0.front_mut().filter(|lot| lot.order == order)?;
        lot.left -= 1;
        let last = lot.left == 0;
        if last {
            self.0.pop_front();
        }
        Some(last)
    }

    /// Takes chances out of a lot that has as many, and says what its rebate now stands for. Says whether it is empty.
    pub fn take(&mut self, order: OrderId, chances: u64, cents: i64) -> Option<bool> {
        let at = self.0.iter().position(|lot| lot.order == order && lot.left >= chances)?;
        let lot = &mut self.0[at];
        lot.left -= chances;
        lot.rebate = lot.rebate.map(|rebate| rebate.reduced_to(cents));
        let empty = lot.left == 0;
        if empty {
            self.0.remove(at);
        }
        Some(empty)
    }
}
