//! One sparse vector over items per shopper, and the index from items back to shoppers.

use crate::baskets::Dataset;
use crate::catalogue::ItemId;
use crate::scores::{Scores, keep_best};

/// Items that one shopper's vector holds at most, those of the largest weight. At 8 bytes each, a million shoppers of
/// this size would take 8 GB; a mean of 60 items, as in a gift shop's two years, takes half a gigabyte.
pub const MAX_VECTOR_ITEMS: usize = 1_024;

/// Shoppers that the index remembers per item, those to whom the item means most: what everybody buys says little
/// about who resembles whom, and without a bound it would cost most of the time.
pub const MAX_POSTINGS: usize = 20_000;

/// Every shopper's items, each once, with the number of baskets that hold it.
pub fn times_bought(data: &Dataset) -> Vectors {
    let mut vectors = Vectors::new();
    let mut counts = Scores::default();
    let mut items: Vec<(ItemId, f32)> = Vec::new();
    for place in 0..data.len() {
        counts.reset(data.catalogue().len());
        data.baskets(place).iter().flatten().for_each(|&item| counts.add(item, 1.0));
        counts.read(&mut items);
        keep_best(&mut items, MAX_VECTOR_ITEMS, |item| item);
        items.sort_unstable_by_key(|(item, _)| *item);
        vectors.push(&items);
    }
    vectors
}

/// Sparse vectors by shopper's place, items ascending.
#[derive(Debug, Clone, Default)]
pub struct Vectors {
    starts: Vec<u32>,
    items: Vec<ItemId>,
    weights: Vec<f32>,
}

impl Vectors {
    /// No vector yet.
    pub fn new() -> Vectors {
        Vectors { starts: vec![0], items: Vec::new(), weights: Vec::new() }
    }

    /// Appends the next shopper's vector.
    pub fn push(&mut self, vector: &[(ItemId, f32)]) {
        self.items.extend(vector.iter().map(|(item, _)| *item));
        self.weights.extend(vector.iter().map(|(_, weight)| *weight));
        self.starts.push(self.items.len() as u32);
    }

    /// How many shoppers.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The vector of the shopper at a place.
    #[inline]
    pub fn get(&self, place: usize) -> impl Iterator<Item = (ItemId, f32)> + Clone + '_ {
        let range = self.starts[place] as usize..self.starts[place + 1] as usize;
        self.items[range.clone()].iter().copied().zip(self.weights[range].iter().copied())
    }

    /// How many entries all vectors have.
    pub fn entry_count(&self) -> usize {
        self.items.len()
    }

    /// How many items the vector at a place has.
    #[inline]
    pub fn count(&self, place: usize) -> usize {
        (self.starts[place + 1] - self.starts[place]) as usize
    }

    /// Whether the vector at a place has an item.
    #[inline]
    pub fn holds(&self, place: usize, item: ItemId) -> bool {
        self.items[self.starts[place] as usize..self.starts[place + 1] as usize].binary_search(&item).is_ok()
    }

    /// Euclidean length of the vector at a place.
    pub fn norm(&self, place: usize) -> f32 {
        norm(self.get(place).map(|(_, weight)| weight))
    }

    /// For each of `item_count` items the shoppers whose vectors hold it, with their weights.
    pub fn transposed(&self, item_count: usize) -> Postings {
        let mut starts = vec![0u32; item_count + 1];
        for &item in &self.items {
            starts[item as usize + 1] += 1;
        }
        for item in 0..item_count {
            starts[item + 1] += starts[item];
        }
        let mut next = starts.clone();
        let mut entries = vec![(0u32, 0f32); self.items.len()];
        for place in 0..self.len() {
            for (item, weight) in self.get(place) {
                let to = &mut next[item as usize];
                entries[*to as usize] = (place as u32, weight);
                *to += 1;
            }
        }
        Postings { starts, entries }
    }
}

/// Euclidean length.
pub fn norm(weights: impl Iterator<Item = f32>) -> f32 {
    weights.map(|weight| weight * weight).sum::<f32>().sqrt()
}

/// Shoppers by item.
#[derive(Debug, Clone, Default)]
pub struct Postings {
    starts: Vec<u32>,
    entries: Vec<(u32, f32)>,
}

impl Postings {
    /// How many items.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shoppers whose vectors hold an item, ascending, with their weights.
    #[inline]
    pub fn get(&self, item: ItemId) -> &[(u32, f32)] {
        &self.entries[self.starts[item as usize] as usize..self.starts[item as usize + 1] as usize]
    }

    /// Keeps the `bound` shoppers of the largest weight per item.
    pub fn truncated(mut self, bound: usize) -> Postings {
        if self.starts.windows(2).all(|pair| (pair[1] - pair[0]) as usize <= bound) {
            return self;
        }
        let mut kept = Postings { starts: vec![0], entries: Vec::new() };
        for item in 0..self.starts.len() - 1 {
            let of_item = &mut self.entries[self.starts[item] as usize..self.starts[item + 1] as usize];
            if of_item.len() > bound {
                of_item.select_nth_unstable_by(bound, |a, b| crate::scores::better((a.1, a.0), (b.1, b.0)));
            }
            let keep = of_item.len().min(bound);
            of_item[..keep].sort_unstable_by_key(|(place, _)| *place);
            kept.entries.extend_from_slice(&of_item[..keep]);
            kept.starts.push(kept.entries.len() as u32);
        }
        kept
    }

    /// Calls `f` for every weight, to scale it.
    pub fn scale(&mut self, f: impl Fn(u32, f32) -> f32) {
        for (place, weight) in &mut self.entries {
            *weight = f(*place, *weight);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_turns_the_vectors_around_and_keeps_the_heaviest() {
        let mut vectors = Vectors::new();
        vectors.push(&[(0, 3.0), (2, 4.0)]);
        vectors.push(&[]);
        vectors.push(&[(2, 1.0)]);
        vectors.push(&[(2, 2.0)]);
        assert_eq!((vectors.len(), vectors.norm(0), vectors.norm(1)), (4, 5.0, 0.0));
        let postings = vectors.transposed(3);
        assert_eq!(postings.get(0), [(0, 3.0)]);
        assert_eq!(postings.get(1), []);
        assert_eq!(postings.get(2), [(0, 4.0), (2, 1.0), (3, 2.0)]);
        let postings = postings.truncated(2);
        assert_eq!((postings.get(0), postings.get(2)), (&[(0, 3.0)][..], &[(0, 4.0), (3, 2.0)][..]));
    }
}
