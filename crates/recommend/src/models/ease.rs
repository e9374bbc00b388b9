//! Each item foretold from the others by ridge regression, itself left out. EASE^R: Steck (2019), "Embarrassingly Shallow
//! Autoencoders for Sparse Data", WWW 2019.
//!
//! The paper inverts one matrix of all items by all items. Here each item is foretold from its nearest items alone, which
//! is the paper's column of that item with the others held at zero (as fsSLIM of Ning, Karypis 2011 restricts SLIM): a
//! small system per item, solved by Cholesky's decomposition, and memory that grows with the items, not their square.

use super::{Model, Subject};
use crate::baskets::Dataset;
use crate::catalogue::ItemId;
use crate::parallel;
use crate::scores::{Scores, Scratch, keep_best};
use crate::vectors::{Postings, Vectors, times_bought};

/// Items that a row of common buyers keeps, those with most: 8 bytes each, 4 KB per item.
const MAX_COMMON: usize = 512;

/// Items that foretell one: the cost per item is a third of its cube.
const MAX_NEIGHBOURS: usize = 256;

/// Buyers counted per item, the first ones.
const MAX_BUYERS: usize = 20_000;

/// How the model is fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Params {
    /// Nearest items that foretell one.
    pub neighbours: usize,
    /// Added on the diagonal: pulls weights towards 0.
    pub regularization: f32,
}

impl Default for Params {
    fn default() -> Params {
        Params { neighbours: 80, regularization: 100.0 }
    }
}

/// From an item to those that it foretells, and how strongly.
#[derive(Debug, Clone)]
pub struct Ease {
    foretells: Vectors,
    item_count: usize,
}

impl Ease {
    /// Solves for every item.
    pub fn fit(data: &Dataset, params: Params, threads: usize) -> Ease {
        let item_count = data.catalogue().len();
        let common = common_buyers(data, item_count, threads);
        let size: Vec<f32> = (0..item_count).map(|item| common.1[item]).collect();
        let solved = parallel::chunks(item_count, threads, State::default, |state, range| {
            range.map(|item| foretell(item as ItemId, &common.0, &size, params, state)).collect::<Vec<_>>()
        });
        // Turned around: scoring starts from what the shopper bought.
        let mut by_target = Vectors::new();
        solved.into_iter().flatten().for_each(|row| by_target.push(&row));
        let from: Postings = by_target.transposed(item_count);
        let mut foretells = Vectors::new();
        (0..item_count).for_each(|item| foretells.push(from.get(item as ItemId)));
        Ease { foretells, item_count }
    }
}

/// For each item those with the most common buyers and how many, itself left out; and how many buyers each has.
fn common_buyers(data: &Dataset, item_count: usize, threads: usize) -> (Vectors, Vec<f32>) {
    let shoppers = times_bought(data);
    let buyers = shoppers.transposed(item_count);
    let rows = parallel::chunks(item_count, threads, Default::default, |state: &mut (Scores, Vec<_>), range| {
        let (both, near) = state;
        range
            .map(|item| {
                both.reset(item_count);
                let of_item = buyers.get(item as ItemId);
                for &(shopper, _) in &of_item[..of_item.len().min(MAX_BUYERS)] {
                    shoppers.get(shopper as usize).for_each(|(other, _)| both.add(other, 1.0));
                }
                both.read(near);
                near.retain(|(other, _)| *other as usize != item);
                keep_best(near, MAX_COMMON, |other| other);
                near.sort_unstable_by_key(|(other, _)| *other);
                near.clone()
            })
            .collect::<Vec<_>>()
    });
    let mut common = Vectors::new();
    rows.into_iter().flatten().for_each(|row| common.push(&row));
    (common, (0..item_count).map(|item| buyers.get(item as ItemId).len() as f32).collect())
}

#[derive(Default)]
struct State {
    near: Vec<(u32, f32)>,
    /// By item: one more than its place among the nearest.
    place: Scores,
    matrix: Vec<f32>,
    right: Vec<f32>,
}

