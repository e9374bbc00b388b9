//! One file per model, each opening with its source. A model is fitted on a [`Dataset`] and scores items for one
//! shopper at a time; it never holds a matrix of items by items or shoppers by shoppers.

pub mod bpr;
pub mod combined;
pub mod ease;
pub mod gp_topfreq;
pub mod ials;
pub mod item_cf;
pub mod pairs;
pub mod popularity;
pub mod rp3beta;
pub mod slope_one;
pub mod tifu_knn;
pub mod with_pairs;

mod features;

use std::fmt;
use std::str::FromStr;

use crate::baskets::{Baskets, Dataset};
use crate::scores::Scratch;
use crate::tickets;

pub use bpr::Bpr;
pub use combined::Combined;
pub use ease::Ease;
pub use gp_topfreq::GpTopFreq;
pub use ials::Ials;
pub use item_cf::ItemCf;
pub use pairs::Pairs;
pub use popularity::Popularity;
pub use rp3beta::Rp3Beta;
pub use slope_one::SlopeOne;
pub use tifu_knn::TifuKnn;
pub use with_pairs::WithPairs;

pub(crate) use features::Working;

/// For whom a model scores.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The shopper's place in the data set the model was fitted on.
    pub place: Option<usize>,
    /// What the shopper has bought, oldest first.
    pub baskets: Baskets<'a>,
    /// Whether `baskets` is more than the model was fitted on.
    pub newer: bool,
}

impl Subject<'_> {
    /// A shopper of the data set.
    pub fn fitted(data: &Dataset, place: usize) -> Subject<'_> {
        Subject { place: Some(place), baskets: data.baskets(place), newer: false }
    }
}

/// A fitted model.
pub trait Model: Send + Sync {
    /// The name that the command line and reports use.
    fn name(&self) -> &'static str;

    /// Puts a score above 0 into `scratch.items` for every item that the model would recommend, larger is better.
    /// Leaves it empty where it knows nothing of the shopper: then popularity decides.
    fn score(&self, subject: Subject<'_>, scratch: &mut Scratch);

    /// Prepares for scoring everybody of the data set it was fitted on, on this many threads.
    fn prepare(&self, _threads: usize) {}
}

/// The models there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Popularity,
    GpTopFreq,
    SlopeOne,
    ItemCf,
    Rp3Beta,
    Ease,
    Ials,
    Bpr,
    BprTicket,
    Pairs,
    TifuKnn,
    Combined,
}

impl Kind {
    /// All models, the simplest first.
    pub const ALL: [Kind; 12] = [
        Kind::Popularity,
        Kind::GpTopFreq,
        Kind::SlopeOne,
        Kind::ItemCf,
        Kind::Rp3Beta,
        Kind::Ease,
        Kind::Ials,
        Kind::Bpr,
        Kind::BprTicket,
        Kind::Pairs,
        Kind::TifuKnn,
        Kind::Combined,
    ];

    /// The name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Popularity => "popularity",
            Kind::GpTopFreq => "gp-topfreq",
            Kind::SlopeOne => "slope-one",
            Kind::ItemCf => "item-cf",
            Kind::Rp3Beta => "rp3beta",
            Kind::Ease => "ease",
            Kind::Ials => "ials",
            Kind::Bpr => "bpr",
            Kind::BprTicket => "bpr-ticket",
            Kind::Pairs => "pairs",
            Kind::TifuKnn => "tifu-knn",
            Kind::Combined => "combined",
        }
    }

    /// Fits the model with its default parameters.
    pub fn fit(self, data: &Dataset, threads: usize) -> Box<dyn Model> {
        match self {
            Kind::Popularity => Box::new(Popularity::fit(data)),
            Kind::GpTopFreq => Box::new(GpTopFreq),
            Kind::SlopeOne => Box::new(SlopeOne::fit(data, slope_one::Params::default(), threads)),
            Kind::ItemCf => Box::new(ItemCf::fit(data, item_cf::Params::default(), threads)),
            Kind::Rp3Beta => Box::new(Rp3Beta::fit(data, rp3beta::Params::default(), threads)),
            Kind::Ease => Box::new(Ease::fit(data, ease::Params::default(), threads)),
            Kind::Ials => Box::new(Ials::fit(data, ials::Params::default(), threads)),
            Kind::Bpr => Box::new(Bpr::fit(data, bpr::Params::default())),
            Kind::BprTicket => Box::new(tickets::Served::fit(data, tickets::Search::served())),
            Kind::Pairs => Box::new(Pairs::fit(data, pairs::Params::default(), threads)),
            Kind::TifuKnn => Box::new(TifuKnn::fit(data, tifu_knn::Params::default())),
            Kind::Combined => Box::new(Combined::fit(data, combined::Params::default(), threads)),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no model's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no model is named {0:?}; there are {names}", names = Kind::ALL.map(Kind::name).join(", "))]
pub struct UnknownModel(String);

impl FromStr for Kind {
    type Err = UnknownModel;

    fn from_str(name: &str) -> Result<Kind, UnknownModel> {
        let wanted = name.trim().to_ascii_lowercase().replace('_', "-");
        let wanted = if wanted == "item-knn" { "item-cf" } else { &wanted };
        let found = Kind::ALL.into_iter().find(|kind| kind.name() == wanted);
        found.ok_or_else(|| UnknownModel(name.to_owned()))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::baskets::tests::{data, letters};
    use crate::scores::top;

    /// The `k` best items of a model for the shopper at `place` (or an unknown one), as letters.
    pub fn best(model: &dyn Model, data: &Dataset, place: Option<usize>, k: usize) -> String {
        let mut scratch = Scratch::default();
        scratch.items.reset(data.catalogue().len());
        match place {
            Some(place) => model.score(Subject::fitted(data, place), &mut scratch),
            None => model.score(Subject { place: None, baskets: Baskets::NONE, newer: true }, &mut scratch),
        }
        let items: Vec<_> = top(&scratch.items, k, data.by_rank(), data.rank()).into_iter().map(|(id, _)| id).collect();
        letters(data, &items)
    }

    #[test]
    fn every_model_goes_by_popularity_for_who_is_unknown() {
        let data = data(&[&["abc", "ab"], &["ad", "a"], &["e"]]);
        for kind in Kind::ALL {
            let model = kind.fit(&data, 1);
            assert_eq!(best(&*model, &data, None, 5), "abcde", "{kind}");
            assert_eq!((model.name(), kind.name().parse()), (kind.name(), Ok(kind)));
        }
        assert!("tifu".parse::<Kind>().is_err());
    }

    #[test]
    fn no_model_depends_on_the_number_of_threads() {
        let shoppers: Vec<Vec<String>> = (0..300u32)
            .map(|s| {
                (0..4)
                    .map(|b| (0..5).map(|i| char::from(b'a' + ((s * 7 + b * b + i * s) % 26) as u8)).collect())
                    .collect()
            })
            .collect();
        let texts: Vec<Vec<&str>> =
            shoppers.iter().map(|baskets| baskets.iter().map(String::as_str).collect()).collect();
        let data = data(&texts.iter().map(Vec::as_slice).collect::<Vec<_>>());
        for kind in Kind::ALL {
            let (one, three) = (kind.fit(&data, 1), kind.fit(&data, 3));
            three.prepare(3);
            for place in 0..data.len() {
                let (on_the_way, prepared) =
                    (best(&*one, &data, Some(place), 26), best(&*three, &data, Some(place), 26));
                assert_eq!(on_the_way, prepared, "{kind}, shopper {place}");
            }
        }
    }
}
