//! Whether a newer model is better than the one in service, and whether the shop has drifted away from what that one knows.
//!
//! The judge is what shoppers bought since the model in service was fitted: each one's last basket, foreseen by that model
//! (which has not seen it) and by one of the new kind fitted on everything but those baskets.

use serde::{Deserialize, Serialize};

use crate::baskets::{Dataset, History};
use crate::evaluate::measure::metrics;
use crate::fit::{Fitted, Options, Who};
use crate::scores::Scratch;

/// Shoppers that models are compared on, spread evenly over all with a new basket.
const MAX_SHOPPERS: usize = 2_000;

/// Fewer new baskets than this decide nothing.
const MIN_SHOPPERS: usize = 50;

/// The length of the lists that are compared.
const K: usize = 10;

/// The part of the old model's ndcg that the new one must reach: less is worse than chance explains on
/// [`MIN_SHOPPERS`] baskets, and a model that knows the latest purchases is worth a little.
const ENOUGH: f64 = 0.95;

/// A share of purchases that counts for an item which one of two times does not know.
const RARE: f64 = 1e-6;

/// What came out of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Shoppers with a basket that the old model has not seen.
    pub shoppers: usize,
    pub old_recall: f64,
    pub old_ndcg: f64,
    pub new_recall: f64,
    pub new_ndcg: f64,
}

impl Comparison {
    /// Whether the new model may replace the old one.
    pub fn is_good_enough(&self) -> bool {
        self.new_ndcg >= self.old_ndcg * ENOUGH
    }
}

/// Compares a model with one of `options` on what of `data` it has not seen; `None` where that is too little.
pub fn compare(old: &Fitted, data: &Dataset, options: Options) -> Option<Comparison> {
    let unseen = |place: usize| {
        let seen = old.data().place(data.shopper(place)).map_or(0, |at| old.data().baskets(at).len());
        let count = data.baskets(place).len();
        // One basket is left to learn from, else both say what is popular.
        count > seen.max(1)
    };
    let all: Vec<usize> = (0..data.len()).filter(|&place| unseen(place)).collect();
    if all.len() < MIN_SHOPPERS {
        return None;
    }
    let chosen: Vec<usize> = all.iter().copied().step_by(all.len().div_ceil(MAX_SHOPPERS)).collect();
    let rest = data.without_last(&chosen);
    let new = Fitted::fit(rest, options);
    let mut scratch = Scratch::default();
    let mut sums = [0.0; 4];
    for &place in &chosen {
        let baskets = data.baskets(place);
        let wanted = baskets.items(baskets.len() - 1);
        let shopper = data.shopper(place);
        let of_new = new.top(Who::Shopper(shopper), K, &mut scratch);
        let of_new: Vec<(u32, f32)> = of_new.iter().map(|one| (one.item, one.score)).collect();
        let history = History::translated(new.data().baskets(place), data.catalogue(), old.catalogue());
        let of_old = old.top(Who::Newer(shopper, &history), K, &mut scratch);
        // An item of the old catalogue is in the new one, which only grows; should it not be, it is a miss.
        let number = |item| data.catalogue().item(old.catalogue().sku(item)).unwrap_or(u32::MAX);
        let of_old: Vec<(u32, f32)> = of_old.iter().map(|one| (number(one.item), one.score)).collect();
        for (at, best) in [of_old, of_new].into_iter().enumerate() {
            let (recall, ndcg) = metrics(&best, wanted, wanted.len(), K);
            sums[2 * at] += recall;
            sums[2 * at + 1] += ndcg;
        }
    }
    let [old_recall, old_ndcg, new_recall, new_ndcg] = sums.map(|sum| sum / chosen.len() as f64);
    Some(Comparison { shoppers: chosen.len(), old_recall, old_ndcg, new_recall, new_ndcg })
}

/// How far what is bought has moved from what a model was fitted on: the population stability index (Siddiqi 2006) of
/// items' shares. Below 0.1 nothing has changed, above 0.25 much has.
pub fn drift(old: &Dataset, new: &Dataset) -> f64 {
    let sum = |data: &Dataset| data.popularity().iter().map(|&count| f64::from(count)).sum::<f64>().max(1.0);
    let (of_old, of_new) = (sum(old), sum(new));
    let part = |before: f64, after: f64| {
        let (before, after) = (before.max(RARE), after.max(RARE));
        (after - before) * (after / before).ln()
    };
    let known = (0u32..).zip(new.popularity()).map(|(item, &count)| {
        let before = old.catalogue().item(new.catalogue().sku(item)).map_or(0, |at| old.popularity()[at as usize]);
        part(f64::from(before) / of_old, f64::from(count) / of_new)
    });
    known.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baskets::tests::data;

    fn fitted(data: Dataset) -> Fitted {
        Fitted::fit(data, Options::default())
    }

    #[test]
    fn a_model_is_judged_by_what_it_has_not_seen() {
        let before: &[&str] = &["ab", "ab"];
        let after: &[&str] = &["ab", "ab", "abc"];
        let old = fitted(data(&[before; 60]));
        assert_eq!(compare(&old, &data(&[before; 60]), Options::default()), None, "nothing new");
        assert_eq!(
            compare(&old, &data(&[&[after; 9][..], &[before; 51]].concat()), Options::default()),
            None,
            "too little"
        );
        let comparison = compare(&old, &data(&[after; 60]), Options::default()).expect("sixty new baskets");
        assert_eq!(comparison.shoppers, 60);
        assert!((comparison.old_recall - 2.0 / 3.0).abs() < 1e-9 && comparison.is_good_enough(), "{comparison:?}");
        let worse = Comparison { new_ndcg: comparison.old_ndcg * 0.9, ..comparison };
        assert!(!worse.is_good_enough());
    }

    #[test]
    fn drift_by_hand() {
        let shop = |baskets: &[&str]| data(&[baskets]);
        assert_eq!(drift(&shop(&["a", "b"]), &shop(&["b", "a"])), 0.0);
        let moved = drift(&shop(&["a", "a", "a", "b"]), &shop(&["a", "b", "b", "b"]));
        assert!((moved - 3f64.ln()).abs() < 1e-9, "{moved}");
        assert!(drift(&shop(&["a"]), &shop(&["z"])) > 5.0, "nothing is as it was");
    }
}
