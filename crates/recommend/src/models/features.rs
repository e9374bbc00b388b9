//! What the combination sees of a shopper and an item: every model's score, and how often, how lately and in what rhythm
//! the shopper and all others bought it.

use super::{Ease, ItemCf, Model, Popularity};
use super::{Ials, Pairs, Rp3Beta, Subject, TifuKnn, ease, ials, item_cf, pairs, rp3beta, tifu_knn};
use crate::baskets::{Baskets, Dataset};
use crate::catalogue::ItemId;
use crate::scores::{Scores, Scratch, keep_best};
use crate::timeline::Timeline;

/// Candidates that each model names, besides the shopper's own items.
const CANDIDATES: usize = 100;

/// Of the most popular items.
const POPULAR_CANDIDATES: usize = 50;

/// Repurchases as if so many buyers of every item had not come back.
const SHRINKAGE: f32 = 3.0;

/// Half-lives of "lately" and "just now", as shares of all baskets.
const LATELY: f32 = 0.09;
const JUST_NOW: f32 = 0.023;

/// Stands for "never".
const NEVER: f32 = -1.0;

/// Features of a candidate.
pub(super) const WIDTH: usize = 28;

/// Models whose scores are features and whose best items are candidates.
const SOURCES: usize = 5;

/// Fitted models and what is known of every item.
pub(super) struct Features {
    tifu: TifuKnn,
    item_cf: ItemCf,
    rp3beta: Rp3Beta,
    ease: Ease,
    pairs: Pairs,
    ials: Ials,
    timeline: Timeline,
    popular: Vec<ItemId>,
    items: Vec<ItemFacts>,
}

/// What is known of an item without a shopper: 28 bytes.
#[derive(Debug, Clone, Copy)]
struct ItemFacts {
    baskets: f32,
    lately: f32,
    just_now: f32,
    first: f32,
    last: f32,
    /// Share of buyers who bought it again, and of baskets with it after which the next one had it too.
    bought_again: f32,
    in_next: f32,
}

/// What is reused between shoppers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Working {
    sources: [Vec<(ItemId, f32)>; SOURCES],
    own: Vec<(ItemId, f32)>,
    best: Vec<(ItemId, f32)>,
    /// By item: one more than its place among the candidates.
    places: Scores,
    pub candidates: Vec<ItemId>,
    /// The candidates' features, one after the other.
    pub table: Vec<f32>,
    habits: Vec<Habit>,
}

/// How a shopper bought one candidate, by the numbers of baskets.
#[derive(Debug, Clone, Copy, Default)]
struct Habit {
    times: u32,
    first: u32,
    last: u32,
}

impl Features {
    pub fn fit(data: &Dataset, threads: usize) -> Features {
        let timeline = Timeline::new(data);
        let items = item_facts(data, &timeline);
        let mut popular: Vec<(ItemId, f32)> = (0..).zip(items.iter().map(|item| item.lately)).collect();
        keep_best(&mut popular, POPULAR_CANDIDATES, |item| item);
        Features {
            tifu: TifuKnn::fit(data, tifu_knn::Params::default()),
            item_cf: ItemCf::fit(data, item_cf::Params::default(), threads),
            rp3beta: Rp3Beta::fit(data, rp3beta::Params::default(), threads),
            ease: Ease::fit(data, ease::Params::default(), threads),
            pairs: Pairs::fit(data, pairs::Params::default(), threads),
            ials: Ials::fit(data, ials::Params::default(), threads),
            timeline,
            popular: popular.into_iter().map(|(item, _)| item).collect(),
            items,
        }
    }

    pub fn item_count(&self) -> usize {
        self.items.len()
    }

    pub fn prepare(&self, threads: usize) {
        self.tifu.prepare(threads);
    }

    /// The model whose scores stand where nothing was learned from.
    pub fn fallback(&self) -> &TifuKnn {
        &self.tifu
    }

