//! What shoppers do besides buying, as far as it says what they may want: looking at a product, searching, rating.
//!
//! Each act weighs something and decays: a view and a search half in a week, a rating half in half a year, since a taste
//! outlasts an errand. A search is matched to products by its words, else to the best-selling products of the categories
//! that it names ([`crate::text`]). A rating below three stars counts against the product. Weights are shares of the best
//! score that the model gives the shopper, so that they mean the same beside any model.

use std::sync::OnceLock;

use domain::behaviour::{Action, Behaviour};
use domain::ids::ShopperId;
use rustc_hash::FxHashMap;

use crate::baskets::Dataset;
use crate::catalogue::ItemId;
use crate::choice::past::Groups;
use crate::text::Index;

/// Acts of one shopper that are kept, the latest ones.
pub const MAX_ACTS: usize = 128;

/// Acts of all shoppers that are kept: about 100 bytes each, 400 MB in all.
pub const MAX_ALL: usize = 4_000_000;

/// Products that one shopper's acts point at, the strongest.
const MAX_ITEMS: usize = 64;

/// What all acts together add to one product at most, and take away, of the best score.
const MOST: f32 = 0.5;
const LEAST: f32 = -0.9;

/// Products that one search points at.
const FOUND: usize = 12;

/// Products of a category that a search for the category points at.
const OF_GROUP: usize = 12;

const DAY_S: f64 = 86_400.0;

/// One act.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    View(Box<str>),
    Search(Box<str>),
    Rating(Box<str>, u8),
    SignIn,
}

impl Kind {
    /// What it weighs when it is new, and the days in which that halves.
    fn weight(&self) -> (f32, f64) {
        match self {
            Kind::View(_) => (0.10, 7.0),
            Kind::Search(_) => (0.25, 7.0),
            Kind::Rating(_, stars) => ((f32::from(*stars) - 3.0) * 0.15, 180.0),
            Kind::SignIn => (0.0, 1.0),
        }
    }
}

/// Why an act points at a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    Viewed,
    Searched,
    Rated,
}

/// A product that a shopper's acts point at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interest {
    pub item: ItemId,
    /// Of the best score, from -0.9 to 0.5.
    pub weight: f32,
    /// By the strongest of the acts.
    pub why: Why,
    /// When it was, Unix milliseconds to the second.
    pub at_ms: i64,
}

/// What one shopper did, in any order.
#[derive(Debug, Clone, Default)]
pub struct Acts(Vec<(u32, Kind)>);

impl Acts {
    /// Of a shopper's own history.
    pub fn of<'a>(behaviours: impl IntoIterator<Item = &'a Behaviour>) -> Acts {
        let mut acts = Acts::default();
        for behaviour in behaviours {
            if let Some(kind) = kind(behaviour) {
                acts.push(behaviour.at_ms, kind);
            }
        }
        acts
    }

    fn push(&mut self, at_ms: i64, kind: Kind) {
        let at_s = at_ms.div_euclid(1_000).clamp(0, i64::from(u32::MAX)) as u32;
        self.0.push((at_s, kind));
        if self.0.len() >= 2 * MAX_ACTS {
            self.0.sort_by_key(|(at_s, _)| *at_s);
            self.0.drain(..self.0.len() - MAX_ACTS);
        }
    }

    /// Their times, Unix seconds, ascending.
    pub fn times(&self) -> Vec<u32> {
        let mut times: Vec<u32> = self.0.iter().map(|(at_s, _)| *at_s).collect();
        times.sort_unstable();
        times
    }

    /// Whether any of them can point at a product.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn kind(behaviour: &Behaviour) -> Option<Kind> {
    match &behaviour.action {
        Action::View { sku } => Some(Kind::View(sku.as_str().into())),
        Action::Search { query } => Some(Kind::Search(query.as_str().into())),
        Action::Review { sku, rating, .. } => Some(Kind::Rating(sku.as_str().into(), *rating)),
        Action::SignIn {} => Some(Kind::SignIn),
        Action::Purchase { .. } | Action::Return { .. } => None,
    }
}

/// Everybody's acts, while histories are read.
#[derive(Debug, Default)]
pub struct Signals {
    of: FxHashMap<ShopperId, Acts>,
    /// What was spent, net of returns, minor units.
    spend: FxHashMap<ShopperId, i64>,
    count: usize,
}

