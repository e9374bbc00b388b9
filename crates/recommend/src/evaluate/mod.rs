//! How well models foresee the next basket, measured on baskets they have not seen.
//!
//! recall@k is the share of the test basket among the k best items; ndcg@k (Järvelin, Kekäläinen 2002) weighs a hit in
//! place p by 1 / log2(p + 1) against the best possible order, cut at k. Both are means over the shoppers of the test
//! file; one without a history gets the most popular items. Items bought before may be recommended again, equal
//! scores go by train popularity, then by the item's name.
//!
//! [`top_n`] measures the same of a shopper's next new items, without any order, and how the whole catalogue fares.

pub mod measure;
mod report;
pub mod top_n;

use std::io::Read;

use domain::ids::ShopperId;
use rustc_hash::FxHashMap;

use crate::baskets::{Builder, Dataset, order_key};
use crate::models::Kind;
use crate::rows::{self, RowsError};

use measure::{Again, Case, measure};
pub use report::{AtK, Catalogued, ModelReport, Report};

/// The longest list of recommendations that is measured.
pub const MAX_K: usize = 1_000;

/// Shoppers on whom the default is chosen, spread evenly over all: all models are fitted once more on them.
const MAX_VALIDATION_SHOPPERS: usize = 4_000;

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

/// Fits the models on `train` and measures them on the first basket of each shopper of `test`. `seconds` is the
/// caller's monotonic clock.
pub fn next_basket(
    train: Source<'_, impl Read>,
    test: Source<'_, impl Read>,
    options: &Options,
    seconds: &dyn Fn() -> f64,
) -> Result<Report, EvaluateError> {
    check_ks(options)?;
    let mut shoppers = FxHashMap::default();
    let train = read(train, &mut shoppers)?;
    let test = read(test, &mut shoppers)?;
    let cases: Vec<Case> = (0..test.len()).map(|place| Case::of_test(&train, &test, place)).collect();
    let default = pick_default(&train, options, Again::Yes);
    let mut models = Vec::with_capacity(options.models.len());
    for kind in &options.models {
        let started = seconds();
        let model = kind.fit(&train, options.threads);
        let fitted = seconds();
        let measured = measure(&*model, &train, &cases, &options.ks, Again::Yes, options.threads);
        let scored = seconds();
        models.push(ModelReport {
            model: kind.name(),
            at: measured.at,
            catalogued: None,
            fit_s: fitted - started,
            score_s: scored - fitted,
            peak_rss_mb: None,
        });
    }
    Ok(Report { shoppers: cases.len(), default: default.name(), models })
}

fn check_ks(options: &Options) -> Result<(), EvaluateError> {
    match options.ks.iter().find(|k| !(1..=MAX_K).contains(*k)) {
        Some(&k) => Err(EvaluateError::K(k)),
        None => Ok(()),
    }
}

/// The model of the largest recall + ndcg at the first k on the last basket that each shopper of the train part has,
/// when fitted on the rest. Where nobody has two baskets there is nothing to compare on, and popularity is safe.
fn pick_default(train: &Dataset, options: &Options, again: Again) -> Kind {
    let (rest, held_out) = train.sampled(MAX_VALIDATION_SHOPPERS).hold_out(2);
    let mut best = (Kind::Popularity, 0.0);
    if held_out.is_empty() {
        return best.0;
    }
    let cases: Vec<Case> = held_out.into_iter().map(Case::held_out).collect();
    for kind in Kind::ALL {
        let model = kind.fit(&rest, options.threads);
        let k = options.ks.first().copied().unwrap_or(10);
        let at = measure(&*model, &rest, &cases, &[k], again, options.threads).at[0];
        if at.recall + at.ndcg > best.1 {
            best = (kind, at.recall + at.ndcg);
        }
    }
    best.0
}

pub(crate) fn read(
    source: Source<'_, impl Read>,
    shoppers: &mut FxHashMap<Box<str>, ShopperId>,
) -> Result<Dataset, EvaluateError> {
    let mut builder = Builder::default();
    let mut full = false;
    rows::read(source.name, source.reader, |row| {
        let shopper = shopper(shoppers, row.shopper);
        match builder.catalogue().intern(row.item, "", "") {
            Some(item) => builder.add_line(shopper, order_key(row.basket), row.at_ms, item),
            None => full = true,
        }
    })?;
    built(source.name, builder, full)
}

/// The number of a shopper, new if unknown.
fn shopper(shoppers: &mut FxHashMap<Box<str>, ShopperId>, name: &str) -> ShopperId {
    if let Some(&shopper) = shoppers.get(name) {
        return shopper;
    }
    let shopper = ShopperId(shoppers.len() as u64);
    shoppers.insert(name.into(), shopper);
    shopper
}

/// The data set, unless something found no room.
fn built(file: &str, builder: Builder, full: bool) -> Result<Dataset, EvaluateError> {
    let file = || file.to_owned();
    match (full, builder.dropped()) {
        (true, _) => Err(EvaluateError::TooManyItems { file: file() }),
        (_, 1..) => Err(EvaluateError::TooManyRows { file: file() }),
        _ => Ok(builder.build()),
    }
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
        assert_eq!((report.default, report.models.len()), ("popularity", Kind::ALL.len()), "nothing to hold out");
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
        let model =
            ModelReport { model: "tifu-knn", at, catalogued: None, fit_s: 1.0, score_s: 2.0, peak_rss_mb: None };
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
