//! Evidence for an answer, ranked by how much it can be relied on: a learned P(decision right | evidence), after
//! CalibRAG (Jang et al. 2024), not by similarity. A piece of evidence speaks for one option; it was right when that
//! option was the answer. Where the answer is not sure, the query is widened: more pairs, and what everybody buys.

use super::logit::{Choice, Logit};
use super::market::Market;
use super::past::{GroupId, Past};

/// Pairs looked at for one group of an option, and when the answer is not sure.
const PAIRS: usize = 3;
const PAIRS_WIDE: usize = 12;

/// Answers below this are not sure.
pub const SURE: f64 = 0.5;

/// Pieces shown for an answer.
pub const MAX_SHOWN: usize = 3;

const FEATURES: usize = 8;
const PENALTY: f64 = 1.0;

/// What speaks for a group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Evidence {
    /// The shopper bought it before.
    Bought { group: GroupId, times: f64, days_ago: f64 },
    /// Who bought `from`, as this shopper did, buys it too.
    Pair { from: GroupId, group: GroupId, times: f64, lift: f64 },
    /// Everybody buys it.
    Popular { group: GroupId, share: f64 },
}

impl Evidence {
    fn features(self) -> [f64; FEATURES] {
        match self {
            Evidence::Bought { times, days_ago, .. } => {
                [1.0, 0.0, 0.0, times.ln_1p(), days_ago.max(0.0).ln_1p(), 0.0, 0.0, 0.0]
            }
            Evidence::Pair { times, lift, .. } => [0.0, 1.0, 0.0, 0.0, 0.0, lift, times.ln_1p(), 0.0],
            Evidence::Popular { share, .. } => [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, share.ln()],
        }
    }
}

/// What speaks for a group, from the shopper's purchases, from pairs and from everybody's.
pub fn gather(market: &Market, past: &Past, group: GroupId, wide: bool) -> Vec<Evidence> {
    let mut found = Vec::new();
    if let Some(bought) = past.of(group) {
        found.push(Evidence::Bought { group, times: bought.times, days_ago: bought.days_ago });
    }
    let mut pairs: Vec<(f64, GroupId, f64)> = past
        .groups
        .iter()
        .map(|bought| (market.lift(bought.group, group), bought.group, bought.times))
        .filter(|(lift, ..)| *lift > 0.0)
        .collect();
    pairs.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let pairs = pairs.into_iter().take(if wide { PAIRS_WIDE } else { PAIRS });
    found.extend(pairs.map(|(lift, from, times)| Evidence::Pair { from, group, times, lift }));
    if wide || found.is_empty() {
        found.push(Evidence::Popular { group, share: market.log_share(group).exp() });
    }
    found
}

/// Learned reliance on evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranker(Logit<FEATURES>);

/// Lessons kept for [`Ranker::fit`].
pub const MAX_LESSONS: usize = 50_000;

/// One lesson: a piece of evidence and whether what it spoke for was the answer.
pub type Lesson = (Evidence, bool);

impl Ranker {
    /// Logistic regression, which is a choice between the evidence holding and nothing.
    pub fn fit(lessons: &[Lesson]) -> Ranker {
        let choice = |&(evidence, right): &Lesson| Choice {
            options: vec![evidence.features(), [0.0; FEATURES]],
            chosen: usize::from(!right),
        };
        if lessons.is_empty() {
            return Ranker(Logit { weights: [2.0, 0.0, -1.0, 0.5, -0.2, 1.0, 0.1, 0.1] });
        }
        Ranker(Logit::fit(&lessons.iter().map(choice).collect::<Vec<_>>(), PENALTY))
    }

    /// P(what it speaks for is the answer | this piece of evidence).
    pub fn reliance(&self, evidence: Evidence) -> f64 {
        1.0 / (1.0 + (-self.0.utility(&evidence.features())).exp())
    }

    /// The most reliable pieces for any of the groups, best first.
    pub fn best(&self, market: &Market, past: &Past, groups: &[GroupId], confidence: f64) -> Vec<(Evidence, f64)> {
        let of_group = |&group: &GroupId| gather(market, past, group, confidence < SURE);
        let mut found: Vec<(Evidence, f64)> =
            groups.iter().flat_map(of_group).map(|evidence| (evidence, self.reliance(evidence))).collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1));
        found.truncate(MAX_SHOWN);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_right_more_often_is_relied_on_more() {
        let bought = |times| Evidence::Bought { group: 0, times, days_ago: 3.0 };
        let pair = Evidence::Pair { from: 1, group: 0, times: 1.0, lift: 0.2 };
        let mut lessons: Vec<Lesson> = Vec::new();
        for i in 0..300 {
            lessons.push((bought(8.0), i % 10 != 0));
            lessons.push((bought(1.0), i % 2 == 0));
            lessons.push((pair, i % 4 == 0));
        }
        let ranker = Ranker::fit(&lessons);
        for (evidence, expect) in [(bought(8.0), 0.9), (bought(1.0), 0.5), (pair, 0.25)] {
            assert!((ranker.reliance(evidence) - expect).abs() < 0.05, "{evidence:?}: {}", ranker.reliance(evidence));
        }
    }

    #[test]
    fn a_doubtful_answer_widens_the_query() {
        let past = |groups: &[GroupId]| Past::of_lines(groups.iter().map(|&group| (group, 1.0)).collect());
        let pasts: Vec<Past> = (0..30).map(|_| past(&[0, 1, 2, 3, 4, 5])).chain((0..30).map(|_| past(&[6]))).collect();
        let market = Market::new(&pasts, 7);
        let (narrow, wide) = (gather(&market, &pasts[0], 0, false), gather(&market, &pasts[0], 0, true));
        assert!(wide.len() > narrow.len(), "{narrow:?} {wide:?}");
        assert!(matches!(wide.last(), Some(Evidence::Popular { .. })));
        assert!(matches!(gather(&market, &Past::default(), 0, false)[..], [Evidence::Popular { .. }]));
    }
}
