//! What is bought after what: trigger-triggered pairs, after Deng et al. (2020).
//!
//! A pair (trigger, triggered) is counted once per shopper who bought the triggered item within [`Params::window`] baskets
//! after the trigger, in another basket. It is kept where it happens more often than chance would have it: lift above 1
//! and a likelihood ratio (Dunning 1993) above [`Params::significance`]. Each item is triggered by at most
//! [`Params::per_triggered`] others, so that what everybody buys anyway does not fill every list, and an item with fewer
//! significant triggers than [`Params::floor`] is given its best others of any lift above 1: a floor of exposure for the
//! long tail.

use super::{Model, Subject};
use crate::baskets::Dataset;
use crate::catalogue::ItemId;
use crate::parallel;
use crate::scores::{Scores, Scratch, better};
use crate::vectors::{Postings, Vectors, times_bought};

/// Buyers counted per trigger, the first ones.
const MAX_BUYERS: usize = 20_000;

/// What one trigger triggers at most: 16 bytes each while pairs are found.
const MAX_PER_TRIGGER: usize = 256;

/// Buyers of a trigger who are taken to have gone on to nothing, besides those who were seen.
const SHRINKAGE: f32 = 5.0;

/// Latest baskets of a shopper whose items are triggers when scoring.
const MAX_TRIGGER_BASKETS: usize = 8;

/// How pairs are found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Params {
    /// Baskets after the trigger's that count.
    pub window: usize,
    /// Shoppers who must have done it.
    pub min_support: f32,
    /// The likelihood ratio that a pair must reach: 10.83 is one chance in a thousand that it is nothing (chi-square, one
    /// degree of freedom).
    pub significance: f32,
    /// Triggers kept per triggered item.
    pub per_triggered: usize,
    /// Triggers that an item gets even if none is significant.
    pub floor: usize,
}

impl Default for Params {
    fn default() -> Params {
        Params { window: 3, min_support: 3.0, significance: 10.83, per_triggered: 50, floor: 5 }
    }
}

/// From triggers to what they trigger.
#[derive(Debug, Clone)]
pub struct Pairs {
    triggers: Vectors,
    window: usize,
}

impl Pairs {
    /// Counts and keeps pairs.
    pub fn fit(data: &Dataset, params: Params, threads: usize) -> Pairs {
        let item_count = data.catalogue().len();
        let counts = Counts::new(data, item_count);
        let state = || (vec![0; item_count], Scores::default(), Vec::new());
        let found = parallel::chunks(item_count, threads, state, |state, range| {
            range.map(|item| counts.pairs_of(item as ItemId, data, params, state)).collect::<Vec<_>>()
        });
        let mut by_triggered: Vec<Vec<Pair>> = vec![Vec::new(); item_count];
        for pair in found.into_iter().flatten().flatten() {
            by_triggered[pair.triggered as usize].push(pair);
        }
        let mut kept = Vectors::new();
        for pairs in &mut by_triggered {
            pairs.sort_unstable_by(|a, b| better((a.ratio, a.trigger), (b.ratio, b.trigger)));
            let significant = pairs.iter().take_while(|pair| pair.ratio >= params.significance).count();
            pairs.truncate(significant.max(params.floor).min(params.per_triggered));
            let mut row: Vec<(ItemId, f32)> = pairs.iter().map(|pair| (pair.trigger, pair.chance)).collect();
            row.sort_unstable_by_key(|(trigger, _)| *trigger);
            kept.push(&row);
        }
        let by_trigger = kept.transposed(item_count);
        let mut triggers = Vectors::new();
        (0..item_count).for_each(|item| triggers.push(by_trigger.get(item as ItemId)));
        Pairs { triggers, window: params.window }
    }

    /// What an item triggers, with the chance of it.
    pub fn triggered(&self, item: ItemId) -> impl Iterator<Item = (ItemId, f32)> + '_ {
        self.triggers.get(item as usize)
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.triggers.entry_count()
    }

    /// Whether nothing follows anything.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A pair that happens more often than chance would have it.
#[derive(Debug, Clone, Copy)]
struct Pair {
    trigger: ItemId,
    triggered: ItemId,
    /// The share of the trigger's buyers who went on to the other item, counted as if a few more had not.
    chance: f32,
    /// How sure it is that this is not chance.
    ratio: f32,
}

/// What is counted before any pair.
struct Counts {
    /// By item: its buyers.
    buyers: Postings,
    /// By item: shoppers who bought something after it, and who bought it after something.
    as_trigger: Vec<f32>,
    as_triggered: Vec<f32>,
    /// Shoppers with two baskets or more.
    shoppers: f32,
}

impl Counts {
    fn new(data: &Dataset, item_count: usize) -> Counts {
        let buyers = times_bought(data).transposed(item_count);
        let mut counts =
            Counts { buyers, as_trigger: vec![0.0; item_count], as_triggered: vec![0.0; item_count], shoppers: 0.0 };
        // Who was counted last: each shopper counts once per item.
        let (mut before, mut after) = (vec![0; item_count], vec![0; item_count]);
        for place in 0..data.len() {
            let baskets = data.baskets(place);
            counts.shoppers += f32::from(u8::from(baskets.len() > 1));
            for (at, &item) in
                baskets.iter().enumerate().flat_map(|(at, items)| items.iter().map(move |item| (at, item)))
            {
                let item = item as usize;
                if at + 1 < baskets.len() && std::mem::replace(&mut before[item], place + 1) <= place {
                    counts.as_trigger[item] += 1.0;
                }
                if at > 0 && std::mem::replace(&mut after[item], place + 1) <= place {
                    counts.as_triggered[item] += 1.0;
                }
            }
        }
        counts
    }

