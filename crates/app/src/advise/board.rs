//! Advice over the log: questions on one topic, answers on another, and whoever listens is the analyst.
//!
//! A question is durable before anybody can read it, an answer before it has any effect. Both hold no personal data; what
//! a question is about stays here, beside the message. Their forms are `docs/advice/*.schema.json`.

use super::redact::Line;
use crate::koi::{Advice, Adviser, Question};
use crate::ports::{AdviceRow, AdviceStore, AnswerNoted, Clock, PortResult, Unfit};
use crate::time::rfc3339;
use async_trait::async_trait;
use domain::ids::{CampaignId, ShopperId};
use recommend::text::Language;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout_at};

/// Version of the messages' form.
const VERSION: u32 = 1;
/// Choices that wait for their answer at once; beyond it they are not put to the analyst.
const WAITING_MAX: usize = 1_024;
/// Options and products of one that are told.
const OPTIONS_MAX: usize = 64;
const ITEMS_MAX: usize = 12;
/// How long the order of prizes is worth answering.
const RANK_WITHIN_MS: i64 = 24 * 3_600_000;
/// Prizes or options that one answer may name: more than any question has.
const NAMED_MAX: usize = 1_000;
/// How far probabilities may be from adding up to 1.
const SUM_WITHIN: f64 = 1e-3;

/// A prize as an analyst sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrizeTold {
    pub code: String,
    pub name: String,
    pub category: String,
    /// A band.
    pub price: String,
}

/// Which prizes of a campaign a shopper would want most.
#[derive(Debug, Clone)]
pub struct RankQuestion {
    pub shopper: ShopperId,
    pub campaign: CampaignId,
    pub language: Language,
    pub bought: Vec<Line>,
    pub prizes: Vec<PrizeTold>,
}

/// What lies in the store: the message, and what it is about.
#[derive(Serialize, Deserialize)]
struct Kept {
    message: Value,
    #[serde(default)]
    about: Option<About>,
    /// Whom a choice is about, where the shop knows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    of: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct About {
    shopper: u64,
    campaign: u64,
}

/// An answer as an analyst gives it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnalystAnswer {
    /// The question's id.
    pub question: String,
    /// Of a choice: by option, adding up to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probabilities: Option<BTreeMap<String, f64>>,
    /// Of prizes: their codes, most wanted first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Vec<String>>,
    /// A sentence that may be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
    /// Who answers, in a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analyst: Option<String>,
}

impl AnalystAnswer {
    /// Reads an answer as another program writes it: its form, and the version of that, which is 1 where it is absent.
    ///
    /// # Errors
    /// `version_newer`, `invalid_answer`, `answer_too_large`.
    pub fn read(mut answer: Value) -> Result<Self, Unfit> {
        if let Some(version) = answer.as_object_mut().and_then(|members| members.remove("version")) {
            match version.as_u64() {
                Some(version) if version == u64::from(VERSION) => {}
                Some(version) if version > u64::from(VERSION) => {
                    return Err(Unfit::new("version_newer", format!("this koi reads answers up to version {VERSION}")));
                }
                _ => return Err(Unfit::new("invalid_answer", "`version` is a version's number")),
            }
        }
        let answer: Self = Self::deserialize(crate::strict::Strict(answer))
            .map_err(|error| Unfit::new("invalid_answer", error.to_string()))?;
        let short = |text: &Option<String>, most: usize| text.as_ref().is_none_or(|text| text.len() <= most);
        let options = answer.probabilities.as_ref().map_or(0, BTreeMap::len);
        let named = options.max(answer.order.as_ref().map_or(0, Vec::len));
        if named <= NAMED_MAX && short(&answer.explanation, 2_000) && short(&answer.analyst, 200) {
            Ok(answer)
        } else {
            Err(Unfit::new("answer_too_large", format!("an answer names at most {NAMED_MAX} things and is short")))
        }
    }
}

/// What an answer amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// A choice's: whoever waited for it has it.
    Choice,
    /// The order in which a shopper wants prizes, by code.
    Order { shopper: ShopperId, campaign: CampaignId, codes: Vec<String> },
    /// Was given before.
    Duplicate,
}

/// Why an answer is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    #[error("there is no question of that id, or no longer")]
    Unknown,
    #[error("another answer was given to this question before")]
    Answered,
    #[error("a choice is answered by probabilities of exactly its options, from 0 to 1, which add up to 1")]
    Probabilities,
    #[error("prizes are answered by their codes in order, each once")]
    Order,
}

impl NotTaken {
    /// The stable word of the API.
    pub fn code(self) -> &'static str {
        match self {
            NotTaken::Unknown => "question_unknown",
            NotTaken::Answered => "question_answered",
            NotTaken::Probabilities => "probabilities_invalid",
            NotTaken::Order => "order_invalid",
        }
    }
}

