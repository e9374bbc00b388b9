//! Points: an append-only double-entry account. Every entry has a unique business key and names its contra account; a
//! balance is the sum of its entries and never below zero. What may expire lies in batches, spent oldest expiry first.

use crate::chances::NEVER;
use crate::ids::{AwardId, CampaignId, EntryId, OrderId};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// The largest amount of one entry, either way.
pub const AMOUNT_MAX: i64 = 1_000_000_000_000;
/// Batches of one account that expire at different times; beyond it the first two become one that expires with the
/// later.
pub const BATCHES_MAX: usize = 400;
/// Holds of one account at a time.
pub const HOLDS_MAX: usize = 64;

/// The account that an entry stands against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contra {
    /// Points come from the shop.
    Issued,
    /// Points go to the shop, for something.
    Spent,
    /// Points were not spent in time.
    Expired,
    /// Points are set aside, or come back from there.
    Held,
}

impl Contra {
    /// The word that API and storage use.
    pub fn word(self) -> &'static str {
        match self {
            Contra::Issued => "issued",
            Contra::Spent => "spent",
            Contra::Expired => "expired",
            Contra::Held => "held",
        }
    }

    /// The account behind a stored word.
    pub fn parse(word: &str) -> Option<Self> {
        use Contra::*;
        [Issued, Spent, Expired, Held].into_iter().find(|c| c.word() == word)
    }
}

/// Why points moved. Each makes its own business key, so no two causes can collide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// Won in a draw.
    Award { award: AwardId },
    /// Signed in on a local day (days since 1970-01-01 in the campaign's time zone).
    SignIn { campaign: CampaignId, day: i32 },
    /// Bought something during a campaign.
    Purchase { campaign: CampaignId, order: String },
    /// The shop said so, under its own key.
    Shop { business_key: String, reason: String },
    /// Signed in for days in a row.
    Streak { campaign: CampaignId, day: i32 },
    /// Paid for an order of chances.
    Order { order: OrderId },
    /// Set aside for `purpose`, which is unique within the shopper, until settled or released; released by itself at
    /// `until_ms` where there is one.
    Held { purpose: String, until_ms: Option<i64> },
    /// Came back from a hold.
    Released { hold: EntryId },
    /// The batch that expired at `at_ms`.
    Expired { at_ms: i64 },
    /// Given back for something that could not be delivered, unique by `purpose`.
    Refunded { purpose: String },
    /// Paid for an item of the exchange shop.
    Exchange { order: OrderId },
}

impl Cause {
    /// What the shopper reads on the statement.
    pub fn reason(&self) -> &str {
        match self {
            Cause::Award { .. } => "won in a draw",
            Cause::SignIn { .. } => "signed in",
            Cause::Purchase { .. } => "bought",
            Cause::Shop { reason, .. } => reason,
            Cause::Streak { .. } => "signed in for days in a row",
            Cause::Order { .. } => "chances bought with points",
            Cause::Held { .. } => "set aside",
            Cause::Released { .. } => "given back",
            Cause::Expired { .. } => "not spent in time",
            Cause::Refunded { .. } => "refunded",
            Cause::Exchange { .. } => "exchanged",
        }
    }
}

/// How an amount was rolled: what its receipt shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rolled {
    pub campaign: CampaignId,
    /// What it was rolled for, unique within campaign and shopper.
    pub label: String,
    pub seed: [u8; 32],
    pub min: u32,
    pub max: u32,
}

/// One movement of points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub id: EntryId,
    /// Signed.
    pub amount: i64,
    /// The balance after it.
    pub balance: i64,
    pub contra: Contra,
    /// When what it gives expires.
    pub expires_at_ms: Option<i64>,
    pub cause: Cause,
    /// Where chance decided the amount.
    pub rolled: Option<Box<Rolled>>,
}

impl Entry {
    /// Unique among all entries of one shopper and cause. A shop's own key is looked up as one of its kind, so it never
    /// keeps anything of ours from happening.
    pub fn business_key(&self) -> String {
        match &self.cause {
            Cause::Award { award } => format!("award:{award}"),
            Cause::SignIn { campaign, day } => format!("sign_in:{campaign}:{day}"),
            Cause::Purchase { campaign, order } => format!("purchase:{campaign}:{order}"),
            Cause::Shop { business_key, .. } => business_key.clone(),
            Cause::Streak { campaign, day } => format!("streak:{campaign}:{day}"),
            Cause::Order { order } => format!("order:{order}"),
            Cause::Held { purpose, .. } => format!("hold:{purpose}"),
            Cause::Released { hold } => format!("release:{hold}"),
            Cause::Expired { .. } => format!("expired:{}", self.id),
            Cause::Refunded { purpose } => format!("refund:{purpose}"),
            Cause::Exchange { order } => format!("exchange:{order}"),
        }
    }
}

/// The balance after `amount`, or nothing when it would fall below zero or out of range.
pub fn apply(balance: i64, amount: i64) -> Option<i64> {
    balance.checked_add(amount).filter(|after| *after >= 0)
}

/// Points that expire together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Unix milliseconds; [`NEVER`] only within a hold.
    #[serde(rename = "e")]
    pub expires_at_ms: i64,
    #[serde(rename = "l")]
    pub left: i64,
}

/// Points set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The entry that set them aside.
    pub id: EntryId,
    pub amount: i64,
    pub purpose: String,
    pub until_ms: Option<i64>,
    /// Where they came from, so that they can go back.
    pub pieces: SmallVec<[Batch; 2]>,
}

