//! What a campaign can afford to show: the stock forecast and cost of its prizes, and the policy of composing.

use domain::ids::mix;

/// What is left of a prize and how fast it goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Supply {
    /// Units left; `None`: as many as are wanted.
    pub left: Option<u64>,
    /// Units expected to be won until the campaign ends, if everybody were shown the prize.
    pub wanted: f64,
    /// What a unit costs, minor units.
    pub cost_cents: i64,
}

impl Default for Supply {
    fn default() -> Supply {
        Supply { left: None, wanted: 0.0, cost_cents: 0 }
    }
}

impl Supply {
    /// The share of shoppers who may be shown the prize so that it lasts until the end.
    pub fn share(&self) -> f64 {
        match self.left {
            Some(left) if self.wanted > left as f64 => left as f64 / self.wanted,
            Some(0) => 0.0,
            _ => 1.0,
        }
    }
}

/// What composing keeps to besides what shoppers want.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Policy {
    /// By prize; a prize beyond the end is ample and free.
    pub supply: Vec<Supply>,
    /// By tier: what its slots may cost on average, minor units; `None` or beyond the end: anything.
    pub mean_cost_cents: Vec<Option<i64>>,
    /// The share of shoppers, 0 to 1, whose last slot of each tier of three slots or more is a prize drawn evenly from
    /// those they would not see: the exposure floor of the long tail, and something new.
    pub explore_share: f64,
}

impl Policy {
    /// Whether a prize is meant for this shopper, as far as its stock goes. The same shopper gets the same answer while
    /// the forecast is the same, and keeps a "no" when it falls.
    pub(crate) fn lasts(&self, prize: usize, seed: u64) -> bool {
        self.supply.get(prize).is_none_or(|supply| unit(seed, prize as u64, 0x57) < supply.share())
    }

    /// Whether this shopper's tier has a slot for the long tail.
    pub(crate) fn explores(&self, tier: usize, seed: u64) -> bool {
        self.explore_share > 0.0 && unit(seed, tier as u64, 0xe7) < self.explore_share
    }

    pub(crate) fn cost_cents(&self, prize: usize) -> i64 {
        self.supply.get(prize).map_or(0, |supply| supply.cost_cents)
    }

    pub(crate) fn mean_cost_cents(&self, tier: usize) -> Option<i64> {
        self.mean_cost_cents.get(tier).copied().flatten()
    }
}

/// Which strategy a shopper gets, so that the report can say what personalisation was worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Arm {
    /// Any prizes.
    Random,
    /// What most shoppers want.
    Popular,
    /// What this shopper wants.
    Personal,
}

impl Arm {
    /// The word of reports.
    pub fn word(self) -> &'static str {
        match self {
            Arm::Random => "random",
            Arm::Popular => "popular",
            Arm::Personal => "personal",
        }
    }
}

/// Shares of shoppers in the arms that personalisation is measured against.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Arms {
    pub random: f64,
    pub popular: f64,
}

impl Arms {
    /// A shopper's arm in a campaign: stable, and of one campaign independent of another's. When a share grows, only
    /// shoppers of the personal arm and of the one in between change.
    pub fn of(self, shopper: u64, campaign: u64) -> Arm {
        let place = unit(shopper, campaign, 0xa4);
        if place < self.random {
            Arm::Random
        } else if place < self.random + self.popular {
            Arm::Popular
        } else {
            Arm::Personal
        }
    }
}

/// A number from 0 to 1, evenly, the same for the same words.
fn unit(a: u64, b: u64, salt: u64) -> f64 {
    (mix(mix(a ^ salt << 56) ^ b) >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stock_is_shared_out_until_the_end() {
        let check = |left, wanted, want: f64| {
            let supply = Supply { left, wanted, cost_cents: 0 };
            assert_eq!(supply.share(), want, "{supply:?}");
            let policy = Policy { supply: vec![supply], ..Policy::default() };
            let shown = (0..10_000).filter(|&seed| policy.lasts(0, seed)).count() as f64 / 10_000.0;
            assert!((shown - want).abs() < 0.02, "{supply:?}: {shown}");
        };
        check(None, 1e9, 1.0);
        check(Some(0), 0.0, 0.0);
        check(Some(0), 5.0, 0.0);
        check(Some(10), 5.0, 1.0);
        check(Some(10), 40.0, 0.25);
        assert!(Policy::default().lasts(3, 1), "what is not said is ample");
    }

    #[test]
    fn arms_are_stable_and_as_large_as_asked() {
        let arms = Arms { random: 0.1, popular: 0.2 };
        let count = |arm| (0..10_000u64).filter(|&shopper| arms.of(shopper, 7) == arm).count();
        let (random, popular, personal) = (count(Arm::Random), count(Arm::Popular), count(Arm::Personal));
        assert!(random.abs_diff(1_000) < 150 && popular.abs_diff(2_000) < 200 && personal.abs_diff(7_000) < 250);
        let larger = Arms { random: 0.15, ..arms };
        assert!((0..10_000).all(|s| arms.of(s, 7) != Arm::Random || larger.of(s, 7) == Arm::Random));
        assert!((0..10_000).any(|s| arms.of(s, 7) != arms.of(s, 8)), "another campaign, other shoppers");
        assert!((0..100).all(|s| Arms::default().of(s, 7) == Arm::Personal));
    }
}
