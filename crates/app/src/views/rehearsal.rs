//! What a rehearsal comes to.

use super::TierReport;
use crate::rehearse::spread::Spread;
use serde::Serialize;

/// A campaign as it was played.
#[derive(Debug, Clone, Serialize)]
pub struct RehearsalView {
    pub name: String,
    pub rules_hash: String,
    pub shoppers: u32,
    /// Tries to draw in each round.
    pub draws: u32,
    /// How often the campaign was played: what the intervals rest on.
    pub rounds: u64,
    /// The same seed gives the same rehearsal. Text: JavaScript loses integers above 2^53.
    pub seed: String,
    /// Tries that became draws, and those that a rule refused.
    pub made: Spread,
    pub refused: Spread,
    pub cost_cents: Spread,
    pub points_won: Spread,
    pub prizes: Vec<RehearsedPrize>,
    pub tiers: Vec<TierReport>,
    /// The most frequent first.
    pub refusals: Vec<RefusalShare>,
}

#[derive(Debug, Clone, Serialize)]
pub struct RehearsedPrize {
    pub code: String,
    pub stock: Option<u64>,
    pub won: Spread,
    /// `None` where no round sold it out.
    pub sold_out: Option<SoldOut>,
}

/// When a prize was sold out.
#[derive(Debug, Clone, Serialize)]
pub struct SoldOut {
    /// Of the rounds in which it was, 0 to 1.
    pub share: f64,
    /// In the middle one of those rounds.
    pub at: String,
    /// Over those rounds.
    pub interval_90: TimeInterval,
}

#[derive(Debug, Clone, Serialize)]
pub struct TimeInterval {
    pub low: String,
    pub high: String,
}

/// Tries that were refused for one reason.
#[derive(Debug, Clone, Serialize)]
pub struct RefusalShare {
    pub rule: &'static str,
    /// The word that a shopper would be answered.
    pub code: &'static str,
    pub detail: String,
    pub draws: Spread,
}