impl Signals {
    /// Takes one act of a shopper; beyond [`MAX_ALL`] they are left out.
    pub fn add(&mut self, shopper: ShopperId, behaviour: &Behaviour) {
        match &behaviour.action {
            Action::Purchase { .. } => self.spent(shopper, behaviour.action.total_cents()),
            Action::Return { .. } => self.spent(shopper, -behaviour.action.total_cents()),
            _ if self.count < MAX_ALL => {
                if let Some(kind) = kind(behaviour) {
                    self.count += 1;
                    self.of.entry(shopper).or_default().push(behaviour.at_ms, kind);
                }
            }
            _ => {}
        }
    }

    fn spent(&mut self, shopper: ShopperId, cents: i64) {
        let sum = self.spend.entry(shopper).or_default();
        *sum = sum.saturating_add(cents);
    }

    /// What a shopper spent, net of returns.
    pub fn spend_cents(&self, shopper: ShopperId) -> i64 {
        self.spend.get(&shopper).copied().unwrap_or(0)
    }

    /// Each shopper's acts.
    pub fn iter(&self) -> impl Iterator<Item = (ShopperId, &Acts)> {
        self.of.iter().map(|(shopper, acts)| (*shopper, acts))
    }
}

/// Finds products by words; its index is made at the first search.
#[derive(Default)]
pub struct Finder(OnceLock<(Index, Vec<Vec<ItemId>>)>);

impl Finder {
    /// The products that a query means, each with a share from 0 to 1.
    fn search(&self, data: &Dataset, query: &str) -> Vec<(ItemId, f32)> {
        let (index, of_group) = self.0.get_or_init(|| {
            let groups = Groups::new(data.catalogue());
            let mut of_group: Vec<Vec<ItemId>> = vec![Vec::new(); groups.len()];
            for &item in data.by_rank() {
                let list = &mut of_group[groups.of(item) as usize];
                if list.len() < OF_GROUP {
                    list.push(item);
                }
            }
            (Index::new(data.catalogue(), &groups, data.by_rank()), of_group)
        });
        let found = index.search(query);
        if !found.items.is_empty() {
            return found.items.into_iter().take(FOUND).map(|(item, share)| (item, share as f32)).collect();
        }
        // The shop calls no product so, but a category, or it has that kind of thing under another name.
        let groups = index.groups_of(query);
        let items = groups.iter().flat_map(|group| of_group[*group as usize].iter().copied());
        items.take(FOUND).map(|item| (item, 0.5)).collect()
    }
}

