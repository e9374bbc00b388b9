//! A shopper's own items by frequency and recency, mixed with those of similar shoppers. TIFU-KNN: Hu, He, Gao, Zhang
//! (2020), "Modeling Personalized Item Frequency Information for Next-basket Recommendation", SIGIR 2020.
//!
//! A basket counts `within_decay` times the next one of its group, a group `group_decay` times the next group; the
//! mean over both is the shopper's vector. The answer is `alpha` of that vector and `1 - alpha` of the mean vector of
//! the most similar shoppers. They are found through an index from items to shoppers, by cosine instead of the paper's
//! Euclidean distance: it needs only shoppers who share an item, and was no worse on held-out baskets.

use std::sync::OnceLock;

use super::{Model, Subject};
use crate::baskets::{Baskets, Dataset, MAX_BASKETS};
use crate::catalogue::ItemId;
use crate::parallel;
use crate::scores::{Scores, Scratch, keep_best};
use crate::vectors::{MAX_POSTINGS, MAX_VECTOR_ITEMS, Postings, Vectors};

/// Neighbours that are ever taken: 4 bytes each per shopper once they are prepared.
pub const MAX_NEIGHBOURS: usize = 1_000;

/// How the model is fitted. The default was chosen on baskets held out from the train part of Online Retail (UCI),
/// where one group of all baskets beat every smaller group, and 100 neighbours were as good as 300.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Params {
    /// Baskets in a group, counted back from the last one.
    pub group_size: usize,
    /// What a basket counts against the next one in its group, 0 to 1.
    pub within_decay: f32,
    /// What a group counts against the next one, 0 to 1.
    pub group_decay: f32,
    /// How many similar shoppers are asked.
    pub neighbours: usize,
    /// The share of the shopper's own items, 0 to 1; the rest is the neighbours' mean.
    pub alpha: f32,
}

impl Default for Params {
    fn default() -> Params {
        Params { group_size: MAX_BASKETS, within_decay: 0.93, group_decay: 1.0, neighbours: 100, alpha: 0.7 }
    }
}

/// Vectors of all shoppers and the index that finds the similar ones.
#[derive(Debug)]
pub struct TifuKnn {
    params: Params,
    item_count: usize,
    vectors: Vectors,
    /// Shoppers by item, each weight divided by the length of the shopper's vector.
    index: Postings,
    prepared: OnceLock<Neighbours>,
}

/// Every shopper's most similar shoppers, the most similar first.
#[derive(Debug)]
struct Neighbours {
    starts: Vec<u32>,
    places: Vec<u32>,
}

impl TifuKnn {
    /// Vectors and index, in one pass over the baskets.
    pub fn fit(data: &Dataset, params: Params) -> TifuKnn {
        let item_count = data.catalogue().len();
        let mut vectors = Vectors::new();
        let (mut own, mut vector) = (Scores::default(), Vec::new());
        for place in 0..data.len() {
            weigh(&params, data.baskets(place), item_count, &mut own, &mut vector);
            vectors.push(&vector);
        }
        let norms: Vec<f32> = (0..data.len()).map(|place| vectors.norm(place)).collect();
        let mut index = vectors.transposed(item_count);
        index.scale(|place, weight| weight / norms[place as usize]);
        TifuKnn { params, item_count, vectors, index: index.truncated(MAX_POSTINGS), prepared: OnceLock::new() }
    }

    /// Finds everybody's neighbours and keeps them, so that scoring a shopper of the data set no longer searches.
    /// Scores stay the same to the bit. Doing it once is enough; a second call changes nothing.
    pub fn prepare_neighbours(&self, threads: usize) {
        self.prepared.get_or_init(|| {
            let state = || (Scores::default(), Vec::new(), Vec::new());
            let chunks = parallel::chunks(self.vectors.len(), threads, state, |(overlaps, vector, near), range| {
                let mut found: Vec<Vec<u32>> = Vec::with_capacity(range.len());
                for place in range {
                    vector.clear();
                    vector.extend(self.vectors.get(place));
                    self.nearest(vector, Some(place), overlaps, near);
                    found.push(near.iter().map(|(neighbour, _)| *neighbour).collect());
                }
                found
            });
            let mut all = Neighbours { starts: vec![0], places: Vec::new() };
            for of_shopper in chunks.into_iter().flatten() {
                all.places.extend(of_shopper);
                all.starts.push(all.places.len() as u32);
            }
            all
        });
    }

    /// The share of a shopper's own items in a score.
    pub(crate) fn own_share(&self) -> f32 {
        self.params.alpha
    }

    /// Puts a shopper's own items with their weights into `vector`.
    pub(crate) fn own(&self, subject: Subject<'_>, own: &mut Scores, vector: &mut Vec<(ItemId, f32)>) {
        match subject.place {
            Some(place) if !subject.newer => {
                vector.clear();
                vector.extend(self.vectors.get(place));
            }
            _ => weigh(&self.params, subject.baskets, self.item_count, own, vector),
        }
    }

    /// Whether scoring still searches for neighbours.
    pub fn is_prepared(&self) -> bool {
        self.prepared.get().is_some()
    }

