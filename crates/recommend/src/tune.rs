//! Hyper-parameters chosen on a validation split: the last basket of each shopper of the train part, foreseen from the
//! rest. No test file is ever read here.

use std::fmt;
use std::io::Read;

use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::baskets::Dataset;
use crate::evaluate::measure::{Again, Case, measure};
use crate::evaluate::{EvaluateError, Source, read};
use crate::models::{Ease, Ials, ItemCf, Kind, Model, Pairs, Rp3Beta, TifuKnn};
use crate::models::{ease, ials, item_cf, pairs, rp3beta, tifu_knn};

/// The length of the lists that settings are compared by.
const K: usize = 10;

/// Shoppers that settings are compared on, spread evenly over all.
const MAX_SHOPPERS: usize = 20_000;

/// What was tried of one model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tuned {
    pub model: &'static str,
    /// The settings that did best; of equal ones the first.
    pub best: String,
    pub tried: Vec<Tried>,
}

/// One choice of settings, and means over the validation baskets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tried {
    pub settings: String,
    #[serde(rename = "recall@10")]
    pub recall: f64,
    #[serde(rename = "ndcg@10")]
    pub ndcg: f64,
}

/// All that was tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Baskets that settings were compared on.
    pub baskets: usize,
    pub models: Vec<Tuned>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<10} {:>10} {:>10}  settings", "model", "recall@10", "ndcg@10")?;
        for tuned in &self.models {
            for tried in &tuned.tried {
                let mark = if tried.settings == tuned.best { "*" } else { " " };
                writeln!(
                    f,
                    "{:<10} {:>10.4} {:>10.4} {mark}{}",
                    tuned.model, tried.recall, tried.ndcg, tried.settings
                )?;
            }
        }
        write!(f, "{} validation baskets; * the best of a model", self.baskets)
    }
}

/// A choice of settings and how to fit with it.
type Choice = (String, Box<dyn Fn(&Dataset, usize) -> Box<dyn Model>>);

fn choice<P: fmt::Debug + Copy + 'static, M: Model + 'static>(
    params: P,
    fit: impl Fn(&Dataset, P, usize) -> M + 'static,
) -> Choice {
    // `Params { a: 1, b: 2 }` as `a: 1, b: 2`.
    let text = format!("{params:?}");
    let settings = text.trim_start_matches("Params { ").trim_end_matches(" }").to_owned();
    let fit = move |data: &Dataset, threads: usize| -> Box<dyn Model> { Box::new(fit(data, params, threads)) };
    (settings, Box::new(fit))
}

/// What is tried of a model, its default first; nothing of one without settings.
fn choices(kind: Kind) -> Vec<Choice> {
    let mut all = Vec::new();
    match kind {
        Kind::TifuKnn => {
            let default = tifu_knn::Params::default();
            for (within_decay, alpha) in [(0.93, 0.7), (0.9, 0.7), (0.96, 0.7), (0.93, 0.5), (0.93, 0.9)] {
                let params = tifu_knn::Params { within_decay, alpha, ..default };
                all.push(choice(params, |data, params, _| TifuKnn::fit(data, params)));
            }
            let params = tifu_knn::Params { neighbours: 300, ..default };
            all.push(choice(params, |data, params, _| TifuKnn::fit(data, params)));
        }
        Kind::ItemCf => {
            for (neighbours, shrinkage) in [(100, 10.0), (100, 0.0), (100, 50.0), (50, 10.0), (200, 10.0)] {
                all.push(choice(item_cf::Params { neighbours, shrinkage }, ItemCf::fit));
            }
        }
        Kind::Rp3Beta => {
            let default = rp3beta::Params::default();
            for (alpha, beta) in [(1.0, 0.6), (1.0, 0.3), (1.0, 0.45), (1.0, 0.75), (1.3, 0.6), (0.7, 0.6)] {
                all.push(choice(rp3beta::Params { alpha, beta, ..default }, Rp3Beta::fit));
            }
        }
        Kind::Ease => {
            for (neighbours, regularization) in [(80, 100.0), (80, 30.0), (80, 300.0), (160, 100.0)] {
                all.push(choice(ease::Params { neighbours, regularization }, Ease::fit));
            }
        }
        Kind::Ials => {
            let default = ials::Params::default();
            for (factors, regularization, weight) in
                [(64, 5.0, 100.0), (64, 15.0, 100.0), (64, 5.0, 30.0), (128, 5.0, 100.0), (32, 5.0, 100.0)]
            {
                all.push(choice(ials::Params { factors, regularization, weight, ..default }, Ials::fit));
            }
        }
        Kind::Pairs => {
            let default = pairs::Params::default();
            for window in [3, 1, 5] {
                all.push(choice(pairs::Params { window, ..default }, Pairs::fit));
            }
        }
        _ => {}
    }
    all
}

/// Tries settings of the models on the train part's own last baskets.
pub fn tune(train: Source<'_, impl Read>, models: &[Kind], threads: usize) -> Result<Report, EvaluateError> {
    let train = read(train, &mut FxHashMap::default())?;
    let (rest, held_out) = train.sampled(MAX_SHOPPERS).hold_out(2);
    let cases: Vec<Case> = held_out.into_iter().map(Case::held_out).collect();
    let mut tuned = Vec::new();
    for kind in models {
        let mut tried: Vec<Tried> = Vec::new();
        for (settings, fit) in choices(*kind) {
            let at = measure(&*fit(&rest, threads), &rest, &cases, &[K], Again::Yes, threads).at[0];
            tried.push(Tried { settings, recall: at.recall, ndcg: at.ndcg });
        }
        let better = |best: &Tried, other: &Tried| other.recall + other.ndcg > best.recall + best.ndcg;
        let best = tried.iter().reduce(|best, other| if better(best, other) { other } else { best });
        if let Some(best) = best.map(|best| best.settings.clone()) {
            tuned.push(Tuned { model: kind.name(), best, tried });
        }
    }
    Ok(Report { baskets: cases.len(), models: tuned })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_tried_on_the_train_part() {
        let rows: String = (0..30)
            .flat_map(|s| {
                (1..5).map(move |b| format!("{s},{s}{b},2020-01-0{b},{}\n", char::from(b'a' + (s % 5) as u8)))
            })
            .collect();
        let text = format!("shopper,basket,at,item\n{rows}");
        let source = || Source { name: "train", reader: text.as_bytes() };
        let report = tune(source(), &[Kind::TifuKnn, Kind::Popularity, Kind::ItemCf], 2).expect("good rows");
        assert_eq!((report.baskets, report.models.len()), (30, 2), "popularity has nothing to set");
        for tuned in &report.models {
            assert!(tuned.tried.iter().any(|tried| tried.settings == tuned.best && tried.recall == 1.0), "{tuned:?}");
        }
        assert_eq!(report.models[1].tried[0].settings, "neighbours: 100, shrinkage: 10.0");
        assert!(tune(Source { name: "train", reader: &b""[..] }, &Kind::ALL, 1).is_err());
    }
}
