//! One model on many shoppers.

use crate::baskets::{Baskets, Dataset, HeldOut};
use crate::catalogue::ItemId;
use crate::evaluate::{AtK, Catalogued};
use crate::models::{Model, Subject};
use crate::parallel;
use crate::scores::{Scores, Scratch, keep_best, top};

/// One shopper to foresee.
pub struct Case {
    /// The shopper's place in the train part.
    pub place: Option<usize>,
    /// The items that the train part knows, ascending.
    pub items: Vec<ItemId>,
    /// All items, also those that nobody can foresee.
    pub size: usize,
}

impl Case {
    /// The first basket of the shopper at a place of the test part.
    pub fn of_test(train: &Dataset, test: &Dataset, place: usize) -> Case {
        let basket = test.baskets(place).items(0);
        let mut items: Vec<ItemId> =
            basket.iter().filter_map(|&item| train.catalogue().item(test.catalogue().sku(item))).collect();
        items.sort_unstable();
        Case { place: train.place(test.shopper(place)), items, size: basket.len() }
    }

    /// A basket held out.
    pub fn held_out(held: HeldOut) -> Case {
        Case { place: Some(held.shopper), size: held.items.len(), items: held.items }
    }
}

/// Whether items that a shopper bought may be recommended again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    Yes,
    No,
}

/// What one model did.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// In the order of the lengths asked for.
    pub at: Vec<AtK>,
    /// For the longest lists.
    pub catalogued: Catalogued,
}

/// Sums of one thread's part.
struct Sums {
    at: Vec<AtK>,
    shown: Vec<ItemId>,
}

/// Means over all cases, the same on any number of threads.
pub fn measure(
    model: &dyn Model,
    data: &Dataset,
    cases: &[Case],
    ks: &[usize],
    again: Again,
    threads: usize,
) -> Measured {
    let longest = ks.iter().copied().max().unwrap_or(0);
    let parts =
        parallel::chunks(cases.len(), threads, Default::default, |(scratch, own): &mut (Scratch, Scores), range| {
            let at = ks.iter().map(|&k| AtK { k, ..AtK::default() }).collect();
            let mut sums = Sums { at, shown: Vec::new() };
            for case in &cases[range] {
                let subject =
                    case.place.map_or(Subject { place: None, baskets: Baskets::NONE, newer: true }, |place| {
                        Subject::fitted(data, place)
                    });
                let best = best(model, data, subject, longest, again, scratch, own);
                for sum in &mut sums.at {
                    let (recall, ndcg) = metrics(&best, &case.items, case.size, sum.k);
                    sum.recall += recall;
                    sum.ndcg += ndcg;
                }
                sums.shown.extend(best.iter().map(|(item, _)| *item));
            }
            sums
        });
    let count = cases.len().max(1) as f64;
    let mean = |(place, &k): (usize, &usize)| AtK {
        k,
        recall: parts.iter().map(|sums| sums.at[place].recall).sum::<f64>() / count,
        ndcg: parts.iter().map(|sums| sums.at[place].ndcg).sum::<f64>() / count,
    };
    let at = ks.iter().enumerate().map(mean).collect();
    let mut shown = vec![0u32; data.catalogue().len()];
    parts.iter().flat_map(|sums| &sums.shown).for_each(|&item| shown[item as usize] += 1);
    Measured { at, catalogued: catalogued(data, &shown) }
}

/// The `k` best items for one shopper.
pub fn best(
    model: &dyn Model,
    data: &Dataset,
    subject: Subject<'_>,
    k: usize,
    again: Again,
    scratch: &mut Scratch,
    own: &mut Scores,
) -> Vec<(ItemId, f32)> {
    scratch.items.reset(data.catalogue().len());
    model.score(subject, scratch);
    if again == Again::Yes {
        return top(&scratch.items, k, data.by_rank(), data.rank());
    }
    own.reset(data.catalogue().len());
    subject.baskets.iter().flatten().for_each(|&item| own.add(item, 1.0));
    let mut best = Vec::new();
    scratch.items.read(&mut best);
    best.retain(|(item, _)| own.get(*item) <= 0.0);
    keep_best(&mut best, k, |item| data.rank()[item as usize]);
    let left = k - best.len();
    let others = data.by_rank().iter().filter(|&&item| own.get(item) <= 0.0 && scratch.items.get(item) <= 0.0);
    best.extend(others.take(left).map(|&item| (item, 0.0)));
    best
}

