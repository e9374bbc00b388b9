//! What personalisation was worth: shoppers of the arms side by side, who bought after they first drew and for how much.
//! Intervals are of 95 %: of a share after Wilson (1927), of a difference of shares after Newcombe (1998, "Interval
//! estimation for the difference between independent proportions", method 10), of means after Welch (1947) with the
//! normal quantile, for which arms are large enough.

use serde::Serialize;

use crate::supply::Arm;

/// The normal quantile of a two-sided interval of 95 %.
const Z: f64 = 1.959_964;

/// What one shopper did after the first draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    pub arm: Arm,
    pub bought: bool,
    pub spend_cents: i64,
}

/// A figure with the interval around it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// What became of one arm's shoppers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ArmReport {
    pub arm: &'static str,
    /// Who drew.
    pub shoppers: u64,
    pub bought_after: u64,
    /// Their share.
    pub rate: Estimate,
    /// What was spent afterwards, per shopper who drew; `null` of a single one.
    pub mean_spend_cents: Option<Estimate>,
}

/// How much better the personal arm did than another.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Lift {
    pub against: &'static str,
    /// Difference of the shares.
    pub rate: Estimate,
    /// Difference of the means; `null` where an arm has a single shopper.
    pub mean_spend_cents: Option<Estimate>,
    /// Whether 0 is outside of the interval of the shares.
    pub significant: bool,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Worth {
    /// Those that anybody is in.
    pub arms: Vec<ArmReport>,
    pub personal: Vec<Lift>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    shoppers: u64,
    bought: u64,
    spend: f64,
    squares: f64,
}

impl Sums {
    fn rate(&self) -> Estimate {
        let (low, high) = wilson(self.bought, self.shoppers);
        Estimate { value: self.bought as f64 / self.shoppers.max(1) as f64, low, high }
    }

    fn mean(&self) -> f64 {
        self.spend / self.shoppers.max(1) as f64
    }

    /// The square of the mean's standard error; the sample's variance with Bessel's correction.
    fn error_squared(&self) -> Option<f64> {
        let n = self.shoppers as f64;
        (self.shoppers > 1).then(|| ((self.squares - n * self.mean().powi(2)).max(0.0) / (n - 1.0)) / n)
    }

    fn mean_spend(&self) -> Option<Estimate> {
        self.error_squared().map(|squared| around(self.mean(), squared))
    }
}

fn around(value: f64, error_squared: f64) -> Estimate {
    let half = Z * error_squared.sqrt();
    Estimate { value, low: value - half, high: value + half }
}

/// The interval around `hits` of `n`.
fn wilson(hits: u64, n: u64) -> (f64, f64) {
    if n == 0 {
        return (0.0, 1.0);
    }
    let (n, share) = (n as f64, hits as f64 / n as f64);
    let spread = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let (middle, scale) = (share + Z * Z / (2.0 * n), 1.0 + Z * Z / n);
    (((middle - spread) / scale).max(0.0), ((middle + spread) / scale).min(1.0))
}

fn lift(personal: &Sums, other: &Sums, against: Arm) -> Lift {
    let (a, b) = (personal.rate(), other.rate());
    let value = a.value - b.value;
    let low = value - ((a.value - a.low).powi(2) + (b.high - b.value).powi(2)).sqrt();
    let high = value + ((a.high - a.value).powi(2) + (b.value - b.low).powi(2)).sqrt();
    Lift {
        against: against.word(),
        rate: Estimate { value, low, high },
        mean_spend_cents: personal
            .error_squared()
            .zip(other.error_squared())
            .map(|(a, b)| around(personal.mean() - other.mean(), a + b)),
        significant: low > 0.0 || high < 0.0,
    }
}

/// Compares the arms.
pub fn worth(outcomes: impl IntoIterator<Item = Outcome>) -> Worth {
    const ALL: [Arm; 3] = [Arm::Random, Arm::Popular, Arm::Personal];
    let mut sums = [Sums::default(); 3];
    for outcome in outcomes {
        let place = ALL.iter().position(|arm| *arm == outcome.arm).unwrap_or(2);
        let (sum, spend) = (&mut sums[place], outcome.spend_cents as f64);
        sum.shoppers += 1;
        sum.bought += u64::from(outcome.bought);
        sum.spend += spend;
        sum.squares += spend * spend;
    }
    let there: Vec<(Arm, Sums)> = ALL.into_iter().zip(sums).filter(|(_, sum)| sum.shoppers > 0).collect();
    let arms = there.iter().map(|(arm, sum)| ArmReport {
        arm: arm.word(),
        shoppers: sum.shoppers,
        bought_after: sum.bought,
        rate: sum.rate(),
        mean_spend_cents: sum.mean_spend(),
    });
    let others = there.iter().filter(|(arm, _)| *arm != Arm::Personal && sums[2].shoppers > 0);
    Worth { arms: arms.collect(), personal: others.map(|(arm, sum)| lift(&sums[2], sum, *arm)).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arm(arm: Arm, shoppers: usize, bought: usize, cents: i64) -> Vec<Outcome> {
        let one = |n| Outcome { arm, bought: n < bought, spend_cents: if n < bought { cents } else { 0 } };
        (0..shoppers).map(one).collect()
    }

    fn of(parts: &[Vec<Outcome>]) -> Worth {
        worth(parts.concat())
    }

    #[test]
    fn arms_are_compared() {
        let got = of(&[arm(Arm::Random, 80, 48, 100), arm(Arm::Personal, 70, 56, 100)]);
        assert_eq!(
            got.arms.iter().map(|arm| (arm.arm, arm.shoppers, arm.bought_after)).collect::<Vec<_>>(),
            [("random", 80, 48), ("personal", 70, 56),]
        );
        // Newcombe's own example (1998, table II, 56/70 against 48/80): 0.0524 to 0.3339.
        let lift = got.personal[0];
        assert!((lift.rate.value - 0.2).abs() < 1e-9 && lift.significant, "{lift:?}");
        assert!((lift.rate.low - 0.0524).abs() < 1e-4 && (lift.rate.high - 0.3339).abs() < 1e-4, "{lift:?}");
        let spend = lift.mean_spend_cents.expect("many shoppers");
        assert!((spend.value - 20.0).abs() < 1e-9 && spend.low > 0.0 && spend.high < 40.0, "{lift:?}");
    }

    #[test]
    fn little_shows_nothing() {
        assert_eq!(of(&[]), Worth { arms: Vec::new(), personal: Vec::new() });
        assert!(of(&[arm(Arm::Personal, 5, 2, 1)]).personal.is_empty(), "nothing to compare with");
        assert!(of(&[arm(Arm::Random, 5, 2, 1)]).personal.is_empty(), "nothing that is compared");
        let same = of(&[arm(Arm::Random, 10, 5, 100), arm(Arm::Popular, 1, 1, 100), arm(Arm::Personal, 10, 6, 100)]);
        assert!(same.personal.iter().all(|lift| !lift.significant), "{same:?}");
        assert_eq!((same.arms[1].mean_spend_cents, same.personal[1].mean_spend_cents), (None, None), "of a single one");
    }
}
