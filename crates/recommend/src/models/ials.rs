//! A short vector per shopper and item whose product says how much the shopper wants the item. iALS: Hu, Koren, Volinsky
//! (2008), "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008; each vector improved by a few steps of
//! conjugate gradients, as Takács, Pilászy, Tikk (2011), "Applications of the Conjugate Gradient Method for Implicit
//! Feedback Collaborative Filtering", RecSys 2011.
//!
//! Every pair of a shopper and an item counts: one without a purchase with weight 1 for "no", one with a purchase with
//! the weight the caller gives for "yes". Shoppers do not depend on each other, nor items: any number of threads gives the
//! same vectors.

use pulp::Simd;

use super::{Model, Subject, tifu_knn};
use crate::baskets::Dataset;
use crate::catalogue::ItemId;
use crate::dense::{Matrix, add_scaled, dot, symmetric_product};
use crate::parallel;
use crate::scores::{Scores, Scratch};
use crate::vectors::{Postings, Vectors};

/// Numbers in a vector at most: 4 KB per shopper and item.
pub const MAX_FACTORS: usize = 1_024;

/// Rows improved by a thread before it takes more.
const ROWS_AT_ONCE: usize = 64;

/// A remainder below this is all of it.
const SOLVED: f32 = 1e-20;

/// How vectors are fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Params {
    pub factors: usize,
    /// Rounds over all shoppers and all items.
    pub iterations: usize,
    /// Steps of conjugate gradients per vector and round.
    pub steps: usize,
    pub regularization: f32,
    /// The weight of a purchase of a shopper with one basket; older and rarer ones count less, as in TIFU-KNN.
    pub weight: f32,
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Params {
        Params { factors: 64, iterations: 10, steps: 3, regularization: 5.0, weight: 100.0, seed: 1 }
    }
}

/// The vectors of shoppers and items.
#[derive(Debug, Clone)]
pub struct Ials {
    params: Params,
    shoppers: Matrix,
    items: Matrix,
    /// Of the items, for shoppers who come later.
    gram: Matrix,
}

impl Ials {
    /// Purchases weigh by how often and how lately they were made.
    pub fn fit(data: &Dataset, params: Params, threads: usize) -> Ials {
        let item_count = data.catalogue().len();
        let mut weights = Vectors::new();
        let (mut own, mut vector) = (Scores::default(), Vec::new());
        for place in 0..data.len() {
            tifu_knn::weigh(&tifu_knn::Params::default(), data.baskets(place), item_count, &mut own, &mut vector);
            vector.iter_mut().for_each(|(_, weight)| *weight *= params.weight);
            weights.push(&vector);
        }
        Ials::fit_weights(&weights, item_count, params, threads)
    }

    /// Purchases with these weights by shopper.
    pub fn fit_weights(weights: &Vectors, item_count: usize, params: Params, threads: usize) -> Ials {
        let factors = params.factors.clamp(1, MAX_FACTORS);
        let mut shoppers = Matrix::random(weights.len(), factors, 0.01, false, params.seed);
        let mut items = Matrix::random(item_count, factors, 0.01, false, params.seed ^ 0x5eed);
        let buyers = weights.transposed(item_count);
        for _ in 0..params.iterations {
            improve(&mut shoppers, &items, weights, params, threads);
            improve(&mut items, &shoppers, &buyers, params, threads);
        }
        let gram = items.gram(params.regularization, threads);
        Ials { params, shoppers, items, gram }
    }

    /// A shopper's vector: as fitted, or solved for the newer history. Empty where nothing is known.
    pub fn vector(&self, subject: Subject<'_>, own: &mut Scores, weights: &mut Vec<(ItemId, f32)>) -> Vec<f32> {
        match subject.place {
            Some(place) if !subject.newer => self.shoppers.row(place).to_vec(),
            _ if subject.baskets.is_empty() => Vec::new(),
            _ => {
                tifu_knn::weigh(&tifu_knn::Params::default(), subject.baskets, self.items.len(), own, weights);
                weights.iter_mut().for_each(|(_, weight)| *weight *= self.params.weight);
                let mut vector = vec![0.0; self.items.stride()];
                // From nothing it takes more steps than from a vector that was nearly right.
                let steps = self.params.steps * 4;
                let rows = Rows { at: 0, values: &mut vector, others: &self.items, gram: &self.gram, steps };
                pulp::Arch::new().dispatch(Solve { rows, entries: |_| weights.iter().copied() });
                vector
            }
        }
    }

    /// The products of a shopper's vector with those of `items`.
    pub fn scores(&self, vector: &[f32], items: &[ItemId], out: impl FnMut(f32)) {
        self.items.dots(vector, items.iter().map(|&item| item as usize), out);
    }

    /// Vectors of items, for whoever measures them.
    pub fn item_vectors(&self) -> &Matrix {
        &self.items
    }

    /// Vectors of shoppers, by place.
    pub fn shopper_vectors(&self) -> &Matrix {
        &self.shoppers
    }
}

/// Entries of a sparse row.
trait Sparse: Sync {
    fn entries(&self, row: usize) -> impl Iterator<Item = (u32, f32)> + Clone;
}

impl Sparse for Vectors {
    #[inline(always)]
    fn entries(&self, row: usize) -> impl Iterator<Item = (u32, f32)> + Clone {
        self.get(row)
    }
}

impl Sparse for Postings {
    #[inline(always)]
    fn entries(&self, row: usize) -> impl Iterator<Item = (u32, f32)> + Clone {
        self.get(row as ItemId).iter().copied()
    }
}