    /// What an item triggers more often than by chance.
    fn pairs_of(
        &self,
        trigger: ItemId,
        data: &Dataset,
        params: Params,
        (counted, both, found): &mut (Vec<u32>, Scores, Vec<(u32, f32)>),
    ) -> Vec<Pair> {
        both.reset(counted.len());
        counted.fill(0);
        let buyers = self.buyers.get(trigger);
        for &(shopper, _) in &buyers[..buyers.len().min(MAX_BUYERS)] {
            let baskets = data.baskets(shopper as usize);
            for at in (0..baskets.len()).filter(|&at| baskets.items(at).binary_search(&trigger).is_ok()) {
                let later = (at + 1)..(at + 1 + params.window).min(baskets.len());
                for &item in later.flat_map(|basket| baskets.items(basket)).filter(|item| **item != trigger) {
                    if std::mem::replace(&mut counted[item as usize], shopper + 1) != shopper + 1 {
                        both.add(item, 1.0);
                    }
                }
            }
        }
        both.read(found);
        let triggers = self.as_trigger[trigger as usize];
        let pairs = found.iter().filter(|(_, count)| *count >= params.min_support).filter_map(|&(triggered, count)| {
            let others = self.as_triggered[triggered as usize];
            let lift = count * self.shoppers / (triggers * others);
            let ratio = likelihood_ratio(count, triggers, others, self.shoppers);
            (lift > 1.0).then_some(Pair { trigger, triggered, chance: count / (triggers + SHRINKAGE), ratio })
        });
        let mut pairs: Vec<Pair> = pairs.collect();
        pairs.sort_unstable_by(|a, b| better((a.ratio, a.triggered), (b.ratio, b.triggered)));
        pairs.truncate(MAX_PER_TRIGGER);
        pairs
    }
}

/// Dunning's G² that `both` of `all` happened together by chance, when one happened `first` times and the other `second`.
fn likelihood_ratio(both: f32, first: f32, second: f32, all: f32) -> f32 {
    let cells = [
        (both, first, second),
        (first - both, first, all - second),
        (second - both, all - first, second),
        (all - first - second + both, all - first, all - second),
    ];
    let of_cell = |(seen, row, column): (f32, f32, f32)| {
        let expected = f64::from(row) * f64::from(column) / f64::from(all);
        if seen > 0.0 && expected > 0.0 { f64::from(seen) * (f64::from(seen) / expected).ln() } else { 0.0 }
    };
    (2.0 * cells.into_iter().map(of_cell).sum::<f64>()) as f32
}

impl Model for Pairs {
    fn name(&self) -> &'static str {
        "pairs"
    }

    /// The items of the latest baskets are triggers; the last basket's count most.
    fn score(&self, subject: Subject<'_>, scratch: &mut Scratch) {
        let reach = self.window.min(MAX_TRIGGER_BASKETS);
        for (age, items) in subject.baskets.iter().rev().take(reach).enumerate() {
            let weight = 1.0 / (age + 1) as f32;
            for &item in items {
                self.triggered(item).for_each(|(other, chance)| scratch.items.add(other, weight * chance));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::best;
    use super::*;
    use crate::baskets::tests::data;

    /// Phones are followed by chargers, never the other way round; bread is bought by everybody all the time.
    fn shop() -> Dataset {
        let with: &[&str] = &["pb", "b", "cb"];
        let without: &[&str] = &["b", "bx", "b"];
        data(&[[with; 20], [without; 20]].concat())
    }

    #[test]
    fn order_and_chance_are_told_apart() {
        let data = shop();
        let id = |sku| data.catalogue().item(sku).expect("bought");
        let check = |window, floor, from, to, want: f32| {
            let pairs = Pairs::fit(&data, Params { window, floor, ..Params::default() }, 2);
            let got = pairs.triggered(id(from)).find(|(item, _)| *item == id(to)).map_or(0.0, |(_, chance)| chance);
            assert!((got - want).abs() < 1e-6, "window {window}, {from} to {to}: {got}, not {want}");
        };
        check(3, 0, "p", "c", 20.0 / 25.0);
        check(3, 0, "c", "p", 0.0);
        check(1, 0, "p", "c", 0.0);
        check(3, 0, "p", "b", 0.0);
        check(3, 0, "b", "b", 0.0);
        let pairs = Pairs::fit(&data, Params::default(), 2);
        assert!(best(&pairs, &data, Some(0), 1) != "p");
    }

    #[test]
    fn an_item_is_triggered_by_few() {
        let shopper: &[&str] = &["abcdefg", "z"];
        let other: &[&str] = &["hijk", "y"];
        let data = data(&[[shopper; 9], [other; 9]].concat());
        let count = |per_triggered| Pairs::fit(&data, Params { per_triggered, ..Params::default() }, 1).len();
        assert_eq!((count(50), count(3), count(0)), (11, 6, 0));
    }

    #[test]
    fn ratios_by_hand() {
        let check = |(both, first, second, all): (f32, f32, f32, f32), want: f32| {
            let got = likelihood_ratio(both, first, second, all);
            assert!((got - want).abs() < 0.01, "{both} of {first} and {second} of {all}: {got}");
        };
        check((25.0, 50.0, 50.0, 100.0), 0.0);
        check((50.0, 50.0, 50.0, 100.0), 200.0 * 2f32.ln());
        check((0.0, 10.0, 10.0, 100.0), 2.0 * (20.0 * (100f32 / 90.0).ln() + 80.0 * (8_000f32 / 8_100.0).ln()));
    }
}
