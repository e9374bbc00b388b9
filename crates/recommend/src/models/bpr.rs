//! Vectors of shoppers and items learned so that what was bought scores above what was not. BPR: Rendle, Freudenthaler,
//! Gantner, Schmidt-Thieme (2009), "BPR: Bayesian Personalized Ranking from Implicit Feedback", UAI 2009.
//!
//! Stochastic gradient descent, one step after the other in an order drawn from the seed: a single thread, since steps
//! that race would make another table every time. A [`Mask`] holds weights at zero, which is how [`crate::tickets`] finds
//! a small table inside the large one.

use domain::ids::mix;
use pulp::Simd;

use super::{Model, Subject};
use crate::baskets::Dataset;
use crate::catalogue::ItemId;
use crate::dense::{Matrix, dot};
use crate::scores::Scratch;
use crate::vectors::{Vectors, times_bought};

/// Draws of an item that was not bought before any is taken: a shopper may have bought nearly all.
const MAX_DRAWS: usize = 16;

/// How the model is trained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Params {
    pub factors: usize,
    /// Rounds over all pairs of a shopper and an item.
    pub epochs: usize,
    pub learning_rate: f32,
    pub regularization: f32,
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Params {
        Params { factors: 32, epochs: 30, learning_rate: 0.08, regularization: 0.004, seed: 1 }
    }
}

/// Which weights may differ from zero, for shoppers and items, each a 0 or a 1 in the shape of the tables.
#[derive(Debug, Clone, PartialEq)]
pub struct Mask {
    pub shoppers: Matrix,
    pub items: Matrix,
}

/// The two tables.
#[derive(Debug, Clone, PartialEq)]
pub struct Bpr {
    pub shoppers: Matrix,
    pub items: Matrix,
}

/// Who bought what, for training.
#[derive(Debug, Clone)]
pub struct Pairs {
    bought: Vectors,
    pairs: Vec<(u32, ItemId)>,
    item_count: usize,
}

impl Pairs {
    /// Each shopper's items, once each.
    pub fn new(data: &Dataset) -> Pairs {
        let bought = times_bought(data);
        let pairs = (0..bought.len())
            .flat_map(|place| bought.get(place).map(move |(item, _)| (place as u32, item)).collect::<Vec<_>>());
        Pairs { pairs: pairs.collect(), bought, item_count: data.catalogue().len() }
    }
}

impl Bpr {
    /// Trains from scratch.
    pub fn fit(data: &Dataset, params: Params) -> Bpr {
        let pairs = Pairs::new(data);
        let mut model = Bpr::start(&pairs, params);
        model.train(&pairs, params, 0..params.epochs, None);
        model
    }

    /// The tables before training: small numbers around 0, the same for the same seed.
    pub fn start(pairs: &Pairs, params: Params) -> Bpr {
        let table = |rows, salt| Matrix::random(rows, params.factors, 0.2, true, mix(params.seed) ^ salt);
        Bpr { shoppers: table(pairs.bought.len(), 1), items: table(pairs.item_count, 2) }
    }

    /// Goes through `epochs`, whose order of steps hangs on their number and the seed alone. Weights that `mask` forbids
    /// stay zero.
    pub fn train(&mut self, pairs: &Pairs, params: Params, epochs: std::ops::Range<usize>, mask: Option<&Mask>) {
        let count = pairs.pairs.len() as u64;
        if count == 0 || pairs.item_count < 2 {
            return;
        }
        struct Epoch<'a>(&'a mut Bpr, &'a Pairs, Params, u64, Option<&'a Mask>);
        impl pulp::WithSimd for Epoch<'_> {
            type Output = ();
            #[inline(always)]
            fn with_simd<S: Simd>(self, simd: S) {
                let Epoch(model, pairs, params, start, mask) = self;
                let count = pairs.pairs.len() as u64;
                for step in 0..count {
                    let drawn = mix(start ^ mix(step));
                    let (shopper, liked) = pairs.pairs[(drawn % count) as usize];
                    if let Some(other) = pairs.not_bought(shopper as usize, drawn) {
                        model.step(simd, shopper as usize, liked as usize, other as usize, params, mask);
                    }
                }
            }
        }
        let arch = pulp::Arch::new();
        for epoch in epochs {
            arch.dispatch(Epoch(self, pairs, params, mix(params.seed ^ mix(epoch as u64 + 1)), mask));
        }
    }

    /// One comparison of an item that was bought with one that was not.
    #[inline(always)]
    fn step<S: Simd>(
        &mut self,
        simd: S,
        shopper: usize,
        liked: usize,
        other: usize,
        params: Params,
        mask: Option<&Mask>,
    ) {
        let stride = self.items.stride();
        let (ahead, behind) = if liked < other { (liked, other) } else { (other, liked) };
        let (low, high) = self.items.values_mut().split_at_mut(behind * stride);
        let (first, second) = (&mut low[ahead * stride..(ahead + 1) * stride], &mut high[..stride]);
        let (liked_row, other_row) = if liked < other { (first, second) } else { (second, first) };
        let shopper_row = self.shoppers.row_mut(shopper);
        let margin = dot(simd, shopper_row, liked_row) - dot(simd, shopper_row, other_row);
        let rate = params.learning_rate;
        let pull = rate / (1.0 + margin.exp());
        let keep = 1.0 - rate * params.regularization;
        let rows = shopper_row.iter_mut().zip(liked_row.iter_mut()).zip(other_row.iter_mut());
        for ((to_shopper, to_liked), to_other) in rows {
            let (of_shopper, of_liked, of_other) = (*to_shopper, *to_liked, *to_other);
            *to_shopper = keep * of_shopper + pull * (of_liked - of_other);
            *to_liked = keep * of_liked + pull * of_shopper;
            *to_other = keep * of_other - pull * of_shopper;
        }
        if let Some(mask) = mask {
            let hold =
                |row: &mut [f32], mask: &[f32]| row.iter_mut().zip(mask).for_each(|(value, open)| *value *= open);
            hold(shopper_row, mask.shoppers.row(shopper));
            hold(liked_row, mask.items.row(liked));
            hold(other_row, mask.items.row(other));
        }
    }

    /// Holds all weights that the mask forbids at zero.
    pub fn hold(&mut self, mask: &Mask) {
        for (table, mask) in [(&mut self.shoppers, &mask.shoppers), (&mut self.items, &mask.items)] {
            table.values_mut().iter_mut().zip(mask.as_slice()).for_each(|(value, open)| *value *= open);
        }
    }
}