/// What of a balance expires, and what is set aside beside it. What is in no batch never expires.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Purse {
    /// Oldest expiry first, no two alike.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    batches: Vec<Batch>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    holds: Vec<Hold>,
}

impl Purse {
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty() && self.holds.is_empty()
    }

    /// What of the balance expires, oldest first.
    pub fn batches(&self) -> &[Batch] {
        &self.batches
    }

    /// What is set aside.
    pub fn holds(&self) -> &[Hold] {
        &self.holds
    }

    /// The hold of an id.
    pub fn hold(&self, id: EntryId) -> Option<&Hold> {
        self.holds.iter().find(|hold| hold.id == id)
    }

    /// The hold for a purpose.
    pub fn hold_for(&self, purpose: &str) -> Option<&Hold> {
        self.holds.iter().find(|hold| hold.purpose == purpose)
    }

    /// Points set aside in all.
    pub fn held(&self) -> i64 {
        self.holds.iter().map(|hold| hold.amount).sum()
    }

    /// Points of the balance whose time is over at `now_ms`.
    pub fn due(&self, now_ms: i64) -> i64 {
        self.batches.iter().take_while(|b| b.expires_at_ms <= now_ms).map(|b| b.left).sum()
    }

    fn put(&mut self, amount: i64, expires_at_ms: i64) {
        if expires_at_ms == NEVER || amount == 0 {
            return;
        }
        match self.batches.binary_search_by_key(&expires_at_ms, |b| b.expires_at_ms) {
            Ok(at) => self.batches[at].left += amount,
            Err(at) => self.batches.insert(at, Batch { expires_at_ms, left: amount }),
        }
        if self.batches.len() > BATCHES_MAX {
            let first = self.batches.remove(0);
            self.batches[0].left += first.left;
        }
    }

    /// Takes `amount` of a balance that has it: what expires first goes first.
    fn draw(&mut self, amount: i64) -> SmallVec<[Batch; 2]> {
        let (mut left, mut pieces) = (amount, SmallVec::new());
        while left > 0
            && let Some(batch) = self.batches.first_mut()
        {
            let piece = batch.left.min(left);
            (batch.left, left) = (batch.left - piece, left - piece);
            pieces.push(Batch { left: piece, ..*batch });
            if batch.left == 0 {
                self.batches.remove(0);
            }
        }
        if left > 0 {
            pieces.push(Batch { expires_at_ms: NEVER, left });
        }
        pieces
    }

    /// Folds an entry whose balance adds up already; nothing where it does not continue the purse.
    pub fn fold(&mut self, entry: &Entry) -> Option<()> {
        match (entry.contra, &entry.cause) {
            (Contra::Expired, Cause::Expired { at_ms }) => {
                let at = self.batches.iter().position(|b| b.expires_at_ms == *at_ms && b.left == -entry.amount)?;
                self.batches.remove(at);
            }
            (Contra::Held, Cause::Held { purpose, until_ms }) if entry.amount < 0 => {
                if self.holds.len() >= HOLDS_MAX {
                    return None;
                }
                let (amount, pieces) = (-entry.amount, self.draw(-entry.amount));
                let (purpose, until_ms) = (purpose.clone(), *until_ms);
                self.holds.push(Hold { id: entry.id, amount, purpose, until_ms, pieces });
            }
            (Contra::Held, Cause::Released { hold }) => {
                let at = self.holds.iter().position(|h| h.id == *hold && h.amount == entry.amount)?;
                for piece in self.holds.remove(at).pieces {
                    self.put(piece.left, piece.expires_at_ms);
                }
            }
            (Contra::Issued | Contra::Spent, _) if entry.amount > 0 => {
                self.put(entry.amount, entry.expires_at_ms.unwrap_or(NEVER));
            }
            (Contra::Issued | Contra::Spent, _) => _ = self.draw(entry.amount.checked_neg()?),
            _ => return None,
        }
        Some(())
    }

    /// Ends a hold whose points went where they were meant to; nothing where there is no such hold.
    pub fn settle(&mut self, hold: EntryId) -> Option<Hold> {
        let at = self.holds.iter().position(|h| h.id == hold)?;
        Some(self.holds.remove(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_balance_is_never_below_zero() {
        for (balance, amount, want) in
            [(0, 5, Some(5)), (5, -5, Some(0)), (5, -6, None), (i64::MAX, 1, None), (0, i64::MIN, None)]
        {
            assert_eq!(apply(balance, amount), want, "{balance} {amount:+}");
        }
    }

    #[test]
    fn what_expires_first_is_spent_first_and_comes_back_where_it_was() {
        let mut purse = Purse::default();
        for (amount, at) in [(5, 30), (7, 10), (1, 20), (2, 10), (100, NEVER)] {
            purse.put(amount, at);
        }
        let left = |purse: &Purse| purse.batches.iter().map(|b| (b.expires_at_ms, b.left)).collect::<Vec<_>>();
        assert_eq!(left(&purse), [(10, 9), (20, 1), (30, 5)]);
        let pieces = purse.draw(12);
        assert_eq!(left(&purse), [(30, 3)]);
        for piece in pieces {
            purse.put(piece.left, piece.expires_at_ms);
        }
        assert_eq!(left(&purse), [(10, 9), (20, 1), (30, 5)]);
        assert_eq!((purse.due(9), purse.due(10), purse.due(25)), (0, 9, 10));
        for at in 100..100 + BATCHES_MAX as i64 {
            purse.put(1, at);
        }
        assert_eq!(purse.batches.len(), BATCHES_MAX);
        assert_eq!(purse.batches.iter().map(|b| b.left).sum::<i64>(), 15 + BATCHES_MAX as i64, "merging loses nothing");
    }
}
