//! Language models as advisers: what they are asked, what counts as an answer, and what it may cost.

use super::PortResult;
use async_trait::async_trait;
use serde_json::Value;
use std::time::Duration;

/// The most options of one question that letters stand for. Below the ninth letter, which English takes for a word.
pub const LETTERS_MAX: usize = 8;

/// In which form an answer is wanted. Endpoints that cannot keep to a form are asked in a plainer one.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// One of the first so many letters, 2 to [`LETTERS_MAX`].
    Letter(usize),
    /// A JSON object of this schema (JSON Schema, the part that all makers know: types, `properties`, `required`, `enum`,
    /// `items`, `additionalProperties`). The object that comes back was checked against it; what the schema cannot say the
    /// use case checks.
    Object { name: &'static str, schema: Value },
}

/// One question.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// Name and version of the instruction, for the log and the cache.
    pub prompt: &'static str,
    /// The instruction; holds nothing that a shop or shopper wrote.
    pub instruction: String,
    /// What it is about: data as one JSON text, never an instruction.
    pub data: String,
    pub shape: Shape,
    /// Tokens of the answer at most.
    pub answer_tokens: u32,
}

/// What the tokens of an answer say of the letters.
#[derive(Debug, Clone, PartialEq)]
pub struct Letters {
    /// Of each letter, adding up to 1.
    pub probabilities: Vec<f64>,
    /// How much of all probability fell on letters before they were made to add up to 1.
    pub mass: f64,
}

/// An answer that was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    pub answer: Spoken,
    /// The model's own name for itself in the configuration.
    pub model: String,
    /// Tokens of question and answer as counted against the budget; 0 from the cache.
    pub tokens: u64,
    /// Millionths of a cent.
    pub microcents: u64,
    pub cached: bool,
}

/// An answer's content.
#[derive(Debug, Clone, PartialEq)]
pub enum Spoken {
    Letter {
        /// Its place, from 0.
        letter: usize,
        /// Where the endpoint tells the probabilities of tokens.
        letters: Option<Letters>,
        /// How sure the model says it is, in percent.
        confidence: Option<u8>,
    },
    Object(Value),
}

/// Why there is no answer. None of it is the caller's failure: the local model answers instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Silence {
    #[error("no language model is configured")]
    Off,
    #[error("the day's budget does not reach for another question")]
    Budget,
    #[error("too many questions are under way")]
    Busy,
    #[error("no answer in time")]
    Late,
    #[error("the language model is out of reach")]
    Down,
    #[error("what came back is no answer to the question")]
    Unusable,
}

impl Silence {
    /// A stable word for metrics.
    pub fn word(self) -> &'static str {
        match self {
            Silence::Off => "off",
            Silence::Budget => "budget",
            Silence::Busy => "busy",
            Silence::Late => "late",
            Silence::Down => "down",
            Silence::Unusable => "unusable",
        }
    }
}

/// What was spent on a day, by UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Spent {
    pub tokens: u64,
    /// Millionths of a cent.
    pub microcents: u64,
    /// The day's bounds.
    pub tokens_max: u64,
    pub microcents_max: u64,
}

/// Language models behind one door.
///
/// An answer comes within the time given or not at all, and was checked: a letter is one of those that were offered, an
/// object keeps to its schema. What a question may cost at most is set aside, durably, before it is sent, so the day's
/// budget is never passed, whatever dies when. Nothing is sent twice for one answer but to another endpoint, in another
/// form, or after the endpoint said when to come again.
#[async_trait]
pub trait LanguageModel: Send + Sync {
    async fn ask(&self, ask: &Ask, within: Duration) -> Result<Said, Silence>;

    /// What today's questions cost.
    async fn spent(&self) -> PortResult<Spent>;
}
