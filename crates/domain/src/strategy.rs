//! A strategy: which prize fills each slot that one shopper sees. It never changes how probable a slot is.

use crate::campaign::{PrizeIx, Rules, TierIx};

/// Where a strategy comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Source {
    /// The template: random within the tiers, the same at every look.
    Random,
    /// Chosen for one shopper.
    Personal,
}

impl Source {
    /// The word that API and storage use.
    pub fn word(self) -> &'static str {
        match self {
            Source::Random => "random",
            Source::Personal => "personal",
        }
    }
}

/// One filled slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct SlotAssign {
    pub tier: TierIx,
    pub prize: PrizeIx,
}

/// The slots of one shopper in index order: a tier's slots are contiguous, tiers in the rules' order.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Strategy {
    pub source: Source,
    pub slots: Box<[SlotAssign]>,
    /// Grows with every replacement; 0 for a template.
    pub generation: u32,
}

impl Strategy {
    /// Whether this strategy can be drawn from under `rules`: every slot of every tier filled with a prize of that tier.
    pub fn fits(&self, rules: &Rules) -> bool {
        if self.slots.len() != rules.slot_count() {
            return false;
        }
        rules.tiers.iter().zip(0u8..).all(|(tier, ix)| {
            let shown = &self.slots[tier.slot_range()];
            shown.iter().all(|s| s.tier == ix && tier.candidates.binary_search(&s.prize).is_ok())
        })
    }
}
