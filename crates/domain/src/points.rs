//! Points: entries with unique business keys; a balance is the sum of its entries and never below zero.

use crate::ids::{AwardId, CampaignId, EntryId};
use serde::{Deserialize, Serialize};

/// The largest amount of one entry, either way.
pub const AMOUNT_MAX: i64 = 1_000_000_000_000;

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
}

impl Cause {
    /// Unique among all entries of one shopper. A shop's key cannot occupy an internal one: it gets a prefix.
    pub fn business_key(&self) -> String {
        match self {
            Cause::Award { award } => format!("award:{award}"),
            Cause::SignIn { campaign, day } => format!("sign_in:{campaign}:{day}"),
            Cause::Purchase { campaign, order } => format!("purchase:{campaign}:{order}"),
            Cause::Shop { business_key, .. } => business_key.clone(),
        }
    }

    /// What the shopper reads on the statement.
    pub fn reason(&self) -> &str {
        match self {
            Cause::Award { .. } => "won in a draw",
            Cause::SignIn { .. } => "signed in",
            Cause::Purchase { .. } => "bought",
            Cause::Shop { reason, .. } => reason,
        }
    }
}

/// One movement of points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub id: EntryId,
    /// Signed.
    pub amount: i64,
    /// The balance after it.
    pub balance: i64,
    pub cause: Cause,
}

/// The balance after `amount`, or nothing when it would fall below zero or out of range.
pub fn apply(balance: i64, amount: i64) -> Option<i64> {
    balance.checked_add(amount).filter(|after| *after >= 0)
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
}
