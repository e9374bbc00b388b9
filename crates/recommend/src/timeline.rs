//! When a basket was bought, told by the share of all baskets that were bought earlier: only the order of times counts, so
//! that a shop's quiet months and its clock's errors weigh nothing.

use crate::baskets::Dataset;

/// The times of all baskets: 4 bytes each.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    /// Unix seconds, ascending.
    at_s: Vec<u32>,
}

impl Timeline {
    /// Sorts the times of a data set.
    pub fn new(data: &Dataset) -> Timeline {
        let mut at_s: Vec<u32> = Vec::with_capacity(data.basket_count());
        for place in 0..data.len() {
            let baskets = data.baskets(place);
            at_s.extend((0..baskets.len()).map(|basket| (baskets.at_ms(basket) / 1_000) as u32));
        }
        at_s.sort_unstable();
        Timeline { at_s }
    }

    /// The share of baskets bought before this moment, 0 to 1.
    pub fn share(&self, at_ms: i64) -> f32 {
        let earlier = self.at_s.partition_point(|&at| i64::from(at) * 1_000 < at_ms);
        earlier as f32 / self.at_s.len().max(1) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baskets::tests::data;

    #[test]
    fn shares_go_by_order() {
        let timeline = Timeline::new(&data(&[&["a", "b"], &["a", "b"]]));
        for (day, want) in [(-1, 0.0), (0, 0.0), (1, 0.5), (2, 1.0)] {
            assert_eq!(timeline.share(day * 86_400_000), want, "day {day}");
        }
        assert_eq!(Timeline::default().share(5), 0.0);
    }
}
