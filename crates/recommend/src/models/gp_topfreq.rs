//! A shopper's own most frequent items, then everybody's. GP-TopFreq in Hu, He, Gao, Zhang (2020), "Modeling
//! Personalized Item Frequency Information for Next-basket Recommendation", SIGIR 2020; a strong baseline, since
//! most of what people buy they have bought before.

use super::{Model, Subject};
use crate::scores::Scratch;

/// Nothing to fit: the shopper's baskets and popularity say it all.
#[derive(Debug, Clone, Copy)]
pub struct GpTopFreq;

impl Model for GpTopFreq {
    fn name(&self) -> &'static str {
        "gp-topfreq"
    }

    fn score(&self, subject: Subject<'_>, scratch: &mut Scratch) {
        for &item in subject.baskets.iter().flatten() {
            scratch.items.add(item, 1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::best;
    use super::*;
    use crate::baskets::tests::data;

    #[test]
    fn own_items_by_frequency_then_popularity() {
        let data = data(&[&["xy", "x", "z"], &["abz", "ab", "a"], &["b"], &["b"]]);
        assert_eq!(best(&GpTopFreq, &data, Some(0), 5), "xzyba", "z and y once each: z is in more baskets");
    }
}
