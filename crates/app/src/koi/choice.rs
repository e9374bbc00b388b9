//! Choice: which group of products would this shopper rather buy.
//!
//! The local model always answers. An [`Adviser`], where there is one, may answer instead; it is asked at the same time
//! and has until [`ADVISE_WITHIN`]: whatever is not a proper answer by then falls to the local one.

use super::Koi;
use crate::advise::{likeliest, redact};
use crate::error::{Error, Result};
use crate::time::rfc3339;
use crate::views::{ChoiceView, ReliabilityBin, ReliabilityView};
use async_trait::async_trait;
use domain::behaviour::{Action, Behaviour};
use domain::ids::ShopperId;
use recommend::baskets::History;
use recommend::choice::distil::{Teacher, pooled};
use recommend::choice::{Answer, Chooser, Wanted};
use recommend::fit::Fitted;
use recommend::text::Language;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How long an adviser is waited for.
pub const ADVISE_WITHIN: Duration = Duration::from_secs(3);

/// Questions answered at once: each may take a core for a moment.
const AT_ONCE: usize = 4;

/// How long a question waits for its turn and, in a shop's first one, for the model to be fitted.
const WAIT: Duration = Duration::from_secs(10);

/// Product names of a known shopper that are looked at, the latest ones.
const NAMES: usize = 200;

/// Millionths that probabilities are shown in.
const UNITS: u32 = 1_000_000;

/// A question.
#[derive(Debug, Clone, Default)]
pub struct ChoiceInput {
    /// The shop's id of a known shopper; else `history` says what was bought.
    pub shopper: Option<String>,
    pub history: Vec<String>,
    /// Ids, each once, with the products of each, at least one.
    pub options: Vec<(String, Vec<String>)>,
}

/// What an adviser is told: nothing of who asks ([`redact`]).
#[derive(Debug, Clone)]
pub struct Question {
    /// Whom it is about, where the shop knows them. Nobody is told: erasing them takes the question along.
    pub about: Option<ShopperId>,
    /// That of the names in it, and of an explanation.
    pub language: Language,
    /// The latest first.
    pub bought: Vec<redact::Line>,
    /// The products of each option, by name.
    pub options: Vec<Vec<String>>,
}

/// What an adviser says.
#[derive(Debug, Clone, PartialEq)]
pub struct Advice {
    /// Of the options in their order, adding up to 1.
    pub probabilities: Vec<f64>,
    /// A sentence in the question's language that may be shown.
    pub explanation: Option<String>,
}

/// What may answer instead of the local model.
#[async_trait]
pub trait Adviser: Send + Sync {
    /// An answer within the time given; nothing where there is none.
    async fn advise(&self, question: &Question, within: Duration) -> Option<Advice>;
}

/// The choosers in service.
pub(super) struct Choosers {
    current: RwLock<Option<Arc<Serving>>>,
    fitting: tokio::sync::Mutex<()>,
    turns: Semaphore,
    adviser: OnceLock<Arc<dyn Adviser>>,
}

/// A chooser with the model whose catalogue its numbers are of.
struct Serving {
    fitted: Arc<Fitted>,
    chooser: Chooser,
    /// What an adviser's answer was measured to count beside the local one's 1; nothing where it never was measured.
    advice_weight: Option<f64>,
}

impl Default for Choosers {
    fn default() -> Self {
        Choosers {
            current: RwLock::default(),
            fitting: tokio::sync::Mutex::default(),
            turns: Semaphore::new(AT_ONCE),
            adviser: OnceLock::new(),
        }
    }
}

