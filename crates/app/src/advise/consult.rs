//! A language model as the adviser of choices.

use super::position::{Priors, from_one, from_rotations, order};
use super::{prompts, redact};
use crate::koi::{Advice, Adviser, Question};
use crate::ports::{Ask, LETTERS_MAX, LanguageModel, Letters, Shape, Silence, Spoken};
use async_trait::async_trait;
use futures_util::future::join_all;
use recommend::text::Language;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Products of one option that are named.
const ITEMS_MAX: usize = 12;
/// Tokens of a one-letter answer, in an object or not.
const LETTER_TOKENS: u32 = 24;
/// Tokens of an explanation.
const EXPLAIN_TOKENS: u32 = 160;
/// Characters of an explanation; a longer one is none.
pub(super) const EXPLAIN_CHARS: usize = 300;
/// Below this share of probability on letters the model was about to say something else, and its letter is chance.
const MASS_MIN: f64 = 0.2;
/// What is believed of a letter that came without any probability or confidence: better than chance, and no more.
const UNSAID: f64 = 0.6;
/// Confidence that was put into words is kept away from certainty: models say 100 far too readily.
const SAID_MAX: f64 = 0.95;

/// What an adviser does beyond choosing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Manner {
    /// Whether it is also asked why, which costs another question.
    pub explains: bool,
}

/// Asks a language model which option a shopper would rather buy.
pub struct Consultant {
    model: Arc<dyn LanguageModel>,
    priors: Priors,
    manner: Manner,
}

/// One question, ready to be asked in any rotation.
struct Prepared<'a> {
    language: Language,
    bought: &'a [redact::Line],
    options: Vec<Vec<String>>,
}

impl Prepared<'_> {
    fn ask(&self, rotation: usize) -> Ask {
        let mut options = Map::new();
        for (letter, option) in (b'A'..).zip(order(self.options.len(), rotation)) {
            options.insert(char::from(letter).to_string(), json!(self.options[option]));
        }
        let prompt = prompts::choice(self.language);
        Ask {
            prompt: prompt.name,
            instruction: prompt.text.to_owned(),
            data: json!({"bought": self.bought, "options": options}).to_string(),
            shape: Shape::Letter(self.options.len()),
            answer_tokens: LETTER_TOKENS,
        }
    }

    /// A number of the question, the same at every time.
    fn number(&self) -> u64 {
        let digest = Sha256::digest(self.ask(0).data.as_bytes());
        u64::from_le_bytes(digest[..8].try_into().expect("invariant: a digest has 32 bytes"))
    }
}

impl Consultant {
    /// An adviser that asks `model`.
    pub fn new(model: Arc<dyn LanguageModel>, manner: Manner) -> Self {
        Self { model, priors: Priors::default(), manner }
    }

    /// Probabilities of the options, free of position bias.
    ///
    /// # Errors
    /// Why there are none.
    pub async fn weigh(&self, question: &Question, within: Duration) -> Result<Vec<f64>, Silence> {
        let n = question.options.len();
        if !(2..=LETTERS_MAX).contains(&n) {
            return Err(Silence::Unusable);
        }
        let named = |items: &Vec<String>| items.iter().take(ITEMS_MAX).map(|item| redact::name(item)).collect();
        let options = question.options.iter().map(named).collect();
        let prepared = Prepared { language: question.language, bought: &question.bought, options };
        let number = prepared.number();
        match self.priors.prior(n, number) {
            // Which order is asked follows from the question, so that no option always stands first.
            Some(prior) => {
                let rotation = (number >> 32) as usize % n;
                let (model, seen) = self.letters(&prepared.ask(rotation), n, within).await?;
                // Another model has stepped in: what its letters are worth is not known.
                if model != prior.model {
                    return Err(Silence::Unusable);
                }
                Ok(from_one(&seen, &prior.letters, rotation))
            }
            None => {
                let asks: Vec<Ask> = (0..n).map(|rotation| prepared.ask(rotation)).collect();
                let seen = join_all(asks.iter().map(|ask| self.letters(ask, n, within))).await;
                let (models, seen): (Vec<String>, Vec<Vec<f64>>) =
                    seen.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
                if models.iter().any(|model| *model != models[0]) {
                    return Err(Silence::Unusable);
                }
                let (options, letters) = from_rotations(&seen);
                self.priors.learn(&models[0], &letters);
                Ok(options)
            }
        }
    }

    /// Who answered, and probabilities of the letters of one order.
    async fn letters(&self, ask: &Ask, n: usize, within: Duration) -> Result<(String, Vec<f64>), Silence> {
        let said = self.model.ask(ask, within).await?;
        let Spoken::Letter { letter, letters, confidence } = said.answer else { return Err(Silence::Unusable) };
        let seen = match letters {
            Some(Letters { mass, .. }) if mass < MASS_MIN => return Err(Silence::Unusable),
            Some(Letters { probabilities, .. }) if probabilities.len() == n => probabilities,
            _ if letter < n => stated(letter, confidence, n),
            _ => return Err(Silence::Unusable),
        };
        Ok((said.model, seen))
    }

    /// Why the shopper would buy that, in the question's language; nothing where the model says nothing fit to show.
    async fn explain(&self, question: &Question, choice: usize, within: Duration) -> Option<String> {
        let prompt = prompts::explain(question.language);
        let offered: Vec<String> =
            question.options.get(choice)?.iter().take(ITEMS_MAX).map(|i| redact::name(i)).collect();
        let schema = json!({"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"], "additionalProperties": false});
        let ask = Ask {
            prompt: prompt.name,
            instruction: prompt.text.to_owned(),
            data: json!({"bought": question.bought, "offered": offered}).to_string(),
            shape: Shape::Object { name: "explanation", schema },
            answer_tokens: EXPLAIN_TOKENS,
        };
        match self.model.ask(&ask, within).await.ok()?.answer {
            Spoken::Object(Value::Object(object)) => {
                shown(object.get("text")?.as_str()?, question.language, EXPLAIN_CHARS)
            }
            _ => None,
        }
    }
}

/// A text that may be shown to people: of bounded length, one line, in the language asked for, without links.
pub(crate) fn shown(text: &str, language: Language, most: usize) -> Option<String> {
    let text = text.trim();
    let plain = !text.is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control);
    let linked = ["://", "www.", "<", "@"].iter().any(|mark| text.contains(mark));
    (plain && !linked && Language::of([text]) == language).then(|| text.to_owned())
}

/// Probabilities where only the letter and perhaps a confidence in words is known.
fn stated(letter: usize, confidence: Option<u8>, n: usize) -> Vec<f64> {
    let even = 1.0 / n as f64;
    let p = confidence.map_or(UNSAID.max(even), |c| f64::from(c) / 100.0).clamp(even, SAID_MAX);
    (0..n).map(|place| if place == letter { p } else { (1.0 - p) / (n - 1) as f64 }).collect()
}

#[async_trait]
impl Adviser for Consultant {
    async fn advise(&self, question: &Question, within: Duration) -> Option<Advice> {
        let until = Instant::now() + within;
        let probabilities = match self.weigh(question, within).await {
            Ok(probabilities) => probabilities,
            Err(silence) => {
                metrics::counter!("koi_advice_total", "outcome" => silence.word()).increment(1);
                return None;
            }
        };
        metrics::counter!("koi_advice_total", "outcome" => "answered").increment(1);
        let choice = super::likeliest(&probabilities);
        let left = until.saturating_duration_since(Instant::now());
        let explanation = if self.manner.explains { self.explain(question, choice, left).await } else { None };
        Some(Advice { probabilities, explanation })
    }
}

#[cfg(test)]
mod tests;