/// See the module.
pub struct Board {
    store: Arc<dyn AdviceStore>,
    clock: Arc<dyn Clock>,
    /// The newest question.
    newest: watch::Sender<u64>,
    waiting: Mutex<FxHashMap<u64, oneshot::Sender<Advice>>>,
}

/// Takes a waiting choice away with whoever waited for it.
struct Waiting<'a>(&'a Board, u64);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting().remove(&self.1);
    }
}

fn word(language: Language) -> &'static str {
    match language {
        Language::Zh => "zh",
        Language::En => "en",
    }
}

impl Board {
    pub fn new(store: Arc<dyn AdviceStore>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, newest: watch::Sender::new(0), waiting: Mutex::default() }
    }

    /// Where it is kept.
    pub fn store(&self) -> &Arc<dyn AdviceStore> {
        &self.store
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, FxHashMap<u64, oneshot::Sender<Advice>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn keep(&self, kept: Vec<Kept>) -> PortResult<Vec<u64>> {
        let bodies = kept.iter().map(|kept| json!(kept).to_string()).collect();
        self.store.put_questions(bodies, self.clock.now_ms()).await
    }

    /// Wakes whoever waits for a question.
    fn announce(&self, id: u64) {
        self.newest.send_if_modified(|newest| std::mem::replace(newest, (*newest).max(id)) < id);
    }

    /// Asks for the order of prizes; the answers come when they come.
    pub async fn ask_for_orders(&self, questions: &[RankQuestion]) -> PortResult<()> {
        let by = rfc3339(self.clock.now_ms() + RANK_WITHIN_MS);
        let kept = questions.iter().map(|q| Kept {
            message: json!({"version": VERSION, "kind": "rank", "language": word(q.language), "bought": q.bought, "prizes": q.prizes, "answer_by": by}),
            about: Some(About { shopper: q.shopper.0, campaign: q.campaign.0 }),
            of: None,
        });
        if let Some(last) = self.keep(kept.collect()).await?.last() {
            self.announce(*last);
        }
        Ok(())
    }

    /// Questions above `after`, as messages with their ids; waits for the first one where there is none yet.
    pub async fn read(&self, after: u64, limit: u32, wait: Duration) -> PortResult<Vec<(u64, Value)>> {
        let until = Instant::now() + wait;
        let mut newest = self.newest.subscribe();
        loop {
            let rows = self.store.questions(after, limit).await?;
            if !rows.is_empty() {
                return Ok(rows.into_iter().filter_map(|row| Some((row.id, message(&row)?))).collect());
            }
            if !matches!(timeout_at(until, newest.changed()).await, Ok(Ok(()))) {
                return Ok(Vec::new());
            }
        }
    }

    /// Answers to questions above `after`, as they were given.
    pub async fn answers(&self, after: u64, limit: u32) -> PortResult<Vec<(u64, Value)>> {
        let rows = self.store.answers(after, limit).await?;
        let told = |row: AdviceRow| {
            let mut answer: Value = serde_json::from_str(&row.body).ok()?;
            answer["at"] = json!(rfc3339(row.at_ms));
            Some((row.id, answer))
        };
        Ok(rows.into_iter().filter_map(told).collect())
    }

    /// Takes an answer: checks it against its question, keeps it, and tells whoever waits.
    pub async fn take(&self, answer: &AnalystAnswer) -> PortResult<Result<Taken, NotTaken>> {
        let Some(id) = answer.question.parse::<u64>().ok() else { return Ok(Err(NotTaken::Unknown)) };
        let Some(row) = self.store.question(id).await? else { return Ok(Err(NotTaken::Unknown)) };
        let Ok(kept) = serde_json::from_str::<Kept>(&row.body) else { return Ok(Err(NotTaken::Unknown)) };
        let taken = match checked(&kept, answer) {
            Ok(taken) => taken,
            Err(wrong) => return Ok(Err(wrong)),
        };
        let noted = self.store.put_answer(id, json!(answer).to_string(), self.clock.now_ms()).await?;
        match noted {
            AnswerNoted::Unknown => return Ok(Err(NotTaken::Unknown)),
            AnswerNoted::Other => return Ok(Err(NotTaken::Answered)),
            // The process may have died between keeping it and its effect: the effect can be had again.
            AnswerNoted::Same => {
                let again = if matches!(taken, Taken::Order { .. }) { taken } else { Taken::Duplicate };
                return Ok(Ok(again));
            }
            AnswerNoted::New => {}
        }
        if let (Taken::Choice, Some(waiting)) = (&taken, self.waiting().remove(&id)) {
            // Whoever waited may have gone.
            _ = waiting.send(advice(&kept, answer));
        }
        Ok(Ok(taken))
    }
}

