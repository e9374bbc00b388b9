//! Orders (活动单): how chances are obtained.

use serde::{Deserialize, Serialize};

/// Where an order's chances come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderKind {
    SignIn,
    Paid,
    Redeem,
    Points,
    Purchase,
    Referral,
    Grant,
}

impl OrderKind {
    /// The word that API and storage use.
    pub fn word(self) -> &'static str {
        match self {
            OrderKind::SignIn => "sign_in",
            OrderKind::Paid => "paid",
            OrderKind::Redeem => "redeem",
            OrderKind::Points => "points",
            OrderKind::Purchase => "purchase",
            OrderKind::Referral => "referral",
            OrderKind::Grant => "grant",
        }
    }

    /// The kind behind a stored word.
    pub fn parse(word: &str) -> Option<Self> {
        use OrderKind::*;
        [SignIn, Paid, Redeem, Points, Purchase, Referral, Grant].into_iter().find(|k| k.word() == word)
    }
}

/// Where an order stands: `Effective` while any of its chances is left. Chances are spent in the order in which they
/// were granted, so an order whose first chance is the `first`-th (from 0) of its campaign has
/// `used - first` of its own spent, within 0 and `chances`; its state is derived, never stored.
pub fn state_word(first: u64, chances: u32, used: u64) -> &'static str {
    if chances > 0 && used >= first + u64::from(chances) { "used" } else { "effective" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_used_when_its_last_chance_is() {
        for (first, chances, used, want) in [
            (0, 2, 0, "effective"),
            (0, 2, 1, "effective"),
            (0, 2, 2, "used"),
            (5, 1, 5, "effective"),
            (5, 1, 6, "used"),
            (0, 0, 9, "effective"),
        ] {
            assert_eq!(state_word(first, chances, used), want, "first {first}, chances {chances}, used {used}");
        }
    }
}
