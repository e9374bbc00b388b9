//! A score for every item, kept sparse: only what was touched is read and cleared.

use std::cmp::Ordering;

use crate::catalogue::ItemId;

/// Up to this many sums are cleared and read all at once, which is quicker than remembering which were touched:
/// they fit into a core's nearest cache.
const DENSE: usize = 16_384;

/// Sums by small number, e.g. by item. All that is added is above 0.
#[derive(Debug, Clone, Default)]
pub struct Scores {
    values: Vec<f32>,
    /// Used only above [`DENSE`] sums.
    touched: Vec<u32>,
}

impl Scores {
    /// Makes room for numbers below `n` and forgets all sums.
    pub fn reset(&mut self, n: usize) {
        if self.values.len() <= DENSE {
            self.values.fill(0.0);
        }
        for &id in &self.touched {
            self.values[id as usize] = 0.0;
        }
        self.touched.clear();
        if self.values.len() < n {
            // What was remembered before growing past the bound is all zeros by now.
            self.values.resize(n, 0.0);
        }
    }

    /// Adds to one sum.
    #[inline]
    pub fn add(&mut self, id: u32, amount: f32) {
        let dense = self.values.len() <= DENSE;
        let value = &mut self.values[id as usize];
        if !dense && *value == 0.0 {
            self.touched.push(id);
        }
        *value += amount;
    }

    /// One sum, 0 where nothing was added.
    #[inline]
    pub fn get(&self, id: u32) -> f32 {
        self.values.get(id as usize).copied().unwrap_or(0.0)
    }

    /// Puts the sums above 0 with their numbers into `out`, in no particular order.
    pub fn read(&self, out: &mut Vec<(u32, f32)>) {
        out.clear();
        if self.values.len() <= DENSE {
            out.extend((0u32..).zip(self.values.iter().copied()).filter(|(_, value)| *value > 0.0));
        } else {
            let touched = self.touched.iter().map(|&id| (id, self.values[id as usize]));
            out.extend(touched.filter(|(_, value)| *value > 0.0));
        }
    }
}

/// What scoring one shopper after the other reuses. Its size is that of the largest catalogue and data set it met.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    /// By item: a model's answer.
    pub items: Scores,
    /// By shopper: what two shoppers have in common.
    pub(crate) overlaps: Scores,
    /// By item: a shopper's own weights, while they are summed.
    pub(crate) own: Scores,
    pub(crate) vector: Vec<(ItemId, f32)>,
    pub(crate) neighbours: Vec<(u32, f32)>,
    pub(crate) slots: crate::compose::SlotScratch,
    pub(crate) working: crate::models::Working,
}

/// The larger first; equal ones by `rank`. A total order also over what a score should never be (NaN comes last).
pub fn better(a: (f32, u32), b: (f32, u32)) -> Ordering {
    b.0.partial_cmp(&a.0).unwrap_or_else(|| a.0.is_nan().cmp(&b.0.is_nan())).then(a.1.cmp(&b.1))
}

/// The `k` best of `entries` (number, score), best first, equal scores by `rank` of the number; the rest is dropped.
pub fn keep_best(entries: &mut Vec<(u32, f32)>, k: usize, rank: impl Fn(u32) -> u32) {
    let order = |a: &(u32, f32), b: &(u32, f32)| better((a.1, rank(a.0)), (b.1, rank(b.0)));
    if k == 0 {
        entries.clear();
    } else if entries.len() > k {
        entries.select_nth_unstable_by(k - 1, order);
        entries.truncate(k);
    }
    entries.sort_unstable_by(order);
}

/// The `k` best items of a data set: by score, then popularity, then sku. Where fewer than `k` have a score, the
/// most popular others follow with a score of 0.
pub fn top(scores: &Scores, k: usize, by_rank: &[ItemId], rank: &[u32]) -> Vec<(ItemId, f32)> {
    let mut best = Vec::new();
    scores.read(&mut best);
    keep_best(&mut best, k, |item| rank[item as usize]);
    let missing = k - best.len();
    best.extend(by_rank.iter().filter(|&&item| scores.get(item) <= 0.0).take(missing).map(|&item| (item, 0.0)));
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_come_first_and_ties_go_by_rank() {
        let mut scores = Scores::default();
        scores.reset(6);
        for (item, amount) in [(4, 0.5), (1, 1.0), (4, 0.5), (0, 0.25)] {
            scores.add(item, amount);
        }
        let by_rank = [5, 4, 3, 2, 1, 0];
        let rank = [5, 4, 3, 2, 1, 0];
        let check = |k, want: &[u32]| {
            let got: Vec<u32> = top(&scores, k, &by_rank, &rank).into_iter().map(|(item, _)| item).collect();
            assert_eq!(got, want, "k {k}");
        };
        check(0, &[]);
        check(1, &[4]);
        check(3, &[4, 1, 0]);
        check(5, &[4, 1, 0, 5, 3]);
        check(9, &[4, 1, 0, 5, 3, 2]);
    }

    #[test]
    fn a_reset_forgets_and_grows() {
        let mut scores = Scores::default();
        let mut read = Vec::new();
        for n in [2, 4, DENSE + 1, DENSE + 2] {
            scores.reset(n);
            scores.read(&mut read);
            assert!(read.is_empty(), "{n}: {read:?}");
            scores.add(n as u32 - 1, 2.0);
            scores.add(0, 1.0);
            scores.add(0, 1.0);
            scores.read(&mut read);
            read.sort_unstable_by_key(|(id, _)| *id);
            assert_eq!(read, [(0, 2.0), (n as u32 - 1, 2.0)]);
        }
        assert_eq!((scores.get(1), scores.get(u32::MAX)), (0.0, 0.0));
    }
}
