//! A campaign's prizes as items of the catalogue, found once per campaign.

use std::collections::BTreeSet;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::catalogue::{Catalogue, ItemId};
use crate::fit::Fitted;
use crate::supply::Policy;

/// Items that stand for one prize at most, the best matching or most popular ones: each costs every shopper of the
/// campaign a look.
pub const MAX_ITEMS_PER_PRIZE: usize = 128;

/// Words of a prize's name that are looked up.
const MAX_WORDS: usize = 16;

/// What is known of a prize. It stands for the items of its skus; where none of them was ever bought, for the items
/// of its category; else for those whose names share words with its own; else for nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Prize<'a> {
    pub name: &'a str,
    pub category: &'a str,
    pub skus: &'a [String],
}

/// A tier: how many slots it has, and which prizes (by their place) may fill them.
#[derive(Debug, Clone, Copy)]
pub struct Tier<'a> {
    pub slots: usize,
    pub candidates: &'a [u16],
}

/// Why slots cannot be filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PrizesError {
    #[error("tier {tier} has slots and no prize to fill them; give its band a prize or list one")]
    NoCandidates { tier: usize },
    #[error("tier {tier} names prize {prize}, of {prizes} prizes")]
    NoSuchPrize { tier: usize, prize: u16, prizes: usize },
}

#[derive(Debug, Clone)]
pub(crate) struct TierPlan {
    pub slots: usize,
    pub candidates: Box<[u16]>,
    /// The tier's first slot in the strategy.
    pub first: usize,
}

/// The prizes of one campaign, ready to be scored for any number of shoppers.
#[derive(Debug, Clone)]
pub struct PrizeIndex {
    starts: Vec<u32>,
    /// Items with what they count for the prize, above 0 and at most 1.
    items: Vec<(ItemId, f32)>,
    /// By prize: its category as a number of this campaign.
    pub(crate) categories: Vec<Option<u16>>,
    pub(crate) category_count: usize,
    pub(crate) tiers: Vec<TierPlan>,
    /// Tiers in the order in which they are filled: those with the fewest prizes to spare first.
    pub(crate) fill_order: Vec<usize>,
    pub(crate) slot_count: usize,
    pub(crate) policy: Policy,
}

impl PrizeIndex {
    /// Looks the prizes up in the catalogue. One pass over the catalogue where a category or name is needed.
    pub fn new(fitted: &Fitted, prizes: &[Prize<'_>], tiers: &[Tier<'_>]) -> Result<PrizeIndex, PrizesError> {
        let mut found: Vec<Vec<(ItemId, f32)>> = prizes.iter().map(|prize| by_sku(fitted.catalogue(), prize)).collect();
        by_category(fitted, prizes, &mut found);
        by_words(fitted, prizes, &mut found);
        let mut index = PrizeIndex {
            starts: vec![0],
            items: Vec::new(),
            categories: Vec::new(),
            category_count: 0,
            tiers: Vec::new(),
            fill_order: (0..tiers.len()).collect(),
            slot_count: 0,
            policy: Policy::default(),
        };
        for of_prize in found {
            index.items.extend(of_prize);
            index.starts.push(index.items.len() as u32);
        }
        index.number_categories(prizes);
        for (place, tier) in tiers.iter().enumerate() {
            if tier.slots > 0 && tier.candidates.is_empty() {
                return Err(PrizesError::NoCandidates { tier: place });
            }
            if let Some(&prize) = tier.candidates.iter().find(|prize| usize::from(**prize) >= prizes.len()) {
                return Err(PrizesError::NoSuchPrize { tier: place, prize, prizes: prizes.len() });
            }
            let candidates = tier.candidates.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
            index.tiers.push(TierPlan { slots: tier.slots, candidates, first: index.slot_count });
            index.slot_count += tier.slots;
        }
        let spare = |tier: &TierPlan| tier.candidates.len() as i64 - tier.slots as i64;
        index.fill_order.sort_by_key(|&tier| spare(&index.tiers[tier]));
        Ok(index)
    }

    /// The same prizes composed under a policy.
    pub fn with_policy(self, policy: Policy) -> PrizeIndex {
        PrizeIndex { policy, ..self }
    }