/// The products that acts point at by a moment, the strongest first.
pub fn interests(acts: &Acts, data: &Dataset, finder: &Finder, now_ms: i64) -> Vec<Interest> {
    let now_s = now_ms.div_euclid(1_000) as f64;
    let mut sums: FxHashMap<ItemId, Interest> = FxHashMap::default();
    // Of one product the act that weighs most says why.
    let mut strongest: FxHashMap<ItemId, f32> = FxHashMap::default();
    for (at_s, kind) in &acts.0[acts.0.len().saturating_sub(MAX_ACTS)..] {
        let (fresh, half_life) = kind.weight();
        let days = ((now_s - f64::from(*at_s)) / DAY_S).max(0.0);
        let weight = fresh * (-days / half_life).exp2() as f32;
        let (items, why): (Vec<(ItemId, f32)>, Why) = match kind {
            Kind::View(sku) => (data.catalogue().item(sku).map(|item| (item, 1.0)).into_iter().collect(), Why::Viewed),
            Kind::Rating(sku, _) => {
                (data.catalogue().item(sku).map(|item| (item, 1.0)).into_iter().collect(), Why::Rated)
            }
            Kind::Search(query) => (finder.search(data, query), Why::Searched),
            Kind::SignIn => (Vec::new(), Why::Viewed),
        };
        for (item, share) in items {
            let weight = weight * share;
            let at_ms = i64::from(*at_s) * 1_000;
            let sum = sums.entry(item).or_insert(Interest { item, weight: 0.0, why, at_ms });
            sum.weight += weight;
            let most = strongest.entry(item).or_insert(0.0);
            if weight.abs() >= *most {
                *most = weight.abs();
                (sum.why, sum.at_ms) = (why, at_ms);
            }
        }
    }
    let mut all: Vec<Interest> = sums.into_values().filter(|one| one.weight.abs() > 1e-3).collect();
    all.iter_mut().for_each(|one| one.weight = one.weight.clamp(LEAST, MOST));
    all.sort_unstable_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()).then(a.item.cmp(&b.item)));
    all.truncate(MAX_ITEMS);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baskets::Builder;
    use domain::behaviour::Item;

    const DAY_MS: i64 = 86_400_000;

    fn shop() -> Dataset {
        let names = [
            ("1", "red tea cup", "kitchen"),
            ("2", "blue lamp", "lights"),
            ("3", "硅胶手机壳", "数码配件"),
            ("4", "desk lamp", "lights"),
        ];
        let items = names.map(|(sku, name, category)| Item {
            sku: sku.into(),
            name: name.into(),
            category: category.into(),
            price_cents: 100,
            quantity: 1,
        });
        let mut builder = Builder::default();
        let action = Action::Purchase { order_id: "o".into(), items: items.to_vec() };
        builder.add(ShopperId(1), &Behaviour { id: "o".into(), at_ms: 0, action });
        builder.build()
    }

    /// `view 1`, `search blue lamp`, `rate 1 5`, `in`, each a number of days ago.
    fn act(text: &str, days_ago: i64) -> Behaviour {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let action = match word {
            "view" => Action::View { sku: rest.into() },
            "search" => Action::Search { query: rest.into() },
            "rate" => {
                let (sku, rating) = rest.split_once(' ').expect("sku and stars");
                Action::Review { sku: sku.into(), rating: rating.parse().expect("stars"), text: String::new() }
            }
            _ => Action::SignIn {},
        };
        Behaviour { id: text.into(), at_ms: (1_000 - days_ago) * DAY_MS, action }
    }

    #[test]
    fn acts_point_at_products_and_fade() {
        let (data, finder) = (shop(), Finder::default());
        for (acts, want) in [
            (vec![("view 1", 0)], vec![("1", 0.10, Why::Viewed)]),
            (vec![("view 1", 7)], vec![("1", 0.05, Why::Viewed)]),
            (vec![("view 1", 0), ("view 1", 0)], vec![("1", 0.20, Why::Viewed)]),
            (vec![("view 1", 700)], vec![]),
            (vec![("view none", 0)], vec![]),
            (vec![("in", 0)], vec![]),
            (vec![("rate 1 5", 0)], vec![("1", 0.30, Why::Rated)]),
            (vec![("rate 1 3", 0)], vec![]),
            (vec![("rate 1 1", 0)], vec![("1", -0.30, Why::Rated)]),
            (vec![("search 手机壳", 0)], vec![("3", 0.25, Why::Searched)]),
            (vec![("search lights", 0)], vec![("2", 0.125, Why::Searched), ("4", 0.125, Why::Searched)]),
            (vec![("search zzz", 0)], vec![]),
            (vec![("search red tea cup", 0), ("view 1", 0)], vec![("1", 0.35, Why::Searched)]),
            (vec![("rate 2 5", 0), ("rate 2 5", 0)], vec![("2", 0.5, Why::Rated)]),
            (vec![("view 1", -3)], vec![("1", 0.10, Why::Viewed)]),
        ] {
            let history: Vec<Behaviour> = acts.iter().map(|(text, days)| act(text, *days)).collect();
            let got = interests(&Acts::of(&history), &data, &finder, 1_000 * DAY_MS);
            let got: Vec<(&str, f32, Why)> = got
                .iter()
                .map(|one| (data.catalogue().sku(one.item), (one.weight * 1e4).round() / 1e4, one.why))
                .collect();
            assert_eq!(got, want, "{acts:?}");
        }
    }

    #[test]
    fn a_million_acts_are_a_few() {
        let mut signals = Signals::default();
        for n in 0..100_000 {
            signals.add(ShopperId(1), &act("view 1", n));
        }
        let (_, acts) = signals.iter().next().expect("one shopper");
        assert!(acts.0.len() < 2 * MAX_ACTS && acts.times().last() == Some(&(1_000 * 86_400)), "the latest stay");
    }
}
