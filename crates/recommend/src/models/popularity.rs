//! What most baskets hold, the latest counting most. The baseline that every paper on recommendation reports, and the
//! answer for a shopper of whom nothing is known; without the decay it is G-TopFreq in the survey of Li et al. (2023), "A
//! Next Basket Recommendation Reality Check", ACM TOIS 41(4); with it, Ji et al. (2020), "A Re-visit of the Popularity
//! Baseline in Recommender Systems", SIGIR 2020.

use super::{Model, Subject};
use crate::baskets::Dataset;
use crate::scores::{Scratch, keep_best};
use crate::timeline::Timeline;

/// A basket counts half as much as one that came this share of all baskets later; the choice that
/// [`Popularity::fit`] has. A shop of staples wants none, one of fashions a short one.
const HALF_LIVES: [f32; 4] = [f32::INFINITY, 0.4, 0.2, 0.1];

/// The length of the list that a half-life is chosen by.
const CHOSEN_BY: usize = 10;

/// The same scores for everybody.
#[derive(Debug, Clone)]
pub struct Popularity {
    counts: Vec<f32>,
}

impl Popularity {
    /// With the half-life that foresees most of everybody's last basket; without any decay where none does better.
    pub fn fit(data: &Dataset) -> Popularity {
        let (rest, held_out) = data.hold_out(2);
        let mut best = (HALF_LIVES[0], 0);
        for half_life in HALF_LIVES {
            let mut ranked: Vec<(u32, f32)> = (0u32..).zip(Popularity::decayed(&rest, half_life).counts).collect();
            keep_best(&mut ranked, CHOSEN_BY, |item| rest.rank()[item as usize]);
            let hits = |items: &[u32]| ranked.iter().filter(|(item, _)| items.binary_search(item).is_ok()).count();
            let hits: usize = held_out.iter().map(|held| hits(&held.items)).sum();
            if hits > best.1 {
                best = (half_life, hits);
            }
        }
        Popularity::decayed(data, best.0)
    }

    /// Counts baskets, each by its place in the order of all.
    pub fn decayed(data: &Dataset, half_life: f32) -> Popularity {
        let timeline = Timeline::new(data);
        let mut counts = vec![0.0; data.catalogue().len()];
        for place in 0..data.len() {
            let baskets = data.baskets(place);
            for basket in 0..baskets.len() {
                let weight = ((timeline.share(baskets.at_ms(basket)) - 1.0) / half_life).exp2();
                baskets.items(basket).iter().for_each(|&item| counts[item as usize] += weight);
            }
        }
        Popularity { counts }
    }

    /// An item's decayed number of baskets.
    pub fn count(&self, item: u32) -> f32 {
        self.counts[item as usize]
    }
}

impl Model for Popularity {
    fn name(&self) -> &'static str {
        "popularity"
    }

    fn score(&self, _: Subject<'_>, scratch: &mut Scratch) {
        for (item, &count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0.0) {
            scratch.items.add(item as u32, count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::best;
    use super::*;
    use crate::baskets::tests::data;

    #[test]
    fn counts_baskets_the_latest_most() {
        let data = data(&[&["bc", "b", "b"], &["c", "a"], &["d"]]);
        let of = |half_life| best(&Popularity::decayed(&data, half_life), &data, Some(2), 4);
        assert_eq!(of(f32::INFINITY), "bcad");
        assert_eq!(of(0.1), "bacd", "c and d are of the first day alone");
    }
    #[test]
    fn the_half_life_is_chosen_on_what_was_bought_last() {
        // Everybody turns from the eleven old items to the eleven new ones.
        let turned: &[&str] = &["abcdefghijk", "abcdefghijk", "lmnopqrstuv", "lmnopqrstuv"];
        let turned = data(&[turned; 5]);
        assert!("lmnopqrstuv".contains(&best(&Popularity::fit(&turned), &turned, None, 1)));
        let steady: &[&str] = &["ab", "a", "a", "ab", "b"];
        let steady = data(&[steady; 5]);
        let plain = Popularity::decayed(&steady, f32::INFINITY);
        assert_eq!(Popularity::fit(&steady).counts, plain.counts, "no decay where none is better");
    }
}
