//! Walks of three steps from a shopper over items and other shoppers, popular ends held back. RP3beta: Paudel, Christoffel,
//! Newell, Bernstein (2016), "Updatable, Accurate, Diverse, and Scalable Recommendations for Interactive Applications",
//! ACM TiiS 7(1).
//!
//! A step from a shopper goes to each of their items alike, one from an item to each of its buyers alike; the chance to
//! end at an item is divided by its popularity to the power `beta`. The two last steps are folded into one table of the
//! likeliest ends per item, so that scoring reads only the rows of the shopper's items.

use super::{Model, Subject};
use crate::baskets::Dataset;
use crate::catalogue::ItemId;
use crate::parallel;
use crate::scores::{Scores, Scratch, keep_best};
use crate::vectors::{Postings, Vectors, times_bought};

/// Buyers that a walk from an item may visit, the first ones: bounds the cost of what everybody buys.
const MAX_BUYERS: usize = 20_000;

/// How the model is fitted. `koi tune` compares other settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Params {
    /// Exponent of a chance, as in P3alpha: above 1 prefers the likely ways.
    pub alpha: f32,
    /// How strongly popular items are held back, 0 to 1.
    pub beta: f32,
    /// Ends kept per item: 8 bytes each.
    pub neighbours: usize,
}

impl Default for Params {
    fn default() -> Params {
        Params { alpha: 1.0, beta: 0.6, neighbours: 100 }
    }
}

/// The likeliest ends of the walks from each item.
#[derive(Debug, Clone)]
pub struct Rp3Beta {
    alpha: f32,
    ends: Vectors,
}

impl Rp3Beta {
    /// Walks from every item.
    pub fn fit(data: &Dataset, params: Params, threads: usize) -> Rp3Beta {
        let shoppers = times_bought(data);
        let item_count = data.catalogue().len();
        let buyers = shoppers.transposed(item_count);
        let chunks = parallel::chunks(item_count, threads, Default::default, |state: &mut (Scores, Vec<_>), range| {
            range.map(|item| walk(item as ItemId, &shoppers, &buyers, params, state)).collect::<Vec<_>>()
        });
        let mut ends = Vectors::new();
        chunks.into_iter().flatten().for_each(|of_item| ends.push(&of_item));
        Rp3Beta { alpha: params.alpha, ends }
    }
}

fn walk(
    item: ItemId,
    shoppers: &Vectors,
    buyers: &Postings,
    params: Params,
    (chances, ends): &mut (Scores, Vec<(u32, f32)>),
) -> Vec<(ItemId, f32)> {
    chances.reset(buyers.len());
    let of_item = buyers.get(item);
    let of_item = &of_item[..of_item.len().min(MAX_BUYERS)];
    let to_buyer = (1.0 / of_item.len().max(1) as f32).powf(params.alpha);
    for &(buyer, _) in of_item {
        let to_item = to_buyer * (1.0 / shoppers.count(buyer as usize) as f32).powf(params.alpha);
        shoppers.get(buyer as usize).for_each(|(end, _)| chances.add(end, to_item));
    }
    chances.read(ends);
    for (end, chance) in ends.iter_mut() {
        *chance /= (buyers.get(*end).len() as f32).powf(params.beta);
    }
    keep_best(ends, params.neighbours, |end| end);
    ends.sort_unstable_by_key(|(end, _)| *end);
    ends.clone()
}

impl Model for Rp3Beta {
    fn name(&self) -> &'static str {
        "rp3beta"
    }

    fn score(&self, subject: Subject<'_>, scratch: &mut Scratch) {
        let lines = subject.baskets.iter().map(<[ItemId]>::len).sum::<usize>().max(1);
        let first = (1.0 / lines as f32).powf(self.alpha);
        for &item in subject.baskets.iter().flatten() {
            self.ends.get(item as usize).for_each(|(end, chance)| scratch.items.add(end, first * chance));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::best;
    use super::*;
    use crate::baskets::tests::data;

    #[test]
    fn chances_by_hand() {
        // a: shoppers 1, 2; b: 1; c: 2, 3.
        let data = data(&[&["ab"], &["ac"], &["c"]]);
        let check = |beta, from: &str, to: &str, want: f32| {
            let model = Rp3Beta::fit(&data, Params { beta, ..Params::default() }, 1);
            let id = |sku| data.catalogue().item(sku).expect("bought");
            let got =
                model.ends.get(id(from) as usize).find(|(end, _)| *end == id(to)).map_or(0.0, |(_, chance)| chance);
            assert!((got - want).abs() < 1e-6, "beta {beta}, {from} to {to}: {got}, not {want}");
        };
        check(0.0, "a", "b", 0.5 * 0.5);
        check(0.0, "a", "a", 0.5 * 0.5 + 0.5 * 0.5);
        check(0.0, "c", "a", 0.5 * 0.5);
        check(1.0, "c", "a", 0.25 / 2.0);
        check(0.0, "b", "c", 0.0);
    }

    #[test]
    fn what_is_held_back_is_what_everybody_buys() {
        let data = data(&[&["apx"], &["apy"], &["pz"], &["pw"], &["a"]]);
        let of = |beta| best(&Rp3Beta::fit(&data, Params { beta, ..Params::default() }, 1), &data, Some(4), 4);
        assert_eq!(of(0.0), "apxy");
        assert_eq!(of(1.0), "axyp");
    }
}