    fn number_categories(&mut self, prizes: &[Prize<'_>]) {
        let mut numbers: FxHashMap<&str, u16> = FxHashMap::default();
        for prize in prizes {
            let next = numbers.len() as u16;
            let number = (!prize.category.is_empty()).then(|| *numbers.entry(prize.category).or_insert(next));
            self.categories.push(number);
        }
        self.category_count = numbers.len();
    }

    /// How many prizes.
    pub fn len(&self) -> usize {
        self.categories.len()
    }

    /// Whether the campaign has no prize.
    pub fn is_empty(&self) -> bool {
        self.categories.is_empty()
    }

    /// How many slots a strategy has.
    pub fn slot_count(&self) -> usize {
        self.slot_count
    }

    /// The items that stand for a prize, each with what it counts.
    pub fn items(&self, prize: usize) -> &[(ItemId, f32)] {
        &self.items[self.starts[prize] as usize..self.starts[prize + 1] as usize]
    }
}

fn by_sku(catalogue: &Catalogue, prize: &Prize<'_>) -> Vec<(ItemId, f32)> {
    let mut items: Vec<ItemId> = prize.skus.iter().filter_map(|sku| catalogue.item(sku)).collect();
    items.sort_unstable();
    items.dedup();
    items.truncate(MAX_ITEMS_PER_PRIZE);
    items.into_iter().map(|item| (item, 1.0)).collect()
}

/// Gives prizes without items those of their category, the most popular ones.
fn by_category(fitted: &Fitted, prizes: &[Prize<'_>], found: &mut [Vec<(ItemId, f32)>]) {
    let catalogue = fitted.catalogue();
    let mut wanted: FxHashMap<u32, Vec<ItemId>> = FxHashMap::default();
    for (prize, items) in prizes.iter().zip(&*found) {
        if let Some(category) = catalogue.category(prize.category).filter(|_| items.is_empty()) {
            wanted.insert(category, Vec::new());
        }
    }
    if wanted.is_empty() {
        return;
    }
    for &item in fitted.data().by_rank() {
        if let Some(items) = catalogue.category_of(item).and_then(|category| wanted.get_mut(&category))
            && items.len() < MAX_ITEMS_PER_PRIZE
        {
            items.push(item);
        }
    }
    for (prize, items) in prizes.iter().zip(found).filter(|(_, items)| items.is_empty()) {
        if let Some(of_category) = catalogue.category(prize.category).and_then(|category| wanted.get(&category)) {
            items.extend(of_category.iter().map(|&item| (item, 1.0)));
        }
    }
}

/// Gives prizes without items those whose names share words with the prize's, a rare word counting more than a
/// common one (inverse document frequency, Spärck Jones 1972). Items that match less than half as well as the best
/// are left out; the others count by how well they match.
fn by_words(fitted: &Fitted, prizes: &[Prize<'_>], found: &mut [Vec<(ItemId, f32)>]) {
    let mut prizes_of: FxHashMap<String, Vec<usize>> = FxHashMap::default();
    for (place, prize) in prizes.iter().enumerate().filter(|(place, _)| found[*place].is_empty()) {
        for word in words(prize.name).into_iter().take(MAX_WORDS) {
            prizes_of.entry(word).or_default().push(place);
        }
    }
    if prizes_of.is_empty() {
        return;
    }
    let catalogue = fitted.catalogue();
    let mut holders: FxHashMap<&str, Vec<ItemId>> = FxHashMap::default();
    for &item in fitted.data().by_rank() {
        for word in words(catalogue.name(item)) {
            if let Some((word, _)) = prizes_of.get_key_value(&word) {
                holders.entry(word).or_default().push(item);
            }
        }
    }
    let mut shared: FxHashMap<usize, FxHashMap<ItemId, f32>> = FxHashMap::default();
    for (word, places) in &prizes_of {
        let of_word = holders.get(word.as_str()).map_or(&[][..], Vec::as_slice);
        let rarity = (1.0 + catalogue.len() as f32 / of_word.len().max(1) as f32).ln();
        for place in places {
            let of_prize = shared.entry(*place).or_default();
            of_word.iter().for_each(|&item| *of_prize.entry(item).or_default() += rarity);
        }
    }
    for (place, of_prize) in shared {
        let best = of_prize.values().copied().fold(0.0, f32::max);
        let mut items: Vec<(ItemId, f32)> =
            of_prize.into_iter().map(|(item, share)| (item, share / best)).filter(|(_, share)| *share >= 0.5).collect();
        crate::scores::keep_best(&mut items, MAX_ITEMS_PER_PRIZE, |item| fitted.data().rank()[item as usize]);
        found[place] = items;
    }
}

/// The words of a name, each once: runs of letters and digits in lower case of at least three, and in Chinese,
/// Japanese and Korean, which don't put blanks between words, every two neighbouring characters.
fn words(name: &str) -> FxHashSet<String> {
    let mut found = FxHashSet::default();
    for run in name.split(|c: char| !c.is_alphanumeric()).filter(|run| !run.is_empty()) {
        let chars: Vec<char> = run.chars().collect();
        for part in chars.chunk_by(|a, b| is_cjk(*a) == is_cjk(*b)) {
            match part {
                [first, ..] if is_cjk(*first) => {
                    found.extend(part.windows(part.len().min(2)).map(|pair| pair.iter().collect::<String>()));
                }
                _ if part.len() >= 3 => {
                    found.insert(part.iter().flat_map(|c| c.to_lowercase()).collect());
                }
                _ => {}
            }
        }
    }
    found
}

/// Kana, Han (with its extensions and compatibility forms) and Hangul.
fn is_cjk(c: char) -> bool {
    const BLOCKS: [(char, char); 6] = [
        ('\u{3040}', '\u{30ff}'),
        ('\u{3400}', '\u{4dbf}'),
        ('\u{4e00}', '\u{9fff}'),
        ('\u{ac00}', '\u{d7af}'),
        ('\u{f900}', '\u{faff}'),
        ('\u{20000}', '\u{3ffff}'),
    ];
    BLOCKS.iter().any(|(first, last)| (*first..=*last).contains(&c))
}

#[cfg(test)]
mod tests {
    use domain::behaviour::{Action, Behaviour, Item};
    use domain::ids::ShopperId;

    use super::*;
    use crate::baskets::Builder;
    use crate::fit::Options;

    #[test]
    fn names_fall_into_words() {
        let check = |name: &str, expect: &[&str]| {
            let mut got: Vec<String> = words(name).into_iter().collect();
            got.sort();
            assert_eq!(got, expect, "{name}");
        };
        check("RED Tea-Cup, set of 6 red", &["cup", "red", "set", "tea"]);
        check("不锈钢杯", &["不锈", "钢杯", "锈钢"]);
        check("iPhone16 手机壳", &["iphone16", "手机", "机壳"]);
        check("杯 A", &["杯"]);
        check("!", &[]);
    }

    fn shop() -> Fitted {
        let items = [
            ("1", "red tea cup", "kitchen"),
            ("2", "blue tea cup", "kitchen"),
            ("3", "red lamp", "light"),
            ("4", "红茶杯", ""),
        ];
        let items = items.map(|(sku, name, category)| Item {
            sku: sku.to_owned(),
            name: name.to_owned(),
            category: category.to_owned(),
            price_cents: 100,
            quantity: 1,
        });
        let mut builder = Builder::default();
        let action = Action::Purchase { order_id: "1".to_owned(), items: items.to_vec() };
        builder.add(ShopperId(1), &Behaviour { id: "1".to_owned(), at_ms: 0, action });
        Fitted::fit(builder.build(), Options::default())
    }

    #[test]
    fn a_prize_stands_for_its_skus_else_its_category_else_its_words() {
        let fitted = shop();
        let check = |name: &str, category: &str, skus: &[&str], expect: &[&str]| {
            let skus: Vec<String> = skus.iter().map(|sku| (*sku).to_owned()).collect();
            let prize = Prize { name, category, skus: &skus };
            let index = PrizeIndex::new(&fitted, &[prize], &[]).expect("no tier to fill");
            let mut got: Vec<&str> = index.items(0).iter().map(|(item, _)| fitted.catalogue().sku(*item)).collect();
            got.sort_unstable();
            assert_eq!(got, expect, "{name}, {category}, {skus:?}");
            assert!(index.items(0).iter().all(|(_, counts)| (0.0..=1.0).contains(counts)));
        };
        check("red lamp", "light", &["4", "none", "4"], &["4"]);
        check("red lamp", "kitchen", &["none"], &["1", "2"]);
        check("red lamp", "none", &[], &["3"]);
        check("RED CUP", "", &[], &["1", "2", "3"]);
        check("blue cup", "", &[], &["2"]);
        check("茶杯", "", &[], &["4"]);
        check("points", "", &[], &[]);
    }

    #[test]
    fn tiers_that_cannot_be_filled_are_named() {
        let fitted = shop();
        let check = |slots, candidates: &[u16], expect| {
            let tiers = [Tier { slots: 0, candidates: &[] }, Tier { slots, candidates }];
            let got = PrizeIndex::new(&fitted, &[Prize::default()], &tiers);
            assert_eq!(got.map(|index| index.slot_count()), expect);
        };
        check(2, &[0], Ok(2));
        check(2, &[], Err(PrizesError::NoCandidates { tier: 1 }));
        check(1, &[0, 1], Err(PrizesError::NoSuchPrize { tier: 1, prize: 1, prizes: 1 }));
    }
}
