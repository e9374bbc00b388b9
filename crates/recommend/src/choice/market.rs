//! What all shoppers together say of the groups at one moment, and what follows for one shopper and one group.

use super::past::{GroupId, Past};

/// Groups whose pairs are counted, the most bought ones: 4 MB of lifts. For the others no pair speaks.
pub const MAX_PAIRED: usize = 1_024;

/// Groups of one shopper that are paired with each other, those bought most: a house account has them all.
const MAX_PAIRED_OF_ONE: usize = 128;

/// How many features a shopper and a group have.
pub const FEATURES: usize = 18;

/// A shopper's features of one group.
pub type Features = [f64; FEATURES];

/// Strength of the popularity prior in personal frequencies: a strong one for who bought little, a weak one for what
/// is out of the ordinary.
const PRIORS: [f64; 3] = [10.0, 100.0, 30.0];

/// Joint buyers that chance alone could make: they pull a lift towards 1.
const LIFT_PRIOR: f64 = 5.0;

/// The market at one moment.
#[derive(Debug, Clone)]
pub struct Market {
    /// By group: its share of all lines, and of the recent ones; both above 0.
    share: Vec<f64>,
    recent_share: Vec<f64>,
    /// By group: the logarithm of lines per buyer.
    loyalty: Vec<f64>,
    /// By group: its row in `lifts`.
    paired: Vec<Option<u16>>,
    lifts: Vec<f32>,
    rows: usize,
}

impl Market {
    /// Sums the pasts up. `groups` is how many groups there are.
    pub fn new(pasts: &[Past], groups: usize) -> Market {
        let (mut lines, mut recent, mut buyers) = (vec![0.5; groups], vec![0.5; groups], vec![1.0; groups]);
        for bought in pasts.iter().flat_map(|past| &past.groups) {
            let group = bought.group as usize;
            lines[group] += bought.times;
            recent[group] += bought.recent;
            buyers[group] += 1.0;
        }
        let shares = |counts: &[f64]| {
            let sum: f64 = counts.iter().sum();
            counts.iter().map(|count| count / sum).collect::<Vec<f64>>()
        };
        let mut market = Market {
            share: shares(&lines),
            recent_share: shares(&recent),
            loyalty: lines.iter().zip(&buyers).map(|(lines, buyers)| ((lines + 0.5) / buyers).ln()).collect(),
            paired: vec![None; groups],
            lifts: Vec::new(),
            rows: groups.min(MAX_PAIRED),
        };
        let mut order: Vec<usize> = (0..groups).collect();
        order.sort_unstable_by(|&a, &b| lines[b].total_cmp(&lines[a]).then(a.cmp(&b)));
        for (row, &group) in order.iter().take(MAX_PAIRED).enumerate() {
            market.paired[group] = Some(row as u16);
        }
        market.count_pairs(pasts, &order, &buyers);
        market
    }

    /// The logarithm of lift (joint buyers against what independence would make), shrunk towards 0.
    fn count_pairs(&mut self, pasts: &[Past], order: &[usize], buyers: &[f64]) {
        let rows = self.rows;
        let mut joint = vec![0f32; rows * rows];
        for past in pasts {
            let mut own: Vec<(f64, usize)> = past
                .groups
                .iter()
                .filter_map(|bought| Some((bought.times, usize::from(self.paired[bought.group as usize]?))))
                .collect();
            if own.len() > MAX_PAIRED_OF_ONE {
                own.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
                own.truncate(MAX_PAIRED_OF_ONE);
            }
            for (_, a) in &own {
                own.iter().for_each(|(_, b)| joint[a * rows + b] += 1.0);
            }
        }
        let shoppers = pasts.iter().filter(|past| !past.is_empty()).count().max(1) as f64;
        for (a, &from) in order.iter().take(rows).enumerate() {
            for (b, &to) in order.iter().take(rows).enumerate() {
                let by_chance = buyers[from] * buyers[to] / shoppers;
                let lift =
                    ((f64::from(joint[a * rows + b]) + by_chance + LIFT_PRIOR) / (2.0 * by_chance + LIFT_PRIOR)).ln();
                joint[a * rows + b] = if a == b { 0.0 } else { lift as f32 };
            }
        }
        self.lifts = joint;
    }

