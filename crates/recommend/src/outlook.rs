//! Whether a shopper buys within so many days, calibrated. The features are those of customer-base analysis: recency,
//! frequency and the rhythm between purchases (Fader, Hardie and Lee 2005, "RFM and CLV"; Platzer and Reutterer 2016 on
//! regularity), and what the shopper did besides buying; boosted trees weigh them.
//!
//! Trees learn from what happened in the window before the last one, the map to probabilities ([`crate::calibrate`]) from
//! the last one: neither has seen what the other learned from.

use domain::ids::{ShopperId, mix};

use crate::baskets::Dataset;
use crate::boost::{Forest, Params, Rows};
use crate::calibrate::{Calibrator, Case, Kind, Quality, choose};

/// Shoppers that are learned from, spread evenly over all.
const MAX_SHOPPERS: usize = 20_000;

/// Fewer shoppers than this teach nothing.
const MIN_SHOPPERS: usize = 200;

/// Outcomes of each kind that calibration needs.
const MIN_OUTCOMES: usize = 20;

/// Windows before the last one that trees learn from, where behaviour reaches so far back.
const WINDOWS: u32 = 3;

const DAY_S: u32 = 86_400;
const WIDTH: usize = 10;

/// What is known of one shopper: times in Unix seconds, ascending.
#[derive(Debug, Clone, Copy, Default)]
pub struct Past<'a> {
    pub purchases_s: &'a [u32],
    /// Views, searches, reviews and sign-ins.
    pub acts_s: &'a [u32],
}

/// What fitting learned.
#[derive(Debug, Clone)]
pub struct Outlook {
    horizon_days: u32,
    /// The last basket that it knows of, Unix seconds.
    until_s: u32,
    forest: Forest,
    calibrator: Calibrator,
    quality: Quality,
}

/// What is counted of a past up to a moment; nothing for somebody who had bought nothing by then.
fn features(past: Past<'_>, now_s: u32) -> Option<[f32; WIDTH]> {
    let bought = &past.purchases_s[..past.purchases_s.partition_point(|at| *at <= now_s)];
    let acts = &past.acts_s[..past.acts_s.partition_point(|at| *at <= now_s)];
    let (first, last) = (*bought.first()?, *bought.last()?);
    let days = |seconds: u32| f64::from(seconds) / f64::from(DAY_S);
    let (tenure, recency) = (days(now_s - first), days(now_s - last));
    let gaps: Vec<f64> = bought.windows(2).map(|pair| days(pair[1] - pair[0])).collect();
    let mean_gap = if gaps.is_empty() { tenure.max(1.0) } else { gaps.iter().sum::<f64>() / gaps.len() as f64 };
    let spread = gaps.iter().map(|gap| (gap - mean_gap).powi(2)).sum::<f64>() / gaps.len().max(1) as f64;
    let within = |times: &[u32], days: u32| {
        let from = now_s.saturating_sub(days * DAY_S);
        (times.len() - times.partition_point(|at| *at <= from)) as f64
    };
    let since_act = acts.last().map_or(recency, |at| days(now_s - *at).min(recency));
    let all = [
        recency.ln_1p(),
        (bought.len() as f64).ln_1p(),
        mean_gap.ln_1p(),
        (recency / mean_gap.max(0.25)).ln_1p(),
        tenure.ln_1p(),
        within(bought, 30),
        within(bought, 90),
        spread.sqrt() / mean_gap.max(0.25),
        within(acts, 7).ln_1p(),
        since_act.ln_1p(),
    ];
    Some(all.map(|value| value as f32))
}

impl Outlook {
    /// Learns from everybody. `acts` gives a shopper's other acts. `None` where there are too few shoppers, or less than
    /// three windows of `horizon_days`.
    pub fn fit<'a>(
        data: &Dataset,
        acts: &(dyn Fn(ShopperId) -> &'a [u32] + Sync),
        horizon_days: u32,
        threads: usize,
    ) -> Option<Outlook> {
        let horizon_s = horizon_days * DAY_S;
        let (first, end) = span(data)?;
        if end - first < 3 * horizon_s {
            return None;
        }
        let cut = end - horizon_s;
        let mut rows = Rows::new(WIDTH);
        // Logits of the trees come later: what a case says is its features and its outcome.
        let mut last: Vec<([f32; WIDTH], bool, ShopperId)> = Vec::new();
        for place in (0..data.len()).step_by(data.len().div_ceil(MAX_SHOPPERS).max(1)) {
            let (shopper, purchases) = (data.shopper(place), purchases(data, place));
            let past = Past { purchases_s: &purchases, acts_s: acts(shopper) };
            let buys = |from: u32| {
                let next = purchases.partition_point(|at| *at <= from);
                purchases.get(next).is_some_and(|at| *at <= from + horizon_s)
            };
            for window in 1..=WINDOWS {
                let Some(from) = cut.checked_sub(window * horizon_s).filter(|from| *from >= first) else { break };
                if let Some(features) = features(past, from) {
                    rows.push(&features, buys(from), 1.0);
                }
            }
            if let Some(features) = features(past, cut) {
                last.push((features, buys(cut), shopper));
            }
        }
        let yes = last.iter().filter(|(_, bought, _)| *bought).count();
        if last.len() < MIN_SHOPPERS || rows.len() < MIN_SHOPPERS || yes.min(last.len() - yes) < MIN_OUTCOMES {
            return None;
        }
        let params = Params { trees: 60, leaves: 15, ..Params::default() };
        let forest = Forest::fit(&rows, params, threads);
        let cases: Vec<Case> = last
            .iter()
            .map(|(features, bought, _)| Case { probabilities: raw(&forest, features), answer: usize::from(!bought) })
            .collect();
        let half = |place: usize| mix(last[place].2.0) & 1 == 0;
        let calibrator = choose(&cases, half);
        let quality = held_out(&cases, half, &calibrator);
        Some(Outlook { horizon_days, until_s: end, forest, calibrator, quality })
    }

