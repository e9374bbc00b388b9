//! The conditions that a flow can ask by name.

use crate::draw::{Run, Shelf};

/// A condition with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Whether the prize that the roll hit is not to be had: sold out, in a locked slot, had before.
    SoldOut,
    /// Whether the roll hit a slot that is still locked.
    Locked,
    /// Whether the shopper is on the blacklist, in whatever mode.
    Blacklisted,
    /// Whether only points can be won in this draw.
    OnlyPoints,
    /// Whether this is the shopper's first draw in the campaign.
    FirstDraw,
}

/// Every condition with its word, and whether it can only be asked after the roll.
const ASKS: [(Ask, &str, bool); 5] = [
    (Ask::SoldOut, "sold_out", true),
    (Ask::Locked, "locked", true),
    (Ask::Blacklisted, "blacklisted", false),
    (Ask::OnlyPoints, "only_points", false),
    (Ask::FirstDraw, "first_draw", false),
];

impl Ask {
    /// The words in EL.
    pub fn words() -> impl Iterator<Item = &'static str> {
        ASKS.into_iter().map(|(_, word, _)| word)
    }

    /// The word in EL.
    pub fn word(self) -> &'static str {
        ASKS[self as usize].1
    }

    pub(super) fn named(word: &str) -> Option<Ask> {
        ASKS.into_iter().find(|(_, known, _)| *known == word).map(|(ask, _, _)| ask)
    }

    pub(super) fn is_late(self) -> bool {
        ASKS[self as usize].2
    }

    pub(super) fn holds<S: Shelf>(self, run: &Run<'_, S>) -> bool {
        match self {
            Ask::SoldOut => run.sold_out(),
            Ask::Locked => run.locked,
            Ask::Blacklisted => run.snapshot.blacklist.is_some(),
            Ask::OnlyPoints => run.points_only,
            Ask::FirstDraw => run.n == 1,
        }
    }
}

/// What can be asked, for whoever asked something else.
pub(super) fn hint() -> String {
    format!("the conditions are: {}, when(\"...\"), NOT, AND, OR", Ask::words().collect::<Vec<_>>().join(", "))
}
