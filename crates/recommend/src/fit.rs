//! The model in service: fitted on everybody's baskets, immutable, shared by all threads.

use domain::ids::ShopperId;
use serde::{Deserialize, Serialize};

use crate::baskets::{Baskets, Dataset, History};
use crate::catalogue::{Catalogue, ItemId};
use crate::models::item_cf::{self, ItemCf};
use crate::models::{Kind, Model, Subject};
use crate::scores::{Scratch, top};

/// What popularity adds to a score at most, so that items of which the model says nothing are ordered by it. Below
/// what one purchase by one of a hundred neighbours adds.
const POPULARITY_PRIOR: f32 = 1e-5;

/// How [`Fitted::fit`] works.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub model: Kind,
    pub threads: usize,
}

impl Default for Options {
    /// TIFU-KNN does best on held-out baskets of Online Retail.
    fn default() -> Options {
        Options { model: Kind::TifuKnn, threads: 2 }
    }
}

/// For whom.
#[derive(Debug, Clone, Copy)]
pub enum Who<'a> {
    /// A shopper as the data set has them; one it does not know gets what is popular.
    Shopper(ShopperId),
    /// A shopper with this history instead, because it is newer than the data set; it was made with the catalogue of
    /// the same fit. `ShopperId` keeps a shopper whom the data set knows from being their own neighbour.
    Newer(ShopperId, &'a History),
}

/// Why an item is recommended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
    /// The shopper bought it, in so many baskets.
    Bought { times: u32, last_at_ms: i64 },
    /// Those who bought `item`, as this shopper last did then, bought this too.
    GoesWith { item: ItemId, last_at_ms: i64 },
    /// Shoppers with similar baskets bought it.
    SimilarShoppers,
    /// Many bought it.
    Popular,
}

impl Reason {
    /// The reason in a few words, for the shopper. Days are those of UTC.
    pub fn text(self, catalogue: &Catalogue) -> String {
        let or_sku = |item| if catalogue.name(item).is_empty() { catalogue.sku(item) } else { catalogue.name(item) };
        match self {
            Reason::Bought { times: 1, last_at_ms } => format!("because you bought it on {}", day(last_at_ms)),
            Reason::Bought { times, last_at_ms } => {
                format!("because you bought it {times} times, last on {}", day(last_at_ms))
            }
            Reason::GoesWith { item, last_at_ms } => {
                format!("because you bought {} on {}", or_sku(item), day(last_at_ms))
            }
            Reason::SimilarShoppers => "because shoppers like you bought it".to_owned(),
            Reason::Popular => "popular".to_owned(),
        }
    }
}

fn day(at_ms: i64) -> jiff::civil::Date {
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
    at.to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// One recommended item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recommendation {
    pub item: ItemId,
    /// Comparable only among one shopper's items; larger is better.
    pub score: f32,
    pub reason: Reason,
}

/// A fitted model with the data set it was fitted on.
pub struct Fitted {
    data: Dataset,
    model: Box<dyn Model>,
    /// For reasons.
    item_cf: ItemCf,
    /// By item: what popularity adds to its score.
    prior: Vec<f32>,
}

impl Fitted {
    /// Fits on all histories; neighbours are not searched yet, see [`Fitted::refresh_neighbours`].
    pub fn fit(data: Dataset, options: Options) -> Fitted {
        let model = options.model.fit(&data, options.threads);
        let item_cf = ItemCf::fit(&data, item_cf::Params::default(), options.threads);
        let most = data.popularity().iter().copied().max().unwrap_or(1).max(1) as f32;
        let prior = data.popularity().iter().map(|&count| count as f32 / most * POPULARITY_PRIOR).collect();
        Fitted { data, model, item_cf, prior }
    }

    /// Searches everybody's neighbours now, so that scoring only reads them. Scores stay the same; other threads may
    /// score meanwhile.
    pub fn refresh_neighbours(&self, threads: usize) {
        self.model.prepare(threads);
    }

    /// The items by number and name.
    pub fn catalogue(&self) -> &Catalogue {
        self.data.catalogue()
    }

    /// The data set that the model was fitted on.
    pub fn data(&self) -> &Dataset {
        &self.data
    }

