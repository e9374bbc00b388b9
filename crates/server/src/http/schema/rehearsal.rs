//! Rehearsals, and how far a model can be trusted, as they are answered.

use super::TierReport;
use serde::Serialize;
use utoipa::ToSchema;

/// A campaign as it was played.
#[derive(Serialize, ToSchema)]
pub struct Rehearsal {
    pub name: String,
    /// SHA-256 of the definition, hex.
    pub rules_hash: String,
    pub shoppers: u32,
    /// Tries to draw in each round.
    pub draws: u32,
    /// How often the campaign was played: what the intervals rest on.
    pub rounds: u64,
    pub seed: String,
    /// Tries that became draws.
    pub made: Spread,
    /// Tries that a rule refused.
    pub refused: Spread,
    pub cost_cents: Spread,
    pub points_won: Spread,
    pub prizes: Vec<RehearsedPrize>,
    pub tiers: Vec<TierReport>,
    /// The most frequent first.
    pub refusals: Vec<RefusalShare>,
}

/// A figure over all rounds, and where that of one more play lies with 90 % and 99 %.
#[derive(Serialize, ToSchema)]
pub struct Spread {
    pub mean: f64,
    pub interval_90: Interval,
    pub interval_99: Interval,
}

/// Both ends inclusive.
#[derive(Serialize, ToSchema)]
pub struct Interval {
    pub low: i64,
    pub high: i64,
}

#[derive(Serialize, ToSchema)]
pub struct RehearsedPrize {
    pub code: String,
    /// Null is without bound.
    pub stock: Option<u64>,
    pub won: Spread,
    /// Null where no round sold it out.
    pub sold_out: Option<SoldOut>,
}

#[derive(Serialize, ToSchema)]
pub struct SoldOut {
    /// Of the rounds in which it was, 0 to 1.
    pub share: f64,
    /// In the middle one of those rounds.
    #[schema(format = DateTime)]
    pub at: String,
    pub interval_90: TimeInterval,
}

#[derive(Serialize, ToSchema)]
pub struct TimeInterval {
    #[schema(format = DateTime)]
    pub low: String,
    #[schema(format = DateTime)]
    pub high: String,
}

/// Tries that were refused for one reason.
#[derive(Serialize, ToSchema)]
pub struct RefusalShare {
    pub rule: String,
    /// The word that a shopper would be answered.
    pub code: String,
    pub detail: String,
    pub draws: Spread,
}

/// What the choice model's probabilities were worth on questions that it had not learned from.
#[derive(Serialize, ToSchema)]
pub struct Reliability {
    /// The moment up to which the model knows what was bought.
    #[schema(format = DateTime)]
    pub fitted_at: String,
    /// Questions that the model was fitted on; 0 where too little was bought yet.
    pub learned_from: usize,
    /// Questions that it was judged on; all measures are 0 without any.
    pub n: usize,
    /// How often the most probable option was bought.
    pub hit_at_1: f64,
    /// Mean negative natural logarithm of the probability of what was bought.
    pub log_loss: f64,
    /// Expected calibration error of the most probable option, 0 to 1.
    pub ece: f64,
    /// Summed squares of probability less outcome (Brier 1950), 0 to 2.
    pub brier: f64,
    /// The reliability diagram: equal widths from 0 to 1.
    pub bins: Vec<ReliabilityBin>,
}

/// Questions whose most probable option was stated about as probable.
#[derive(Serialize, ToSchema)]
pub struct ReliabilityBin {
    pub n: usize,
    /// Mean of what was stated, and the share that came true; 0 without a question.
    pub stated: f64,
    pub observed: f64,
}
