//! A sample labelled by the language model, distilled into the local model; the rest of the budget goes to the least
//! certain questions. Answers are known beforehand (what was bought in the latest window), so the report can say what
//! the advice was worth and what it cost.

use super::{Koi, Question};
use crate::advise::{Consultant, redact};
use crate::error::{Error, Result};
use crate::ports::{AdviceStore, Silence, Spent};
use futures_util::stream::{self, StreamExt};
use recommend::choice::distil::{Exam, Examined, MIN_LABELS, Teacher, Worth, distil, worth_of_answers};
use recommend::text::Language;
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Kinds of things of one shopper that the model is told.
const KINDS_MAX: usize = 24;

/// How much is labelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelAsk {
    /// Questions of the stratified sample.
    pub sample: usize,
    /// Questions at most of the least certain ones, budget permitting.
    pub uncertain: usize,
    /// How long one question may take.
    pub within: Duration,
    /// Questions under way at once.
    pub at_once: usize,
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct LabelReport {
    /// Questions of the latest window whose answers are known.
    pub questions: usize,
    /// Labelled ones of the sample, and of the least certain.
    pub labelled: usize,
    pub uncertain: usize,
    /// Questions without an answer.
    pub silent: usize,
    /// On shoppers that no weight was chosen on: the distilled weights beside the local model.
    pub distilled: Worth,
    /// On the same: the model's own answers beside the local model.
    pub advised: Worth,
    /// On the least certain questions, at the weight chosen on the sample.
    pub least_certain: Worth,
    /// What counts from now on; 0 is nothing.
    pub weight: f64,
    pub advice_weight: f64,
    pub tokens: u64,
    pub cost_cents: f64,
    /// Whether the day's budget ended it.
    pub budget_reached: bool,
}

struct Asking<'a> {
    consultant: &'a Consultant,
    exam: &'a Exam,
    ask: LabelAsk,
    silent: AtomicU64,
    over: AtomicBool,
}

impl Asking<'_> {
    fn question(&self, examined: &Examined) -> Question {
        let mut past = examined.asked.past.groups.clone();
        past.sort_by(|a, b| a.days_ago.total_cmp(&b.days_ago));
        let line = |bought: &recommend::choice::past::Bought| redact::Line {
            kind: redact::name(self.exam.name(bought.group)),
            times: bought.times as u32,
            days_ago: Some(bought.days_ago as i64),
            price: None,
            returned: 0,
        };
        let options: Vec<Vec<String>> = examined
            .asked
            .options
            .iter()
            .map(|groups| groups.iter().map(|&group| self.exam.name(group).to_owned()).collect())
            .collect();
        let language = Language::of(options.iter().flatten().map(String::as_str));
        Question { about: None, language, bought: past.iter().take(KINDS_MAX).map(line).collect(), options }
    }

    /// Labels of questions, until the budget ends.
    async fn label(&self, places: Vec<usize>, progress: &(dyn Fn(u64) + Send + Sync)) -> Vec<(usize, Vec<f64>)> {
        let one = |place: usize| async move {
            if self.over.load(Ordering::Relaxed) {
                return None;
            }
            let weighed = self.consultant.weigh(&self.question(&self.exam.questions[place]), self.ask.within).await;
            progress(1);
            match weighed {
                Ok(label) => return Some((place, label)),
                Err(Silence::Budget) => self.over.store(true, Ordering::Relaxed),
                Err(_) => _ = self.silent.fetch_add(1, Ordering::Relaxed),
            }
            None
        };
        let all = stream::iter(places).map(one).buffered(self.ask.at_once.max(1));
        all.filter_map(|label| async move { label }).collect().await
    }
}

impl Koi {
    /// Labels, distils, measures, and keeps what is worth something. `progress` hears of every question that was asked.
    ///
    /// # Errors
    /// No language model, too short a history, or an engine out of reach.
    pub async fn label(&self, ask: LabelAsk, progress: &(dyn Fn(u64) + Send + Sync)) -> Result<LabelReport> {
        let none = Error::Unavailable("no language model is configured; [llm.endpoints] names them");
        let (model, store) =
            self.language_model().cloned().zip(self.board().map(|board| board.store().clone())).ok_or(none)?;
        let exam = self.exam().await?;
        let before = model.spent().await?;
        let consultant = Consultant::new(model.clone(), Default::default());
        let asking = Asking {
            consultant: &consultant,
            exam: &exam,
            ask,
            silent: AtomicU64::new(0),
            over: AtomicBool::new(false),
        };
        let sample = exam.sample(ask.sample);
        let labels = asking.label(sample.clone(), progress).await;
        let (teacher, distilled, advised) = distil(&exam, &labels);
        let rest: Vec<usize> = exam.least_certain(&sample).into_iter().take(ask.uncertain).collect();
        let uncertain = asking.label(rest, progress).await;
        let after = model.spent().await?;
        self.keep_teacher(&store, &teacher).await?;
        Ok(LabelReport {
            questions: exam.questions.len(),
            labelled: labels.len(),
            uncertain: uncertain.len(),
            silent: asking.silent.load(Ordering::Relaxed) as usize,
            distilled,
            advised,
            least_certain: worth_of_answers(&exam, &uncertain, teacher.advice_weight),
            weight: teacher.weight,
            advice_weight: teacher.advice_weight,
            tokens: spent(&before, &after, |spent| spent.tokens),
            cost_cents: spent(&before, &after, |spent| spent.microcents) as f64 / 1e6,
            budget_reached: asking.over.load(Ordering::Relaxed),
        })
    }

    /// Questions about the latest window of everybody's history.
    async fn exam(&self) -> Result<Exam> {
        let fitted = self.fitted().await?;
        let now_ms = self.now_ms();
        let exam = tokio::task::spawn_blocking(move || {
            let data = fitted.data();
            let last = (0..data.len())
                .filter_map(|place| {
                    let baskets = data.baskets(place);
                    baskets.len().checked_sub(1).map(|last| baskets.at_ms(last))
                })
                .max();
            Exam::new(data, last.map_or(now_ms, |last| last.min(now_ms).saturating_add(1)))
        });
        let exam = exam.await.map_err(|_| Error::Unavailable("the questions could not be made"))?;
        if exam.questions.is_empty() {
            return Err(Error::Unavailable("the history is too short to ask about its last part"));
        }
        Ok(exam)
    }

    async fn keep_teacher(&self, store: &Arc<dyn AdviceStore>, teacher: &Teacher) -> Result<()> {
        // From fewer nothing was concluded; what was learned before stays.
        if teacher.labels < 2 * MIN_LABELS {
            return Ok(());
        }
        let text = serde_json::to_string(teacher).map_err(|_| Error::Unavailable("what was learned cannot be kept"))?;
        store.put_teacher(text).await?;
        Ok(())
    }
}

fn spent(before: &Spent, after: &Spent, of: impl Fn(&Spent) -> u64) -> u64 {
    // Midnight may lie between: then only the new day is known.
    of(after).checked_sub(of(before)).unwrap_or(of(after))
}
