//! How well models foresee what a shopper takes that they have not had, and how the whole catalogue fares by it.
//!
//! Files have rows `shopper,item` without an order. Items of a shopper's train rows are not recommended again. Besides
//! recall@k and ndcg@k: coverage is the share of the catalogue that anybody is shown; the Gini coefficient of exposure says
//! how unevenly (0: every item equally often; Adomavicius, Kwon 2012); novelty is the mean self-information of what is
//! shown, -log2 of the share of shoppers who have it (Zhou et al. 2010).
//!
//! Some models want baskets in an order, and all a part to be held out: a shopper's rows are dealt into [`PARTS`] parts by
//! a hash, which stand where baskets do.

use std::io::Read;

use domain::ids::{ShopperId, mix};
use rustc_hash::FxHashMap;

use super::measure::{Again, Case, measure};
use super::{EvaluateError, ModelReport, Options, Report, Source, check_ks, pick_default, shopper};
use crate::baskets::{Builder, Dataset};
use crate::rows;

/// Parts of a shopper's train rows.
pub const PARTS: u64 = 5;

/// What the caller reads for us.
pub struct Meter<'a> {
    /// A monotonic clock.
    pub seconds: &'a dyn Fn() -> f64,
    /// The process' peak of resident memory since it was last asked, in megabytes; `None` where it is not known.
    pub peak_mb: &'a dyn Fn() -> Option<f64>,
}

/// Fits the models on `train` and measures them on each shopper's rows in `test`.
pub fn top_n(
    train: Source<'_, impl Read>,
    test: Source<'_, impl Read>,
    options: &Options,
    meter: &Meter<'_>,
) -> Result<Report, EvaluateError> {
    check_ks(options)?;
    let mut shoppers = FxHashMap::default();
    let train = read(train, &mut shoppers, PARTS)?;
    let test = read(test, &mut shoppers, 1)?;
    let cases: Vec<Case> = (0..test.len()).map(|place| Case::of_test(&train, &test, place)).collect();
    let default = pick_default(&train, options, Again::No);
    let mut models = Vec::with_capacity(options.models.len());
    for kind in &options.models {
        (meter.peak_mb)();
        let started = (meter.seconds)();
        let model = kind.fit(&train, options.threads);
        let fitted = (meter.seconds)();
        let measured = measure(&*model, &train, &cases, &options.ks, Again::No, options.threads);
        let scored = (meter.seconds)();
        models.push(ModelReport {
            model: kind.name(),
            at: measured.at,
            catalogued: Some(measured.catalogued),
            fit_s: fitted - started,
            score_s: scored - fitted,
            peak_rss_mb: (meter.peak_mb)(),
        });
    }
    Ok(Report { shoppers: cases.len(), default: default.name(), models })
}

fn read(
    source: Source<'_, impl Read>,
    shoppers: &mut FxHashMap<Box<str>, ShopperId>,
    parts: u64,
) -> Result<Dataset, EvaluateError> {
    let mut builder = Builder::default();
    let mut full = false;
    rows::read_pairs(source.name, source.reader, |of_shopper, item| {
        let shopper = shopper(shoppers, of_shopper);
        match builder.catalogue().intern(item, "", "") {
            Some(item) => {
                let part = mix(mix(shopper.0) ^ u64::from(item)) % parts;
                builder.add_line(shopper, part, part as i64 * 1_000, item);
            }
            None => full = true,
        }
    })?;
    super::built(source.name, builder, full)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::Kind;

    fn run(train: &str, test: &str, models: &[Kind], k: usize) -> Result<Report, EvaluateError> {
        let csv = |rows: &str| format!("shopper,item\n{}\n", rows.split_whitespace().collect::<Vec<_>>().join("\n"));
        let (train, test) = (csv(train), csv(test));
        let options = Options { ks: vec![k], models: models.to_vec(), threads: 2 };
        let train = Source { name: "train", reader: train.as_bytes() };
        let meter = Meter { seconds: &|| 0.0, peak_mb: &|| Some(7.0) };
        top_n(train, Source { name: "test", reader: test.as_bytes() }, &options, &meter)
    }

    #[test]
    fn own_items_are_not_shown_again() {
        // a is liked by three, b by two, c by one; the fourth shopper is unknown.
        let train = "1,a 2,a 3,a 1,b 2,b 3,c";
        let report = run(train, "1,c 2,c 3,b 4,a 4,b", &[Kind::Popularity], 1).expect("good rows");
        let at = report.models[0].at[0];
        assert_eq!((report.shoppers, report.models[0].model), (4, "popularity"));
        assert!((at.recall - (3.0 + 0.5) / 4.0).abs() < 1e-12 && (at.ndcg - 1.0).abs() < 1e-12, "{at:?}");
        let catalogued = report.models[0].catalogued.expect("measured");
        assert_eq!(catalogued.coverage, 1.0);
        assert_eq!(report.models[0].peak_rss_mb, Some(7.0));
    }

    #[test]
    fn bad_input_is_named() {
        let check = |train: &str, test: &str, k, expect: &str| {
            let error = run(train, test, &[Kind::Popularity], k).expect_err("bad input").to_string();
            assert!(error.contains(expect), "{error}");
        };
        check("", "1,a", 5, "train: no rows");
        check("1,a", "1,a 2,", 5, "test, line 3: `item` is empty");
        check("1,a", "1,a", 0, "k is 0");
    }
}