    /// Puts the shoppers whose vectors point most nearly where `vector` does into `near`, with their cosine times
    /// the length of `vector`.
    fn nearest(
        &self,
        vector: &[(ItemId, f32)],
        except: Option<usize>,
        overlaps: &mut Scores,
        near: &mut Vec<(u32, f32)>,
    ) {
        overlaps.reset(self.vectors.len());
        for &(item, weight) in vector {
            for &(shopper, of_shopper) in self.index.get(item) {
                overlaps.add(shopper, weight * of_shopper);
            }
        }
        overlaps.read(near);
        near.retain(|(shopper, _)| Some(*shopper as usize) != except);
        keep_best(near, self.params.neighbours.min(MAX_NEIGHBOURS), |shopper| shopper);
    }

    /// Adds `1 - alpha` of the mean vector of `neighbours` to `items`.
    fn add_mean(&self, neighbours: impl ExactSizeIterator<Item = u32>, items: &mut Scores) {
        let share = (1.0 - self.params.alpha) / neighbours.len().max(1) as f32;
        for shopper in neighbours {
            for (item, weight) in self.vectors.get(shopper as usize) {
                items.add(item, weight * share);
            }
        }
    }
}

/// Puts a shopper's vector into `vector`, items ascending.
pub(crate) fn weigh(
    params: &Params,
    baskets: Baskets<'_>,
    item_count: usize,
    own: &mut Scores,
    vector: &mut Vec<(ItemId, f32)>,
) {
    own.reset(item_count);
    let (count, size) = (baskets.len(), params.group_size.max(1));
    let groups = count.div_ceil(size);
    for (place, items) in baskets.iter().enumerate() {
        let age = count - 1 - place;
        let group_age = age / size;
        let oldest = group_age + 1 == groups;
        let in_group = if oldest { count - group_age * size } else { size };
        let weight = params.within_decay.powi((age % size) as i32) * params.group_decay.powi(group_age as i32)
            / (in_group * groups) as f32;
        items.iter().for_each(|&item| own.add(item, weight));
    }
    own.read(vector);
    keep_best(vector, MAX_VECTOR_ITEMS, |item| item);
    vector.sort_unstable_by_key(|(item, _)| *item);
}

impl Model for TifuKnn {
    fn name(&self) -> &'static str {
        "tifu-knn"
    }

    fn score(&self, subject: Subject<'_>, scratch: &mut Scratch) {
        let Scratch { items, overlaps, own, vector, neighbours, .. } = scratch;
        self.own(subject, own, vector);
        for &(item, weight) in vector.iter() {
            items.add(item, weight * self.params.alpha);
        }
        match (subject.place, self.prepared.get()) {
            (Some(place), Some(all)) if !subject.newer => {
                let of_shopper = all.starts[place] as usize..all.starts[place + 1] as usize;
                self.add_mean(all.places[of_shopper].iter().copied(), items);
            }
            _ => {
                self.nearest(vector, subject.place, overlaps, neighbours);
                self.add_mean(neighbours.iter().map(|(shopper, _)| *shopper), items);
            }
        }
    }

    fn prepare(&self, threads: usize) {
        self.prepare_neighbours(threads);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::best;
    use super::*;
    use crate::baskets::History;
    use crate::baskets::tests::{data, purchase};

    #[test]
    fn vectors_by_hand() {
        // Five baskets in groups of two, the oldest group has one: a | b, c | d, a.
        let data = data(&[&["a", "b", "c", "d", "a"]]);
        let check = |params: Params, want: [f32; 4]| {
            let (mut own, mut vector) = (Scores::default(), Vec::new());
            weigh(&params, data.baskets(0), 4, &mut own, &mut vector);
            let got: Vec<f32> = vector.iter().map(|(_, weight)| *weight).collect();
            assert!(got.iter().zip(want).all(|(got, want)| (got - want).abs() < 1e-6), "{params:?}: {got:?}");
        };
        let groups = Params { group_size: 2, within_decay: 0.5, group_decay: 0.8, ..Params::default() };
        let third = 1.0 / 3.0;
        check(groups, [third * (0.64 + 0.5), third * 0.8 * 0.25, third * 0.8 * 0.5, third * 0.25]);
        let one_group = Params { group_size: 9, within_decay: 0.5, ..groups };
        check(one_group, [(0.0625 + 1.0) / 5.0, 0.125 / 5.0, 0.25 / 5.0, 0.5 / 5.0]);
    }

    #[test]
    fn neighbours_bring_what_the_shopper_never_bought() {
        let data = data(&[&["ab"], &["abc"], &["xyz"], &["xyz"], &["xy"]]);
        let params = Params { alpha: 0.5, neighbours: 1, ..Params::default() };
        let model = TifuKnn::fit(&data, params);
        let check = |place, want: &str| assert_eq!(best(&model, &data, Some(place), want.len()), want, "{place}");
        check(0, "abc");
        check(4, "xyz");
        model.prepare_neighbours(2);
        check(0, "abc");
        check(4, "xyz");
    }

    #[test]
    fn a_newer_history_counts_instead_of_the_fitted_one() {
        let data = data(&[&["a"], &["xyz"], &["x"]]);
        let model = TifuKnn::fit(&data, Params::default());
        let history = History::new(data.catalogue(), &[purchase("1", 1, "xy")]);
        let mut scratch = Scratch::default();
        scratch.items.reset(data.catalogue().len());
        model.score(Subject { place: Some(0), baskets: history.baskets(), newer: true }, &mut scratch);
        let score = |sku| scratch.items.get(data.catalogue().item(sku).expect("bought"));
        assert!(score("x") > 0.7 && score("z") > 0.0, "own items and a neighbour's");
        assert_eq!(score("a"), 0.0, "the shopper is no neighbour of its own");
    }
}
