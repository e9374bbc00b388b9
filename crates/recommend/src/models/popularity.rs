//! What most baskets hold. The baseline that every paper on recommendation reports, and the answer for a shopper of
//! whom nothing is known; e.g. in the survey of Li et al. (2023), "A Next Basket Recommendation Reality Check", ACM
//! TOIS 41(4), where it is G-TopFreq.

use super::{Model, Subject};
use crate::baskets::Dataset;
use crate::scores::Scratch;

/// The same scores for everybody: in how many baskets each item is.
#[derive(Debug, Clone)]
pub struct Popularity {
    counts: Vec<u32>,
}

impl Popularity {
    /// Counts are those of the data set.
    pub fn fit(data: &Dataset) -> Popularity {
        Popularity { counts: data.popularity().to_vec() }
    }
}

impl Model for Popularity {
    fn name(&self) -> &'static str {
        "popularity"
    }

    fn score(&self, _: Subject<'_>, scratch: &mut Scratch) {
        for (item, &count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            scratch.items.add(item as u32, count as f32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::best;
    use super::*;
    use crate::baskets::tests::data;

    #[test]
    fn counts_baskets() {
        let data = data(&[&["bc", "b", "b"], &["c", "a"], &["d"]]);
        assert_eq!(best(&Popularity::fit(&data), &data, Some(2), 4), "bcad");
    }
}
