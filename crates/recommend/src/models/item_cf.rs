//! Items that are bought by the same shoppers. Item-based collaborative filtering: Sarwar, Karypis, Konstan, Riedl
//! (2001), "Item-Based Collaborative Filtering Recommendation Algorithms", WWW 10, with cosine as the similarity;
//! shrunk towards 0 where few shoppers speak for it, as Bell, Koren (2007), "Scalable Collaborative Filtering with
//! Jointly Derived Neighborhood Interpolation Weights", ICDM 2007, do.

use super::{Model, Subject};
use crate::baskets::Dataset;
use crate::catalogue::ItemId;
use crate::parallel;
use crate::scores::{Scores, Scratch, keep_best};
use crate::vectors::{Postings, Vectors, times_bought};

/// Shoppers counted per item, the first ones: the estimate is good long before, and the cost is their number times
/// the length of their histories.
const MAX_SHOPPERS_PER_ITEM: usize = 20_000;

/// How the model is fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Params {
    /// Neighbours kept per item, itself included: 8 bytes each.
    pub neighbours: usize,
    /// Shoppers in common at which a similarity counts half.
    pub shrinkage: f32,
}

impl Default for Params {
    fn default() -> Params {
        Params { neighbours: 100, shrinkage: 10.0 }
    }
}

/// The most similar items of each item.
#[derive(Debug, Clone)]
pub struct ItemCf {
    /// By item: its neighbours with their similarity.
    neighbours: Vectors,
}

impl ItemCf {
    /// Similarity of i and j = both / sqrt(i x j) x both / (both + shrinkage), where i, j and both are numbers of
    /// shoppers who bought them.
    pub fn fit(data: &Dataset, params: Params, threads: usize) -> ItemCf {
        let shoppers = times_bought(data);
        let item_count = data.catalogue().len();
        let buyers = shoppers.transposed(item_count);
        let chunks = parallel::chunks(item_count, threads, Default::default, |state: &mut (Scores, Vec<_>), range| {
            range.map(|item| similar(item as ItemId, &shoppers, &buyers, params, state)).collect::<Vec<_>>()
        });
        let mut neighbours = Vectors::new();
        chunks.into_iter().flatten().for_each(|of_item| neighbours.push(&of_item));
        ItemCf { neighbours }
    }

    /// The neighbours of an item with their similarity, itself included, by number.
    pub fn neighbours(&self, item: ItemId) -> impl Iterator<Item = (ItemId, f32)> + '_ {
        self.neighbours.get(item as usize)
    }
}

fn similar(
    item: ItemId,
    shoppers: &Vectors,
    buyers: &Postings,
    params: Params,
    (both, near): &mut (Scores, Vec<(u32, f32)>),
) -> Vec<(ItemId, f32)> {
    both.reset(buyers.len());
    let of_item = buyers.get(item);
    for &(shopper, _) in &of_item[..of_item.len().min(MAX_SHOPPERS_PER_ITEM)] {
        shoppers.get(shopper as usize).for_each(|(other, _)| both.add(other, 1.0));
    }
    let own = of_item.len() as f32;
    both.read(near);
    for (other, value) in near.iter_mut() {
        let cosine = *value / (own * buyers.get(*other).len() as f32).sqrt();
        *value *= cosine / (*value + params.shrinkage);
    }
    keep_best(near, params.neighbours, |other| other);
    near.sort_unstable_by_key(|(other, _)| *other);
    near.clone()
}

impl Model for ItemCf {
    fn name(&self) -> &'static str {
        "item-cf"
    }

    /// Each purchase speaks for the item itself and for its neighbours.
    fn score(&self, subject: Subject<'_>, scratch: &mut Scratch) {
        for &item in subject.baskets.iter().flatten() {
            for (near, similarity) in self.neighbours.get(item as usize) {
                scratch.items.add(near, similarity);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::best;
    use super::*;
    use crate::baskets::tests::data;

    fn similarity(model: &ItemCf, item: ItemId, other: ItemId) -> f32 {
        model.neighbours(item).find(|(near, _)| *near == other).map_or(0.0, |(_, similarity)| similarity)
    }

    #[test]
    fn similarities_by_hand() {
        // a: shoppers 1, 2, 3; b: 1, 2; c: 3, 4; d: 4.
        let data = data(&[&["ab"], &["a", "b"], &["ac"], &["cd", "c"]]);
        let check = |shrinkage, pair: (u32, u32), want: f32| {
            let model = ItemCf::fit(&data, Params { neighbours: 10, shrinkage }, 1);
            let got = similarity(&model, pair.0, pair.1);
            assert!((got - want).abs() < 1e-6, "shrinkage {shrinkage}, {pair:?}: {got}, not {want}");
        };
        let [a, b, c, d] = ["a", "b", "c", "d"].map(|sku| data.catalogue().item(sku).expect("bought"));
        check(0.0, (a, b), 2.0 / 6f32.sqrt());
        check(2.0, (a, b), 2.0 / 6f32.sqrt() * 0.5);
        check(0.0, (a, c), 1.0 / 6f32.sqrt());
        check(0.0, (a, d), 0.0);
        check(0.0, (a, a), 1.0);
        let model = ItemCf::fit(&data, Params { neighbours: 10, shrinkage: 0.0 }, 2);
        assert_eq!(
            best(&model, &data, Some(0), 4),
            "abcd",
            "a and b 1.82 each, a is in more baskets; c 0.41; d nothing"
        );
    }

    #[test]
    fn keeps_only_the_nearest() {
        let data = data(&[&["abc"], &["ab"], &["a"]]);
        let model = ItemCf::fit(&data, Params { neighbours: 2, shrinkage: 0.0 }, 1);
        assert!(similarity(&model, 0, 1) > 0.0);
        assert_eq!(similarity(&model, 0, 2), 0.0);
    }
}
