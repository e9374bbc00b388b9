//! The model in service: fitted on everybody's baskets, immutable, shared by all threads.

use domain::behaviour::Behaviour;
use domain::ids::ShopperId;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::baskets::{Baskets, Dataset, History};
use crate::catalogue::{Catalogue, ItemId};
use crate::models::item_cf::{self, ItemCf};
use crate::models::{Kind, Model, Subject};
use crate::outlook::Outlook;
use crate::rfm::{Borders, Standing};
use crate::scores::{Scratch, top};
use crate::signals::{Acts, Finder, Interest, Signals, Why, interests};

/// What popularity adds to a score at most, so that items of which the model says nothing are ordered by it. Below
/// what one purchase by one of a hundred neighbours adds.
const POPULARITY_PRIOR: f32 = 1e-5;

/// What a dislike takes of a score at most.
const DISLIKED: f32 = 0.9;

/// Days that the outlooks look ahead.
const MONTH_DAYS: u32 = 30;
const QUARTER_DAYS: u32 = 90;

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
    /// The shopper looked at it lately.
    Viewed { last_at_ms: i64 },
    /// The shopper searched for it, or for its kind, lately.
    Searched { last_at_ms: i64 },
    /// The shopper rated it well.
    Rated { last_at_ms: i64 },
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
            Reason::Viewed { last_at_ms } => format!("because you looked at it on {}", day(last_at_ms)),
            Reason::Searched { last_at_ms } => format!("because you searched for it on {}", day(last_at_ms)),
            Reason::Rated { last_at_ms } => format!("because you rated it well on {}", day(last_at_ms)),
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
    /// What shoppers' acts besides buying point at.
    interests: FxHashMap<ShopperId, Box<[Interest]>>,
    finder: Finder,
    outlooks: Outlooks,
    borders: Borders,
}

/// Whether shoppers buy soon, and whether they come back at all.
#[derive(Debug, Clone, Default)]
pub struct Outlooks {
    /// Within 30 days.
    pub month: Option<Outlook>,
    /// Within 90 days; who does not is lost to the shop for now.
    pub quarter: Option<Outlook>,
}

impl Fitted {
    /// Fits on all histories; neighbours are not searched yet, see [`Fitted::refresh_neighbours`].
    pub fn fit(data: Dataset, options: Options) -> Fitted {
        let model = options.model.fit(&data, options.threads);
        let item_cf = ItemCf::fit(&data, item_cf::Params::default(), options.threads);
        let most = data.popularity().iter().copied().max().unwrap_or(1).max(1) as f32;
        let prior = data.popularity().iter().map(|&count| count as f32 / most * POPULARITY_PRIOR).collect();
        let (interests, finder) = (FxHashMap::default(), Finder::default());
        Fitted {
            data,
            model,
            item_cf,
            prior,
            interests,
            finder,
            outlooks: Outlooks::default(),
            borders: Borders::default(),
        }
    }

    /// The same with what shoppers did besides buying, and what follows from when they bought: the outlooks and the
    /// borders of fifths. `now_ms` is when acts weigh what they weigh.
    pub fn with_signals(mut self, signals: &Signals, now_ms: i64, threads: usize) -> Fitted {
        let of = |acts: &Acts| interests(acts, &self.data, &self.finder, now_ms).into_boxed_slice();
        let all = signals.iter().map(|(shopper, acts)| (shopper, of(acts)));
        self.interests = all.filter(|(_, interests)| !interests.is_empty()).collect();
        let times: FxHashMap<ShopperId, Vec<u32>> =
            signals.iter().map(|(shopper, acts)| (shopper, acts.times())).collect();
        let acts = |shopper: ShopperId| times.get(&shopper).map_or(&[][..], Vec::as_slice);
        let outlook = |days| Outlook::fit(&self.data, &acts, days, threads);
        self.outlooks = Outlooks { month: outlook(MONTH_DAYS), quarter: outlook(QUARTER_DAYS) };
        let standings: Vec<Standing> =
            (0..self.data.len()).filter_map(|place| self.standing(place, signals, now_ms)).collect();
        self.borders = Borders::of(&standings);
        self
    }

    fn standing(&self, place: usize, signals: &Signals, now_ms: i64) -> Option<Standing> {
        let baskets = self.data.baskets(place);
        let last_ms = baskets.at_ms(baskets.len().checked_sub(1)?);
        Some(Standing {
            recency_days: (now_ms - last_ms).max(0) / 86_400_000,
            orders: baskets.len() as i64,
            spend_cents: signals.spend_cents(self.data.shopper(place)),
        })
    }