    /// The name of the model.
    pub fn model(&self) -> &'static str {
        self.model.name()
    }

    /// Whether the data set has baskets of a shopper.
    pub fn knows(&self, shopper: ShopperId) -> bool {
        self.data.place(shopper).is_some()
    }

    /// Scores of the items, in their order, into `out`. Items that the model says nothing of are ordered by
    /// popularity, all below the others.
    pub fn scores(&self, who: Who<'_>, items: &[ItemId], scratch: &mut Scratch, out: &mut Vec<f32>) {
        self.score(who, scratch);
        out.clear();
        out.extend(items.iter().map(|&item| self.score_of(item, scratch)));
    }

    /// The `k` best items, best first; equal ones by popularity, then by sku.
    pub fn top(&self, who: Who<'_>, k: usize, scratch: &mut Scratch) -> Vec<Recommendation> {
        self.score(who, scratch);
        let best = top(&scratch.items, k.min(self.data.catalogue().len()), self.data.by_rank(), self.data.rank());
        self.note_bought(who, scratch);
        best.into_iter()
            .map(|(item, _)| {
                let (score, reason) = (self.score_of(item, scratch), self.reason(who, item, scratch));
                Recommendation { item, score, reason }
            })
            .collect()
    }

    /// Puts the model's scores into `scratch.items`.
    pub(crate) fn score(&self, who: Who<'_>, scratch: &mut Scratch) {
        scratch.items.reset(self.data.catalogue().len());
        self.model.score(self.subject(who), scratch);
    }

    /// One item's score after [`Fitted::score`].
    pub(crate) fn score_of(&self, item: ItemId, scratch: &Scratch) -> f32 {
        scratch.items.get(item) + self.prior[item as usize]
    }

    /// Puts in how many baskets the shopper bought each item into `scratch.own`, for [`Fitted::reason`].
    pub(crate) fn note_bought(&self, who: Who<'_>, scratch: &mut Scratch) {
        scratch.own.reset(self.data.catalogue().len());
        self.subject(who).baskets.iter().flatten().for_each(|&item| scratch.own.add(item, 1.0));
    }

    /// Why an item has its score, after [`Fitted::score`] and [`Fitted::note_bought`].
    pub(crate) fn reason(&self, who: Who<'_>, item: ItemId, scratch: &Scratch) -> Reason {
        if scratch.own.get(item) > 0.0
            && let Some((times, last_at_ms)) = self.subject(who).baskets.bought(item)
        {
            return Reason::Bought { times, last_at_ms };
        }
        if scratch.items.get(item) <= 0.0 {
            return Reason::Popular;
        }
        let bought = self.item_cf.neighbours(item).filter(|(near, _)| scratch.own.get(*near) > 0.0);
        let nearest = bought.max_by(|a, b| a.1.total_cmp(&b.1));
        nearest.map_or(
            if self.subject(who).baskets.is_empty() { Reason::Popular } else { Reason::SimilarShoppers },
            |(item, _)| {
                let last_at_ms = self.subject(who).baskets.bought(item).map_or(0, |(_, last_at_ms)| last_at_ms);
                Reason::GoesWith { item, last_at_ms }
            },
        )
    }

    pub(crate) fn subject<'a>(&'a self, who: Who<'a>) -> Subject<'a> {
        match who {
            Who::Shopper(shopper) => match self.data.place(shopper) {
                Some(place) => Subject::fitted(&self.data, place),
                None => Subject { place: None, baskets: Baskets::NONE, newer: true },
            },
            Who::Newer(shopper, history) => {
                Subject { place: self.data.place(shopper), baskets: history.baskets(), newer: true }
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::baskets::tests::{data, letters, purchase};

    pub fn small_shop() -> Fitted {
        // Two tastes that share nothing, and the popular p.
        let kitchen: [&[&str]; 3] = [&["ab", "a", "a"], &["abc", "p"], &["bcd", "p"]];
        let garden: [&[&str]; 3] = [&["xy", "x", "x"], &["xyz", "p"], &["yzw", "p"]];
        Fitted::fit(data(&[kitchen, garden].concat()), Options::default())
    }

    fn top_letters(fitted: &Fitted, who: Who<'_>, k: usize) -> String {
        let best = fitted.top(who, k, &mut Scratch::default());
        letters(fitted.data(), &best.iter().map(|one| one.item).collect::<Vec<_>>())
    }

    #[test]
    fn recommendations_say_why() {
        let fitted = small_shop();
        let item = |sku| fitted.catalogue().item(sku).expect("bought");
        let best = fitted.top(Who::Shopper(ShopperId(1)), 9, &mut Scratch::default());
        let reason = |sku| best.iter().find(|one| one.item == item(sku)).expect("all items are listed").reason;
        assert_eq!(reason("a"), Reason::Bought { times: 3, last_at_ms: 2 * 86_400_000 });
        assert_eq!(reason("c"), Reason::GoesWith { item: item("b"), last_at_ms: 0 });
        assert_eq!(reason("x"), Reason::Popular, "nobody alike bought it");
        assert_eq!(best[0].item, item("a"));
        assert!(best.windows(2).all(|pair| pair[0].score >= pair[1].score), "best first");
        let texts: Vec<String> = ["a", "b", "c", "x"].map(|sku| reason(sku).text(fitted.catalogue())).to_vec();
        let want = [
            "because you bought it 3 times, last on 1970-01-03",
            "because you bought it on 1970-01-01",
            "because you bought item b on 1970-01-01",
            "popular",
        ];
        assert_eq!(texts, want);
    }

    #[test]
    fn a_shopper_unknown_to_the_fit_gets_popularity_or_their_own_history() {
        let fitted = small_shop();
        let unknown = ShopperId(99);
        assert!(fitted.knows(ShopperId(1)) && !fitted.knows(unknown));
        assert_eq!(top_letters(&fitted, Who::Shopper(unknown), 3), "apx");
        let history = History::new(fitted.catalogue(), &[purchase("1", 1, "zw")]);
        assert_eq!(top_letters(&fitted, Who::Newer(unknown, &history), 2), "zw");
        let everyone = fitted.top(Who::Shopper(unknown), 100, &mut Scratch::default());
        assert!(everyone.len() == fitted.catalogue().len() && everyone.iter().all(|one| one.reason == Reason::Popular));
    }

    #[test]
    fn scores_of_a_list_agree_with_the_top_and_with_prepared_neighbours() {
        let fitted = small_shop();
        let mut scratch = Scratch::default();
        let scores = |fitted: &Fitted, scratch: &mut Scratch| {
            let mut all = Vec::new();
            for shopper in 0..8 {
                let mut out = Vec::new();
                fitted.scores(Who::Shopper(ShopperId(shopper)), &[0, 1, 2, 3, 4], scratch, &mut out);
                all.push(out);
            }
            all
        };
        let on_the_way = scores(&fitted, &mut scratch);
        fitted.refresh_neighbours(2);
        assert_eq!(on_the_way, scores(&fitted, &mut scratch));
        let best = fitted.top(Who::Shopper(ShopperId(2)), 5, &mut scratch);
        for one in best.iter().filter(|one| one.item < 5) {
            assert_eq!(one.score, on_the_way[2][one.item as usize]);
        }
    }
}
