//! How well models foresee the next basket, measured on baskets they have not seen.
//!
//! recall@k is the share of the test basket among the k best items; ndcg@k (Järvelin, Kekäläinen 2002) weighs a hit in
//! place p by 1 / log2(p + 1) against the best possible order, cut at k. Both are means over the shoppers of the test
//! file; one without a history gets the most popular items. Items bought before may be recommended again, equal
//! scores go by train popularity, then by the item's name.

use std::fmt;
use std::io::Read;

use domain::ids::ShopperId;
use rustc_hash::FxHashMap;
use serde::Serialize;
use serde::ser::SerializeMap;

use crate::baskets::{Baskets, Builder, Dataset, order_key};
use crate::catalogue::ItemId;
use crate::models::{Kind, Model, Subject};
use crate::parallel;
use crate::rows::{self, RowsError};
use crate::scores::{Scratch, top};

/// The longest list of recommendations that is measured.
pub const MAX_K: usize = 1_000;

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    #[error(transparent)]
    Rows(#[from] RowsError),
    #[error("k is {0}; expected a number from 1 to {MAX_K}")]
    K(usize),
    #[error("{file}: more items than the {limit} a catalogue holds", limit = crate::catalogue::MAX_ITEMS)]
    TooManyItems { file: String },
    #[error("{file}: more rows than the {limit} that fit", limit = crate::baskets::MAX_LINES)]
    TooManyRows { file: String },
}

/// What is measured and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// Lengths of the lists, at least one, each from 1 to [`MAX_K`].
    pub ks: Vec<usize>,
    pub models: Vec<Kind>,
    pub threads: usize,
}

/// A file and how errors name it.
#[derive(Debug)]
pub struct Source<'a, R> {
    pub name: &'a str,
    pub reader: R,
}

/// What came out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Shoppers in the test file.
    pub shoppers: usize,
    /// The model that did best on baskets held out from the train file.
    pub default: &'static str,
    pub models: Vec<ModelReport>,
}

/// One model's figures; serialised flat, as `recall@10` and so on.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelReport {
    pub model: &'static str,
    /// In the order of [`Options::ks`].
    pub at: Vec<AtK>,
    /// Wall seconds of fitting and of scoring all shoppers.
    pub fit_s: f64,
    pub score_s: f64,
}

/// Means over the shoppers for lists of one length.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct AtK {
    pub k: usize,
    pub recall: f64,
    pub ndcg: f64,
}

impl Serialize for ModelReport {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("model", self.model)?;
        for at in &self.at {
            map.serialize_entry(&format!("recall@{}", at.k), &at.recall)?;
            map.serialize_entry(&format!("ndcg@{}", at.k), &at.ndcg)?;
        }
        map.serialize_entry("fit_s", &self.fit_s)?;
        map.serialize_entry("score_s", &self.score_s)?;
        map.end()
    }
}

/// A table for people, one line per model.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<12}", "model")?;
        for at in self.models.iter().take(1).flat_map(|model| &model.at) {
            write!(f, " {:>10} {:>10}", format!("recall@{}", at.k), format!("ndcg@{}", at.k))?;
        }
        writeln!(f, " {:>8} {:>8}", "fit_s", "score_s")?;
        for model in &self.models {
            write!(f, "{:<12}", model.model)?;
            for at in &model.at {
                write!(f, " {:>10.4} {:>10.4}", at.recall, at.ndcg)?;
            }
            writeln!(f, " {:>8.3} {:>8.3}", model.fit_s, model.score_s)?;
        }
        write!(f, "{} shoppers; default, by baskets held out from the train file: {}", self.shoppers, self.default)
    }
}

/// Fits the models on `train` and measures them on the first basket of each shopper of `test`. `seconds` is the
/// caller's monotonic clock.
pub fn next_basket(
    train: Source<'_, impl Read>,
    test: Source<'_, impl Read>,
    options: &Options,
    seconds: &dyn Fn() -> f64,
) -> Result<Report, EvaluateError> {
    if let Some(&k) = options.ks.iter().find(|k| !(1..=MAX_K).contains(*k)) {
        return Err(EvaluateError::K(k));
    }
    let mut shoppers = FxHashMap::default();
    let train = read(train, &mut shoppers)?;
    let test = read(test, &mut shoppers)?;
    let cases: Vec<Case> = (0..test.len()).map(|place| Case::of_test(&train, &test, place)).collect();
    let default = pick_default(&train, options);
    let mut models = Vec::with_capacity(options.models.len());
    for kind in &options.models {
        let started = seconds();
        let model = kind.fit(&train, options.threads);
        let fitted = seconds();
        let at = measure(&*model, &train, &cases, &options.ks, options.threads);
        let scored = seconds();
        models.push(ModelReport { model: kind.name(), at, fit_s: fitted - started, score_s: scored - fitted });
    }
    Ok(Report { shoppers: cases.len(), default: default.name(), models })
}