    /// The probability that somebody buys within the horizon after a moment (Unix milliseconds); `None` for who never
    /// bought before it, and where the whole shop has sold nothing for as long: history that was imported years later says
    /// nothing of today.
    pub fn buys(&self, past: Past<'_>, now_ms: i64) -> Option<f64> {
        let now_s = u32::try_from(now_ms.div_euclid(1_000)).ok()?;
        if now_s > self.until_s.saturating_add(self.horizon_days * DAY_S) {
            return None;
        }
        let features = features(past, now_s)?;
        self.calibrator.apply(&raw(&self.forest, &features)).first().copied()
    }

    /// Days that it looks ahead.
    pub fn horizon_days(&self) -> u32 {
        self.horizon_days
    }

    /// How good the probabilities are on shoppers whom their map was not fitted on.
    pub fn quality(&self) -> &Quality {
        &self.quality
    }
}

/// Yes and no by the trees alone.
fn raw(forest: &Forest, features: &[f32; WIDTH]) -> Vec<f64> {
    let yes = 1.0 / (1.0 + (-f64::from(forest.logit(features))).exp());
    vec![yes, 1.0 - yes]
}

/// Each half measured with a map of the chosen kind that was fitted on the other.
fn held_out(cases: &[Case], half: impl Fn(usize) -> bool, chosen: &Calibrator) -> Quality {
    let kind = match chosen {
        Calibrator::Identity => Kind::Identity,
        Calibrator::Temperature { .. } => Kind::Temperature,
        Calibrator::Platt { .. } => Kind::Platt,
        Calibrator::Isotonic { .. } => Kind::Isotonic,
    };
    let half = &half;
    let of = |side: bool| (0..cases.len()).filter(move |place| half(*place) == side).map(move |place| &cases[place]);
    let mut mapped = Vec::with_capacity(cases.len());
    for side in [true, false] {
        let map = kind.fit(&of(!side).collect::<Vec<_>>());
        mapped.extend(of(side).map(|case| map.of(case)));
    }
    Quality::of(&mapped)
}

fn purchases(data: &Dataset, place: usize) -> Vec<u32> {
    let baskets = data.baskets(place);
    (0..baskets.len()).map(|basket| (baskets.at_ms(basket) / 1_000) as u32).collect()
}