/// How the catalogue fares when item i was shown `shown[i]` times.
pub fn catalogued(data: &Dataset, shown: &[u32]) -> Catalogued {
    let all: f64 = shown.iter().map(|&times| f64::from(times)).sum();
    if all == 0.0 {
        return Catalogued::default();
    }
    let coverage = shown.iter().filter(|times| **times > 0).count() as f64 / shown.len() as f64;
    let shoppers = data.len() as f64;
    // An item is in at most as many baskets as counted; with one basket per purchase of a shopper this is the paper's share.
    let surprise = |item: usize| -(f64::from(data.popularity()[item].max(1)) / shoppers.max(1.0)).min(1.0).log2();
    let novelty = shown.iter().enumerate().map(|(item, &times)| f64::from(times) * surprise(item)).sum::<f64>() / all;
    let mut sorted: Vec<u32> = shown.to_vec();
    sorted.sort_unstable();
    let n = sorted.len() as f64;
    let weighted: f64 =
        (1u32..).zip(&sorted).map(|(rank, &times)| (2.0 * f64::from(rank) - n - 1.0) * f64::from(times)).sum();
    Catalogued { coverage, gini: weighted / (n * all), novelty }
}

/// recall@k and ndcg@k of a list for a basket of `size` items, of which `items` (ascending) can be in the list.
pub fn metrics(best: &[(ItemId, f32)], items: &[ItemId], size: usize, k: usize) -> (f64, f64) {
    let gain = |place: usize| 1.0 / (place as f64 + 2.0).log2();
    let hits = best.iter().take(k).enumerate().filter(|(_, (item, _))| items.binary_search(item).is_ok());
    let (count, gained) = hits.fold((0u32, 0.0), |(count, sum), (place, _)| (count + 1, sum + gain(place)));
    let ideal: f64 = (0..size.min(k)).map(gain).sum();
    if size == 0 { (0.0, 0.0) } else { (f64::from(count) / size as f64, gained / ideal) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baskets::tests::{data, letters};
    use crate::models::GpTopFreq;

    #[test]
    fn metrics_by_hand() {
        let best: Vec<(ItemId, f32)> = [7, 3, 9, 1].map(|item| (item, 0.0)).to_vec();
        let second = 1.0 / 3f64.log2();
        let check = |items: &[ItemId], size, k, want: (f64, f64)| {
            let got = metrics(&best, items, size, k);
            assert!((got.0 - want.0).abs() + (got.1 - want.1).abs() < 1e-12, "{items:?} {size} {k}: {got:?}");
        };
        check(&[7], 1, 1, (1.0, 1.0));
        check(&[3], 1, 1, (0.0, 0.0));
        check(&[3], 1, 2, (1.0, second));
        check(&[3, 7], 2, 4, (1.0, 1.0));
        check(&[3, 9], 4, 2, (0.25, second / (1.0 + second)));
        check(&[9], 3, 3, (1.0 / 3.0, 0.5 / (1.0 + second + 0.5)));
        check(&[], 2, 4, (0.0, 0.0));
    }

    #[test]
    fn what_was_bought_is_shown_again_or_not() {
        let data = data(&[&["ab", "a"], &["acd", "a"], &["c"]]);
        let check = |again, want: &str| {
            let subject = Subject::fitted(&data, 0);
            let got = best(&GpTopFreq, &data, subject, 3, again, &mut Scratch::default(), &mut Scores::default());
            assert_eq!(letters(&data, &got.iter().map(|(item, _)| *item).collect::<Vec<_>>()), want);
        };
        check(Again::Yes, "abc");
        check(Again::No, "cd");
    }

    #[test]
    fn the_catalogue_by_hand() {
        // a is in 4 baskets of 4 shoppers, b in 1.
        let data = data(&[&["ab"], &["a"], &["a"], &["a"]]);
        let check = |shown: [u32; 2], coverage, gini, novelty| {
            let got = catalogued(&data, &shown);
            let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
            assert!(near(got.coverage, coverage) && near(got.gini, gini) && near(got.novelty, novelty), "{got:?}");
        };
        check([0, 0], 0.0, 0.0, 0.0);
        check([5, 5], 1.0, 0.0, 1.0);
        check([4, 0], 0.5, 0.5, 0.0);
        check([0, 4], 0.5, 0.5, 2.0);
        check([3, 1], 1.0, 0.25, 0.5);
    }
}