/// A question's message with its id and time.
fn message(row: &AdviceRow) -> Option<Value> {
    let mut message = serde_json::from_str::<Kept>(&row.body).ok()?.message;
    message["id"] = json!(row.id.to_string());
    message["at"] = json!(rfc3339(row.at_ms));
    Some(message)
}

/// What a choice's answer says, once it was checked.
fn advice(kept: &Kept, answer: &AnalystAnswer) -> Advice {
    let given = answer.probabilities.iter().flatten();
    // Options are numbered from 1; their map is ordered as text.
    let mut places: Vec<(usize, f64)> = given.filter_map(|(id, p)| Some((id.parse().ok()?, *p))).collect();
    places.sort_by_key(|(place, _)| *place);
    let sum: f64 = places.iter().map(|(_, p)| p).sum();
    let language = if kept.message["language"] == "zh" { Language::Zh } else { Language::En };
    Advice {
        probabilities: places.iter().map(|(_, p)| p / sum).collect(),
        explanation: answer
            .explanation
            .as_deref()
            .and_then(|text| super::shown(text, language, super::consult::EXPLAIN_CHARS)),
    }
}

/// What an answer amounts to, where it fits its question.
fn checked(kept: &Kept, answer: &AnalystAnswer) -> Result<Taken, NotTaken> {
    let codes = |member: &str, key: &str| -> Vec<String> {
        let all = kept.message[member].as_array().map_or(&[][..], Vec::as_slice);
        all.iter().filter_map(|one| one[key].as_str().map(str::to_owned)).collect()
    };
    let Some(about) = kept.about else {
        let options = codes("options", "id");
        let (Some(given), None) = (&answer.probabilities, &answer.order) else { return Err(NotTaken::Probabilities) };
        let whole = given.len() == options.len() && options.iter().all(|id| given.contains_key(id));
        let fits =
            given.values().all(|p| (0.0..=1.0).contains(p)) && (given.values().sum::<f64>() - 1.0).abs() < SUM_WITHIN;
        return if whole && fits { Ok(Taken::Choice) } else { Err(NotTaken::Probabilities) };
    };
    let (Some(order), None) = (&answer.order, &answer.probabilities) else { return Err(NotTaken::Order) };
    let (mut given, mut prizes) = (order.clone(), codes("prizes", "code"));
    given.sort_unstable();
    prizes.sort_unstable();
    if given != prizes {
        return Err(NotTaken::Order);
    }
    let (shopper, campaign) = (ShopperId(about.shopper), CampaignId(about.campaign));
    Ok(Taken::Order { shopper, campaign, codes: order.clone() })
}

#[async_trait]
impl Adviser for Board {
    async fn advise(&self, question: &Question, within: Duration) -> Option<Advice> {
        let until = Instant::now() + within;
        if question.options.len() > OPTIONS_MAX || self.waiting().len() >= WAITING_MAX {
            return None;
        }
        let options: Vec<Value> = (1..)
            .zip(&question.options)
            .map(|(place, items)| {
                let items: Vec<String> = items.iter().take(ITEMS_MAX).map(|item| super::redact::name(item)).collect();
                json!({"id": place.to_string(), "items": items})
            })
            .collect();
        let by = rfc3339(self.clock.now_ms() + i64::try_from(within.as_millis()).unwrap_or(0));
        let message = json!({"version": VERSION, "kind": "choice", "language": word(question.language),
            "bought": question.bought, "options": options, "answer_by": by});
        let of = question.about.map(|shopper| shopper.0);
        let kept = Kept { message, about: None, of };
        let id = *self.keep(vec![Kept { message: kept.message.clone(), about: None, of }]).await.ok()?.first()?;
        let (tell, told) = oneshot::channel();
        self.waiting().insert(id, tell);
        let _gone = Waiting(self, id);
        self.announce(id);
        // Whoever happened to read the topic just then may have answered before anybody waited.
        let early = self.store.answers(id - 1, 1).await.ok()?.into_iter().find(|row| row.id == id);
        if let Some(answer) = early.and_then(|row| serde_json::from_str::<AnalystAnswer>(&row.body).ok()) {
            return Some(advice(&kept, &answer));
        }
        timeout_at(until, told).await.ok()?.ok()
    }
}

/// Several advisers, one after the other until one has an answer, within one deadline.
pub struct InTurn(pub Vec<Arc<dyn Adviser>>);

#[async_trait]
impl Adviser for InTurn {
    async fn advise(&self, question: &Question, within: Duration) -> Option<Advice> {
        let until = Instant::now() + within;
        for (place, adviser) in self.0.iter().enumerate() {
            // Each has an equal part of what is left.
            let left = until.saturating_duration_since(Instant::now());
            let part = left / u32::try_from(self.0.len() - place).unwrap_or(1);
            if let Ok(Some(advice)) = tokio::time::timeout(part, adviser.advise(question, part)).await {
                return Some(advice);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