    /// Puts candidates and their features for one shopper into `scratch.working`.
    pub fn of(&self, subject: Subject<'_>, scratch: &mut Scratch) {
        let mut working = std::mem::take(&mut scratch.working);
        let models: [&dyn Model; SOURCES] = [&self.tifu, &self.item_cf, &self.rp3beta, &self.ease, &self.pairs];
        for (model, scores) in models.into_iter().zip(&mut working.sources) {
            scratch.items.reset(self.items.len());
            model.score(subject, scratch);
            scratch.items.read(scores);
        }
        self.tifu.own(subject, &mut scratch.own, &mut working.own);
        working.choose(&self.popular, self.items.len());
        working.note_habits(subject.baskets);
        working.table.clear();
        working.table.resize(working.candidates.len() * WIDTH, 0.0);
        let ials = self.ials.vector(subject, &mut scratch.own, &mut scratch.vector);
        self.fill(subject.baskets, &ials, &mut working);
        scratch.working = working;
    }

    fn fill(&self, baskets: Baskets<'_>, ials: &[f32], working: &mut Working) {
        let shopper = ShopperFacts::new(baskets, &self.timeline);
        for (place, (&item, habit)) in working.candidates.iter().zip(&working.habits).enumerate() {
            let facts = &self.items[item as usize];
            let row = &mut working.table[place * WIDTH..(place + 1) * WIDTH];
            row[9..16].copy_from_slice(&[
                facts.baskets,
                facts.lately,
                facts.just_now,
                facts.first - shopper.last_at,
                facts.last - shopper.last_at,
                facts.bought_again,
                facts.in_next,
            ]);
            row[16..22].copy_from_slice(&habit.features(baskets, shopper.last_at, &self.timeline));
            row[22..WIDTH].copy_from_slice(&[
                shopper.baskets,
                shopper.last_at,
                shopper.mean_size,
                shopper.last_size,
                shopper.distinct_share,
                shopper.mean_gap,
            ]);
        }
        if !ials.is_empty() {
            let mut place = 0;
            let table = &mut working.table;
            self.ials.scores(ials, &working.candidates, |score| {
                table[place * WIDTH + 8] = score;
                place += 1;
            });
        }
        let own_share = self.tifu.own_share();
        for (column, scores) in working.sources.iter().enumerate() {
            for &(item, score) in scores {
                if let Some(place) = place(&working.places, item) {
                    working.table[place * WIDTH + column] = score;
                }
            }
        }
        for &(item, weight) in &working.own {
            if let Some(place) = place(&working.places, item) {
                working.table[place * WIDTH + 5] = weight;
            }
        }
        for row in working.table.chunks_exact_mut(WIDTH) {
            // What similar shoppers add, and times bought per basket.
            row[6] = row[0] - own_share * row[5];
            row[7] = row[16] / shopper.baskets.max(1.0);
        }
    }
}

fn place(places: &Scores, item: ItemId) -> Option<usize> {
    (places.get(item) as usize).checked_sub(1)
}

impl Working {
    /// The shopper's own items and the best of every model, ascending.
    fn choose(&mut self, popular: &[ItemId], item_count: usize) {
        self.candidates.clear();
        self.candidates.extend_from_slice(popular);
        self.candidates.extend(self.own.iter().map(|(item, _)| *item));
        for scores in &self.sources {
            self.best.clear();
            self.best.extend_from_slice(scores);
            keep_best(&mut self.best, CANDIDATES, |item| item);
            self.candidates.extend(self.best.iter().map(|(item, _)| *item));
        }
        self.candidates.sort_unstable();
        self.candidates.dedup();
        self.places.reset(item_count);
        (1u32..).zip(&self.candidates).for_each(|(place, &item)| self.places.add(item, place as f32));
    }

    fn note_habits(&mut self, baskets: Baskets<'_>) {
        self.habits.clear();
        self.habits.resize(self.candidates.len(), Habit::default());
        for (basket, items) in (0u32..).zip(baskets.iter()) {
            for &item in items {
                if let Some(place) = place(&self.places, item) {
                    let habit = &mut self.habits[place];
                    habit.first = if habit.times == 0 { basket } else { habit.first };
                    habit.last = basket;
                    habit.times += 1;
                }
            }
        }
    }
}

