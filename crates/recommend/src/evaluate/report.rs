//! What an evaluation says, as JSON and as a table.

use std::fmt;

use serde::Serialize;
use serde::ser::SerializeMap;

/// What came out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Shoppers in the test file.
    pub shoppers: usize,
    /// The model that did best on what was held out from the train file.
    pub default: &'static str,
    pub models: Vec<ModelReport>,
}

/// One model's figures; serialised flat, as `recall@10` and so on.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelReport {
    pub model: &'static str,
    /// In the order of [`super::Options::ks`].
    pub at: Vec<AtK>,
    /// How the catalogue fares in the longest lists, where that was asked for.
    pub catalogued: Option<Catalogued>,
    /// Wall seconds of fitting and of scoring all shoppers.
    pub fit_s: f64,
    pub score_s: f64,
    /// The most memory that the process held meanwhile, where it was asked for and is known.
    pub peak_rss_mb: Option<f64>,
}

/// How the items of the catalogue share in what is shown.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Catalogued {
    /// The share of items that anybody is shown.
    pub coverage: f64,
    /// The Gini coefficient of exposure: 0 all items equally, near 1 a few alone.
    pub gini: f64,
    /// The mean self-information of what is shown, in bits.
    pub novelty: f64,
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
        if let Some(catalogued) = &self.catalogued {
            map.serialize_entry("coverage", &catalogued.coverage)?;
            map.serialize_entry("gini", &catalogued.gini)?;
            map.serialize_entry("novelty", &catalogued.novelty)?;
        }
        map.serialize_entry("fit_s", &self.fit_s)?;
        map.serialize_entry("score_s", &self.score_s)?;
        if let Some(peak_rss_mb) = self.peak_rss_mb {
            map.serialize_entry("peak_rss_mb", &peak_rss_mb)?;
        }
        map.end()
    }
}

/// A table for people, one line per model.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.models.first();
        write!(f, "{:<12}", "model")?;
        for at in first.iter().flat_map(|model| &model.at) {
            write!(f, " {:>10} {:>10}", format!("recall@{}", at.k), format!("ndcg@{}", at.k))?;
        }
        if first.is_some_and(|model| model.catalogued.is_some()) {
            write!(f, " {:>8} {:>8} {:>8}", "coverage", "gini", "novelty")?;
        }
        write!(f, " {:>8} {:>8}", "fit_s", "score_s")?;
        if first.is_some_and(|model| model.peak_rss_mb.is_some()) {
            write!(f, " {:>11}", "peak_rss_mb")?;
        }
        writeln!(f)?;
        for model in &self.models {
            write!(f, "{:<12}", model.model)?;
            for at in &model.at {
                write!(f, " {:>10.4} {:>10.4}", at.recall, at.ndcg)?;
            }
            if let Some(catalogued) = &model.catalogued {
                write!(f, " {:>8.4} {:>8.4} {:>8.3}", catalogued.coverage, catalogued.gini, catalogued.novelty)?;
            }
            write!(f, " {:>8.3} {:>8.3}", model.fit_s, model.score_s)?;
            if let Some(peak_rss_mb) = model.peak_rss_mb {
                write!(f, " {peak_rss_mb:>11.1}")?;
            }
            writeln!(f)?;
        }
        write!(f, "{} shoppers; default, by what was held out from the train file: {}", self.shoppers, self.default)
    }
}
