//! How far stated probabilities can be trusted, and maps that mend them.
//!
//! A [`Case`] is one question with the probability of each option and the option that was right. [`Quality`] measures
//! cases; a [`Calibrator`] maps the probabilities of one question to better ones; [`choose`] takes the one that did
//! best on cases it was not fitted on; [`recalibrate`] lets live outcomes replace the one in service, behind a guard.

mod diagram;
mod isotonic;
mod quality;

pub use diagram::reliability_svg;
pub(crate) use quality::top;
pub use quality::{BINS, Bin, Quality};

use serde::{Deserialize, Serialize};

/// The smallest probability that is ever stated: one certain miss must not outweigh everything else.
pub const FLOOR: f64 = 1e-6;

/// Cases that a recalibration needs at least; below it chance decides more than the map.
pub const MIN_OUTCOMES: usize = 500;

/// What the expected calibration error may rise by when the log loss falls.
const ECE_SLACK: f64 = 0.005;

/// Standard errors by which a new map must beat the one in service.
const SIGNIFICANT: f64 = 2.0;

/// One question as it was answered, and what was right.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Of each option, adding up to 1.
    pub probabilities: Vec<f64>,
    pub answer: usize,
}

impl Case {
    /// The negative logarithm of the right option's probability.
    pub fn log_loss(&self) -> f64 {
        -self.probabilities[self.answer].max(FLOOR).ln()
    }
}

/// A map from a question's probabilities to calibrated ones. Each keeps the order of the options, isotonic up to ties.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Calibrator {
    /// Leaves them as they are.
    Identity,
    /// Divides log probabilities by one temperature (Guo et al. 2017).
    Temperature { temperature: f64 },
    /// Sigmoid of the log odds, `slope * x + shift`, option by option, then made to add up to 1 (Platt 1999; Zadrozny
    /// and Elkan 2002).
    Platt { slope: f64, shift: f64 },
    /// A rising line through points (stated, observed), option by option, then made to add up to 1 (Zadrozny and
    /// Elkan 2002, by pool-adjacent-violators).
    Isotonic { points: Vec<(f64, f64)> },
}

/// The kinds of maps that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Identity,
    Temperature,
    Platt,
    Isotonic,
}

impl Kind {
    /// All, the simplest first: of equally good ones the simplest is taken.
    pub const ALL: [Kind; 4] = [Kind::Identity, Kind::Temperature, Kind::Platt, Kind::Isotonic];

    /// Fits a map of this kind.
    pub fn fit(self, cases: &[&Case]) -> Calibrator {
        match self {
            Kind::Identity => Calibrator::Identity,
            _ if cases.is_empty() => Calibrator::Identity,
            Kind::Temperature => Calibrator::Temperature { temperature: temperature(cases) },
            Kind::Platt => platt(cases),
            Kind::Isotonic => Calibrator::Isotonic { points: isotonic::fit(pairs(cases)) },
        }
    }
}

impl Calibrator {
    /// The name that reports use.
    pub fn name(&self) -> &'static str {
        match self {
            Calibrator::Identity => "identity",
            Calibrator::Temperature { .. } => "temperature",
            Calibrator::Platt { .. } => "platt",
            Calibrator::Isotonic { .. } => "isotonic",
        }
    }

    /// The calibrated probabilities of one question; they add up to 1.
    pub fn apply(&self, probabilities: &[f64]) -> Vec<f64> {
        let mapped: Vec<f64> = match self {
            Calibrator::Identity => probabilities.to_vec(),
            Calibrator::Temperature { temperature } => {
                let logs: Vec<f64> = probabilities.iter().map(|p| p.max(FLOOR).ln() / temperature).collect();
                return crate::choice::logit::softmax(&logs);
            }
            Calibrator::Platt { slope, shift } => {
                probabilities.iter().map(|&p| sigmoid(slope * log_odds(p) + shift)).collect()
            }
            Calibrator::Isotonic { points } => probabilities.iter().map(|&p| isotonic::at(points, p)).collect(),
        };
        normalised(mapped)
    }

    /// The case with its probabilities calibrated.
    pub fn of(&self, case: &Case) -> Case {
        Case { probabilities: self.apply(&case.probabilities), answer: case.answer }
    }
}

/// The map that does best on cases it was not fitted on, fitted then on all. `half` says in which half a case counts;
/// cases of one shopper belong in one half. Best is the lowest log loss.
pub fn choose(cases: &[Case], half: impl Fn(usize) -> bool) -> Calibrator {
    let (a, b): (Vec<usize>, Vec<usize>) = (0..cases.len()).partition(|&place| half(place));
    let part = |places: &[usize]| places.iter().map(|&place| &cases[place]).collect::<Vec<&Case>>();
    let (a, b) = (part(&a), part(&b));
    let held_out = |kind: Kind| {
        let loss = |fit: &[&Case], on: &[&Case]| {
            let map = kind.fit(fit);
            on.iter().map(|case| map.of(case).log_loss()).sum::<f64>()
        };
        loss(&a, &b) + loss(&b, &a)
    };
    let losses = Kind::ALL.map(|kind| (kind, held_out(kind)));
    let best = losses.into_iter().min_by(|a, b| a.1.total_cmp(&b.1)).map_or(Kind::Identity, |(kind, _)| kind);
    best.fit(&cases.iter().collect::<Vec<_>>())
}

