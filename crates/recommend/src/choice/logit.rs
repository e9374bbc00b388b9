//! Conditional logit (McFadden 1974): the probability of an option is the softmax of its features' weighted sum.
//! Fitted by Newton's method with a quadratic penalty; the likelihood is concave, so there is one answer.

/// Newton steps at most; ten times what it takes.
const MAX_STEPS: usize = 50;

/// A step whose largest change is below this ends the search.
const TOLERANCE: f64 = 1e-7;

/// One observed choice: the features of each option, and which was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice<const N: usize> {
    pub options: Vec<[f64; N]>,
    pub chosen: usize,
}

/// Fitted weights; features are divided by their scale first.
#[derive(Debug, Clone, PartialEq)]
pub struct Logit<const N: usize> {
    pub weights: [f64; N],
}

impl<const N: usize> Logit<N> {
    /// Fits on choices; `penalty` is the inverse variance of the weights' prior, for features of scale 1. Without
    /// choices every weight is 0.
    pub fn fit(choices: &[Choice<N>], penalty: f64) -> Logit<N> {
        let chosen = |place: usize, option: usize| f64::from(u8::from(option == choices[place].chosen));
        Self::fit_to(choices, chosen, penalty)
    }

    /// Fits to how probable a teacher finds each option, rather than to what was chosen (soft labels).
    pub fn fit_soft(labelled: &[(Choice<N>, Vec<f64>)], penalty: f64) -> Logit<N> {
        let choices: Vec<Choice<N>> = labelled.iter().map(|(choice, _)| choice.clone()).collect();
        let label = |place: usize, option: usize| labelled[place].1.get(option).copied().unwrap_or(0.0);
        Self::fit_to(&choices, label, penalty)
    }

    /// `label` is how much of a choice (by its place) falls on an option; a choice's labels add up to 1.
    fn fit_to(choices: &[Choice<N>], label: impl Fn(usize, usize) -> f64, penalty: f64) -> Logit<N> {
        let scale = scales(choices);
        let mut weights = [0.0; N];
        for _ in 0..MAX_STEPS {
            let (mut gradient, mut hessian) = ([0.0; N], vec![[0.0; N]; N]);
            for (place, choice) in choices.iter().enumerate() {
                gather(choice, |option| label(place, option), &scale, &weights, &mut gradient, &mut hessian);
            }
            for (i, weight) in weights.iter().enumerate() {
                gradient[i] -= penalty * weight;
                hessian[i][i] += penalty;
            }
            let step = solve(hessian, gradient);
            let largest = step.iter().fold(0.0f64, |largest, s| largest.max(s.abs()));
            // The quadratic model is only trusted nearby: a step is at most 2 in any weight.
            let damp = (2.0 / largest.max(2.0)).min(1.0);
            weights.iter_mut().zip(step).for_each(|(weight, step)| *weight += damp * step);
            if largest < TOLERANCE {
                break;
            }
        }
        weights.iter_mut().zip(scale).for_each(|(weight, scale)| *weight /= scale);
        Logit { weights }
    }

    /// The utility of an option.
    pub fn utility(&self, features: &[f64; N]) -> f64 {
        self.weights.iter().zip(features).map(|(weight, feature)| weight * feature).sum()
    }
}

/// Standard deviations of the features, 1 for one that never varies.
fn scales<const N: usize>(choices: &[Choice<N>]) -> [f64; N] {
    let mut sums = [(0.0f64, 0.0f64); N];
    let mut count = 0.0f64;
    for option in choices.iter().flat_map(|choice| &choice.options) {
        count += 1.0;
        for (sum, x) in sums.iter_mut().zip(option) {
            sum.0 += x;
            sum.1 += x * x;
        }
    }
    sums.map(|(sum, squares)| {
        let variance = squares / count.max(1.0) - (sum / count.max(1.0)).powi(2);
        if variance > 1e-12 { variance.sqrt() } else { 1.0 }
    })
}