    /// The logarithm of a group's share of all lines.
    pub fn log_share(&self, group: GroupId) -> f64 {
        self.share[group as usize].ln()
    }

    /// A shopper's share of lines of a group, smoothed by everybody's with the strength of `prior` lines.
    pub fn frequency(&self, past: &Past, group: GroupId, prior: f64) -> f64 {
        let times = past.of(group).map_or(0.0, |bought| bought.times);
        (times + prior * self.share[group as usize]) / (past.total + prior)
    }

    /// How strongly one group draws another, 0 where nothing is known.
    pub fn lift(&self, from: GroupId, to: GroupId) -> f64 {
        match (self.paired[from as usize], self.paired[to as usize]) {
            (Some(from), Some(to)) => f64::from(self.lifts[usize::from(from) * self.rows + usize::from(to)]),
            _ => 0.0,
        }
    }

    /// What speaks for a group in what else the shopper bought.
    fn pull(&self, past: &Past, group: GroupId) -> f64 {
        let (mut sum, mut weight) = (0.0, 2.0);
        for bought in &past.groups {
            let counts = bought.times.ln_1p();
            sum += counts * self.lift(bought.group, group);
            weight += counts;
        }
        sum / weight
    }

    /// What is known of a shopper and a group.
    pub fn features(&self, past: &Past, group: GroupId) -> Features {
        let [weak, strong, recently] = PRIORS;
        let (share, recent_share) = (self.share[group as usize], self.recent_share[group as usize]);
        let bought = past.of(group);
        let times = bought.map_or(0.0, |b| b.times.ln_1p());
        let lately = bought.map_or(0.0, |b| b.lately.ln_1p());
        let recent = bought.map_or(0.0, |b| b.recent);
        let ever = f64::from(u8::from(bought.is_some()));
        let days_ago = bought.map_or(0.0, |b| b.days_ago.max(0.0).ln_1p());
        let strong = self.frequency(past, group, strong).ln();
        let activity = past.total.ln_1p();
        let loyalty = self.loyalty[group as usize];
        [
            self.frequency(past, group, weak).ln(),
            strong,
            ((recent + recently * recent_share) / (past.recent + recently)).ln(),
            times,
            ever,
            lately,
            recent.ln_1p(),
            days_ago,
            share.ln(),
            recent_share.ln(),
            self.pull(past, group),
            share.ln() * activity,
            ever * activity,
            times * activity,
            loyalty,
            ever * loyalty,
            share.ln() * share.ln(),
            strong * strong,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_lifts_and_frequencies_are_those_of_the_lines() {
        let past = |groups: &[GroupId]| Past::of_lines(groups.iter().map(|&group| (group, 1.0)).collect());
        let mut pasts: Vec<Past> = (0..20).map(|_| past(&[0, 1])).collect();
        pasts.extend((0..20).map(|_| past(&[2, 2])));
        let market = Market::new(&pasts, 4);
        assert!(market.lift(0, 1) > 0.2 && market.lift(0, 2) < 0.0 && market.lift(0, 0) == 0.0);
        assert!((0..4).map(|group| market.log_share(group).exp()).sum::<f64>() - 1.0 < 1e-9);
        assert!(
            market.frequency(&pasts[0], 0, 1.0) > market.frequency(&pasts[0], 2, 1.0),
            "what was bought, lightly smoothed"
        );
        let unknown = Past::default();
        let share = market.log_share(2).exp();
        assert!((market.frequency(&unknown, 2, 10.0) - share).abs() < 1e-12, "without a past popularity decides");
        for group in 0..4 {
            assert!(market.features(&unknown, group).iter().all(|feature| feature.is_finite()));
        }
    }
}