/// The cases of each half as the map answers them that was chosen on the other half: what their probabilities are worth,
/// with nothing judged by what it was fitted on. Cases of one shopper stand together, so that at most one is in both.
pub fn cross_judged(cases: &[Case]) -> Vec<Case> {
    let (first, last) = cases.split_at(cases.len() / 2);
    let by_other = |fit: &[Case], on: &[Case]| {
        let map = choose(fit, |place| place.is_multiple_of(2));
        on.iter().map(|case| map.of(case)).collect::<Vec<_>>()
    };
    let mut judged = by_other(last, first);
    judged.extend(by_other(first, last));
    judged
}

/// Whether live outcomes changed the map in service, and if not, why.
#[derive(Debug, Clone, PartialEq)]
pub enum Recalibrated {
    Replaced(Calibrator),
    /// Fewer than [`MIN_OUTCOMES`].
    TooFew,
    /// On the newest outcomes the new map is not better by more than chance, or trades calibration for log loss.
    NotBetter,
}

/// Fits a new map on the first seven tenths of `outcomes` (probabilities before any map; by time, or shuffled so that
/// each shopper is on one side) and lets it replace `current` only where it beats it on the other three tenths: log loss lower by two standard errors, expected
/// calibration error not noticeably higher. A burst of odd outcomes therefore changes nothing by itself.
pub fn recalibrate(current: &Calibrator, outcomes: &[Case]) -> Recalibrated {
    if outcomes.len() < MIN_OUTCOMES {
        return Recalibrated::TooFew;
    }
    let (older, newest) = outcomes.split_at(outcomes.len() * 7 / 10);
    let new = choose(older, |place| place.is_multiple_of(2));
    let (mapped, kept): (Vec<Case>, Vec<Case>) =
        (newest.iter().map(|case| new.of(case)).collect(), newest.iter().map(|case| current.of(case)).collect());
    let gains: Vec<f64> = kept.iter().zip(&mapped).map(|(kept, new)| kept.log_loss() - new.log_loss()).collect();
    let n = gains.len() as f64;
    let mean = gains.iter().sum::<f64>() / n;
    let variance = gains.iter().map(|gain| (gain - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    let clear = mean > SIGNIFICANT * (variance / n).sqrt();
    let calibrated = Quality::of(&mapped).ece <= Quality::of(&kept).ece + ECE_SLACK;
    if clear && calibrated { Recalibrated::Replaced(new) } else { Recalibrated::NotBetter }
}

fn log_odds(p: f64) -> f64 {
    let p = p.clamp(FLOOR, 1.0 - FLOOR);
    (p / (1.0 - p)).ln()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn normalised(mut values: Vec<f64>) -> Vec<f64> {
    values.iter_mut().for_each(|value| *value = value.max(FLOOR));
    let sum: f64 = values.iter().sum();
    values.iter_mut().for_each(|value| *value /= sum);
    values
}

/// Every option's probability with whether it was right.
fn pairs(cases: &[&Case]) -> Vec<(f64, bool)> {
    let of_case = |case: &Case| {
        let answer = case.answer;
        case.probabilities.iter().enumerate().map(move |(place, &p)| (p, place == answer)).collect::<Vec<_>>()
    };
    cases.iter().flat_map(|case| of_case(case)).collect()
}

/// The temperature of the lowest log loss, between a quarter and four (golden section; the loss has one minimum).
fn temperature(cases: &[&Case]) -> f64 {
    let loss = |log_temperature: f64| {
        let map = Calibrator::Temperature { temperature: log_temperature.exp() };
        cases.iter().map(|case| map.of(case).log_loss()).sum::<f64>()
    };
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (0.25f64.ln(), 4f64.ln());
    let (mut a, mut b) = (high - golden * (high - low), low + golden * (high - low));
    let (mut at_a, mut at_b) = (loss(a), loss(b));
    for _ in 0..30 {
        if at_a < at_b {
            (high, b, at_b) = (b, a, at_a);
            a = high - golden * (high - low);
            at_a = loss(a);
        } else {
            (low, a, at_a) = (a, b, at_b);
            b = low + golden * (high - low);
            at_b = loss(b);
        }
    }
    ((low + high) / 2.0).exp()
}

/// Logistic regression of right on log odds by Newton's method, targets drawn in a little as Platt does.
fn platt(cases: &[&Case]) -> Calibrator {
    let pairs = pairs(cases);
    let right = pairs.iter().filter(|(_, right)| *right).count() as f64;
    let wrong = pairs.len() as f64 - right;
    let targets = [1.0 / (wrong + 2.0), (right + 1.0) / (right + 2.0)];
    let (mut slope, mut shift) = (1.0, 0.0);
    for _ in 0..30 {
        let (mut g, mut h) = ([0.0; 2], [1e-9, 0.0, 1e-9]);
        for &(p, right) in &pairs {
            let x = log_odds(p);
            let at = sigmoid(slope * x + shift);
            let (off, spread) = (targets[usize::from(right)] - at, at * (1.0 - at));
            g[0] += off * x;
            g[1] += off;
            h[0] += spread * x * x;
            h[1] += spread * x;
            h[2] += spread;
        }
        let determinant = h[0] * h[2] - h[1] * h[1];
        if determinant.abs() < 1e-12 {
            break;
        }
        slope += ((h[2] * g[0] - h[1] * g[1]) / determinant).clamp(-1.0, 1.0);
        shift += ((h[0] * g[1] - h[1] * g[0]) / determinant).clamp(-1.0, 1.0);
    }
    // A falling map would turn the order round: then nothing was learned.
    if slope > 0.0 { Calibrator::Platt { slope, shift } } else { Calibrator::Identity }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::draw::Draw;

    /// Questions answered with probabilities that are too sure: the truth is their square root's proportion.
    fn too_sure(n: usize, power: f64, seed: u64) -> Vec<Case> {
        let mut draw = Draw::new(seed);
        (0..n)
            .map(|_| {
                let truth = normalised((0..4).map(|_| draw.unit() + 0.02).collect());
                let answer = draw.weighted(&truth).expect("above 0");
                Case { probabilities: normalised(truth.iter().map(|p| p.powf(power)).collect()), answer }
            })
            .collect()
    }

    #[test]
    fn every_map_mends_what_is_too_sure_and_adds_up() {
        let (fit, test) = (too_sure(4_000, 2.0, 1), too_sure(4_000, 2.0, 2));
        let before = Quality::of(&test);
        for kind in [Kind::Temperature, Kind::Platt, Kind::Isotonic] {
            let map = kind.fit(&fit.iter().collect::<Vec<_>>());
            let mapped: Vec<Case> = test.iter().map(|case| map.of(case)).collect();
            let after = Quality::of(&mapped);
            assert!(after.ece < before.ece / 2.0 && after.log_loss < before.log_loss, "{kind:?}: {after:?}");
            assert!(mapped.iter().all(|case| (case.probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-9));
        }
        let Calibrator::Temperature { temperature } = choose(&fit, |place| place.is_multiple_of(2)) else {
            panic!("the truth is a temperature");
        };
        assert!((temperature - 2.0).abs() < 0.15, "{temperature}");
    }

    #[test]
    fn nothing_is_judged_by_what_it_was_fitted_on() {
        let cases = too_sure(4_000, 2.0, 3);
        let (raw, judged) = (Quality::of(&cases), Quality::of(&cross_judged(&cases)));
        assert_eq!((judged.n, judged.hit_at_1), (raw.n, raw.hit_at_1), "maps keep the order of options");
        assert!(judged.ece < raw.ece / 2.0, "{} {}", judged.ece, raw.ece);
        // Of noise a map fitted on the cases themselves would look better than it is.
        let noise: Vec<Case> = (0..40).map(|i| Case { probabilities: vec![0.9, 0.1], answer: i / 20 }).collect();
        assert!(Quality::of(&cross_judged(&noise)).log_loss > 0.69);
        assert!(cross_judged(&[]).is_empty());
        assert_eq!(cross_judged(&cases[..1]).len(), 1);
    }

    #[test]
    fn nothing_to_learn_from_changes_nothing() {
        for kind in Kind::ALL {
            assert_eq!(kind.fit(&[]), Calibrator::Identity);
        }
        let sure = Case { probabilities: vec![1.0, 0.0], answer: 1 };
        for kind in Kind::ALL {
            let mapped = kind.fit(&[&sure]).of(&sure);
            assert!(mapped.probabilities.iter().all(|p| p.is_finite()), "{kind:?}: {mapped:?}");
        }
    }

    #[test]
    fn the_guard_lets_only_what_is_clearly_better_through() {
        let good = too_sure(2_000, 1.0, 3);
        let bad = too_sure(2_000, 2.0, 4);
        assert_eq!(recalibrate(&Calibrator::Identity, &bad[..MIN_OUTCOMES - 1]), Recalibrated::TooFew);
        assert_eq!(recalibrate(&Calibrator::Identity, &good), Recalibrated::NotBetter);
        assert!(matches!(recalibrate(&Calibrator::Identity, &bad), Recalibrated::Replaced(_)));
        let burst: Vec<Case> = bad[..700].iter().chain(&good[..300]).cloned().collect();
        assert_eq!(recalibrate(&Calibrator::Identity, &burst), Recalibrated::NotBetter, "the newest say otherwise");
    }
}
