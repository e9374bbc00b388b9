//! Questions to learn from, made of what shoppers did after earlier moments: one group that was bought in the window
//! after a moment and three that were not, drawn evenly or by popularity. Nothing at or after the last window's end is
//! looked at.

use super::draw::Draw;
use super::evidence::{Lesson, gather};
use super::logit::Choice;
use super::market::{FEATURES, Market};
use super::past::{GroupId, Groups, Past, Pasts};
use crate::baskets::Dataset;

/// Features of an option within a question: those of the group, and what the way of drawing takes off.
pub const N: usize = FEATURES + 2;

/// Shoppers that are learned from at most, evenly picked: more would not change the weights.
pub const MAX_SHOPPERS: usize = 2_500;

/// Questions per shopper, moment and way of drawing.
const PER_SHOPPER: usize = 5;

/// Options that were not bought, in each question.
const WRONG: usize = 3;

/// Tries to draw a wrong option before a question is given up.
const MAX_TRIES: usize = 200;

/// How the options that are not the answer came to be in a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawn {
    Evenly,
    ByPopularity,
}

impl Drawn {
    pub const ALL: [Drawn; 2] = [Drawn::Evenly, Drawn::ByPopularity];

    /// The logarithm of the chance that one wrong option is this group.
    pub fn log_chance(self, market: &Market, group: GroupId, groups: usize) -> f64 {
        match self {
            Drawn::Evenly => -(groups.max(1) as f64).ln(),
            Drawn::ByPopularity => market.log_share(group),
        }
    }
}

/// A question with its answer and the shopper it is about.
#[derive(Debug, Clone)]
pub struct Example {
    pub drawn: Drawn,
    pub shopper: usize,
    /// The options.
    pub groups: Vec<GroupId>,
    pub choice: Choice<N>,
    /// Evidence for the options, with whether it spoke for the answer.
    pub evidence: Vec<Lesson>,
    /// The baseline's utilities: personal frequency at each of [`BASELINE_PRIORS`].
    pub frequency: Vec<[f64; BASELINE_PRIORS.len()]>,
}

/// Strengths of smoothing among which the baseline's is chosen.
pub const BASELINE_PRIORS: [f64; 6] = [10.0, 25.0, 50.0, 100.0, 200.0, 400.0];

/// An option's features in a question whose wrong options were drawn so. A popular option is likelier to be a wrong
/// one when they are drawn by popularity: what its popularity says is taken off, by learned weights.
pub fn option(market: &Market, past: &Past, group: GroupId, drawn: Drawn) -> [f64; N] {
    let features = market.features(past, group);
    let popularity = match drawn {
        Drawn::Evenly => 0.0,
        Drawn::ByPopularity => market.log_share(group),
    };
    std::array::from_fn(|i| match i.checked_sub(FEATURES) {
        None => features[i],
        Some(0) => -popularity,
        Some(_) => popularity * popularity / 10.0,
    })
}

/// Questions about the window from `from_ms` up to `until_ms`, without it.
pub fn examples(data: &Dataset, groups: &Groups, from_ms: i64, until_ms: i64, seed: u64) -> Vec<Example> {
    let pasts = Pasts::new(data, groups, from_ms);
    let market = Market::new(&pasts.of, groups.len());
    let asker = Asker::new(&market, groups.len());
    let step = data.len().div_ceil(MAX_SHOPPERS).max(1);
    let mut examples = Vec::new();
    for shopper in (0..data.len()).step_by(step) {
        let past = &pasts.of[shopper];
        let bought = bought_within(data, groups, shopper, from_ms, until_ms);
        if past.is_empty() || bought.is_empty() {
            continue;
        }
        let mut draw = Draw::new(seed ^ ((shopper as u64) << 20));
        for drawn in Drawn::ALL {
            for number in 0..PER_SHOPPER {
                let Some(options) = asker.ask(&bought, drawn, &mut draw) else { continue };
                let frequency =
                    |&group: &GroupId| BASELINE_PRIORS.map(|prior| market.frequency(past, group, prior).ln());
                let speaks = |(place, &group): (usize, &GroupId)| {
                    gather(&market, past, group, false).into_iter().map(move |piece| (piece, place == 0))
                };
                // One question per shopper teaches how far evidence goes: five would say the same five times.
                let teaches = drawn == Drawn::Evenly && number == 0;
                let evidence = options.iter().enumerate().filter(|_| teaches).flat_map(speaks).collect();
                examples.push(Example {
                    drawn,
                    shopper,
                    groups: options.clone(),
                    evidence,
                    frequency: options.iter().map(frequency).collect(),
                    choice: Choice {
                        options: options.iter().map(|&group| option(&market, past, group, drawn)).collect(),
                        chosen: 0,
                    },
                });
            }
        }
    }
    examples
}

/// The groups a shopper bought within a window, ascending.
fn bought_within(data: &Dataset, groups: &Groups, shopper: usize, from_ms: i64, until_ms: i64) -> Vec<GroupId> {
    let baskets = data.baskets(shopper);
    let mut bought: Vec<GroupId> = (0..baskets.len())
        .filter(|&place| (from_ms..until_ms).contains(&baskets.at_ms(place)))
        .flat_map(|place| baskets.items(place))
        .map(|&item| groups.of(item))
        .collect();
    bought.sort_unstable();
    bought.dedup();
    bought
}

/// Draws options.
struct Asker {
    /// Shares of lines summed up, by group.
    sums: Vec<f64>,
}

impl Asker {
    fn new(market: &Market, groups: usize) -> Asker {
        let mut sum = 0.0;
        let summed = |group| {
            sum += market.log_share(group).exp();
            sum
        };
        Asker { sums: (0..groups as GroupId).map(summed).collect() }
    }

    /// The answer, then the wrong options; `None` where too few groups were not bought.
    fn ask(&self, bought: &[GroupId], drawn: Drawn, draw: &mut Draw) -> Option<Vec<GroupId>> {
        let mut options = vec![bought[draw.below(bought.len())]];
        for _ in 0..MAX_TRIES {
            let group = match drawn {
                Drawn::Evenly => draw.below(self.sums.len()),
                Drawn::ByPopularity => {
                    let at = draw.unit() * self.sums.last().copied().unwrap_or(0.0);
                    self.sums.partition_point(|sum| *sum <= at).min(self.sums.len() - 1)
                }
            } as GroupId;
            if bought.binary_search(&group).is_err() && !options.contains(&group) {
                options.push(group);
                if options.len() > WRONG {
                    return Some(options);
                }
            }
        }
        None
    }
}
