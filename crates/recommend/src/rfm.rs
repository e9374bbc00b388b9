//! Recency, frequency and monetary value in five steps each (Hughes 1994, "Strategic Database Marketing"), cut where the
//! shop's own shoppers fall into fifths, and the segment that they make.

use serde::{Deserialize, Serialize};

/// Shoppers from which on fifths say something; below, usual borders hold.
const MIN_SHOPPERS: usize = 50;

/// What is ranked of one shopper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub recency_days: i64,
    pub orders: i64,
    pub spend_cents: i64,
}

/// The borders between fifths, ascending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Borders {
    recency_days: [i64; 4],
    orders: [i64; 4],
    spend_cents: [i64; 4],
}

impl Default for Borders {
    /// What is usual in a shop, for one too young to say.
    fn default() -> Borders {
        Borders {
            recency_days: [14, 45, 120, 270],
            orders: [1, 2, 4, 8],
            spend_cents: [5_000, 20_000, 60_000, 200_000],
        }
    }
}

/// Steps 1 to 5, 5 the best, and what they make of a shopper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rfm {
    pub recency: u8,
    pub frequency: u8,
    pub monetary: u8,
    pub segment: Segment,
}

/// The usual eleven segments of the grid of recency by frequency and value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Segment {
    Champions,
    Loyal,
    PotentialLoyalist,
    New,
    Promising,
    NeedsAttention,
    AboutToSleep,
    AtRisk,
    CannotLose,
    Hibernating,
    Lost,
}

impl Segment {
    /// The word of the API.
    pub fn word(self) -> &'static str {
        match self {
            Segment::Champions => "champions",
            Segment::Loyal => "loyal",
            Segment::PotentialLoyalist => "potential_loyalist",
            Segment::New => "new",
            Segment::Promising => "promising",
            Segment::NeedsAttention => "needs_attention",
            Segment::AboutToSleep => "about_to_sleep",
            Segment::AtRisk => "at_risk",
            Segment::CannotLose => "cannot_lose",
            Segment::Hibernating => "hibernating",
            Segment::Lost => "lost",
        }
    }

    /// By recency, and frequency and value together.
    fn of(recency: u8, worth: u8) -> Segment {
        match (recency, worth) {
            (4.., 4..) => Segment::Champions,
            (3, 4..) => Segment::Loyal,
            (4.., 2..=3) => Segment::PotentialLoyalist,
            (5.., _) => Segment::New,
            (4, _) => Segment::Promising,
            (3, 3) => Segment::NeedsAttention,
            (3, _) => Segment::AboutToSleep,
            (_, 5..) => Segment::CannotLose,
            (_, 3 | 4) => Segment::AtRisk,
            (2, _) | (_, 2) => Segment::Hibernating,
            _ => Segment::Lost,
        }
    }
}

impl Borders {
    /// The borders of a shop's shoppers; what is usual where they are few.
    pub fn of(all: &[Standing]) -> Borders {
        if all.len() < MIN_SHOPPERS {
            return Borders::default();
        }
        let fifths = |of: fn(&Standing) -> i64| {
            let mut values: Vec<i64> = all.iter().map(of).collect();
            values.sort_unstable();
            [1, 2, 3, 4].map(|fifth| values[values.len() * fifth / 5])
        };
        Borders {
            recency_days: fifths(|one| one.recency_days),
            orders: fifths(|one| one.orders),
            spend_cents: fifths(|one| one.spend_cents),
        }
    }

    /// Where a shopper stands.
    pub fn place(&self, one: Standing) -> Rfm {
        // A value on a border belongs to the better step: most shoppers of a young shop have one order, and are no worse
        // for it than each other.
        let above = |value: i64, borders: &[i64; 4]| 1 + borders.iter().filter(|border| value > **border).count() as u8;
        let recency = 6 - above(one.recency_days, &self.recency_days);
        let frequency = above(one.orders, &self.orders);
        let monetary = above(one.spend_cents, &self.spend_cents);
        let worth = (frequency + monetary).div_ceil(2);
        Rfm { recency, frequency, monetary, segment: Segment::of(recency, worth) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shoppers_fall_into_fifths() {
        let one = |n: i64| Standing { recency_days: n, orders: 100 - n, spend_cents: (100 - n) * 100 };
        let all: Vec<Standing> = (0..100).map(one).collect();
        let borders = Borders::of(&all);
        for (n, want) in [
            (0, (5, 5, 5, Segment::Champions)),
            (30, (4, 4, 4, Segment::Champions)),
            (50, (3, 3, 3, Segment::NeedsAttention)),
            (70, (2, 2, 2, Segment::Hibernating)),
            (99, (1, 1, 1, Segment::Lost)),
        ] {
            let got = borders.place(one(n));
            assert_eq!((got.recency, got.frequency, got.monetary, got.segment), want, "{n}");
        }
    }

    #[test]
    fn a_young_shop_goes_by_what_is_usual() {
        assert_eq!(Borders::of(&[]), Borders::default());
        for (recency_days, orders, spend_cents, want) in [
            (1, 12, 500_000, Segment::Champions),
            (60, 12, 500_000, Segment::Loyal),
            (1, 1, 1_000, Segment::New),
            (20, 1, 1_000, Segment::Promising),
            (5, 3, 30_000, Segment::PotentialLoyalist),
            (100, 1, 1_000, Segment::AboutToSleep),
            (500, 12, 500_000, Segment::CannotLose),
            (200, 4, 100_000, Segment::AtRisk),
            (400, 2, 10_000, Segment::Hibernating),
            (900, 1, 0, Segment::Lost),
            (i64::MAX, 0, i64::MIN, Segment::Lost),
        ] {
            let got = Borders::default().place(Standing { recency_days, orders, spend_cents });
            assert_eq!(got.segment, want, "{recency_days} {orders} {spend_cents}: {got:?}");
            assert_eq!(serde_json::to_value(got.segment).expect("a word"), want.word());
        }
    }
}
