//! Position bias and how it is taken off.
//!
//! Models prefer some letters whatever stands beside them. A sample of questions is asked once for every cyclic rotation
//! of the options: each option then stood at each letter once, so the mean of log probabilities over rotations is free of
//! what a letter alone is worth, and what is left over, per letter, is the prior. The other questions are asked once and
//! the prior is divided out (PriDe: Zheng, Zhou, Meng, Zhou, Huang, "Large language models are not robust multiple choice
//! selectors", 2024).

use crate::ports::LETTERS_MAX;
use std::sync::{Mutex, PoisonError};

/// Questions whose every rotation was asked before the prior is believed.
const TRUSTED_FROM: u64 = 20;
/// From then on one question in so many is asked in every rotation, so that the prior follows the model.
const SAMPLE: u64 = 20;
/// How many questions the prior remembers; later ones weigh as if there had been no more.
const MEMORY: u64 = 400;
/// Below it a probability says only that a token was not among those that were told.
const FLOOR: f64 = 1e-4;

/// Which option stands at each letter in a rotation.
pub fn order(options: usize, rotation: usize) -> impl Iterator<Item = usize> {
    (0..options).map(move |letter| (letter + rotation) % options)
}

/// What all rotations of one question say: probabilities of the options, and the letters' own share.
/// `seen[r][letter]` is the probability of a letter in rotation `r`; there are as many rotations as letters.
pub fn from_rotations(seen: &[Vec<f64>]) -> (Vec<f64>, Vec<f64>) {
    let n = seen.len();
    let (mut options, mut letters) = (vec![0.0; n], vec![0.0; n]);
    for (rotation, of_letters) in seen.iter().enumerate() {
        for (letter, option) in order(n, rotation).enumerate() {
            let log = of_letters[letter].max(FLOOR).ln() / n as f64;
            options[option] += log;
            letters[letter] += log;
        }
    }
    (normalised(&options), normalised(&letters))
}

/// What one order says once the prior is divided out.
pub fn from_one(seen: &[f64], prior: &[f64], rotation: usize) -> Vec<f64> {
    let mut options = vec![0.0; seen.len()];
    for (letter, option) in order(seen.len(), rotation).enumerate() {
        options[option] = seen[letter].max(FLOOR).ln() - prior[letter].max(FLOOR).ln();
    }
    normalised(&options)
}

fn normalised(logs: &[f64]) -> Vec<f64> {
    recommend::choice::logit::softmax(logs)
}

/// The prior as learned so far, by the number of options; of the model that answered last.
#[derive(Default)]
pub struct Priors {
    learned: Mutex<[Option<Learned>; LETTERS_MAX + 1]>,
}

/// What letters alone are worth to a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Prior {
    pub model: String,
    /// Of each letter, adding up to 1.
    pub letters: Vec<f64>,
}

#[derive(Debug, Clone)]
struct Learned {
    model: String,
    /// Mean of the letters' log shares.
    logs: Vec<f64>,
    questions: u64,
}

impl Priors {
    /// How a question is to be asked: nothing means in every rotation. `question` is a hash of it, so that the same
    /// question is always asked in the same way.
    pub fn prior(&self, options: usize, question: u64) -> Option<Prior> {
        let learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        let learned = learned.get(options)?.as_ref().filter(|learned| learned.questions >= TRUSTED_FROM)?;
        (!question.is_multiple_of(SAMPLE))
            .then(|| Prior { model: learned.model.clone(), letters: normalised(&learned.logs) })
    }

    /// Takes the letters' share of one question into account, as `model` answered it. Another model starts anew.
    pub fn learn(&self, model: &str, letters: &[f64]) {
        let mut all = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(place) = all.get_mut(letters.len()) else { return };
        if place.as_ref().is_none_or(|learned| learned.model != model) {
            *place = Some(Learned { model: model.to_owned(), logs: vec![0.0; letters.len()], questions: 0 });
        }
        let Some(learned) = place else { return };
        learned.questions += 1;
        let weight = 1.0 / learned.questions.min(MEMORY) as f64;
        for (mean, letter) in learned.logs.iter_mut().zip(letters) {
            *mean += weight * (letter.max(FLOOR).ln() - *mean);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: &[f64], b: &[f64]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9)
    }

    /// What a model sees that knows `truth` and prefers letters by `bias`.
    fn seen(truth: &[f64], bias: &[f64], rotation: usize) -> Vec<f64> {
        let raw: Vec<f64> =
            order(truth.len(), rotation).enumerate().map(|(letter, option)| truth[option] * bias[letter]).collect();
        let sum: f64 = raw.iter().sum();
        raw.iter().map(|p| p / sum).collect()
    }

    #[test]
    fn rotations_show_the_truth_and_the_bias() {
        let (truth, bias) = ([0.4, 0.3, 0.2, 0.1], [0.1, 0.6, 0.2, 0.1]);
        let all: Vec<Vec<f64>> = (0..4).map(|rotation| seen(&truth, &bias, rotation)).collect();
        let (options, letters) = from_rotations(&all);
        assert!(close(&options, &truth), "{options:?}");
        assert!(close(&letters, &bias), "{letters:?}");
        for (rotation, seen) in all.iter().enumerate() {
            assert!(close(&from_one(seen, &bias, rotation), &truth), "rotation {rotation}");
        }
    }

    #[test]
    fn a_model_that_only_knows_letters_says_nothing() {
        let (nothing, bias) = ([0.25; 4], [0.1, 0.5, 0.25, 0.15]);
        let all: Vec<Vec<f64>> = (0..4).map(|rotation| seen(&nothing, &bias, rotation)).collect();
        assert!(close(&from_rotations(&all).0, &nothing));
    }

    #[test]
    fn the_prior_is_believed_after_a_sample() {
        let priors = Priors::default();
        let bias = [0.1, 0.6, 0.3];
        for _ in 0..TRUSTED_FROM {
            assert_eq!(priors.prior(3, 1), None, "not yet");
            priors.learn("m", &bias);
        }
        let prior = priors.prior(3, 1).expect("learned");
        assert!(prior.model == "m" && close(&prior.letters, &bias), "{prior:?}");
        assert_eq!(priors.prior(3, SAMPLE), None, "one of the sample");
        assert_eq!(priors.prior(4, 1), None, "of other numbers of options nothing is known");
        assert_eq!(priors.prior(99, 1), None);
        priors.learn("m", &[0.5; 50]);
        priors.learn("another", &bias);
        assert_eq!(priors.prior(3, 1), None, "another model's bias is its own");
    }
}