impl Pairs {
    /// An item drawn evenly from those that a shopper did not buy; `None` where none was met in a few draws.
    #[inline(always)]
    fn not_bought(&self, shopper: usize, drawn: u64) -> Option<ItemId> {
        (1..=MAX_DRAWS as u64)
            .map(|draw| (mix(drawn ^ draw << 48) % self.item_count as u64) as ItemId)
            .find(|&item| !self.bought.holds(shopper, item))
    }
}

impl Model for Bpr {
    fn name(&self) -> &'static str {
        "bpr"
    }

    /// The shopper's vector as trained; one with a newer history has the mean of their items' vectors as well.
    fn score(&self, subject: Subject<'_>, scratch: &mut Scratch) {
        let mut vector = vec![0.0; self.items.stride()];
        if subject.newer {
            let lines = subject.baskets.iter().map(<[ItemId]>::len).sum::<usize>().max(1) as f32;
            for &item in subject.baskets.iter().flatten() {
                vector.iter_mut().zip(self.items.row(item as usize)).for_each(|(sum, value)| *sum += value / lines);
            }
        }
        if let Some(place) = subject.place {
            vector.iter_mut().zip(self.shoppers.row(place)).for_each(|(sum, value)| *sum += value);
        }
        if vector.iter().all(|value| *value == 0.0) {
            return;
        }
        let (items, mut item) = (&mut scratch.items, 0);
        // Scores are logits: e to their power is above 0 and keeps their order.
        self.items.dots(&vector, 0..self.items.len(), |score| {
            items.add(item, score.clamp(-60.0, 60.0).exp());
            item += 1;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::best;
    use super::*;
    use crate::baskets::tests::data;

    #[test]
    fn tastes_are_told_apart_and_masks_hold() {
        let kitchen: [&[&str]; 4] = [&["ab", "ac"], &["abc"], &["bcd", "b"], &["ad", "c"]];
        let garden: [&[&str]; 4] = [&["xy", "xz"], &["xyz"], &["yzw", "y"], &["xw", "z"]];
        let data = data(&[kitchen, garden].concat());
        let params = Params { factors: 4, epochs: 200, ..Params::default() };
        let model = Bpr::fit(&data, params);
        assert!(best(&model, &data, Some(0), 4).chars().all(|item| "abcd".contains(item)));
        assert!(best(&model, &data, Some(4), 4).chars().all(|item| "xyzw".contains(item)));
        assert_eq!(model, Bpr::fit(&data, params), "the same for the same seed");
        let pairs = Pairs::new(&data);
        let mut masked = Bpr::start(&pairs, params);
        let mut mask = Mask { shoppers: masked.shoppers.clone(), items: masked.items.clone() };
        mask.shoppers.values_mut().fill(1.0);
        mask.items.values_mut().iter_mut().enumerate().for_each(|(at, open)| *open = f32::from(u8::from(at % 3 == 0)));
        masked.hold(&mask);
        masked.train(&pairs, params, 0..20, Some(&mask));
        let closed = masked.items.as_slice().iter().zip(mask.items.as_slice()).filter(|(_, open)| **open == 0.0);
        assert!(closed.into_iter().all(|(value, _)| *value == 0.0));
    }
}
