//! Names and queries matched to the products and categories of a catalogue.

use rustc_hash::FxHashMap;

use super::lexicon::concept_of_words;
use super::{Concept, head, segment};
use crate::catalogue::{Catalogue, ItemId};
use crate::choice::past::{GroupId, Groups};

/// Items whose words are indexed, the most popular ones; the others are found by their exact name or sku only.
pub const MAX_INDEXED: usize = 50_000;

/// Items and groups that a query finds at most.
pub const MAX_FOUND: usize = 50;

/// What matches less than this share of the best match is left out.
const NEAR_BEST: f64 = 0.6;

/// Occurrences of a word that are looked at; a word in more names says nothing.
const MAX_HOLDERS: usize = 5_000;

/// What a query means, best first, with the share of the query's weight that matched (above 0, at most 1).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    pub items: Vec<(ItemId, f64)>,
    pub groups: Vec<(GroupId, f64)>,
}

/// An index over a catalogue.
#[derive(Debug, Clone, Default)]
pub struct Index {
    by_name: FxHashMap<Box<str>, GroupId>,
    by_word: FxHashMap<Box<str>, Vec<ItemId>>,
    by_category_word: FxHashMap<Box<str>, Vec<GroupId>>,
    by_concept: FxHashMap<Concept, Vec<GroupId>>,
    group_of: Vec<GroupId>,
    indexed: usize,
}

impl Index {
    /// Indexes a catalogue; `by_rank` is its items, the most popular first.
    pub fn new(catalogue: &Catalogue, groups: &Groups, by_rank: &[ItemId]) -> Index {
        let mut index = Index { indexed: by_rank.len().min(MAX_INDEXED), ..Index::default() };
        index.group_of = (0..catalogue.len() as ItemId).map(|item| groups.of(item)).collect();
        for category in 0..catalogue.category_count() as GroupId {
            let name = catalogue.category_text(category);
            index.by_name.insert(folded(name), category);
            let words = segment(name);
            if let Some(concept) = concept_of_words(&words) {
                add(index.by_concept.entry(concept).or_default(), category);
            }
            words
                .iter()
                .for_each(|word| add(index.by_category_word.entry(word.as_str().into()).or_default(), category));
        }
        for (rank, &item) in by_rank.iter().enumerate() {
            let (name, group) = (catalogue.name(item), groups.of(item));
            index.by_name.entry(folded(catalogue.sku(item))).or_insert(group);
            if name.is_empty() {
                continue;
            }
            index.by_name.entry(folded(name)).or_insert(group);
            if rank >= MAX_INDEXED {
                continue;
            }
            let words = segment(name);
            if let Some(concept) = concept_of_words(head(&words)) {
                add(index.by_concept.entry(concept).or_default(), group);
            }
            words.iter().for_each(|word| add(index.by_word.entry(word.as_str().into()).or_default(), item));
        }
        index
    }

    /// The groups that a name means: the one that is called so or holds the product called so, else those whose words
    /// it shares, else those that hold the same kind of thing. Empty where the shop has nothing like it.
    pub fn groups_of(&self, name: &str) -> Vec<GroupId> {
        if let Some(group) = self.by_name.get(&folded(name)) {
            return vec![*group];
        }
        let words = segment(name);
        if let Some(groups) = concept_of_words(head(&words)).and_then(|concept| self.by_concept.get(&concept)) {
            return groups.clone();
        }
        let mut groups: Vec<GroupId> = self
            .search_words(&words)
            .groups
            .into_iter()
            .filter(|(_, share)| *share >= NEAR_BEST)
            .map(|g| g.0)
            .collect();
        groups.sort_unstable();
        groups
    }

    /// The products and categories that a search query means, by shared words, a rare word counting more than a common
    /// one (inverse document frequency, Spärck Jones 1972).
    pub fn search(&self, query: &str) -> Found {
        self.search_words(&segment(query))
    }

    fn search_words(&self, words: &[String]) -> Found {
        let mut items: FxHashMap<ItemId, f64> = FxHashMap::default();
        let mut groups: FxHashMap<GroupId, f64> = FxHashMap::default();
        let mut total = 0.0;
        for word in words {
            let holders = self.by_word.get(word.as_str()).map_or(&[][..], Vec::as_slice);
            let rarity = (1.0 + self.indexed as f64 / (1 + holders.len()) as f64).ln();
            total += rarity;
            let mut seen: Vec<GroupId> =
                self.by_category_word.get(word.as_str()).map_or(&[][..], Vec::as_slice).to_vec();
            for &item in holders.iter().take(MAX_HOLDERS) {
                *items.entry(item).or_default() += rarity;
                seen.push(self.group_of[item as usize]);
            }
            seen.sort_unstable();
            seen.dedup();
            seen.into_iter().for_each(|group| *groups.entry(group).or_default() += rarity);
        }
        Found { items: best(items, total), groups: best(groups, total) }
    }
}

/// The best matches, best first, as shares of all that could match.
fn best(weights: FxHashMap<u32, f64>, total: f64) -> Vec<(u32, f64)> {
    let most = weights.values().copied().fold(0.0, f64::max);
    let mut found: Vec<(u32, f64)> = weights
        .into_iter()
        .filter(|(_, weight)| *weight >= NEAR_BEST * most)
        .map(|(id, weight)| (id, weight / total))
        .collect();
    found.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    found.truncate(MAX_FOUND);
    found
}

/// Appends what is not there already; neighbours come in order mostly, so the end is looked at first.
fn add(list: &mut Vec<u32>, id: u32) {
    if list.len() < MAX_HOLDERS && !list.contains(&id) {
        list.push(id);
    }
}

fn folded(name: &str) -> Box<str> {
    name.trim().chars().take(super::MAX_CHARS).flat_map(char::to_lowercase).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_queries_find_products_and_categories() {
        let mut catalogue = Catalogue::default();
        for (sku, name, category) in [
            ("1", "red tea cup", "kitchen"),
            ("2", "blue lamp", "lights"),
            ("3", "硅胶手机壳", "数码配件"),
            ("4", "green soap", ""),
        ] {
            catalogue.intern(sku, name, category).expect("room");
        }
        let groups = Groups::new(&catalogue);
        let index = Index::new(&catalogue, &groups, &[0, 1, 2, 3]);
        for (name, expect) in [
            ("Kitchen", vec![0]),
            ("RED TEA CUP", vec![0]),
            ("4", vec![3]),
            ("手机壳", vec![2]),
            ("phone case", vec![2]),
            ("mug", vec![0]),
            ("something else", vec![]),
        ] {
            assert_eq!(index.groups_of(name), expect, "{name}");
        }
        let found = index.search("blue cup");
        assert_eq!(found.items.iter().map(|(item, _)| *item).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(index.search("手机壳").groups, [(2, 1.0)]);
        assert_eq!(index.search("zzz"), Found::default());
    }
}