fn gather<const N: usize>(
    choice: &Choice<N>,
    label: impl Fn(usize) -> f64,
    scale: &[f64; N],
    weights: &[f64; N],
    gradient: &mut [f64; N],
    hessian: &mut [[f64; N]],
) {
    let scaled: Vec<[f64; N]> =
        choice.options.iter().map(|option| std::array::from_fn(|i| option[i] / scale[i])).collect();
    let utilities: Vec<f64> =
        scaled.iter().map(|option| option.iter().zip(weights).map(|(x, w)| x * w).sum()).collect();
    let p = softmax(&utilities);
    let mean: [f64; N] = std::array::from_fn(|i| scaled.iter().zip(&p).map(|(option, p)| p * option[i]).sum());
    for (place, option) in scaled.iter().enumerate() {
        let centred: [f64; N] = std::array::from_fn(|i| option[i] - mean[i]);
        for (i, (slope, row)) in gradient.iter_mut().zip(hessian.iter_mut()).enumerate() {
            *slope += label(place) * centred[i];
            let weighted = p[place] * centred[i];
            row.iter_mut().zip(&centred[..=i]).for_each(|(cell, other)| *cell += weighted * other);
        }
    }
}

/// Solves `a x = b` for a positive definite `a` of which the lower half is given (Cholesky).
fn solve<const N: usize>(mut a: Vec<[f64; N]>, b: [f64; N]) -> [f64; N] {
    for i in 0..N {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| a[i][k] * a[j][k]).sum();
            a[i][j] = if i == j { (a[i][i] - sum).max(1e-12).sqrt() } else { (a[i][j] - sum) / a[j][j] };
        }
    }
    let mut x = b;
    for (i, row) in a.iter().enumerate() {
        let sum: f64 = row[..i].iter().zip(&x).map(|(cell, x)| cell * x).sum();
        x[i] = (x[i] - sum) / row[i];
    }
    for i in (0..N).rev() {
        let sum: f64 = (i + 1..N).map(|k| a[k][i] * x[k]).sum();
        x[i] = (x[i] - sum) / a[i][i];
    }
    x
}

/// Probabilities in proportion to the exponentials of utilities.
pub fn softmax(utilities: &[f64]) -> Vec<f64> {
    let most = utilities.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let raised: Vec<f64> = utilities.iter().map(|utility| (utility - most).exp()).collect();
    let sum: f64 = raised.iter().sum();
    raised.into_iter().map(|one| one / sum).collect()
}

/// The logarithm of a sum of exponentials.
pub fn log_sum_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let most = values.clone().fold(f64::NEG_INFINITY, f64::max);
    if most == f64::NEG_INFINITY { most } else { most + values.map(|value| (value - most).exp()).sum::<f64>().ln() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_weights_are_found_again() {
        let truth = Logit { weights: [1.5, -0.5] };
        let mut draw = crate::choice::draw::Draw::new(7);
        let choices: Vec<Choice<2>> = (0..20_000)
            .map(|_| {
                let options: Vec<[f64; 2]> = (0..4).map(|_| [draw.unit() * 2.0, draw.unit() * 4.0]).collect();
                let p = softmax(&options.iter().map(|o| truth.utility(o)).collect::<Vec<_>>());
                let chosen = draw.weighted(&p).expect("probabilities are above 0");
                Choice { options, chosen }
            })
            .collect();
        let found = Logit::fit(&choices, 1.0);
        for (found, truth) in found.weights.iter().zip(truth.weights) {
            assert!((found - truth).abs() < 0.05, "{found} for {truth}");
        }
        // A teacher who says how probable each option is teaches the same.
        let soft: Vec<(Choice<2>, Vec<f64>)> = choices[..2_000]
            .iter()
            .map(|c| (c.clone(), softmax(&c.options.iter().map(|o| truth.utility(o)).collect::<Vec<_>>())))
            .collect();
        let taught = Logit::fit_soft(&soft, 1e-3);
        assert!(
            taught.weights.iter().zip(truth.weights).all(|(found, truth)| (found - truth).abs() < 0.01),
            "{taught:?}"
        );
        assert_eq!(Logit::<2>::fit(&[], 1.0).weights, [0.0; 2]);
        let constant = Choice { options: vec![[1.0, 1.0]; 3], chosen: 0 };
        assert!(Logit::fit(&[constant], 1.0).weights.iter().all(|weight| weight.abs() < 1e-9));
    }

    #[test]
    fn softmax_bears_large_utilities() {
        assert_eq!(softmax(&[1e6, 1e6]), [0.5, 0.5]);
        assert_eq!(softmax(&[0.0, -1e6]), [1.0, 0.0]);
        assert!((log_sum_exp([1000.0, 1000.0].into_iter()) - (1000.0 + 2f64.ln())).abs() < 1e-9);
    }
}