/// The first and the last basket of all, Unix seconds.
fn span(data: &Dataset) -> Option<(u32, u32)> {
    let ends = |place: usize| {
        let baskets = data.baskets(place);
        let last = baskets.len().checked_sub(1)?;
        Some(((baskets.at_ms(0) / 1_000) as u32, (baskets.at_ms(last) / 1_000) as u32))
    };
    (0..data.len()).filter_map(ends).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baskets::Builder;

    /// Evenly from 0 to 1, by place.
    fn unit(a: u64, b: u64) -> f64 {
        (mix(mix(a) ^ b) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Days on which a shopper buys: a rhythm of their own until they leave for good (Pareto/NBD's story).
    fn days(shopper: u64) -> Vec<f64> {
        let mean_gap = 5.0 + 60.0 * unit(shopper, 1).powi(2);
        let leaves = 600.0 * unit(shopper, 3) + 30.0 - 250.0 * (1.0 - unit(shopper, 2)).ln();
        let (mut day, mut days, mut n) = (600.0 * unit(shopper, 3), Vec::new(), 10);
        while day < 720.0 && (days.is_empty() || day < leaves) {
            days.push(day);
            n += 1;
            day -= mean_gap * (1.0 - unit(shopper, n)).ln();
        }
        days
    }

    fn shop(shoppers: u64, until: f64) -> Dataset {
        let mut builder = Builder::default();
        let item = builder.catalogue().intern("a", "a", "").expect("room");
        for shopper in 0..shoppers {
            for (order, day) in (0..).zip(days(shopper)).take_while(|(_, day)| *day <= until) {
                builder.add_line(ShopperId(shopper), order, (day * 86_400_000.0) as i64, item);
            }
        }
        builder.build()
    }

    /// The expected calibration error of the stated probabilities over ten bins, and the log loss.
    fn measured(outlook: &Outlook, shoppers: u64, now: f64) -> (f64, f64, f64) {
        let (mut bins, mut loss, mut n, mut yes) = ([(0.0, 0.0); 10], 0.0, 0.0, 0.0);
        for shopper in 0..shoppers {
            let all = days(shopper);
            let past: Vec<u32> = all.iter().filter(|day| **day <= now).map(|day| (day * 86_400.0) as u32).collect();
            let past = Past { purchases_s: &past, acts_s: &[] };
            let Some(p) = outlook.buys(past, (now * 86_400_000.0) as i64) else { continue };
            assert!((0.0..=1.0).contains(&p));
            let bought = all.iter().any(|day| *day > now && *day <= now + f64::from(outlook.horizon_days()));
            let outcome = f64::from(u8::from(bought));
            let bin = &mut bins[((p * 10.0) as usize).min(9)];
            *bin = (bin.0 + p, bin.1 + outcome);
            loss -= if bought { p.max(1e-9).ln() } else { (1.0 - p).max(1e-9).ln() };
            (n, yes) = (n + 1.0, yes + outcome);
        }
        let base = yes / n;
        let base_loss = -(base * base.ln() + (1.0 - base) * (1.0 - base).ln());
        (bins.iter().map(|(stated, met)| (stated - met).abs()).sum::<f64>() / n, loss / n, base_loss)
    }

    #[test]
    fn probabilities_of_a_made_up_shop_are_met() {
        const SHOPPERS: u64 = 4_000;
        let data = shop(SHOPPERS, 610.0);
        for (horizon, most) in [(30, 0.03), (90, 0.05)] {
            let outlook = Outlook::fit(&data, &|_| &[], horizon, 2).expect("enough to learn from");
            let (ece, loss, base) = measured(&outlook, SHOPPERS, 610.0);
            assert!(ece <= most, "{horizon} days: the stated are off by {ece}");
            assert!(loss < 0.8 * base, "{horizon} days: {loss} against {base} of the mere share");
            assert!(outlook.quality().ece <= most, "{horizon} days: {:?}", outlook.quality());
        }
    }

    #[test]
    fn too_little_says_nothing() {
        let none = |data: &Dataset, horizon| Outlook::fit(data, &|_| &[], horizon, 1).is_none();
        assert!(none(&Builder::default().build(), 30), "nobody");
        assert!(none(&shop(100, 330.0), 30), "few shoppers");
        assert!(none(&shop(1_000, 80.0), 30), "less than three windows");
        let outlook = Outlook::fit(&shop(1_000, 330.0), &|_| &[], 30, 1).expect("enough");
        assert_eq!(outlook.buys(Past::default(), 0), None, "never bought");
        let past = Past { purchases_s: &[100], acts_s: &[] };
        assert_eq!(outlook.buys(past, 99_000), None, "not yet");
        assert_eq!(outlook.buys(past, -1), None, "before all time");
        assert_eq!(outlook.buys(past, 361 * 86_400_000), None, "long after the shop's last sale");
        assert!(outlook.buys(past, i64::MAX).is_none() && outlook.buys(past, 100_000).is_some());
    }

    #[test]
    fn who_looks_around_is_nearer_to_buying() {
        // Everybody buys about once a month, each from another day on, until they stop; three days before they buy again
        // they look around.
        let mut builder = Builder::default();
        let item = builder.catalogue().intern("a", "a", "").expect("room");
        let mut acts: Vec<Vec<u32>> = Vec::new();
        for shopper in 0..1_000u64 {
            let (stops, first) = (4 + mix(shopper) % 8, mix(shopper ^ 0xabc) % 30);
            let mut looked = Vec::new();
            for month in 0..stops {
                let day = first + month * 30 + mix(shopper ^ month << 32) % 9;
                builder.add_line(ShopperId(shopper), month, (day * 86_400_000) as i64, item);
                if month > 0 {
                    looked.push(((day - 3) * 86_400) as u32);
                }
            }
            acts.push(looked);
        }
        let of = |shopper: ShopperId| acts[shopper.0 as usize].as_slice();
        let outlook = Outlook::fit(&builder.build(), &of, 30, 1).expect("enough");
        let purchases: Vec<u32> = (0..5).map(|month| month * 30 * DAY_S).collect();
        let now_ms = i64::from(5 * 30 * DAY_S) * 1_000;
        let with = |acts_s: &[u32]| outlook.buys(Past { purchases_s: &purchases, acts_s }, now_ms).expect("bought");
        let before: Vec<u32> = (1..5).map(|month| (month * 30 - 3) * DAY_S).collect();
        let now: Vec<u32> = before.iter().copied().chain([(5 * 30 - 1) * DAY_S]).collect();
        assert!(with(&now) > with(&before), "{} and {}", with(&now), with(&before));
    }
}
