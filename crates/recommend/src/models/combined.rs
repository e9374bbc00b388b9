//! Boosted trees over the other models' scores and a shopper's habits: the probability that an item is in the next basket.
//! A stack of models (Wolpert 1992, "Stacked Generalization", Neural Networks 5(2)) in the manner of the two-stage
//! recommenders that have won most public contests since Volkovs et al. (2018), "Two-stage Model for Automatic Playlist
//! Continuation at Scale", RecSys Challenge 2018: simple models name candidates, trees order them.
//!
//! The trees learn from baskets held out from what the simple models were fitted on: each shopper's last one, and the one
//! before it. Whoever measures this model holds out another basket still, which no part of it ever saw.

use domain::ids::mix;

use super::features::{Features, WIDTH};
use super::{Model, Subject};
use crate::baskets::{Dataset, HeldOut};
use crate::boost::{self, Forest, Rows};
use crate::parallel;
use crate::scores::Scratch;

/// Shoppers whose held-out baskets are learned from, spread evenly over all.
const MAX_SHOPPERS: usize = 10_000;

/// Baskets of each shopper that are learned from, the latest ones.
const ROUNDS: usize = 2;

/// How the model is fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Params {
    pub trees: boost::Params,
    /// The share of candidates that were not bought which are learned from, above 0 and at most 1.
    pub not_bought_share: f64,
}

impl Default for Params {
    fn default() -> Params {
        let trees = boost::Params { trees: 200, learning_rate: 0.07, ..boost::Params::default() };
        Params { trees, not_bought_share: 0.3 }
    }
}

/// Simple models and the trees above them.
pub struct Combined {
    features: Features,
    forest: Forest,
}

impl Combined {
    /// Fits the simple models once per basket that is held out and once on everything.
    pub fn fit(data: &Dataset, params: Params, threads: usize) -> Combined {
        let mut rows = Rows::new(WIDTH);
        let (mut rest, mut held_out) = data.hold_out(2);
        for round in 0..ROUNDS {
            if held_out.is_empty() {
                break;
            }
            if round > 0 {
                (rest, held_out) = rest.hold_out(2);
            }
            learn(&rest, &held_out, round as u64, params, threads, &mut rows);
        }
        let forest = Forest::fit(&rows, params.trees, threads);
        Combined { features: Features::fit(data, threads), forest }
    }
}

/// Appends candidates of the shoppers with a held-out basket, and whether they were in it.
fn learn(rest: &Dataset, held_out: &[HeldOut], round: u64, params: Params, threads: usize, rows: &mut Rows) {
    let features = Features::fit(rest, threads);
    let step = held_out.len().div_ceil(MAX_SHOPPERS).max(1);
    let chosen: Vec<&HeldOut> = held_out.iter().step_by(step).collect();
    let keep = (params.not_bought_share.clamp(0.0, 1.0) * u32::MAX as f64) as u64;
    let weight = (1.0 / params.not_bought_share.clamp(0.001, 1.0)) as f32;
    let learned = parallel::chunks(chosen.len(), threads, Scratch::default, |scratch, range| {
        let mut rows = Rows::new(WIDTH);
        for held in &chosen[range] {
            features.of(Subject::fitted(rest, held.shopper), scratch);
            let working = &scratch.working;
            for (item, row) in working.candidates.iter().zip(working.table.chunks_exact(WIDTH)) {
                let bought = held.items.binary_search(item).is_ok();
                let drawn = mix(mix(held.shopper as u64 ^ round << 40) ^ u64::from(*item)) >> 32;
                if bought {
                    rows.push(row, true, 1.0);
                } else if drawn <= keep {
                    rows.push(row, false, weight);
                }
            }
        }
        rows
    });
    learned.iter().for_each(|learned| rows.append(learned));
}

impl Model for Combined {
    fn name(&self) -> &'static str {
        "combined"
    }

    /// Scores are probabilities.
    fn score(&self, subject: Subject<'_>, scratch: &mut Scratch) {
        if subject.baskets.is_empty() {
            return;
        }
        if self.forest.is_empty() {
            return self.features.fallback().score(subject, scratch);
        }
        let item_count = self.features.item_count();
        self.features.of(subject, scratch);
        scratch.items.reset(item_count);
        let working = &scratch.working;
        for (&item, row) in working.candidates.iter().zip(working.table.chunks_exact(WIDTH)) {
            scratch.items.add(item, 1.0 / (1.0 + (-self.forest.logit(row)).exp()));
        }
    }

    fn prepare(&self, threads: usize) {
        self.features.prepare(threads);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::best;
    use super::*;
    use crate::baskets::tests::data;

    #[test]
    fn habits_are_learned() {
        // Everybody buys the two items of the first basket in turns: what was not bought last comes next.
        let odd: &[&str] = &["ab", "a", "b", "a", "b", "a"];
        let even: &[&str] = &["cd", "c", "d", "c", "d", "c"];
        let data = data(&[[odd; 60], [even; 60]].concat());
        let model = Combined::fit(&data, Params::default(), 2);
        assert_eq!(best(&model, &data, Some(0), 1), "b");
        assert_eq!(best(&model, &data, Some(100), 1), "d");
    }

    #[test]
    fn too_little_to_learn_from_falls_back() {
        let data = data(&[&["ab"], &["bc"]]);
        let model = Combined::fit(&data, Params::default(), 1);
        assert!(model.forest.is_empty());
        assert_eq!(best(&model, &data, Some(0), 3), "bac");
    }
}