/// Brings the vectors of one side nearer to what the other side's say they should be.
fn improve(these: &mut Matrix, others: &Matrix, weights: &impl Sparse, params: Params, threads: usize) {
    let gram = others.gram(params.regularization, threads);
    let stride = these.stride();
    let arch = pulp::Arch::new();
    parallel::pieces(
        these.values_mut(),
        ROWS_AT_ONCE * stride,
        threads,
        || (),
        |(), first, values| {
            let rows = Rows { at: first / stride, values, others, gram: &gram, steps: params.steps };
            arch.dispatch(Solve { rows, entries: |row| weights.entries(row) });
        },
    );
}

/// Vectors to improve and what they are measured against.
struct Rows<'a> {
    /// The number of the first vector.
    at: usize,
    values: &'a mut [f32],
    others: &'a Matrix,
    /// Of the others, with the regularization.
    gram: &'a Matrix,
    steps: usize,
}

struct Solve<'a, F> {
    rows: Rows<'a>,
    entries: F,
}

impl<F: Fn(usize) -> I, I: Iterator<Item = (u32, f32)> + Clone> pulp::WithSimd for Solve<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Rows { at, values, others, gram, steps } = self.rows;
        let stride = others.stride();
        let mut work = Work { remainder: vec![0.0; stride], direction: vec![0.0; stride], product: vec![0.0; stride] };
        for (place, vector) in values.chunks_exact_mut(stride).enumerate() {
            let entries = (self.entries)(at + place);
            work.solve(simd, vector, &entries, others, gram, steps);
        }
    }
}

struct Work {
    remainder: Vec<f32>,
    direction: Vec<f32>,
    product: Vec<f32>,
}

impl Work {
    /// A few steps towards the x of (G + Σ (w - 1) y yᵀ) x = Σ w y over the entries (y, w), from where it is.
    #[inline(always)]
    fn solve<S: Simd>(
        &mut self,
        simd: S,
        vector: &mut [f32],
        entries: &(impl Iterator<Item = (u32, f32)> + Clone),
        others: &Matrix,
        gram: &Matrix,
        steps: usize,
    ) {
        let Work { remainder, direction, product } = self;
        let gram = gram.as_slice();
        symmetric_product(simd, gram, vector, remainder);
        remainder.iter_mut().for_each(|value| *value = -*value);
        for (other, weight) in entries.clone() {
            let row = others.row(other as usize);
            add_scaled(simd, remainder, weight - (weight - 1.0) * dot(simd, row, vector), row);
        }
        direction.copy_from_slice(remainder);
        let mut left = dot(simd, remainder, remainder);
        for _ in 0..steps {
            if left < SOLVED {
                return;
            }
            symmetric_product(simd, gram, direction, product);
            for (other, weight) in entries.clone() {
                let row = others.row(other as usize);
                add_scaled(simd, product, (weight - 1.0) * dot(simd, row, direction), row);
            }
            let step = left / dot(simd, direction, product);
            add_scaled(simd, vector, step, direction);
            add_scaled(simd, remainder, -step, product);
            let now = dot(simd, remainder, remainder);
            let keep = now / left;
            direction
                .iter_mut()
                .zip(remainder.iter())
                .for_each(|(direction, rest)| *direction = rest + keep * *direction);
            left = now;
        }
    }
}

impl Model for Ials {
    fn name(&self) -> &'static str {
        "ials"
    }

    fn score(&self, subject: Subject<'_>, scratch: &mut Scratch) {
        let vector = self.vector(subject, &mut scratch.own, &mut scratch.vector);
        if vector.is_empty() {
            return;
        }
        let items = &mut scratch.items;
        let mut item = 0;
        self.items.dots(&vector, 0..self.items.len(), |score| {
            if score > 0.0 {
                items.add(item, score);
            }
            item += 1;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::best;
    use super::*;
    use crate::baskets::tests::{data, purchase};
    use crate::baskets::{Baskets, History};

    fn two_tastes() -> Dataset {
        let kitchen: [&[&str]; 4] = [&["ab", "ac"], &["abc"], &["bcd", "b"], &["ad", "c"]];
        let garden: [&[&str]; 4] = [&["xy", "xz"], &["xyz"], &["yzw", "y"], &["xw", "z"]];
        data(&[kitchen, garden].concat())
    }

    #[test]
    fn tastes_are_told_apart() {
        let data = two_tastes();
        let model = Ials::fit(&data, Params { factors: 4, regularization: 0.1, ..Params::default() }, 2);
        let check = |place, of: &str| {
            let got = best(&model, &data, Some(place), 4);
            assert!(got.chars().all(|item| of.contains(item)), "{place}: {got}");
        };
        check(0, "abcd");
        check(4, "xyzw");
    }

    #[test]
    fn solves_its_equations() {
        let data = two_tastes();
        let params = Params { factors: 3, iterations: 60, steps: 8, regularization: 0.5, weight: 5.0, seed: 3 };
        let model = Ials::fit(&data, params, 1);
        // At the end a shopper's vector is the solution for the items' vectors, so a history alone gives the same.
        let history = History::new(data.catalogue(), &[purchase("0", 0, "ab"), purchase("1", 1, "ac")]);
        let (mut own, mut weights) = (Scores::default(), Vec::new());
        let newer = Subject { place: Some(0), baskets: history.baskets(), newer: true };
        let solved = model.vector(newer, &mut own, &mut weights);
        for (got, want) in solved.iter().zip(model.shopper_vectors().row(0)) {
            assert!((got - want).abs() < 1e-2, "{solved:?}, not {:?}", model.shopper_vectors().row(0));
        }
        let nothing = Subject { place: None, baskets: Baskets::NONE, newer: true };
        assert!(model.vector(nothing, &mut own, &mut weights).is_empty());
    }
}
