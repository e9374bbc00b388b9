//! How well choices are foreseen, measured on questions, beside smoothed personal frequency in the same run.
//!
//! For each moment that questions name in `before` a model is fitted on what lies strictly before it.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

use domain::ids::ShopperId;
use rustc_hash::FxHashMap;
use serde::Serialize;

use super::model::{Asked, ChoiceModel};
use super::past::{GroupId, Past};
use super::questions::{self, Question, QuestionsError};
use crate::baskets::{Builder, Dataset};
use crate::calibrate::{Case, Quality};
use crate::catalogue::Catalogue;

/// Different moments in one file of questions: a model is fitted for each.
pub const MAX_MOMENTS: usize = 32;

/// What came out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    #[serde(flatten)]
    pub model: Quality,
    /// The maps in service for options drawn evenly and by popularity, of the latest moment.
    pub calibration: [&'static str; 2],
    /// Training questions of the latest moment.
    pub learned_from: usize,
    /// Personal frequency smoothed by popularity, its strength chosen on the same validation window.
    pub baseline: Quality,
    pub baseline_prior: f64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<10} {:>8} {:>8} {:>8} {:>8} {:>8}", "model", "n", "hit@1", "log_loss", "ece", "brier")?;
        for (name, q) in [("choice", &self.model), ("frequency", &self.baseline)] {
            writeln!(
                f,
                "{name:<10} {:>8} {:>8.4} {:>8.4} {:>8.4} {:>8.4}",
                q.n, q.hit_at_1, q.log_loss, q.ece, q.brier
            )?;
        }
        let [evenly, popular] = self.calibration;
        write!(
            f,
            "calibration {evenly} (options drawn evenly), {popular} (by popularity); {} training questions; frequency \
             smoothed by {} lines",
            self.learned_from, self.baseline_prior
        )
    }
}

/// Measures on questions. `purchases` may go on after the moments of the questions: that part is not looked at.
pub fn evaluate(purchases: (&str, impl Read), asked: (&str, impl Read)) -> Result<Report, QuestionsError> {
    let mut builder = Builder::default();
    let shoppers = questions::read_purchases(purchases.0, purchases.1, &mut builder)?;
    let questions = questions::read(asked.0, asked.1)?;
    name_unknown(builder.catalogue(), &questions);
    let data = builder.build();
    let mut moments: BTreeMap<i64, Vec<&Question>> = BTreeMap::new();
    for question in &questions {
        moments.entry(question.before_ms).or_default().push(question);
    }
    if moments.len() > MAX_MOMENTS {
        let what = format!("{MAX_MOMENTS} different moments in `before`");
        return Err(QuestionsError::TooMany { file: asked.0.to_owned(), what });
    }
    let (mut model_cases, mut baseline_cases) = (Vec::new(), Vec::new());
    let mut latest = None;
    for (before_ms, questions) in moments {
        let model = ChoiceModel::fit(&data, before_ms);
        let asked: Vec<Asked> = questions.iter().map(|question| resolve(&model, &data, &shoppers, question)).collect();
        let answers = model.answer_all(&asked);
        for ((question, asked), probabilities) in questions.iter().zip(&asked).zip(answers) {
            model_cases.push(Case { probabilities, answer: question.answer });
            baseline_cases.push(Case { probabilities: model.baseline(asked), answer: question.answer });
        }
        latest = Some(model);
    }
    let latest = latest.ok_or_else(|| QuestionsError::Empty { file: asked.0.to_owned() })?;
    let [evenly, popular] = latest.calibrators();
    Ok(Report {
        model: Quality::of(&model_cases),
        calibration: [evenly.name(), popular.name()],
        learned_from: latest.learned_from(),
        baseline: Quality::of(&baseline_cases),
        baseline_prior: latest.baseline_prior(),
    })
}

/// Names that no purchase has become categories of which nothing was bought yet.
fn name_unknown(catalogue: &mut Catalogue, questions: &[Question]) {
    for name in questions.iter().flat_map(|question| &question.options).flat_map(|option| &option.items) {
        if catalogue.category(name).is_none() && catalogue.item(name).is_none() {
            catalogue.intern_category(name);
        }
    }
}

fn resolve(model: &ChoiceModel, data: &Dataset, shoppers: &FxHashMap<String, ShopperId>, question: &Question) -> Asked {
    let place = shoppers.get(&question.shopper).and_then(|id| data.place(*id));
    let past = place.map(|place| Past::new(data.baskets(place), model.groups(), question.before_ms));
    let group = |name: &String| -> Option<GroupId> {
        let catalogue = data.catalogue();
        catalogue.category(name).or_else(|| catalogue.item(name).map(|item| model.groups().of(item)))
    };
    let groups = |items: &Vec<String>| {
        let mut groups: Vec<GroupId> = items.iter().filter_map(group).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    };
    let options = question.options.iter().map(|option| groups(&option.items)).collect();
    Asked { past: past.unwrap_or_default(), options }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Purchases of two tastes, and questions about one of them.
    fn files() -> (String, String) {
        let mut purchases = "shopper,basket,at,item,category,price_cents,quantity\n".to_owned();
        let mut questions = String::new();
        for shopper in 0..120 {
            for visit in 0..20 {
                let (month, day) = (1 + visit / 5, 1 + shopper % 5 + visit % 5 * 5);
                let name = [["tea", "cup"], ["soil", "seed"]][shopper % 2][(shopper / 2 + visit * 3) % 2];
                let at = format!("2026-{month:02}-{day:02}");
                purchases += &format!("s{shopper},{shopper}-{visit},{at},{name} 1,{name},100,1\n");
            }
            let answer = ["A", "B"][shopper % 2];
            questions += &format!(
                "{{\"shopper\":\"s{shopper}\",\"before\":\"2026-05-01\",\"options\":[{{\"id\":\"A\",\"items\":[\"tea\"]}},\
                 {{\"id\":\"B\",\"items\":[\"soil 1\"]}},{{\"id\":\"C\",\"items\":[\"never sold\"]}}],\"answer\":\"{answer}\"}}\n"
            );
        }
        (purchases, questions)
    }

    #[test]
    fn the_report_compares_with_frequency_and_ignores_what_came_later() {
        let (purchases, questions) = files();
        let run = |purchases: &str| {
            evaluate(("p.csv", purchases.as_bytes()), ("q.jsonl", questions.as_bytes())).expect("good files")
        };
        let report = run(&purchases);
        assert_eq!((report.model.n, report.model.hit_at_1), (120, 1.0), "{report}");
        assert!(report.model.log_loss < report.baseline.log_loss, "{report}");
        let later = format!("{purchases}s0,z,2026-05-01,soil 1,soil,1,1\ns1,z,2026-06-01,tea 1,tea,1,1\n");
        assert_eq!(report, run(&later), "at the moment itself is not before it");
        let json = serde_json::to_value(&report).expect("a report is JSON");
        for key in ["n", "hit@1", "log_loss", "ece", "brier"] {
            assert!(json[key].is_number() && json["baseline"][key].is_number(), "{key}: {json}");
        }
    }
}