    /// A shopper's history as it is by now: purchases of items that the catalogue knows, and what the other acts point at.
    pub fn history(&self, behaviours: &[Behaviour], now_ms: i64) -> History {
        History::new(self.catalogue(), behaviours).with_interests(self.interests(behaviours, now_ms))
    }

    /// What a shopper's acts besides buying point at, the strongest first.
    pub fn interests(&self, behaviours: &[Behaviour], now_ms: i64) -> Vec<Interest> {
        interests(&Acts::of(behaviours), &self.data, &self.finder, now_ms)
    }

    /// Whether shoppers buy soon, as far as enough is known.
    pub fn outlooks(&self) -> &Outlooks {
        &self.outlooks
    }

    /// Where the shop's shoppers fall into fifths.
    pub fn borders(&self) -> &Borders {
        &self.borders
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

    /// Whether anything is known of what a shopper wants.
    pub fn knows(&self, shopper: ShopperId) -> bool {
        self.data.place(shopper).is_some() || self.interests.contains_key(&shopper)
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
        let interests = self.interests_of(who);
        if interests.is_empty() {
            return;
        }
        let mut scored = std::mem::take(&mut scratch.vector);
        scratch.items.read(&mut scored);
        // Of whom the model says nothing the acts alone speak.
        let best = scored.iter().map(|(_, score)| *score).fold(0.0, f32::max);
        let best = if best > 0.0 { best } else { 1.0 };
        scratch.vector = scored;
        for one in interests {
            // Sums stay above 0: what is disliked comes behind what the model says nothing against.
            let amount = (one.weight * best).max(-DISLIKED * scratch.items.get(one.item));
            if amount != 0.0 {
                scratch.items.add(one.item, amount);
            }
        }
    }

    fn interests_of<'a>(&'a self, who: Who<'a>) -> &'a [Interest] {
        match who {
            Who::Shopper(shopper) => self.interests.get(&shopper).map_or(&[], |all| all),
            Who::Newer(_, history) => history.interests(),
        }
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
        if let Some(one) = self.interests_of(who).iter().find(|one| one.item == item && one.weight > 0.0) {
            let last_at_ms = one.at_ms;
            return match one.why {
                Why::Viewed => Reason::Viewed { last_at_ms },
                Why::Searched => Reason::Searched { last_at_ms },
                Why::Rated => Reason::Rated { last_at_ms },
            };
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
    use domain::behaviour::Action;

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
    fn what_was_looked_at_counts_beside_what_was_bought() {
        let fitted = small_shop();
        let act = |action| Behaviour { id: "1".to_owned(), at_ms: 3 * 86_400_000, action };
        let view = act(Action::View { sku: "y".to_owned() });
        let rated = |rating| act(Action::Review { sku: "a".to_owned(), rating, text: String::new() });
        let own = [purchase("1", 0, "ab"), purchase("2", 1, "a"), purchase("3", 2, "a")];
        let best = |more: &[Behaviour]| {
            let history = fitted.history(&[&own[..], more].concat(), 3 * 86_400_000);
            let best = fitted.top(Who::Newer(ShopperId(1), &history), 9, &mut Scratch::default());
            let place = |sku: &str| best.iter().position(|one| Some(one.item) == fitted.catalogue().item(sku));
            let reason = best[place("y").expect("all items are listed")].reason;
            (place("a"), place("y"), reason)
        };
        let (a, before, reason) = best(&[]);
        assert_eq!((a, reason), (Some(0), Reason::Popular));
        let (a, after, reason) = best(std::slice::from_ref(&view));
        assert!(a == Some(0) && after < before, "a look moves it up, not to the top");
        assert_eq!(reason, Reason::Viewed { last_at_ms: 3 * 86_400_000 });
        assert_eq!(best(&[rated(5)]).0, Some(0));
        assert!(best(&vec![rated(1); 4]).0 > Some(0), "what was rated badly is not what comes first");
        let mut signals = Signals::default();
        signals.add(ShopperId(50), &view);
        let fitted = small_shop().with_signals(&signals, 3 * 86_400_000, 1);
        assert!(fitted.knows(ShopperId(50)) && fitted.outlooks().month.is_none());
        let first = fitted.top(Who::Shopper(ShopperId(50)), 1, &mut Scratch::default())[0];
        assert_eq!(fitted.catalogue().sku(first.item), "y");
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