/// The model of the largest recall + ndcg at the first k on the last basket that each shopper of the train part has,
/// when fitted on the rest. Where nobody has two baskets there is nothing to compare on, and popularity is safe.
fn pick_default(train: &Dataset, options: &Options) -> Kind {
    let (rest, held_out) = train.hold_out(2);
    let mut best = (Kind::Popularity, 0.0);
    if held_out.is_empty() {
        return best.0;
    }
    let cases: Vec<Case> = held_out
        .into_iter()
        .map(|held| Case { place: Some(held.shopper), size: held.items.len(), items: held.items })
        .collect();
    for kind in Kind::ALL {
        let model = kind.fit(&rest, options.threads);
        let k = options.ks.first().copied().unwrap_or(10);
        let at = measure(&*model, &rest, &cases, &[k], options.threads)[0];
        if at.recall + at.ndcg > best.1 {
            best = (kind, at.recall + at.ndcg);
        }
    }
    best.0
}

fn read(
    source: Source<'_, impl Read>,
    shoppers: &mut FxHashMap<Box<str>, ShopperId>,
) -> Result<Dataset, EvaluateError> {
    let mut builder = Builder::default();
    let mut full = false;
    rows::read(source.name, source.reader, |row| {
        let shopper = match shoppers.get(row.shopper) {
            Some(&shopper) => shopper,
            None => {
                let shopper = ShopperId(shoppers.len() as u64);
                shoppers.insert(row.shopper.into(), shopper);
                shopper
            }
        };
        match builder.catalogue().intern(row.item, "", "") {
            Some(item) => builder.add_line(shopper, order_key(row.basket), row.at_ms, item),
            None => full = true,
        }
    })?;
    let file = || source.name.to_owned();
    match (full, builder.dropped()) {
        (true, _) => Err(EvaluateError::TooManyItems { file: file() }),
        (_, 1..) => Err(EvaluateError::TooManyRows { file: file() }),
        _ => Ok(builder.build()),
    }
}

/// One shopper to foresee.
struct Case {
    /// The shopper's place in the train part.
    place: Option<usize>,
    /// The basket's items that the train part knows, ascending.
    items: Vec<ItemId>,
    /// All items of the basket, also those that nobody can foresee.
    size: usize,
}

impl Case {
    fn of_test(train: &Dataset, test: &Dataset, place: usize) -> Case {
        let basket = test.baskets(place).items(0);
        let mut items: Vec<ItemId> =
            basket.iter().filter_map(|&item| train.catalogue().item(test.catalogue().sku(item))).collect();
        items.sort_unstable();
        Case { place: train.place(test.shopper(place)), items, size: basket.len() }
    }
}

/// Means over all cases, the same on any number of threads.
fn measure(model: &dyn Model, data: &Dataset, cases: &[Case], ks: &[usize], threads: usize) -> Vec<AtK> {
    let longest = ks.iter().copied().max().unwrap_or(0);
    let sums = parallel::chunks(cases.len(), threads, Scratch::default, |scratch, range| {
        let mut sums: Vec<AtK> = ks.iter().map(|&k| AtK { k, ..AtK::default() }).collect();
        for case in &cases[range] {
            scratch.items.reset(data.catalogue().len());
            let subject = case.place.map_or(Subject { place: None, baskets: Baskets::NONE, newer: true }, |place| {
                Subject::fitted(data, place)
            });
            model.score(subject, scratch);
            let best = top(&scratch.items, longest, data.by_rank(), data.rank());
            for sum in &mut sums {
                let (recall, ndcg) = metrics(&best, &case.items, case.size, sum.k);
                sum.recall += recall;
                sum.ndcg += ndcg;
            }
        }
        sums
    });
    let count = cases.len().max(1) as f64;
    let mean = |(place, &k): (usize, &usize)| AtK {
        k,
        recall: sums.iter().map(|sum| sum[place].recall).sum::<f64>() / count,
        ndcg: sums.iter().map(|sum| sum[place].ndcg).sum::<f64>() / count,
    };
    ks.iter().enumerate().map(mean).collect()
}

