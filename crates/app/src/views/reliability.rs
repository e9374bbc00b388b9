//! How far stated probabilities can be trusted.

use serde::Serialize;

/// What the choice model's probabilities were worth on questions that it had not learned from.
#[derive(Debug, Clone, Serialize)]
pub struct ReliabilityView {
    /// The moment up to which the model knows what was bought.
    pub fitted_at: String,
    /// Questions that the model was fitted on; 0 where too little was bought yet.
    pub learned_from: usize,
    /// Questions that it was judged on; all measures are 0 without any.
    pub n: usize,
    /// How often the most probable option was bought.
    pub hit_at_1: f64,
    /// Mean negative natural logarithm of the probability of what was bought.
    pub log_loss: f64,
    /// Expected calibration error of the most probable option (Naeini et al. 2015), 0 to 1.
    pub ece: f64,
    /// Summed squares of probability less outcome (Brier 1950), 0 to 2.
    pub brier: f64,
    /// The reliability diagram (DeGroot and Fienberg 1983): equal widths from 0 to 1.
    pub bins: Vec<ReliabilityBin>,
}

/// Questions whose most probable option was stated about as probable.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ReliabilityBin {
    pub n: usize,
    /// Mean of what was stated, and the share that came true; 0 without a question.
    pub stated: f64,
    pub observed: f64,
}