impl Habit {
    /// Times bought; baskets since the last time; mean gap in baskets; one by the other; the share of all baskets since;
    /// times per basket since the first time.
    fn features(&self, baskets: Baskets<'_>, last_at: f32, timeline: &Timeline) -> [f32; 6] {
        if self.times == 0 {
            return [0.0, NEVER, NEVER, NEVER, NEVER, NEVER];
        }
        let count = baskets.len() as f32;
        let since = count - 1.0 - self.last as f32;
        let gap = if self.times > 1 { (self.last - self.first) as f32 / (self.times - 1) as f32 } else { NEVER };
        let rhythm = if gap > 0.0 { since / gap } else { NEVER };
        let ago = last_at - timeline.share(baskets.at_ms(self.last as usize));
        [self.times as f32, since, gap, rhythm, ago, self.times as f32 / (count - self.first as f32)]
    }
}

/// What is known of a shopper without an item.
struct ShopperFacts {
    baskets: f32,
    last_at: f32,
    mean_size: f32,
    last_size: f32,
    /// Different items by lines: 1 for who never buys an item again.
    distinct_share: f32,
    /// Between two baskets, as a share of all baskets.
    mean_gap: f32,
}

impl ShopperFacts {
    fn new(baskets: Baskets<'_>, timeline: &Timeline) -> ShopperFacts {
        let at = |basket| timeline.share(baskets.at_ms(basket));
        let count = baskets.len();
        let mut all: Vec<ItemId> = baskets.iter().flatten().copied().collect();
        let lines = all.len().max(1) as f32;
        all.sort_unstable();
        all.dedup();
        let (first_at, last_at) = if count == 0 { (0.0, 0.0) } else { (at(0), at(count - 1)) };
        ShopperFacts {
            baskets: count as f32,
            last_at,
            mean_size: lines / count.max(1) as f32,
            last_size: if count == 0 { 0.0 } else { baskets.items(count - 1).len() as f32 },
            distinct_share: all.len() as f32 / lines,
            mean_gap: (last_at - first_at) / count.saturating_sub(1).max(1) as f32,
        }
    }
}

fn item_facts(data: &Dataset, timeline: &Timeline) -> Vec<ItemFacts> {
    let none =
        ItemFacts { baskets: 0.0, lately: 0.0, just_now: 0.0, first: 1.0, last: 0.0, bought_again: 0.0, in_next: 0.0 };
    let mut items = vec![none; data.catalogue().len()];
    let lately = Popularity::decayed(data, LATELY);
    let just_now = Popularity::decayed(data, JUST_NOW);
    let (mut buyers, mut followed) = (vec![0f32; items.len()], vec![0f32; items.len()]);
    let mut own: Vec<ItemId> = Vec::new();
    for place in 0..data.len() {
        let baskets = data.baskets(place);
        for basket in 0..baskets.len() {
            let at = timeline.share(baskets.at_ms(basket));
            let next = if basket + 1 < baskets.len() { baskets.items(basket + 1) } else { &[] };
            for &item in baskets.items(basket) {
                let facts = &mut items[item as usize];
                facts.first = facts.first.min(at);
                facts.last = facts.last.max(at);
                followed[item as usize] += f32::from(u8::from(basket + 1 < baskets.len()));
                facts.in_next += f32::from(u8::from(next.binary_search(&item).is_ok()));
            }
        }
        own.clear();
        own.extend(baskets.iter().flatten());
        own.sort_unstable();
        for same in own.chunk_by(|a, b| a == b) {
            buyers[same[0] as usize] += 1.0;
            items[same[0] as usize].bought_again += f32::from(u8::from(same.len() > 1));
        }
    }
    for (item, facts) in items.iter_mut().enumerate() {
        facts.baskets = data.popularity()[item] as f32;
        facts.lately = lately.count(item as ItemId);
        facts.just_now = just_now.count(item as ItemId);
        facts.bought_again /= buyers[item] + SHRINKAGE;
        facts.in_next /= followed[item] + SHRINKAGE;
    }
    items
}