/// recall@k and ndcg@k of a list for a basket of `size` items, of which `items` (ascending) can be in the list.
fn metrics(best: &[(ItemId, f32)], items: &[ItemId], size: usize, k: usize) -> (f64, f64) {
    let gain = |place: usize| 1.0 / (place as f64 + 2.0).log2();
    let hits = best.iter().take(k).enumerate().filter(|(_, (item, _))| items.binary_search(item).is_ok());
    let (count, gained) = hits.fold((0u32, 0.0), |(count, sum), (place, _)| (count + 1, sum + gain(place)));
    let ideal: f64 = (0..size.min(k)).map(gain).sum();
    if size == 0 { (0.0, 0.0) } else { (f64::from(count) / size as f64, gained / ideal) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(train: &str, test: &str, models: &[Kind], ks: &[usize]) -> Result<Report, EvaluateError> {
        let csv = |rows: &str| {
            let rows = rows.split_whitespace().map(|row| format!("{row}\n")).collect::<String>();
            format!("shopper,basket,at,item\n{rows}")
        };
        let (train, test) = (csv(train), csv(test));
        let options = Options { ks: ks.to_vec(), models: models.to_vec(), threads: 2 };
        let train = Source { name: "train", reader: train.as_bytes() };
        next_basket(train, Source { name: "test", reader: test.as_bytes() }, &options, &|| 0.0)
    }

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
    fn the_protocol_on_a_small_shop() {
        // a is in three train baskets, b in two, c in one; 9 was never seen and gets popularity; z cannot be foreseen.
        let train = "1,1,2020-01-01,a 1,1,2020-01-01,a 1,2,2020-01-02,b 2,3,2020-01-01,a 2,4,2020-01-02,b 3,5,2020-01-01,a 3,5,2020-01-01,c";
        let test = "1,8,2020-02-01,b 3,9,2020-02-01,c 3,9,2020-02-01,z 9,10,2020-02-02T00:00:00Z,b 9,11,2020-02-03,c";
        let report = run(train, test, &[Kind::Popularity, Kind::GpTopFreq], &[1, 2]).expect("good rows");
        let second = 1.0 / 3f64.log2();
        let check = |model: usize, k: usize, recall: f64, ndcg: f64| {
            let at = report.models[model].at[k];
            assert!((at.recall - recall).abs() + (at.ndcg - ndcg).abs() < 1e-12, "model {model}: {at:?}");
        };
        assert_eq!(report.shoppers, 3);
        check(0, 0, 0.0, 0.0);
        check(0, 1, (1.0 + 0.0 + 1.0) / 3.0, (second + 0.0 + second) / 3.0);
        check(1, 0, 0.0, 0.0);
        check(1, 1, (1.0 + 0.5 + 1.0) / 3.0, (second + second / (1.0 + second) + second) / 3.0);
    }

    #[test]
    fn the_default_is_picked_on_the_train_part() {
        // Each shopper buys the same again, so their own frequency foresees the held-out basket best.
        let own: String = (0..6)
            .flat_map(|s| (1..4).map(move |b| format!("{s},{s}{b},2020-01-0{b},{} ", char::from(b'a' + s))))
            .collect();
        let report = run(&own, "1,99,2020-02-01,a", &[Kind::Popularity], &[1]).expect("good rows");
        assert_ne!(report.default, "popularity");
        let report = run("1,1,2020-01-01,a 2,2,2020-01-01,b", "1,9,2020-02-01,a", &Kind::ALL, &[1]).expect("good rows");
        assert_eq!((report.default, report.models.len()), ("popularity", 4), "nothing to hold out");
    }

    #[test]
    fn baskets_go_by_time_not_by_text() {
        // 23:30 in New York is later than 01:00 in London of the next day: the next basket holds a.
        let test = "1,7,2020-02-01T23:30:00-05:00,b 1,6,2020-02-02T01:00:00+00:00,a";
        let report = run("1,1,2020-01-01,a", test, &[Kind::GpTopFreq], &[1]).expect("good rows");
        assert_eq!(report.models[0].at[0].recall, 1.0);
    }

    #[test]
    fn the_report_has_the_agreed_keys() {
        let at = vec![AtK { k: 10, recall: 0.25, ndcg: 0.5 }];
        let model = ModelReport { model: "tifu-knn", at, fit_s: 1.0, score_s: 2.0 };
        let report = Report { shoppers: 2, default: "tifu-knn", models: vec![model] };
        let want = r#"{"shoppers":2,"default":"tifu-knn","models":[{"model":"tifu-knn","recall@10":0.25,"ndcg@10":0.5,"fit_s":1.0,"score_s":2.0}]}"#;
        assert_eq!(serde_json::to_string(&report).expect("plain numbers"), want);
    }

    #[test]
    fn bad_input_is_named() {
        let check = |train: &str, test: &str, k: usize, expect: &str| {
            let error = run(train, test, &Kind::ALL, &[k]).expect_err("bad input").to_string();
            assert!(error.contains(expect), "{error}");
        };
        let row = "1,1,2020-01-01,a";
        check("", row, 10, "train: no rows");
        check(row, "", 10, "test: no rows");
        check(row, "1,1,2020-01-01,a 1,1,soon,a", 10, "test, line 3: `at` is \"soon\"");
        check(row, row, 0, "k is 0");
        check(row, row, MAX_K + 1, "from 1 to 1000");
    }
}