impl Choosers {
    fn at_hand(&self) -> Option<Arc<Serving>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Koi {
    /// Lets `adviser` answer from now on; the first one stays.
    pub fn take_advice_of(&self, adviser: Arc<dyn Adviser>) {
        _ = self.inner.choosers.adviser.set(adviser);
    }

    /// Answers a question; the input was checked.
    pub async fn choose(&self, input: ChoiceInput) -> Result<ChoiceView> {
        let choosers = &self.inner.choosers;
        let busy = Error::Unavailable("too many questions are being answered");
        let turn = timeout(WAIT, choosers.turns.acquire()).await.map_err(|_| busy.clone())?;
        let turn = turn.map_err(|_| busy)?;
        let about = match &input.shopper {
            Some(name) => Some(self.find_shopper(name).await?.ok_or(Error::no_shopper())?),
            None => None,
        };
        let known = match about {
            Some(id) => Some(self.history(id).await?),
            None => None,
        };
        let (ids, options): (Vec<String>, Vec<Vec<String>>) = input.options.into_iter().unzip();
        let history = known.as_deref().map_or(input.history, names_of);
        let wanted = Arc::new(Wanted { history, options });
        let serving = timeout(WAIT, self.chooser(known.as_deref().unwrap_or_default())).await;
        let serving = serving.map_err(|_| Error::Unavailable("the model is being fitted"))??;
        // Of shoppers whom the shop knows it may have been measured what advice is worth beside the local answer. Where
        // that is nothing, nothing is spent on it.
        let advice_weight = serving.advice_weight.filter(|_| known.is_some());
        let asks = choosers.adviser.get().filter(|_| advice_weight != Some(0.0));
        let question = asks.map(|_| Question { about, ..question(known.as_deref(), &wanted, self.now_ms()) });
        let advice = async {
            let (adviser, question) = (choosers.adviser.get()?, question.as_ref()?);
            let advised = timeout(ADVISE_WITHIN, adviser.advise(question, ADVISE_WITHIN)).await.ok().flatten()?;
            is_distribution(&advised.probabilities, ids.len()).then_some((advised, question.language))
        };
        let local = async {
            let answered = answer(serving, known, wanted.clone(), self.now_ms()).await;
            // A turn is for a core; whoever only waits for an adviser gives it up.
            drop(turn);
            answered
        };
        let (local, advised) = tokio::join!(local, advice);
        let (source, probabilities, explanation) = match (advised, local) {
            (Some((advice, language)), local) => {
                let weighed = advice_weight.zip(local.ok());
                let both = weighed.map(|(weight, local)| pooled(&local.probabilities, &advice.probabilities, weight));
                let probabilities = both.unwrap_or(advice.probabilities);
                (
                    "llm",
                    probabilities.clone(),
                    advice.explanation.unwrap_or_else(|| unexplained(language, &probabilities)),
                )
            }
            (None, local) => {
                let local = local?;
                ("model", local.probabilities, local.explanation)
            }
        };
        Ok(view(&ids, &probabilities, source, explanation))
    }

    /// How far the probabilities of the choice model in service can be trusted, by questions about the latest window.
    pub async fn choice_reliability(&self) -> Result<ReliabilityView> {
        let serving = timeout(WAIT, self.chooser(&[])).await;
        let serving = serving.map_err(|_| Error::Unavailable("the model is being fitted"))??;
        let judged = tokio::task::spawn_blocking(move || {
            let model = serving.chooser.model();
            let quality = model.reliability();
            let bins =
                quality.bins.iter().map(|bin| ReliabilityBin { n: bin.n, stated: bin.stated, observed: bin.observed });
            ReliabilityView {
                fitted_at: rfc3339(model.before_ms()),
                learned_from: model.learned_from(),
                n: quality.n,
                hit_at_1: quality.hit_at_1,
                log_loss: quality.log_loss,
                ece: quality.ece,
                brier: quality.brier,
                bins: bins.collect(),
            }
        });
        judged.await.map_err(|_| Error::Unavailable("the model could not be asked"))
    }

    /// The chooser in service. Where a newer model is at hand, another one is fitted in the background meanwhile; a shop
    /// that knew no product when it was fitted waits for it.
    async fn chooser(&self, own: &[Behaviour]) -> Result<Arc<Serving>> {
        let mut fitted = self.fitted().await?;
        if fitted.catalogue().is_empty() && !own.is_empty() && self.fit_is_due(super::strategist::FIT_SHARE) {
            fitted = self.refit().await?;
        }
        match self.inner.choosers.at_hand() {
            Some(serving) if Arc::ptr_eq(&serving.fitted, &fitted) => Ok(serving),
            Some(serving) if !serving.fitted.catalogue().is_empty() => {
                // Two who look at once may both start one: the second finds the first one's work done.
                if self.inner.choosers.fitting.try_lock().is_ok() {
                    self.fit_chooser_meanwhile(fitted);
                }
                Ok(serving)
            }
            _ => self.fit_chooser(fitted).await,
        }
    }

    /// What was learned from a language model. Without it the local model is whole, so that it cannot be read is no error.
    async fn teacher(&self) -> Option<Teacher> {
        let kept = self.board()?.store().teacher().await.ok().flatten()?;
        serde_json::from_str(&kept).ok()
    }

    fn fit_chooser_meanwhile(&self, fitted: Arc<Fitted>) {
        let koi = self.clone();
        tokio::spawn(async move {
            if let Err(error) = koi.fit_chooser(fitted).await {
                tracing::warn!(%error, "the choice model could not be fitted");
            }
        });
    }

    async fn fit_chooser(&self, fitted: Arc<Fitted>) -> Result<Arc<Serving>> {
        let choosers = &self.inner.choosers;
        let _one_at_a_time = choosers.fitting.lock().await;
        let previous = choosers.at_hand();
        if let Some(serving) = previous.as_ref().filter(|serving| Arc::ptr_eq(&serving.fitted, &fitted)) {
            return Ok(Arc::clone(serving));
        }
        let now_ms = self.now_ms();
        let teacher = self.teacher().await;
        let made = tokio::task::spawn_blocking(move || {
            let mut chooser = Chooser::fit(fitted.data(), now_ms);
            if let Some(teacher) = &teacher {
                chooser.model_mut().be_taught(teacher);
            }
            if let Some(previous) = previous {
                chooser.model_mut().succeed(previous.chooser.model());
            }
            let advice_weight = teacher.map(|teacher| teacher.advice_weight);
            Arc::new(Serving { fitted, chooser, advice_weight })
        });
        let made = made.await.map_err(|_| Error::Unavailable("the choice model could not be fitted"))?;
        tracing::info!(questions = made.chooser.model().learned_from(), "a choice model is in service");
        *choosers.current.write().unwrap_or_else(PoisonError::into_inner) = Some(made.clone());
        Ok(made)
    }
}

/// What an adviser may know of a question.
fn question(known: Option<&[Behaviour]>, wanted: &Wanted, now_ms: i64) -> Question {
    let names = wanted.options.iter().flatten().chain(&wanted.history).map(String::as_str);
    Question {
        about: None,
        language: Language::of(names),
        bought: match known {
            Some(behaviours) => redact::lines(behaviours, now_ms),
            None => redact::named(&wanted.history),
        },
        options: wanted.options.clone(),
    }
}

/// The explanation of advice that came without one.
fn unexplained(language: Language, probabilities: &[f64]) -> String {
    let percent = (probabilities.get(likeliest(probabilities)).copied().unwrap_or(0.0) * 100.0).round();
    match language {
        Language::Zh => format!("语言模型根据购买过的商品判断。概率 {percent}%。"),
        Language::En => format!("Judged by a language model from what was bought. Probability {percent}%."),
    }
}

async fn answer(
    serving: Arc<Serving>,
    known: Option<Vec<Behaviour>>,
    wanted: Arc<Wanted>,
    now_ms: i64,
) -> Result<Answer> {
    let answered = tokio::task::spawn_blocking(move || {
        let catalogue = serving.fitted.catalogue();
        let history = known.map(|behaviours| History::new(catalogue, &behaviours));
        serving.chooser.answer(catalogue, history.as_ref().map(History::baskets), &wanted, now_ms)
    });
    answered.await.map_err(|_| Error::Unavailable("the model could not be asked"))
}

/// What a known shopper bought, by name, the oldest first.
fn names_of(behaviours: &[Behaviour]) -> Vec<String> {
    let mut bought: Vec<(i64, &str)> = behaviours
        .iter()
        .filter_map(|behaviour| match &behaviour.action {
            Action::Purchase { items, .. } => Some((behaviour.at_ms, items)),
            _ => None,
        })
        .flat_map(|(at_ms, items)| items.iter().map(move |item| (at_ms, item)))
        .map(|(at_ms, item)| (at_ms, if item.name.is_empty() { item.category.as_str() } else { item.name.as_str() }))
        .filter(|(_, name)| !name.is_empty())
        .collect();
    bought.sort_by_key(|(at_ms, _)| *at_ms);
    bought[bought.len().saturating_sub(NAMES)..].iter().map(|(_, name)| (*name).to_owned()).collect()
}

fn is_distribution(probabilities: &[f64], options: usize) -> bool {
    probabilities.len() == options
        && probabilities.iter().all(|p| (0.0..=1.0).contains(p))
        && (probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-6
}

fn view(ids: &[String], probabilities: &[f64], source: &'static str, explanation: String) -> ChoiceView {
    let choice = ids.get(likeliest(probabilities));
    let shown = in_units(probabilities).into_iter().map(|units| format!("{}.{:06}", units / UNITS, units % UNITS));
    ChoiceView {
        choice: choice.cloned().unwrap_or_default(),
        probabilities: ids.iter().cloned().zip(shown).collect::<BTreeMap<_, _>>(),
        source,
        explanation,
    }
}

/// Probabilities in millionths that add up to one (largest remainders; Hamilton 1792).
fn in_units(probabilities: &[f64]) -> Vec<u32> {
    let exact: Vec<f64> = probabilities.iter().map(|p| p * f64::from(UNITS)).collect();
    let mut units: Vec<u32> = exact.iter().map(|p| p.floor() as u32).collect();
    let mut order: Vec<usize> = (0..exact.len()).collect();
    order.sort_by(|&a, &b| exact[b].fract().total_cmp(&exact[a].fract()).then(a.cmp(&b)));
    let missing = UNITS.saturating_sub(units.iter().sum()) as usize;
    order.into_iter().take(missing).for_each(|place| units[place] += 1);
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_probabilities_add_up_to_one() {
        for probabilities in
            [vec![1.0], vec![0.0, 1.0], vec![1.0 / 3.0; 3], vec![0.123_456_7, 0.876_543_3], vec![1e-3; 1000]]
        {
            let units = in_units(&probabilities);
            assert_eq!(units.iter().sum::<u32>(), UNITS, "{probabilities:?}");
        }
        let ids = ["A", "B", "C"].map(str::to_owned);
        let shown = view(&ids, &[0.25, 0.5, 0.25], "model", String::new());
        assert_eq!((shown.choice.as_str(), shown.probabilities["B"].as_str()), ("B", "0.500000"));
        assert_eq!(view(&ids[..1], &[1.0], "model", String::new()).probabilities["A"], "1.000000");
    }

    #[test]
    fn advice_that_is_no_distribution_is_none() {
        for (probabilities, ok) in [
            (vec![0.5, 0.5], true),
            (vec![0.5, 0.6], false),
            (vec![1.0], false),
            (vec![1.5, -0.5], false),
            (vec![f64::NAN, 1.0], false),
        ] {
            assert_eq!(is_distribution(&probabilities, 2), ok, "{probabilities:?}");
        }
    }
}
