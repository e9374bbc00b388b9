//! How much better an item is liked than another by those who rated both. Weighted Slope One: Lemire, Maclachlan (2005),
//! "Slope One Predictors for Online Rating-Based Collaborative Filtering", SDM 2005.
//!
//! Meant for ratings; of purchases the number of baskets with an item stands for one, up to [`MAX_RATING`]. Kept are the
//! differences per item that most shoppers speak for, and an item that few of a shopper's own speak for is pulled
//! towards nothing: the paper predicts a rating, here it decides a rank among all items.

use super::{Model, Subject};
use crate::baskets::Dataset;
use crate::catalogue::ItemId;
use crate::parallel;
use crate::scores::{Scores, Scratch, keep_best};
use crate::vectors::{Postings, Vectors, times_bought};

/// More baskets than this say no more about how much an item is liked.
pub const MAX_RATING: f32 = 5.0;

/// Shoppers counted per item, the first ones.
const MAX_RATERS: usize = 20_000;

/// Shoppers behind a prediction at which it counts half.
const SHRINKAGE: f32 = 50.0;

/// How the model is fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Params {
    /// Differences kept per item, those that most shoppers speak for: 12 bytes each.
    pub neighbours: usize,
}

impl Default for Params {
    fn default() -> Params {
        Params { neighbours: 200 }
    }
}

/// Mean differences between the ratings of two items, and of how many shoppers.
#[derive(Debug, Clone)]
pub struct SlopeOne {
    /// From an item to others: how many rated both.
    support: Vectors,
    /// From an item to the same others: how much better the other is liked, summed.
    difference: Vectors,
}

impl SlopeOne {
    /// Counts of baskets as ratings.
    pub fn fit(data: &Dataset, params: Params, threads: usize) -> SlopeOne {
        let mut rated = Vectors::new();
        let bought = times_bought(data);
        let mut row: Vec<(ItemId, f32)> = Vec::new();
        for place in 0..bought.len() {
            row.clear();
            row.extend(bought.get(place).map(|(item, times)| (item, times.min(MAX_RATING))));
            rated.push(&row);
        }
        SlopeOne::fit_ratings(&rated, data.catalogue().len(), params, threads)
    }

    /// Ratings by shopper.
    pub fn fit_ratings(rated: &Vectors, item_count: usize, params: Params, threads: usize) -> SlopeOne {
        let raters = rated.transposed(item_count);
        let made = parallel::chunks(item_count, threads, Default::default, |state: &mut State, range| {
            range.map(|item| compare(item as ItemId, rated, &raters, params, state)).collect::<Vec<_>>()
        });
        let (mut support, mut difference) = (Vectors::new(), Vectors::new());
        for (of_support, of_difference) in made.into_iter().flatten() {
            support.push(&of_support);
            difference.push(&of_difference);
        }
        SlopeOne { support, difference }
    }

    /// Predicted ratings from what a shopper rated, times how surely they are known: Σ (d + r) c / Σ c over the
    /// shopper's items, where d is the mean difference, r the rating, c the number of shoppers.
    fn predict(&self, rated: &[(ItemId, f32)], sums: &mut Scores, support: &mut Scores, n: usize) {
        support.reset(n);
        for &(item, rating) in rated {
            let (with, by) = (self.support.get(item as usize), self.difference.get(item as usize));
            for ((other, raters), (_, difference)) in with.zip(by) {
                // A rating is at least 1 and a difference at least 1 - MAX_RATING: shifted, the sum stays above 0.
                sums.add(other, difference + (rating + MAX_RATING) * raters);
                support.add(other, raters);
            }
        }
    }
}

type State = (Scores, Scores, Vec<(u32, f32)>);
type Row = Vec<(ItemId, f32)>;

fn compare(
    item: ItemId,
    rated: &Vectors,
    raters: &Postings,
    params: Params,
    (both, better, near): &mut State,
) -> (Row, Row) {
    both.reset(raters.len());
    better.reset(raters.len());
    let of_item = raters.get(item);
    for &(shopper, rating) in &of_item[..of_item.len().min(MAX_RATERS)] {
        for (other, of_other) in rated.get(shopper as usize).filter(|(other, _)| *other != item) {
            both.add(other, 1.0);
            better.add(other, of_other - rating);
        }
    }
    both.read(near);
    keep_best(near, params.neighbours, |other| other);
    near.sort_unstable_by_key(|(other, _)| *other);
    let differences = near.iter().map(|&(other, _)| (other, better.get(other))).collect();
    (near.clone(), differences)
}

impl Model for SlopeOne {
    fn name(&self) -> &'static str {
        "slope-one"
    }

    fn score(&self, subject: Subject<'_>, scratch: &mut Scratch) {
        let n = self.support.len();
        let Scratch { items, overlaps, own, vector, neighbours, .. } = scratch;
        own.reset(n);
        subject.baskets.iter().flatten().for_each(|&item| own.add(item, 1.0));
        own.read(vector);
        vector.iter_mut().for_each(|(_, rating)| *rating = rating.min(MAX_RATING));
        own.reset(n);
        self.predict(vector, own, overlaps, n);
        overlaps.read(neighbours);
        for &(other, raters) in neighbours.iter() {
            let mean = own.get(other) / raters - MAX_RATING;
            if mean > 0.0 {
                items.add(other, mean * raters / (raters + SHRINKAGE));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_example() {
        // Lemire and Maclachlan's weighted example in short: two rated a and b, 0.5 apart on average.
        let mut rated = Vectors::new();
        rated.push(&[(0, 1.0), (1, 1.5), (2, 4.0)]);
        rated.push(&[(0, 2.0), (1, 2.5)]);
        rated.push(&[(1, 2.0), (2, 3.0)]);
        let model = SlopeOne::fit_ratings(&rated, 3, Params::default(), 1);
        let (mut sums, mut support) = (Scores::default(), Scores::default());
        sums.reset(3);
        model.predict(&[(0, 2.0)], &mut sums, &mut support, 3);
        assert_eq!(sums.get(1) / support.get(1) - MAX_RATING, 2.5, "a is 2, b half better");
        sums.reset(3);
        model.predict(&[(0, 2.0), (1, 3.0)], &mut sums, &mut support, 3);
        // By a: 2 + 3 from one shopper; by b: 3 + (2.5 + 1) / 2 from two.
        let want = (5.0 + 2.0 * 4.75) / 3.0;
        assert!((sums.get(2) / support.get(2) - MAX_RATING - want).abs() < 1e-5);
    }
}