fn foretell(item: ItemId, common: &Vectors, size: &[f32], params: Params, state: &mut State) -> Vec<(ItemId, f32)> {
    let State { near, place, matrix, right } = state;
    near.clear();
    near.extend(common.get(item as usize));
    let own = size[item as usize];
    let closeness = |other: u32, both: f32| both / (own * size[other as usize]).sqrt();
    near.iter_mut().for_each(|(other, both)| *both = closeness(*other, *both));
    keep_best(near, params.neighbours.min(MAX_NEIGHBOURS), |other| other);
    near.sort_unstable_by_key(|(other, _)| *other);
    let n = near.len();
    place.reset(size.len());
    near.iter().enumerate().for_each(|(at, (other, _))| place.add(*other, at as f32 + 1.0));
    matrix.clear();
    matrix.resize(n * n, 0.0);
    right.clear();
    right.resize(n, 0.0);
    for (at, &(other, _)) in near.iter().enumerate() {
        matrix[at * n + at] = size[other as usize] + params.regularization;
        for (third, both) in common.get(other as usize) {
            if third == item {
                right[at] = both;
            } else if place.get(third) > 0.0 {
                // A row may have been cut where its counterpart was not: either side's count is the true one.
                let to = place.get(third) as usize - 1;
                matrix[at * n + to] = both;
                matrix[to * n + at] = both;
            }
        }
    }
    for (other, both) in common.get(item as usize) {
        if place.get(other) > 0.0 {
            right[place.get(other) as usize - 1] = both;
        }
    }
    if !solve(matrix, right, n) {
        return Vec::new();
    }
    near.iter().zip(&*right).map(|((other, _), &weight)| (*other, weight)).collect()
}

/// Solves a symmetric positive definite system in place (Cholesky); false where it is not one.
fn solve(matrix: &mut [f32], right: &mut [f32], n: usize) -> bool {
    for row in 0..n {
        for column in 0..=row {
            let (above, below) = matrix.split_at(row * n);
            let left: &[f32] = if column == row { &below[..column] } else { &above[column * n..column * n + column] };
            let sum = below[column] - left.iter().zip(&below[..column]).map(|(a, b)| a * b).sum::<f32>();
            matrix[row * n + column] = if column < row {
                sum / matrix[column * n + column]
            } else if sum > 0.0 {
                sum.sqrt()
            } else {
                return false;
            };
        }
    }
    for row in 0..n {
        let known: f32 = (0..row).map(|column| matrix[row * n + column] * right[column]).sum();
        right[row] = (right[row] - known) / matrix[row * n + row];
    }
    for row in (0..n).rev() {
        let known: f32 = (row + 1..n).map(|below| matrix[below * n + row] * right[below]).sum();
        right[row] = (right[row] - known) / matrix[row * n + row];
    }
    true
}

impl Model for Ease {
    fn name(&self) -> &'static str {
        "ease"
    }

    fn score(&self, subject: Subject<'_>, scratch: &mut Scratch) {
        let Scratch { items, own, vector, .. } = scratch;
        own.reset(self.item_count);
        subject.baskets.iter().flatten().for_each(|&item| own.add(item, 1.0));
        own.read(vector);
        for &(item, _) in vector.iter() {
            // Weights below 0 take away from what others give, and sums here only grow: they are left out.
            for (other, weight) in self.foretells.get(item as usize).filter(|(_, weight)| *weight > 0.0) {
                items.add(other, weight);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::best;
    use super::*;
    use crate::baskets::tests::data;

    #[test]
    fn weights_by_hand() {
        // b is bought with a twice, with c once; a and c never by one shopper.
        let data = data(&[&["ab"], &["ab"], &["bc"], &["c"]]);
        let model = Ease::fit(&data, Params { neighbours: 9, regularization: 1.0 }, 2);
        let id = |sku| data.catalogue().item(sku).expect("bought");
        let weight = |from, to| {
            let row = model.foretells.get(id(from) as usize).find(|(other, _)| *other == id(to));
            row.map_or(0.0, |(_, weight)| weight)
        };
        // From a alone 2 of its 2 buyers + 1, from c alone 1 of 2 + 1.
        assert!((weight("a", "b") - 2.0 / 3.0).abs() < 1e-6);
        assert!((weight("c", "b") - 1.0 / 3.0).abs() < 1e-6);
        assert_eq!((weight("a", "a"), weight("a", "c")), (0.0, 0.0));
        assert_eq!(best(&model, &data, Some(3), 2), "ba", "c foretells b, and a is popular");
    }

    #[test]
    fn solves_small_systems() {
        let check = |matrix: &[f32], right: &[f32], want: Option<&[f32]>| {
            let (mut matrix, mut right) = (matrix.to_vec(), right.to_vec());
            let n = right.len();
            let solved = solve(&mut matrix, &mut right, n);
            assert_eq!(solved, want.is_some());
            let near = |want: &[f32]| right.iter().zip(want).all(|(got, want)| (got - want).abs() < 1e-5);
            assert!(want.is_none_or(near), "{right:?}");
        };
        check(&[], &[], Some(&[]));
        check(&[4.0], &[8.0], Some(&[2.0]));
        check(&[4.0, 2.0, 2.0, 3.0], &[10.0, 9.0], Some(&[1.5, 2.0]));
        check(&[1.0, 2.0, 2.0, 1.0], &[1.0, 1.0], None);
    }
}
