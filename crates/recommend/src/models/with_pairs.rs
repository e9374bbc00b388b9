//! Another model's list, its last places given to what the shopper's latest baskets trigger: room for the long tail at the
//! cost of the places that matter least.

use super::{Model, Pairs, Subject};
use crate::baskets::Dataset;
use crate::catalogue::ItemId;
use crate::scores::{Scratch, keep_best};

/// How many places of which list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Params {
    /// The length of the list.
    pub k: usize,
    /// Its last places, for triggered items that the model would not have shown.
    pub places: usize,
}

impl Default for Params {
    /// One place of twenty: three cost 2 % of the ndcg on Online Retail.
    fn default() -> Params {
        Params { k: 20, places: 1 }
    }
}

/// A model and the pairs that fill its last places.
pub struct WithPairs {
    model: Box<dyn Model>,
    pairs: Pairs,
    params: Params,
    /// By item: the place in the order of popularity, for ties.
    rank: Vec<u32>,
    /// By item: what a triggered one counts. A chance by how often the item is bought anyway is the pair's lift.
    rarity: Vec<f32>,
}

impl WithPairs {
    /// `data` is what both were fitted on.
    pub fn new(model: Box<dyn Model>, pairs: Pairs, data: &Dataset, params: Params) -> WithPairs {
        let rarity = data.popularity().iter().map(|&baskets| 1.0 / baskets.max(1) as f32).collect();
        WithPairs { model, pairs, params, rank: data.rank().to_vec(), rarity }
    }
}

impl Model for WithPairs {
    fn name(&self) -> &'static str {
        "with-pairs"
    }

    fn score(&self, subject: Subject<'_>, scratch: &mut Scratch) {
        scratch.items.reset(self.rank.len());
        self.pairs.score(subject, scratch);
        let mut triggered: Vec<(ItemId, f32)> = Vec::new();
        scratch.items.read(&mut triggered);
        scratch.items.reset(self.rank.len());
        self.model.score(subject, scratch);
        let mut best = Vec::new();
        scratch.items.read(&mut best);
        let Params { k, places } = self.params;
        keep_best(&mut best, k, |item| self.rank[item as usize]);
        let kept = k.saturating_sub(places);
        if best.len() < k || kept == 0 || kept == k {
            return;
        }
        let (last, next) = (best[kept - 1].1, best[kept].1);
        best.truncate(kept);
        triggered.retain(|(item, _)| best.iter().all(|(shown, _)| shown != item));
        triggered.iter_mut().for_each(|(item, chance)| *chance *= self.rarity[*item as usize]);
        keep_best(&mut triggered, places, |item| self.rank[item as usize]);
        for (place, &(item, _)) in triggered.iter().enumerate() {
            // Between the last place that the model keeps and the first that it gives away.
            let part = (place + 1) as f32 / (places + 1) as f32;
            let wanted = last + (next - last) * part;
            let missing = wanted - scratch.items.get(item);
            if missing > 0.0 {
                scratch.items.add(item, missing);
            }
        }
    }

    fn prepare(&self, threads: usize) {
        self.model.prepare(threads);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::best;
    use super::super::{GpTopFreq, pairs};
    use super::*;
    use crate::baskets::tests::data;

    #[test]
    fn the_last_place_is_for_what_is_triggered() {
        // Who bought p goes on to r, which is rare; the shopper at place 0 bought p last.
        let new: &[&str] = &["ab", "abc", "abcp"];
        let old: &[&str] = &["abp", "r", "ab"];
        let none: &[&str] = &["ab", "ac"];
        let data = data(&[vec![new], vec![old; 9], vec![none; 30]].concat());
        let pairs = || Pairs::fit(&data, pairs::Params::default(), 1);
        let check = |params: Params, want: &str| {
            let model = WithPairs::new(Box::new(GpTopFreq), pairs(), &data, params);
            assert_eq!(best(&model, &data, Some(0), params.k), want, "{params:?}");
        };
        check(Params { k: 4, places: 1 }, "abcr");
        check(Params { k: 4, places: 0 }, "abcp");
        check(Params { k: 9, places: 2 }, "abcpr");
    }
}
