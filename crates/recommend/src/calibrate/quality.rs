//! Measures of probabilities against outcomes.

use super::Case;
use serde::Serialize;

/// Bins of equal width for the expected calibration error.
pub const BINS: usize = 15;

/// Cases whose top probability lies in one bin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Bin {
    pub n: usize,
    /// Mean probability of the top options, and the share of them that was right.
    pub stated: f64,
    pub observed: f64,
}

/// What cases say of the probabilities in them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quality {
    pub n: usize,
    /// How often the most probable option was right; of equal ones the first counts.
    #[serde(rename = "hit@1")]
    pub hit_at_1: f64,
    /// Mean negative logarithm of the right option's probability.
    pub log_loss: f64,
    /// Expected calibration error (Naeini et al. 2015) of the top option's probability over [`BINS`] bins.
    pub ece: f64,
    /// Mean over questions of the summed squares of probability - outcome (Brier 1950): from 0 to 2.
    pub brier: f64,
    #[serde(skip)]
    pub bins: [Bin; BINS],
}

impl Quality {
    /// Measures cases; all figures are 0 without any.
    pub fn of(cases: &[Case]) -> Quality {
        let n = cases.len().max(1) as f64;
        let mut bins = [Bin::default(); BINS];
        let (mut hits, mut log_loss, mut brier) = (0usize, 0.0, 0.0);
        for case in cases {
            let (top, p) = top(&case.probabilities);
            let hit = top == case.answer;
            hits += usize::from(hit);
            log_loss += case.log_loss();
            let square = |(place, p): (usize, &f64)| (p - f64::from(u8::from(place == case.answer))).powi(2);
            brier += case.probabilities.iter().enumerate().map(square).sum::<f64>();
            let bin = &mut bins[((p * BINS as f64) as usize).min(BINS - 1)];
            bin.n += 1;
            bin.stated += p;
            bin.observed += f64::from(u8::from(hit));
        }
        let ece = bins.iter().map(|bin| (bin.stated - bin.observed).abs()).sum::<f64>() / n;
        for bin in bins.iter_mut().filter(|bin| bin.n > 0) {
            bin.stated /= bin.n as f64;
            bin.observed /= bin.n as f64;
        }
        Quality { n: cases.len(), hit_at_1: hits as f64 / n, log_loss: log_loss / n, ece, brier: brier / n, bins }
    }
}

/// The first of the most probable options, and its probability.
pub(crate) fn top(probabilities: &[f64]) -> (usize, f64) {
    let mut best = (0, f64::NEG_INFINITY);
    for (place, &p) in probabilities.iter().enumerate() {
        if p > best.1 {
            best = (place, p);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_their_definitions() {
        let case = |probabilities: &[f64], answer| Case { probabilities: probabilities.to_vec(), answer };
        let quality = Quality::of(&[case(&[0.8, 0.2], 0), case(&[0.8, 0.2], 1)]);
        assert_eq!((quality.n, quality.hit_at_1), (2, 0.5));
        assert!((quality.ece - 0.3).abs() < 1e-12, "one bin states 0.8 and observes 0.5");
        assert!((quality.log_loss - (-(0.8f64.ln()) - 0.2f64.ln()) / 2.0).abs() < 1e-12);
        assert!((quality.brier - (0.08 + 1.28) / 2.0).abs() < 1e-12);
        assert_eq!(quality.bins[12], Bin { n: 2, stated: 0.8, observed: 0.5 });
        assert_eq!(Quality::of(&[]).log_loss, 0.0);
        assert_eq!(top(&[0.5, 0.5]), (0, 0.5));
        assert_eq!(Quality::of(&[case(&[1.0, 0.0], 0)]).bins[BINS - 1].n, 1, "a certain answer is in the last bin");
    }
}
