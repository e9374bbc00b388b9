//! What several plays say of one more: prediction intervals.
//!
//! With enough rounds the interval lies between two of them in order of size: of `R` plays and one more, each is the
//! smallest with the same probability, so the next one lies below the `k`-th of `R` with probability `k / (R + 1)` (Wilks
//! 1941). With 199 rounds the smallest and the largest make 99 %, the tenth from either end 90 %; with 19 the ends make 90 %.
//! With fewer it is Student's `mean ± t s √(1 + 1/R)` (Fisher 1935), which takes the figures for normal; of many draws they are.

use serde::Serialize;

/// Both ends of an interval, inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Interval {
    pub low: i64,
    pub high: i64,
}

/// A figure over all rounds, and where the next play's lies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Over the rounds, rounded to 2 decimals.
    pub mean: f64,
    pub interval_90: Interval,
    pub interval_99: Interval,
}

/// Chances in a thousand that the next figure lies below the interval, and as many that it lies above.
const TAIL_90: usize = 50;
const TAIL_99: usize = 5;

/// Quantiles of Student's t, 95 % and 99.5 %, by degrees of freedom (Gosset 1908), for [`super::ROUNDS`].
const T: [(usize, f64, f64); 3] = [(3, 2.353, 5.841), (8, 1.860, 3.355), (18, 1.734, 2.878)];

impl Spread {
    /// Of the figures of all rounds, in any order.
    pub fn of(figures: impl Iterator<Item = i64>) -> Self {
        let mut sorted: Vec<i64> = figures.collect();
        sorted.sort_unstable();
        let mean = mean(&sorted);
        Spread {
            mean: (mean * 100.0).round() / 100.0,
            interval_90: interval(&sorted, mean, TAIL_90),
            interval_99: interval(&sorted, mean, TAIL_99),
        }
    }
}

fn mean(figures: &[i64]) -> f64 {
    figures.iter().map(|x| i128::from(*x)).sum::<i128>() as f64 / figures.len().max(1) as f64
}

fn interval(sorted: &[i64], mean: f64, tail: usize) -> Interval {
    let Some((first, last)) = sorted.first().zip(sorted.last()) else { return Interval { low: 0, high: 0 } };
    let place = (sorted.len() + 1) * tail / 1_000;
    if place > 0 {
        return Interval { low: sorted[place - 1], high: sorted[sorted.len() - place] };
    }
    let Some((_, t_90, t_99)) = T.iter().find(|(degrees, ..)| degrees + 1 == sorted.len()) else {
        return Interval { low: *first, high: *last };
    };
    let n = sorted.len() as f64;
    let variance = sorted.iter().map(|x| (*x as f64 - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let wide = if tail == TAIL_90 { t_90 } else { t_99 } * variance.sqrt() * (1.0 + 1.0 / n).sqrt();
    // Counts and costs are never below 0.
    Interval { low: ((mean - wide).floor() as i64).max(0), high: (mean + wide).ceil() as i64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearse::ROUNDS;
    use crate::rehearse::crowd::Dice;

    #[test]
    fn enough_rounds_are_counted_off_and_few_are_taken_for_normal() {
        let of = |count: i64| Spread::of((1..=count).rev());
        let ends = |i: Interval| (i.low, i.high);
        assert_eq!(of(199).mean, 100.0);
        assert_eq!((ends(of(199).interval_90), ends(of(199).interval_99)), ((10, 190), (1, 199)));
        assert_eq!(ends(of(19).interval_90), (1, 19));
        assert_eq!(ends(of(19).interval_99), (0, 27), "10 ± 2.878 * 5.627 * 1.026, and never below 0");
        assert_eq!(ends(Spread::of([100, 102, 98, 100].into_iter()).interval_90), (95, 105));
        assert_eq!(ends(Spread::of([7; 4].into_iter()).interval_99), (7, 7), "what never varies");
    }

    /// Of many next plays as many lie inside as the interval says, whatever the number of rounds.
    #[test]
    fn the_next_play_lies_inside_as_often_as_promised() {
        let mut dice = Dice::of(1, 0);
        // A sum of twelve uniform numbers is normal enough.
        let mut figure = || 100_000 + (0..12).map(|_| dice.below(10_001) as i64 - 5_000).sum::<i64>();
        for rounds in ROUNDS {
            let (mut inside_90, mut inside_99) = (0, 0);
            const PLAYS: i32 = 2_000;
            for _ in 0..PLAYS {
                let spread = Spread::of((0..rounds).map(|_| figure()));
                let next = figure();
                inside_90 += i32::from((spread.interval_90.low..=spread.interval_90.high).contains(&next));
                inside_99 += i32::from((spread.interval_99.low..=spread.interval_99.high).contains(&next));
            }
            // 5 sigma of a count out of 2,000 is 67 at 90 % and 22 at 99 %.
            assert!((inside_90 - 1_800).abs() < 67, "{rounds} rounds: {inside_90} of {PLAYS} inside the 90 %");
            assert!((inside_99 - 1_980).abs() < 22, "{rounds} rounds: {inside_99} of {PLAYS} inside the 99 %");
        }
    }
}
